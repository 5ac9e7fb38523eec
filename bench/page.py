"""Page: what `/metrics` takes where there are a thousand functions with ten versions each."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.tally import Lane
from huidu.observe.count import Count
from huidu.observe.prometheus import Scene, tell

FUNCTIONS, VERSIONS, CALLS = 1000, 10, 20
MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one answer took."""

    lanes: int
    seconds: float
    answer_mb: float
    totals_mb: float  #: What the counts themselves hold.


def _totals() -> dict[Lane, Count]:
    """Every version called through its alias, with calls of some spread and a failure."""
    totals = {}
    for f in range(FUNCTIONS):
        for version in map(str, range(1, VERSIONS + 1)):
            count = totals[Lane(f"lam-{f:08d}", "release", version)] = Count()
            count.add(
                [
                    Record(
                        request_id="r",
                        function=FunctionName("default", f"function-{f}"),
                        qualifier="release",
                        status=200 if n else 430,
                        instance="i-1",
                        duration_ms=1.3**n,
                        memory_bytes=30 * MB,
                        memory_mb=128,
                    )
                    for n in range(CALLS)
                ]
            )
    return totals


def measure(rounds: int) -> Page:
    """Return the best of some answers: the others were disturbed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    totals = _totals()
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    names: Mapping[str, FunctionName] = {
        lane.function_id: FunctionName("default", f"function-{int(lane.function_id[4:])}")
        for lane in totals
    }
    scene = Scene(named=lambda lane: names[lane.function_id], running={})
    times, size = [], 0
    for _ in range(rounds):
        began = time.perf_counter()
        size = len(tell(totals, scene))
        times.append(time.perf_counter() - began)
    return Page(
        lanes=len(totals), seconds=min(times), answer_mb=size / 1e6, totals_mb=held * 1024 / MB
    )


def show(page: Page, console: Console) -> None:
    """Print a sentence."""
    console.print(
        f"/metrics of {page.lanes:,} versions that were called: {page.seconds * 1e3:,.0f} ms, "
        f"{page.answer_mb:.1f} MB; their counts hold {page.totals_mb:.0f} MB of memory"
    )
