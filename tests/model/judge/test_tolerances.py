"""What is tolerated is kept with a rollout, and read back as it was."""

from __future__ import annotations

import msgspec

from huidu.model.judge.guard import guard_of
from huidu.model.judge.judge import DEFAULT, Tolerances
from huidu.model.judge.measure import Measure


def test_tolerances_outlive_a_server() -> None:
    asked = Tolerances(
        alpha=0.05,
        measures=(Measure(name="memory"), Measure(name="cart", field="cart.value", quantile=0.9)),
        guards=(guard_of("p99 > 2 s / 5m of 7"),),
    )
    assert msgspec.json.decode(msgspec.json.encode(asked), type=Tolerances) == asked


def test_what_was_kept_before_there_were_measures_is_read_as_without() -> None:
    assert msgspec.json.decode(b'{"alpha":0.01}', type=Tolerances) == DEFAULT
