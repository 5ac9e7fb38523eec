"""Votes: which calls count as evidence, so that what happens once is not counted many times.

Calls of one user, of one message that is tried again, and of one instance that dies fail together.
The tests take each call for a coin of its own; without this, a healthy version is taken back by a
few poison users (12 % of rollouts in simulation) or crashes (58 %).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from huidu.model.judge.saving import State, read, written

K = TypeVar("K")

KIND = "votes"
MINUTE_S = 60.0
#: How many are remembered; whoever is forgotten may vote again, after all of these.
MOST_KEYS, MOST_CRASHES = 2048, 1024
MOST_A_MINUTE = 4096  #: So many votes of keys a minute prove more than is ever asked.
KEY_BITS, KEY_DIGITS = 32, 8


class Ballot(NamedTuple):
    """What a call shows of what it may fail together with."""

    of_candidate: bool
    failed: bool
    first_attempt: bool = True
    key: int = 0  #: A hash of the key that its route sticks to, of 32 bits; 0 for none.
    crashed: str = ""  #: The instance that it ended with, where it did.


class Vote(NamedTuple):
    """In which of the two tests a call counts: that the candidate is worse, and that it is fine."""

    worse: bool = True
    fine: bool = True
    first: bool = True  #: Whether nothing was heard of its key before.


NONE, BOTH = Vote(worse=False, fine=False, first=False), Vote()


class Votes:
    """Who has voted already. A retry never votes; a crash votes once.

    A key votes bad once in a rollout, whatever its version, in the test that looks for harm; and
    at most once good and once bad by version and minute in the one that looks for none. Where its
    calls went, and how long they took, says something once in a rollout: who is slow is slow again.
    """

    __slots__ = ("_bad", "_crashed", "_known", "_minute", "_this_minute")

    def __init__(self) -> None:
        self._bad: dict[int, None] = {}
        self._known: dict[int, None] = {}
        self._crashed: dict[str, None] = {}
        self._this_minute: set[int] = set()
        self._minute = -1

    def of(self, ballot: Ballot, now: float) -> Vote:
        """Return where a call counts; it is remembered as having voted."""
        if not ballot.first_attempt:
            return NONE
        if ballot.crashed and not _is_new(ballot.crashed, self._crashed, MOST_CRASHES):
            return NONE
        if not ballot.key:
            return BOTH
        first = _is_new(ballot.key, self._known, MOST_KEYS)
        worse = not ballot.failed or _is_new(ballot.key, self._bad, MOST_KEYS)
        return Vote(worse=worse, fine=self._is_new_this_minute(ballot, now), first=first)

    def _is_new_this_minute(self, ballot: Ballot, now: float) -> bool:
        minute = int(now // MINUTE_S)
        if minute != self._minute:
            self._minute = minute
            self._this_minute.clear()
        mine = ballot.key << 2 | ballot.of_candidate << 1 | ballot.failed
        # None but the first so many: whoever they are, of both versions alike.
        if mine in self._this_minute or len(self._this_minute) >= MOST_A_MINUTE:
            return False
        self._this_minute.add(mine)
        return True

    def saved(self) -> str:
        """Return who has voted, as text of some 70 KB at most.

        Not who crashed: instances end with the server.
        """
        state = {
            "minute": self._minute,
            "bad": _packed(self._bad),
            "known": _packed(self._known),
            "this_minute": _packed(sorted(self._this_minute)),
        }
        return written(KIND, state)

    @classmethod
    def restored(cls, saved: str | bytes) -> Votes:
        """Return the votes that were saved; `ValueError` where the text cannot be trusted."""
        votes = cls()
        return read(KIND, saved, votes._resumed)

    def _resumed(self, state: State) -> Votes:
        self._minute = int(state["minute"])
        self._bad = dict.fromkeys(_unpacked(state["bad"]))
        self._known = dict.fromkeys(_unpacked(state["known"]))
        self._this_minute = set(_unpacked(state["this_minute"]))
        return self


def _is_new(one: K, known: dict[K, None], most: int) -> bool:
    if one in known:
        return False
    if len(known) >= most:
        del known[next(iter(known))]
    known[one] = None
    return True


def _packed(numbers: Iterable[int]) -> str:
    return "".join(f"{number:0{KEY_DIGITS + 1}x}" for number in numbers)


def _unpacked(text: str) -> Iterable[int]:
    width = KEY_DIGITS + 1
    return (int(text[at : at + width], 16) for at in range(0, len(text), width))
