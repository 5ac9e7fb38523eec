"""Rollouts: simulated releases under our rule and under rivals', on the same seeds."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass

from bench.rivals import RIVALS, play
from huidu.release.faults import FAULTS
from huidu.release.simulate import End, Outcome
from huidu.release.trial import Trial

OURS = "Huidu"
RULES = (OURS, *RIVALS)
AFTER_S = 600  #: So long a fault that got through does harm until somebody notices.
CHUNK = 25
#: What is healthy, its traffic, calls a second, and the part of all healthy releases that meet it;
#: at the higher rate fewer are enough to see a difference.
HEALTHY = (
    ("healthy", "steady", 10.0, 0.30),
    ("healthy", "bursts", 10.0, 0.30),
    ("healthy", "day", 10.0, 0.25),
    ("healthy", "incidents", 10.0, 0.15),
    *(("healthy", traffic, 100.0, 0.01) for traffic in ("steady", "bursts", "day", "incidents")),
    ("one-percent", "steady", 100.0, 0.01),
    ("cold", "steady", 10.0, 0.01),
    ("noise", "steady", 10.0, 0.01),
    ("crashes", "steady", 40.0, 0.01),
)
#: Fault, traffic, calls a second.
FAULTY = (
    *((fault, "steady", 100.0) for fault in FAULTS if not FAULTS[fault].is_harmless),
    ("to-five", "incidents", 100.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What releases meet."""

    fault: str
    traffic: str
    calls_per_s: float
    releases: int

    @property
    def trial(self) -> Trial:
        """What is simulated."""
        return Trial(
            fault=FAULTS[self.fault],
            traffic=self.traffic,
            calls_per_s=self.calls_per_s,
            seed=6,
        )

    def aftermath(self, outcome: Outcome) -> float:
        """Return how many calls a fault harms once it got through."""
        fault = self.trial.fault
        if outcome.end is not End.FINISHED or fault.is_harmless:
            return 0.0
        share = fault.failing - fault.stable + (fault.slow_share if fault.slower > 1 else 0)
        return self.calls_per_s * AFTER_S * share


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What came of a case under one rule."""

    rule: str
    releases: int
    back: int
    early: int  #: Taken back while there was nothing wrong.
    finish_s: float | None  #: In the middle, of those that finished.
    detected_s: float | None  #: In the middle, of those taken back for the fault.
    harmed: float  #: In the middle of all: until taken back or, if not, some time after the end.


@dataclass(frozen=True, slots=True)
class Row:
    """A case under every rule."""

    case: Case
    cells: tuple[Cell, ...]


def cases(healthy: int, faulty: int) -> Iterator[Case]:
    """Yield all that is to be simulated."""
    for fault, traffic, calls_per_s, part in HEALTHY:
        count = max(round(healthy * part), 1)
        yield Case(fault=fault, traffic=traffic, calls_per_s=calls_per_s, releases=count)
    for fault, traffic, calls_per_s in FAULTY:
        yield Case(fault=fault, traffic=traffic, calls_per_s=calls_per_s, releases=faulty)


def measure(healthy: int, faulty: int, jobs: int, tell: Callable[[str], None]) -> list[Row]:
    """Simulate everything; so many healthy releases in all, and of each fault."""
    rows = []
    began = time.monotonic()
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, fork, initializer=os.nice, initargs=(19,)) as pool:
        for case in cases(healthy, faulty):
            tell(f"{case.fault}, {case.traffic}: {time.monotonic() - began:.0f} s so far")
            cells = []
            for rule in RULES:
                numbers = [
                    range(at, min(at + CHUNK, case.releases))
                    for at in range(0, case.releases, CHUNK)
                ]
                parts = pool.map(_some, [case] * len(numbers), [rule] * len(numbers), numbers)
                cells.append(_cell(case, rule, [one for part in parts for one in part]))
            rows.append(Row(case, tuple(cells)))
    return rows


def _some(case: Case, rule: str, numbers: Sequence[int]) -> list[Outcome]:
    trial = case.trial
    if rule == OURS:
        return trial.play_all(numbers)
    return [play(trial.scene(number), RIVALS[rule]()) for number in numbers]


def _cell(case: Case, rule: str, outcomes: Sequence[Outcome]) -> Cell:
    back = [one for one in outcomes if one.end is End.BACK]
    found = [one for one in back if not one.is_false_alarm]
    return Cell(
        rule=rule,
        releases=len(outcomes),
        back=len(back),
        early=len(back) if case.trial.fault.is_harmless else len(back) - len(found),
        finish_s=_middle([one.took_s for one in outcomes if one.end is End.FINISHED]),
        detected_s=_middle([one.detected_s for one in found]),
        harmed=statistics.median(one.harmed + case.aftermath(one) for one in outcomes),
    )


def _middle(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def plainly(rows: Sequence[Row]) -> object:
    """Return every figure, for JSON."""
    return [
        {**asdict(row.case), "rules": {cell.rule: asdict(cell) for cell in row.cells}}
        for row in rows
    ]
