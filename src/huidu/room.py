"""Room: how many connections a listener has at once, and which of them goes for another."""

from __future__ import annotations

from typing import Protocol


class Guest(Protocol):
    """A connection."""

    def leave(self) -> None:
        """End, for somebody else needs the place."""
        ...


class Room:
    """Knows the connections that wait for a request, the one that has waited longest first.

    Where the room is full, that one goes for a newcomer: it is owed no answer, and a client whose
    head comes at once is never the oldest. Those that are owed an answer never go.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting: dict[Guest, None] = {}

    def admit(self, there_are: int) -> bool:
        """Tell whether one more may stay, which is counted already."""
        if there_are <= self.most:
            return True
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        self.busy(oldest)
        oldest.leave()
        return True

    def idle(self, guest: Guest) -> None:
        """A connection begins to wait for a request."""
        self._waiting.pop(guest, None)
        self._waiting[guest] = None

    def busy(self, guest: Guest) -> None:
        """A connection waits no more: it is owed an answer, or it is gone."""
        self._waiting.pop(guest, None)
