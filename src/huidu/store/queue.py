"""The queue of asynchronous events: what was accepted, until it has been run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, update
from sqlalchemy.dialects.sqlite import insert

from huidu.model.destination import FULL, Onward
from huidu.model.effect import Effect, EventsMoved
from huidu.model.errors import LimitExceeded
from huidu.model.event import LIVE, Attempt, Ended, Kept, QueuedEvent, State, Turn
from huidu.model.function import FunctionName
from huidu.model.invocation import Status
from huidu.model.retry import EventConfig
from huidu.model.turns import OF_QUEUE, Wanted, may_take, whole
from huidu.store import queue_asking, queue_steps
from huidu.store.database import Database
from huidu.store.queue_asking import Counts, Search
from huidu.store.queue_onward import Sent, pairs, send
from huidu.store.queue_rows import event_row
from huidu.store.queue_tables import QUEUED
from huidu.store.queue_telling import Dead, Mourner
from huidu.store.together import Together

MOST_QUEUED = 100_000
MOST_TOGETHER = 500  #: Events that are put in one transaction.


class Queue:
    """Events in rough order of their acceptance; once `put` has returned an event is not lost.

    What is taken is lent for as long as a lease says; a lease that nobody lengthens ends, and the
    event is run again. Of each function as many as `most` may wait, and however many of one do,
    there is room for others. How many there are is counted once, and from then on kept in mind.
    """

    def __init__(self, database: Database, most: int = MOST_QUEUED) -> None:
        self._database = database
        self._most = most
        self._live = Counter[FunctionName]()
        self._dead = Counter[FunctionName]()
        self._all = 0  #: That are to be run.
        self._coming = Counter[FunctionName]()  #: That are being put.
        self._puts = Together(self._put_all, MOST_TOGETHER)
        self._mourner = Mourner()
        #: What goes on from an event that has ended.
        self.onward: Callable[[Ended], Onward | None] = lambda _: None
        self.sent = Counter[str]()  #: What was sent on, by what it was sent to.
        self.tell: Callable[[Sequence[Effect]], None] = lambda _: None

    async def count(self) -> None:
        """Count what there is.

        What is kept in mind is the sum of what writes have told, each as it was committed: so all
        that is told, and this too, comes from the one writer, and is taken note of in its order.
        """
        self._counted(await self._database.write(queue_asking.counts))

    def _counted(self, counts: Counts) -> None:
        self._live, self._dead = map(Counter, counts)
        self._all = self._live.total()

    def _note(self, named: FunctionName, live: int = 0, dead: int = 0) -> None:
        """Keep in mind that there are so many more or fewer."""
        before = self._live[named]
        for counts, more in ((self._live, live), (self._dead, dead)):
            counts[named] = max(0, counts[named] + more)
            if not counts[named]:
                del counts[named]
        self._all += self._live[named] - before

    @property
    def total(self) -> int:
        """How many events of all functions are to be run to their end."""
        return self._all

    @property
    def waiting(self) -> Mapping[FunctionName, int]:
        """How many events are to be run to their end, those that run counted in."""
        return self._live

    @property
    def dead(self) -> Mapping[FunctionName, int]:
        """How many events were given up and are kept."""
        return self._dead

    async def put(self, event: QueuedEvent) -> None:
        """Keep an event, or raise `LimitExceeded` where the queue is full.

        One that has the request id of another is not put a second time.
        """
        self._admit(event.function)
        try:
            await self._puts.add(event)
        finally:
            self._came([event.function])

    async def put_where(
        self, events: Sequence[QueuedEvent], holds: Callable[[Connection, int], bool]
    ) -> int:
        """Keep those events, by their places, of which something holds in that transaction.

        Returns how many those are. Raises `LimitExceeded` where there is no room for all, and then
        has kept none.
        """

        def change(connection: Connection) -> Sequence[QueuedEvent]:
            kept = [event for place, event in enumerate(events) if holds(connection, place)]
            if kept:
                connection.execute(insert(QUEUED), [event_row(event) for event in kept])
            return kept

        admitted: list[FunctionName] = []
        try:
            for event in events:
                self._admit(event.function)
                admitted.append(event.function)
            won = await self._database.write(change)
        finally:
            self._came(admitted)
        for event in won:
            self._note(event.function, live=1)
        return len(won)

    def _admit(self, named: FunctionName) -> None:
        """Count one event that is being put, or raise `LimitExceeded`."""
        if not self._has_room(named):
            holds = self._live[named] + self._coming[named]
            raise LimitExceeded(
                "Quota",
                f"{holds} events of {named} are waiting, at most {self._most} may (of all "
                f"functions {whole(self._most, OF_QUEUE)}); try later",
            )
        self._coming[named] += 1

    def _has_room(self, named: FunctionName) -> bool:
        holds = self._live[named] + self._coming[named]
        free = whole(self._most, OF_QUEUE) - self._all - self._coming.total()
        return holds < self._most and may_take(holds, free, OF_QUEUE)

    def _goes(self, ended: Ended) -> Onward | None:
        """Say what goes on from an event; for a function whose room to wait in is taken, nothing.

        It is kept as a dead letter of that function: nobody could be told to send it later.
        """
        goes = self.onward(ended)
        if goes is None or goes.event is None or goes.refused:
            return goes
        return goes if self._has_room(goes.event.function) else replace(goes, refused=FULL)

    def _came(self, functions: Sequence[FunctionName]) -> None:
        self._coming -= Counter(functions)

    async def _put_all(self, events: Sequence[QueuedEvent]) -> None:
        rows = [event_row(event) for event in events]
        new = insert(QUEUED).on_conflict_do_nothing(index_elements=["request_id"])

        def change(connection: Connection) -> Counts | None:
            there = connection.execute(new, rows).rowcount != len(rows)
            return queue_asking.counts(connection) if there else None

        counts = await self._database.write(change)
        if counts is not None:
            self._counted(counts)
            return
        for event in events:
            self._note(event.function, live=1)

    async def begin(self, owner: str) -> int:
        """Have those run again that a server had which is certainly gone; return how many."""
        taken_back = 0
        while more := await self._database.write(
            lambda connection: queue_steps.take_back(connection, owner, None)
        ):
            taken_back += more
        await self.count()
        return taken_back

    async def turn(self, ends: Sequence[Ended], wanted: Wanted) -> Turn:
        """Keep what came of attempts and lend what is due, in one transaction."""
        dead = [one for one in ends if one.state == State.DEAD]
        goes = pairs(ends, map(self._goes, ends))

        def change(connection: Connection) -> tuple[Turn, Counts | None, list[Effect], Sent]:
            lost = queue_steps.settle(connection, ends, wanted.owner) if ends else 0
            told = self._mourner.tell(connection, map(_dead, dead), wanted.now) if dead else []
            sent = send(connection, goes) if goes else Sent()
            turn = queue_steps.take(connection, wanted)
            return turn, queue_asking.counts(connection) if lost else None, told, sent

        turn, counts, told, sent = await self._database.write(change)
        if counts is not None:
            self._counted(counts)
            self._went(sent, counted=True)
        else:
            self._went(sent)
            for one in ends:
                over, gone = one.state not in LIVE, one.state == State.DEAD
                self._note(one.event.function, live=-over, dead=+gone)
        self.tell(told)
        return replace(turn, more=True) if sent.live else turn

    async def give_back(self, events: Sequence[QueuedEvent], owner: str) -> None:
        """Have others run events that were lent and have not begun."""
        if events:
            await self._database.write(lambda c: queue_steps.give_back(c, events, owner))

    async def extend(self, owner: str, until: float) -> int:
        """Lengthen the lease of all that a server runs."""
        return await self._database.write(lambda c: queue_steps.extend(c, owner, until))

    async def expire(self, config_of: Callable[[str], EventConfig], now: float) -> int:
        """Give up what has waited for longer than its function says; return how many."""

        def change(connection: Connection) -> tuple[list[QueuedEvent], list[Effect], Sent]:
            late: list[QueuedEvent] = []
            at: str | None = None
            while (at := queue_steps.next_function(connection, at)) is not None:
                ttl_s = config_of(at).ttl_s
                why = f"it waited for longer than MsgTTL ({ttl_s} s)"
                late += queue_steps.expire(connection, at, now - ttl_s, why, now)
            told = self._mourner.tell(connection, map(_late, late), now) if late else []
            ends = [_ended(event, now) for event in late]
            return late, told, send(connection, pairs(ends, map(self._goes, ends)))

        late, told, sent = await self._database.write(change)
        self._went(sent)
        for event in late:
            self._note(event.function, live=-1, dead=1)
        self.tell(told)
        return len(late)

    def _went(self, sent: Sent, *, counted: bool = False) -> None:
        """Count what was sent on, unless all was counted anew, and make it known."""
        if not counted:
            for named, count in sent.live.items():
                self._note(named, live=count)
            for named, count in sent.dead.items():
                self._note(named, dead=count)
        self.sent.update(
            function=sent.live.total(),
            too_deep=sent.dead.total() - sent.full,
            full=sent.full,
            webhook=sent.webhooks,
            lost=sent.lost,
        )
        if sent.effects:
            self.tell(sent.effects)

    async def abort(self, request_id: str, at: float) -> State | None:
        """End an event that nobody runs, or note that one that runs is to end.

        Returns the state in which it was found; None where there is no such event.
        """

        def change(connection: Connection) -> Kept | None:
            kept = queue_asking.find(connection, request_id)
            mine = update(QUEUED).where(QUEUED.c.request_id == request_id)
            if kept is not None and kept.state == State.RUNNING:
                connection.execute(mine.values(stopping=True))
            elif kept is not None and kept.state in LIVE:
                over = {"state": State.ABORTED.value, "status": int(Status.CANCELLED)}
                connection.execute(mine.values(**over, ended_at=at, event=b""))
            return kept

        kept = await self._database.write(change)
        if kept is not None and kept.state in (State.READY, State.DELAYED):
            self._note(kept.event.function, live=-1)
        return kept.state if kept else None

    async def find(self, request_id: str) -> Kept | None:
        """Return all that is kept of an event, what was sent counted in."""
        return await self._database.read(lambda c: queue_asking.find(c, request_id))

    async def holds(self, request_id: str) -> bool:
        """Tell whether an event has not been run to its end."""
        kept = await self.find(request_id)
        return kept is not None and kept.state in LIVE

    async def search(self, search: Search) -> tuple[int, Sequence[Kept]]:
        """Return how many events are as wanted, and a page of them."""
        return await self._database.read(lambda c: queue_asking.search(c, search))

    async def forget(self, before: float, most: int, dead_before: float, most_dead: int) -> None:
        """Forget what nobody will ask for: old statuses, and dead letters that are old or many."""
        statuses = partial(queue_asking.forget_over, before=before, most=most)
        while await self._database.write(statuses):
            pass
        for named in list(self._dead):
            letters = partial(
                queue_asking.forget_dead, named=named, before=dead_before, most=most_dead
            )
            while gone := await self._database.write(letters):
                self._note(named, dead=-gone)

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take note of what somebody redrove or discarded."""
        for effect in effects:
            if isinstance(effect, EventsMoved):
                self._note(effect.function, effect.live, effect.dead)


def _dead(ended: Ended) -> Dead:
    attempt = ended.attempt
    return Dead(
        event=ended.event,
        version=attempt.version or ended.event.last_version,
        status=attempt.status,
        error=attempt.error,
        why=attempt.then,
        log=ended.log,
    )


def _ended(event: QueuedEvent, now: float) -> Ended:
    last = event.history[-1] if event.history else Attempt(number=event.attempts)
    attempt = replace(last, then="given up: its MsgTTL is over")
    return Ended(event=event, state=State.DEAD, attempt=attempt, at=now)


def _late(event: QueuedEvent) -> Dead:
    return Dead(event=event, version=event.last_version, status=0, error="", why="MsgTTL is over")
