"""The roof: builds every part once, and opens and closes the doors in order."""

from __future__ import annotations

import asyncio
import os
import resource
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CollectorRegistry

from huidu.cloudapi import keys
from huidu.cloudapi.app import Api
from huidu.cloudapi.desk import Desk
from huidu.cloudapi.pages import pages
from huidu.control.plane import Plane
from huidu.cos import downloads
from huidu.cos.app import Cos
from huidu.cos.downloads import Downloads
from huidu.dataplane import DataPlane
from huidu.listener import Listener
from huidu.model.account import Account
from huidu.model.effect import Effect
from huidu.model.function import Code
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.observe.exposition import (
    Deliveries,
    Denials,
    Gauges,
    Onward,
    Queued,
    Releases,
    Reservations,
    Ticks,
)
from huidu.observe.logged import LogCounters
from huidu.observe.recorder import Recorder
from huidu.observe.rolling import RolloutGauges
from huidu.observing import MakeRecorder
from huidu.release.controller import Controller
from huidu.release.hours import Hours
from huidu.release.report import Archive
from huidu.remembering import Stores, own, remember, stop, tidy, tidy_events
from huidu.settings import Settings, address
from huidu.store.catalog import Catalog, have_heard
from huidu.store.lock import Lock
from huidu.store.logs import Logs
from huidu.store.outbox import Outbox
from huidu.store.queue import Queue
from huidu.store.reports import Reports
from huidu.store.writing import Writing
from huidu.triggers.table import TRIGGERS
from huidu.webhooks.asking import Asking
from huidu.webhooks.courier import Courier
from huidu.webhooks.post import Post

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
        data = await DataPlane.begin(settings, stores, recorder_of, _new_id, stack)
        post = Post(settings.webhooks_allowed(), settings.webhook_timeout_s)
        stack.push_async_callback(post.close)
        controller = _controller(settings, stores, data, post)
        catalog, courier = await _catalog(settings, stores, data, controller, post, stack)
        root = keys.RootKey(keys.settle(directory, os.environ))
        download = _download(api, root)
        plane = _plane(settings, stores, catalog, courier, data, controller, gateway.url, download)
        desk = Desk(plane=plane, keys=root, clock=time.time, new_id=_new_id)
        stack.push_async_callback(_close_together, api, gateway)
        stack.callback(stores.logs.hush)
        registry = _registry(settings, data, courier, stores.logs, stores.queue)
        registry.register(RolloutGauges(controller.under_way))
        data.exporting.measure(data.observing.page, registry)
        told = pages(data.observing.page, registry, asdict(data.tier))
        most = _connections(settings.max_connections)
        buckets = _buckets(settings, stores, root, Api(desk, told))
        await api.open(buckets, most_connections=most // API_SHARE)
        await gateway.open(data.gateway(settings, _new_id), tunnels=True, most_connections=most)
        (directory / ENDPOINTS).write_text(f"{api.url}\n{gateway.url}\n")
        yield Serving(api.url, gateway.url)
        log.info("closing")


def _connections(wanted: int) -> int:
    """Return how many connections the gateway may have, so that descriptors remain for the rest."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = allowed - min(OTHER_DESCRIPTORS, allowed // 2)
    most = min(wanted, spare * API_SHARE // (API_SHARE + 1))
    if most < wanted:
        log.warning("connections", most=most, wanted=wanted, descriptors=allowed)
    return most


def _download(api: Listener, root: keys.RootKey) -> Callable[[Code, str], str]:
    pair = root.pair.secret_id, root.pair.secret_key
    return lambda code, name: downloads.address(api.url, pair, time.time(), code, name)


def _buckets(settings: Settings, stores: Stores, root: keys.RootKey, otherwise: Api) -> Cos:
    """Return what stands in front of the API, for buckets are reached by their hosts."""
    packages = Downloads(stores.packages, root, otherwise, clock=time.time, new_id=_new_id)
    return Cos(
        stores.objects,
        stores.parts,
        root,
        Account().appid,
        packages,
        most_bytes=settings.max_object_mb << 20,
        clock=time.time,
        new_id=_new_id,
    )


async def _close_together(*listeners: Listener) -> None:
    await asyncio.gather(*(listener.close() for listener in listeners))


def _plane(
    settings: Settings,
    stores: Stores,
    catalog: Catalog,
    courier: Courier,
    data: DataPlane,
    controller: Controller,
    gateway_url: str,
    download: Callable[[Code, str], str],
) -> Plane:
    return Plane(
        catalog=catalog,
        packages=stores.packages,
        objects=stores.objects,
        queue=stores.queue,
        journal=stores.journal,
        logs=stores.logs,
        recorder=data.observing.recorder,
        series=data.observing.series,
        rollouts=controller,
        invoker=data.invoker,
        routes=data.routes,
        instances=data.fleet,
        runtimes=data.runtimes,
        triggers=TRIGGERS,
        courier=courier,
        download=download,
        gateway_url=gateway_url,
        quota=settings.quota(),
        zone=ZoneInfo(settings.zone),
        default_qualifier=settings.default_qualifier,
        warm_s=settings.warm_s,
        mirroring=data.mirroring,
        wake_queue=data.later.wake,
        end_event=data.later.terminate,
        clock=time.time,
        draw=data.dice.random,
        new_id=_new_id,
        tracing=data.exporting.tracing,
    )


def _controller(settings: Settings, stores: Stores, data: DataPlane, post: Post) -> Controller:
    return Controller(
        routes=data.routes,
        recorder=data.observing.recorder,
        counters=data.observing.counters,
        instances=data.fleet,
        series=data.observing.series,
        archive=Archive(
            journal=stores.journal, logs=stores.logs, flush=data.observing.recorder.flush
        ),
        hours=Hours(ZoneInfo(settings.zone), settings.windows(), settings.freezes()),
        ask=Asking(post, time.time),
        warm_s=settings.warm_s,
        clock=time.time,
        new_id=_new_id,
    )


async def _catalog(
    settings: Settings,
    stores: Stores,
    data: DataPlane,
    controller: Controller,
    post: Post,
    stack: AsyncExitStack,
) -> tuple[Catalog, Courier]:
    """Open the catalog, and let the work in the background begin."""

    def publish(effects: Sequence[Effect]) -> None:
        have_heard((data.publish, controller.apply, courier.apply), effects)

    catalog = Catalog(stores.catalog, publish)
    outbox = Outbox(catalog)
    courier = Courier(
        outbox, post, patience_s=settings.webhook_retry_s, clock=time.time, draw=data.dice.random
    )
    stores.queue.tell = courier.apply
    await _first_start(catalog)
    await catalog.load()
    await controller.begin(catalog)
    for work in (
        data.later.run(),
        data.timers.run(),
        controller.run(),
        data.observing.throttles.run(outbox),
        courier.run(),
        data.mirroring.run(Reports(catalog)),
        tidy(settings, stores, catalog),
        tidy_events(settings, stores),
    ):
        stack.push_async_callback(stop, asyncio.create_task(work))
    return catalog, courier


def _registry(
    settings: Settings, data: DataPlane, courier: Courier, logs: Logs, queue: Queue
) -> CollectorRegistry:
    registry = CollectorRegistry()
    tier = {"tier": data.tier.name, "network": data.tier.network}
    for collector in (
        LogCounters(logs),
        Gauges(data.fleet.standings, tier, settings.max_instances),
        Denials(data.access.denied),
        Ticks(data.timers.results),
        Onward(queue.sent),
        Reservations(data.fleet.reserved),
        Deliveries(courier.results, courier.pending),
        Queued(lambda: queue.waiting, lambda: queue.dead, data.later.results),
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
