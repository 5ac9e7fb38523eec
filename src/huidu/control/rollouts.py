"""Rollouts: begin, see, hold, let go on, approve, promote, and take back at any time."""

from __future__ import annotations

from dataclasses import replace

from huidu.actions import rollouts as wire
from huidu.control import paging, rolling, times
from huidu.control.plane import Asked, Plane
from huidu.control.rolling import Cause
from huidu.control.rollout_facts import facts, line, terms_of
from huidu.control.warming import Warmer, move
from huidu.model import course
from huidu.model.alias import Alias
from huidu.model.budget import Budget
from huidu.model.errors import (
    Failed,
    InvalidValue,
    MissingParameter,
    NotFound,
    Refusal,
    Unavailable,
)
from huidu.model.function import Function, FunctionName
from huidu.model.names import is_number
from huidu.model.role import HIDDEN, Role
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.routing import Weighted
from huidu.model.split import WHOLE
from huidu.model.tally import Lane
from huidu.store.reading import Reading
from huidu.store.rollouts import Wanted
from huidu.store.searching import Search
from huidu.store.writing import Writing

MOST_WAIT_S = 60.0
MOST_WATCH_S = 20.0
MOST_WHO = 120


async def start(plane: Plane, asked: Asked, request: wire.StartRollout) -> wire.RolloutFacts:
    """Begin a rollout; the first share follows by itself once the version has instances."""
    named, now = FunctionName(request.namespace, request.function_name), plane.clock()
    terms = terms_of(plane, request)
    made_id = f"ro-{plane.new_id()}"

    def change(writing: Writing) -> Rollout:
        function = writing.function(named)
        alias = writing.alias(function, request.name)
        rolling.check_free(writing, function, alias)
        _check_versions(writing, function, alias, request.function_version)
        _check_budget(alias, terms.budget)
        rollout = Rollout(
            id=made_id,
            function=named,
            function_id=function.id,
            alias=alias.name,
            stable=alias.version,
            candidate=request.function_version,
            terms=terms,
            owner=(request.owner or asked.who)[:MOST_WHO],
            reason=request.reason,
            weight=_present(alias, request.function_version),
            began_at=now,
            since=now,
        )
        writing.rollouts.add(rollout)
        step = Step(event=Event.GROW, at=now, who=asked.who, said=request.reason)
        cause = _cause(plane, asked, "StartRollout")
        rolling.tell(
            writing, rollout, rolling.STARTED, step, cause, before=f"version {alias.version}"
        )
        return rollout

    return facts(plane, await plane.catalog.write(change), "", "")


def _check_versions(reading: Reading, function: Function, alias: Alias, candidate: str) -> None:
    if not is_number(candidate):
        raise InvalidValue(
            "FunctionVersion",
            f"FunctionVersion {candidate[:80]!r}: must be the number of a published version",
        )
    if not is_number(alias.version):
        raise Failed(
            "Rollout",
            f"Alias {alias.name} leads to {alias.version}, which can change, so there would be "
            "nothing to go back to: publish a version and point the alias at it first",
        )
    version = reading.version(function, candidate)
    if not version.is_active:
        raise Failed("Rollout", f"FunctionVersion {candidate}: is {version.status}, not Active")
    if candidate == alias.version:
        raise InvalidValue(
            "FunctionVersion",
            f"FunctionVersion {candidate}: alias {alias.name} leads there already",
        )


def _check_budget(alias: Alias, budget: Budget) -> None:
    if budget.keys and not alias.sticky:
        raise InvalidValue(
            "Budget",
            f"Budget.Keys {budget.keys}: alias {alias.name} has no Sticky, so no caller is told "
            "from another; give it one with UpdateAlias, or set Budget.Failures",
        )


def _present(alias: Alias, candidate: str) -> int:
    """Return the share that the candidate has already, or raise `InvalidValue`."""
    if alias.routing is None:
        return 0
    if not isinstance(alias.routing, Weighted):
        raise InvalidValue(
            "RoutingConfig",
            f"Alias {alias.name} routes by rules, and a rollout goes by weight: clear them first, "
            "or have another alias for those callers",
        )
    others = [
        share for share in alias.routing.shares if share.version != candidate and share.weight
    ]
    if others:
        raise InvalidValue(
            "RoutingConfig",
            f"Alias {alias.name}: version {others[0].version} has {others[0].fraction:g} of the "
            "calls; a rollout is between two versions, so give that share back first",
        )
    weight = next((s.weight for s in alias.routing.shares if s.version == candidate), 0)
    if weight == WHOLE:
        raise InvalidValue(
            "FunctionVersion",
            f"FunctionVersion {candidate}: has all calls of alias {alias.name} by weight already",
        )
    return weight


