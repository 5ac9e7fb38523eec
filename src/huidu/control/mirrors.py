"""Mirrors: mark functions as safe, begin and end mirrors, and tell what they found."""

from __future__ import annotations

import re
from dataclasses import replace

from huidu.actions import mirrors as wire
from huidu.actions.action import Nothing
from huidu.control import telling, times
from huidu.control.plane import Asked, Plane
from huidu.control.telling import Cause
from huidu.model import mirror as model
from huidu.model.alias import Alias
from huidu.model.comparison import Comparison
from huidu.model.errors import Failed, InvalidValue, LimitExceeded, Unsupported
from huidu.model.fault import fault_of
from huidu.model.function import Function, FunctionName
from huidu.model.mirror import MOST_MIRRORS, MOST_REASON, Mark, Mirror
from huidu.model.names import LATEST
from huidu.model.version import Version
from huidu.model.web import is_web
from huidu.store.reading import Reading
from huidu.store.writing import Writing

HENCE = re.compile(r"([0-9]{1,6})([smhd])")


async def mark(plane: Plane, asked: Asked, request: wire.MarkMirrorSafe) -> Nothing:
    """Keep who said that a function may be called twice, and why."""
    named = FunctionName(request.namespace, request.function_name)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        _check_kind(writing.version(function, LATEST))
        made = Mark(function_id=function.id, who=asked.who, why=request.reason, at=plane.clock())
        writing.mirrors.put_mark(made)
        telling.mirror_marked(writing, Cause(asked, made.at), named, made.why, safe=True)

    await plane.catalog.write(change)
    return Nothing()


async def unmark(plane: Plane, asked: Asked, request: wire.UnmarkMirrorSafe) -> Nothing:
    """Take that back; no mirror of the function goes on. None had to be marked before."""
    if len(request.reason) > MOST_REASON:
        raise InvalidValue("Reason", f"Reason: at most {MOST_REASON} characters")
    named = FunctionName(request.namespace, request.function_name)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        if writing.mirrors.mark(function.id) is None:
            return
        cause = Cause(asked, plane.clock())
        writing.mirrors.delete_mark(function.id)
        telling.mirror_marked(writing, cause, named, request.reason, safe=False)
        for mirror in writing.mirrors.all_of(function):
            end(writing, cause, mirror, "the function is not marked as safe any more")

    await plane.catalog.write(change)
    return Nothing()


def end(writing: Writing, cause: Cause, mirror: Mirror, why: str) -> None:
    """End a mirror that goes on, and tell of it; what it found stays."""
    if ended := writing.mirrors.end(mirror, why, cause.at):
        told = model.ended(ended)
        writing.tell(replace(told, who=cause.asked.who, request_id=cause.asked.request_id))


async def put(plane: Plane, asked: Asked, request: wire.PutMirror) -> wire.MirrorPut:
    """Begin a mirror, in the place of the one that the alias has."""
    if not plane.mirroring.most:
        raise Unsupported("Mirror", "this server runs no mirrors (setting max_mirrors)")
    named = FunctionName(request.namespace, request.function_name)
    now = plane.clock()
    until = _until(plane, request.until, now)

    def change(writing: Writing) -> Mirror:
        function = writing.function(named)
        alias = writing.alias(function, request.name)
        made = Mirror(
            id=f"mi-{plane.new_id()}",
            function=named,
            function_id=function.id,
            alias=alias.name,
            version=request.function_version,
            share=request.share,
            ignored=tuple(request.ignore_paths),
            per_second=request.most_per_second,
            most_calls=request.max_calls,
            until=until,
            who=asked.who,
            why=request.reason,
            added_at=now,
        )
        for other in writing.mirrors.all_of(function):
            if other.alias == alias.name:
                end(writing, Cause(asked, now), other, "another took its place")
        _check(writing, function, alias, made)
        writing.mirrors.put(made)
        telling.mirror_began(writing, Cause(asked, now), made)
        return made

    made = await plane.catalog.write(change)
    return wire.MirrorPut(mirror_id=made.id, until=times.show(made.until, plane.zone))


def _until(plane: Plane, text: str, now: float) -> float:
    if hence := HENCE.fullmatch(text):
        return now + int(hence[1]) * times.UNITS_S[hence[2]]
    try:
        return times.read("Until", text, plane.zone)
    except InvalidValue as error:
        wrong = f"{error.message}, or how long from now: 30m, 2h, 3d"
        raise InvalidValue("DateTime", wrong) from None


