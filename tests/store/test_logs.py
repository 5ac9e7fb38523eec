"""The log: what functions print is found again, in order, for as long as there is room."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from huidu.model.flood import Flood
from huidu.model.log import Chunk, Wanted, lines
from huidu.store import shelf
from huidu.store.logs import MOST_WAITING, Logs
from tests.fakes_store import record

NEWEST, OLDEST = (1 << 40, 0), (0, 0)
PLENTY = Flood(1 << 40)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_log(directory: Path, clock: Clock, **more: Any) -> Logs:
    usual: dict[str, Any] = {"most_bytes": 64 << 20, "keep_s": 1e6, "flood": PLENTY}
    return Logs(directory / "logs", clock=clock, **(usual | more))


@pytest.fixture
async def logs(tmp_path: Path, clock: Clock) -> AsyncIterator[Logs]:
    opened = a_log(tmp_path, clock)
    await opened.open()
    yield opened
    await opened.close()


def chunk(n: int, printed: str = "", **more: Any) -> Chunk:
    usual: dict[str, Any] = {
        "request_id": f"r-{n}",
        "namespace": "default",
        "function": "hello",
        "function_id": "lam-1",
        "version": "1",
        "status": 200,
        "printed": printed or f"line {n}\n",
    }
    return Chunk(**(usual | more))


async def kept(logs: Logs, *chunks: Chunk) -> None:
    for one in chunks:
        logs.take(one)
    await logs.flush()


async def told(logs: Logs, *, limit: int = 1000, **wanted: Any) -> list[str]:
    page = await logs.search(Wanted(**wanted), NEWEST, limit, newest_first=True)
    return [line.text for line in page.lines if line.kind == "printed"]


async def test_lines_are_found_the_newest_first_and_the_oldest_first(logs: Logs) -> None:
    await kept(logs, *(chunk(n, f"{n} a\n{n} b\n") for n in range(3)))

    assert await told(logs) == ["2 b", "2 a", "1 b", "1 a", "0 b", "0 a"]
    page = await logs.search(Wanted(text="a"), OLDEST, 9, newest_first=False)
    assert [line.text for line in page.lines] == ["0 a", "1 a", "2 a"]
    assert page.next is None


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_hold_every_line_once(logs: Logs, limit: int, *, newest_first: bool) -> None:
    await kept(logs, *(chunk(n, f"{n} a\n{n} b\n") for n in range(4)))
    found, place = list[tuple[int, int]](), NEWEST if newest_first else OLDEST
    while True:
        page = await logs.search(Wanted(), place, limit, newest_first=newest_first)
        found += [(line.chunk.sequence, line.place) for line in page.lines]
        if page.next is None:
            break
        place = page.next
    every = [(n, place) for n in range(1, 5) for place in range(3)]
    assert found == (every[::-1] if newest_first else every)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"function_id": "lam-1"}, [1, 2, 3, 4, 5]),
        ({"function_id": "lam-2"}, [6]),
        ({"namespace": "default"}, [1, 2, 3, 4, 5]),
        ({"request_id": "r-2"}, [2]),
        ({"request_id": "r-"}, [1, 2, 3, 4, 5, 6]),
        ({"request_id": "r-9"}, []),
        ({"version": "2"}, [2, 3]),
        ({"alias": "release"}, [3]),
        ({"version": "2", "alias": "release"}, [3]),
        ({"statuses": frozenset({430, 433})}, [4, 5]),
        ({"failed": True}, [4, 5]),
        ({"failed": False}, [1, 2, 3, 6]),
        ({"errors": True}, [2, 4, 5]),
        ({"level": 40}, [2]),
        ({"level": 30}, [2, 3]),
        ({"text": "CACHE"}, [1, 3]),
        ({"text": "ca"}, [1, 3]),
        ({"text": "订单"}, [4]),
        ({"text": "订单已支付"}, [4]),
        ({"text": "已退"}, []),
        ({"text": "cache", "version": "2"}, [3]),
        ({"text": "100% 'of' \"it\""}, [5]),
        ({"fields": (("orderId", "7"),)}, [6]),
        ({"fields": (("user.id", "BOB"), ("orderId", "7"))}, [6]),
        ({"fields": (("orderId", "8"),)}, []),
        ({"fields": (("orderId", "7"),), "text": "bob"}, [6]),
        ({"fields": (("orderId", "7"),), "text": "ann"}, []),
        ({"since": 1001.0}, [3, 4, 5, 6]),
        ({"until": 1001.0}, [1, 2]),
        ({"since": 1001.0, "until": 1002.0}, [3, 4]),
        ({"since": 9999.0}, []),
        ({"until": 1.0}, []),
    ],
)
async def test_lines_are_found_by_all_that_is_known_of_them(
    logs: Logs, clock: Clock, wanted: dict[str, Any], found: list[int]
) -> None:
    await kept(logs, chunk(1, "the cache is cold\n"), chunk(2, "ERROR: it broke\n", version="2"))
    clock.now = 1001.0
    await kept(
        logs,
        chunk(3, "[WARN] a Cache\n", version="2", alias="release"),
        chunk(4, "订单已支付\n", status=430),
    )
    clock.now = 1002.0
    order = '{"orderId": 7, "user": {"id": "bob"}}\n'
    await kept(
        logs,
        chunk(5, "100% 'of' \"it\"\n", status=433),
        chunk(6, order, function_id="lam-2", namespace="other"),
    )
    page = await logs.search(Wanted(**wanted), OLDEST, 100, newest_first=False)
    calls = dict.fromkeys(line.chunk.request_id for line in page.lines)
    assert list(calls) == [f"r-{n}" for n in found]


async def test_who_waits_hears_of_what_comes(logs: Logs) -> None:
    waiting = [asyncio.create_task(logs.wait(0, 30.0)) for _ in range(2)]
    await asyncio.sleep(0)
    await kept(logs, chunk(1))
    await asyncio.gather(*waiting)
    await logs.wait(0, 30.0)  # it has come already
    await logs.wait(1, 0.01)  # nothing has, in time


async def test_nobody_waits_once_the_log_is_hushed(logs: Logs) -> None:
    waiting = asyncio.create_task(logs.wait(0, 30.0))
    await asyncio.sleep(0)
    logs.hush()
    await waiting
    await kept(logs, chunk(1))
    await logs.wait(1, 30.0)


async def test_two_readers_who_follow_see_every_line_once_while_it_is_written(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "LEAST_SEGMENT_BYTES", 100_000)  # so that there are several
    logs._shelf._most_bytes = 1 << 30
    monkeypatch.setattr(shelf, "PARTS", 1 << 20)

    async def follow(limit: int) -> list[str]:
        found, place = list[str](), OLDEST
        while len(found) < 3000:
            newest = logs.newest
            page = await logs.search(Wanted(), place, limit, newest_first=False)
            found += [line.text for line in page.lines if line.kind == "printed"]
            last = page.lines[-1].chunk.sequence if page.lines else 0
            place = page.next or max((newest, 1 << 40), (last, 1 << 40), place)
            await logs.wait(place[0], 1.0)
        return found

    readers = [asyncio.create_task(follow(limit)) for limit in (7, 1000)]
    for n in range(0, 1000, 10):
        await kept(logs, *(chunk(m, f"{m} a\n{m} b\n{m} c\n") for m in range(n, n + 10)))
    wanted = [f"{n} {letter}" for n in range(1000) for letter in "abc"]
    assert await asyncio.gather(*readers) == [wanted, wanted]
    assert len(logs._shelf._segments) > 1


async def test_what_was_kept_is_there_after_a_restart_and_the_order_goes_on(
    tmp_path: Path, clock: Clock
) -> None:
    for n in range(3):
        logs = a_log(tmp_path, clock)
        await logs.open()
        assert logs.newest == n
        await kept(logs, chunk(n))
        assert await told(logs) == [f"line {m}" for m in range(n, -1, -1)]
        await logs.close()


WRITES_AND_DIES = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.store.test_logs import Clock, a_log, chunk, kept

async def main():
    logs = a_log(Path(sys.argv[1]), Clock())
    await logs.open()
    for n in range(100):
        await kept(logs, chunk(n))
        print(n, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_readers_could_see_survives_kill_9(tmp_path: Path, clock: Clock) -> None:
    root = str(Path(__file__).parents[2])
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", WRITES_AND_DIES, str(tmp_path), root],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr
    logs = a_log(tmp_path, clock)
    await logs.open()
    assert await told(logs) == [f"line {n}" for n in range(99, -1, -1)]
    await kept(logs, chunk(100))
    assert (await told(logs))[0] == "line 100"
    await logs.close()


async def test_the_log_never_grows_beyond_its_size_and_the_oldest_goes_first(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "LEAST_SEGMENT_BYTES", 1 << 17)
    most = 4 << 20
    logs = a_log(tmp_path, clock, most_bytes=most)
    await logs.open()
    largest = 0
    for n in range(120):
        await kept(logs, *(chunk(n, os.urandom(4000).hex() + "\n") for _ in range(9)))
        largest = max(largest, logs.bytes)
    on_disk = sum(file.stat().st_size for file in (tmp_path / "logs").iterdir())
    assert on_disk == logs.bytes
    assert logs.kept_lines > 0
    assert most / 2 < largest < most * 1.3
    assert not await told(logs, request_id="r-0")
    assert await told(logs, request_id="r-119")
    await logs.close()


async def test_what_is_too_old_goes(tmp_path: Path, clock: Clock) -> None:
    logs = a_log(tmp_path, clock, keep_s=1600.0)
    await logs.open()
    for n in range(30):
        clock.now = 1000.0 + 101 * n
        await kept(logs, chunk(n))
    await logs.tidy()
    found = await told(logs)
    assert found[0] == "line 29"
    assert 16 <= len(found) <= 18
    await logs.close()


async def test_a_clock_that_goes_back_mixes_nothing_up(logs: Logs, clock: Clock) -> None:
    await kept(logs, chunk(1))
    clock.now = 500.0
    await kept(logs, chunk(2))
    assert await told(logs, since=1000.0) == ["line 2", "line 1"]


async def test_the_printed_text_of_calls_is_put_together_run_by_run(logs: Logs) -> None:
    await kept(
        logs,
        chunk(1, "one\n", status=0),
        chunk(1, "again\n", retry_number=1),
        chunk(1, "two\n", starts=False),
        chunk(2, "other\n"),
    )
    assert await logs.printed(["r-1"]) == {("r-1", 0): "one\ntwo\n", ("r-1", 1): "again\n"}
    assert await logs.printed([]) == {}


async def test_what_was_kept_of_a_call_while_it_ran_learns_how_it_ended(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "LEAST_SEGMENT_BYTES", 1)
    monkeypatch.setattr(shelf, "PARTS", 1 << 40)
    await kept(logs, chunk(1, "one\n", status=0))
    await kept(logs, chunk(1, "two\n", status=0, starts=False), chunk(2))
    assert await told(logs, failed=True) == []
    await kept(logs, chunk(1, "three\n", status=430, starts=False))
    assert len(logs._shelf._segments) > 2
    assert await told(logs, failed=True) == ["three", "two", "one"]


async def test_records_leave_their_lines_here_and_keep_the_rest(logs: Logs) -> None:
    log = "START RequestId: r-1\none\nResponse RequestId: r-1 RetMsg:1\nEND RequestId: r-1\n"
    nobodys = record("r-2", function_id="", log="x\n")
    left = logs.end([record("r-1", log=log), nobodys])
    await logs.flush()

    assert left == [log.replace("one\n", ""), ""]
    assert await told(logs) == ["one"]


async def test_a_flood_is_cut_and_counted(tmp_path: Path, clock: Clock) -> None:
    logs = a_log(tmp_path, clock, flood=Flood(1000.0))
    await logs.open()
    await kept(logs, chunk(1, "x" * 99 + "\n"), chunk(2, ("y" * 99 + "\n") * 100))
    assert logs.flooded_lines == 61
    assert (await told(logs, request_id="r-2"))[0].startswith("WARN: 61 lines are not kept")
    assert logs.dropped_lines == 0
    await logs.close()


async def test_what_cannot_be_written_in_time_is_dropped_and_counted(logs: Logs) -> None:
    huge = chunk(1, "x" * (MOST_WAITING // 2) + "\n")
    for _ in range(3):
        logs.take(huge)
    assert logs.dropped_lines == 4  # START and one line, of two of them
    await logs.flush()
    logs.take(chunk(2))
    await logs.flush()
    assert logs.dropped_lines == 4


async def test_a_log_that_cannot_be_written_drops_counts_and_recovers(
    logs: Logs, tmp_path: Path
) -> None:
    await kept(logs, chunk(1))
    file = next((tmp_path / "logs").glob("*.db"))
    with sqlite3.connect(file) as connection:
        connection.execute("ALTER TABLE chunk RENAME TO elsewhere")
    await kept(logs, chunk(2))
    assert logs.dropped_lines == 2
    with sqlite3.connect(file) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO chunk")
    await kept(logs, chunk(3))
    assert await told(logs) == ["line 3", "line 1"]
    assert logs.dropped_lines == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is mounted by root")
async def test_a_full_disk_stops_the_log_and_nothing_else(tmp_path: Path, clock: Clock) -> None:
    small = tmp_path / "small"
    small.mkdir()
    made = subprocess.run(  # noqa: ASYNC221 - nothing else runs
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(small)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        logs = a_log(small, clock)
        await logs.open()
        await kept(logs, chunk(0))
        ballast = small / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(8 << 20))
        many = [chunk(n, os.urandom(40_000).hex() + "\n") for n in range(50)]
        await kept(logs, *many)
        assert logs.dropped_lines > 0
        assert "line 0" in await told(logs)
        ballast.unlink()
        before = logs.dropped_lines
        await kept(logs, chunk(99))
        assert logs.dropped_lines == before
        assert (await told(logs))[0] == "line 99"
        await logs.close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)  # noqa: ASYNC221


async def test_a_file_of_another_form_is_left_alone(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "logs").mkdir()
    with sqlite3.connect(tmp_path / "logs" / f"{1:016}.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    (tmp_path / "logs" / f"{5:016}.db").write_bytes(b"no database at all, but long enough" * 99)
    logs = a_log(tmp_path, clock)
    await logs.open()
    await kept(logs, chunk(1), chunk(2))
    assert logs.dropped_lines == 0
    assert await told(logs) == ["line 2", "line 1"]
    assert not await logs.printed(["r-9"])
    await logs.tidy()
    await logs.close()


async def test_a_file_that_breaks_costs_what_was_in_it_and_what_came_just_then(
    logs: Logs, tmp_path: Path
) -> None:
    await kept(logs, chunk(1))
    file = next((tmp_path / "logs").glob("*.db"))
    logs._shelf.close()
    file.write_bytes(b"no database at all, but long enough" * 99)
    await kept(logs, chunk(2))
    assert logs.dropped_lines == 2
    await kept(logs, chunk(3))
    assert await told(logs) == ["line 3"]


async def test_a_search_that_takes_long_says_where_it_stands(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(logs, *(chunk(n) for n in range(5)))
    monkeypatch.setattr(shelf, "MOST_SEARCH_S", -1.0)
    steps, place = 0, NEWEST
    found = list[str]()
    while True:
        page = await logs.search(Wanted(text="ne"), place, 10, newest_first=True)
        found += [line.text for line in page.lines]
        if page.next is None:
            break
        steps, place = steps + 1, page.next
    assert steps == 5
    assert found == [f"line {n}" for n in range(4, -1, -1)]


async def test_what_is_kept_reads_as_it_came(logs: Logs) -> None:
    odd = chunk(1, "a\r\tb\x00\x1b[31m\u2028c\n\n \n", alias="测试", ending="END RequestId: r-1\n")
    await kept(logs, odd)
    page = await logs.search(Wanted(), OLDEST, 99, newest_first=False)
    assert list(page.lines) == list(lines(odd._replace(sequence=1)))


async def test_a_text_that_is_none_is_dropped_and_the_log_goes_on(
    tmp_path: Path, clock: Clock
) -> None:
    logs = a_log(tmp_path, clock)
    await logs.open()
    await kept(logs, chunk(1, "half of a pair: \ud800\n"))
    assert logs.dropped_lines > 0
    await kept(logs, chunk(2))
    assert await told(logs) == ["line 2"]
    await logs.close()
