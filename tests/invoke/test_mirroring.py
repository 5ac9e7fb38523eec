"""Copies of calls: which are run, that nobody waits for them, and what is kept of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from huidu.invoke import mirroring as mirrors
from huidu.invoke import watch
from huidu.invoke.flight import Answered
from huidu.invoke.invoker import Invoker
from huidu.invoke.mirroring import Aside, Mirroring, copied
from huidu.invoke.routes import Routes
from huidu.model.call import Call
from huidu.model.comparison import NONE, Comparison
from huidu.model.effect import (
    AliasKept,
    Effect,
    FunctionGone,
    FunctionKept,
    MirrorEnded,
    MirrorGone,
    MirrorKept,
    VersionKept,
)
from huidu.model.invocation import Invocation, Outcome, Record, Status
from huidu.model.mirror import Mirror
from huidu.model.task import Task
from huidu.model.trace import NO_TRACE, Trace
from tests.fakes_store import FUNCTION, HELLO, Kept, Moody, Stand, alias, invocation, version
from tests.fakes_store import soon as until

NOW = 1_000_000.0


def mirror(**more: Any) -> Mirror:
    known: dict[str, Any] = {"id": "mi-1", "function": HELLO, "function_id": FUNCTION.id}
    known |= {"alias": "release", "version": "2", "per_second": 100}
    return Mirror(**known | {"added_at": NOW, "until": NOW + 60} | more)


def good(task: Task) -> Outcome:
    """Answer as both versions do, but for the number of the version."""
    return Outcome(status=200, result="1", instance="i-1", duration_ms=1.0)


class Shelf(Moody):
    """Keeps the newest findings of each mirror, and may refuse to."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[Mirror, Comparison]] = []
        self.unforeseen: list[Exception] = []

    async def keep(self, mirror: Mirror, findings: Comparison) -> None:
        self.consider()
        if self.unforeseen:
            raise self.unforeseen.pop()
        self.kept.append((mirror, findings))


class Crowd:
    """The instances of users' calls, as far as copies see them."""

    crowded = False


class Setting:
    """An invoker, and mirrors of the calls that it has answered. Time is real."""

    def __init__(self, most: int = 4) -> None:
        routes = Routes(lambda: 0.25)
        versions = [VersionKept(version(number)) for number in ("$LATEST", "1", "2")]
        routes.apply([FunctionKept(FUNCTION), *versions, AliasKept(alias())])
        self.now, self.drawn, self.crowd, self.shelf = NOW, 0.0, Crowd(), Shelf()
        self.live, self.shade, self.calls, self.records = Stand(good), Stand(good), Kept(), []
        invoker = Invoker(
            table=routes,
            fleet=self.live,
            recorder=self.calls,
            clock=lambda: self.now,
            timer=lambda: self.now,
        )
        self.mirrors = Mirroring(
            replace(invoker, fleet=self.shade, recorder=Aside(self.records.append)),
            self.crowd,
            most=most,
            clock=lambda: self.now,
            clock_ns=lambda: int(self.now * 1e9),
            draw=lambda: self.drawn,
            new_id=lambda: f"copy-{len(self.records)}",
        )
        self.invoker = replace(invoker, mirrored=self.mirrors.shown)

    records: list[Record]

    def put(self, **more: Any) -> Mirror:
        made = mirror(**more)
        self.mirrors.apply([MirrorKept(made, NONE)])
        return made

    async def call(self, **more: Any) -> Answered:
        return await self.invoker.invoke(invocation(**more))

    def found(self, made: Mirror) -> Comparison:
        known = self.mirrors.found(made)
        assert known is not None
        return known[1]

    async def pairs(self, made: Mirror, count: int) -> Comparison:
        await until(lambda: self.found(made).pairs >= count)
        return self.found(made)


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    made = Setting()
    running = asyncio.create_task(made.mirrors.run(made.shelf))
    yield made
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


# What is copied


