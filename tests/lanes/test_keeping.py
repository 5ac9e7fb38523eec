"""What a lane's calls leave, on its way through a pipe to the server."""

from __future__ import annotations

import asyncio
import os

from huidu.lanes.keeping import MOST_WAITING, Keeping, Kept, pipe
from huidu.model.call import Call
from huidu.model.function import FunctionName
from huidu.model.invocation import Invocation, Outcome, Record, Status

WAY = ("lam-1", "live", "1")


class Books:
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.running = self.most = self.dropped = 0

    def began(self, lane: tuple[str, str, str]) -> Way:
        way = Way(self)
        way.began()
        return way

    def record(self, record: Record) -> None:
        self.records.append(record)

    def dropped_elsewhere(self, count: int) -> None:
        self.dropped += count


class Way:
    """One that calls take."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def began(self) -> None:
        self._books.running += 1
        self._books.most = max(self._books.most, self._books.running)

    def ended(self) -> None:
        self._books.running -= 1


def call(request_id: str, status: int = Status.SUCCESS, log: str = "") -> Call:
    made = Call(
        Invocation(request_id=request_id, function=FunctionName("a", "b"), qualifier="1"), 1.0, 2.0
    )
    made.lane = WAY
    made.outcome = Outcome(status=status, result='"ok"', log=log)
    return made


async def test_what_was_recorded_is_there_whatever_became_of_who_wrote() -> None:
    reading, writing = pipe()
    keeping, books = Keeping(writing), Books()
    calls = [call(str(n), log="x" * 200) for n in range(40)]
    for one in calls:
        keeping.take(one)
    os.write(writing, b"\x01\0\0")  # it was killed amid a word
    os.close(writing)

    Kept(reading, books).close()

    assert books.records == [one.record() for one in calls]


async def test_failures_are_kept_where_not_all_fits() -> None:
    reading, writing = pipe()
    keeping, books = Keeping(writing), Books()
    long = "x" * 60_000
    for n in range(MOST_WAITING + 40):
        keeping.take(call(f"good {n}", log=long))
    for n in range(50):
        keeping.take(call(f"bad {n}", Status.USER_ERROR))
    kept = Kept(reading, books)

    async def read() -> None:
        while True:
            kept.take()
            await asyncio.sleep(0)

    reader = asyncio.create_task(read())
    async with asyncio.timeout(20):
        await keeping.sent()
    reader.cancel()
    os.close(writing)
    kept.close()

    failed = [one for one in books.records if one.status != Status.SUCCESS]
    assert len(failed) == 50
    assert len(books.records) + books.dropped == MOST_WAITING + 90
    assert books.dropped > 0


async def test_how_many_run_is_known_and_so_is_that_none_do_once_it_is_gone() -> None:
    reading, writing = pipe()
    keeping, books = Keeping(writing), Books()
    kept = Kept(reading, books)
    under = [keeping.began(WAY) for _ in range(3)]
    under[0].ended()
    keeping.tell_now()
    kept.take()
    assert (books.running, books.most) == (2, 3)

    for one in under[1:]:
        one.ended()
    keeping.tell_now()
    kept.take()
    assert books.running == 0

    keeping.began(WAY)
    keeping.tell_now()
    os.close(writing)
    kept.close()
    assert books.running == 0
