"""The roof: builds every part once, and opens and closes the doors in order."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CollectorRegistry

from huidu.cloudapi import keys
from huidu.cloudapi.app import Api
from huidu.cloudapi.desk import Desk
from huidu.cloudapi.pages import pages
from huidu.control.plane import Plane, Uploads
from huidu.gateway.access import Access
from huidu.gateway.app import Gateway
from huidu.gateway.entrance import Entrance
from huidu.gateway.proxies import Proxies
from huidu.gateway.services import Services
from huidu.gateway.tally import Tally
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
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.model.place import Place
from huidu.observe.exposition import Deliveries, Denials, Gauges, Releases
from huidu.observe.logged import LogCounters
from huidu.observe.recorder import Recorder
from huidu.observing import MakeRecorder, Observing
from huidu.remembering import Stores, own, remember, stop, tidy
from huidu.runtimes.table import Runtimes
from huidu.settings import Settings, address
from huidu.store.books import Books
from huidu.store.catalog import Catalog
from huidu.store.live import listen
from huidu.store.lock import Lock
from huidu.store.logs import Logs
from huidu.store.outbox import Outbox
from huidu.store.uses import Uses
from huidu.store.writing import Writing
from huidu.telling import Telling
from huidu.triggers.table import TRIGGERS
from huidu.triggers.timer import Timers
from huidu.triggers.url import Urls
from huidu.webhooks.courier import Courier
from huidu.webhooks.post import Post

GRACE_S = 5.0  #: For instances, once nobody calls any more.
API_SHARE = 8  #: The API has room for one connection where the gateway has it for so many.
OTHER_DESCRIPTORS = 2048  #: For instances, stores and what else is opened.
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
    directory = own(settings.data)
    async with AsyncExitStack() as stack:
        stack.enter_context(Lock(directory))
        stores = await remember(settings, directory, stack)
        api = Listener(*address("api", settings.api))
        stack.push_async_callback(api.close)
        gateway = Listener(*address("gateway", settings.gateway))
        stack.push_async_callback(gateway.close)
        data = await _data_plane(settings, stores, recorder_of, stack)
        catalog, courier = await _catalog(settings, stores, data, stack)
        root = keys.RootKey(keys.settle(directory, os.environ))
        plane = _plane(settings, stores, catalog, courier, data, gateway.url)
        desk = Desk(plane=plane, keys=root, clock=time.time, new_id=_new_id)
        stack.push_async_callback(_close_together, api, gateway)
        stack.callback(stores.logs.hush)
        registry = _registry(settings, data, courier, stores.logs)
        data.telling.measure(data.observing.page, registry)
        told = pages(data.observing.page, registry, asdict(data.tier))
        most = _connections(settings.max_connections)
        await api.open(Api(desk, told), most_connections=most // API_SHARE)
        await gateway.open(_gateway(settings, data), tunnels=True, most_connections=most)
        (directory / ENDPOINTS).write_text(f"{api.url}\n{gateway.url}\n")
        yield Serving(api.url, gateway.url)
        log.info("closing")


def _gateway(settings: Settings, data: DataPlane) -> Gateway:
    tracing, appid = data.telling.tracing, Place().appid
    entrance = Entrance(data.services, data.routes, data.invoker, data.access, appid, tracing)
    proxies = Proxies(settings.proxies())
    return Gateway(data.urls, data.routes, data.invoker, _new_id, entrance, proxies, tracing)


def _connections(wanted: int) -> int:
    """Return how many connections the gateway may have, so that descriptors remain for the rest."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = allowed - min(OTHER_DESCRIPTORS, allowed // 2)
    most = min(wanted, spare * API_SHARE // (API_SHARE + 1))
    if most < wanted:
        log.warning("connections", most=most, wanted=wanted, descriptors=allowed)
    return most


async def _close_together(*listeners: Listener) -> None:
    await asyncio.gather(*(listener.close() for listener in listeners))


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
    services: Services
    timers: Timers
    access: Access
    telling: Telling
    dice: random.Random

    def publish(self, effects: Sequence[Effect]) -> None:
        """Let every later call be answered as a commit says."""
        self.routes.apply(effects)
        self.observing.deployed.apply(effects)
        self.fleet.retire(self.routes)
        self.fleet.apply(effects)
        self.urls.apply(effects)
        self.services.apply(effects)
        self.timers.apply(effects)
        self.access.apply(effects)


async def _data_plane(
    settings: Settings, stores: Stores, recorder_of: MakeRecorder, stack: AsyncExitStack
) -> DataPlane:
    runtimes = await asyncio.to_thread(Runtimes.search)
    launcher, tier = await _launcher(settings, runtimes, stores.scratch, stack)
    dice = random.Random(random.SystemRandom().getrandbits(256))  # noqa: S311 - it is seeded well
    workshop = Workshop(
        packages=stores.packages, runtimes=runtimes, launcher=launcher, in_use=stores.in_use
    )
    fleet = _fleet(settings, workshop, dice, stack)
    telling = Telling.begin(settings, dice.getrandbits, stack)
    routes = Routes(dice.random)
    books = Books(stores.journal, stores.logs)
    observing = await Observing.begin(recorder_of, books, stores.series, stack)
    recorder = observing.recorder
    stack.push_async_callback(stop, asyncio.create_task(listen(fleet, stores.logs)))
    telling.watch(recorder, stack)
    invoker = _invoker(routes, fleet, recorder, stores.salt)
    later = _later(stores, invoker, routes, recorder, telling.tracing)
    timers = Timers(stores.queue, later.wake, time.time, ZoneInfo(settings.zone), _new_id)
    return DataPlane(
        tier=tier,
        runtimes=runtimes,
        fleet=fleet,
        routes=routes,
        observing=observing,
        invoker=invoker,
        later=later,
        urls=Urls(),
        services=Services(),
        timers=timers,
        access=_access(stores, stack),
        telling=telling,
        dice=dice,
    )


def _invoker(routes: Routes, fleet: Fleet, recorder: Recorder, salt: bytes) -> Invoker:
    return Invoker(
        table=routes,
        fleet=fleet,
        recorder=recorder,
        clock=time.time,
        timer=time.perf_counter,
        salt=salt,
    )


def _fleet(
    settings: Settings, workshop: Workshop, dice: random.Random, stack: AsyncExitStack
) -> Fleet:
    limits = Limits(
        waiting=settings.max_waiting, idle_s=settings.idle_s, max_age_s=settings.max_age_s
    )
    fleet = Fleet(workshop, limits, settings.max_instances, dice.random)
    stack.push_async_callback(fleet.close, GRACE_S)
    return fleet


def _access(stores: Stores, stack: AsyncExitStack) -> Access:
    """Return who guards the gateway, with what it counts being written down."""
    access = Access(time.time, time.monotonic_ns)
    tally = Tally(access.limits, Uses(stores.catalog))
    stack.push_async_callback(tally.close, asyncio.create_task(tally.run()))
    return access


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
    settings: Settings,
    stores: Stores,
    catalog: Catalog,
    courier: Courier,
    data: DataPlane,
    gateway_url: str,
) -> Plane:
    return Plane(
        catalog=catalog,
        packages=stores.packages,
        uploads=Uploads(),
        queue=stores.queue,
        journal=stores.journal,
        logs=stores.logs,
        recorder=data.observing.recorder,
        series=data.observing.series,
        invoker=data.invoker,
        routes=data.routes,
        instances=data.fleet,
        runtimes=data.runtimes,
        triggers=TRIGGERS,
        courier=courier,
        gateway_url=gateway_url,
        place=Place(),
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


async def _catalog(
    settings: Settings, stores: Stores, data: DataPlane, stack: AsyncExitStack
) -> tuple[Catalog, Courier]:
    """Open the catalog, and let the work in the background begin."""

    def publish(effects: Sequence[Effect]) -> None:
        data.publish(effects)
        courier.apply(effects)

    catalog = Catalog(stores.catalog, publish)
    outbox = Outbox(catalog)
    post = Post(settings.webhooks_allowed(), settings.webhook_timeout_s)
    stack.push_async_callback(post.close)
    courier = Courier(
        outbox, post, patience_s=settings.webhook_retry_s, clock=time.time, draw=data.dice.random
    )
    await _first_start(catalog)
    await catalog.load()
    for work in (
        data.later.run(),
        data.timers.run(),
        data.observing.throttles.run(outbox),
        courier.run(),
        tidy(settings, stores, catalog),
    ):
        stack.push_async_callback(stop, asyncio.create_task(work))
    return catalog, courier


def _registry(
    settings: Settings, data: DataPlane, courier: Courier, logs: Logs
) -> CollectorRegistry:
    registry = CollectorRegistry()
    tier = {"tier": data.tier.name, "network": data.tier.network}
    for collector in (
        LogCounters(logs),
        Gauges(data.fleet.standings, tier, settings.max_instances),
        Denials(data.access.denied),
        Deliveries(courier.results, courier.pending),
        Releases(data.routes.shared),
    ):
        registry.register(collector)
    return registry


def _new_id() -> str:
    return str(uuid.uuid4())


async def _first_start(catalog: Catalog) -> None:
    def change(writing: Writing) -> None:
        if not writing.namespace_exists(DEFAULT_NAMESPACE):
            writing.add_namespace(DEFAULT_NAMESPACE, "", time.time())

    await catalog.write(change)
