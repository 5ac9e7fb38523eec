"""The series on the disk: seconds, minutes and hours agree, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from huidu.model.errors import Unavailable
from huidu.model.packed import pack, unpack
from huidu.model.rollup import HOUR, KEEP_S, MINUTE, SECOND, Kept, Selection, floor
from huidu.model.tally import Lane, Tally, merged
from huidu.store.database import Database
from huidu.store.series import Series
from tests.fakes_store import BACKENDS
from tests.tallies import DIRECT_2, LANES, OTHER, RELEASE_1, RELEASE_2, TALLIES, calls

PERIODS = (SECOND, MINUTE, HOUR)
FOREVER = dict.fromkeys(KEEP_S, 10**9)
END = 4 * HOUR


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened = BACKENDS[request.param](tmp_path)
    await opened.open("series")
    yield opened
    await opened.close()


@pytest.fixture
def series(database: Database) -> Series:
    return Series(database)


def wanted(period_s: int = SECOND, since: int = 0, until: int = END, **more: str) -> Selection:
    asked: dict[str, Any] = {"function_id": "lam-1"} | more
    return Selection(since=since, until=until, period_s=period_s, **asked)


def packed(*tallies: tuple[int, Lane, Tally]) -> Mapping[int, Mapping[Lane, bytes]]:
    seconds: dict[int, dict[Lane, bytes]] = {}
    for start, lane, tally in tallies:
        seconds.setdefault(start, {})[lane] = pack(tally)
    return seconds


def totals(found: Sequence[Kept], period_s: int) -> dict[tuple[int, Lane], Tally]:
    periods: dict[tuple[int, Lane], list[Tally]] = {}
    for one in found:
        place = floor(one.start, period_s), one.lane
        periods.setdefault(place, []).append(unpack(one.tally))
    return {place: merged(tallies) for place, tallies in periods.items()}


#: What happens to a series: counts come, of any second; it is rolled up; the server is another.
ADDED = st.tuples(st.integers(0, END - 1), st.sampled_from(LANES[:3]), TALLIES)
STEPS = st.one_of(
    st.lists(ADDED, min_size=1, max_size=5), st.integers(0, END), st.just("another server")
)


@settings(max_examples=30)
@given(st.lists(STEPS, max_size=8))
def test_the_counts_of_any_hour_are_the_same_in_seconds_minutes_and_hours(
    steps: list[list[tuple[int, Lane, Tally]] | int | str],
) -> None:
    """Histograms too; also where seconds come late, and across restarts."""
    expected: list[tuple[int, Lane, Tally]] = []

    async def go(home: Path) -> None:
        database = BACKENDS["sqlite"](home)
        await database.open("series")
        series = Series(database, FOREVER)
        for step in steps:
            if isinstance(step, list):
                for one in step:  # one by one: the same second may be there twice
                    await series.add(packed(one))
                expected.extend(step)
            elif isinstance(step, int):
                await series.fold(step)
                await series.forget(step)
            else:
                await database.close()
                database = BACKENDS["sqlite"](home)
                await database.open("series")
                series = Series(database, FOREVER)
        hours = totals([Kept(s, lane, pack(t)) for s, lane, t in expected], HOUR)
        for period_s in PERIODS:
            assert totals(await series.read(wanted(period_s)), HOUR) == hours
        await database.close()

    with TemporaryDirectory() as home:
        asyncio.run(go(Path(home)))


async def test_what_was_folded_is_read_in_fewer_and_longer_periods(series: Series) -> None:
    await series.add(packed(*((second, RELEASE_1, calls()) for second in range(0, 7200, 10))))
    await series.fold(7200)

    counts = {period_s: len(await series.read(wanted(period_s))) for period_s in PERIODS}
    assert counts == {SECOND: 720, MINUTE: 120, HOUR: 2}


async def test_the_same_second_may_come_in_parts(series: Series) -> None:
    for _ in range(3):
        await series.add(packed((5, RELEASE_1, calls()), (5, OTHER, calls())))

    (one,) = await series.read(wanted())
    assert (one.start, one.lane, unpack(one.tally)) == (5, RELEASE_1, calls(3))


async def test_lanes_are_read_by_alias_version_or_both(series: Series) -> None:
    await series.add(packed(*((1, lane, calls()) for lane in LANES)))

    async def lanes(**more: Any) -> set[Lane]:
        return {one.lane for one in await series.read(wanted(**more))}

    assert await lanes() == {RELEASE_1, RELEASE_2, DIRECT_2}
    assert await lanes(version="2") == {RELEASE_2, DIRECT_2}
    assert await lanes(alias="release", version="2") == {RELEASE_2}
    assert await lanes(function_id="lam-2") == {OTHER}
    assert await lanes(function_id="lam-3") == set()


async def test_seconds_are_forgotten_once_they_are_old_and_in_a_minute(series: Series) -> None:
    await series.add(packed((10, RELEASE_1, calls()), (1000, RELEASE_1, calls())))
    await series.forget(1000)
    assert len(await series.read(wanted())) == 2, "not folded yet"

    await series.fold(1000)
    await series.forget(1000)
    assert [one.start for one in await series.read(wanted())] == [1000]
    assert [one.start for one in await series.read(wanted(MINUTE))] == [0, 1000]


async def test_everything_is_forgotten_in_the_end(series: Series) -> None:
    await series.add(packed((10, RELEASE_1, calls())))
    await series.fold(3 * HOUR)
    await series.forget(KEEP_S[MINUTE] + HOUR)
    assert [one.start for one in await series.read(wanted(MINUTE))] == []
    assert [one.start for one in await series.read(wanted(HOUR))] == [0]
    assert await series.functions() == {"lam-1"}

    await series.forget(KEEP_S[HOUR] + 2 * HOUR)
    assert await series.read(wanted(HOUR)) == []
    assert await series.functions() == set()


async def test_what_was_counted_of_a_function_goes_with_it(series: Series) -> None:
    await series.add(packed((1, RELEASE_1, calls()), (1, OTHER, calls())))
    await series.forget(2.0, {"lam-1"})
    assert await series.functions() == {"lam-2"}
    assert await series.read(wanted()) == []

    await series.add(packed((2, RELEASE_2, calls())))  # a call that ended after all
    assert [one.lane for one in await series.read(wanted())] == [RELEASE_2]


async def test_what_could_not_be_added_leaves_nothing_behind(
    database: Database, series: Series
) -> None:
    def forbid(connection: Connection) -> None:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON period BEGIN SELECT RAISE(ABORT, 'full'); END"
        )

    await database.write(forbid)
    with pytest.raises(Exception, match="full"):
        await series.add(packed((1, RELEASE_1, calls())))
    await database.write(lambda c: c.exec_driver_sql("DROP TRIGGER full"))

    assert await series.functions() == set()
    await series.add(packed((1, RELEASE_1, calls())))
    assert [one.lane for one in await series.read(wanted())] == [RELEASE_1]


async def test_the_newest_seconds_are_handed_to_whoever_begins(series: Series) -> None:
    await series.add(packed(*((second, RELEASE_2, calls()) for second in (1, 2, 3))))

    assert await series.since(2) == [Kept(second, RELEASE_2, pack(calls())) for second in (2, 3)]


async def test_a_file_that_is_no_database_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_bytes(b"no database at all, but long enough to be one" * 100)
    broken = BACKENDS["sqlite"](tmp_path)
    with pytest.raises(Unavailable):
        await broken.open("series")
    await broken.close()
