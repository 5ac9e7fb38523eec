"""The roof: builds every part once, and opens and closes the doors in order."""

from __future__ import annotations

import asyncio
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CollectorRegistry

from huidu.cloudapi import keys
from huidu.cloudapi.app import Api
from huidu.cloudapi.desk import Desk
from huidu.cloudapi.pages import pages
from huidu.control.plane import Plane, Uploads
from huidu.gateway.app import Gateway
from huidu.instances.fleet import Fleet
from huidu.instances.recipe import Workshop
from huidu.instances.sandbox import tier as tiers
from huidu.instances.sandbox.table import NONE, Ground
from huidu.instances.sandbox.tier import Tier
from huidu.instances.starting import Launcher
from huidu.invoke.asynchronous import Asynchronous
from huidu.invoke.invoker import Invoker
from huidu.invoke.routes import Routes
from huidu.invoke.tracing import Tracing
from huidu.listener import Listener
from huidu.model.capacity import Limits
from huidu.model.effect import Effect
from huidu.model.errors import Refusal
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.observe.exposition import Gauges, Releases
from huidu.observe.recorder import Recorder
from huidu.observing import MakeRecorder, Observing
from huidu.runtimes.table import Runtimes
from huidu.settings import Settings, address
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.journal import Journal
from huidu.store.lock import Lock
from huidu.store.packages import Packages
from huidu.store.queue import Queue
from huidu.store.reading import Reading
from huidu.store.salt import salt
from huidu.store.series import Series as KeptSeries
from huidu.store.writing import Writing
from huidu.telling import Telling
from huidu.triggers.table import TRIGGERS
from huidu.triggers.timer import Timers
from huidu.triggers.url import Urls

TIDY_S = 3600.0
GRACE_S = 5.0  #: For instances, once nobody calls any more.
UNUSED_CODE_S = 3600.0
#: Tree of migrations, file, and whether what is acknowledged is to survive a loss of power.
DATABASES = (
    ("catalog", "huidu.db", True),
    ("journal", "journal.db", False),
    ("series", "series.db", False),
)
ENDPOINTS = "endpoints"  #: The file in the data directory that says where the server listens.

log = structlog.get_logger("huidu.server")


@dataclass(frozen=True, slots=True)
class Serving:
    """Where a server that is up can be reached."""

    api: str
    gateway: str


@asynccontextmanager
async def serving(
    settings: Settings, recorder_of: MakeRecorder = Recorder
) -> AsyncIterator[Serving]:
    """Serve until the end of the block; then finish what is under way and close in order.

    `recorder_of` is for benchmarks, which measure what recording costs.
    Raises `Held` where another process serves from the same directory, and `OSError` where a
    port is taken.
    """
    directory = _directory(settings.data)
    async with AsyncExitStack() as stack:
        stack.enter_context(Lock(directory))
        stores = await _stores(settings, directory, stack)
        api = Listener(*address("api", settings.api))
        stack.push_async_callback(api.close)
        gateway = Listener(*address("gateway", settings.gateway))
        stack.push_async_callback(gateway.close)
        data = await _data_plane(settings, stores, recorder_of, stack)
        desk = await _desk(settings, directory, stores, data, gateway.url, stack)
        stack.push_async_callback(_close_together, api, gateway)
        registry = _registry(settings, data)
        data.telling.measure(data.observing.page, registry)
        await api.open(Api(desk, pages(data.observing.page, registry, asdict(data.tier))))
        doors = Gateway(data.urls, data.routes, data.invoker, _new_id, data.telling.tracing)
        await gateway.open(doors, tunnels=True)
        (directory / ENDPOINTS).write_text(f"{api.url}\n{gateway.url}\n")
        yield Serving(api.url, gateway.url)
        log.info("closing")


async def _close_together(*listeners: Listener) -> None:
    await asyncio.gather(*(listener.close() for listener in listeners))


