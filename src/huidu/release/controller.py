"""Controller: carries the rollouts under way from step to step, and takes bad versions back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

import structlog

from huidu.control import rolling
from huidu.control.rolling import Cause
from huidu.control.warming import Move
from huidu.model import course, warmth
from huidu.model.budget import Allowance
from huidu.model.course import Sight
from huidu.model.effect import Effect, FunctionGone, RolloutKept
from huidu.model.errors import NotFound, Refusal
from huidu.model.findings import Findings
from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.rollout import Rollout, State, Step
from huidu.model.rollout_terms import MOST_S
from huidu.model.tally import Lane
from huidu.model.version import Version
from huidu.release import saved
from huidu.release.follower import Follower
from huidu.release.gates import Ask, Asker
from huidu.release.holds import Holds
from huidu.release.hours import Hours
from huidu.release.late import Late
from huidu.release.past import Series, past
from huidu.release.report import Archive, report
from huidu.store.reading import Reading
from huidu.store.writing import Writing

TICK_S = 1.0
AGAIN_S = 0.2  #: Where the store says no.
QUIET_S, MOST_QUIET_S = 0.005, 30.0

log = structlog.get_logger("huidu.release")
T = TypeVar("T")


class Catalog(Protocol):
    """Where rollouts and their aliases are kept."""

    async def read(self, ask: Callable[[Reading], T]) -> T: ...

    async def write(self, change: Callable[[Writing], T]) -> T: ...


class Routes(Protocol):
    """Where calls are routed."""

    def allow(self, function_id: str, alias: str, allowance: Allowance | None) -> None: ...


class Recorder(Protocol):
    """Who hears of every call."""

    def follow(self, function_id: str, alias: str, hear: Callable[[Record], None]) -> None: ...

    def unfollow(self, function_id: str, alias: str, hear: Callable[[Record], None]) -> None: ...


class Instances(Protocol):
    """The running copies of versions."""

    async def ready(self, version: Version, count: int) -> str: ...

    def held(self) -> Mapping[tuple[str, str, str], int]: ...

    def hold(self, version: Version, count: int) -> None: ...


class Counters(Protocol):
    """How many calls run now."""

    def running(self) -> Mapping[Lane, int]: ...


class Controller:
    """Follows each rollout that owns its alias. All state that matters is in the catalog."""

    def __init__(
        self,
        *,
        routes: Routes,
        recorder: Recorder,
        counters: Counters,
        instances: Instances,
        series: Series,
        archive: Archive,
        hours: Hours,
        ask: Ask,
        warm_s: float,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._routes = routes
        self._recorder = recorder
        self._counters = counters
        self._instances = instances
        self._series = series
        self._archive = archive
        self._hours = hours
        self._ask = ask
        self._holds = Holds(instances)
        self._late = Late(routes)
        self._warm_s = warm_s
        self._clock = clock
        self._new_id = new_id
        self._catalog: Catalog | None = None
        self._followers: dict[str, Follower] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, catalog: Catalog) -> None:
        """Go on with what was under way; before any call is routed."""
        self._catalog = catalog
        since = self._clock() - MOST_S

        def ask(reading: Reading) -> list[tuple[Rollout, str, str]]:
            kept = reading.rollouts
            alive = kept.alive(since)
            return [(one, kept.evidence(one.id), kept.report(one.id)) for one in alive]

        for rollout, evidence, told in await catalog.read(ask):
            if rollout.owns:
                self._take_up(rollout, evidence)
            elif rollout.state is not State.BACK or not told:
                self._begin(self._end(rollout, saved.read(evidence).findings))

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over what a commit means, without waiting."""
        self._late.forget(effects)
        for effect in effects:
            match effect:
                case RolloutKept(rollout):
                    self._heard(rollout)
                case FunctionGone(function):
                    for follower in [*self._followers.values()]:
                        if follower.rollout.function_id == function.id:
                            self._let_go(follower)
                case _:
                    pass

    def _heard(self, rollout: Rollout) -> None:
        follower = self._followers.get(rollout.id)
        if follower is None:
            if rollout.owns:
                self._take_up(rollout, "")
            return
        follower.moved(rollout)
        if not rollout.owns:
            self._let_go(follower)

    def _take_up(self, rollout: Rollout, evidence: str) -> None:
        """Follow a rollout from now on."""
        running = self._counters.running
        follower = Follower(rollout, self._clock, saved.read(evidence), running)
        self._followers[rollout.id] = follower
        self._routes.allow(rollout.function_id, rollout.alias, follower.allowance)
        self._recorder.follow(rollout.function_id, rollout.alias, follower.hear)
        self._begin(self._follow(follower))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _let_go(self, follower: Follower) -> None:
        """Follow a rollout no more: it has ended."""
        rollout = follower.rollout
        self._followers.pop(rollout.id, None)
        self._recorder.unfollow(rollout.function_id, rollout.alias, follower.hear)
        self._routes.allow(rollout.function_id, rollout.alias, None)
        follower.wake.set()
        follower.news.set()
        self._begin(self._end(rollout, follower.findings, follower.saved()))

    async def _end(self, rollout: Rollout, found: Findings, evidence: str = "") -> None:
        """See to what remains once a rollout has ended; after a restart, to what had remained."""
        if evidence:
            await self._keep({rollout.id: evidence})
        if rollout.state is State.BACK:
            lane = Lane(rollout.function_id, rollout.alias, rollout.candidate)
            await self.quiet(lane, MOST_QUIET_S)
            told = await report(self._archive, rollout, found)
            await self._write(lambda writing: writing.rollouts.tell_why(rollout.id, told))
        if rollout.state is State.DONE and rollout.undo_until > self._clock():
            await self._hold(rollout)
            await asyncio.sleep(rollout.undo_until - self._clock())
        self._holds.let_go(rollout.id)

    async def _hold(self, rollout: Rollout) -> None:
        """Keep the stable version warm, as warm as it is."""
        ask = partial(_version, rollout.function, rollout.stable)
        with suppress(NotFound):
            version = await self._read(ask)
            count = self._held(rollout.function_id).get(rollout.stable, 0)
            self._holds.hold(rollout.id, version, max(1, count))

    async def run(self) -> None:
        """Save what was found out about once a second, until cancelled; and once more then."""
        try:
            while True:
                await asyncio.sleep(TICK_S)
                await self._save()
        finally:
            under_way = [*self._tasks]
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            await self._save()

    async def _save(self) -> None:
        evidence = {id_: one.saved() for id_, one in self._followers.items() if one.dirty}
        if evidence:
            await self._keep(evidence)

    async def _keep(self, evidence: Mapping[str, str]) -> None:
        await self._write(lambda writing: writing.rollouts.save(evidence))

    async def _write(self, change: Callable[[Writing], None]) -> None:
        """Write what can be done without."""
        assert self._catalog is not None  # noqa: S101 - nothing is followed before
        try:
            await self._catalog.write(change)
        except Refusal as refusal:
            log.warning("rollout.unsaved", reason=refusal.message)

    async def _follow(self, follower: Follower) -> None:
        """Carry a rollout from step to step until it has ended."""
        await self._surely(follower, self._learn)
        asker = Asker(self._ask, self._clock, follower.wake.set)
        try:
            while self._followers.get(follower.rollout.id) is follower:
                await self._surely(follower, partial(self._turn, asker))
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await follower.wake.wait()
                follower.wake.clear()
        finally:
            await asker.close()

    async def _surely(
        self, follower: Follower, do: Callable[[Follower], Coroutine[None, None, None]]
    ) -> None:
        """Do something for a rollout; whatever goes wrong, it is followed on."""
        try:
            await do(follower)
        except Exception:
            log.exception("rollout.trouble", rollout=follower.rollout.id)
            await asyncio.sleep(AGAIN_S)

    async def _learn(self, follower: Follower) -> None:
        """Find out how things were before, and have the stable version stay warm."""
        rollout, now = follower.rollout, self._clock()
        await self._hold(rollout)
        if follower.knows:
            return
        of = (rollout.function_id, rollout.alias, rollout.stable)
        follower.learn(await past(self._series, *of, now))

    async def _turn(self, asker: Asker, follower: Follower) -> None:
        """Take the next step, if there is one."""
        follower.tick()
        shut = course.gate_now(follower.rollout, self._sight(follower))
        approved = asker.tend(shut, follower.rollout, follower.findings)
        sight = self._sight(follower, answered=asker.said)
        step = follower.pending or approved or course.what_now(follower.rollout, sight)
        if step is not None and step.event in course.RISES:
            lacking = await self._lacking(follower.rollout, step)
            sight = self._sight(follower, lacking, asker.said)
            step = follower.pending or course.what_now(follower.rollout, sight)
        if step is not None:
            await self._commit(follower, step)

    def _sight(self, follower: Follower, lacking: str = "", answered: str = "") -> Sight:
        closed = self._hours.closed(follower.rollout.terms, self._clock())
        return follower.sight(closed, lacking, answered)

    async def _lacking(self, rollout: Rollout, step: Step) -> str:
        """Have instances for a larger share; return what is lacking then, if anything."""
        try:
            move = await self._read(lambda reading: rolling.move_of(reading, rollout, step, ""))
        except Refusal as refusal:
            return refusal.message
        if move is None:
            return ""
        for version, count in self._wanted(rollout, move):
            why = f"not ready after {self._warm_s:g} s"
            with suppress(TimeoutError):
                async with asyncio.timeout(self._warm_s or None):
                    why = await self._instances.ready(version, count)
            if why:
                return f"waits for {count} instances of version {version.number}: {why}"
        return ""

    def _wanted(self, rollout: Rollout, move: Move) -> list[tuple[Version, int]]:
        held = self._held(rollout.function_id)
        wanted = warmth.wanted(move.before, move.after, held)
        return [(move.versions[n], most) for n, most in wanted.items() if held.get(n, 0) < most]

    def _held(self, function_id: str) -> Mapping[str, int]:
        """Return how many instances there are of each version of a function."""
        held: dict[str, int] = {}
        for (id_, number, _), count in self._instances.held().items():
            if id_ == function_id:
                held[number] = held.get(number, 0) + count
        return held

    async def _read(self, ask: Callable[[Reading], T]) -> T:
        assert self._catalog is not None  # noqa: S101 - nothing is followed before
        return await self._catalog.read(ask)

    async def _commit(self, follower: Follower, step: Step) -> None:
        """Write a step, unless the rollout was moved by somebody else meanwhile."""
        assert self._catalog is not None  # noqa: S101 - nothing is followed before
        seen = follower.rollout
        cause = Cause(action=f"Rollout{step.event.title().replace(' ', '')}", salt=self._new_id())

        def change(writing: Writing) -> None:
            kept = writing.rollouts.one(seen.id)
            if kept.revision == seen.revision:
                rolling.carry_out(writing, kept, step, cause)

        try:
            await self._catalog.write(change)
        except NotFound as refusal:
            log.warning("rollout.lost", rollout=seen.id, reason=refusal.message)
        except Refusal as refusal:
            log.warning("rollout.waits", rollout=seen.id, reason=refusal.message)
            await asyncio.sleep(AGAIN_S)
            follower.wake.set()

    def close(self, rollout: Rollout) -> None:
        """Let no call reach the candidate from now on, whatever is written."""
        moves = {(one.function_id, one.alias) for one, _ in self.under_way()}
        if rollout.id in self._followers:
            self._followers[rollout.id].allowance.close()
        elif (rollout.function_id, rollout.alias) not in moves:
            self._late.close(rollout)

    def reopen(self, rollout_id: str) -> None:
        """Let calls reach it again."""
        follower = self._followers.get(rollout_id)
        if follower is None:
            self._late.reopen(rollout_id)
        elif follower.pending is None:
            follower.allowance.closed = False

    def insist(self, rollout_id: str, step: Step) -> None:
        """Write a rollback that could not be written, as soon as that can be."""
        assert self._catalog is not None  # noqa: S101 - nothing is followed before
        follower = self._followers.get(rollout_id)
        if follower is None:
            work = self._late.insist(rollout_id, step, self._new_id(), self._catalog.write)
            self._begin(work)
        else:
            follower.insist(step)

    def under_way(self) -> Sequence[tuple[Rollout, Findings]]:
        """Return the rollouts that own their aliases, with what was seen of them."""
        return [(one.rollout, one.findings) for one in self._followers.values()]

    def findings(self, rollout_id: str) -> Findings | None:
        """Return what was seen so far; None where it is not under way."""
        follower = self._followers.get(rollout_id)
        return follower.findings if follower else None

    def seen(self, rollout_id: str) -> str:
        """Return a mark of what there is to see of a rollout; empty where it is not under way."""
        follower = self._followers.get(rollout_id)
        return follower.seen if follower else ""

    async def wait(self, rollout_id: str, seen: str, most_s: float) -> None:
        """Return once there is something else to see than what bears this mark."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while (follower := self._followers.get(rollout_id)) and follower.seen == seen:
                    await follower.news.wait()

    async def quiet(self, lane: Lane, most_s: float) -> int:
        """Return once no call takes a way, or how many still do after so long."""
        until = self._clock() + most_s
        running = self._counters.running().get(lane, 0)
        while running and self._clock() < until:
            await asyncio.sleep(QUIET_S)
            running = self._counters.running().get(lane, 0)
        return running


def _version(named: FunctionName, number: str, reading: Reading) -> Version:
    return reading.version(reading.function(named), number)
