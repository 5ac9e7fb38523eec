"""The route table: which version a call reaches, without asking the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from huidu.invoke.turns import Turns
from huidu.model.alias import Alias
from huidu.model.budget import Allowance
from huidu.model.call import Routed, lane_of
from huidu.model.effect import (
    AliasGone,
    AliasKept,
    Effect,
    FunctionGone,
    FunctionKept,
    ProvisionChanged,
    RolloutKept,
    ServiceGone,
    ServiceKept,
    TriggersChanged,
    VersionGone,
    VersionKept,
)
from huidu.model.errors import NotFound
from huidu.model.function import FunctionName
from huidu.model.names import LATEST, names_version
from huidu.model.routing import STAYS, Decision
from huidu.model.split import Phases
from huidu.model.traits import NO_TRAITS, Traits
from huidu.model.version import Version
from huidu.model.web import is_web

Draw = Callable[[], float]


@dataclass(slots=True)
class Target:
    """An alias, and where its exact split stands. A moved alias is a new target."""

    alias: Alias
    phases: Phases
    allowance: Allowance | None = None  #: What its rollout may spend, where one moves it.
    always: Routed | None = None  #: Where every call goes, if that is so and once one has gone.
    turns: Turns | None = None  #: Where its split is shared with other processes.
    dealt: int = 0  #: How many calls the split has dealt here.

    def route(self, traits: Traits, draw: Draw) -> Decision:
        """Decide one call."""
        if self.turns is not None and self.alias.splits(traits):
            decision, _ = self.alias.route(traits, *self.turns.take())
        else:
            decision, self.phases = self.alias.route(traits, draw(), self.phases)
            if decision.phases:
                self.dealt += 1
        return decision if self.allowance is None else self.allowance.settle(decision)

    def foresee(self, traits: Traits, draw: Draw) -> Decision:
        """Decide a call that does not come; nothing moves."""
        phases = self.phases if self.turns is None else self.turns.foresee()
        decision, _ = self.alias.route(traits, draw(), phases)
        return decision if self.allowance is None else self.allowance.foresee(decision)

    def share(self) -> Turns | None:
        """Have other processes take turns with this one; None where it splits nothing exactly."""
        if self.turns is None and self.alias.splits(NO_TRAITS):
            self.turns = Turns.begin(self.alias, self.dealt, self.phases)
        return self.turns


@dataclass(slots=True)
class Entry:
    """What the table knows of one function."""

    id: str
    versions: dict[str, Version] = field(default_factory=dict)
    called: dict[str, Routed] = field(default_factory=dict)  #: By their own names, so far.
    targets: dict[str, Target] = field(default_factory=dict)


class Routes:
    """The newest committed state of every function.

    `apply` never waits: between two calls the table is wholly as one commit left it, and a reader
    needs no lock. What a commit costs is a matter of what it changed, not of what else there is.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._entries: dict[FunctionName, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._allowances: dict[tuple[str, str], Allowance] = {}
        self._shared: dict[tuple[FunctionName, str], Alias] = {}
        #: Is told of a function when a rollout begins or ends to keep watch over calls of it.
        self.allowed: Callable[[str], None] = lambda function_id: None

    def __repr__(self) -> str:
        return f"<Routes of {len(self._entries)} functions>"

    def route(self, named: FunctionName, qualifier: str, traits: Traits) -> Routed:
        """Decide where a call goes, or raise `NotFound`."""
        entry = self._entries.get(named)
        if entry is None:
            raise NotFound("FunctionName", named.name)
        target = entry.targets.get(qualifier)
        if target is None:
            return _by_version(entry, qualifier)
        always = target.always
        if always is not None and always.version is entry.versions.get(target.alias.version):
            return always
        decision = target.route(traits, self._draw)
        version, alias = entry.versions[decision.version], target.alias
        routed = Routed(version, decision, alias, lane_of(version, alias))
        if alias.routing is None and target.allowance is None:
            target.always = routed
        return routed

    def stay(self, named: FunctionName, qualifier: str, number: str) -> Routed | None:
        """Return a way to a version through an alias, wherever that leads now.

        None where one of them is gone: there is nothing to stay on.
        """
        entry = self._entries.get(named)
        target = entry.targets.get(qualifier) if entry else None
        version = entry.versions.get(number) if entry else None
        if target is None or version is None:
            return None
        return Routed(version, Decision(number, STAYS), target.alias)

    def target(self, named: FunctionName, qualifier: str) -> Target | None:
        """Return the alias that a qualifier names as it is routed now; None for a version."""
        entry = self._entries.get(named)
        if entry is None:
            raise NotFound("FunctionName", named.name)
        target = entry.targets.get(qualifier)
        if target is None and (not names_version(qualifier) or qualifier not in entry.versions):
            raise NotFound("Qualifier", qualifier)
        return target

    def entry(self, named: FunctionName) -> Entry | None:
        """Return what the table knows of a function; not to be changed."""
        return self._entries.get(named)

    def id_of(self, named: FunctionName) -> str | None:
        """Return the id of a function, or None where there is none of this name."""
        entry = self._entries.get(named)
        return entry.id if entry else None

    def is_web(self, named: FunctionName) -> bool:
        """Tell whether a function answers over HTTP itself; all its versions do, or none."""
        entry = self._entries.get(named)
        latest = entry.versions.get(LATEST) if entry else None
        return latest is not None and is_web(latest.configuration)

    def allow(self, function_id: str, alias: str, allowance: Allowance | None) -> None:
        """Have the calls of an alias settled by what its rollout may spend; None: no more."""
        self._allowances.pop((function_id, alias), None)
        if allowance is not None:
            self._allowances[function_id, alias] = allowance
        entry = self._by_id.get(function_id)
        if entry is not None and alias in entry.targets:
            target = entry.targets[alias]
            target.allowance, target.always = allowance, None
            self.allowed(function_id)

    def shared(self) -> Iterable[Alias]:
        """Return the aliases that lead to more than one version, as they are at this moment."""
        return tuple(self._shared.values())

    def __contains__(self, key: object) -> bool:
        """Tell whether later calls may reach a version: (id of its function, number, digest)."""
        if not isinstance(key, tuple):
            return False
        function_id, number, digest = key
        entry = self._by_id.get(function_id)
        version = entry.versions.get(number) if entry else None
        return version is not None and version.digest == digest

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over what a commit changed; all of it before any later call is routed."""
        for effect in effects:
            self._take(effect)

    def _take(self, effect: Effect) -> None:
        match effect:
            case FunctionKept(function):
                known = self._entries.get(function.named)
                if known is None or known.id != function.id:
                    self._forget(function.named)
                    self._entries[function.named] = self._by_id[function.id] = Entry(function.id)
            case FunctionGone(function):
                self._forget(function.named)
            case VersionKept(version):
                self._entries[version.function].versions[version.number] = version
            case VersionGone(version):
                entry = self._entries[version.function]
                entry.versions.pop(version.number, None)
                entry.called.pop(version.number, None)
            case AliasKept(alias):
                entry = self._entries[alias.function]
                allowance = self._allowances.get((entry.id, alias.name))
                entry.targets[alias.name] = Target(alias, alias.fresh(), allowance)
                self._share(alias)
            case AliasGone(alias):
                self._entries[alias.function].targets.pop(alias.name, None)
                self._shared.pop((alias.function, alias.name), None)
            case (
                TriggersChanged()
                | ProvisionChanged()
                | RolloutKept()
                | ServiceKept()
                | ServiceGone()
            ):
                pass

    def _share(self, alias: Alias) -> None:
        if alias.routing is None:
            self._shared.pop((alias.function, alias.name), None)
        else:
            self._shared[alias.function, alias.name] = alias

    def _forget(self, named: FunctionName) -> None:
        entry = self._entries.pop(named, None)
        if entry is not None:
            del self._by_id[entry.id]
            for name in entry.targets:
                self._shared.pop((named, name), None)


def _by_version(entry: Entry, qualifier: str) -> Routed:
    """Return the way to a version that is called by its own name, or raise `NotFound`."""
    version = entry.versions.get(qualifier)
    if version is None:
        raise NotFound("Qualifier", qualifier)
    routed = entry.called.get(qualifier)
    if routed is None or routed.version is not version:
        decision = Decision(qualifier, "called by version")
        routed = entry.called[qualifier] = Routed(version, decision, None, lane_of(version, None))
    return routed