def _check(reading: Reading, function: Function, alias: Alias, made: Mirror) -> None:
    """Refuse a mirror that would show nothing, or that nobody has said is safe."""
    version = reading.version(function, made.version)
    _check_kind(version)
    if not version.is_active:
        raise Failed(
            "FunctionVersionStatusNotActive",
            f"FunctionVersion {version.number}: is {version.status}: {version.status_reason}",
        )
    if alias.versions == {version.number}:
        raise InvalidValue(
            "FunctionVersion",
            f"FunctionVersion {version.number}: answers all calls of alias {alias.name} itself; "
            "name the version that is to be tried",
        )
    if reading.mirrors.mark(function.id) is None:
        raise Failed(
            "MirrorNotSafe",
            f"Function [{function.named.name}] is not marked as safe to be called twice: a copy of "
            "a call writes what the call wrote, once more. Where that does no harm, say why: huidu "
            f"mirror mark {function.named.name} --namespace {function.named.namespace} "
            '--reason "..." (action MarkMirrorSafe)',
        )
    others = reading.mirrors.count()
    if others >= MOST_MIRRORS:
        raise LimitExceeded("Mirror", f"{others} mirrors go on, at most {MOST_MIRRORS} may")


def _check_kind(version: Version) -> None:
    if is_web(version.configuration):
        raise Unsupported(
            "FunctionType",
            f"Function [{version.function.name}] is of Type HTTP: its requests go straight to its "
            "server and are not kept, so there is nothing to send once more; only functions of "
            "Type Event can be mirrored",
        )


async def get(plane: Plane, asked: Asked, request: wire.GetMirror) -> wire.MirrorFacts:
    """See a mirror, and what it found up to now."""
    named = FunctionName(request.namespace, request.function_name)

    def ask(reading: Reading) -> tuple[Mirror, Comparison, Mark | None]:
        function = reading.function(named)
        alias = reading.alias(function, request.name)
        kept = reading.mirrors.find(function, alias.name)
        return *kept, reading.mirrors.mark(function.id)

    mirror, findings, marked = await plane.catalog.read(ask)
    mirror, findings = plane.mirroring.found(mirror) or (mirror, findings)
    return _facts(plane, mirror, findings, marked)


async def delete(plane: Plane, asked: Asked, request: wire.DeleteMirror) -> Nothing:
    """End a mirror, and forget what it found."""
    named = FunctionName(request.namespace, request.function_name)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        alias = writing.alias(function, request.name)
        mirror, _ = writing.mirrors.find(function, alias.name)
        end(writing, Cause(asked, plane.clock()), mirror, "it was deleted")
        writing.mirrors.delete(mirror)

    await plane.catalog.write(change)
    return Nothing()


def _facts(
    plane: Plane, mirror: Mirror, found: Comparison, marked: Mark | None
) -> wire.MirrorFacts:
    def shown(at: float) -> str:
        return times.show(at, plane.zone) if at else ""

    return wire.MirrorFacts(
        mirror_id=mirror.id,
        namespace=mirror.function.namespace,
        function_name=mirror.function.name,
        name=mirror.alias,
        function_version=mirror.version,
        share=mirror.share,
        ignore_paths=list(mirror.ignored),
        most_per_second=mirror.per_second,
        max_calls=mirror.most_calls,
        until=shown(mirror.until),
        state="mirroring" if mirror.goes_on else "ended",
        end_reason=mirror.end,
        end_time=shown(mirror.ended_at),
        who=mirror.who,
        reason=mirror.why,
        add_time=shown(mirror.added_at),
        mark_who=marked.who if marked else "",
        mark_reason=marked.why if marked else "",
        mark_time=shown(marked.at if marked else 0.0),
        seen=found.seen,
        mirrored=found.pairs,
        same=found.same,
        different=found.different,
        unread=found.unread,
        live_failed=found.failed_live,
        differences=_differences(found),
        other_differences=found.elsewhere,
        failures=_failures(found),
        skipped=[wire.MirrorSkipped(reason=why, count=count) for why, count in found.skipped],
        latency=_latency(found),
    )


def _differences(found: Comparison) -> list[wire.MirrorDifference]:
    return [
        wire.MirrorDifference(
            path=place.path,
            count=place.count,
            samples=[
                wire.MirrorSample(
                    request_id=sample.live_id,
                    mirror_request_id=sample.candidate_id,
                    live=sample.live,
                    candidate=sample.candidate,
                )
                for sample in place.samples
            ],
        )
        for place in found.places
    ]


def _failures(found: Comparison) -> list[wire.MirrorFailure]:
    return [
        wire.MirrorFailure(
            status_code=one.status,
            fault=fault_of(one.status) or "",
            count=one.count,
            request_ids=list(one.request_ids),
        )
        for one in found.failing
    ]


def _latency(found: Comparison) -> wire.MirrorLatency:
    live, candidate = found.live_ms, found.candidate_ms
    return wire.MirrorLatency(
        pairs=live.count,
        candidate_slower=found.slower,
        live_p50=round(live.quantile(0.5), 3),
        live_p99=round(live.quantile(0.99), 3),
        candidate_p50=round(candidate.quantile(0.5), 3),
        candidate_p99=round(candidate.quantile(0.99), 3),
    )
