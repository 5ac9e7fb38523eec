"""Web: a live instance of a web function, which carries as many exchanges as it has seats."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from time import perf_counter

from huidu.instances import answers, endings, wire
from huidu.instances.channel import Lost, Undelivered
from huidu.instances.launch import Launched
from huidu.instances.living import Living, Rider, Stopped, TimedOut
from huidu.instances.outcomes import Ending, StartFailed
from huidu.instances.passage import BadRequest, Broken, Passage, Silent, Vanished
from huidu.instances.supply import Supply
from huidu.instances.wire import Frame, Kind, ProtocolError
from huidu.model.account import Account
from huidu.model.carrying import Leaves
from huidu.model.exchange import SERVER_ERROR, BodyTooLarge, CallerLeft, Headers
from huidu.model.frame import cut
from huidu.model.invocation import MOST_EVENT_BYTES, Outcome, Status
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.model.web import PORT, web

ADDRESS = ("127.0.0.1", PORT)
MOST_SHOWN_BYTES = 4096  #: Of what a server printed that did not come to listen.
NO_SOCKETS = "the function takes no WebSocket: create it with ProtocolType=WS"
#: A connection breaks a moment before the end of its process is known.
MOMENT_S = 0.25


class WebInstance(Living):
    """A server that answers the exchanges of one version, until it ends or is ended.

    After one that took too long it is lent no more, and ended once the others on it are done.
    """

    def __init__(self, version: Version, launched: Launched, account: Account) -> None:
        self._web = web(version.configuration)
        self._supply = Supply(launched.end, self._web.concurrency + 1, self._broken)
        super().__init__(version, launched, self._supply)
        self._account = account
        self._stopped = False
        self._passages: set[Passage] = set()

    async def load(self, order: bytes) -> None:
        """Have the server started, or raise `StartFailed`."""
        ending = await self._load(order)
        self._init_ms = (perf_counter() - self._born) * 1000
        if ending is not None:
            await self.stop()
            printed = self._pipe.take()
            shown = cut(printed.encode()[-MOST_SHOWN_BYTES:], MOST_SHOWN_BYTES).decode(
                "utf-8", "replace"
            )
            raise StartFailed(ending.but(stack=ending.stack or shown), printed, self._init_ms)
        self._supply.fill()

    async def run(self, task: Task) -> Outcome:
        """Carry one exchange to its end, whatever that is.

        Raises `Undelivered` where the server certainly never heard of it.
        """
        if task.exchange is None or task.version.digest != self._version.digest:
            raise ValueError(f"instance {self.name} was not started for this")
        began = perf_counter()
        if task.exchange.head.upgrade and self._web.idle_s is None:
            return self._outcome(task, Ending(status=Status.BAD_EVENT, message=NO_SOCKETS), 0.0)
        passage, timer = None, None
        fault: Exception | None = None
        seconds = self._version.configuration.timeout_s
        try:
            async with asyncio.timeout(seconds):
                passage = Passage(await self._connect(), task, task.exchange)
            self._passages.add(passage)
            left = seconds - (perf_counter() - began)
            timer = self._loop.call_later(left, self._too_late, passage)
            await passage.run(self._headers(task), self._web.idle_s or 0)
        except (TimeoutError, TimedOut):
            fault = TimedOut()
        except (Broken, Lost, Stopped, CallerLeft, BodyTooLarge, BadRequest) as error:
            fault = error
        except (Silent, Vanished) as error:
            fault = error
        finally:
            if timer is not None:
                timer.cancel()
            self._leave(passage, fault)
        self.took_s = perf_counter() - began
        ending = await self._ending(passage, fault)
        return self._outcome(task, ending, self.took_s * 1000)

    @property
    def ahead(self) -> bool:
        """It has seats instead."""
        return False

    def start(self, task: Task, rider: Rider) -> Leaves:
        """Refuse: an exchange goes on for as long as both sides stream, and is waited for."""
        raise ValueError(f"{self!r} takes exchanges: {task.invocation.request_id}, {rider!r}")

    async def stop(self) -> None:
        """End the process, and return when nothing of it is left."""
        self._stopped = True
        await super().stop()

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {len(self._passages)} on it>"

    async def _connect(self) -> socket.socket:
        connection = await self._supply.take()
        try:
            await self._loop.sock_connect(connection, ADDRESS)
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError) and not isinstance(error, TimeoutError):
                # It listened once: it ends, or does not take connections any more.
                self._supply.fail(Lost())
                raise Undelivered from error
            raise
        return connection

    async def _ending(self, passage: Passage | None, fault: Exception | None) -> Ending:
        """Return what is told of an exchange."""
        peak = self._process.peak_bytes()
        if isinstance(fault, (Broken, Lost)):
            told = await self._gone_or_broken(fault)
            return told.but(peak_bytes=told.peak_bytes or peak)
        goes_well = isinstance(fault, CallerLeft) and passage is not None and passage.switched
        if passage is not None and (fault is None or goes_well):
            said = f"HTTP {passage.status}"
            if passage.status >= SERVER_ERROR:
                return Ending(status=Status.USER_CODE_ERROR, message=said, peak_bytes=peak)
            return Ending(result=said, peak_bytes=peak)
        return self._told(fault).but(peak_bytes=peak)

    def _told(self, fault: Exception | None) -> Ending:
        if isinstance(fault, TimedOut):
            return endings.timed_out(self._version.configuration)
        if isinstance(fault, Stopped):
            return endings.stopped()
        told: Mapping[type, tuple[Status, str]] = {
            Silent: (
                Status.SOCKET_IDLE,
                f"the WebSocket was silent for {self._web.idle_s} seconds",
            ),
            Vanished: (
                Status.SOCKET_BROKEN,
                "the client left the WebSocket without closing it",
            ),
            BodyTooLarge: (
                Status.EVENT_TOO_LARGE,
                f"the body of the request is larger than {MOST_EVENT_BYTES} bytes",
            ),
            BadRequest: (Status.BAD_EVENT, f"the request cannot be passed on: {fault}"),
            CallerLeft: (Status.CANCELLED, "the caller left"),
        }
        status, message = told[type(fault)]
        return Ending(status=status, message=message)

    async def _gone_or_broken(self, fault: Exception) -> Ending:
        """Tell a server that ended from one that lives and does not answer as it should."""
        try:
            async with asyncio.timeout(MOMENT_S if isinstance(fault, Broken) else None):
                ended = await self._process.wait()
        except TimeoutError:
            return Ending(status=Status.USER_CODE_ERROR, message=f"no whole answer: {fault}")
        if ended.out_of_memory:
            return endings.out_of_memory(self._version.configuration, ended.peak_bytes)
        return endings.exited(ended)

    async def _load(self, order: bytes) -> Ending | None:
        limit = self._version.configuration.init_timeout_s
        try:
            async with asyncio.timeout(limit):
                frame = await self._supply.exchange(wire.pack(Frame(Kind.LOAD, order)))
            told = answers.loading(frame, self._version.digest)
            return told if isinstance(told, Ending) else None
        except TimeoutError:
            message = f"the server did not listen on port {PORT} within {limit} seconds"
            return Ending(status=Status.PORT_NOT_BOUND, message=message)
        except ProtocolError as error:
            return endings.never_agreed(error)
        except (Undelivered, Lost):
            ended = await self._process.wait()
            return endings.never_ready(ended)

    def _broken(self) -> None:
        """The wire broke: the instance has ended, or is to end now."""
        self._process.kill()
        for passage in tuple(self._passages):
            passage.interrupt(Stopped() if self._stopped else Lost())
        self._retire()

    def _too_late(self, passage: Passage) -> None:
        if not passage.switched:
            passage.interrupt(TimedOut())

    def _leave(self, passage: Passage | None, fault: Exception | None) -> None:
        if passage is not None:
            self._passages.discard(passage)
        if isinstance(fault, TimedOut):
            self._retire()
        if not self._alive and not self._passages:
            self._supply.fail(Stopped())

    def _headers(self, task: Task) -> Headers:
        """Return what a server is told of the call (section 4.6)."""
        version, wanted = self._version, self._version.configuration
        told = {
            "Request-Id": task.invocation.request_id,
            "Memory": str(wanted.memory_mb),
            "Timeout": str(wanted.timeout_s),
            "Version": version.number,
            "Name": version.function.name,
            "Namespace": version.function.namespace,
            "Region": self._account.region,
            "Appid": self._account.appid,
            "Uin": self._account.uin,
        }
        return [(f"X-Scf-{name}".encode(), value.encode()) for name, value in told.items()]
