"""Alias: a name that callers hold on to while the versions behind it change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from huidu.model import names, split
from huidu.model.budget import AWAY
from huidu.model.errors import InvalidValue
from huidu.model.function import FunctionName
from huidu.model.routing import (
    STAYS,
    Considered,
    Decision,
    Routing,
    Ruled,
    Share,
    Weighted,
    place_of,
)
from huidu.model.split import WHOLE, Fork, Phases
from huidu.model.traits import Key, Traits

EXACT, RANDOM = "exact", "random"
NO_SHARES: Mapping[str, float] = {}
SPLITS = (EXACT, RANDOM)
MOST_DEALT = 1024  #: Ways of sharing calls that are remembered.


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A movable name for one version of a function, or for some that share its calls.

    An alias is never changed, only replaced: `revision` counts the replacements, and a writer
    that holds an old one is refused. No call leaves `versions`, whatever it shows and whatever is
    drawn. With `sticky`, calls that show the same value under that key stay together, and raising
    the weight of an additional version only ever moves keys towards it, of up to two from the
    main version only; `salt` decides who comes first, and is new for each release.
    """

    function: FunctionName
    name: str
    version: str  #: The main version: answers every call that the routing does not divert.
    routing: Routing | None = None
    split: str = EXACT
    sticky: str = ""
    salt: str = ""
    description: str = ""
    revision: int = 1
    added_at: float = 0.0
    modified_at: float = 0.0
    _shares: tuple[Share, ...] = field(init=False, repr=False, compare=False)
    _laid: tuple[tuple[Share, float], ...] = field(init=False, repr=False, compare=False)
    _tree: Fork | str = field(init=False, repr=False, compare=False)
    _fractions: Mapping[str, float] = field(init=False, repr=False, compare=False)
    _key: Key | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.name != names.DEFAULT:
            names.check_alias(self.name)
        names.check_description(self.description)
        if self.split not in SPLITS:
            raise InvalidValue(
                "RoutingConfig", f"Split {self.split[:40]!r}: must be exact or random"
            )
        if self.routing is not None and self.version in self.routing.versions:
            raise InvalidValue(
                "RoutingConfig",
                f"RoutingConfig: version {self.version[:80]} is the main version already; an "
                "additional version must be another one",
            )
        check_additional(self, split.MOST_VERSIONS - 1)
        weighted = self.routing.shares if isinstance(self.routing, Weighted) else ()
        shares, laid, tree = _dealt(weighted, self.version)
        object.__setattr__(self, "_shares", shares)
        object.__setattr__(self, "_laid", laid)
        object.__setattr__(self, "_tree", tree)
        fractions = {s.version: s.fraction for s in shares} if weighted else NO_SHARES
        object.__setattr__(self, "_fractions", fractions)
        object.__setattr__(self, "_key", Key(self.sticky, "Sticky") if self.sticky else None)

    @property
    def versions(self) -> frozenset[str]:
        """Every version that this alias refers to, those with weight 0 included (D-06)."""
        additional = self.routing.versions if self.routing else frozenset[str]()
        return additional | {self.version}

    @property
    def shares(self) -> tuple[Share, ...]:
        """What each version gets by weight: the additional ones, then the main one."""
        return self._shares

    @property
    def laid(self) -> tuple[tuple[Share, float], ...]:
        """The shares as sticky keys find them in [0, 1): one after another, each with its end."""
        return self._laid

    def fresh(self) -> Phases:
        """Where the exact split begins."""
        return split.fresh(len(self._shares))

    @property
    def tree(self) -> Fork | str:
        """The choices of the exact split."""
        return self._tree

    def splits(self, traits: Traits) -> bool:
        """Tell whether it is the exact split that decides a call, so that it takes a turn there."""
        if self.split != EXACT or not isinstance(self.routing, Weighted):
            return False
        return self._key is None or self._key.read(traits) is None

    def route(self, traits: Traits, draw: float, phases: Phases) -> tuple[Decision, Phases]:
        """Choose the version that answers one call; return it with the phases for the next call.

        Pure: the same traits, draw and phases always choose the same version. The dice belong to
        the caller (`draw` is uniform in [0, 1)), and so does the place in the split.
        """
        if self.routing is None:
            return Decision(self.version, "main version"), phases
        if isinstance(self.routing, Weighted):
            return self._by_weight(traits, draw, phases)
        for number, rule in enumerate(self.routing.rules, 1):
            if rule.meets(traits):
                return Decision(rule.version, f"rule {number}"), phases
        return Decision(self.version, "no rule met"), phases

    def _by_weight(self, traits: Traits, draw: float, phases: Phases) -> tuple[Decision, Phases]:
        value = self._key.read(traits) if self._key else None
        if value is not None:
            place = place_of(self.salt, value)
            chosen = self._at(place).version
            weight = self._fractions[chosen]
            return Decision(chosen, "sticky key", weight, place, (), value), phases
        if self.split == RANDOM:
            share = self._at(draw)
            return Decision(share.version, "weight, random", share.fraction, draw), phases
        version, after = split.deal(self._tree, phases, draw)
        return Decision(version, "weight", self._fractions[version], draw, phases), after

    def _at(self, place: float) -> Share:
        """The share that holds a place in [0, 1), the shares laid end to end."""
        for share, end in self._laid:
            if place < end:
                return share
        raise ValueError(f"{place} is not in [0, 1)")

    def explain(self, decision: Decision, traits: Traits | None) -> tuple[Considered, ...]:
        """Say of each version why it was chosen or not; `traits=None` where they were not kept."""
        if decision.reason in AWAY:
            return _kept_away(self, decision)
        if decision.reason == STAYS:
            return (
                _considered(decision.version, "first version", decision, "a retry stays on it"),
            )
        if self.routing is None:
            return (_considered(self.version, "main version", decision, "takes every call"),)
        if isinstance(self.routing, Weighted):
            return self._explain_weights(decision)
        return self._explain_rules(self.routing, decision, traits)

    def _explain_rules(
        self, routing: Ruled, decision: Decision, traits: Traits | None
    ) -> tuple[Considered, ...]:
        met = 0 if decision.reason == "no rule met" else int(decision.reason.split()[1])
        lines = []
        for number, rule in enumerate(routing.rules, 1):
            what = f"rule {number}: {rule.key} {rule.method} {rule.expression}"
            shown = rule.shown(traits) if traits else None
            seen = "the call does not show it" if shown is None else f"the call shows {shown!r}"
            if met and number > met:
                seen = "an earlier rule decided"
            elif traits is None:
                seen = "met" if number == met else "not met; what the call showed is not kept"
            lines.append(
                Considered(version=rule.version, what=what, chosen=number == met, why=seen)
            )
        why = "a rule was met" if met else "no rule was met"
        return (
            *lines,
            Considered(version=self.version, what="main version", chosen=not met, why=why),
        )

    def _explain_weights(self, decision: Decision) -> tuple[Considered, ...]:
        lines = []
        for share, end in self._laid:
            start = end - share.fraction
            kind = "main version" if share.version == self.version else "additional version"
            why = f"holds [{start:g}, {end:g}) and the place is {decision.draw:.6f}"
            if decision.phases:
                taken = "took" if share.version == decision.version else "did not take"
                why = f"exact split at {share.fraction:g}: the draw {decision.draw:.6f} {taken} it"
            lines.append(
                _considered(share.version, f"{kind}, weight {share.fraction:g}", decision, why)
            )
        return tuple(lines)

    def point(self, version: str, routing: Routing | None, *, salt: str) -> Alias:
        """Return the alias that takes this one's place.

        The salt stays as long as the same versions share the calls, so that a raised weight only
        moves keys forward; another pair of versions is another release, and takes the new `salt`.
        """
        same = (
            isinstance(self.routing, Weighted)
            and isinstance(routing, Weighted)
            and self.version == version
            and self.routing.versions == routing.versions
        )
        return replace(
            self,
            version=version,
            routing=routing,
            salt=self.salt if same else salt,
            revision=self.revision + 1,
        )


