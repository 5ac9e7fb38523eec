"""Sharing: sees to it that every process has its portion of a version's instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from huidu.instances.claim import Running
from huidu.instances.pool import Pool
from huidu.lanes.lending import Lending, Tab, lends_more
from huidu.model.portion import portions

#: For so long somebody has the odd one, before it goes to the next.
ROUND_S = 0.05


def share(lendings: Sequence[Lending], now: float) -> None:
    """Recall what others have a right to, and let those wait for instances who have one.

    The server is one of those who share: what it has are the instances that are busy and not lent,
    and what it wants beside are the calls in the line that are no lane's.
    """
    pools: dict[Pool[Running], dict[Lending, Tab]] = {}
    for lending in lendings:
        for pool, tab in lending.tabs.items():
            pools.setdefault(pool, {})[lending] = tab
    for pool, tabs in pools.items():
        _share(pool, tabs, int(now / ROUND_S))


def _share(pool: Pool[Running], tabs: Mapping[Lending, Tab], turn: int) -> None:
    numbers = pool.numbers
    own = numbers.busy - _sum(len(tab.loans) for tab in tabs.values())
    waits = numbers.waiting - _sum(len(tab.in_line) for tab in tabs.values())
    wanted = [max(0, own + waits), *(tab.wanted for tab in tabs.values())]
    owed = numbers.instances - pool.holding.instances
    there = max(0, numbers.ready - owed)
    given = portions(there, wanted, turn % len(wanted))
    lacking = max(0, min(waits, given[0] - own)) + owed - numbers.idle
    for (lending, tab), portion in zip(tabs.items(), given[1:], strict=True):
        more = max(1 if tab.lacks else 0, portion - len(tab.loans) - len(tab.in_line))
        lending.go_on(tab, len(tab.aside) if lends_more(pool) else more)
        lacking += max(0, portion - len(tab.loans)) if tab.in_line else 0
    for (lending, tab), portion in zip(tabs.items(), given[1:], strict=True):
        if lacking <= 0:
            break
        excess = min(lacking, len(tab.loans) - portion)
        if excess > 0:
            lending.recall(tab, excess)
            lacking -= excess


def _sum(counts: Iterable[int]) -> int:
    return sum(list(counts))