def _cause(plane: Plane, asked: Asked, action: str, warning: str = "") -> Cause:
    return Cause(action=action, salt=plane.new_id(), request_id=asked.request_id, warning=warning)


def find(reading: Reading, request: wire.Named) -> Rollout:
    """Return the rollout that a request names, or raise `NotFound`."""
    if request.rollout_id:
        return reading.rollouts.one(request.rollout_id)
    if not request.function_name or not request.name:
        raise MissingParameter("RolloutId", "RolloutId: or name FunctionName and Name, its alias")
    function = reading.function(FunctionName(request.namespace, request.function_name))
    found = reading.rollouts.latest(function, request.name)
    if found is None:
        raise NotFound(
            "Rollout", request.name[:80], f"; no rollout of this alias of {function.named}"
        )
    return found


async def get(plane: Plane, asked: Asked, request: wire.GetRollout) -> wire.RolloutFacts:
    """See how a rollout stands."""
    return await _seen(plane, asked, request)


async def _seen(plane: Plane, asked: Asked, request: wire.Named) -> wire.RolloutFacts:
    def ask(reading: Reading) -> tuple[Rollout, str, str]:
        rollout = find(reading, request)
        kept = reading.rollouts
        return rollout, kept.evidence(rollout.id), kept.report(rollout.id)

    told = facts(plane, *await plane.catalog.read(ask))
    if asked.role < Role.RELEASE:
        # An address is often a secret itself, and only who can name one need read it.
        for gate in told.gates:
            gate.url = gate.url and HIDDEN
    return told


async def watch(plane: Plane, asked: Asked, request: wire.WatchRollout) -> wire.RolloutFacts:
    """Wait until something is new of a rollout, and see how it stands."""
    rollout = await plane.catalog.read(lambda reading: find(reading, request))
    wait_s = min(max(request.wait, 0.0), MOST_WATCH_S)
    if request.after and rollout.owns:
        await plane.rollouts.wait(rollout.id, request.after, wait_s)
    return await _seen(plane, asked, request)


async def list_all(plane: Plane, asked: Asked, request: wire.ListRollouts) -> wire.Rollouts:
    """List rollouts, the latest first."""
    for state in request.states:
        if state not in set(State):
            raise InvalidValue("States", f"States {state[:40]!r}: must be {', '.join(State)}")
    wanted = Wanted(
        namespace=request.namespace,
        function=request.function_name,
        alias=request.name,
        states=tuple(request.states),
        offset=paging.offset_of(request.offset),
        limit=paging.limit_of(request.limit),
    )
    total, found = await plane.catalog.read(lambda reading: reading.rollouts.some(wanted))
    return wire.Rollouts(rollouts=[line(plane, one) for one in found], total_count=total)


async def pause(plane: Plane, asked: Asked, request: wire.PauseRollout) -> wire.RolloutFacts:
    """Hold the share where it is."""
    return await _step(plane, asked, request, Event.PAUSE)


async def resume(plane: Plane, asked: Asked, request: wire.ResumeRollout) -> wire.RolloutFacts:
    """Let a paused rollout go on."""
    return await _step(plane, asked, request, Event.RESUME)


async def approve(plane: Plane, asked: Asked, request: wire.ApproveRollout) -> wire.RolloutFacts:
    """Approve what a rollout waits for, or is going to wait for next."""
    return await _step(plane, asked, request, Event.APPROVE)


async def promote(plane: Plane, asked: Asked, request: wire.PromoteRollout) -> wire.RolloutFacts:
    """Give the version all calls now."""
    return await _step(plane, asked, request, Event.PROMOTE)


async def _step(plane: Plane, asked: Asked, request: wire.Named, event: Event) -> wire.RolloutFacts:
    now = plane.clock()

    def change(writing: Writing, warmer: Warmer) -> tuple[Rollout, str]:
        kept = find(writing, request)
        step = Step(
            event=event,
            at=now,
            who=asked.who,
            said=request.reason,
            weight=_approved(kept) if event is Event.APPROVE else 0,
        )
        return _carry_out(plane, asked, writing, warmer, kept, step)

    rollout, evidence = await move(plane, change)
    return facts(plane, rollout, evidence, "")


def _approved(rollout: Rollout) -> int:
    """Return up to which weight an approval lets a rollout grow."""
    gate = course.gate_before(rollout, WHOLE)
    if gate is None:
        raise Failed("Rollout", f"Rollout {rollout.id}: there is nothing that asks for an approval")
    return gate.weight


