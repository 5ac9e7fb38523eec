"""What is asked of a measure, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.judge.judge import Tolerances
from huidu.model.judge.measure import OF_RECORD, Measure
from huidu.model.judge.reported import READERS

CART: dict[str, Any] = {"name": "cart", "field": "cart.value"}


def test_a_record_can_be_asked_for_what_it_says_itself() -> None:
    assert set(READERS) == set(OF_RECORD)
    assert [Measure(name=name).field for name in OF_RECORD] == ["", ""]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "errors"}, "none of absolute, calls, errors"),
        ({"name": "7"}, "must begin with a letter"),
        ({"field": ""}, "Field is missing"),
        ({"field": "a..b"}, "names with dots between them"),
        ({"field": "x" * 129}, "up to 128 characters"),
        ({"direction": "up"}, "Direction 'up': must be lower or higher"),
        ({"quantile": 1.0}, "Quantile 1: must lie between 0 and 1"),
        ({"quantile": float("nan")}, "Quantile nan"),
        ({"ratio": 0.9}, "Ratio 0.9: must be 1 to 100"),
        ({"slack": -1.0}, "Slack -1: must be 0 or more"),
        ({"slack": float("inf")}, "Slack inf"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(
    wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidValue, match="Metrics: ") as refused:
        Measure(**{**CART, **wrong})
    assert said in refused.value.message


def test_two_of_one_name_are_refused_and_so_are_too_many() -> None:
    with pytest.raises(InvalidValue, match="'cart' is given twice"):
        Tolerances(measures=(Measure(**CART), Measure(**CART)))
    with pytest.raises(InvalidValue, match="11 of them, at most 10"):
        Tolerances(measures=tuple(Measure(name=f"m{n}", field="m") for n in range(11)))


def test_alpha_is_shared_so_that_it_is_spent_once() -> None:
    two = (Measure(**CART), Measure(name="memory"))
    assert Tolerances().shares == (0.5, 0.5)
    assert Tolerances(measures=two).shares == (0.5, 0.3, 0.1, 0.1)
    assert sum(Tolerances(measures=(*two, Measure(name="init"))).shares) == pytest.approx(1)
