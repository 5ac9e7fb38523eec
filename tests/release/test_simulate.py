"""The law of releases: few healthy ones are taken back, bad ones all, and soon."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from statistics import median

import pytest

from huidu.model.judge.judge import DEFAULT, Call, Judge, Lot, Opinion, Step, Tolerances, Verdict
from huidu.model.judge.votes import BOTH, Ballot, Vote, Votes
from huidu.model.ramp import ramp_of
from huidu.model.rollout_terms import Terms
from huidu.release.faults import fault_of
from huidu.release.scene import Scene
from huidu.release.simulate import End, Outcome, Release
from huidu.release.traffic import TRAFFICS
from huidu.release.trial import Trial, span, summary

#: A minute before all calls, rather than five: what is tested here is not how long it takes.
QUICK = replace(DEFAULT, bake_s=60.0)
HEALTHY = (
    ("steady", "healthy"),
    ("bursts", "healthy"),
    ("day", "healthy"),
    ("incidents", "healthy"),
    ("steady", "noise"),
    ("steady", "cold"),
)
BY_EVIDENCE = Terms(ramp=ramp_of("evidence"))
EACH, FEW, BAD, MOST_S = 25, 16, 25, 200
#: Of the analysis that the judge was built by, at 100 calls a second: how soon, and what it costs.
KNOWN = [
    ("0.1%->1.1%", 95.0, 7),
    ("0.1%->5.1%", 14.0, 4),
    ("0.1%->20.1%", 3.0, 3),
    ("total", 1.0, 3),
    ("slow", 10.0, 48),
]

Make = Callable[[], Judge]


def healthy(make: Make, traffic: str, fault: str, count: int) -> list[Outcome]:
    """Play releases with nothing wrong."""
    trial = Trial(fault=fault_of(fault), traffic=traffic, calls_per_s=10.0, seed=1)
    return [
        Release(trial.scene(number), BY_EVIDENCE, make()).play(MOST_S) for number in range(count)
    ]


def at_most_one_in_a_hundred_is_taken_back(outcomes: Sequence[Outcome]) -> None:
    back = sum(one.end is End.BACK for one in outcomes)
    assert back <= len(outcomes) / 100, f"{back} of {len(outcomes)}"


class Peeking(Judge):
    """A judge as many build it: a z-test of the shares that failed, looked at each second."""

    def __init__(self) -> None:
        super().__init__(QUICK)
        self._seen = {True: [0, 0], False: [0, 0]}

    def hear(self, call: Call, now: float) -> bool:
        self._count(call.of_candidate, 1, call.failed)
        return super().hear(call, now)

    def hear_lot(self, lot: Lot) -> None:
        self._count(lot.of_candidate, lot.good + lot.failed, lot.failed)
        super().hear_lot(lot)

    def _count(self, of_candidate: bool, calls: int, failed: int) -> None:  # noqa: FBT001
        self._seen[of_candidate][0] += calls
        self._seen[of_candidate][1] += failed

    def look(self, now: float, step: Step) -> Opinion:
        (mine, bad), (theirs, worse) = self._seen[True], self._seen[False]
        said = super().look(now, step)
        both = (bad + worse) / max(mine + theirs, 1)
        if mine and theirs and 0 < both < 1:
            noise = math.sqrt(both * (1 - both) * (1 / mine + 1 / theirs))
            if (bad / mine - worse / theirs) / noise > 2.326:
                return said._replace(verdict=Verdict.WORSE)
        return said


#: Judges as they should not be, each with what is enough to see it.
BROKEN: dict[str, tuple[Make, str, str]] = {
    "looks at a z-test": (Peeking, "incidents", "healthy"),
    "tolerates nothing": (
        lambda: Judge(replace(QUICK, error_ratio=1.0, error_margin=0.0, slower=1.0, slack_ms=0.0)),
        "steady",
        "noise",
    ),
    "is content with any evidence": (
        lambda: Judge(replace(QUICK, alpha=2.0)),
        "incidents",
        "healthy",
    ),
}


def test_of_healthy_releases_at_most_one_in_a_hundred_is_taken_back() -> None:
    outcomes = [
        outcome
        for traffic, fault in HEALTHY
        for outcome in healthy(lambda: Judge(QUICK), traffic, fault, EACH)
    ]

    at_most_one_in_a_hundred_is_taken_back(outcomes)
    assert any(one.end is End.FINISHED for one in outcomes)


@pytest.mark.parametrize(("make", "traffic", "fault"), BROKEN.values(), ids=BROKEN)
def test_a_judge_takes_more_of_them_back_that(make: Make, traffic: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=rf"\d+ of {FEW}"):
        at_most_one_in_a_hundred_is_taken_back(healthy(make, traffic, fault, FEW))


class Forgetful(Votes):
    """Lets everybody vote as often as they like."""

    def of(self, ballot: Ballot, now: float) -> Vote:
        return BOTH


@pytest.mark.parametrize(
    ("fault", "votes", "is_alarmed"),
    [("crashes", Votes, False), ("crashes", Forgetful, True), ("poison", Votes, False)],
)
def test_what_fails_together_has_one_vote_or_healthy_versions_go_back(
    fault: str, votes: type[Votes], *, is_alarmed: bool
) -> None:
    trial = Trial(fault=fault_of(fault), calls_per_s=40.0, seed=2)
    ends = []
    for number in range(FEW):
        release = Release(trial.scene(number), BY_EVIDENCE, Judge(QUICK))
        release._votes = votes()
        ends.append(release.play(MOST_S).end)

    assert (End.BACK in ends) is is_alarmed


@pytest.mark.parametrize(("fault", "within_s", "failed"), KNOWN)
def test_a_bad_version_is_taken_back_within_twice_what_the_analysis_says(
    fault: str, within_s: float, failed: int
) -> None:
    outcomes = Trial(fault=fault_of(fault), seed=1).play_all(range(BAD))

    assert {one.end for one in outcomes} == {End.BACK}
    assert median(one.detected_s for one in outcomes) <= 2 * within_s
    assert median(one.harmed for one in outcomes) <= 2 * failed


@pytest.mark.parametrize("calls_per_s", [1.0, 10.0, 100.0, 1000.0])
def test_of_a_version_that_always_fails_a_handful_of_calls_is_all_there_is(
    calls_per_s: float,
) -> None:
    trial = Trial(fault=fault_of("total"), calls_per_s=calls_per_s, seed=1)
    outcomes = trial.play_all(range(BAD))

    assert {one.end for one in outcomes} == {End.BACK}
    assert max(one.harmed for one in outcomes) <= (5 if calls_per_s >= 50 else 8)


def test_a_fault_that_hides_in_an_incident_of_both_is_found_all_the_same() -> None:
    trial = Trial(fault=fault_of("to-five"), traffic="incidents", seed=1)
    outcomes = trial.play_all(range(20))

    assert {one.end for one in outcomes} == {End.BACK}
    assert median(one.harmed for one in outcomes) <= 20


def test_a_late_fault_is_timed_from_when_it_sets_in() -> None:
    found = summary(Trial(fault=fault_of("late"), seed=1).play_all(range(10)), fault_of("late"))

    assert (found.rolled_back, found.false_alarms) == (10, 0)
    assert found.detected_s is not None
    assert found.detected_s.median <= 2 * 26
    assert found.harmed is not None
    assert found.harmed.median <= 2 * 28


@pytest.mark.parametrize(
    ("plan", "least_s"), [("Canary10Percent5Minutes", 300.0), ("5%/1m, 50%/2m", 180.0)]
)
def test_a_plan_takes_at_least_its_time(plan: str, least_s: float) -> None:
    outcomes = Trial(plan=plan, seed=1).play_all(range(5))

    assert {one.end for one in outcomes} == {End.FINISHED}
    assert min(one.took_s for one in outcomes) >= least_s


def test_all_at_once_there_is_nothing_to_compare() -> None:
    assert Trial(plan="all-at-once", fault=fault_of("total")).play(0) == Outcome(
        end=End.FINISHED, took_s=0.0, weight=10_000, calls=0, harmed=0, after_s=0.0
    )


def test_a_release_that_finds_out_nothing_is_left_open() -> None:
    outcome = Trial(calls_per_s=0.01, most_s=300).play(0)

    assert (outcome.end, outcome.took_s, outcome.weight) == (End.OPEN, 300.0, 2500)


def test_the_same_seed_plays_the_same_release() -> None:
    trial = Trial(fault=fault_of("one-to-two"), traffic="bursts", seed=3)

    assert trial.play(4) == trial.play(4)
    assert trial.play(4) != trial.play(5)
    assert trial.play(4) != replace(trial, seed=4).play(4)


def test_a_summary_counts_what_was_taken_back_for_nothing() -> None:
    fault = fault_of("0.1%->5% after 60s")
    early = Outcome(end=End.BACK, took_s=50.0, weight=500, calls=9, harmed=0, after_s=60.0)
    found = summary(
        [
            replace(early, reason="latency"),
            replace(early, took_s=70.0, harmed=3, reason="errors"),
            replace(early, end=End.FINISHED, took_s=400.0),
            replace(early, end=End.OPEN, took_s=3600.0),
        ],
        fault,
    )

    assert (found.releases, found.finished, found.rolled_back, found.open) == (4, 1, 2, 1)
    assert (found.false_alarms, found.detected_s) == (1, span([10.0]))
    assert found.reasons == {"errors": 1, "latency": 1}


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_calls_heard_at_once_say_what_they_say_one_by_one(share: float) -> None:
    dice = Random(2)
    traffic = TRAFFICS["incidents"](30.0, dice)
    scene = Scene(dice=dice, traffic=traffic, fault=fault_of("cold"))
    at_once, each = Judge(Tolerances()), Judge(Tolerances())
    history = scene.history()
    at_once.learn_all(history)
    for duration_ms in history:
        each.learn(duration_ms)
    at_once.begin()
    each.begin()
    for second in range(150):
        for mine, bunch in zip((True, False), scene.second(second, share), strict=True):
            kept = sorted(bunch.durations_ms)
            at_once.hear_lot(Lot(mine, share, bunch.failed, bunch.cold + len(kept), kept))
            rest = [(True, 0.0, True)] * bunch.failed + [(False, 0.0, False)] * bunch.cold
            for failed, ms, compares in [*rest, *((False, ms, True) for ms in kept)]:
                each.hear(Call(mine, failed, ms, share, compares), second + 0.5)
        one, other = (
            judge.look(second + 1.0, Step(0.0, 5 * share, is_last=False))
            for judge in (at_once, each)
        )
        assert one[:2] == other[:2]
        assert one[2:4] == pytest.approx(other[2:4])
        assert one[-2:] == other[-2:]
