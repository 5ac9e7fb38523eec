"""Controller: carries the rollouts under way from step to step, and takes bad versions back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial

import structlog

from huidu.control import rolling, warming
from huidu.control.rolling import Cause
from huidu.model import course
from huidu.model.course import Sight
from huidu.model.effect import Effect, FunctionGone, RolloutKept
from huidu.model.errors import NotFound, Refusal, Unavailable
from huidu.model.findings import Findings
from huidu.model.function import FunctionName
from huidu.model.rollout import Rollout, State, Step
from huidu.model.rollout_terms import MOST_S
from huidu.model.tally import Lane
from huidu.model.version import Version
from huidu.release import saved
from huidu.release.around import Counters, Instances, Recorder, Routes
from huidu.release.follower import Follower
from huidu.release.gates import Ask, Asker
from huidu.release.holds import Holds
from huidu.release.hours import Hours
from huidu.release.kept import Catalog, Kept
from huidu.release.late import Late
from huidu.release.past import Series, past
from huidu.release.report import Archive, report
from huidu.release.unless import unless
from huidu.store.reading import Reading
from huidu.store.writing import Writing

TICK_S = 1.0
AGAIN_S = 0.2  #: Where the store says no.
QUIET_S, MOST_QUIET_S = 0.005, 30.0

log = structlog.get_logger("huidu.release")


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
        self._kept = Kept()
        self._followers: dict[str, Follower] = {}
        self._ending: dict[str, Findings] = {}  #: Of those that have ended, until it is saved.
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, catalog: Catalog) -> None:
        """Go on with what was under way; before any call is routed."""
        self._kept.open(catalog)
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
            elif rollout.state is State.BACK:
                self._begin(self._end_late(rollout))
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
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("rollout.trouble", exc_info=error)

    def _let_go(self, follower: Follower) -> None:
        """Follow a rollout no more: it has ended."""
        rollout = follower.rollout
        self._followers.pop(rollout.id, None)
        self._recorder.unfollow(rollout.function_id, rollout.alias, follower.hear)
        self._routes.allow(rollout.function_id, rollout.alias, None)
        follower.wake.set()
        follower.news.set()
        self._ending[rollout.id] = follower.findings
        self._begin(self._end(rollout, follower.findings, _text(follower)))

    async def _end(self, rollout: Rollout, found: Findings, evidence: str = "") -> None:
        """See to what remains once a rollout has ended; after a restart, to what had remained."""
        try:
            await self._kept.save({rollout.id: evidence})
            self._ending.pop(rollout.id, None)
            if rollout.state is State.BACK:
                lane = Lane(rollout.function_id, rollout.alias, rollout.candidate)
                await self.quiet(lane, MOST_QUIET_S)
                told = await report(self._archive, rollout, found)
                await self._kept.note(lambda writing: writing.rollouts.tell_why(rollout.id, told))
            if rollout.state is State.DONE and rollout.undo_until > self._clock():
                await self._hold(rollout)
                await asyncio.sleep(rollout.undo_until - self._clock())
        finally:
            self._holds.let_go(rollout.id)

    async def _end_late(self, rollout: Rollout) -> None:
        """See to what remains of a rollout that was taken back once it had ended."""

        def ask(reading: Reading) -> tuple[str, str]:
            return reading.rollouts.evidence(rollout.id), reading.rollouts.report(rollout.id)

        evidence, told = await self._kept.catalog.read(ask)
        if not told:
            await self._end(rollout, saved.read(evidence).findings)

    async def _hold(self, rollout: Rollout) -> None:
        """Keep the stable version warm, as warm as it is."""
        ask = partial(_version, rollout.function, rollout.stable)
        with suppress(NotFound):
            version = await self._kept.catalog.read(ask)
            held = warming.held_of(self._instances.held(), rollout.function_id)
            count = held.get(rollout.stable, 0)
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
        evidence = {id_: _text(one) for id_, one in self._followers.items() if one.dirty}
        await self._kept.save(evidence)

    async def _follow(self, follower: Follower) -> None:
        """Carry a rollout from step to step until it has ended."""
        await self._surely(follower, self._learn)
        asker = Asker(self._ask, self._clock, follower.wake.set)
        try:
            while self._follows(follower):
                await self._surely(follower, partial(self._turn, asker))
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await follower.wake.wait()
                follower.wake.clear()
        finally:
            await asker.close()

    def _follows(self, follower: Follower) -> bool:
        return self._followers.get(follower.rollout.id) is follower

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
        if not self._follows(follower):  # it ended meanwhile, and has let go already
            self._holds.let_go(rollout.id)
        if follower.knows:
            return
        of = (rollout.function_id, rollout.alias, rollout.stable)
        follower.learn(await past(self._series, *of, now))

    async def _turn(self, asker: Asker, follower: Follower) -> None:
        """Take the next step, if there is one; to wait for instances holds up nothing else."""
        follower.tick()
        shut = course.gate_now(follower.rollout, self._sight(follower))
        approved = asker.tend(shut, follower.rollout, follower.findings)
        sight = self._sight(follower, answered=asker.said)
        step = follower.pending or approved or course.what_now(follower.rollout, sight)
        if step is not None and step.event in course.RISES:
            lacking = await unless(follower.wake, self._lacking(follower.rollout, step))
            if lacking is None:
                return
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
            move = await self._kept.catalog.read(
                lambda reading: rolling.move_of(reading, rollout, step, "")
            )
        except Refusal as refusal:
            return refusal.message
        lacks = warming.lacks(move, self._instances.held()) if move and self._warm_s else ()
        for lack in lacks:
            why = await warming.warm(self._instances, lack, self._warm_s)
            if why:
                return f"waits for {lack.wanted} instances of version {lack.version.number}: {why}"
        return ""

    async def _commit(self, follower: Follower, step: Step) -> None:
        """Write a step, unless the rollout was moved by somebody else meanwhile.

        Where that was not heard of (what is made known of a commit may go wrong) it is now: else
        no step would ever be written again.
        """
        seen = follower.rollout
        cause = Cause(action=f"Rollout{step.event.title().replace(' ', '')}", salt=self._new_id())

        def change(writing: Writing) -> Rollout:
            kept = writing.rollouts.one(seen.id)
            if kept.revision == seen.revision:
                return rolling.carry_out(writing, kept, step, cause)
            return kept

        try:
            kept = await self._kept.catalog.write(change)
        except NotFound as refusal:
            log.warning("rollout.lost", rollout=seen.id, reason=refusal.message)
        except Refusal as refusal:
            log.warning("rollout.waits", rollout=seen.id, reason=refusal.message)
            if isinstance(refusal, Unavailable):
                await asyncio.sleep(AGAIN_S)
                follower.wake.set()
        else:
            if follower.rollout is seen:
                self._heard(kept)

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
        follower = self._followers.get(rollout_id)
        if follower is None:
            work = self._late.insist(rollout_id, step, self._new_id(), self._kept.catalog.write)
            self._begin(work)
        else:
            follower.insist(step)

    def under_way(self) -> Sequence[tuple[Rollout, Findings]]:
        """Return the rollouts that own their aliases, with what was seen of them."""
        # A copy in one step: whoever exports metrics asks in a thread.
        return [(one.rollout, one.findings) for one in [*self._followers.values()]]

    def findings(self, rollout_id: str) -> Findings | None:
        """Return what was seen so far; None where it is not under way."""
        follower = self._followers.get(rollout_id)
        return follower.findings if follower else self._ending.get(rollout_id)

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


def _text(follower: Follower) -> str:
    """Return what is to be saved of a rollout; nothing where it cannot be put into words."""
    try:
        return follower.saved()
    except Exception:
        log.exception("rollout.unsaved", rollout=follower.rollout.id)
        return ""