def _directory(data: str) -> Path:
    directory = Path(data).resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What remembers."""

    catalog: Database
    journal: Journal
    series: KeptSeries
    queue: Queue
    packages: Packages
    salt: bytes  #: What sticky keys are sealed with.
    in_use: Counter[str]  #: The packages that instances are made of.
    scratch: Path  #: Where instances have their temporary files.


async def _stores(settings: Settings, directory: Path, stack: AsyncExitStack) -> Stores:
    opened = []
    for tree, file, durable in DATABASES:
        database = Database(directory / file, durable=durable)
        stack.push_async_callback(database.close)
        await database.open(tree)
        opened.append(database)
    catalog, journal, series = opened
    in_use = Counter[str]()
    most_bytes = settings.max_unpacked_mb << 20
    return Stores(
        catalog=catalog,
        journal=Journal(journal),
        series=KeptSeries(series),
        queue=Queue(catalog),
        packages=await asyncio.to_thread(
            Packages, directory / "packages", most_tree_bytes=most_bytes, in_use=in_use
        ),
        salt=salt(directory),
        in_use=in_use,
        scratch=_directory(str(directory / "scratch")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlane:
    """What answers calls."""

    tier: Tier
    runtimes: Runtimes
    fleet: Fleet
    routes: Routes
    observing: Observing
    invoker: Invoker
    later: Asynchronous
    urls: Urls
    timers: Timers
    telling: Telling
    dice: random.Random

    def publish(self, effects: Sequence[Effect]) -> None:
        """Let every later call be answered as a commit says."""
        self.routes.apply(effects)
        self.observing.deployed.apply(effects)
        self.fleet.retire(self.routes)
        self.fleet.apply(effects)
        self.urls.apply(effects)
        self.timers.apply(effects)


async def _data_plane(
    settings: Settings, stores: Stores, recorder_of: MakeRecorder, stack: AsyncExitStack
) -> DataPlane:
    runtimes = await asyncio.to_thread(Runtimes.search)
    launcher, tier = await _launcher(settings, runtimes, stores.scratch, stack)
    workshop = Workshop(
        packages=stores.packages, runtimes=runtimes, launcher=launcher, in_use=stores.in_use
    )
    dice = random.Random(random.SystemRandom().getrandbits(256))  # noqa: S311 - it is seeded well
    fleet = Fleet(workshop, _limits(settings), settings.max_instances, dice.random)
    stack.push_async_callback(fleet.close, GRACE_S)
    telling = Telling.begin(settings, dice.getrandbits, stack)
    routes = Routes(dice.random)
    observing = await Observing.begin(recorder_of, stores.journal, stores.series, stack)
    recorder = observing.recorder
    telling.watch(recorder, stack)
    invoker = Invoker(
        table=routes,
        fleet=fleet,
        recorder=recorder,
        clock=time.time,
        timer=time.perf_counter,
        salt=stores.salt,
    )
    later = _later(stores, invoker, routes, recorder, telling.tracing)
    zone = ZoneInfo(settings.zone)
    return DataPlane(
        tier=tier,
        runtimes=runtimes,
        fleet=fleet,
        routes=routes,
        observing=observing,
        invoker=invoker,
        later=later,
        urls=Urls(),
        timers=Timers(stores.queue, later.wake, time.time, zone, _new_id),
        telling=telling,
        dice=dice,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        waiting=settings.max_waiting, idle_s=settings.idle_s, max_age_s=settings.max_age_s
    )


def _later(
    stores: Stores, invoker: Invoker, routes: Routes, recorder: Recorder, tracing: Tracing
) -> Asynchronous:
    return Asynchronous(
        stores.queue,
        invoker,
        routes,
        recorded=recorder.flush,
        clock=time.time,
        tracing=tracing,
    )


async def _launcher(
    settings: Settings, runtimes: Runtimes, scratch: Path, stack: AsyncExitStack
) -> tuple[Launcher, Tier]:
    """Return what starts instances, in the best sandbox that works here; and say which."""
    ground = Ground(
        interpreter=runtimes.newest_python().interpreter.path,
        scratch=scratch,
        network=settings.network,
        allow=settings.allowed(),
        shown=runtimes.prefixes(),
    )
    launcher, opened, tier = await tiers.choose(settings.tier, settings.require_tier, ground)
    if opened is not None:
        stack.push_async_callback(opened.close)
    say = log.warning if tier.name == NONE else log.info
    say("sandbox", tier=tier.name, network=tier.network, missing=tier.missing)
    return launcher, tier


def _plane(
    settings: Settings, stores: Stores, catalog: Catalog, data: DataPlane, gateway_url: str
) -> Plane:
    return Plane(
        catalog=catalog,
        packages=stores.packages,
        uploads=Uploads(),
        queue=stores.queue,
        journal=stores.journal,
        recorder=data.observing.recorder,
        invoker=data.invoker,
        routes=data.routes,
        instances=data.fleet,
        runtimes=data.runtimes,
        triggers=TRIGGERS,
        gateway_url=gateway_url,
        quota=settings.quota(),
        zone=ZoneInfo(settings.zone),
        default_qualifier=settings.default_qualifier,
        warm_s=settings.warm_s,
        wake_queue=data.later.wake,
        clock=time.time,
        draw=data.dice.random,
        new_id=_new_id,
        tracing=data.telling.tracing,
    )


async def _desk(
    settings: Settings,
    directory: Path,
    stores: Stores,
    data: DataPlane,
    gateway_url: str,
    stack: AsyncExitStack,
) -> Desk:
    """Open the catalog, let the work in the background begin, and return who answers requests."""
    catalog = Catalog(stores.catalog, data.publish)
    await _first_start(catalog)
    await catalog.load()
    for work in (data.later.run(), data.timers.run(), _tidy(settings, stores, catalog)):
        stack.push_async_callback(_stop, asyncio.create_task(work))
    root = keys.RootKey(keys.settle(directory, os.environ))
    plane = _plane(settings, stores, catalog, data, gateway_url)
    return Desk(plane=plane, keys=root, clock=time.time, new_id=_new_id)


def _registry(settings: Settings, data: DataPlane) -> CollectorRegistry:
    registry = CollectorRegistry()
    tier = {"tier": data.tier.name, "network": data.tier.network}
    registry.register(Gauges(data.fleet.standings, tier, settings.max_instances))
    registry.register(Releases(data.routes.shared))
    return registry


def _new_id() -> str:
    return str(uuid.uuid4())


async def _first_start(catalog: Catalog) -> None:
    def change(writing: Writing) -> None:
        if not writing.namespace_exists(DEFAULT_NAMESPACE):
            writing.add_namespace(DEFAULT_NAMESPACE, "", time.time())

    await catalog.write(change)


async def _tidy(settings: Settings, stores: Stores, catalog: Catalog) -> None:
    """Forget, now and then, what nobody will ask for again."""
    while True:
        now = time.time()
        try:
            used = await catalog.read(Reading.codes)
            await asyncio.to_thread(
                stores.packages.forget, used, older_than_s=UNUSED_CODE_S, now=now
            )
            await asyncio.to_thread(stores.packages.evict)
            await stores.journal.forget(now - settings.keep_records_s)
            counted = await stores.series.functions()  # before: one made meanwhile is not gone
            there = await catalog.read(Reading.every_function)
            await stores.series.forget(now, counted - {function.id for function in there})
        except (Refusal, OSError) as error:
            log.warning("tidy.failed", reason=str(error))
        await asyncio.sleep(TIDY_S)


async def _stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
