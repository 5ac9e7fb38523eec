"""Votes: which calls count as evidence, so that what happens once is not counted many times.

Calls of one user, of one message that is tried again, and of one instance that dies fail together.
The tests take each call for a coin of its own; without this, a healthy version is taken back by a
few poison users (12 % of rollouts in simulation) or crashes (58 %).
"""

from __future__ import annotations

from typing import NamedTuple

MINUTE_S = 60.0
MOST_KEYS = 100_000


class Ballot(NamedTuple):
    """What a call shows of what it may fail together with."""

    of_candidate: bool
    failed: bool
    first_attempt: bool = True
    key: int = 0  #: A hash of the key that its route sticks to; 0 for none.
    crashed: str = ""  #: The instance that it ended with, where it did.


class Vote(NamedTuple):
    """In which of the two tests a call counts: that the candidate is worse, and that it is fine."""

    worse: bool = True
    fine: bool = True


NONE, BOTH = Vote(worse=False, fine=False), Vote()


class Votes:
    """Who has voted already. A retry never votes; a crash votes once.

    A key votes bad once in a rollout, whatever its version, in the test that looks for harm; and
    at most once good and once bad by version and minute in the one that looks for none.
    """

    def __init__(self) -> None:
        self._bad: set[int] = set()
        self._crashed: set[str] = set()
        self._this_minute: set[tuple[int, bool, bool]] = set()
        self._minute = -1

    def of(self, ballot: Ballot, now: float) -> Vote:
        """Return where a call counts; it is remembered as having voted."""
        if not ballot.first_attempt or self._is_same_crash(ballot):
            return NONE
        if not ballot.key:
            return BOTH
        return Vote(worse=self._harms(ballot), fine=self._is_new_this_minute(ballot, now))

    def _is_same_crash(self, ballot: Ballot) -> bool:
        if not ballot.crashed:
            return False
        known = ballot.crashed in self._crashed
        self._crashed.add(ballot.crashed)
        return known

    def _harms(self, ballot: Ballot) -> bool:
        if not ballot.failed:
            return True
        if ballot.key in self._bad or len(self._bad) >= MOST_KEYS:
            return False
        self._bad.add(ballot.key)
        return True

    def _is_new_this_minute(self, ballot: Ballot, now: float) -> bool:
        minute = int(now // MINUTE_S)
        if minute != self._minute:
            self._minute = minute
            self._this_minute.clear()
        mine = (ballot.key, ballot.of_candidate, ballot.failed)
        if mine in self._this_minute or len(self._this_minute) >= MOST_KEYS:
            return False
        self._this_minute.add(mine)
        return True
