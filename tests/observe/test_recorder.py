"""The recorder never holds a call up, and what it cannot keep it counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from huidu.model.function import FunctionName
from huidu.model.tally import Lane
from huidu.observe.counters import Counters
from huidu.observe.recorder import MOST_AT_ONCE, MOST_WAITING, Recorder
from tests.fakes import Clock, turns
from tests.fakes_store import MoodyJournal, record, soon


@pytest.fixture
def journal() -> MoodyJournal:
    return MoodyJournal()


@pytest.fixture
def counters() -> Counters:
    return Counters(Clock().time)


@pytest.fixture
def recorder(journal: MoodyJournal, counters: Counters) -> Recorder:
    return Recorder(journal, counters)


def counted(counters: Counters) -> int:
    """How many calls were counted since this was asked for last."""
    return sum(
        count.tally().calls for second in counters.take() for count in second.counts.values()
    )


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(recorder.run())
    yield task
    if not task.done():
        await recorder.close(task)


async def test_a_record_is_in_the_journal_soon_and_nobody_has_to_ask(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    async with running(recorder):
        recorder.record(record("r-1"))
        await soon(lambda: [kept.request_id for kept in journal.kept] == ["r-1"])


async def test_flush_returns_when_every_record_is_in_the_journal(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    for n in range(3 * MOST_AT_ONCE + 7):
        recorder.record(record(f"r-{n}"))
    await recorder.flush()

    assert [kept.request_id for kept in journal.kept] == [
        f"r-{n}" for n in range(3 * MOST_AT_ONCE + 7)
    ]


async def test_flush_also_waits_for_what_another_flush_has_begun_to_keep(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    journal.gate = asyncio.Event()
    recorder.record(record("r-1"))
    first = asyncio.create_task(recorder.flush())
    await asyncio.sleep(0)
    second = asyncio.create_task(recorder.flush())
    await asyncio.sleep(0.01)
    assert not second.done()

    journal.gate.set()
    await second
    assert [kept.request_id for kept in journal.kept] == ["r-1"]
    await first


async def test_many_records_do_not_wait_for_the_next_turn(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    async with running(recorder):
        await asyncio.sleep(0)
        for n in range(MOST_AT_ONCE):
            recorder.record(record(f"r-{n}"))
        await turns(20)
        assert len(journal.kept) == MOST_AT_ONCE


async def test_where_there_are_too_many_a_success_goes_before_a_failure(
    recorder: Recorder, journal: MoodyJournal, counters: Counters
) -> None:
    recorder.record(record("failed first", status=430))
    for n in range(MOST_WAITING - 1):
        recorder.record(record(f"good-{n}"))
    recorder.record(record("good, and one too many"))
    assert recorder.dropped == 1
    recorder.record(record("failed, and takes the place of a good one", status=433))
    assert recorder.dropped == 2
    await recorder.flush()

    kept = [kept.request_id for kept in journal.kept]
    assert len(kept) == MOST_WAITING
    assert kept[:2] == ["failed first", "good-1"]
    assert kept[-1] == "failed, and takes the place of a good one"
    assert counted(counters) == MOST_WAITING + 2


async def test_where_all_have_failed_the_newest_failure_is_dropped(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    for n in range(MOST_WAITING + 3):
        recorder.record(record(f"r-{n}", status=500))
    await recorder.flush()

    assert recorder.dropped == 3
    assert journal.kept[-1].request_id == f"r-{MOST_WAITING - 1}"


async def test_a_journal_that_refuses_stops_no_call_and_takes_the_next_batch(
    recorder: Recorder, journal: MoodyJournal, counters: Counters
) -> None:
    journal.refusals = 1
    async with running(recorder):
        recorder.record(record("lost"))
        recorder.record(record("lost too"))
        await soon(lambda: recorder.dropped == 2)
        recorder.record(record("kept"))
        await soon(lambda: [kept.request_id for kept in journal.kept] == ["kept"])

    assert counted(counters) == 3


async def test_a_journal_that_fails_as_nobody_foresaw_does_not_end_the_recording(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    journal.unforeseen = [OSError("the disk fell out")]
    async with running(recorder) as task:
        recorder.record(record("lost"))
        await soon(lambda: recorder.dropped == 1)
        recorder.record(record("kept"))
        await soon(lambda: [kept.request_id for kept in journal.kept] == ["kept"])
        assert not task.done()


async def test_close_leaves_nothing_behind(recorder: Recorder, journal: MoodyJournal) -> None:
    async with running(recorder) as task:
        await asyncio.sleep(0)
        journal.gate = asyncio.Event()
        recorder.record(record("before"))
        closing = asyncio.create_task(recorder.close(task))
        await asyncio.sleep(0.01)
        recorder.record(record("while it closes"))
        journal.gate.set()
        await closing

    assert [kept.request_id for kept in journal.kept] == ["before", "while it closes"]


async def test_calls_of_functions_that_there_are_not_are_a_number_and_no_more(
    recorder: Recorder, counters: Counters, journal: MoodyJournal
) -> None:
    for nobody in ("nobody", "nobody else"):  # whoever makes up names costs no memory
        named = FunctionName("default", nobody)
        recorder.record(record(function=named, function_id="", status=435))
    await recorder.flush()

    assert (recorder.nobodys, counted(counters), journal.kept) == (2, 0, [])


def test_what_runs_is_known_while_it_runs(recorder: Recorder, counters: Counters) -> None:
    lane = Lane("lam-1", "release", "2")
    recorder.began(lane)
    assert counters.running() == {lane: 1}
    recorder.ended(lane)
    assert counters.running() == {}
