"""Users: numbers of users that one server lends to its instances, each to one at a time."""

from __future__ import annotations

import random
from heapq import heappop, heappush

#: No machine gives such numbers to people.
FIRST_USER, USERS, BLOCKS = 200_000, 10_000, 1000
FIRST_GROUP = FIRST_USER - BLOCKS


class Users:
    """A block of such numbers, drawn by chance; the lowest that is free is lent first.

    Processes are counted by user on the whole machine, so servers should not share a block.
    """

    def __init__(self) -> None:
        block = random.SystemRandom().randrange(BLOCKS)
        self.group = FIRST_GROUP + block  #: One that all instances may have in common.
        self._next = FIRST_USER + block * USERS
        self._free: list[int] = []

    def lend(self) -> int:
        """Return a number that nobody has."""
        if self._free:
            return heappop(self._free)
        self._next += 1
        return self._next - 1

    def take_back(self, user: int) -> None:
        """Have a number lent again."""
        heappush(self._free, user)
