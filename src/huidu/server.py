"""The roof: builds every part once, and opens and closes the doors in order."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CollectorRegistry

from huidu import compiled, heap
from huidu.cloudapi import keys
from huidu.cloudapi.app import Api
from huidu.cloudapi.desk import Caller, Desk
from huidu.cloudapi.pages import pages
from huidu.cloudapi.shortcut import Shortcut
from huidu.console.app import Console
from huidu.console.guard import Guard
from huidu.console.sessions import Sessions
from huidu.control.access_keys import keep_uses_on
from huidu.control.keyring import Keyring
from huidu.control.plane import Asked, Plane
from huidu.cos import downloads
from huidu.cos.app import Cos
from huidu.cos.asked import names_bucket
from huidu.cos.downloads import Downloads
from huidu.dataplane import DataPlane
from huidu.doorway import API_SHARE, Doorway
from huidu.gateway.proxies import Proxies
from huidu.ids import Ids
from huidu.lanes.lanes import Lanes
from huidu.listener import App, Listener
from huidu.model.account import Account
from huidu.model.effect import Effect
from huidu.model.function import Code, FunctionName
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.model.session import Terms
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
from huidu.serverless.places import Places
from huidu.serverless.runs import Carry, Runs
from huidu.settings import Settings, address
from huidu.store.catalog import Catalog, have_heard
from huidu.store.lock import Lock
from huidu.store.outbox import Outbox
from huidu.store.reports import Reports
from huidu.store.salt import KEYS, salt
from huidu.store.writing import Writing
from huidu.triggers.table import TRIGGERS
from huidu.webhooks.asking import Asking
from huidu.webhooks.courier import Courier
from huidu.webhooks.post import Post

ENDPOINTS = "endpoints"  #: The file in the data directory that says where the server listens.

log = structlog.get_logger("huidu.server")
_new_id = Ids()


@dataclass(frozen=True, slots=True)
class Serving:
    """Where a server that is up can be reached."""

    api: str
    gateway: str
    #: Has an instance of a function's `$LATEST` ready; returns what keeps it from that, or nothing.
    ready: Callable[[FunctionName], Awaitable[str]]


class Known(NamedTuple):
    """What is known, and who tells it."""

    catalog: Catalog
    courier: Courier


@asynccontextmanager
async def serving(
    settings: Settings,
    recorder_of: MakeRecorder = Recorder,
    before: Callable[[App], App] | None = None,
) -> AsyncIterator[Serving]:
    """Serve until the end of the block; then finish what is under way and close in order.

    `recorder_of` is for who wants another recorder, as benchmarks, which measure what recording
    costs; `before` puts something before the gateway, in which each request is seen: then it has
    no other process.
    Raises `Stale` where what is compiled is not what stands in its sources, `Held` where another
    process serves from the same directory, and `OSError` where a port is taken.
    """
    directory = _begin(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(Lock(directory))
        stores = await remember(settings, directory, stack)
        api = Listener(*address("api", settings.api))
        stack.push_async_callback(api.close)
        gateway = Doorway(settings, before)
        stack.push_async_callback(gateway.shut)
        data = await DataPlane.begin(settings, stores, recorder_of, _new_id, stack)
        post = Post(settings.webhooks_allowed(), settings.webhook_timeout_s)
        stack.push_async_callback(post.close)
        controller = _controller(settings, stores, data, post)
        root, seed = keys.settle(directory, os.environ), salt(directory, KEYS)
        keyring = Keyring((root.secret_id, root.secret_key), seed, time.time)
        lanes = gateway.furnish(data, stores)
        known = await _catalog(settings, stores, data, keyring, controller, post, lanes, stack)
        runs = _runs(stores, known.catalog, root, directory, gateway.url)
        stack.push_async_callback(runs.close)
        download = _download(api, root)
        plane = _plane(settings, stores, known, data, controller, keyring, runs, download)
        desk = Desk(plane=plane, keys=keyring, clock=time.time, new_id=_new_id)
        await runs.open(_in_the_name_of(desk))
        people = await _console(settings, desk, known.catalog, seed, stack)
        stack.push_async_callback(_close_together, api, gateway)
        stack.callback(stores.logs.hush)
        stack.callback(people.closing.close)
        registry = _registry(settings, data, known.courier, stores, controller, gateway)
        data.exporting.measure(data.observing.page, registry)
        told = pages(data.observing.page, registry, asdict(data.tier), people.app())
        buckets = _buckets(settings, stores, keyring, Api(desk, told))
        shortcut = Shortcut(desk, names_bucket)
        await api.open(buckets, express=shortcut, most_connections=gateway.most // API_SHARE)
        await gateway.open(_new_id)
        (directory / ENDPOINTS).write_text(f"{api.url}\n{gateway.url}\n")
        yield Serving(api.url, gateway.url, data.ready)


def _begin(settings: Settings) -> Path:
    compiled.insist()
    return own(settings.data)


def _download(api: Listener, root: keys.Pair) -> Callable[[Code, str], str]:
    pair = root.secret_id, root.secret_key
    return lambda code, name: downloads.address(api.url, pair, time.time(), code, name)


def _in_the_name_of(desk: Desk) -> Carry:
    """Return what asks a desk for an action as whoever asked for another one."""

    def carry(
        asked: Asked, service: str, name: str, parameters: Mapping[str, object]
    ) -> Awaitable[Mapping[str, Any]]:
        caller = Caller(
            who=asked.who, role=asked.role, source_ip=asked.source_ip, key_id=asked.key_id
        )
        return desk.ask(caller, service, name, parameters)

    return carry


def _runs(
    stores: Stores, catalog: Catalog, root: keys.Pair, directory: Path, gateway_url: str
) -> Runs:
    account = Account()
    places = Places(
        buckets=stores.objects,
        account=account,
        pair=(root.secret_id, root.secret_key),
        clock=time.time,
        new_id=_new_id,
    )
    return Runs(
        catalog,
        stores.objects,
        places,
        directory / "runs",
        account,
        gateway_url,
        clock=time.time,
        timer=time.monotonic,
        new_id=_new_id,
    )


async def _console(
    settings: Settings, desk: Desk, catalog: Catalog, seed: bytes, stack: AsyncExitStack
) -> Console:
    """Return what answers at `/console`; whoever was signed in before still is."""
    terms = Terms(idle_s=settings.console_idle_s, most_s=settings.console_session_s)
    sessions = Sessions(desk.keys, catalog, terms, time.time)
    await sessions.load()
    stack.push_async_callback(stop, asyncio.create_task(sessions.run()))
    host, _ = address("api", settings.api)
    mark = hashlib.sha256(b"huidu console cookie " + seed).hexdigest()[:8]
    settle = Proxies(settings.proxies()).settle
    guard = Guard(sessions, mark, (host, *settings.hosts()), settle)
    return Console(guard, desk, settings.zone)


def _buckets(settings: Settings, stores: Stores, keyring: Keyring, otherwise: Api) -> Cos:
    """Return what stands in front of the API, for buckets are reached by their hosts."""
    downloaded = Downloads(stores.packages, keyring, otherwise, clock=time.time, new_id=_new_id)
    return Cos(
        stores.objects,
        stores.parts,
        stores.packages,
        keyring,
        Account().appid,
        downloaded,
        most_bytes=settings.max_object_mb << 20,
        clock=time.time,
        new_id=_new_id,
    )


async def _close_together(*doors: Listener | Doorway) -> None:
    log.info("closing")
    await asyncio.gather(*(door.close() for door in doors))


def _plane(
    settings: Settings,
    stores: Stores,
    known: Known,
    data: DataPlane,
    controller: Controller,
    keyring: Keyring,
    runs: Runs,
    download: Callable[[Code, str], str],
) -> Plane:
    return Plane(
        catalog=known.catalog,
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
        keyring=keyring,
        runtimes=data.runtimes,
        triggers=TRIGGERS,
        courier=known.courier,
        components=runs,
        download=download,
        gateway_url=runs.gateway_url,
        **_choices(settings),
        mirroring=data.mirroring,
        wake_queue=data.later.wake,
        end_event=data.later.terminate,
        draw=data.dice.random,
        new_id=_new_id,
        tracing=data.exporting.tracing,
    )


def _choices(settings: Settings) -> dict[str, Any]:
    return {
        "quota": settings.quota(),
        "zone": ZoneInfo(settings.zone),
        "default_qualifier": settings.default_qualifier,
        "warm_s": settings.warm_s,
    }


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
    keyring: Keyring,
    controller: Controller,
    post: Post,
    lanes: Lanes,
    stack: AsyncExitStack,
) -> Known:
    """Open the catalog, and let the work in the background begin."""

    def publish(effects: Sequence[Effect]) -> None:
        parts = data.publish, keyring.apply, controller.apply, courier.apply, lanes.apply
        have_heard(parts, effects)

    catalog = Catalog(stores.catalog, publish, lanes.heard)
    outbox = Outbox(catalog)
    courier = Courier(
        outbox, post, patience_s=settings.webhook_retry_s, clock=time.time, draw=data.dice.random
    )
    stores.queue.tell = courier.apply
    await _first_start(catalog)
    with heap.growing():
        await catalog.load()
    stack.enter_context(heap.settled())
    await controller.begin(catalog)
    for work in (
        data.later.run(),
        data.timers.run(),
        controller.run(),
        data.observing.throttles.run(outbox),
        courier.run(),
        data.mirroring.run(Reports(catalog)),
        tidy(settings, stores, catalog),
        keep_uses_on(keyring, catalog),
        tidy_events(settings, stores),
    ):
        stack.push_async_callback(stop, asyncio.create_task(work))
    return Known(catalog, courier)


def _registry(
    settings: Settings,
    data: DataPlane,
    courier: Courier,
    stores: Stores,
    controller: Controller,
    gateway: Doorway,
) -> CollectorRegistry:
    registry, queue = CollectorRegistry(), stores.queue
    tier = {"tier": data.tier.name, "network": data.tier.network}
    for collector in (
        LogCounters(stores.logs),
        Gauges(data.fleet.standings, tier, settings.max_instances),
        Denials(data.access.denied),
        Ticks(data.timers.results),
        Onward(queue.sent),
        Reservations(data.fleet.reserved),
        Deliveries(courier.results, courier.pending),
        Queued(lambda: queue.waiting, lambda: queue.dead, data.later.results),
        Releases(data.routes.shared),
        RolloutGauges(controller.under_way),
        gateway.processes(),
    ):
        registry.register(collector)
    return registry


async def _first_start(catalog: Catalog) -> None:
    def change(writing: Writing) -> None:
        if not writing.namespace_exists(DEFAULT_NAMESPACE):
            writing.add_namespace(DEFAULT_NAMESPACE, "", time.time())

    await catalog.write(change)
