"""Claim: what is held against a version, and how much each call speaks against the claim.

A call goes to the candidate with a probability that is known before its outcome is. Whatever the
stable version's rate of bad calls is, and however it changes, the payoffs below are of mean zero or
less as long as the claim holds; so a product of bets on them seldom grows large (Ville).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

CAP = 0.9  #: No bet risks more than this of what it has.
ALMOST_ALL = 0.999

#: By what factor the candidate's rate exceeds (worse), or falls below (fine), what is claimed.
WORSE_GRID = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1000.0)
FINE_GRID = (0.02, 0.2, 0.5, 0.75, 0.9)


class Factors(NamedTuple):
    """What one call adds to the log of a bet, by who answered and how."""

    candidate_bad: float
    candidate_good: float
    stable_bad: float
    stable_good: float


class Counts(NamedTuple):
    """Calls by who answered and how."""

    candidate_bad: float = 0
    candidate_good: float = 0
    stable_bad: float = 0
    stable_good: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """That the candidate's rate of bad calls is at most, or at least, `ratio * stable + margin`.

    `worse=True` looks for evidence against "at most": that the candidate is worse. `worse=False`
    looks for evidence against "at least": that it is fine. `center` is the share of bad calls that
    is usual (0 for errors, 1 - p for latency at quantile p); it takes the noise of routing out, and
    is right whatever it is.
    """

    worse: bool
    ratio: float = 1.0
    margin: float = 0.0
    center: float = 0.0

    @property
    def allowed(self) -> float:
        """The rate that is allowed where the stable version's is at the center."""
        return self.ratio * self.center + self.margin

    @property
    def grid(self) -> tuple[float, ...]:
        """The alternatives that are bet on, each with the same share of the stake."""
        return WORSE_GRID if self.worse else FINE_GRID

    def stake(self, alternative: float, weight: float) -> float:
        """Return the bet for an alternative, where the candidate gets `weight` of the calls.

        A weight of 0 says that there is no stable version to compare with.
        """
        ratio, odds = self.ratio, weight / (1 - weight)
        stake = abs(alternative - 1) * (1 - weight) / (1 - weight + weight * ratio * alternative)
        if self.worse:
            return min(stake, CAP / self.allowed) if self.allowed > 0 else stake
        usual = odds * ratio * self.center
        if usual > 0:
            stake = min(stake, CAP / usual)
        return min(stake, ALMOST_ALL / (1 - self.allowed)) if self.allowed < 1 else stake

    def factors(self, alternative: float, weight: float) -> Factors:
        """Return what each kind of call adds to the log of a bet."""
        bet = self.stake(alternative, weight) * (1 if self.worse else -1)
        back = bet * weight / (1 - weight) * self.ratio
        return Factors(
            math.log1p(bet * (1 - self.allowed)),
            math.log1p(-bet * self.allowed),
            math.log1p(-back * (1 - self.center)),
            math.log1p(back * self.center),
        )


def log_mean_exp(logs: list[float]) -> float:
    """Return the log of the mean of what these are the logs of."""
    return log_sum_exp(logs) - math.log(len(logs))


def log_sum_exp(logs: list[float]) -> float:
    """Return the log of the sum of what these are the logs of."""
    most = max(logs)
    return most + math.log(math.fsum(math.exp(log - most) for log in logs))
