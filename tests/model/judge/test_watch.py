"""After all calls go to a version: what takes it back, and what only looks bad."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.judge.call import Call
from huidu.model.judge.claim import Claim
from huidu.model.judge.evidence import Evidence
from huidu.model.judge.guard import guard_of
from huidu.model.judge.judge import Judge
from huidu.model.judge.opinion import Opinion, Verdict
from huidu.model.judge.votes import NONE
from huidu.model.judge.watch import Limits, Watch

GOOD = Call(of_candidate=True, failed=False, duration_ms=5.0, weight=1.0)
BAD = GOOD._replace(failed=True)
VECTORS = json.loads((Path(__file__).parents[2] / "vectors/judge.json").read_text())["eprocess"]


def watched(
    watch: Watch, rate: float, *, seconds: int = 600, began: float = 0.0
) -> tuple[Opinion, int, list[Verdict]]:
    """Ten calls a second fail at a rate; return the last opinion, the failures, and what was said.

    It ends when the version is taken back.
    """
    chance, said, failed, heard = random.Random(11), watch.look(began), 0, []
    for number in range(seconds * 10):
        bad = chance.random() < rate
        failed += bad
        now = began + number / 10
        if watch.hear(BAD if bad else GOOD, now):
            said = watch.look(now)
            heard.append(said.verdict)
            if said.verdict is Verdict.WORSE:
                break
    return said, failed, heard


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if v["ops"][0][0] == "solo" and v["direction"] > 0]
)
def test_it_weighs_as_the_test_without_a_stable_version_does(vector: dict[str, Any]) -> None:
    watch = Watch(0.0, Limits(suspect=vector["margin"]))
    alone = Evidence(Claim(worse=True, margin=vector["margin"]))
    for (_, bad, good), log in zip(vector["ops"], vector["log_e"], strict=True):
        for call in [BAD] * bad + [GOOD] * good:
            watch.hear(call, 0.0)
        alone.add_alone(bad, good)
        assert watch.look(0.0).evidence[0].log == pytest.approx(log, rel=1e-9)
        assert alone.log == pytest.approx(log, rel=1e-9)


def test_total_failure_is_taken_back_after_a_handful_of_calls() -> None:
    said, failed, _ = watched(Watch(), 1.0)
    assert said.verdict is Verdict.WORSE
    assert failed <= 10
    assert said.reason.startswith("absolute: more than 25.00% of its calls fail (")


def test_a_few_failures_more_are_suspect_and_take_nothing_back() -> None:
    said, _, _ = watched(Watch(0.001), 0.05)
    assert said.verdict is Verdict.SUSPECT
    assert said.reason.startswith("absolute: more than 1.00% of its calls fail")


def test_what_failed_already_during_the_rollout_is_no_news() -> None:
    _, _, verdicts = watched(Watch(0.10), 0.10)
    assert set(verdicts) == {Verdict.NOT_YET}
    _, _, verdicts = watched(Watch(0.001), 0.001)
    assert set(verdicts) == {Verdict.NOT_YET}


def test_a_stable_version_that_failed_always_leaves_nothing_to_be_said() -> None:
    said, _, verdicts = watched(Watch(1.0), 1.0, seconds=20)
    assert set(verdicts) == {Verdict.NOT_YET}
    assert [one.log for one in said.evidence] == [pytest.approx(0, abs=1e-9)] * 2


def test_a_fault_that_sets_in_late_is_found_almost_as_soon() -> None:
    watch = Watch()
    watched(watch, 0.0, seconds=1800)
    _, failed, _ = watched(watch, 1.0, began=1800.0)
    assert failed <= 20
    assert watch.suspect._epochs <= 1800 / 120 + 1


def test_where_it_is_never_to_be_taken_back_it_is_suspect_at_most() -> None:
    said, _, _ = watched(Watch(0.0, Limits(worse=None)), 1.0, seconds=20)
    assert said.verdict is Verdict.SUSPECT
    assert len(said.evidence) == 1


def test_two_failures_prove_nothing() -> None:
    watch = Watch(0.0, Limits(suspect=0.0001))
    for _ in range(2):
        watch.hear(BAD, 1.0)
    said = watch.look(1.0)
    assert said.evidence[0].log > said.evidence[0].enough
    assert said.verdict is Verdict.NOT_YET


def test_it_hears_neither_of_the_stable_version_nor_of_retries() -> None:
    watch = Watch()
    assert not watch.hear(BAD._replace(of_candidate=False), 9.0)
    assert not watch.hear(BAD._replace(vote=NONE), 9.0)
    assert watch.look(9.0).calls == 0


def test_a_guard_holds_while_it_is_watched_too() -> None:
    watch = Watch(0.0, Limits(guards=(guard_of("p99 > 2 s of 5"),)))
    for _ in range(5):
        watch.hear(GOOD._replace(duration_ms=3000.0), 1.0)
    said = watch.look(1.0)
    assert said.verdict is Verdict.WORSE
    assert said.reason == "absolute: p99 > 2 s of 5 (5 of 5 calls within 60 s took longer)"


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidValue, match="Bake: Worse 25: must lie between 0 and 1"):
        Limits(worse=25)
    with pytest.raises(InvalidValue, match="Suspect 0"):
        Limits(suspect=0.0)


def test_the_judge_knows_what_was_usual_during_the_rollout() -> None:
    judge = Judge()
    assert judge.stable_failures == 0
    for number in range(100):
        judge.hear(Call(number % 2 == 0, number < 20, 5.0, 0.5), 0.0)
    assert judge.stable_failures == pytest.approx(0.2)
