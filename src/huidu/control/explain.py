"""Explain: which version a call would reach, or did reach, and why not the others."""

from __future__ import annotations

from huidu.actions import aliases as wire
from huidu.control.plane import Asked, Plane
from huidu.model.alias import Alias
from huidu.model.errors import NotFound
from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.routing import Decision
from huidu.model.routing_key import traits_of
from huidu.model.split import read_phases, write_phases
from huidu.model.traits import Traits
from huidu.store.searching import Search


async def explain(plane: Plane, asked: Asked, request: wire.ExplainRoute) -> wire.Explanation:
    """Explain a past call (`RequestId`), or one that might come; the latter moves nothing."""
    named = FunctionName(request.namespace, request.function_name)
    if request.request_id:
        return await _past(plane, named, request.request_id)
    traits = _traits(request)
    target = plane.routes.target(named, request.qualifier or plane.default_qualifier)
    if target is None:
        return _direct(request.qualifier)
    decision = target.foresee(traits, plane.draw)
    return _explanation(target.alias, decision, traits)


def _traits(request: wire.ExplainRoute) -> Traits:
    shown = traits_of(request.routing_key, request.source_ip or None)
    folded = {name.lower(): value for name, value in request.headers.items()}
    return Traits(
        headers=folded or shown.headers,
        folded=bool(folded),
        cookies=request.cookies,
        query=request.query,
        source_ip=shown.source_ip,
    )


async def _past(plane: Plane, named: FunctionName, request_id: str) -> wire.Explanation:
    function = await plane.catalog.read(lambda reading: reading.function(named))
    await plane.recorder.flush()
    search = Search(function_id=function.id, request_id=request_id, limit=1)
    _, found = await plane.journal.find(search)
    if not found or not found[0].version:
        raise NotFound("RequestId", request_id, "; there is no record of such a call")
    record = found[0]
    if not record.alias:
        return _direct(record.version)
    change = await plane.catalog.read(
        lambda reading: reading.change(function, record.alias, record.alias_revision)
    )
    if change is None or change.after is None:
        raise NotFound("RequestId", request_id, "; the history of its alias is gone")
    return _explanation(change.after, _decision(record), None)


def _decision(record: Record) -> Decision:
    return Decision(
        record.version,
        record.reason,
        record.probability,
        record.draw,
        read_phases(record.phases),
    )


def _explanation(alias: Alias, decision: Decision, traits: Traits | None) -> wire.Explanation:
    return wire.Explanation(
        function_version=decision.version,
        alias=alias.name,
        alias_revision=alias.revision,
        reason=decision.reason,
        probability=decision.probability,
        draw=decision.draw,
        phases=write_phases(decision.phases),
        considered=[
            wire.ConsideredFacts(
                version=each.version, what=each.what, chosen=each.chosen, why=each.why
            )
            for each in alias.explain(decision, traits)
        ],
    )


def _direct(version: str) -> wire.Explanation:
    return wire.Explanation(
        function_version=version,
        alias="",
        alias_revision=0,
        reason="called by version",
        probability=1.0,
        draw=None,
        phases="",
        considered=[
            wire.ConsideredFacts(
                version=version, what="version", chosen=True, why="the call names it itself"
            )
        ],
    )
