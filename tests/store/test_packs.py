"""Packs: what is kept together is found as if each record had been kept alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from huidu.model.flood import Flood
from huidu.model.frame import foot_of, head, log_of
from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.log import Line, Wanted, joined
from huidu.store.books import Books
from huidu.store.database import Database
from huidu.store.journal import Journal
from huidu.store.logs import Logs
from huidu.store.packs import LEAST, MOST, Sheet, divided, pack, unpack
from huidu.store.searching import Search
from huidu.store.segment import PACKS
from huidu.store.tables import MARK
from tests.fakes_store import FUNCTION, HELLO, record

NEWEST, OLDEST = (1 << 40, 0), (0, 0)
COLUMNS = ("started_at", "duration_ms", "memory_bytes", "function")
MANY = 3 * MOST + LEAST
WAY_OF_RELEASE = (FUNCTION.id, "release", "1")
#: What calls of a sheet differ in.
WRITTEN = (
    *("request_id", "qualifier", "result", "instance"),
    *("started_at", "duration_ms", "memory_bytes"),
)


def silent(n: int, **more: Any) -> Record:
    known: dict[str, Any] = {
        "root_request_id": f"r-{n:05}",
        "result": f'"{n}"',
        "silent": True,
        "instance": "i-1",
        "started_at": 1000.0 + n,
        "duration_ms": float(n * 7 % 11),
        "memory_bytes": n * 5 % 13,
        "version": "1" if n % 3 else "2",
        "alias": "release",
    }
    return record(f"r-{n:05}", **known | more)


def loud(n: int) -> Record:
    failed = {"status": 430, "error": "as told", "log": f"START RequestId: r-{n:05}\n"}
    return silent(n, **{"silent": False, **failed})


#: Of many calls every tenth failed.
MIXED = [silent(n) if n % 10 else loud(n) for n in range(MANY)]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(tmp_path / "journal.db", durable=False)
    await opened.open("journal")
    yield opened
    await opened.close()


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database)


@pytest.fixture
async def logs(tmp_path: Path) -> AsyncIterator[Logs]:
    opened = a_log(tmp_path)
    await opened.open()
    yield opened
    await opened.close()


def a_log(home: Path) -> Logs:
    flood = Flood(1 << 40)
    return Logs(home / "logs", most_bytes=64 << 20, keep_s=1e6, flood=flood, clock=time.time)


@pytest.fixture
async def filled(journal: Journal, logs: Logs) -> Journal:
    """A journal that holds `MIXED`, taken in two batches, and calls of another function."""
    books = Books(journal, logs)
    for some in (MIXED[: MANY // 2], MIXED[MANY // 2 :]):
        await books.add(some)
    other = FunctionName("default", "other")
    await books.add(
        [silent(n, function=other, function_id="lam-2", version="1") for n in range(LEAST)]
    )
    await logs.flush()
    return journal


def expected(wanted: Search) -> list[Record]:
    """What a look at every single record finds."""
    return [
        one
        for one in MIXED
        if (not wanted.version or one.version == wanted.version)
        and (not wanted.alias or one.alias == wanted.alias)
        and (not wanted.request_id or one.request_id == wanted.request_id)
        and (wanted.since is None or one.started_at >= wanted.since)
        and (wanted.until is None or one.started_at <= wanted.until)
        and (not wanted.statuses or one.status in wanted.statuses)
        and (wanted.failed is None or (one.status != 200) is wanted.failed)
    ]


SEARCHES: tuple[Mapping[str, Any], ...] = (
    {},
    {"version": "1"},
    {"version": "2", "failed": True},
    {"failed": False},
    {"alias": "release", "statuses": frozenset({200, 433})},
    {"alias": "nobody"},
    {"statuses": frozenset({430})},
    {"request_id": "r-00777"},
    {"request_id": "r-00770"},
    {"request_id": "r-99999"},
    {"since": 1300.0, "until": 1301.0},
    {"since": 1500.5},
    {"until": 1499.5, "version": "2"},
    {"since": 9_999_999.0},
)


async def test_records_are_kept_together_where_they_are_many(
    filled: Journal, database: Database
) -> None:
    def counts(connection: Any) -> tuple[int, int]:
        ask = connection.exec_driver_sql
        rows = ask("SELECT count(*) FROM record").scalar_one()
        return rows, ask("SELECT sum(count) FROM pack").scalar_one()

    failed = sum(one.status != 200 for one in MIXED)
    assert await database.read(counts) == (failed, MANY - failed + LEAST)


@pytest.mark.parametrize("asked", SEARCHES)
async def test_what_is_in_packs_is_found_and_counted_as_what_is_not(
    filled: Journal, asked: Mapping[str, Any]
) -> None:
    for offset, limit in ((0, 20), (7, 3), (600, 40), (0, 0)):
        for column in COLUMNS:
            for descending in (True, False):
                search = Search(
                    function_id=FUNCTION.id,
                    column=column,
                    descending=descending,
                    offset=offset,
                    limit=limit,
                    **asked,
                )
                total, page = await filled.find(search)
                right = expected(search)
                assert total == len(right)
                values = sorted((getattr(one, column) for one in right), reverse=descending)
                shown = [getattr(one, column) for one in page]
                assert shown == values[offset : offset + limit]
                assert len({one.request_id for one in page}) == len(page)


async def test_pages_hold_every_record_once_and_whole(filled: Journal) -> None:
    for column in COLUMNS:
        found: list[Record] = []
        while True:
            search = Search(function_id=FUNCTION.id, column=column, offset=len(found), limit=300)
            _, page = await filled.find(search)
            if not page:
                break
            found += page
        assert sorted(found) == sorted(
            one._replace(log=log_of(one) if one.silent else one.log) for one in MIXED
        )


async def test_what_is_too_old_goes_out_of_the_middle_of_a_pack(filled: Journal) -> None:
    await filled.forget(before=1700.0)

    total, page = await filled.find(Search(function_id=FUNCTION.id, descending=False, limit=10_000))
    assert total == len(page) == MANY - 700
    assert page[0].started_at == 1700.0
    assert (await filled.find(Search(function_id="lam-2")))[0] == 0
    await filled.forget(before=float("inf"))
    assert (await filled.find(Search(function_id=FUNCTION.id)))[0] == 0


async def test_a_new_server_goes_on_behind_what_is_there(
    filled: Journal, database: Database, logs: Logs
) -> None:
    again = Books(Journal(database), logs)
    await again.add([silent(n, version="1", duration_ms=999.0) for n in range(LEAST)])

    search = Search(function_id=FUNCTION.id, column="duration_ms", limit=LEAST)
    total, page = await filled.find(search)
    assert total == MANY + LEAST
    assert [one.request_id for one in page] == [f"r-{n:05}" for n in reversed(range(LEAST))]


def test_few_records_and_loud_ones_are_kept_one_by_one_and_in_order() -> None:
    some = [silent(n, version="1") for n in range(20)]
    other = silent(21, version="2")

    assert divided(some[: LEAST - 1]) == (some[: LEAST - 1], [])
    assert divided([other, *some, loud(1)]) == ([other, loud(1)], [some])
    assert divided([loud(1), *some, other]) == ([loud(1), other], [some])


words = st.text(max_size=30)
amounts = st.floats(0, 1e9)
counts = st.integers(0, 2**53)
KEPT = st.builds(
    Record,
    request_id=words,
    function=st.just(HELLO),
    function_id=st.just(FUNCTION.id),
    qualifier=words,
    alias=st.just("release"),
    alias_revision=counts,
    version=st.just("1"),
    reason=words,
    probability=st.floats(0, 1),
    draw=st.none() | st.floats(0, 1, exclude_max=True),
    phases=words,
    sticky_key=words,
    status=st.just(200),
    error=words,
    result=words,
    log=st.just(""),
    trigger=words,
    retry_number=counts,
    root_request_id=words,
    instance=words,
    cold=st.booleans(),
    started_at=amounts,
    queue_ms=amounts,
    init_ms=amounts,
    duration_ms=amounts,
    memory_bytes=counts,
    memory_mb=counts,
    event_bytes=counts,
    result_bytes=counts,
    trace_id=words,
    span_id=words,
    parent_span_id=words,
    sampled=st.booleans(),
    streamed=st.just(value=False),
    silent=st.just(value=True),
    sequence=st.just(0),
)


@given(kept=st.lists(KEPT, min_size=1, max_size=9), first=st.integers(1, 1 << 40))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_record_survives_its_pack(kept: list[Record], first: int) -> None:
    packed = pack(kept)
    back = unpack(packed.body, first)

    assert back == kept
    assert all(one.silent and not one.streamed for one in back)
    assert [one.sequence for one in back] == list(range(first, first + len(kept)))
    assert packed.count == len(kept)
    assert packed.high_started == max(one.started_at for one in kept)


def printed(n: int, **more: Any) -> Record:
    """A call that went well and printed a line."""
    plain = silent(n, version="1", **more)
    log = head(plain.request_id) + f"line {n}\n" + foot_of(plain)
    return plain._replace(silent=False, log=log)


async def test_of_calls_that_printed_the_journal_keeps_packs_and_the_log_the_lines(
    journal: Journal, logs: Logs, database: Database
) -> None:
    ended = [printed(n) if n % 9 else loud(n) for n in range(40)]
    await Books(journal, logs).add(ended)
    await logs.flush()

    def rows(connection: Any) -> int:
        return int(connection.exec_driver_sql("SELECT count(*) FROM record").scalar_one())

    assert await database.read(rows) == sum(n % 9 == 0 for n in range(40))
    _, page = await journal.find(Search(function_id=FUNCTION.id, limit=100, descending=False))
    lines = await logs.printed([one.request_id for one in page])
    told = [joined(one.log, lines.get((one.request_id, 0), "")) for one in page]
    assert told == [one.log for one in ended]
    assert [(one.request_id, one.status) for one in page] == [
        (one.request_id, one.status) for one in ended
    ]


def test_calls_that_were_written_down_bit_by_bit_are_packs_of_some_hundred() -> None:
    sheet, ended = Sheet(WAY_OF_RELEASE, HELLO), [silent(n, version="1") for n in range(MANY)]
    for start in range(0, MANY, 50):
        some = ended[start : start + 50]
        sheet.add({name: [getattr(one, name) for one in some] for name in WRITTEN})
    packs, found = list(sheet.packs()), list[Record]()
    for one in packs:
        assert (one.function_id, one.alias, one.version) == WAY_OF_RELEASE
        back = unpack(one.body, 1)
        assert (one.count, one.high_started) == (len(back), back[-1].started_at)
        assert one.low_memory == min(each.memory_bytes for each in back)
        found += back

    assert found == ended
    assert max(one.count for one in packs) < MOST + 50
    assert sheet.drop() == MANY % 50
    assert [sheet.drop() for _ in range(MANY // 50 + 1)][-2:] == [50, 0]


def test_a_pack_of_before_there_were_sheets_is_read() -> None:
    """As it was written then: one map, with columns of all, or of one where all say the same."""
    said = {
        "function": ("default", "hello"),
        "request_id": ("r-1", "r-2"),
        "qualifier": ("release",),
        "function_id": ("lam-1",),
        "version": ("1",),
        "result": ("a", "b"),
        "duration_ms": (1.5,),
    }
    one, two = unpack(msgspec.msgpack.encode(said), 7)

    assert (one.request_id, one.result, one.sequence) == ("r-1", "a", 7)
    assert (two.request_id, two.result, two.sequence) == ("r-2", "b", 8)
    assert {one.root_request_id, two.root_request_id} == {"r-1", "r-2"}
    assert (two.duration_ms, two.function, two.silent) == (1.5, HELLO, True)


async def test_calls_whose_ids_begin_alike_are_told_apart_with_marks_and_without(
    filled: Journal, database: Database
) -> None:
    """As all of these do, and as packs of before there were marks are."""
    for marked in (True, False):
        if not marked:
            await database.write(lambda connection: connection.execute(delete(MARK)))
        for n in (1, 777, MANY - 1):
            search = Search(function_id=FUNCTION.id, request_id=f"r-{n:05}")
            total, (one,) = await filled.find(search)
            assert (total, one.request_id) == (1, f"r-{n:05}")


async def test_marks_go_with_their_packs(filled: Journal, database: Database) -> None:
    def counts(connection: Any) -> tuple[int, int]:
        ask = connection.exec_driver_sql
        whole = ask("SELECT sum(length(ids)) FROM mark").scalar_one()
        return whole // len("r-00001"), ask("SELECT sum(count) FROM pack").scalar_one()

    await filled.forget(before=1700.0)
    marks, packed = await database.read(counts)
    assert marks == packed


async def test_what_is_written_down_is_found_as_what_was_a_record(
    journal: Journal, logs: Logs
) -> None:
    books, ended = Books(journal, logs), [silent(n, version="1") for n in range(60)]
    for some in (ended[:20], ended[20:40], ended[40:]):
        columns = {name: [getattr(one, name) for one in some] for name in WRITTEN}
        books.write(WAY_OF_RELEASE, HELLO, columns)
    assert books.drop() == 20
    await books.add([loud(99)])
    await logs.flush()
    assert books.drop() == 0

    total, page = await journal.find(Search(function_id=FUNCTION.id, limit=100, descending=False))
    assert [one.request_id for one in page] == [f"r-{n:05}" for n in [*range(40), 99]]
    assert total == 41
    _, (one,) = await journal.find(Search(function_id=FUNCTION.id, request_id="r-00017"))
    assert one == ended[17]._replace(log=log_of(ended[17]))
    assert len(await told(logs, Wanted(request_id="r-00017"))) == 4


async def told(logs: Logs, wanted: Wanted, *, newest_first: bool = False) -> list[Line]:
    """Every line that is wanted, page by page."""
    found: list[Line] = []
    start: tuple[int, int] | None = NEWEST if newest_first else OLDEST
    while start is not None:
        page = await logs.search(wanted, start, 333, newest_first=newest_first)
        found += page.lines
        start = page.next
    return found


async def test_the_log_has_the_lines_of_every_silent_call_in_either_order(
    filled: Journal, logs: Logs
) -> None:
    for newest_first in (True, False):
        found = await told(logs, Wanted(function_id=FUNCTION.id), newest_first=newest_first)
        places = [(line.chunk.sequence, line.place) for line in found]
        assert places == sorted(set(places), reverse=newest_first)
        assert len({line.chunk.request_id for line in found}) == MANY
        text = "".join(f"{line.text}\n" for line in found if line.chunk.request_id == "r-00777")
        if not newest_first:
            assert text == log_of(MIXED[777])


@pytest.mark.parametrize(
    ("wanted", "calls"),
    [
        ({"request_id": "r-00777"}, 1),
        ({"request_id": "r-0077"}, 10),
        ({"version": "2"}, sum(one.version == "2" for one in MIXED)),
        ({"alias": "nobody"}, 0),
        ({"failed": False}, sum(one.silent for one in MIXED)),
        ({"statuses": frozenset({430})}, sum(not one.silent for one in MIXED)),
        ({"text": "777"}, 0),  # what a call returned that went well is not looked for
        ({"namespace": "elsewhere"}, 0),
        ({"since": 1.0, "until": 2.0}, 0),
        ({"since": 1.0}, MANY),
    ],
)
async def test_the_log_finds_silent_calls_by_all_that_is_known_of_them(
    filled: Journal, logs: Logs, wanted: dict[str, Any], calls: int
) -> None:
    asked = Wanted(function_id=FUNCTION.id, **wanted)
    found = await told(logs, asked)

    assert len({line.chunk.request_id for line in found}) == calls


async def test_the_log_goes_on_behind_its_packs_after_a_restart(tmp_path: Path) -> None:
    first = a_log(tmp_path)
    await first.open()
    first.end([], [pack([silent(n) for n in range(LEAST)])])
    await first.close()
    second = a_log(tmp_path)
    await second.open()
    assert second.newest == LEAST
    second.end([loud(99)])
    await second.flush()
    page = await second.search(Wanted(), OLDEST, 1000, newest_first=False)
    sequences = sorted({line.chunk.sequence for line in page.lines})
    assert sequences == list(range(1, LEAST + 2))
    await second.close()


async def test_a_log_of_before_there_were_packs_is_read_and_written_on(tmp_path: Path) -> None:
    old = a_log(tmp_path)
    await old.open()
    old.end([loud(1)])
    await old.close()
    file = next((tmp_path / "logs").glob("*.db"))
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("DROP TABLE pack; PRAGMA user_version = 1")
    assert "CREATE TABLE pack" in PACKS
    new = a_log(tmp_path)
    await new.open()
    assert new.newest == 1
    assert (await new.search(Wanted(), OLDEST, 10, newest_first=False)).lines
    new.end([], [pack([silent(n) for n in range(2, 2 + LEAST)])])
    await new.flush()
    page = await new.search(Wanted(), OLDEST, 1000, newest_first=False)
    assert {line.chunk.sequence for line in page.lines} == set(range(1, LEAST + 2))
    await new.close()