async def test_a_copy_is_the_call_with_an_id_of_its_own(setting: Setting) -> None:
    made = setting.put()
    sent = invocation(event=b'{"a": 1}', routing_key='{"User":"Bob"}', trigger="http")
    await setting.invoker.invoke(sent)
    await setting.pairs(made, 1)
    (task,) = setting.shade.tasks
    (record,) = setting.records

    assert (task.invocation.event, task.invocation.routing_key) == (sent.event, sent.routing_key)
    assert (record.request_id, record.root_request_id) == ("copy-0", "r-1")
    assert (record.trigger, record.alias, record.version) == ("mirror", "", "2")
    assert [one.trigger for one in setting.calls.records] == ["http"]
    assert setting.calls.running == []


async def test_an_alias_without_a_mirror_has_no_copies(setting: Setting) -> None:
    setting.put(alias="other")
    await setting.call()
    await setting.call(qualifier="1")
    await asyncio.sleep(0.03)

    assert setting.shade.tasks == []


async def test_nothing_is_begun_before_the_answer_is_there(setting: Setting) -> None:
    made = setting.put()
    setting.live.gate = asyncio.Event()
    calling = asyncio.create_task(setting.call())
    await asyncio.sleep(0.03)
    assert setting.shade.tasks == []
    setting.live.gate.set()
    await calling
    assert setting.shade.tasks == []

    assert (await setting.pairs(made, 1)).same == 1


async def test_as_many_are_copied_as_are_drawn(setting: Setting) -> None:
    made = setting.put(share=0.5)
    for setting.drawn in (0.0, 0.49, 0.5, 0.99):
        await setting.call()
    found = await setting.pairs(made, 2)

    assert (found.seen, found.pairs, found.skipped) == (4, 2, ())


@pytest.mark.parametrize(
    ("outcome", "more", "why"),
    [
        (Outcome(status=200, result="1"), {}, watch.UNANSWERED),
        (Outcome(status=Status.CANCELLED, instance="i"), {}, watch.UNANSWERED),
        (Outcome(status=Status.INSTANCE_EXITED, instance="i"), {}, watch.UNANSWERED),
        (good, {"retry_number": 1}, watch.AGAIN),
    ],
)
async def test_what_says_nothing_of_either_version_is_not_copied(
    setting: Setting, outcome: Any, more: dict[str, Any], why: str
) -> None:
    made = setting.put()
    setting.live.does = outcome if callable(outcome) else lambda _: outcome
    await setting.call(**more)
    await asyncio.sleep(0.03)

    assert setting.found(made).skipped == ((why, 1),)
    assert setting.shade.tasks == []


async def test_a_failure_of_the_users_call_is_compared_too(setting: Setting) -> None:
    made = setting.put()
    setting.live.does = lambda _: Outcome(status=430, result="{}", instance="i")
    await setting.call()
    found = await setting.pairs(made, 1)

    assert (found.failed_live, found.different) == (1, 1)


async def test_no_more_are_copied_in_a_second_than_may_be(setting: Setting) -> None:
    made = setting.put(per_second=2)
    for _ in range(5):
        await setting.call()
    await setting.pairs(made, 2)
    setting.now += 1.0
    await setting.call()
    found = await setting.pairs(made, 3)

    assert found.skipped == ((watch.TOO_FAST, 3),)


# That nobody waits


async def test_where_a_user_waits_no_copy_is_begun(setting: Setting) -> None:
    made = setting.put()
    setting.crowd.crowded = True
    await setting.call()
    await asyncio.sleep(0.1)
    assert setting.shade.tasks == []
    setting.crowd.crowded = False

    assert (await setting.pairs(made, 1)).same == 1


async def test_a_copy_that_waited_too_long_is_dropped(setting: Setting) -> None:
    made = setting.put()
    setting.crowd.crowded = True
    await setting.call()
    await asyncio.sleep(0.02)
    setting.now += 5.1
    setting.crowd.crowded = False
    await until(lambda: setting.found(made).skipped != ())

    assert setting.found(made).skipped == ((watch.LATE, 1),)
    assert setting.shade.tasks == []


