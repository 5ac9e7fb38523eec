"""Turns: how much of what is shared one may take, so that there is always some left for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

#: Of the room to run in, one function may hold so many times what it leaves free.
OF_ROOM = 3
#: Of the room to wait in.
OF_QUEUE = 9


def may_take(holds: int, free: int, times: int) -> bool:
    """Tell whether one that holds so much may take one more of what is free.

    It may hold `times` as much as it leaves: alone it gets all but a part, the next all but a part
    of that part, and so on; so whoever comes finds room, however greedy those before were.
    """
    return free > 0 and (holds == 0 or holds + 1 <= times * (free - 1))


def whole(most: int, times: int) -> int:
    """Return how much there must be of which one alone may have `most`."""
    return most + -(-most // times)


def deal(
    free: int, waiting: Sequence[str], holds: Mapping[str, int], most: Mapping[str, int]
) -> dict[str, int]:
    """Share free places among those that wait for some, one after the other, one at a time.

    Nobody gets more than `most` says of them, what they hold counted in.
    """
    dealt: dict[str, int] = {}
    line = list(waiting)
    while free and line:
        stays = []
        for one in line:
            has = holds.get(one, 0) + dealt.get(one, 0)
            if has < most.get(one, has + 1) and may_take(has, free, OF_ROOM):
                dealt[one] = dealt.get(one, 0) + 1
                free -= 1
                stays.append(one)
        line = stays
    return dealt


@dataclass(frozen=True, slots=True)
class Pace:
    """How many events of a function may run at once, found out from how its calls fare.

    Where one finds no room, fewer are begun, and with only one left, none for a while; with each
    that is answered, a little more.
    """

    most: float
    paused_until: float = 0.0
    pause_s: float = 0.0

    def refused(self, running: int, now: float) -> Pace:
        """Return the pace after a call that found no room, with so many others under way."""
        if running:
            return Pace(max(1.0, min(self.most, running) / 2))
        pause_s = min(max(FIRST_PAUSE_S, self.pause_s * 2), LONGEST_PAUSE_S)
        return Pace(1.0, now + pause_s, pause_s)

    def answered(self) -> Pace:
        """Return the pace after a call that was answered."""
        return replace(self, most=self.most + 1 / self.most, paused_until=0.0, pause_s=0.0)

    def now(self, now: float) -> int:
        """Return how many may run."""
        # A pause that is longer than any is one that began before the clock was set back.
        return 0 if 0 < self.paused_until - now <= LONGEST_PAUSE_S else int(self.most)


FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.125, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a server asks of the queue in one turn."""

    owner: str
    now: float
    until: float  #: When the lease of what it takes ends.
    free: int  #: How many more it could run.
    holds: Mapping[str, int]  #: How many it runs, by function id.
    most: Mapping[str, int]  #: How many it may run of those that are slowed down.
    after: str = ""  #: The function id that was served last.
