"""Hearing: what each call was, of what the gateway saw of it and what the recorder took."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeVar

from huidu.model.call import Call
from huidu.model.invocation import Record
from huidu.observe.counters import Counters
from huidu.observe.recorder import Recorder
from huidu.store.books import Books

OVER_HTTP = frozenset({"http", "apigw"})  #: The triggers whose calls the gateway sees.
REQUEST_ID, VERSION, ALIAS = b"x-api-requestid", b"x-scf-version", b"x-scf-alias"
LOCAL = (b"localhost", b"127.0.0.1")
MOST_WAITING = 1000
LEFT = 499  #: Of whoever left before there was an answer, as nginx has it.

Scope = MutableMapping[str, Any]
App = Callable[..., Any]
K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request, and what it was answered with."""

    request_id: str
    method: str
    path: str
    status: int
    ms: float
    version: str
    alias: str


Heard = Callable[[Visit | None, Record | None], None]


class Hearing:
    """Tells each call once: over HTTP with both sides of it, else as the recorder has it."""

    def __init__(self, tell: Heard) -> None:
        self._tell = tell
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._records: OrderedDict[str, Record] = OrderedDict()

    def ended(self, record: Record) -> None:
        """Take the record of a call."""
        if record.trigger not in OVER_HTTP:
            self._tell(None, record)
        elif visit := self._visits.pop(record.request_id, None):
            self._tell(visit, record)
        else:
            _keep(self._records, record.request_id, record)

    def visited(self, visit: Visit) -> None:
        """Take a request that has been answered."""
        record = self._records.pop(visit.request_id, None)
        if record is None and visit.version:
            _keep(self._visits, visit.request_id, visit)
        else:
            self._tell(visit, record)


def _keep(kept: OrderedDict[str, K], request_id: str, one: K) -> None:
    kept[request_id] = one
    if len(kept) > MOST_WAITING:
        kept.popitem(last=False)


class Listening(Recorder):
    """A recorder that has somebody hear of each call as it ends."""

    def __init__(
        self,
        hear: Callable[[Record], None],
        books: Books,
        counters: Counters,
        throttled: Callable[[Record], None],
    ) -> None:
        super().__init__(books, counters, throttled)
        self._hear = hear

    def take(self, call: Call) -> None:
        self.record(call.record())

    def record(self, record: Record) -> None:
        super().record(record)
        self._hear(record)


class Front:
    """Stands before the gateway: sees each request, and has the root lead to the function."""

    def __init__(self, visited: Callable[[Visit], None], clock: Callable[[], float]) -> None:
        self._visited = visited
        self._clock = clock
        self._app: App | None = None
        self.main = ""  #: The path that the root stands for.
        self.known: tuple[str, ...] = ()  #: All paths that lead to the project.

    def before(self, app: App) -> App:
        """Stand before an application."""
        self._app = app
        return self

    async def __call__(self, scope: Scope, receive: App, send: App) -> None:
        """Hand on one request, and tell what came of it."""
        assert self._app is not None  # noqa: S101 - it is given one before it is opened
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, path = self._clock(), _path(scope)
        said: dict[str, Any] = {"status": LEFT, "headers": ()}

        async def heard(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                said.update(message)
            await send(message)

        try:
            await self._app(self._led(scope), receive, heard)
        finally:
            headers = {bytes(k).lower(): bytes(v).decode("latin-1") for k, v in said["headers"]}
            self._visited(
                Visit(
                    request_id=headers.get(REQUEST_ID, ""),
                    method=scope["method"],
                    path=path,
                    status=said["status"],
                    ms=(self._clock() - began) * 1000,
                    version=headers.get(VERSION, ""),
                    alias=headers.get(ALIAS, ""),
                )
            )

    def _led(self, scope: Scope) -> Scope:
        """Return a request for the root of this machine as one for the project's address."""
        raw = _raw(scope)
        host = dict(scope["headers"]).get(b"host", b"").partition(b":")[0].lower()
        names = raw.decode("latin-1")
        ours = any(names == one or names.startswith(f"{one}/") for one in self.known)
        if ours or not self.main or host not in LOCAL:
            return scope
        return {**scope, "path": self.main + scope["path"], "raw_path": self.main.encode() + raw}


def _raw(scope: Scope) -> bytes:
    raw: bytes | None = scope.get("raw_path")
    return raw or str(scope["path"]).encode()


def _path(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path = _raw(scope).decode("latin-1")
    return f"{path}?{query}" if query else path


def front_of(hearing: Hearing) -> Front:
    """Return what stands before the gateway."""
    return Front(hearing.visited, time.perf_counter)
