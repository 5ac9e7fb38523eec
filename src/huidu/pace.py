"""Pace: how many who were given nothing are told so at a time, that others have their turn."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Protocol

TICK_S = 0.005
FEW = 4  #: In a tick, where most of those who are told come back for the same.
LONGEST_S = 1.0  #: Nobody waits much longer than this to be told.


class Loop(Protocol):
    """What is asked of an event loop."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object: ...


class Guest(Protocol):
    """Whoever is to be told."""

    def hear(self) -> None:
        """Be told now."""
        ...


class Pace:
    """Has those wait for whom there is nothing, where they come faster than is good for the others.

    To refuse costs little, but who is refused and comes back at once can be refused a thousand
    times while one call is answered, and an event loop that is busy with refusing hears late that
    an instance has answered. The few who are refused in a quiet moment are told at once. Of more, a
    tick tells a few, oldest first, and a few more than the one before where few of those came back
    in vain; so a crowd that leaves has left soon, and one that finds room is let in soon.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._held: dict[Guest, None] = {}
        self._most = FEW
        self._came = 0  #: For whom there was nothing, since the last tick.
        self._let = 0  #: Who were told in the last tick.
        self._ticks = False

    def lets(self, guest: Guest) -> bool:
        """Tell whether somebody is to be told at once; else `hear` is called later."""
        self._came += 1
        if not self._ticks:
            self._ticks = True
            self._loop.call_later(TICK_S, self._tick)
        if self._came <= self._most and not self._held:
            return True
        self._held[guest] = None
        return False

    def forget(self, guest: Guest) -> None:
        """Have somebody hear nothing: he is gone."""
        self._held.pop(guest, None)

    @property
    def waiting(self) -> int:
        """How many are still to be told."""
        return len(self._held)

    def _tick(self) -> None:
        came, self._came = self._came, 0
        in_vain = came * 4 > self._let
        least = max(FEW, int(len(self._held) * TICK_S / LONGEST_S))
        self._most = max(least, self._most // 2 if in_vain else self._most + 2 * FEW)
        told = list(islice(self._held, self._most))
        self._let = len(told)
        for guest in told:
            del self._held[guest]
        self._ticks = bool(came or told)
        if self._ticks:
            self._loop.call_later(TICK_S, self._tick)
        else:
            self._most = FEW
        for guest in told:
            guest.hear()
