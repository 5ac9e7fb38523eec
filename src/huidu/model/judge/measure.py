"""Measure: a number that a call says of itself, for the candidate's to be held against stable's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from huidu.model.errors import InvalidValue

LOWER, HIGHER = "lower", "higher"
MEMORY, INIT = "memory", "init"
#: What the record of a call says without the function's help.
OF_RECORD = (MEMORY, INIT)
TAKEN = frozenset({"errors", "latency", "absolute", "time", "calls", "suspicion"})
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
MOST_FIELD = 128
MOST_MEASURES = 10
MOST_RATIO = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number that calls report, and how much worse the candidate's may be.

    `quantile` counts from the good end, whichever that is: 0.95 looks at the worst twentieth.
    `ratio` and `slack` are tolerated: with `lower`, values up to `ratio` times the stable
    version's plus `slack`; with `higher`, down to its values divided by `ratio`, minus `slack`.
    """

    name: str
    field: str = ""  #: Where the function reports it, `outer.inner`; empty for one of `OF_RECORD`.
    direction: str = LOWER  #: Which values are better.
    quantile: float = 0.5
    ratio: float = 1.2
    slack: float = 0.0

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name in TAKEN:
            raise _refusal(
                f"Name {self.name[:80]!r}: must begin with a letter, have up to 64 letters, "
                f"digits, - and _, and be none of {', '.join(sorted(TAKEN))}"
            )
        if not self.field and self.name not in OF_RECORD:
            raise _refusal(
                f"{self.name}: Field is missing: the name of a number that the function prints in "
                f"a line of JSON or returns, as in cart.value; without one there is "
                f"{' and '.join(OF_RECORD)}"
            )
        if len(self.field) > MOST_FIELD or (self.field and not all(self.field.split("."))):
            raise _refusal(
                f"{self.name}: Field {self.field[:80]!r}: must be up to {MOST_FIELD} characters, "
                "names with dots between them, as in cart.value"
            )
        if self.direction not in (LOWER, HIGHER):
            raise _refusal(
                f"{self.name}: Direction {self.direction[:20]!r}: must be {LOWER} or {HIGHER}: "
                "which values are better"
            )
        self._check_numbers()

    def _check_numbers(self) -> None:
        if not 0 < self.quantile < 1:  # not a number is not in there either
            raise _refusal(
                f"{self.name}: Quantile {self.quantile:g}: must lie between 0 and 1, as in 0.95"
            )
        if not 1 <= self.ratio <= MOST_RATIO:
            raise _refusal(
                f"{self.name}: Ratio {self.ratio:g}: must be 1 to {MOST_RATIO:g}: how many times "
                "worse is tolerated"
            )
        if not 0 <= self.slack < float("inf"):
            raise _refusal(f"{self.name}: Slack {self.slack:g}: must be 0 or more")

    @property
    def sign(self) -> int:
        """By what a value is multiplied so that larger ones are worse."""
        return -1 if self.direction == HIGHER else 1


def check_measures(measures: Sequence[Measure]) -> None:
    """Refuse too many, or two of one name."""
    names = [measure.name for measure in measures]
    if len(names) > MOST_MEASURES:
        raise _refusal(f"{len(names)} of them, at most {MOST_MEASURES} are possible")
    if len(set(names)) < len(names):
        twice = min(name for name in names if names.count(name) > 1)
        raise _refusal(f"Name {twice!r} is given twice; give each a name of its own")


def _refusal(why: str) -> InvalidValue:
    return InvalidValue("Metrics", f"Metrics: {why}")
