"""Ground: one function with a URL, and all that its calls pass through, as a server has it."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvicorn
from uvicorn.server import ServerState

from bench import hop
from bench.path.beyond import SILENCE, Cast, Inbox, Keeper, Nowhere, Shelf, Wall, Wire
from huidu.ask import Express
from huidu.express import ExpressProtocol
from huidu.flow import Patience
from huidu.gateway import express as gateway
from huidu.heap import settled
from huidu.ids import Ids
from huidu.instances.fleet import Fleet
from huidu.instances.instance import Instance
from huidu.instances.recipe import Workshop
from huidu.instances.sandbox import tier as tiers
from huidu.instances.sandbox.table import Ground as Place
from huidu.invoke.flight import Flight
from huidu.invoke.flight import Recorder as Recording
from huidu.invoke.invoker import Fleet as Carrying
from huidu.invoke.invoker import Invoker
from huidu.invoke.routes import Routes
from huidu.model.alias import Alias
from huidu.model.capacity import Limits
from huidu.model.effect import AliasKept, FunctionKept, TriggersChanged, VersionKept
from huidu.model.function import Code, Configuration, Function, FunctionName
from huidu.model.invocation import Invocation
from huidu.model.routing import Ruled, Share, Weighted
from huidu.model.rules import Rule
from huidu.model.trigger import Trigger
from huidu.model.version import Version
from huidu.observe.counters import Counters
from huidu.observe.recorder import Recorder
from huidu.pace import Pace
from huidu.remembering import remember
from huidu.room import Room
from huidu.runtimes.table import Runtimes
from huidu.settings import Settings
from huidu.store.books import Books
from huidu.triggers.url import Urls

BATCH = 64  #: Connections, and so calls at a time.
INSTANCES = 2
NAMED = FunctionName("default", "hello")
FUNCTION = Function(named=NAMED, id="lam-hotpath0", added_at=1.0, modified_at=1.0)
URL_ID = "abcdefghijkl"
NET = '{"AuthType":"NONE","NetConfig":{"EnableIntranet":true,"EnableExtranet":true}}'
TENTH = Weighted((Share("2", 1000),))
BOB = Rule(version="2", key="invoke.headers.User", method="exact", expression="Bob")
#: Each way to route, by the name of its alias.
ALIASES = {
    "plain": Alias(function=NAMED, name="plain", version="1"),
    "weight": Alias(function=NAMED, name="weight", version="1", routing=TENTH),
    "rule": Alias(function=NAMED, name="rule", version="1", routing=Ruled((BOB,))),
    "sticky": Alias(
        function=NAMED, name="sticky", version="1", routing=TENTH, sticky="invoke.headers.User"
    ),
}
TRIGGER = Trigger(
    function=NAMED,
    function_id=FUNCTION.id,
    type="http",
    name="url",
    qualifier="plain",
    definition=NET,
    resource_id=URL_ID,
)
VERSIONS = {
    number: Version(
        function=NAMED,
        function_id=FUNCTION.id,
        number=number,
        code=Code(number.rjust(64, "0"), 100),
        configuration=Configuration(handler="index.main_handler", runtime="Python3.10"),
    )
    for number in ("1", "2")
}
LATEST = Version(
    function=NAMED,
    function_id=FUNCTION.id,
    number="$LATEST",
    code=VERSIONS["1"].code,
    configuration=VERSIONS["1"].configuration,
)
DATE = [(b"date", b"Mon, 23 Nov 2026 22:00:00 GMT")]


def request(number: int) -> bytes:
    """Return what a client sends, each as somebody else."""
    return (
        f"GET /url/{URL_ID}/ HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser: u-{number:04d}\r\n\r\n"
    ).encode()


REQUESTS = [request(number) for number in range(BATCH)]


def invoker(
    routes: Routes, fleet: Carrying | None = None, recorder: Recording = SILENCE
) -> Invoker:
    """Return an invoker as a server has it, without what is not to be measured."""
    return Invoker(
        table=routes,
        fleet=fleet or Nowhere(),
        recorder=recorder,
        clock=time.time,
        timer=time.perf_counter,
        salt=b"salt",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the stages are measured on."""

    routes: Routes
    urls: Urls
    ids: Ids
    recorder: Recorder
    cast: Cast
    instances: Sequence[Instance]  #: One for each call of a batch.
    wires: Sequence[Wire]  #: Theirs.
    fleet: Fleet  #: With `INSTANCES` others.
    worker: hop.Worker
    frames: Sequence[bytes]  #: Of calls, for the worker.

    def connections(self, express: Express) -> Sequence[ExpressProtocol]:
        """Return a batch of connections that are open."""
        config = uvicorn.Config(
            _nobody, loop="none", lifespan="off", log_config=None, access_log=False
        )
        config.load()
        state = ServerState()
        state.default_headers = DATE
        room, made = Room(1000), []
        for _ in range(BATCH):
            one = ExpressProtocol(
                express,
                Pace(asyncio.get_running_loop()),
                room,
                Patience(),
                config=config,
                server_state=state,
                app_state={},
                _loop=asyncio.get_running_loop(),
            )
            one.connection_made(Wall())
            made.append(one)
        return made

    def express(self, invokes: Inbox | Invoker) -> gateway.Express:
        """Return what reads plain requests."""
        return gateway.Express(self.urls, self.routes, invokes, self.ids)

    def asks(self) -> tuple[Sequence[ExpressProtocol], Keeper]:
        """Return connections, and who keeps what comes over them."""
        keeper = Keeper()
        return self.connections(keeper), keeper

    def invocations(self, alias: str = "plain") -> Sequence[Invocation]:
        """Return the calls that a batch of requests asks for."""
        inbox = Inbox()
        _send(self.connections(self.express(inbox)))
        return [self._again(one, alias) for one, _ in inbox.begun]

    def _again(self, one: Invocation, alias: str) -> Invocation:
        return Invocation(
            request_id=self.ids(),
            function=one.function,
            qualifier=alias,
            event=one.event,
            traits=one.traits,
            trigger=one.trigger,
        )

    def flights(self, recorder: Recording = SILENCE) -> Sequence[Flight]:
        """Return calls that were routed, and go nowhere."""
        begins = invoker(self.routes, recorder=recorder).begin
        return [begins(one, SILENCE) for one in self.invocations()]