def check_additional(alias: Alias, most: int) -> None:
    """Refuse an alias that refers to more than `most` versions beside the main one (D-27)."""
    additional = len(alias.versions) - 1
    if additional > most:
        raise InvalidValue(
            "RoutingConfig",
            f"RoutingConfig: {additional} additional versions, at most {most} possible "
            "(setting max_additional_versions, 1 to 3)",
        )


class Dealt(NamedTuple):
    """How calls are shared, ready for use."""

    shares: tuple[Share, ...]
    laid: tuple[tuple[Share, float], ...]
    tree: Fork | str


@lru_cache(maxsize=MOST_DEALT)  # thousands of aliases lead to version 1, and share this
def _dealt(additional: tuple[Share, ...], main: str) -> Dealt:
    rest = WHOLE - sum(share.weight for share in additional)
    shares = (*additional, Share(main, rest))
    tree = split.fork([s.version for s in shares], [s.weight for s in shares])
    return Dealt(shares, _laid(additional, shares[-1]), tree)


def _laid(additional: Sequence[Share], main: Share) -> tuple[tuple[Share, float], ...]:
    """Lay the shares end to end over [0, 1), each with where it ends.

    The main version lies in the middle, the others grow towards it from both ends: raising one
    takes places from the main version only. (A third additional version lies behind the first.)
    The order is that of the versions, whatever order they were sent in.
    """
    sides = sorted(additional, key=lambda share: share.version)
    row = (*sides[::2], main, *reversed(sides[1::2]))
    ends = accumulate(share.weight for share in row)
    return tuple((share, end / WHOLE) for share, end in zip(row, ends, strict=True))


def _kept_away(alias: Alias, decision: Decision) -> tuple[Considered, ...]:
    """Say why a call went to the stable version that was to go to another one."""
    others = sorted(alias.versions - {decision.version})
    why = f"of its rollout: {decision.reason}"
    return (
        *(Considered(version=one, what="candidate", chosen=False, why=why) for one in others),
        Considered(version=decision.version, what="stable version", chosen=True, why=why),
    )


def _considered(version: str, what: str, decision: Decision, why: str) -> Considered:
    return Considered(version=version, what=what, chosen=version == decision.version, why=why)
