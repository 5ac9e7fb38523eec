"""Metric: one kind of bad calls, as evidence that the candidate has more of them, and that not."""

from __future__ import annotations

from huidu.model.judge.claim import Claim, Counts
from huidu.model.judge.evidence import Evidence, Tally
from huidu.model.judge.saving import State, by_weight, check, of_weight

#: Where a call is counted, by who answered and how; as `Counts` has it.
CANDIDATE, STABLE = 0, 2
BAD, GOOD = 0, 1
FOLDERS = ("_both", "_harm", "_proof")


class Metric:
    """One kind of bad calls. What they mean is worked out when somebody looks."""

    __slots__ = (*FOLDERS, "tally", "worse")

    def __init__(self, claim: Claim) -> None:
        self.worse = Evidence(claim)
        self.tally = Tally()
        self._both: dict[float, list[int]] = {}  #: Calls that count in either test, by weight,
        self._harm: dict[float, list[int]] = {}  #: and those that count in one of them.
        self._proof: dict[float, list[int]] = {}

    def hear(self, weight: float, cell: int, *, worse: bool, fine: bool) -> None:
        """Count one call, in the tests in which it has a vote."""
        if worse:
            counted = self._both if fine else self._harm
        elif fine:
            counted = self._proof
        else:
            return
        counts = counted.get(weight)
        if counts is None:
            counts = counted[weight] = [0, 0, 0, 0]
        counts[cell] += 1

    def hear_lot(self, weight: float, side: int, *, bad: int, good: int) -> None:
        """Count many calls of one version, each of which has a vote in both tests."""
        counts = self._both.setdefault(weight, [0, 0, 0, 0])
        counts[side + BAD] += bad
        counts[side + GOOD] += good

    def fold(self, effect: float) -> None:
        """Work out what the calls since the last look mean."""
        for counted in (self._both, self._harm):
            for weight, counts in counted.items():
                self.worse.add(weight, Counts(*(count / effect for count in counts)))
        for counted in (self._both, self._proof):
            for weight, counts in counted.items():
                self.tally.add(weight, Counts(*counts))
        self._both.clear()
        self._harm.clear()
        self._proof.clear()

    def log_fine(self, margin: float) -> float:
        """Return the log of the evidence that the candidate's excess is below a margin."""
        claim = self.worse.claim
        return self.tally.log_fine(ratio=claim.ratio, margin=margin, center=claim.center)

    def upper_bound(self, beta: float) -> float:
        """Return what the candidate's excess is below, save with probability `beta`."""
        claim = self.worse.claim
        return self.tally.upper_bound(ratio=claim.ratio, center=claim.center, beta=beta)

    @property
    def state(self) -> State:
        """What is known, for `resumed`."""
        claim = self.worse.claim
        return {
            "claim": [claim.ratio, claim.margin, claim.center],
            "worse": self.worse.state,
            "tally": by_weight(self.tally.by_weight),
            "waiting": [by_weight(getattr(self, folder)) for folder in FOLDERS],
        }

    def resume(self, state: State) -> None:
        """Know what another knew, or raise `Damaged` where that had another claim."""
        claim = self.worse.claim
        check("metric", state["claim"], [claim.ratio, claim.margin, claim.center])
        self.worse = Evidence.resumed(claim, state["worse"])
        self.tally.by_weight = of_weight(state["tally"])
        self._both, self._harm, self._proof = map(of_weight, state["waiting"])
