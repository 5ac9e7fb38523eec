"""Nouns to keep, and fakes for stores that are slow or refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

from huidu.model.alias import Alias
from huidu.model.call import Call
from huidu.model.capacity import Busy, Retired
from huidu.model.carrying import Passenger
from huidu.model.effect import Effect
from huidu.model.errors import Unavailable
from huidu.model.event import QueuedEvent
from huidu.model.function import Code, Configuration, Function, FunctionName
from huidu.model.invocation import Invocation, Outcome, Record
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.model.sheet import ID, WAY, Columns, Way, records
from huidu.model.tally import Lane
from huidu.model.task import Task
from huidu.model.trigger import Trigger
from huidu.model.version import Version
from huidu.store.database import Database
from huidu.store.writing import Writing

HELLO = FunctionName(DEFAULT_NAMESPACE, "hello")
FUNCTION = Function(named=HELLO, id="lam-1", added_at=10.0, modified_at=10.0)
CONFIGURATION = Configuration(handler="index.main_handler", runtime="Python3.10")

#: Every database that there is: one more is one more row here.
BACKENDS: Mapping[str, Callable[[Path], Database]] = {
    "sqlite": lambda home: Database(home / "kept.db", durable=True),
}


def function(name: str, number: str = "lam-2") -> Function:
    return Function(named=FunctionName(DEFAULT_NAMESPACE, name), id=number)


def version(number: str, **more: Any) -> Version:
    known: dict[str, Any] = {
        "function": HELLO,
        "function_id": FUNCTION.id,
        "code": Code(number.rjust(64, "0"), 100),
        "configuration": CONFIGURATION,
    }
    return Version(number=number, **known | more)


def alias(name: str = "release", at: str = "1", **more: Any) -> Alias:
    return Alias(function=HELLO, name=name, version=at, **more)


def trigger(name: str = "tick", **more: Any) -> Trigger:
    known: dict[str, Any] = {
        "function": HELLO,
        "function_id": FUNCTION.id,
        "type": "timer",
        "qualifier": "release",
        "definition": '{"cron": "* * * * * * *"}',
    }
    return Trigger(name=name, **known | more)


def event(request_id: str = "r-1", **more: Any) -> QueuedEvent:
    known: dict[str, Any] = {"function": HELLO, "qualifier": "release", "event": b"{}"}
    return QueuedEvent(request_id=request_id, **known | more)


def record(request_id: str = "r-1", **more: Any) -> Record:
    known: dict[str, Any] = {
        "function": HELLO,
        "function_id": FUNCTION.id,
        "qualifier": "release",
    }
    return Record(request_id=request_id, **known | more)


def invocation(**more: Any) -> Invocation:
    known: dict[str, Any] = {"request_id": "r-1", "function": HELLO, "qualifier": "release"}
    return Invocation(**known | more)


def begin(writing: Writing) -> None:
    """Keep `HELLO` with versions 1 and 2, and `release` at 1."""
    writing.add_namespace(DEFAULT_NAMESPACE, "", 1.0)
    writing.add_function(FUNCTION)
    for number in ("$LATEST", "1", "2"):
        writing.add_version(version(number))
    writing.add_alias(FUNCTION, alias())


class Published:
    """What a catalog published, commit by commit."""

    def __init__(self) -> None:
        self.commits: list[Sequence[Effect]] = []

    def __call__(self, effects: Sequence[Effect]) -> None:
        self.commits.append(effects)

    @property
    def effects(self) -> list[Effect]:
        return [effect for commit in self.commits for effect in commit]


class Moody:
    """Says no for as many times as it is told to."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals

    def consider(self) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            raise Unavailable("Storage", "not now")


class MoodyJournal(Moody):
    """A journal in memory that may refuse, or fail as nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Record] = []
        self.written: list[list[Record]] = []
        self.unforeseen: list[Exception] = []
        self.unwritten: list[Exception] = []
        self.gate: asyncio.Event | None = None

    def write(self, way: Way, function: FunctionName, some: Columns) -> None:
        if self.unwritten:
            raise self.unwritten.pop()
        said = {**some, **{name: (value,) for name, value in zip(WAY, way, strict=True)}}
        self.written.append(list(records(said, function, len(some[ID]))))

    def drop(self) -> int:
        return len(self.written.pop()) if self.written else 0

    async def add(self, records: Sequence[Record]) -> None:
        written, self.written = self.written, []
        if self.gate is not None:
            await self.gate.wait()
        self.consider()
        if self.unforeseen:
            raise self.unforeseen.pop()
        self.kept += records
        for some in written:
            self.kept += some


class Kept:
    """A recorder that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.running: list[Lane] = []
        self.fails: Exception | None = None  #: What is wrong with it.
        self.missed = 0

    def began(self, lane: tuple[str, str, str]) -> Held:
        self.running.append(Lane(*lane))
        return Held(self.running, Lane(*lane))

    def take(self, call: Call) -> None:
        if self.fails is not None:
            raise self.fails
        self.records.append(call.record())

    def lost(self) -> None:
        self.missed += 1


class Held:
    """A call that runs."""

    def __init__(self, running: list[Lane], lane: Lane) -> None:
        self.running, self.lane = running, lane

    def ended(self) -> None:
        self.running.remove(self.lane)


class Errand:
    """A call that is carried by a task of its own."""

    def __init__(self, passenger: Passenger, running: asyncio.Task[Outcome]) -> None:
        self._passenger = passenger
        self._running = running
        running.add_done_callback(self._over)

    waits = behind = False  #: It has an instance from the first.

    def leave(self) -> None:
        self._running.cancel()

    def _over(self, ran: asyncio.Task[Outcome]) -> None:
        error = None if ran.cancelled() else ran.exception()
        if ran.cancelled():
            return
        if isinstance(error, Busy | Retired):
            self._passenger.refused(error)
        elif isinstance(error, Exception):
            self._passenger.broke(error)
        else:
            self._passenger.arrives(ran.result())


class Stand:
    """A fleet of one instance: does to each call what it was told to."""

    def __init__(self, does: Callable[[Task], Outcome] | Exception | None = None) -> None:
        self.does = does
        self.refuses: Exception | None = None
        self.tasks: list[Task] = []
        self.gate: asyncio.Event | None = None

    def claim(self, version: Version, *, later: bool = False) -> AbstractAsyncContextManager[Stand]:
        if self.refuses is not None:
            raise self.refuses
        return nullcontext(self)

    def carry(self, version: Version, passenger: Passenger, *, later: bool = False) -> Errand:
        async def run() -> Outcome:
            if self.refuses is not None:
                raise self.refuses
            passenger.begins()
            return await self.run(passenger.boards())

        return Errand(passenger, asyncio.create_task(run()))

    async def run(self, task: Task) -> Outcome:
        self.tasks.append(task)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.does, Exception):
            raise self.does
        return self.does(task) if self.does else Outcome(status=200, result='"good"')


async def soon(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for something that other tasks do."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - it is not one event
            await asyncio.sleep(0.002)
