"""A follower: hears calls one by one, and says at once what they mean for its rollout."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from huidu.model.budget import CLOSED, LEAST_UNANSWERED, SPENT, Budget
from huidu.model.function import FunctionName
from huidu.model.invocation import Record, Status
from huidu.model.judge.guard import guard_of
from huidu.model.judge.tolerances import Tolerances
from huidu.model.ramp import ramp_of
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.rollout_terms import PAUSE, Terms
from huidu.model.routing import Decision
from huidu.model.split import WHOLE
from huidu.release.follower import Follower
from huidu.release.past import Past
from huidu.release.saved import Saved, read

BEGAN = 1000.0
FAILED = Status.USER_ERROR
TO_NEW = Decision("2", "weight", 0.1)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = BEGAN

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


def follower(clock: Clock, saved: str = "", **terms: object) -> Follower:
    """One of a rollout whose candidate has a tenth of the calls."""
    asked = {"ramp": ramp_of("evidence")} | terms
    rollout = Rollout(
        id="ro-1",
        function=FunctionName("default", "shop"),
        function_id="f1",
        alias="release",
        stable="1",
        candidate="2",
        terms=Terms(**asked),  # type: ignore[arg-type]
        weight=1000,
        began_at=BEGAN,
        since=BEGAN,
    )
    made = Follower(rollout, clock, read(saved))
    if not made.knows:
        made.learn(Past(50.0, (20.0,) * 2000))
    return made


def call(version: str, status: int = Status.SUCCESS, **more: object) -> Record:
    """A call that was routed by weight."""
    usual = {
        "request_id": "r",
        "function": FunctionName("default", "shop"),
        "qualifier": "release",
        "function_id": "f1",
        "alias": "release",
        "version": version,
        "reason": "weight",
        "probability": 0.1 if version == "2" else 0.9,
        "status": status,
        "instance": f"i-{version}",
        "duration_ms": 20.0,
    }
    return Record(**usual | more)  # type: ignore[arg-type]


def traffic(clock: Clock, count: int, bad: float = 0.0, seed: int = 1) -> Iterator[Record]:
    """Calls of which a tenth go to the candidate, which fails in a share of them."""
    dice = random.Random(seed)
    for number in range(count):
        clock.now += 0.02
        to_new = number % 10 == 0
        failed = to_new and dice.random() < bad
        yield call("2" if to_new else "1", FAILED if failed else Status.SUCCESS)


def hear(of: Follower, calls: Iterator[Record]) -> int:
    """Have it hear calls until it has made up its mind; return how many failed."""
    failed = 0
    for one in calls:
        of.hear(one)
        failed += one.status == FAILED
        if of.pending is not None:
            break
    return failed


def test_a_call_that_was_answered_with_500_is_told_as_that(clock: Clock) -> None:
    one = follower(clock)

    one.hear(call("2", trigger="apigw", result='{"statusCode": 503}'))

    assert [(failure.status, failure.error) for failure in one.findings.failures] == [
        (Status.SUCCESS, "its answer had an HTTP status of 500 or above")
    ]


def test_the_call_that_tips_the_scale_closes_the_candidate_before_it_is_answered(
    clock: Clock,
) -> None:
    one = follower(clock)

    failed = hear(one, traffic(clock, 1000, bad=1.0))

    assert failed == 4  # the analysis has it so for a tenth of the calls
    assert one.pending is not None
    assert (one.pending.event, one.pending.said) == (
        Event.ROLL_BACK,
        "worse than version 1: errors",
    )
    assert one.allowance.settle(TO_NEW) == Decision("1", CLOSED)
    assert one.wake.is_set()


def test_a_candidate_that_is_fine_is_left_alone(clock: Clock) -> None:
    one = follower(clock)

    hear(one, traffic(clock, 3000))
    one.tick()

    assert one.pending is None
    assert one.allowance.settle(TO_NEW) == TO_NEW
    assert one.findings.stable.calls == 2700
    assert one.findings.candidate.calls == 300
    assert one.findings.sentences


def test_what_both_versions_suffer_from_takes_nothing_back(clock: Clock) -> None:
    one = follower(clock)

    for record in traffic(clock, 3000):
        one.hear(record._replace(status=FAILED) if clock.now % 1 < 0.3 else record)

    assert one.pending is None


def test_a_budget_is_kept_whatever_the_judge_thinks(clock: Clock) -> None:
    one = follower(clock, budget=Budget(failures=2))

    failed = hear(one, traffic(clock, 3000, bad=0.05))

    assert failed == 2
    assert one.pending is not None
    assert one.pending.said == "budget: 2 of its calls have failed"
    one.allowance.closed = False
    assert one.allowance.settle(TO_NEW).reason == SPENT


def test_an_absolute_guard_is_named_as_one(clock: Clock) -> None:
    guards = Tolerances(guards=(guard_of("p99 > 2 s"),))
    one = follower(clock, tolerances=guards)

    for record in traffic(clock, 1000):
        one.hear(record._replace(duration_ms=3000.0))

    assert one.pending is not None
    assert one.pending.said.startswith("absolute: p99 > 2 s")


def test_where_a_person_is_to_decide_a_bad_candidate_is_paused_and_not_closed(clock: Clock) -> None:
    one = follower(clock, on_worse=PAUSE)

    hear(one, traffic(clock, 200, bad=1.0))

    assert one.pending is None
    assert not one.allowance.closed
    assert one.opinion is not None
    assert one.opinion.verdict.name == "WORSE"


def test_calls_that_nobody_left_to_chance_are_counted_and_not_compared(clock: Clock) -> None:
    one = follower(clock)

    for record in traffic(clock, 1000, bad=1.0):
        one.hear(record._replace(reason="rule 1", probability=1.0))

    assert one.pending is None
    one.tick()
    assert one.findings.candidate.failures == 100


def full(of: Follower, clock: Clock) -> None:
    """Give the candidate all calls."""
    of.moved(of.rollout.after(Step(event=Event.PROMOTE, at=clock.now)))
    assert of.rollout.state is State.BAKING


def test_with_all_calls_a_candidate_that_fails_often_is_still_taken_back(clock: Clock) -> None:
    one = follower(clock)
    hear(one, traffic(clock, 1000))
    full(one, clock)

    failed = 0
    while one.pending is None and failed < 100:
        clock.now += 0.02
        one.hear(call("2", FAILED, reason="main version", probability=1.0))
        failed += 1

    assert failed <= 10
    assert one.pending is not None
    assert one.pending.said.startswith("absolute: more than 25.00% of its calls fail")


def test_with_all_calls_a_budget_is_no_longer_spent(clock: Clock) -> None:
    one = follower(clock, budget=Budget(failures=3, keys=1))
    full(one, clock)

    for _ in range(300):
        clock.now += 0.02
        one.hear(call("2", reason="main version", probability=1.0))
    for _ in range(4):
        one.hear(call("2", FAILED, reason="main version", probability=1.0))

    assert one.pending is None
    for key in ("a", "b"):
        assert one.allowance.settle(with_key(key)).version == "2"


def with_key(key: str) -> Decision:
    """A call of the candidate that shows a key."""
    return TO_NEW._replace(reason="sticky key", sticky_key=key)


@pytest.mark.parametrize("bake", [False, True])
def test_what_it_knows_outlives_its_server(clock: Clock, *, bake: bool) -> None:
    one = follower(clock, budget=Budget(failures=100, keys=50))
    hear(one, traffic(clock, 2000, bad=0.004))
    if bake:
        full(one, clock)
    one.allowance.settle(with_key("a"))
    one.tick()

    again = Follower(one.rollout, clock, read(one.saved()))
    again.tick()

    assert again.knows
    assert again.findings.candidate == one.findings.candidate
    assert (again.allowance.failures, again.allowance.keys) == (
        one.allowance.failures,
        one.allowance.keys,
    )
    assert again.findings.log_errors == pytest.approx(one.findings.log_errors)
    assert again.allowance.proven is bake


def test_what_was_saved_and_cannot_be_read_is_begun_anew(clock: Clock) -> None:
    one = follower(clock)
    hear(one, traffic(clock, 500))

    again = follower(clock, damaged(one.saved()))
    hear(again, traffic(clock, 1000, bad=1.0))

    assert again.pending is not None
    assert read("{broken") == Saved()


def damaged(text: str) -> str:
    """Damage what is saved of the judge."""
    saved = read(text)
    return Saved(findings=saved.findings, judge=saved.judge[:-9] + "damaged}").text()


def test_a_new_weight_begins_with_no_opinion(clock: Clock) -> None:
    one = follower(clock)
    hear(one, traffic(clock, 500))
    one.tick()

    one.moved(one.rollout.after(Step(event=Event.GROW, at=clock.now, weight=5000)))

    assert one.opinion is None
    assert one.findings.next_weight == WHOLE


def test_a_budget_that_is_used_up_is_thought_of_once_and_not_at_each_call(clock: Clock) -> None:
    one = follower(clock, on_worse=PAUSE, budget=Budget(failures=1))
    one.tick()
    one.hear(call("2", FAILED))
    thought = one.opinion

    one.hear(call("1"))

    assert one.opinion is thought


def test_the_first_share_finds_the_judge_as_it_was(clock: Clock) -> None:
    one = follower(clock)
    one.rollout = replace(one.rollout, weight=0)
    before = one.judge.saved()

    one.moved(one.rollout.after(Step(event=Event.GROW, at=clock.now, weight=1000)))

    assert one.judge.saved() == before


def test_who_watches_sees_that_something_is_new(clock: Clock) -> None:
    one = follower(clock)
    before, news = one.seen, one.news

    one.tick()

    assert news.is_set()
    assert one.seen != before


@pytest.mark.parametrize(
    "step",
    [
        Step(event=Event.GROW, at=BEGAN, weight=5000),
        Step(event=Event.GROW, at=BEGAN, weight=WHOLE),
        Step(event=Event.PROMOTE, at=BEGAN, said="no answer after 3600 s"),
        Step(event=Event.PAUSE, at=BEGAN, who="AKID"),
    ],
    ids=["a larger share", "all calls", "its promotion for want of an answer", "a person's pause"],
)
def test_a_step_that_was_being_written_when_the_scale_tipped_delays_the_rollback_and_no_more(
    clock: Clock, step: Step
) -> None:
    one = follower(clock)
    hear(one, traffic(clock, 1000, bad=1.0))

    one.moved(one.rollout.after(step))

    assert one.pending is not None
    assert one.pending.event is Event.ROLL_BACK
    assert one.allowance.closed
    assert one.findings.verdict == "worse"  # for the report
    one.moved(one.rollout.after(one.pending))
    assert one.pending is None


def test_a_person_who_promotes_overrules_a_rollback_that_is_not_written_yet(clock: Clock) -> None:
    one = follower(clock)
    hear(one, traffic(clock, 1000, bad=1.0))

    one.moved(one.rollout.after(Step(event=Event.PROMOTE, at=BEGAN, who="AKID")))

    assert one.pending is None
    assert one.allowance.settle(TO_NEW) == TO_NEW


def test_a_candidate_that_answers_nothing_gets_a_few_calls_until_one_of_them_ends(
    clock: Clock,
) -> None:
    one = follower(clock)

    def reached(calls: int) -> int:
        return [one.allowance.settle(TO_NEW).version for _ in range(calls)].count("2")

    assert reached(500) == LEAST_UNANSWERED
    one.hear(call("2", Status.CANCELLED))
    assert reached(500) == 0
    one.tick()  # none runs any more
    assert reached(500) == 1
    one.hear(call("2"))
    assert reached(500) == LEAST_UNANSWERED


def keyed(clock: Clock, to: Follower, seconds: int) -> None:
    """Have 600 callers call, each as its place and the budget have it."""
    dice = random.Random(3)
    seals = [f"{dice.getrandbits(128):032x}" for _ in range(600)]
    for _ in range(seconds * 50):
        clock.now += 0.02
        caller = dice.randrange(600)
        version = "2" if caller < 60 else "1"
        decision = Decision(version, "sticky key", 0.1 if version == "2" else 0.9)
        settled = to.allowance.settle(decision._replace(sticky_key=f"caller {caller}"))
        heard = call(settled.version, sticky_key=seals[caller], duration_ms=dice.uniform(10, 40))
        to.hear(heard._replace(reason=settled.reason, probability=settled.probability))


def test_where_only_so_many_callers_may_meet_it_what_is_compared_stays_fair(clock: Clock) -> None:
    one = follower(clock, budget=Budget(keys=5))

    keyed(clock, one, 600)
    one.tick()

    assert len(one.allowance.keys) == 5
    assert one.pending is None
    assert one.opinion is not None
    assert one.opinion.verdict.name in ("NOT_YET", "FINE")
    assert one.opinion.log_errors < 1
    assert one.opinion.log_latency < 1
