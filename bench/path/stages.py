"""Stages: one function for each, which has so many batches of calls go through it and no further.

A stage begins where the one before it ends; what stands beyond its borders is in `beyond.py`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, cast

from bench import hop
from bench.path.beyond import SILENCE, Inbox, Traveller, Wall, still
from bench.path.budgets import ONE_BY_ONE, WHOLE
from bench.path.ground import BATCH, FUNCTION, INSTANCES, REQUESTS, VERSIONS, Ground, invoker
from bench.path.meter import Meter
from huidu.gateway.express import Errand
from huidu.instances.claim import Carriage, Running
from huidu.instances.fleet import key_of
from huidu.instances.living import Rider
from huidu.instances.pool import Pool
from huidu.instances.shares import Shares, Tenancy
from huidu.invoke.flight import Answered
from huidu.model.capacity import Limits
from huidu.model.invocation import Outcome
from huidu.model.task import Task
from huidu.model.version import Version

Stage = Callable[[Ground, Meter, int], Awaitable[None]]
OUTCOME = Outcome(
    status=200,
    result='"ok"',
    duration_ms=0.15,
    memory_bytes=20_000_000,
    instance="0123456789abcdef",
    silent=True,
    memory_mb=128,
)
ANSWERED = Answered(OUTCOME, "1", "plain")
#: A round of calls is written down as often as in a server that has twenty thousand a second.
BATCHES_A_FLUSH = 80


async def accept(ground: Ground, meter: Meter, batches: int) -> None:
    """From the bytes that came over a connection to a request that is whole."""
    connections, keeper = ground.asks()
    for _ in range(batches):
        with meter.over(BATCH):
            for connection, words in zip(connections, REQUESTS, strict=True):
                connection.front.data_received(words)
        for ask in keeper.asks:
            ask.answer(200, b"content-length: 4\r\n", b'"ok"')
        keeper.asks.clear()


async def read(ground: Ground, meter: Meter, batches: int) -> None:
    """From a request to the invocation it asks for, with its event."""
    connections, keeper = ground.asks()
    inbox = Inbox()
    express = ground.express(inbox)
    for _ in range(batches):
        for connection, words in zip(connections, REQUESTS, strict=True):
            connection.front.data_received(words)
        with meter.over(BATCH):
            for ask in keeper.asks:
                run = express.find(ask.method, ask.target, ask.headers)
                if run is not None:
                    run(ask)
        for ask in keeper.asks:
            ask.answer(200, b"content-length: 4\r\n", b'"ok"')
        keeper.asks.clear()
        inbox.begun.clear()


async def route(ground: Ground, meter: Meter, batches: int, *, alias: str = "plain") -> None:
    """From an invocation to a call that knows its version."""
    begin = invoker(ground.routes).begin
    invocations = ground.invocations(alias)
    for _ in range(batches):
        with meter.over(BATCH):
            for invocation in invocations:
                begin(invocation, SILENCE)


async def claim(ground: Ground, meter: Meter, batches: int, *, line: bool = False) -> None:
    """From a version to an instance that is lent, and back; with `line`, most wait before it."""
    riders: deque[Rider] = deque()
    names = iter(f"i-{number}" for number in range(BATCH))

    async def make() -> Running:
        return still(next(names), riders)

    version = VERSIONS["1"]
    tenancy = Tenancy(Shares(BATCH), (FUNCTION.id, 128), _nothing, _nothing)
    limits = Limits(instances=INSTANCES, waiting=BATCH)
    pool: Pool[Running] = Pool(make, limits, asyncio.get_running_loop(), tenancy)
    await pool.warm(INSTANCES)
    pools = {key_of(version): pool}
    flight = ground.flights()[0]
    traveller = Traveller(flight.boards())
    at_once = BATCH if line else 1

    def pool_of(version: Version) -> Pool[Running]:
        return pools[key_of(version)]

    for _ in range(batches):
        with meter.over(BATCH):
            for _ in range(0, BATCH, at_once):
                for _ in range(at_once):
                    Carriage(pool_of, version, traveller).go()
                while riders:
                    riders.popleft().hears(OUTCOME)
    pool.end()
    await pool.drained()


async def encode(ground: Ground, meter: Meter, batches: int) -> None:
    """From a call with an instance to the frame that the kernel is given."""
    flights = ground.flights()
    for _ in range(batches):
        with meter.over(BATCH):
            for flight, instance in zip(flights, ground.instances, strict=True):
                instance.start(flight.boards(), SILENCE)
        for wire in ground.wires:
            wire.reply()
            wire.read()
        ground.cast.sent.clear()


async def decode(ground: Ground, meter: Meter, batches: int) -> None:
    """From the bytes that came over an instance's wire to the outcome of its call."""
    tasks: list[Task] = [flight.boards() for flight in ground.flights()]
    for _ in range(batches):
        for task, instance, wire in zip(tasks, ground.instances, ground.wires, strict=True):
            instance.start(task, SILENCE)
            wire.reply()
        with meter.over(BATCH):
            for wire in ground.wires:
                wire.read()
        ground.cast.sent.clear()


