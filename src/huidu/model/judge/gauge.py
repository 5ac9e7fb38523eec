"""Gauge: values of which larger ones are worse, against what the stable version's are of late.

At quantile q the stable version's limit is what a share q of its values does not exceed. The
candidate's is that, times a ratio, and a slack more. As long as the candidate's values are at most
so much larger, it exceeds its limit no more often than the stable version does its own, whatever
the limits are, if only they were fixed before the call: a limit that lags costs time, never truth.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from huidu.model.judge.call import Call
from huidu.model.judge.claim import Claim, log_mean_exp
from huidu.model.judge.metric import CANDIDATE, GOOD, STABLE, Metric
from huidu.model.judge.mismatch import log_mismatch
from huidu.model.judge.saving import State, by_weight, check, of_weight
from huidu.model.judge.spread import Spread

ENOUGH = 10  #: So many values beyond a quantile are expected before it is compared.


class Limit(NamedTuple):
    """What is still good at one quantile."""

    metric: Metric
    stable: float
    candidate: float


class Gauge:
    """A test at each of some quantiles; their evidence is averaged, so that none costs a share."""

    __slots__ = ("_by_weight", "_limits", "_spread", "heard", "metrics", "quantiles", "tolerated")

    def __init__(self, quantiles: Sequence[float], ratio: float, slack: float) -> None:
        self.quantiles = tuple(quantiles)
        self.tolerated = ratio, slack
        self.metrics = tuple(Metric(Claim(worse=True, center=1 - q)) for q in quantiles)
        self.heard = 0  #: Values of the candidate.
        self._spread = Spread()
        self._limits: list[Limit | None] = [None] * len(self.quantiles)
        self._by_weight: dict[float, list[int]] = {}

    def learn(self, value: float) -> None:
        """Hear of a value of the stable version from before the rollout."""
        self._spread.add(value)

    def learn_all(self, values: Sequence[float]) -> None:
        """The same of many."""
        self._spread.add_all(values)

    def begin(self) -> None:
        """Begin with what was learned."""
        self._set([True] * len(self.quantiles))

    def hear(self, call: Call, value: float) -> None:
        """Hear of a call and its value."""
        of_candidate, weight, vote = call.of_candidate, call.weight, call.vote
        worse = vote.worse and vote.first
        for limit in self._limits:
            if limit is not None:
                good = value <= (limit.candidate if of_candidate else limit.stable)
                cell = (CANDIDATE if of_candidate else STABLE) + (GOOD if good else 0)
                limit.metric.hear(weight, cell, worse=worse, fine=vote.fine)
        if vote.first:
            counts = self._by_weight.get(weight)
            if counts is None:
                counts = self._by_weight[weight] = [0, 0]
            counts[not of_candidate] += 1
        if of_candidate:
            self.heard += 1
        else:
            self._spread.add(value)

    def hear_lot(self, weight: float, values: Sequence[float], *, of_candidate: bool) -> None:
        """Hear of the values of many calls of one version, the least first; all have votes."""
        side, count = CANDIDATE if of_candidate else STABLE, len(values)
        for limit in self._limits:
            if limit is not None and count:
                within = bisect_right(values, limit.candidate if of_candidate else limit.stable)
                limit.metric.hear_lot(weight, side, bad=count - within, good=within)
        self._by_weight.setdefault(weight, [0, 0])[not of_candidate] += count
        if of_candidate:
            self.heard += count
        else:
            self._spread.add_all(values)

    def tick(self, decay: float) -> None:
        """Forget a little, and take the stable version's values as they are now."""
        self._spread.decay(decay)
        self._set([self._spread.count >= ENOUGH / (1 - q) for q in self.quantiles])

    def _set(self, known: list[bool]) -> None:
        self._limits = [
            self._limit(metric, value if is_known else None)
            for metric, value, is_known in zip(
                self.metrics, self._spread.quantiles(self.quantiles), known, strict=True
            )
        ]

    def _limit(self, metric: Metric, value: float | None) -> Limit | None:
        if value is None:
            return None
        ratio, slack = self.tolerated
        # What is below zero is more tolerable nearer to zero: still larger, by the same ratio.
        return Limit(metric, value, (value * ratio if value > 0 else value / ratio) + slack)

    def fold(self, effect: float) -> None:
        """Work out what the calls since the last look mean."""
        for metric in self.metrics:
            metric.fold(effect)

    def begin_epoch(self) -> None:
        """Begin new bets."""
        for metric in self.metrics:
            metric.worse.begin_epoch()

    @property
    def log(self) -> float:
        """The log of the evidence that the candidate's values are larger than is tolerated."""
        return log_mean_exp([metric.worse.log for metric in self.metrics])

    @property
    def log_mismatch(self) -> float:
        """The log of the evidence that one version says its values more often than the other."""
        return log_mismatch(
            [(weight, mine, theirs) for weight, (mine, theirs) in self._by_weight.items()]
        )

    @property
    def active(self) -> list[Metric]:
        """What is compared: nothing, until enough is known of the stable version."""
        return [limit.metric for limit in self._limits if limit is not None]

    @property
    def state(self) -> State:
        """What is known, for `resume`."""
        return {
            "for": [*self.quantiles, *self.tolerated],
            "heard": self.heard,
            "metrics": [metric.state for metric in self.metrics],
            "count": self._spread.count,
            "spread": self._spread.state,
            "limits": [limit and [limit.stable, limit.candidate] for limit in self._limits],
            "by_weight": by_weight(self._by_weight),
        }

    def resume(self, state: State) -> None:
        """Know what another knew, or raise `Damaged` where that had other limits."""
        check("gauge", state["for"], [*self.quantiles, *self.tolerated])
        for metric, known in zip(self.metrics, state["metrics"], strict=True):
            metric.resume(known)
        self.heard = state["heard"]
        self._spread = Spread.resumed(state["count"], state["spread"])
        self._limits = [
            limit and Limit(metric, *limit)
            for metric, limit in zip(self.metrics, state["limits"], strict=True)
        ]
        self._by_weight = of_weight(state["by_weight"])
