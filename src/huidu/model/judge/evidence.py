"""Evidence: what the calls so far say against a claim, fit to be looked at at any time.

Each alternative's bet is kept as the log of what it has grown to. A bet that lost for long cannot
win late, so new ones begin in epochs, the k-th with the share 1/((k+1)(k+2)) of the stake: the idea
of e-detectors (Shin, Ramdas and Rinaldo) with shares that add up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from huidu.model.judge.claim import Claim, Counts, Factors, log_mean_exp, log_sum_exp
from huidu.model.judge.saving import State


class Evidence:
    """A test that begins with nothing. The probability that it ever reaches 1/x by chance is x.

    Of the epochs it is enough to know, for each alternative, what their shares of the stake come
    to, each divided by what the bet had grown to when the epoch began: so they cost nothing to
    look at, and little to save, however many there are.
    """

    __slots__ = ("_epochs", "_logs", "_shares", "claim")

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._logs = [0.0] * len(claim.grid)
        self._shares = [-math.inf] * len(claim.grid)
        self._epochs = 0
        self.begin_epoch()

    def add(self, weight: float, counts: Counts) -> None:
        """Fold in calls of which the candidate was to get this share.

        Where it got none or all there is nothing to compare, and nothing is learned.
        """
        if 0 < weight < 1:
            self._fold(weight, counts)

    def add_alone(self, bad: float, good: float) -> None:
        """Fold in calls of the candidate where there is no stable version beside it."""
        self._fold(0.0, Counts(bad, good))

    def _fold(self, weight: float, counts: Counts) -> None:
        for index, factors in enumerate(_factors(self.claim, weight)):
            self._logs[index] += _sum(counts, factors)

    def begin_epoch(self) -> None:
        """Begin a new copy of the bets, for a fault that sets in from now on."""
        self._epochs += 1
        share = -math.log(self._epochs * (self._epochs + 1) * len(self._logs))
        self._shares = [
            log_sum_exp([kept, share - log])
            for kept, log in zip(self._shares, self._logs, strict=True)
        ]

    @property
    def log(self) -> float:
        """The log of the evidence, over all epochs."""
        grown = [log + share for log, share in zip(self._logs, self._shares, strict=True)]
        return log_sum_exp([*grown, -math.log(self._epochs + 1)])  # the last: who has not begun

    @property
    def log_of_one_epoch(self) -> float:
        """The log of the evidence as if there had been one epoch from the beginning."""
        return log_mean_exp(self._logs)

    @property
    def state(self) -> State:
        """What is known, for `resumed`."""
        return {"logs": self._logs, "shares": self._shares, "epochs": self._epochs}

    @classmethod
    def resumed(cls, claim: Claim, state: State) -> Evidence:
        """Return one that knows what another knew."""
        evidence = cls(claim)
        evidence._logs, evidence._shares = state["logs"], state["shares"]
        evidence._epochs = state["epochs"]
        return evidence


def _sum(counts: Sequence[float], factors: Factors) -> float:
    return (
        counts[0] * factors[0]
        + counts[1] * factors[1]
        + counts[2] * factors[2]
        + counts[3] * factors[3]
    )


def _worked_out(claim: Claim, weight: float) -> tuple[Factors, ...]:
    return tuple(claim.factors(alternative, weight) for alternative in claim.grid)


_factors = lru_cache(maxsize=256)(_worked_out)


class Tally:
    """Counts of calls by the share that the candidate was to get; they tell of any margin."""

    __slots__ = ("by_weight",)

    def __init__(self) -> None:
        self.by_weight: dict[float, list[float]] = {}

    def add(self, weight: float, counts: Counts) -> None:
        """Count calls that were routed with this share."""
        if 0 < weight < 1:
            kept = self.by_weight.setdefault(weight, [0.0] * len(counts))
            for index, count in enumerate(counts):
                kept[index] += count

    @property
    def total(self) -> Counts:
        """All that was counted, whatever the weight: no comparison, only numbers to show."""
        return Counts(*map(sum, zip(*self.by_weight.values(), strict=True)))

    def log_fine(self, *, ratio: float, margin: float, center: float) -> float:
        """Return the log of the evidence that the candidate's excess is below a margin.

        One may ask about any margin, chosen from what was seen, at any time.
        """
        claim = Claim(worse=False, ratio=ratio, margin=margin, center=center)
        logs = [0.0] * len(claim.grid)
        for weight, counts in self.by_weight.items():
            for index, factors in enumerate(_worked_out(claim, weight)):  # margins seldom recur
                logs[index] += _sum(counts, factors)
        return log_mean_exp(logs)

    def upper_bound(
        self, *, ratio: float, center: float, beta: float, tolerance: float = 0.0002
    ) -> float:
        """Return the excess that the candidate's rate is below, save with probability `beta`.

        At most 1 - center: where nothing is known yet, nothing is ruled out.
        """
        low, high = 0.0, 1.0 - center
        enough = -math.log(beta)
        while high - low > tolerance / 4:
            middle = (low + high) / 2
            if self.log_fine(ratio=ratio, margin=middle, center=center) >= enough:
                high = middle
            else:
                low = middle
        return high
