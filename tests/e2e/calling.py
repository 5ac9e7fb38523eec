"""Calls over plain HTTP, as `curl` makes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from threading import Event, Thread
from urllib.parse import urlsplit

from tests.platform import until

SUCCESS = 200


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    text: str


class Caller:
    """A client that keeps its connection."""

    def __init__(self, base: str) -> None:
        address = urlsplit(base)
        self._connection = HTTPConnection(address.netloc, timeout=30)
        self._prefix = address.path

    def ask(self, path: str = "", headers: Mapping[str, str] = {}, method: str = "GET") -> Answer:
        """Make one call and return the answer, whatever its status."""
        self._connection.request(method, self._prefix + path, headers=dict(headers))
        answer = self._connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read().decode())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def ask(url: str, headers: Mapping[str, str] = {}, method: str = "GET") -> Answer:
    """Make one call over a connection of its own."""
    caller = Caller(url)
    try:
        return caller.ask("", headers, method)
    finally:
        caller.close()


@contextmanager
def at_once(work: Callable[[], None], count: int, over: Event) -> Iterator[None]:
    """Have so many threads do some work until the end of the block, which `over` tells them."""
    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


class Callers:
    """Some callers of one address, each with one call at a time."""

    def __init__(self, url: str, count: int) -> None:
        self.count = count
        self._told: list[tuple[float, Answer]] = []  #: Each answer, and when its call began.
        self._url = url
        self._over = Event()

    def _call(self) -> None:
        caller = Caller(self._url)
        while not self._over.is_set():
            began = time.monotonic()
            self._told.append((began, caller.ask()))
        caller.close()

    @contextmanager
    def calling(self) -> Iterator[Callers]:
        """Call until the end of the block; a caller that fails to get an answer is heard of."""
        with at_once(self._call, self.count, self._over):
            yield self

    @property
    def answers(self) -> list[Answer]:
        """All answers so far."""
        return [answer for _, answer in [*self._told]]

    def next(self, count: int) -> list[Answer]:
        """Return answers of calls that all began after this was asked."""
        asked = time.monotonic()  # a slow one that is under way may come after many that are not

        def later() -> list[Answer]:
            return [answer for began, answer in [*self._told] if began >= asked]

        until(lambda: len(later()) >= count, 60)
        return later()[:count]