async def test_a_slow_candidate_has_a_short_line_and_half_of_the_instances(
    setting: Setting,
) -> None:
    made, gate = setting.put(), asyncio.Event()
    setting.shade.gate = gate
    for _ in range(2):
        await setting.call()
    await until(lambda: len(setting.shade.tasks) == 2)
    for _ in range(watch.MOST_WAITING + 3):
        assert (await setting.call()).outcome.status == 200
    await asyncio.sleep(0.03)
    assert len(setting.shade.tasks) == 2
    assert setting.found(made).skipped == ((watch.QUEUE_FULL, 3),)
    setting.put(id="mi-2", alias="other")
    setting.mirrors.shown[FUNCTION.id, "other"](invocation(), await setting.call())
    await until(lambda: len(setting.shade.tasks) == 3)
    gate.set()

    await setting.pairs(made, watch.MOST_WAITING + 2)


async def test_what_waits_holds_no_more_memory_than_it_may(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "MOST_WAITING_BYTES", 25)
    made = setting.put()
    setting.crowd.crowded = True
    for _ in range(3):
        await setting.call(event=b'"0123456"')  # and an answer of one byte
    assert setting.found(made).skipped == ((watch.QUEUE_FULL, 1),)
    setting.crowd.crowded = False
    await setting.pairs(made, 2)
    await setting.call(event=b'"0123456"')

    assert (await setting.pairs(made, 3)).skipped == ((watch.QUEUE_FULL, 1),)


async def test_whatever_goes_wrong_with_a_copy_the_user_is_answered(setting: Setting) -> None:
    made = setting.put()
    setting.shade.does = RuntimeError("nobody foresaw it")
    assert (await setting.call()).outcome.status == 200
    await until(lambda: setting.found(made).skipped != ())
    setting.mirrors._draw = lambda: 1 / 0

    assert (await setting.call()).outcome.status == 200
    assert setting.found(made).skipped == ((watch.FAILED_HERE, 1),)


async def test_what_the_platform_did_to_a_copy_is_not_the_candidates_fault(
    setting: Setting,
) -> None:
    made = setting.put()
    setting.shade.does = lambda _: Outcome(status=Status.INSTANCE_EXITED, instance="i")
    await setting.call()
    await until(lambda: setting.found(made).skipped != ())

    assert setting.found(made).skipped == ((watch.NO_INSTANCE, 1),)
    assert setting.found(made).failing == ()


async def test_a_candidate_that_is_gone_meanwhile_is_no_failure(setting: Setting) -> None:
    made = setting.put(version="9")
    await setting.call()
    await until(lambda: setting.found(made).skipped != ())

    assert setting.found(made).skipped == ((watch.NO_INSTANCE, 1),)


async def test_calls_that_the_candidate_answers_are_not_copied(setting: Setting) -> None:
    made = setting.put(version="1")
    await setting.call()

    assert setting.found(made).skipped == ((watch.OWN, 1),)


async def test_large_answers_are_compared_all_the_same(setting: Setting) -> None:
    made = setting.put()
    setting.shade.does = lambda _: Outcome(status=200, result=f'"{"x" * 9000}"', instance="i")
    await setting.call()

    assert [place.path for place in (await setting.pairs(made, 1)).places] == ["$"]


# How it ends


async def test_no_more_are_copied_than_there_are_to_be(setting: Setting) -> None:
    made = setting.put(most_calls=2)
    for _ in range(5):
        await setting.call()
    await until(lambda: setting.shelf.kept != [])
    ended, found = setting.shelf.kept[-1]

    assert (ended.id, ended.end, found.pairs) == (made.id, "it has had all its calls", 2)
    assert setting.mirrors.shown == {}
    await until(lambda: setting.mirrors.found(made) is None)
    assert len(setting.shelf.kept) == 1


async def test_its_time_is_over_at_the_moment(setting: Setting) -> None:
    made = setting.put()
    setting.now = made.until
    await setting.call()
    await until(lambda: setting.shelf.kept != [])

    assert setting.shelf.kept[-1][0].end == "its time is over"
    assert setting.shade.tasks == []


