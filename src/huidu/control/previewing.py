"""Previewing: what a move of an alias would change, before it is made."""

from __future__ import annotations

from msgspec import structs

from huidu.actions import previews as wire
from huidu.control import aliases
from huidu.control.plane import Asked, Plane
from huidu.model.alias import Alias
from huidu.model.shift import shift
from huidu.model.traits import Traits
from huidu.store.reading import Reading


async def preview(plane: Plane, asked: Asked, request: wire.GetAliasPreview) -> wire.AliasPreview:
    """Make the move as `UpdateAlias` would, with all its checks, and write nothing of it."""
    foreseen = structs.replace(request, take_over=True)  # a rollout keeps nobody from looking

    def ask(reading: Reading) -> tuple[Alias, Alias]:
        _, move = aliases.moved_by(plane, reading, foreseen, plane.clock())
        return move.before or move.after, move.after

    before, after = await plane.catalog.read(ask)
    taken = shift(before, after)
    return wire.AliasPreview(
        before=aliases.facts(plane, before),
        after=aliases.facts(plane, after),
        known=taken is not None,
        callers=bool(before.sticky) and before.sticky == after.sticky,
        taken=[
            wire.TakenFacts(
                from_version=one.version, to_version=one.to, fraction=round(one.fraction, 4)
            )
            for one in taken or ()
        ],
        call=_call(_traits(request), before, after),
    )


def _traits(request: wire.GetAliasPreview) -> Traits:
    return Traits(
        headers={name.lower(): value for name, value in request.headers.items()},
        cookies=request.cookies,
        query=request.query,
        source_ip=request.source_ip or None,
        folded=True,
    )


def _call(traits: Traits, before: Alias, after: Alias) -> wire.CallFacts | None:
    if traits.empty:
        return None
    (had, had_why), (gets, gets_why) = (_goes(alias, traits) for alias in (before, after))
    return wire.CallFacts(
        from_version=had, from_reason=had_why, to_version=gets, to_reason=gets_why
    )


def _goes(alias: Alias, traits: Traits) -> tuple[str, str]:
    """Return the version that answers a call like this, and why; empty where it is chance."""
    decision, _ = alias.route(traits, 0.5, alias.fresh())
    by_chance = decision.reason.startswith("weight") and decision.probability < 1
    return ("", "chance") if by_chance else (decision.version, decision.reason)
