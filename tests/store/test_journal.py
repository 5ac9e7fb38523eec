"""The journal: each record comes back as it went in, to whoever asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from huidu.model.errors import Unavailable
from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.store.database import Database
from huidu.store.journal import Journal
from huidu.store.searching import Search
from huidu.store.tables import RECORD
from tests.fakes_store import BACKENDS, FUNCTION, HELLO, record

OTHER = FunctionName("default", "other")

#: Ten calls a minute apart; every third one failed, every second went through release.
RECORDS = [
    record(
        f"r-{n}",
        alias="release" if n % 2 else "",
        version=str(n % 3 + 1),
        status=430 if n % 3 == 0 else 200,
        started_at=60.0 * n,
        duration_ms=float(100 - n),
        memory_bytes=n,
    )
    for n in range(10)
]


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened = BACKENDS[request.param](tmp_path)
    await opened.open("journal")
    yield opened
    await opened.close()


@pytest.fixture
async def journal(database: Database) -> Journal:
    """A journal that holds `RECORDS`, and one record of another function."""
    kept = Journal(database)
    await kept.add(
        [*RECORDS, record("r-other", function=OTHER, function_id="lam-2", started_at=1.0)]
    )
    return kept


async def found(journal: Journal, **asked: Any) -> list[int]:
    _, records = await journal.find(Search(function_id=FUNCTION.id, **asked))
    return [int(one.request_id.removeprefix("r-")) for one in records]


async def test_a_function_is_told_of_its_own_calls_the_newest_first(journal: Journal) -> None:
    assert await found(journal) == list(range(9, -1, -1))
    assert await journal.find(Search(function_id="lam-2")) == (
        1,
        [record("r-other", function=OTHER, function_id="lam-2", started_at=1.0)],
    )
    assert await journal.find(Search(function_id="lam-9")) == (0, [])


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"request_id": "r-4"}, [4]),
        ({"request_id": "r-other"}, []),
        ({"version": "1"}, [9, 6, 3, 0]),
        ({"alias": "release"}, [9, 7, 5, 3, 1]),
        ({"alias": "release", "version": "1"}, [9, 3]),
        ({"since": 420.0}, [9, 8, 7]),
        ({"until": 60.0}, [1, 0]),
        ({"since": 60.0, "until": 180.0}, [3, 2, 1]),
        ({"failed": True}, [9, 6, 3, 0]),
        ({"failed": False}, [8, 7, 5, 4, 2, 1]),
        ({"statuses": frozenset({430, 433})}, [9, 6, 3, 0]),
        ({"statuses": frozenset({433})}, []),
        ({"column": "duration_ms"}, list(range(10))),
        ({"column": "memory_bytes", "descending": False}, list(range(10))),
        ({"column": "function"}, list(range(9, -1, -1))),
        ({"offset": 2, "limit": 3}, [7, 6, 5]),
        ({"offset": 10}, []),
        ({"limit": 0}, []),
    ],
)
async def test_a_search_finds_what_it_asks_for(
    journal: Journal, asked: dict[str, Any], numbers: list[int]
) -> None:
    assert await found(journal, **asked) == numbers


async def test_the_total_does_not_depend_on_the_page(journal: Journal) -> None:
    for offset, limit in ((0, 0), (0, 2), (9, 20)):
        search = Search(function_id=FUNCTION.id, version="1", offset=offset, limit=limit)
        total, _ = await journal.find(search)
        assert total == 4


async def test_calls_that_began_at_one_moment_stay_in_the_order_in_which_they_ended(
    journal: Journal,
) -> None:
    await journal.add([record(f"r-{n}", started_at=9_999.0) for n in (50, 40, 60)])

    assert (await found(journal, since=9_999.0)) == [60, 40, 50]
    assert (await found(journal, since=9_999.0, descending=False)) == [50, 40, 60]


async def test_what_began_before_a_moment_is_forgotten(journal: Journal) -> None:
    await journal.forget(before=300.0)

    assert await found(journal) == [9, 8, 7, 6, 5]
    assert await journal.find(Search(function_id="lam-2")) == (0, [])


async def test_of_a_batch_all_is_kept_or_nothing(journal: Journal) -> None:
    broken = record("r-100")._replace(log=None)  # type: ignore[arg-type] # no record has that

    with pytest.raises((IntegrityError, Unavailable)):
        await journal.add([record("r-99"), broken])

    assert await found(journal, since=0.0) == list(range(9, -1, -1))
    await journal.add([record("r-101", started_at=9_999.0)])
    assert await found(journal, since=9_000.0) == [101]


def test_a_record_has_a_column_for_each_of_its_fields() -> None:
    columns = {column.name for column in RECORD.columns}

    assert columns == set(Record._fields) - {"streamed", "silent"} | {"namespace"}


words = st.text(max_size=30)
amounts = st.floats(0, 1e9)
counts = st.integers(0, 2**53)


@given(
    kept=st.builds(
        Record,
        request_id=words,
        function=st.just(HELLO),
        function_id=st.just(FUNCTION.id),
        qualifier=words,
        alias=words,
        alias_revision=counts,
        version=words,
        reason=words,
        probability=st.floats(0, 1),
        draw=st.none() | st.floats(0, 1, exclude_max=True),
        phases=words,
        status=st.integers(200, 599),
        error=words,
        result=words,
        log=words,
        trigger=words,
        retry_number=counts,
        root_request_id=words,
        instance=words,
        cold=st.booleans(),
        started_at=amounts,
        queue_ms=amounts,
        duration_ms=amounts,
        memory_bytes=counts,
        memory_mb=counts,
        event_bytes=counts,
        result_bytes=counts,
        sticky_key=words,
        init_ms=amounts,
        trace_id=words,
        span_id=words,
        parent_span_id=words,
        sampled=st.booleans(),
        streamed=st.just(value=False),
        silent=st.just(value=False),
        sequence=st.just(0),
    )
)
@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_a_record_survives_its_row(journal: Journal, kept: Record) -> None:
    await journal.forget(before=float("inf"))
    await journal.add([kept])

    assert await journal.find(Search(function_id=FUNCTION.id)) == (1, [kept])
