"""The channel: how the other end's silence is read."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from huidu.instances.channel import Channel, Lost, Undelivered
from huidu.instances.lines import Pipe
from huidu.instances.wire import Frame, Kind, ProtocolError, pack
from tests.fakes import turns

FRAME = pack(Frame(Kind.CALL, b"x" * 1000))
LARGE = pack(Frame(Kind.CALL, b"x" * 4_000_000))
ANSWER = Frame(Kind.RESULT, b"y")


class Ends:
    """Both ends of a wire, and how often the channel said that it broke."""

    def __init__(self) -> None:
        self.ours, self.far = socket.socketpair()
        self.broken = 0

    def channel(self) -> Channel:
        return Channel(self.ours, self.breaks)

    def breaks(self) -> None:
        self.broken += 1


@pytest.fixture
def ends() -> Iterator[Ends]:
    both = Ends()
    with both.ours, both.far:
        yield both


async def exchange(channel: Channel, frame: bytes = FRAME) -> asyncio.Task[Frame]:
    task = asyncio.create_task(channel.exchange(frame))
    await turns()
    return task


async def test_an_answer_comes_to_whoever_asked(ends: Ends) -> None:
    channel = ends.channel()
    asking = await exchange(channel)

    ends.far.send(pack(ANSWER))

    assert await asking == ANSWER
    channel.close()


async def test_a_frame_that_does_not_fit_is_sent_as_it_is_read(ends: Ends) -> None:
    channel = ends.channel()
    asking = await exchange(channel, LARGE)

    got = 0
    while got < len(LARGE):
        got += len(await asyncio.to_thread(ends.far.recv, 1 << 20))
    ends.far.send(pack(ANSWER))

    assert await asking == ANSWER
    channel.close()


async def test_a_full_wire_is_written_to_when_there_is_room(ends: Ends) -> None:
    channel = ends.channel()
    filled = fill(ends.ours)
    asking = await exchange(channel)
    channel._send_on()

    while filled:
        filled -= len(await asyncio.to_thread(ends.far.recv, min(filled, 65536)))
    assert await asyncio.to_thread(ends.far.recv, 65536) == FRAME
    ends.far.send(pack(ANSWER))

    assert await asking == ANSWER
    channel.close()


def fill(end: socket.socket) -> int:
    """Write until there is no more room; return how much it was."""
    filled = 0
    with suppress(BlockingIOError):
        while True:
            filled += end.send(b"z" * 65536)
    return filled


async def test_an_end_after_the_frame_was_read_may_mean_anything(ends: Ends) -> None:
    channel = ends.channel()
    asking = await exchange(channel)
    ends.far.recv(len(FRAME))

    ends.far.close()

    with pytest.raises(Lost):
        await asking
    assert ends.broken == 1


async def test_an_end_with_part_of_the_frame_unread_means_that_nothing_began(ends: Ends) -> None:
    channel = ends.channel()
    asking = await exchange(channel)
    ends.far.recv(len(FRAME) - 1)

    ends.far.close()

    with pytest.raises(Undelivered):
        await asking


async def test_an_end_with_part_of_the_frame_unsent_means_the_same(ends: Ends) -> None:
    channel = ends.channel()
    asking = await exchange(channel, LARGE)
    while select.select([ends.far], [], [], 0)[0]:
        ends.far.recv(1 << 20)

    ends.far.close()

    with pytest.raises(Undelivered):
        await asking


async def test_an_end_that_stops_reading_means_the_same(ends: Ends) -> None:
    channel = ends.channel()
    asking = await exchange(channel, LARGE)

    ends.far.shutdown(socket.SHUT_RD)
    channel._send_on()

    with pytest.raises(Undelivered):
        await asking


async def test_nothing_is_sent_where_nobody_is_left(ends: Ends) -> None:
    channel = ends.channel()
    ends.far.close()

    with pytest.raises(Undelivered):
        await channel.exchange(FRAME)
    with pytest.raises(Undelivered):
        await channel.exchange(FRAME)
    assert ends.broken == 1


async def test_who_asks_hears_why_the_channel_was_broken(ends: Ends) -> None:
    channel = ends.channel()
    asking = await exchange(channel)

    channel.fail(TimeoutError("too late"))
    channel.fail(ValueError("once is enough"))

    with pytest.raises(TimeoutError, match="too late"):
        await asking
    assert ends.broken == 1


async def test_a_close_takes_in_the_answer_that_is_still_there(ends: Ends) -> None:
    channel = ends.channel()
    asking = await exchange(channel)
    ends.far.send(pack(ANSWER))

    channel.close()

    assert await asking == ANSWER
    assert ends.broken == 1


async def test_a_pipe_that_nobody_writes_to_any_more_is_left_alone() -> None:
    output, printed = os.pipe()
    pipe = Pipe(output)

    os.write(printed, b"the last words")
    os.close(printed)
    await asyncio.sleep(0.01)

    assert pipe.take() == "the last words\n"
    pipe.close()
    assert pipe.take() == ""
    pipe.close()


async def test_what_is_in_the_pipe_is_taken_though_nobody_had_time_to_read_it() -> None:
    output, printed = os.pipe()
    pipe = Pipe(output)

    os.write(printed, b"a line\n" * 1000)

    assert pipe.take() == "a line\n" * 1000
    assert pipe._read(1) == 0
    os.write(printed, b"more")
    pipe.close()
    assert pipe.take() == "more\n"
    os.close(printed)


async def test_frames_that_come_together_are_heard_in_order_and_answered_together(
    ends: Ends,
) -> None:
    channel = ends.channel()
    heard: list[tuple[int, bytes]] = []

    def hear(kind: int, body: bytes) -> None:
        heard.append((kind, body))
        channel.send(pack(Frame(Kind.CALL, b"after " + body)))

    channel.hear = hear
    last = pack(Frame(Kind.RESULT, b"three"))
    ends.far.send(b"".join(pack(Frame(Kind.RESULT, one)) for one in (b"one", b"two")) + last[:6])
    await turns()
    ends.far.send(last[6:])
    await turns()

    assert heard == [(Kind.RESULT, one) for one in (b"one", b"two", b"three")]
    sent = [pack(Frame(Kind.CALL, b"after " + one)) for one in (b"one", b"two", b"three")]
    assert await asyncio.to_thread(ends.far.recv, 1 << 20) == b"".join(sent)
    channel.close()


async def test_what_comes_behind_a_frame_that_broke_the_channel_is_sent_no_answer(
    ends: Ends,
) -> None:
    channel = ends.channel()
    heard: list[bytes] = []

    def hear(_kind: int, body: bytes) -> None:
        heard.append(body)
        channel.send(FRAME)
        channel.fail(Lost())

    channel.hear = hear
    ends.far.send(pack(Frame(Kind.RESULT, b"one")) + pack(Frame(Kind.RESULT, b"two")))
    await turns()

    assert heard == [b"one"]
    assert ends.broken == 1
    ends.far.settimeout(0)
    with pytest.raises(BlockingIOError):
        ends.far.recv(1)
    channel.close()


async def test_an_answer_that_came_before_a_send_failed_is_heard(ends: Ends) -> None:
    channel, heard = ends.channel(), list[bytes]()
    channel.hear = lambda _, body: heard.append(body)
    channel.send(FRAME)
    ends.far.recv(len(FRAME))
    ends.far.send(pack(ANSWER))
    ends.far.close()

    channel.send(FRAME)
    await turns()

    assert heard == [ANSWER.body]
    assert isinstance(channel.fault, Undelivered)
    assert ends.broken == 1


async def test_whoever_sees_to_what_comes_together_is_told_however_that_ends(ends: Ends) -> None:
    channel, told = ends.channel(), []

    def hear(kind: int, body: bytes) -> None:
        told.append("frame")
        raise ProtocolError

    channel.hear = hear
    channel.before, channel.after = lambda: told.append("before"), lambda: told.append("after")
    ends.far.send(pack(ANSWER) * 2)
    await turns()

    assert told == ["before", "frame", "after"]
    assert isinstance(channel.fault, ProtocolError)
    channel.close()
