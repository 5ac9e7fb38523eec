"""Runs: carries out what `sls` asks, in the background, and writes down what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import structlog

from huidu.control.plane import Asked, Catalog
from huidu.model.account import Account
from huidu.model.component import DEPLOY, Component, Order
from huidu.model.errors import Failed, LimitExceeded, Refusal
from huidu.project.flaw import Flaw
from huidu.project.looking import Ask
from huidu.serverless import arriving
from huidu.serverless import state as states
from huidu.serverless.arriving import arrived, unpacked
from huidu.serverless.deploying import Run
from huidu.serverless.places import Places, Stored, stored
from huidu.serverless.state import State, Where
from huidu.store.aside import Aside
from huidu.store.packages import FULL
from huidu.store.writing import Writing

MOST_AT_ONCE = 2  #: Runs that unpack, pack and deploy; others wait their turn,
MOST_RUNS = 100  #: and so many are there at all, most of them without their code.
CLOSING_S = 10.0
LOOK_S = 1.0
AGAIN_S = 1.0  #: After how long an end is written down again that could not be.
CUT_OFF = "the server ended while it was {}; deploy again: what was done is kept, the rest follows"
NO_ROOM = "the disk of the server is full; whoever runs it must free some of it, then deploy again"
STOPPED = "the server was stopped while it was {}; deploy again once it is back"

#: Carries out one action in somebody's name.
Carry = Callable[[Asked, str, str, Mapping[str, object]], Awaitable[Mapping[str, Any]]]
T = TypeVar("T")
log = structlog.get_logger("huidu.serverless")


class Runs:
    """Carries out runs, one at a time for each component.

    A run is written down before it is acknowledged, and its end as soon as it has come. What a
    killed server leaves under way is found by `open`, and told as what it is.
    """

    def __init__(
        self,
        catalog: Catalog,
        objects: arriving.Objects,
        places: Places,
        home: Path,
        account: Account,
        gateway_url: str,
        clock: Callable[[], float],
        timer: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._catalog = catalog
        self._objects = objects
        self._places = places
        self._aside = Aside(home)
        self._account = account
        self.gateway_url = gateway_url  #: Where the addresses in outputs begin.
        self._clock = clock
        self._timer = timer
        self._new_id = new_id
        self._carry: Carry | None = None
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._awaiting: set[asyncio.Task[Any]] = set()  #: Those whose code is on its way.
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "huidu-run")

    async def open(self, carry: Carry) -> None:
        """Take runs from now on; what is under way by the catalog was cut off, and is told so."""
        self._carry = carry

        def change(writing: Writing) -> list[Component]:
            return [writing.components.put(self._cut_off(one)) for one in writing.components.busy()]

        for one in await self._catalog.write(change):
            log.warning("run.cut_off", component=str(one.key), action=one.action)

    async def close(self) -> None:
        """Take no more runs, and let those under way come to an end: a good one, or a clear one."""
        self._closing = True
        for task in self._awaiting:
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSING_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def addresses(self) -> tuple[str, str, str]:
        """Return where code is put, where it is then to be had, and where there is nothing."""
        return await asyncio.to_thread(self._places.offer)

    async def begin(self, asked: Asked, order: Order) -> Component:
        """Begin a run, or raise a refusal; whatever it comes to is told by the catalog."""
        self._check_open()
        if len(self._tasks) >= MOST_RUNS:
            raise LimitExceeded("Runs", f"{MOST_RUNS} runs are under way; try again in a while")
        where = stored(order.inputs.get("src"), self._account) if order.method == DEPLOY else None
        run = self._new_id()

        def change(writing: Writing) -> Component:
            kept = writing.components.find(order.key) or Component(key=order.key)
            return writing.components.put(kept.begin(order, run, self._clock()))

        begun = await self._catalog.write(change)
        task = asyncio.create_task(self._run(asked, order, begun, where))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return begun

    def _cut_off(self, component: Component) -> Component:
        return component.failed(CUT_OFF.format(component.status), component.state, self._clock())

    async def _run(
        self, asked: Asked, order: Order, begun: Component, where: Stored | None
    ) -> None:
        run = Run(order, states.read(begun.state), self._asking(asked), self._keeping(begun))
        now = self._clock
        try:
            self._check_open()
            outputs = await self._carried(run, where)
        except asyncio.CancelledError:
            why = STOPPED.format(begun.status)
            await self._end(begun, lambda one: one.failed(why, states.written(run.state), now()))
        except Exception as error:  # noqa: BLE001 - whatever it was, who waits is told
            why = self._told(error, run, begun)
            await self._end(begun, lambda one: one.failed(why, states.written(run.state), now()))
        else:
            await self._end(begun, lambda one: _done(one, outputs, run.state, now()))
        finally:
            if where is not None and where.ours:
                with suppress(Exception):  # It goes anyway, with what nobody asks for.
                    await asyncio.to_thread(self._objects.delete, where.bucket, where.key)

    async def _carried(self, run: Run, where: Stored | None) -> dict[str, object] | None:
        if where is not None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - it runs in one
            self._awaiting.add(task)
            try:
                await arrived(self._objects, where, self._timer)
            finally:
                self._awaiting.discard(task)
        async with self._turn:
            self._check_open()
            return await self._in_thread(lambda: self._work(run, where))

    def _check_open(self) -> None:
        if self._closing:
            raise Failed("Closing", "the server is being stopped; deploy again once it is back")

    def _work(self, run: Run, where: Stored | None) -> dict[str, object] | None:
        if where is None:
            run.remove()
            return None
        with self._aside.lend() as folder:
            region = run.order.inputs.get("region")
            named = region[0] if isinstance(region, list) and region else region
            return run.deploy(
                unpacked(self._objects, where, folder),
                Where(
                    account=self._account,
                    gateway_url=self.gateway_url,
                    region=str(named or self._account.region),
                ),
            )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _asking(self, asked: Asked) -> Ask:
        """Return what asks this very server, from a thread, in the name of who wanted the run."""
        loop = asyncio.get_running_loop()

        def ask(service: str, action: str, parameters: Mapping[str, object]) -> Mapping[str, Any]:
            self._check_open()
            assert self._carry is not None  # noqa: S101 - there are no runs before
            carried = self._carry(asked, service, action, parameters)
            return _result(asyncio.run_coroutine_threadsafe(_awaited(carried), loop), loop)

        return ask

    def _keeping(self, begun: Component) -> Callable[[State], None]:
        """Return what writes down, from a thread, how far a run is."""
        loop = asyncio.get_running_loop()

        def keep(state: State) -> None:
            noted = self._change(begun, lambda one: one.noted(states.written(state)))
            _result(asyncio.run_coroutine_threadsafe(noted, loop), loop)

        return keep

    async def _change(
        self, begun: Component, change: Callable[[Component], Component]
    ) -> Component | None:
        key, run = begun.key, begun.run
        return await self._catalog.write(
            lambda writing: writing.components.by_run(key, run, change)
        )

    def _told(self, error: Exception, run: Run, begun: Component) -> str:
        """Return what went wrong, for who waits for the run."""
        if isinstance(error, Flaw):
            log.info("run.refused", component=str(begun.key), reason=error.why[:400])
            return f"{error.key}: {error.why}" if error.key else str(error)
        if isinstance(error, Refusal):
            log.info("run.refused", component=str(begun.key), code=error.code, doing=run.doing)
            return f"{error.message} (at: {run.doing})"
        if isinstance(error, OSError) and error.errno in FULL:
            log.error("run.no_room", component=str(begun.key), run=begun.run, doing=run.doing)
            return NO_ROOM
        log.error("run.failed", component=str(begun.key), run=begun.run, exc_info=error)
        return f"an error of ours; the log has it as {begun.run}"

    async def _end(self, begun: Component, change: Callable[[Component], Component]) -> None:
        """Write down the end of a run, which a cancelled task does as well."""
        writing = asyncio.ensure_future(self._written(begun, change))
        try:
            ended = await asyncio.shield(writing)
        except asyncio.CancelledError:
            ended = await writing
        if ended is not None:
            said = str(begun.key)
            log.info("run.ended", component=said, action=ended.action, status=ended.status)

    async def _written(
        self, begun: Component, change: Callable[[Component], Component]
    ) -> Component | None:
        """Write down an end as often as it takes, as on a full disk.

        Until then the component is busy, and nobody can deploy it. What a server that is stopped
        could not write down is found by the next one.
        """
        while True:
            try:
                return await self._change(begun, change)
            except Exception:
                log.exception("run.end_not_kept", component=str(begun.key), run=begun.run)
            if self._closing:
                return None
            await asyncio.sleep(AGAIN_S)


def _result(future: Future[T], loop: asyncio.AbstractEventLoop) -> T:
    """Return what a thread waits for; never longer than there is somebody to answer."""
    while True:
        try:
            return future.result(LOOK_S)
        except TimeoutError:
            if future.done():  # It is what the action raised.
                raise
            if loop.is_closed():
                raise Failed("Closing", "the server has ended") from None


async def _awaited(carried: Awaitable[Mapping[str, Any]]) -> Mapping[str, Any]:
    return await carried


def _done(
    component: Component, outputs: dict[str, object] | None, state: State, at: float
) -> Component:
    if outputs is None:
        return component.removed(at)
    return component.deployed(states.written(state), states.encoded(outputs), at)