async def hopping(ground: Ground, meter: Meter, batches: int, *, ahead: int = 0) -> None:
    """To the worker in its sandbox and back, processor time of both ends together."""
    calls = batches * BATCH
    with meter.over(calls):
        cost = ground.worker.run(calls, ground.frames[: 1 + ahead])
    meter.spent_ns += round(cost.cpu_us * calls * 1000)


async def handler(ground: Ground, meter: Meter, batches: int) -> None:
    """The function of the user, called in a loop."""
    room: dict[str, Any] = {}
    exec(hop.HANDLER["Python"][1], room)  # noqa: S102 - it is ours
    called = room["main_handler"]
    event, context = {"httpMethod": "GET"}, {"request_id": "r-1"}
    with meter.over(batches * BATCH):
        for _ in range(batches * BATCH):
            called(event, context)


async def record(ground: Ground, meter: Meter, batches: int) -> None:
    """From the outcome of a call to its record in both stores, and its numbers."""
    for number in range(1, batches + 1):
        flights = ground.flights(ground.recorder)
        with meter.over(BATCH):
            for flight in flights:
                flight.begins()
                flight.arrives(OUTCOME)
        if number % BATCHES_A_FLUSH == 0 or number == batches:
            with meter.over(0):
                await ground.recorder.flush()


async def answer(ground: Ground, meter: Meter, batches: int) -> None:
    """From the outcome of a call to the bytes that the kernel is given for its caller."""
    connections, keeper = ground.asks()
    for _ in range(batches):
        for connection, words in zip(connections, REQUESTS, strict=True):
            connection.front.data_received(words)
        errands = [Errand(ask, ground.ids()) for ask in keeper.asks]
        keeper.asks.clear()
        with meter.over(BATCH):
            for errand in errands:
                errand.answered(ANSWERED)


async def whole(ground: Ground, meter: Meter, batches: int, *, at_once: int = BATCH) -> None:
    """All of it but hop and handler, in one process, with so many calls under way at once.

    What plays the worker is in it, with a fifth of a microsecond: to stop the clock for it would
    cost more.
    """
    invokes = invoker(ground.routes, ground.fleet, ground.recorder)
    connections = ground.connections(ground.express(invokes))
    asking = list(zip(connections, REQUESTS, strict=True))
    sent = ground.cast.sent
    sent.clear()
    for number in range(1, batches + 1):
        with meter.over(BATCH):
            for first in range(0, BATCH, at_once):
                for connection, words in asking[first : first + at_once]:
                    connection.front.data_received(words)
                while sent:
                    wire = sent.popleft()
                    wire.reply()
                    wire.read()
        if number % BATCHES_A_FLUSH == 0 or number == batches:
            with meter.over(0):
                await ground.recorder.flush()
    answers = sum(cast(Wall, connection.transport).answers for connection in connections)
    if answers != batches * BATCH or ground.recorder.dropped:
        raise RuntimeError(f"{answers} of {batches * BATCH} calls were answered well")


def _nothing() -> None:
    """Make no room."""


#: In the order of a call.
STAGES: Mapping[str, Stage] = {
    "accept": accept,
    "read": read,
    "route": route,
    "route, weight": partial(route, alias="weight"),
    "route, rule": partial(route, alias="rule"),
    "route, sticky": partial(route, alias="sticky"),
    "claim": claim,
    "claim, from the line": partial(claim, line=True),
    "encode": encode,
    "hop": hopping,
    "hop, one ahead": partial(hopping, ahead=1),
    "handler": handler,
    "decode": decode,
    "record": record,
    "answer": answer,
    WHOLE: whole,
    ONE_BY_ONE: partial(whole, at_once=1),
}