def _carry_out(
    plane: Plane, asked: Asked, writing: Writing, warmer: Warmer, kept: Rollout, step: Step
) -> tuple[Rollout, str]:
    cause = _cause(plane, asked, ACTIONS[step.event])
    moved = rolling.move_of(writing, kept, step, cause.salt)
    if moved is not None:
        warmer.look_at([moved])
    cause = replace(cause, warning=warmer.warning)
    after = rolling.carry_out(writing, kept, step, cause)
    return after, writing.rollouts.evidence(kept.id)


ACTIONS = {
    Event.PAUSE: "PauseRollout",
    Event.RESUME: "ResumeRollout",
    Event.APPROVE: "ApproveRollout",
    Event.PROMOTE: "PromoteRollout",
    Event.ROLL_BACK: "RollbackRollout",
}


async def roll_back(plane: Plane, asked: Asked, request: wire.RollbackRollout) -> wire.RolledBack:
    """Take a version back, in whatever state its rollout is.

    Calls are kept away from it at once, in memory; what is written comes after that. Where it
    cannot be written, they are kept away all the same, and it is written as soon as it can be.
    """
    began = plane.timer()
    kept, leads = await plane.catalog.read(lambda reading: _taken_back(reading, request))
    step = Step(event=Event.ROLL_BACK, at=plane.clock(), who=asked.who, said=request.reason)
    if kept.owns or leads:
        plane.rollouts.close(kept)
    kept_away_ms = (plane.timer() - began) * 1000 if kept.owns or leads else 0.0

    def change(writing: Writing, warmer: Warmer) -> tuple[Rollout, bool]:
        fresh = writing.rollouts.one(kept.id)
        led = (
            fresh.candidate in writing.alias(writing.function(fresh.function), fresh.alias).versions
        )
        after, _ = _carry_out(plane, asked, writing, warmer, fresh, step)
        return after, led

    try:
        rollout, led = await move(plane, change)
    except Unavailable as refusal:
        plane.rollouts.insist(kept.id, step)
        if not (kept.owns or leads):
            raise
        raise Unavailable(
            "Storage",
            f"{refusal.message}; calls are kept away from version {kept.candidate} all the same, "
            "and that will be written as soon as it can be",
        ) from refusal
    except Refusal:
        plane.rollouts.reopen(kept.id)
        raise
    except Exception:
        plane.rollouts.insist(kept.id, step)
        raise
    took_ms = kept_away_ms or (plane.timer() - began) * 1000
    switched = await _switched(plane, rollout, min(max(request.wait, 0.0), MOST_WAIT_S))
    switched.moved, switched.switched_ms = led, round(took_ms, 3)
    seen = await _seen(plane, asked, wire.Named(rollout_id=rollout.id))
    return wire.RolledBack(rollout=seen, switched=switched)


def _taken_back(reading: Reading, request: wire.Named) -> tuple[Rollout, bool]:
    """Return a rollout, and whether it has ended, and calls can be kept from its candidate yet.

    Not where another rollout moves the alias by now, nor where nobody else could answer.
    """
    kept = find(reading, request)
    function = reading.function(kept.function)
    if kept.owns or reading.rollouts.owner(function, kept.alias) is not None:
        return kept, False
    leads = kept.candidate in reading.alias(function, kept.alias).versions
    return kept, leads and reading.version(function, kept.stable).is_active


async def _switched(plane: Plane, rollout: Rollout, wait_s: float) -> wire.Switched:
    """Return when the last call of the candidate began and ended; waits for those that run."""
    lane = Lane(rollout.function_id, rollout.alias, rollout.candidate)
    running = await plane.rollouts.quiet(lane, wait_s)
    await plane.recorder.flush()
    search = Search(
        function_id=rollout.function_id, alias=rollout.alias, version=rollout.candidate, limit=1
    )
    _, found = await plane.journal.find(search)
    began = found[0].started_at if found else 0.0
    ended = began + (found[0].queue_ms + found[0].duration_ms) / 1000 if found else 0.0
    return wire.Switched(
        from_version=rollout.candidate,
        to_version=rollout.stable,
        moved=False,
        switched_ms=0.0,
        last_call_began=_moment(plane, began),
        last_call_ended="" if running else _moment(plane, ended),
        still_running=running,
    )


def _moment(plane: Plane, at: float) -> str:
    return times.show_ms(at, plane.zone) if at else ""
