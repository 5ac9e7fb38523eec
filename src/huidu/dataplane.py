"""The data plane: what answers calls, every part built once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from huidu.exporting import Exporting
from huidu.gateway.access import Access
from huidu.gateway.app import Gateway
from huidu.gateway.entrance import Entrance
from huidu.gateway.express import Express
from huidu.gateway.express_api import ExpressApis
from huidu.gateway.proxies import Proxies
from huidu.gateway.services import Services
from huidu.gateway.usage import Usage
from huidu.instances.fleet import Fleet
from huidu.instances.recipe import Workshop
from huidu.instances.sandbox import tier as tiers
from huidu.instances.sandbox.table import NONE, Ground
from huidu.instances.sandbox.tier import Tier
from huidu.instances.starting import Launcher
from huidu.invoke.asynchronous import Asynchronous
from huidu.invoke.attempt import Attempts
from huidu.invoke.flight import Shown
from huidu.invoke.invoker import Invoker
from huidu.invoke.mirroring import Aside, Mirroring
from huidu.invoke.routes import Routes
from huidu.invoke.terms import Terms
from huidu.invoke.tracing import Tracing
from huidu.model.account import Account
from huidu.model.capacity import Limits, Retired
from huidu.model.destination import SIDES, Onward, onward
from huidu.model.effect import Effect
from huidu.model.event import Ended
from huidu.model.function import FunctionName
from huidu.model.names import LATEST
from huidu.model.traits import NO_TRAITS
from huidu.observe.recorder import Recorder
from huidu.observing import MakeRecorder, Observing
from huidu.remembering import Stores, stop
from huidu.runtimes.table import Runtimes
from huidu.settings import Settings
from huidu.store.books import Books
from huidu.store.catalog import have_heard
from huidu.store.live import listen
from huidu.store.uses import Uses
from huidu.triggers.timer import Timers
from huidu.triggers.url import Urls

GRACE_S = 5.0  #: For instances, once nobody calls any more.

log = structlog.get_logger("huidu.server")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlane:
    """What answers calls."""

    tier: Tier
    runtimes: Runtimes
    fleet: Fleet
    routes: Routes
    observing: Observing
    invoker: Invoker
    shade: Fleet  #: The instances of copies; those of users' calls are never among them.
    mirroring: Mirroring
    later: Asynchronous
    urls: Urls
    services: Services
    timers: Timers
    access: Access
    exporting: Exporting
    dice: random.Random

    @classmethod
    async def begin(
        cls,
        settings: Settings,
        stores: Stores,
        recorder_of: MakeRecorder,
        new_id: Callable[[], str],
        stack: AsyncExitStack,
    ) -> DataPlane:
        """Let calls be answered, of what is published, until the stack is closed."""
        runtimes = await asyncio.to_thread(Runtimes.search)
        launcher, tier = await _launcher(settings, runtimes, stores.scratch, stack)
        dice = random.Random(random.SystemRandom().getrandbits(256))  # noqa: S311 - it is seeded well
        fleet, shade = _fleets(settings, _workshop(stores, runtimes, launcher), dice, stack)
        exporting = Exporting.begin(settings, dice.getrandbits, stack)
        routes = Routes(dice.random)
        books = Books(stores.journal, stores.logs)
        observing = await Observing.begin(recorder_of, books, stores.series, stack)
        stack.push_async_callback(stop, asyncio.create_task(listen(fleet, stores.logs)))
        exporting.watch(recorder := observing.recorder, stack)
        copies = _invoker(routes, shade, Aside(recorder.keep), stores.salt, {})
        mirroring = _mirroring(copies, fleet, settings.max_mirrors, dice, new_id)
        invoker = _invoker(routes, fleet, recorder, stores.salt, mirroring.shown)
        attempts = _attempts(settings, invoker, routes, exporting.tracing)
        later = _later(stores, attempts, fleet, recorder, new_id())
        return cls(
            tier=tier,
            runtimes=runtimes,
            fleet=fleet,
            routes=routes,
            observing=observing,
            invoker=invoker,
            shade=shade,
            mirroring=mirroring,
            later=later,
            urls=Urls(),
            services=Services(),
            timers=_timers(settings, stores, later, new_id),
            access=_access(stores, stack),
            exporting=exporting,
            dice=dice,
        )

    def publish(self, effects: Sequence[Effect]) -> None:
        """Let every later call be answered as a commit says."""
        parts = (
            self.routes.apply,
            self.observing.deployed.apply,
            self.later.apply,
            self.mirroring.apply,
            self._retire,
            self.fleet.apply,
            self.urls.apply,
            self.services.apply,
            self.timers.apply,
            self.access.apply,
        )
        have_heard(parts, effects)

    def _retire(self, _: Sequence[Effect]) -> None:
        """Let the instances go of what no call can reach any more."""
        for fleet in (self.fleet, self.shade):
            fleet.retire(self.routes)

    async def ready(self, named: FunctionName) -> str:
        """Have an instance of `$LATEST` ready; return what keeps it from that, or nothing."""
        try:
            ending = await self.fleet.warm(self.routes.route(named, LATEST, NO_TRAITS).version)
        except Retired:  # There is another one by now.
            return ""
        return "\n".join(filter(None, (ending.message, ending.stack))) if ending else ""

    def gateway(self, settings: Settings, new_id: Callable[[], str]) -> Gateway:
        """Return the application at which callers arrive."""
        tracing, appid = self.exporting.tracing, Account().appid
        entrance = Entrance(self.services, self.routes, self.invoker, self.access, appid, tracing)
        proxies = Proxies(settings.proxies())
        return Gateway(self.urls, self.routes, self.invoker, new_id, entrance, proxies, tracing)

    def express(self, settings: Settings, new_id: Callable[[], str]) -> Express | None:
        """Return what answers plain requests; nothing where proxies speak for callers."""
        if settings.proxies():
            return None
        tracing, appid = self.exporting.tracing, Account().appid
        apis = ExpressApis(
            self.services, self.routes, self.invoker, self.access, appid, new_id, tracing
        )
        return Express(self.urls, self.routes, self.invoker, new_id, tracing, apis)


def _onward(attempts: Attempts, ended: Ended) -> Onward | None:
    """Return what goes on from an event that has ended."""
    destinations = attempts.terms.destinations(ended.event.function_id)
    if not destinations:
        return None
    goes = destinations.get(SIDES.get(ended.state, ""))
    named = goes.function if goes else None
    return onward(ended, destinations, (attempts.table.id_of(named) if named else None) or "")


def _invoker(
    routes: Routes,
    fleet: Fleet,
    recorder: Recorder | Aside,
    salt: bytes,
    mirrored: Mapping[tuple[str, str], Shown],
) -> Invoker:
    return Invoker(
        table=routes,
        fleet=fleet,
        recorder=recorder,
        clock=time.time,
        timer=time.perf_counter,
        salt=salt,
        mirrored=mirrored,
    )


def _mirroring(
    copies: Invoker, live: Fleet, most: int, dice: random.Random, new_id: Callable[[], str]
) -> Mirroring:
    return Mirroring(
        copies,
        live,
        most=most,
        clock=time.time,
        clock_ns=time.monotonic_ns,
        draw=dice.random,
        new_id=new_id,
    )


def _workshop(stores: Stores, runtimes: Runtimes, launcher: Launcher) -> Workshop:
    return Workshop(
        packages=stores.packages, runtimes=runtimes, launcher=launcher, in_use=stores.in_use
    )


def _fleets(
    settings: Settings, workshop: Workshop, dice: random.Random, stack: AsyncExitStack
) -> tuple[Fleet, Fleet]:
    """Return the fleet of users' calls, and the small one of their copies."""
    limits = Limits(
        waiting=settings.max_waiting, idle_s=settings.idle_s, max_age_s=settings.max_age_s
    )
    fleet = Fleet(workshop, limits, settings.max_instances, dice.random)
    shade = Fleet(workshop, limits, settings.max_mirrors, dice.random)
    for one in (fleet, shade):
        stack.push_async_callback(one.close, GRACE_S)
    return fleet, shade


def _access(stores: Stores, stack: AsyncExitStack) -> Access:
    """Return who guards the gateway, with what it counts being written down."""
    access = Access(time.time, time.monotonic_ns)
    usage = Usage(access.limits, Uses(stores.catalog))
    stack.push_async_callback(usage.close, asyncio.create_task(usage.run()))
    return access


def _timers(
    settings: Settings, stores: Stores, later: Asynchronous, new_id: Callable[[], str]
) -> Timers:
    return Timers(stores.firings, later.wake, time.time, ZoneInfo(settings.zone), new_id)


def _attempts(settings: Settings, invoker: Invoker, routes: Routes, tracing: Tracing) -> Attempts:
    return Attempts(
        invoker=invoker,
        table=routes,
        terms=Terms(),
        clock=time.time,
        interval_s=settings.event_retry_s,
        tracing=tracing,
    )


def _later(
    stores: Stores, attempts: Attempts, fleet: Fleet, recorder: Recorder, owner: str
) -> Asynchronous:
    stores.queue.onward = partial(_onward, attempts)
    return Asynchronous(
        stores.queue,
        attempts,
        recorded=recorder.flush,
        clock=time.time,
        owner=owner,
        spare=lambda: fleet.spare,
        interrupt=fleet.interrupt,
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
