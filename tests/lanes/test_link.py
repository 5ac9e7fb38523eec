"""The link between the server and a lane: messages, and descriptors beside them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress

import pytest

from huidu.lanes.link import Link
from huidu.lanes.words import Hand, Recall, Told
from huidu.model.alias import Alias
from huidu.model.effect import AliasKept, FunctionKept, VersionKept
from huidu.model.function import Code, Configuration, Function, FunctionName
from huidu.model.routing import Ruled
from huidu.model.rules import METHODS, Rule
from huidu.model.version import Version

NAMED = FunctionName("default", "hello")
EXPRESSIONS = {"range": "[1,5]", "in": "a, b"}
RULES = tuple(
    Rule(
        version="2",
        key="invoke.headers.User",
        method=method,
        expression=EXPRESSIONS.get(method, "Bob"),
    )
    for method in METHODS
)


class End:
    """One end of a link, and what was heard there."""

    def __init__(self, own: socket.socket) -> None:
        self.heard: list[tuple[object, list[int]]] = []
        self.over = asyncio.Event()
        self.came = asyncio.Event()
        self.link = Link(own, self._hear, self.over.set)

    def _hear(self, said: object, fds: Sequence[int]) -> None:
        self.heard.append((said, [*fds]))
        self.came.set()

    async def next(self, count: int) -> list[tuple[object, list[int]]]:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                self.came.clear()
                await self.came.wait()
        return self.heard


async def test_what_was_told_is_what_is_heard_with_all_that_it_works_out() -> None:
    here, there = map(End, socket.socketpair())
    version = Version(
        function=NAMED,
        function_id="lam-1",
        number="1",
        code=Code("0" * 64, 10),
        configuration=Configuration(handler="index.main", runtime="Python3.10"),
    )
    alias = Alias(
        function=NAMED,
        name="live",
        version="1",
        routing=Ruled(RULES),
        sticky="invoke.cookies.sid",
    )
    function = Function(named=NAMED, id="lam-1")
    effects = (FunctionKept(function), VersionKept(version), AliasKept(alias))
    told = Told(7, NAMED, effects, ())

    here.link.send(told)

    assert await there.next(1) == [(told, [])]
    here.link.close()
    there.link.close()


async def test_descriptors_come_beside_the_message_that_they_were_sent_with() -> None:
    here, there = map(End, socket.socketpair())
    pipes = [os.pipe() for _ in range(3)]
    large = b"x" * 3_000_000

    for number, (reading, writing) in enumerate(pipes):
        here.link.send(Recall(f"before {number}"))
        here.link.send(Hand(large), (reading, writing))
        os.close(reading)
        os.close(writing)
    heard = await there.next(6)

    for number, ((word, none), (hand, fds)) in enumerate(zip(heard[::2], heard[1::2], strict=True)):
        assert (word, none, hand) == (Recall(f"before {number}"), [], Hand(large))
        reading, writing = fds
        os.write(writing, b"through")
        assert os.read(reading, 10) == b"through"
        os.close(reading)
        os.close(writing)
    here.link.close()
    there.link.close()


async def test_an_end_hears_that_the_other_is_gone() -> None:
    here, there = map(End, socket.socketpair())
    reading, writing = os.pipe()
    here.link.send(Hand(b""), (reading,))
    there.link.close()

    async with asyncio.timeout(5):
        await here.over.wait()
    here.link.send(Recall("nobody"), (reading,))
    here.link.close()
    for fd in (reading, writing):
        os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor"), suppress(BlockingIOError):
        os.write(writing, b"nobody reads")
