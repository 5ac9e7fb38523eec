"""Guard: a fixed line that the candidate's calls may not cross, whatever the stable version does.

Each kind says which calls are bad and what share of them may be: so `p99 > 2 s` is broken where
more than one call in a hundred took longer than two seconds, and all a guard needs is two counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from huidu.model.errors import InvalidValue
from huidu.model.judge.call import Call
from huidu.model.judge.saving import State, check

WINDOW_S, MOST_WINDOW_S = 60, 3600
LEAST_CALLS, MOST_CALLS = 20, 100_000
SLOTS = 20  #: A window moves on in so many steps.

GUARD = re.compile(
    r"(?P<what>error rate|memory|p(?P<percent>\d{1,2}(?:\.\d{1,3})?))"
    r"\s*>\s*(?P<limit>\d{1,9}(?:\.\d{1,6})?)\s*(?P<unit>%|ms|s|KB|MB|GB)"
    r"(?:\s*/\s*(?P<count>\d{1,6})\s*(?P<every>s|m|h))?"
    r"(?:\s+of\s+(?P<least>\d{1,7}))?"
)
SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a guard can be on."""

    units: Mapping[str, float]  #: By what a limit is multiplied.
    most: float  #: The largest limit that means anything, in the first unit.
    bad: Callable[[Call, float], bool]  #: Whether a call is bad, by the limit.
    share: Callable[[float, float], float]  #: Which share may be bad, by the limit and percent.
    said: str  #: What bad calls do.


KINDS: Mapping[str, Kind] = {
    "error rate": Kind(
        {"%": 0.01}, 1.0, lambda call, _: call.failed, lambda limit, _: limit, "failed"
    ),
    "p": Kind(
        {"ms": 1.0, "s": 1000.0},
        86_400_000.0,
        lambda call, limit: call.duration_ms > limit,
        lambda _, percent: 1 - percent / 100,
        "took longer",
    ),
    "memory": Kind(
        {"MB": 2.0**20, "GB": 2.0**30, "KB": 2.0**10},
        2.0**50,
        lambda call, limit: call.memory_bytes > limit,
        lambda _, __: 0.0,
        "used more",
    ),
}


@dataclass(frozen=True, slots=True)
class Guard:
    """A line, the window in which calls are counted, and how many of them there must be."""

    text: str
    kind: str
    limit: float  #: A share, milliseconds or bytes.
    share: float  #: Which share of the calls may be bad.
    window_s: int = WINDOW_S
    least_calls: int = LEAST_CALLS


def guard_of(text: str) -> Guard:
    """Read a guard, or raise `InvalidValue`.

    `error rate > 20 %`, `p99 > 2 s`, `memory > 512 MB`; ` / 5m` says in which time (60 s), ` of 5`
    of how many calls at least (20).
    """
    found = GUARD.fullmatch(" ".join(text.split()))
    if found is None:
        raise _refusal(text, "cannot be read")
    name = "p" if found["percent"] else found["what"]
    kind, percent = KINDS[name], float(found["percent"] or 0)
    if found["unit"] not in kind.units:
        raise _refusal(text, f"{found['what']} is in {' or '.join(kind.units)}")
    limit = float(found["limit"]) * kind.units[found["unit"]]
    if limit > kind.most or (name == "error rate" and limit >= 1):
        raise _refusal(text, f"{found['limit']} {found['unit']} can never be exceeded")
    if name == "p" and not percent:
        raise _refusal(text, "p0 is no quantile; p50, p99 and p99.9 are")
    window_s = int(found["count"] or WINDOW_S) * SECONDS[found["every"] or "s"]
    if not 1 <= window_s <= MOST_WINDOW_S:
        raise _refusal(text, f"a window is 1 s to {MOST_WINDOW_S} s long")
    least = int(found["least"] or LEAST_CALLS)
    if not 1 <= least <= MOST_CALLS:
        raise _refusal(text, f"of 1 to {MOST_CALLS} calls")
    return Guard(text.strip(), name, limit, kind.share(limit, percent), window_s, least)


def _refusal(text: str, why: str) -> InvalidValue:
    return InvalidValue(
        "Guards",
        f"Guards: {text[:80]!r}: {why}; say error rate > 20 %, p99 > 2 s or memory > 512 MB, and "
        "after it, where wanted, the window (/ 60s) and the fewest calls that count (of 20)",
    )


class Window:
    """The candidate's calls of late, as one guard sees them."""

    __slots__ = ("_bad", "_calls", "_guard", "_is_bad", "_slots", "_step_s")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._is_bad = KINDS[guard.kind].bad
        self._step_s = guard.window_s / SLOTS
        self._slots: list[list[int]] = []  #: Number of the step, calls and bad ones; the last last.
        self._calls = self._bad = 0

    def hear(self, call: Call, now: float) -> bool:
        """Count a call of the candidate; tell whether the guard is broken by it."""
        self._forget(now)
        bad = self._is_bad(call, self._guard.limit)
        slot = int(now / self._step_s)
        if not self._slots or self._slots[-1][0] < slot:
            self._slots.append([slot, 0, 0])
        self._slots[-1][1] += 1
        self._slots[-1][2] += bad
        self._calls += 1
        self._bad += bad
        return self._is_broken

    def broken(self, now: float) -> str:
        """Say how the guard is broken, or nothing where it holds."""
        self._forget(now)
        if not self._is_broken:
            return ""
        guard = self._guard
        said = f"{self._bad} of {self._calls} calls within {guard.window_s} s"
        return f"absolute: {guard.text} ({said} {KINDS[guard.kind].said})"

    @property
    def _is_broken(self) -> bool:
        guard = self._guard
        # A share such as 1 - 0.99 is a hair less than a hundredth.
        most = guard.share * self._calls * (1 + 1e-9)
        return self._calls >= guard.least_calls and self._bad > most

    def _forget(self, now: float) -> None:
        oldest = int(now / self._step_s) - SLOTS
        while self._slots and self._slots[0][0] <= oldest:
            _, calls, bad = self._slots.pop(0)
            self._calls -= calls
            self._bad -= bad

    @property
    def state(self) -> State:
        """What is known, for `resume`."""
        return {"guard": self._guard.text, "slots": self._slots}

    def resume(self, state: State) -> None:
        """Know what another knew, or raise `Damaged` where that was of another guard."""
        check("guard", state["guard"], self._guard.text)
        self._slots = [[slot, calls, bad] for slot, calls, bad in state["slots"]]
        self._calls = sum(calls for _, calls, _ in self._slots)
        self._bad = sum(bad for _, _, bad in self._slots)
