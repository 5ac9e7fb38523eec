"""Following: what was saved is put on the server, one time after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from huidu.cli.client import Refused, Unreachable
from huidu.cli.dev.hearing import Front
from huidu.cli.dev.putting import Put, Putter
from huidu.cli.dev.telling import At, Teller, named
from huidu.cli.dev.watching import Watch
from huidu.model.function import FunctionName
from huidu.project.flaw import Flaw
from huidu.project.ignored import FILE
from huidu.project.reading import FILES

SLOW_S = 3.0
WHERE = frozenset({*FILES, FILE})  #: What says which files are packed, and so are watched.

Ready = Callable[[FunctionName], Awaitable[str]]


class Follower:
    """Carries out reloads; what is saved during one is the next."""

    def __init__(
        self, watch: Watch, putter: Putter, ready: Ready, front: Front, tell: Teller, at: At
    ) -> None:
        self._watch = watch
        self._putter = putter
        self._ready = ready
        self._front = front
        self._tell = tell
        self._at = at
        self._put: Put | None = None
        self._wrong = False
        self._refused = ""  #: What was said last of a folder that could not be put.
        self._again = False  #: Whether something may have been saved that nobody has named.
        self._known: tuple[str, ...] | None = None  #: The addresses that were told.
        self._owed = False  #: Whether what is on the server was never told of.

    async def run(self, began: float) -> None:
        """Follow until cancelled; `began` is when whoever waits began to wait."""
        names: frozenset[str] = frozenset()
        while True:
            self._again = False
            names = await self._reload(names, began)
            if not names and not self._again:
                names = await self._watch.changed()
            began = time.monotonic()

    def say_again(self) -> None:
        """Say once more where the project is called."""
        if self._put is not None:
            self._tell.where(self._put, self._at)

    async def _reload(self, names: frozenset[str], began: float) -> frozenset[str]:
        """Reload once; return what was saved before that came to its end, if anything was."""
        told = self._after_a_while(f"{named(names) or 'the project'}: still packing")
        try:
            put = await asyncio.to_thread(self._putter.put)
        except (Flaw, Refused, Unreachable) as error:
            if names or str(error) != self._refused:
                self._tell.broken(names, error)
            self._wrong, self._refused = True, str(error)
            return frozenset()
        finally:
            told.cancel()
        self._refused = ""
        before, self._put = self._put, put
        self._front.main = put.addresses[0] if put.addresses else ""
        self._front.known = put.addresses
        if before is None or names & WHERE:
            self._watch.look_again()
        if before is not None and not (put.steps or self._owed or (names and self._wrong)):
            return frozenset()  # What was saved is what was there.
        self._owed = True
        return await self._start(names, put, began)

    async def _start(self, names: frozenset[str], put: Put, began: float) -> frozenset[str]:
        """Have the new code started, so that what is wrong with it is known now."""
        function = put.project.function
        putting = time.monotonic()
        start = asyncio.ensure_future(self._ready(FunctionName(function.namespace, function.name)))
        news = await self._news_before(start, names)
        if not start.done():
            start.cancel()
            return names | news
        why, now = start.result(), time.monotonic()
        spent = {**put.spent_ms, "start": (now - putting) * 1000}
        told, took_ms = replace(put, spent_ms=spent), (now - began) * 1000
        self._wrong, self._owed = bool(why), False
        if self._known != put.addresses:
            self._known = put.addresses
            if why:
                self._tell.where(told, self._at)
            else:
                self._tell.ready(told, self._at, took_ms)
        elif not why:
            self._tell.reloaded(names, told, took_ms)
        if why:
            self._tell.failed(names, told, why)
        return news

    async def _news_before(
        self, start: asyncio.Future[str], names: frozenset[str]
    ) -> frozenset[str]:
        """Wait until the code has started; return what was saved before that, as soon as it is."""
        told = self._after_a_while(f"{named(names) or 'the function'}: still starting")
        try:
            while not start.done():
                news = asyncio.ensure_future(self._watch.changed())
                both: set[asyncio.Future[Any]] = {start, news}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                if not news.done():
                    news.cancel()
                elif news.result():
                    return news.result()
                else:  # Perhaps something was saved: who packs it will see.
                    self._again = True
        finally:
            told.cancel()
        return frozenset()

    def _after_a_while(self, text: str) -> asyncio.TimerHandle:
        """Say what takes so long, unless this is cancelled before."""
        return asyncio.get_running_loop().call_later(SLOW_S, self._tell.note, text)
