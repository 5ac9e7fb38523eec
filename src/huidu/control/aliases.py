"""Aliases: make, move, read, list, delete and undo them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from huidu.actions import aliases as wire
from huidu.actions.action import Nothing
from huidu.control import paging, rolling, telling, times
from huidu.control.plane import Asked, Plane
from huidu.control.telling import in_words
from huidu.control.warming import Move, Warmer, move
from huidu.model import names, quota
from huidu.model.alias import EXACT, Alias, check_additional
from huidu.model.errors import Failed, InUse, InvalidValue, NotFound
from huidu.model.function import Function, FunctionName
from huidu.model.history import Change
from huidu.model.rollout import Event, Step
from huidu.model.routing import Routing, Ruled, Share, Weighted, routing_of, weight_of
from huidu.model.rules import Rule
from huidu.model.version import Version
from huidu.store.reading import Page, Reading
from huidu.store.writing import Writing


async def create(plane: Plane, asked: Asked, request: wire.CreateAlias) -> Nothing:
    """Create an alias, of which every version must exist and be Active."""
    named = FunctionName(request.namespace, request.function_name)
    names.check_alias(request.name)

    def change(writing: Writing, warmer: Warmer) -> None:
        function = writing.function(named)
        there_are = writing.aliases(function)
        if request.name in {alias.name for alias in there_are}:
            raise InUse("Alias", f"Name {request.name!r}: there is an alias of this name")
        quota.check("Alias", len(there_are), plane.quota.aliases, f"aliases of {named}")
        now = plane.clock()
        made = Alias(
            function=named,
            name=request.name,
            version=request.function_version,
            routing=_routing(request.routing_config),
            split=request.split or EXACT,
            sticky=request.sticky or "",
            salt=plane.new_id(),
            description=request.description,
            revision=writing.last_revision(function, request.name) + 1,
            added_at=now,
            modified_at=now,
        )
        warmer.look(None, made, _check(plane, writing, function, made, "CreateAlias"))
        writing.add_alias(function, made)
        note = Note("CreateAlias", asked.who, request.reason, now, warmer.warning, asked.request_id)
        keep_note(writing, function, note, None, made)

    await move(plane, change)
    return Nothing()


async def update(plane: Plane, asked: Asked, request: wire.UpdateAlias) -> Nothing:
    """Move an alias. Calls that have begun keep the version they were given."""
    now = plane.clock()

    def change(writing: Writing, warmer: Warmer) -> None:
        function, moved = moved_by(plane, writing, request, now)
        warmer.look_at([moved])
        note = Note("UpdateAlias", asked.who, request.reason, now, warmer.warning, asked.request_id)
        keep_moved(writing, function, note, moved)

    await move(plane, change)
    return Nothing()


def moved_by(
    plane: Plane, reading: Reading, request: wire.UpdateAlias, now: float
) -> tuple[Function, Move]:
    """Return what a request makes of an alias, or raise what speaks against it."""
    function = reading.function(FunctionName(request.namespace, request.function_name))
    kept = reading.alias(function, request.name)
    _check_revision(kept, request.expected_revision)
    if not request.take_over:
        rolling.check_free(reading, function, kept, may_take_over=True)
    moved = kept.point(
        request.function_version, _routing(request.routing_config), salt=plane.new_id()
    )
    moved = replace(
        moved,
        split=_or(request.split, kept.split, EXACT),
        sticky=_or(request.sticky, kept.sticky, ""),
        description=kept.description if request.description is None else request.description,
        modified_at=now,
    )
    return function, Move(kept, moved, _check(plane, reading, function, moved, "UpdateAlias"))


def keep_moved(writing: Writing, function: Function, note: Note, moved: Move) -> None:
    """Write a move of an alias, and its line in the history; it ends a rollout of the alias."""
    _take_over(writing, function, moved.after, note)
    writing.replace_alias(function, moved.after)
    keep_note(writing, function, note, moved.before, moved.after)


def _take_over(writing: Writing, function: Function, alias: Alias, note: Note) -> None:
    step = Step(event=Event.TAKE_OVER, at=note.at, who=note.who, said=note.why or note.action)
    cause = rolling.Cause(action=note.action, salt="", request_id=note.request_id)
    rolling.take_over(writing, function, alias.name, step, cause)


def _or(given: str | None, kept: str, cleared: str) -> str:
    """What an extension field means: left out, as before; empty, cleared; else what it says."""
    return kept if given is None else given or cleared


def _check_revision(kept: Alias, expected: int | None) -> None:
    if expected not in (None, kept.revision):
        raise InUse(
            "",
            f"ExpectedRevision {expected}: alias {kept.name} is at revision {kept.revision} now: "
            f"{in_words(kept)}; read it again and decide anew",
        )


def _routing(asked: wire.RoutingConfig | None) -> Routing | None:
    weights = (asked.additional_version_weights if asked else None) or []
    matches = (asked.addtion_version_matchs if asked else None) or []
    shares = [Share(weight.version, weight_of(weight.weight)) for weight in weights]
    rules = [
        Rule(version=m.version, key=m.key, method=m.method, expression=m.expression)
        for m in matches
    ]
    return routing_of(shares, rules)


def _check(
    plane: Plane, reading: Reading, function: Function, alias: Alias, action: str
) -> Mapping[str, Version]:
    """Refuse an alias that would leave calls with nobody to answer them (D-20).

    Returns the versions that it refers to.
    """
    check_additional(alias, plane.quota.additional_versions)
    found = {}
    for number in sorted(alias.versions):
        if not names.names_version(number):
            raise NotFound("FunctionVersion", number[:80], "; an alias points at versions only")
        version = reading.version(function, number)
        if not version.is_active:
            raise Failed(
                action, f"FunctionVersion {number}: is {version.status}; only an Active one answers"
            )
        found[number] = version
    return found


@dataclass(frozen=True, slots=True)
class Note:
    """What the history is told of a write."""

    action: str
    who: str
    why: str
    at: float
    warning: str = ""
    request_id: str = ""


def keep_note(
    writing: Writing, function: Function, note: Note, before: Alias | None, after: Alias | None
) -> None:
    """Write a change of an alias into its history and tell of it, within the write of it."""
    kept = after or before
    if kept is not None:
        change = Change(
            function=function.named,
            function_id=function.id,
            alias=kept.name,
            revision=kept.revision if after else kept.revision + 1,
            at=note.at,
            who=note.who,
            why=note.why,
            action=note.action,
            before=before,
            after=after,
            warning=note.warning,
        )
        writing.add_change(change)
        telling.alias_changed(writing, change, note.request_id)


def in_use(reading: Reading, named: FunctionName, qualifier: str) -> str:
    """Say which APIs that are online call a function through a qualifier; nothing, if none does."""
    uses = reading.uses(named, qualifier)
    where = ", ".join(f"{u.api_id} of {u.service_id} in {u.environment}" for u in uses)
    return where and (
        f"API {where} calls through it; release the service without that, or take it offline first"
    )


async def get(plane: Plane, asked: Asked, request: wire.GetAlias) -> wire.AliasFacts:
    """Read one alias."""
    named = FunctionName(request.namespace, request.function_name)
    alias = await plane.catalog.read(
        lambda reading: reading.alias(reading.function(named), request.name)
    )
    return facts(plane, alias)


async def list_all(plane: Plane, asked: Asked, request: wire.ListAliases) -> wire.Aliases:
    """List aliases, `$DEFAULT` included; of a version, where one is named, its own (D-16)."""
    named = FunctionName(request.namespace, request.function_name)
    number = request.function_version
    wanted = Page(offset=paging.offset_of(request.offset), limit=paging.limit_of(request.limit))

    def ask(reading: Reading) -> tuple[int, Sequence[Alias]]:
        function = reading.function(named)
        if not number:
            return reading.count_aliases(function), reading.aliases(function, wanted)
        found = [alias for alias in reading.aliases(function) if number in alias.versions]
        return len(found), paging.page(found, request.offset, request.limit)

    total, page = await plane.catalog.read(ask)
    return wire.Aliases(aliases=[facts(plane, alias) for alias in page], total_count=total)


def facts(plane: Plane, alias: Alias) -> wire.AliasFacts:
    """Return an alias as the API shows it; both lists of its routing are always there."""
    shares = alias.routing.shares if isinstance(alias.routing, Weighted) else ()
    rules = alias.routing.rules if isinstance(alias.routing, Ruled) else ()
    return wire.AliasFacts(
        name=alias.name,
        function_version=alias.version,
        routing_config=wire.RoutingFacts(
            additional_version_weights=[
                wire.VersionWeight(version=share.version, weight=share.fraction) for share in shares
            ],
            addtion_version_matchs=[
                wire.VersionMatch(
                    version=r.version, key=r.key, method=r.method, expression=r.expression
                )
                for r in rules
            ],
        ),
        description=alias.description,
        add_time=times.show(alias.added_at, plane.zone),
        mod_time=times.show(alias.modified_at, plane.zone),
        revision=alias.revision,
        split=alias.split,
        sticky=alias.sticky,
    )


async def delete(plane: Plane, asked: Asked, request: wire.DeleteAlias) -> Nothing:
    """Delete an alias that nothing is bound to; `$DEFAULT` stays (D-18)."""
    if request.name == names.DEFAULT:
        raise InvalidValue("Alias", "Name $DEFAULT: comes with every function and stays")
    named = FunctionName(request.namespace, request.function_name)
    note = Note("DeleteAlias", asked.who, request.reason, plane.clock(), "", asked.request_id)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        alias = writing.alias(function, request.name)
        bound = [t.name for t in writing.triggers(function) if t.qualifier == alias.name]
        if bound:
            raise Failed(
                "DeleteAlias",
                f"Name {alias.name}: trigger {', '.join(bound)} is bound to it; delete that first",
            )
        used = in_use(writing, named, alias.name)
        if used:
            raise Failed("DeleteAlias", f"Name {alias.name}: {used}")
        rolling.check_free(writing, function, alias)
        writing.delete_alias(function, alias)
        keep_note(writing, function, note, alias, None)

    await plane.catalog.write(change)
    return Nothing()


async def history(plane: Plane, asked: Asked, request: wire.ListAliasHistory) -> wire.History:
    """List who moved an alias, when and why; a deleted alias keeps its history."""
    named = FunctionName(request.namespace, request.function_name)
    offset, limit = paging.offset_of(request.offset), paging.limit_of(request.limit)
    total, found = await plane.catalog.read(
        lambda reading: reading.history(reading.function(named), request.name, offset, limit)
    )
    if not total:
        raise NotFound("Alias", request.name)
    return wire.History(
        changes=[
            wire.ChangeFacts(
                revision=change.revision,
                time=times.show(change.at, plane.zone),
                who=change.who,
                reason=change.why,
                action=change.action,
                before=facts(plane, change.before) if change.before else None,
                after=facts(plane, change.after) if change.after else None,
                warning=change.warning,
            )
            for change in found
        ],
        total_count=total,
    )


async def undo(plane: Plane, asked: Asked, request: wire.UndoAlias) -> wire.Undone:
    """Bring an alias back to what it was before a change; that too is a change."""
    named, now = FunctionName(request.namespace, request.function_name), plane.clock()

    def change(writing: Writing, warmer: Warmer) -> Alias:
        function = writing.function(named)
        kept = writing.alias(function, request.name)
        _check_revision(kept, request.expected_revision)
        if not request.take_over:
            rolling.check_free(writing, function, kept, may_take_over=True)
        revision = kept.revision if request.revision is None else request.revision
        undone = writing.change(function, kept.name, revision)
        if undone is None:
            raise NotFound("AliasRevision", str(revision))
        if undone.before is None:
            raise Failed(
                "UpdateAlias", f"Revision {revision}: made the alias; there is nothing before it"
            )
        moved = replace(
            undone.before,
            revision=kept.revision + 1,
            added_at=kept.added_at,
            modified_at=now,
        )
        warmer.look(kept, moved, _check(plane, writing, function, moved, "UpdateAlias"))
        why = request.reason or f"undo of revision {revision}"
        note = Note("UndoAlias", asked.who, why, now, warmer.warning, asked.request_id)
        _take_over(writing, function, kept, note)
        writing.replace_alias(function, moved)
        keep_note(writing, function, note, kept, moved)
        return moved

    return wire.Undone(alias=facts(plane, await move(plane, change)))
