"""Tally: what is counted of the calls that ended within a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from huidu.model.fault import Fault, fault_of
from huidu.model.histogram import EMPTY, Histogram
from huidu.model.histogram import merged as merged_histograms
from huidu.model.invocation import Status


class Lane(NamedTuple):
    """The way that calls took: which are counted together, and never apart again."""

    function_id: str
    alias: str  #: Empty where the version was called by its number.
    version: str  #: Empty where the call was refused before a version was chosen.


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of calls. All are whole numbers, so that the order of merging makes no difference.

    What says `most` is the largest that there was, all else is a sum. A call *ran* where an
    instance had it to its end; only such calls have a duration and a memory.
    """

    statuses: tuple[tuple[int, int], ...] = ()  #: Status and count, by status.
    durations: Histogram = EMPTY  #: In seconds, of all calls that ran.
    #: The same of those that succeeded on an instance that was there: what versions are
    #: compared by, since who gets few calls meets more cold instances.
    steady: Histogram = EMPTY
    cold: int = 0  #: Calls for which an instance was started.
    init_us: int = 0  #: What those took to load their code.
    duration_us: int = 0
    billed_ms: int = 0  #: Each duration rounded up.
    memory_bytes: int = 0  #: The peaks, added up: divide by `ran`.
    billed_mb_ms: int = 0  #: Configured memory times billed duration.
    queue_us: int = 0  #: How long all calls waited for an instance.
    event_bytes: int = 0
    result_bytes: int = 0
    #: Calls that succeeded, and answered their callers 500 or above (`model/answered.py`).
    answered_5xx: int = 0
    most_duration_us: int = 0
    most_memory_bytes: int = 0
    most_memory_mb: int = 0  #: As configured.
    most_queue_us: int = 0
    #: How many calls ran at once: of the whole function, its version, its alias, and the pair.
    most_of_function: int = 0
    most_of_version: int = 0
    most_of_alias: int = 0
    most_of_lane: int = 0

    @property
    def calls(self) -> int:
        """How many calls ended."""
        return sum(count for _, count in self.statuses)

    @property
    def succeeded(self) -> int:
        """How many of them with an answer of the function."""
        return dict(self.statuses).get(Status.SUCCESS, 0)

    @property
    def ran(self) -> int:
        """How many of them an instance had to their end."""
        return self.durations.count

    @property
    def errors(self) -> Mapping[Fault, int]:
        """How many of them failed, by whose doing it was."""
        found = Counter[Fault]()
        for status, count in self.statuses:
            fault = fault_of(status)
            if fault is not None:
                found[fault] += count
        return found


NOTHING = Tally()
_APART = ("statuses", "durations", "steady")
_NAMES = tuple(field.name for field in fields(Tally) if field.name not in _APART)
MOSTS = tuple(name for name in _NAMES if name.startswith("most_"))
SUMS = tuple(name for name in _NAMES if name not in MOSTS)


def merged(parts: Iterable[Tally]) -> Tally:
    """Return the tally of all the calls in any of these."""
    parts = tuple(parts)
    if len(parts) == 1:
        return parts[0]
    statuses = Counter[int]()
    for part in parts:
        for status, count in part.statuses:
            statuses[status] += count
    sums = {name: sum(getattr(part, name) for part in parts) for name in SUMS}
    mosts = {name: max((getattr(part, name) for part in parts), default=0) for name in MOSTS}
    return Tally(
        statuses=tuple(sorted(statuses.items())),
        durations=merged_histograms(part.durations for part in parts),
        steady=merged_histograms(part.steady for part in parts),
        **sums,
        **mosts,
    )
