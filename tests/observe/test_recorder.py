"""The recorder never holds a call up, and what it cannot keep it counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from sys import getrefcount

import pytest

from huidu.model.alias import Alias
from huidu.model.call import MOST_HELD_CHARS, Call, Routed
from huidu.model.function import FunctionName
from huidu.model.invocation import Outcome, Record
from huidu.model.routing import Decision
from huidu.model.tally import Lane
from huidu.observe.count import Count
from huidu.observe.counters import Counters, Second
from huidu.observe.recorder import MOST_AT_ONCE, MOST_UNWRITTEN, MOST_WAITING, Recorder
from tests.fakes import Clock, turns
from tests.fakes_store import MoodyJournal, alias, invocation, record, soon, version

GOOD = Outcome(status=200, result='"ok"', instance="i-1", duration_ms=1.5, silent=True)
RELEASE = alias()


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


def call(
    request_id: str = "r-1",
    outcome: Outcome = GOOD,
    through: Alias | None = RELEASE,
) -> Call:
    """A call that has ended."""
    made = Call(invocation(request_id=request_id), 1000.0, 1.0)
    made.goes(Routed(version("1"), Decision("1", "main version"), through))
    made.outcome = outcome
    return made


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
    busy = recorder.began(lane)
    assert counters.running() == {lane: 1}
    busy.ended()
    assert counters.running() == {}


async def test_calls_and_records_are_kept_in_the_order_in_which_they_ended(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    recorder.take(call("r-1"))
    recorder.record(record("r-2"))
    recorder.take(call("r-3", Outcome(status=433)))
    await recorder.flush()

    assert [(kept.request_id, kept.status) for kept in journal.kept] == [
        ("r-1", 200),
        ("r-2", 200),
        ("r-3", 433),
    ]


@pytest.mark.parametrize("calls", [1, MOST_UNWRITTEN - 1, MOST_UNWRITTEN, 3 * MOST_UNWRITTEN + 1])
def test_whoever_asks_finds_every_call_that_has_ended_counted(
    recorder: Recorder, counters: Counters, calls: int
) -> None:
    for n in range(calls):
        recorder.take(call(f"r-{n}"))

    assert counted(counters) == calls
    assert counted(counters) == 0


def test_a_call_is_counted_in_the_second_in_which_it_ended_whenever_that_is_done(
    journal: MoodyJournal,
) -> None:
    clock = Clock()
    counters = Counters(clock.time)
    recorder = Recorder(journal, counters)
    recorder.take(call())
    clock.move(1)
    for _ in range(2):
        recorder.take(call())
    clock.move(1)

    found = [(second.start, count.tally().calls) for second, count in _counts(counters)]
    assert found == [(1000, 1), (1001, 2)]


def _counts(counters: Counters) -> list[tuple[Second, Count]]:
    return [(second, count) for second in counters.take() for count in second.counts.values()]


async def test_many_calls_of_one_way_are_kept_as_if_each_had_been_alone(
    recorder: Recorder, journal: MoodyJournal, counters: Counters
) -> None:
    calls = [call(f"r-{n}", through=RELEASE if n % 3 else None) for n in range(2 * MOST_UNWRITTEN)]
    for one in calls:
        recorder.take(one)
    assert journal.written, "they are no records any more before anybody asks"
    recorder.take(call("r-last"))  # one more of a way that is written down
    await recorder.flush()

    wanted = [one.record() for one in [*calls, call("r-last")]]
    assert sorted(journal.kept) == sorted(wanted)
    assert counted(counters) == len(wanted)
    await recorder.flush()
    assert len(journal.kept) == len(wanted)


async def test_of_calls_that_are_written_down_some_go_before_a_failure_does(
    recorder: Recorder, journal: MoodyJournal, counters: Counters
) -> None:
    for n in range(MOST_WAITING + MOST_UNWRITTEN):
        recorder.take(call(f"good-{n}"))
    assert recorder.dropped == MOST_UNWRITTEN
    recorder.record(record("failed", status=433))
    recorder.record(record("failed, too", status=433))
    assert recorder.dropped == 2 * MOST_UNWRITTEN, "they go as they were written: some at once"
    await recorder.flush()

    assert len(journal.kept) == MOST_WAITING - MOST_UNWRITTEN + 2
    assert [kept.request_id for kept in journal.kept if kept.status != 200] == [
        "failed",
        "failed, too",
    ]
    assert counted(counters) == MOST_WAITING + MOST_UNWRITTEN + 2


async def test_a_journal_that_refuses_drops_what_was_written_down_and_says_so(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    journal.refusals = 1
    for n in range(MOST_UNWRITTEN):
        recorder.take(call(f"r-{n}"))
    await recorder.flush()
    assert recorder.dropped == MOST_UNWRITTEN
    recorder.take(call("kept"))
    await recorder.flush()

    assert [kept.request_id for kept in journal.kept] == ["kept"]


async def test_what_cannot_be_written_down_harms_no_call_and_nothing_else(
    recorder: Recorder, journal: MoodyJournal, counters: Counters
) -> None:
    journal.unwritten = [TypeError("a bug")]
    for n in range(MOST_UNWRITTEN):
        recorder.take(call(f"lost-{n}"))
    recorder.take(call("kept"))
    await recorder.flush()

    assert recorder.dropped == MOST_UNWRITTEN
    assert [kept.request_id for kept in journal.kept] == ["kept"]
    assert counted(counters) == MOST_UNWRITTEN + 1


async def test_lanes_that_cannot_be_heard_harm_no_call_here(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    def deaf() -> None:
        raise ValueError("a frame that nobody can read")

    recorder.elsewhere = deaf
    recorder.take(call("kept"))
    await recorder.flush()

    assert [kept.request_id for kept in journal.kept] == ["kept"]


async def test_who_is_shown_records_is_shown_each_of_them(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    shown: list[Record] = []
    recorder.show(shown.extend)
    for n in range(MOST_UNWRITTEN):
        recorder.take(call(f"r-{n}"))
    await recorder.flush()

    assert shown == journal.kept
    assert len(shown) == MOST_UNWRITTEN


async def test_a_call_that_somebody_heard_of_is_written_down_all_the_same(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    heard: list[Record] = []
    recorder.follow("lam-1", "release", heard.append)
    for n in range(MOST_UNWRITTEN):
        recorder.take(call(f"r-{n}"))
    await recorder.flush()

    assert heard == journal.kept


def test_nobody_holds_on_to_a_call_with_much_about_it(recorder: Recorder) -> None:
    small, large = call(), call()
    large.outcome = Outcome(status=200, result="x" * MOST_HELD_CHARS)
    before = [getrefcount(one) for one in (small, large)]
    recorder.take(small)
    recorder.take(large)

    after = [getrefcount(one) for one in (small, large)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 0]


@pytest.mark.parametrize("status", [200, 430, 432])
def test_who_follows_an_alias_hears_of_each_call_before_its_caller_does(
    recorder: Recorder, counters: Counters, status: int
) -> None:
    heard: list[Record] = []
    recorder.follow("lam-1", "release", heard.append)
    recorder.take(call("r-1", Outcome(status=status, duration_ms=2.5)))
    recorder.take(call("r-2", through=None))

    (record,) = heard
    assert (record.request_id, record.status, record.duration_ms) == ("r-1", status, 2.5)
    assert (record.alias, record.version) == ("release", "1")
    assert counted(counters) == 2


def test_several_may_follow_an_alias_until_each_has_enough_of_it(recorder: Recorder) -> None:
    one: list[Record] = []
    other: list[Record] = []
    recorder.follow("lam-1", "release", one.append)
    recorder.follow("lam-1", "release", other.append)
    recorder.take(call())
    recorder.unfollow("lam-1", "release", one.append)
    recorder.take(call())
    recorder.unfollow("lam-1", "release", other.append)
    recorder.unfollow("lam-1", "release", other.append)
    recorder.take(call())

    assert (len(one), len(other)) == (1, 2)


async def test_a_follower_that_fails_harms_no_call_and_nobody_else_who_follows(
    recorder: Recorder, journal: MoodyJournal
) -> None:
    def fails(record: Record) -> None:
        raise KeyError(record.request_id)

    heard: list[Record] = []
    recorder.follow("lam-1", "release", fails)
    recorder.follow("lam-1", "release", heard.append)
    recorder.take(call("r-1"))
    await recorder.flush()

    assert heard == journal.kept
    assert len(heard) == 1


def test_a_refusal_for_want_of_room_is_told_at_once(
    journal: MoodyJournal, counters: Counters
) -> None:
    told: list[Record] = []
    Recorder(journal, counters, told.append).take(call(outcome=Outcome(status=432)))

    assert [record.status for record in told] == [432]