@pytest.mark.parametrize("foreseen", [True, False])
async def test_what_could_not_be_written_down_is_written_down_later(
    setting: Setting, *, foreseen: bool
) -> None:
    setting.shelf.refusals = int(foreseen)
    setting.shelf.unforeseen = [] if foreseen else [ZeroDivisionError("by nobody")]
    made = setting.put(most_calls=1)
    await setting.call()
    await until(lambda: setting.shelf.refusals == 0 and not setting.shelf.unforeseen)
    setting.mirrors._wake.set()
    await until(lambda: setting.shelf.kept != [])

    assert [(kept.id, found.pairs) for kept, found in setting.shelf.kept] == [(made.id, 1)]


@pytest.mark.parametrize("how", ["ended", "gone", "function", "replaced"])
async def test_what_runs_is_broken_off_when_it_is_stopped(setting: Setting, how: str) -> None:
    made = setting.put()
    setting.shade.gate = asyncio.Event()
    for _ in range(4):
        await setting.call()
    await until(lambda: len(setting.shade.tasks) == 2)
    effects: dict[str, Effect] = {
        "ended": MirrorEnded(replace(made, ended_at=NOW, end="somebody said so")),
        "gone": MirrorGone(FUNCTION.id, "release"),
        "function": FunctionGone(FUNCTION),
        "replaced": MirrorKept(mirror(id="mi-2"), NONE),
    }
    setting.mirrors.apply([effects[how]])
    await until(lambda: len(setting.records) == 2)

    assert {record.status for record in setting.records} == {Status.CANCELLED}
    assert setting.mirrors._waiting_bytes == 0
    assert len(setting.shade.tasks) == 2
    await until(lambda: setting.mirrors.found(made) is None)
    assert [kept.end for kept, _ in setting.shelf.kept] == ["somebody said so"] * (how == "ended")


async def test_an_end_that_is_told_late_is_not_that_of_the_next(setting: Setting) -> None:
    first = setting.put()
    second = setting.put(id="mi-2")
    setting.mirrors.apply([MirrorEnded(replace(first, ended_at=NOW, end="late"))])

    assert setting.mirrors.found(second) is not None
    assert (FUNCTION.id, "release") in setting.mirrors.shown


async def test_when_the_server_closes_what_was_found_is_kept(setting: Setting) -> None:
    one = Setting()
    running = asyncio.create_task(one.mirrors.run(one.shelf))
    made = one.put()
    await one.call()
    await one.pairs(made, 1)
    one.shade.gate = asyncio.Event()
    await one.call()
    await until(lambda: len(one.shade.tasks) == 2)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert [(kept.goes_on, found.pairs) for kept, found in one.shelf.kept] == [(True, 1)]
    assert (await one.call()).outcome.status == 200


async def test_a_server_without_mirrors_shows_no_call_to_anybody() -> None:
    setting = Setting(most=0)
    setting.put()

    assert setting.mirrors.shown == {}


async def test_findings_go_on_from_where_they_were(setting: Setting) -> None:
    made = mirror()
    before = Comparison(seen=7, same=3, skipped=((watch.OWN, 4),))
    setting.mirrors.apply([MirrorKept(made, before)])
    await setting.call()
    found = await setting.pairs(made, 4)

    assert (found.seen, found.same, found.skipped) == (8, 4, ((watch.OWN, 4),))


def test_a_copy_of_what_belongs_to_another_call_belongs_to_it_too() -> None:
    sent = Invocation(
        request_id="r-2",
        function=HELLO,
        qualifier="release",
        root_request_id="r-1",
        trace=Trace(trace_id="a" * 32, span_id="b" * 16, sampled=True),
    )
    made = copied(sent, mirror(), "c-1")

    assert made.trace == NO_TRACE
    assert (made.root_request_id, made.qualifier, made.copied_from) == ("r-1", "2", "release")


def test_a_record_of_nobodys_function_is_not_kept() -> None:
    kept: list[Record] = []
    Aside(kept.append).take(Call(invocation(), 0.0, 0.0))

    assert kept == []
