"""The rules of other tools, as the simulation plays them."""

from __future__ import annotations

import pytest

from bench.rivals import RIVALS, CodeDeploy, Fission, Flagger, Rule, Window, play
from huidu.release.faults import fault_of
from huidu.release.simulate import End
from huidu.release.trial import Trial

GOOD = Window(calls=1000, durations_ms=[80.0])
FAILS_SOME, FAILS_MUCH = Window(calls=1000, failed=20), Window(calls=1000, failed=110)
SLOW, SILENT = Window(calls=1000, durations_ms=[501.0]), Window()


def looked(rule: Rule, *windows: Window) -> list[tuple[End | None, int]]:
    return [(rule.look(window), rule.percent) for window in windows]


def test_flagger_goes_on_by_five_and_back_after_five_bad_minutes() -> None:
    assert looked(Flagger(), GOOD, GOOD, FAILS_SOME) == [(None, 10), (None, 15), (None, 15)]
    assert looked(Flagger(), FAILS_SOME, SLOW, SILENT, GOOD, SLOW, SLOW)[-1] == (End.BACK, 10)
    assert looked(Flagger(), *[GOOD] * 10)[-1] == (End.FINISHED, 50)


def test_fission_compares_whole_percents_and_looks_no_more_at_the_end() -> None:
    truncated = Window(calls=1000, failed=109)
    assert looked(Fission(), GOOD, truncated, SILENT) == [(None, 40), (None, 60), (None, 60)]
    assert looked(Fission(), FAILS_MUCH) == [(End.BACK, 20)]
    assert looked(Fission(), *[FAILS_SOME] * 4)[-1] == (End.FINISHED, 100)


def test_an_alarm_takes_a_codedeploy_canary_back_within_its_five_minutes() -> None:
    assert looked(CodeDeploy(), GOOD, FAILS_SOME)[-1] == (End.BACK, 10)
    assert looked(CodeDeploy(), *[GOOD] * 5)[-1] == (End.FINISHED, 10)


@pytest.mark.parametrize(
    ("rival", "took_s", "calls"),
    [("Flagger", 300.0, 1500), ("Fission", 120.0, 2400), ("CodeDeploy", 60.0, 600)],
)
def test_every_rule_takes_a_version_back_that_always_fails(
    rival: str, took_s: float, calls: int
) -> None:
    outcome = play(Trial(fault=fault_of("total")).scene(0), RIVALS[rival]())

    assert (outcome.end, outcome.took_s) == (End.BACK, took_s)
    assert outcome.calls == outcome.harmed == pytest.approx(calls, rel=0.2)
