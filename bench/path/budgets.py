"""Budgets: what each stage of a call may cost; `ARCHITECTURE.md` has the same table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STEP, TRIP = "step", "trip"  #: The yardsticks, see `bench/path/yardsticks.py`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a stage may cost, in yardsticks of the same run."""

    most: float
    unit: str = STEP
    whole: bool = False  #: Whether it is one of those that `WHOLE` is made of, put together.


#: All of them but hop and handler, as they are in a server: in one process, one after another.
WHOLE = "whole"
ONE_BY_ONE = "whole, one by one"  #: Each call ends before the next begins.

#: What was measured, and a quarter more, rounded up to a tenth.
BUDGETS: Mapping[str, Budget] = {
    "accept": Budget(most=5.6, whole=True),
    "read": Budget(most=6.3, whole=True),
    "route": Budget(most=1.3, whole=True),
    "route, weight": Budget(most=4.3),
    "route, rule": Budget(most=2.6),
    "route, sticky": Budget(most=4.3),
    "claim": Budget(most=2.4),
    "claim, from the line": Budget(most=2.4, whole=True),
    "encode": Budget(most=2.6, whole=True),
    "hop": Budget(most=4.4, unit=TRIP),
    "hop, one ahead": Budget(most=3.1, unit=TRIP),
    "handler": Budget(most=0.1),
    "decode": Budget(most=4.4, whole=True),
    "record": Budget(most=4.9, whole=True),
    "answer": Budget(most=1.9, whole=True),
    WHOLE: Budget(most=36.9),
    ONE_BY_ONE: Budget(most=49.4),
}


def over(stage: str, ratio: float) -> bool:
    """Tell whether a stage costs more than it may: so many of its yardsticks."""
    return ratio > BUDGETS[stage].most
