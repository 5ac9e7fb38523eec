"""Evidence: what the calls so far say against a claim, fit to be looked at at any time.

Each alternative's bet is kept as the log of what it has grown to. A bet that lost for long cannot
win late, so new ones begin in epochs, the k-th with the share 1/((k+1)(k+2)) of the stake: the idea
of e-detectors (Shin, Ramdas and Rinaldo) with shares that add up.
"""

from __future__ import annotations

import math
from functools import lru_cache

from huidu.model.judge.claim import Claim, Counts, Factors, log_mean_exp, log_sum_exp


class Evidence:
    """A test that begins with nothing. The probability that it ever reaches 1/x by chance is x."""

    __slots__ = ("_begun", "_logs", "_shares", "claim")

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._logs = [0.0] * len(claim.grid)
        self._begun = [list(self._logs)]
        self._shares: list[float] | None = None

    def add(self, weight: float, counts: Counts) -> None:
        """Fold in calls of which the candidate was to get this share.

        Where it got none or all there is nothing to compare, and nothing is learned.
        """
        if 0 < weight < 1:
            self._fold(weight, counts)

    def add_alone(self, bad: float, good: float) -> None:
        """Fold in calls of the candidate where there is no stable version beside it."""
        self._fold(0.0, Counts(bad, good))

    def add_value(self, weight: float, value: float, *, of_candidate: bool) -> None:
        """Fold in one call by a value in [0, 1] rather than by good or bad."""
        if 0 < weight < 1:
            for index, alternative in enumerate(self.claim.grid):
                self._logs[index] += self.claim.factor_of(
                    alternative, weight, value, of=of_candidate
                )

    def _fold(self, weight: float, counts: Counts) -> None:
        # Written out: a judge does this four times a second, and a simulated one does nothing else.
        bad, good, stable_bad, stable_good = counts
        for index, factors in enumerate(_factors(self.claim, weight)):
            self._logs[index] += (
                bad * factors[0]
                + good * factors[1]
                + stable_bad * factors[2]
                + stable_good * factors[3]
            )

    def begin_epoch(self) -> None:
        """Begin a new copy of the bets, for a fault that sets in from now on."""
        self._begun.append(list(self._logs))
        self._shares = None

    @property
    def log(self) -> float:
        """The log of the evidence, over all epochs."""
        if self._shares is None:
            self._shares = self._shared()
        grown = [log + share for log, share in zip(self._logs, self._shares, strict=True)]
        not_begun = -math.log(len(self._begun) + 1)
        return log_sum_exp([log_mean_exp(grown), not_begun])

    def _shared(self) -> list[float]:
        """Return for each bet the log of what all epochs staked on it, by what it had grown to.

        It stays as it is until an epoch begins, and a look then costs the same however many did.
        """
        return [
            log_sum_exp(
                [
                    -math.log((number + 1) * (number + 2)) - log
                    for number, log in enumerate(since_then)
                ]
            )
            for since_then in zip(*self._begun, strict=True)
        ]

    @property
    def log_of_one_epoch(self) -> float:
        """The log of the evidence as if there had been one epoch from the beginning."""
        return log_mean_exp(self._logs)


@lru_cache(maxsize=256)
def _factors(claim: Claim, weight: float) -> tuple[Factors, ...]:
    return tuple(claim.factors(alternative, weight) for alternative in claim.grid)


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

    def log_fine(self, *, ratio: float, margin: float, center: float) -> float:
        """Return the log of the evidence that the candidate's excess is below a margin.

        One may ask about any margin, chosen from what was seen, at any time.
        """
        claim = Claim(worse=False, ratio=ratio, margin=margin, center=center)
        logs = [0.0] * len(claim.grid)
        for weight, counts in self.by_weight.items():
            for index, factors in enumerate(_factors(claim, weight)):
                logs[index] += sum(c * f for c, f in zip(counts, factors, strict=True))
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