def _send(connections: Sequence[ExpressProtocol]) -> None:
    for connection, words in zip(connections, REQUESTS, strict=True):
        connection.front.data_received(words)


async def _nobody(scope: object, receive: object, send: object) -> None:
    """Answer what is not plain: there is nothing of that here."""


@asynccontextmanager
async def prepared(tier: str) -> AsyncIterator[Ground]:
    """Have it all, until the end of the block; the worker in a sandbox of this tier."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="huidu-path-"))
        stores = await remember(Settings(data=folder), Path(folder), stack)
        recorder = Recorder(Books(stores.journal, stores.logs), Counters(time.time))
        routes, urls = Routes(random.random), Urls()
        kept = [VersionKept(one) for one in (LATEST, *VERSIONS.values())]
        routes.apply([FunctionKept(FUNCTION), *kept, *map(AliasKept, ALIASES.values())])
        urls.apply([TriggersChanged(FUNCTION, (TRIGGER,))])
        runtimes = Runtimes.search()
        played = Cast(VERSIONS["1"].digest)
        stack.callback(played.close)
        instances, wires = await _instances(runtimes, played, BATCH, stack)
        fleet = await _fleet(runtimes, played, INSTANCES, stack)
        worker, frames = await _worker(runtimes, tier, stack)
        ground = Ground(
            routes=routes,
            urls=urls,
            ids=Ids(),
            recorder=recorder,
            cast=played,
            instances=instances,
            wires=wires,
            fleet=fleet,
            worker=worker,
            frames=frames,
        )
        with settled():
            yield ground


async def _fleet(runtimes: Runtimes, played: Cast, instances: int, stack: AsyncExitStack) -> Fleet:
    shop = Workshop(packages=Shelf(), runtimes=runtimes, launcher=played)
    fleet = Fleet(shop, Limits(waiting=BATCH), instances)
    stack.push_async_callback(fleet.close, 0)
    ending = await fleet.warm(VERSIONS["1"], instances)
    if ending is not None:
        raise RuntimeError(ending.message)
    await wired(fleet)
    return fleet


async def _instances(
    runtimes: Runtimes, played: Cast, count: int, stack: AsyncExitStack
) -> tuple[Sequence[Instance], Sequence[Wire]]:
    """Return instances of their own, none of which anybody else is lent."""
    fleet = await _fleet(runtimes, played, count, stack)
    pool = fleet.pool(VERSIONS["1"])
    instances = [cast(Instance, await pool.take()) for _ in range(count)]
    return instances, [wire_of(one) for one in instances]


async def wired(fleet: Fleet) -> None:
    """Have each wire know who reads from it."""
    pool = fleet.pool(VERSIONS["1"])
    lent = [cast(Instance, await pool.take()) for _ in range(pool.crew.ready)]
    for one in lent:
        wire_of(one).read = one._wire._read  # noqa: SLF001 - what the event loop was told to call
        pool.give_back(one)


def wire_of(instance: Instance) -> Wire:
    """Return our end of an instance's wire."""
    return cast(Wire, instance._wire._socket)  # noqa: SLF001 - it is the one that we gave it


async def _worker(
    runtimes: Runtimes, tier: str, stack: AsyncExitStack
) -> tuple[hop.Worker, Sequence[bytes]]:
    """Return a worker of Python in its sandbox, and two calls for it."""
    code, scratch = stack.enter_context(hop.places())
    installed = runtimes.find("Python3.10")
    place = Place(installed.interpreter.path, scratch, "none", shown=runtimes.prefixes())
    launcher, closing, _ = await tiers.choose(tier, "none", place)
    if closing is not None:
        stack.push_async_callback(closing.close)
    made = hop.blueprint(code / "0", "Python", installed)
    worker = await hop.begin(made, launcher)
    stack.callback(worker.close)
    return worker, [hop.call(made.version, number) for number in range(2)]
