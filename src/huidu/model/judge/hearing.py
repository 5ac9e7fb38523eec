"""Hearing: what a record of a call tells the judge, if anything.

A call is heard where it says something of the version that answered it: not where there was no room
for it, nor where it was the caller's fault. It is compared where chance chose the version.
"""

from __future__ import annotations

from collections.abc import Sequence

from huidu.model.answered import HTTP_DOORS, answers_5xx
from huidu.model.fault import AGAINST, fault_of
from huidu.model.invocation import Record, Status
from huidu.model.judge.call import Call
from huidu.model.judge.measure import Measure
from huidu.model.judge.reported import Reports
from huidu.model.judge.votes import BOTH, KEY_DIGITS, Ballot, Votes

#: Why a version was chosen where that was left to chance (`model/alias.py`).
BY_CHANCE = frozenset({"weight", "weight, random", "sticky key"})
#: An instance ended, with all the calls that it had.
CRASHES = frozenset({Status.PROCESS_EXITED, Status.INSTANCE_EXITED, Status.MEMORY_EXCEEDED})
MOST_INSTANCES = 4096
DIGITS = 9  #: 1 - 0.95 is 0.05 again.


class Hearing:
    """Turns records of the calls through an alias into what the judge hears.

    Where the alias has more versions than the two, `others` is the share of the rest together: the
    candidate is held against the stable version by the calls that went to either.
    """

    def __init__(
        self,
        stable: str,
        candidate: str,
        *,
        others: float = 0.0,
        measures: Sequence[Measure] = (),
        warming: int = 1,
        votes: Votes | None = None,
    ) -> None:
        self.stable = stable
        self.candidate = candidate
        self.votes = votes or Votes()
        self._both = 1 - others
        self._reports = Reports(measures)
        self._warming = warming  #: So many calls of an instance say nothing by how long they took.
        self._warmed: dict[str, int] = {}
        self._weights: dict[tuple[bool, float], float] = {}

    def hear(self, record: Record, now: float) -> Call | None:
        """Return what a record tells, or None where it tells nothing of the candidate.

        A call of the candidate in which chance had no part, because a rule chose it or because it
        answers all calls, has weight 1: it is compared with nothing, but a guard counts it, and so
        does a `Watch`.
        """
        of_candidate = record.version == self.candidate
        if not of_candidate and record.version != self.stable:
            return None
        by_chance = record.reason in BY_CHANCE
        if not by_chance and not of_candidate:
            return None
        failed = False
        if record.status != Status.SUCCESS:
            if fault_of(record.status) not in AGAINST:
                return None
            failed = True
        elif record.trigger in HTTP_DOORS:
            failed = answers_5xx(record.result)
        weight = self._weight(record.probability, of_candidate=of_candidate) if by_chance else 1.0
        vote = BOTH
        if failed or record.sticky_key or record.retry_number:
            vote = self.votes.of(_ballot(record, of_candidate=of_candidate, failed=failed), now)
        return Call(
            of_candidate,
            failed,
            record.duration_ms,
            weight,
            self._compares(record),
            vote,
            () if failed else self._reports.of(record),
            record.memory_bytes,
        )

    def past(self, record: Record) -> tuple[float, tuple[float | None, ...]] | None:
        """Return what a record from before the rollout tells of the stable version.

        That is what `Judge.learn` takes: how long the call took, and what it said of each measure.
        """
        if record.version != self.stable or record.status != Status.SUCCESS or record.cold:
            return None
        return record.duration_ms, self._reports.of(record)

    def _compares(self, record: Record) -> bool:
        if record.cold:
            return False
        seen = self._warmed.get(record.instance, 0)
        if seen >= self._warming:
            return True
        if len(self._warmed) >= MOST_INSTANCES and not seen:
            del self._warmed[next(iter(self._warmed))]
        self._warmed[record.instance] = seen + 1
        return False

    def _weight(self, probability: float, *, of_candidate: bool) -> float:
        """Return the candidate's share, of the calls that one of the two had, at the routing."""
        known = self._weights.get((of_candidate, probability))
        if known is not None:
            return known
        mine = probability if of_candidate else self._both - probability
        weight = round(min(max(mine / self._both, 0.0), 1.0), DIGITS) if self._both > 0 else 1.0
        self._weights[of_candidate, probability] = weight
        return weight


def _ballot(record: Record, *, of_candidate: bool, failed: bool) -> Ballot:
    # A sealed key is hexadecimal, and as good as random (`model/routing.py`).
    key = int(record.sticky_key[:KEY_DIGITS], 16) or 1 if record.sticky_key else 0
    crashed = record.instance if record.status in CRASHES else ""
    return Ballot(of_candidate, failed, not record.retry_number, key, crashed)
