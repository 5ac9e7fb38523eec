"""Soaked: what came of a long run, and how it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from bench.callers import Failure
from bench.shown import table
from bench.verdict import Verdict

SHOWN, ALIKE = 10, 150


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one function."""

    made: int
    failed: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All that one run found."""

    seconds: float
    calls: Mapping[str, Calls]
    missing: Mapping[str, str]
    kills: int
    releases: int
    verdicts: Mapping[str, Verdict]
    kept: Mapping[str, tuple[float, float]]  #: What grows by design: at first, and at last.
    unexplained: Sequence[Failure]
    troubles: Sequence[str]
    left: Sequence[str]  #: What there still was after the server had ended.

    @property
    def good(self) -> bool:
        """Whether every function was called, and nothing grows, fails or stays."""
        silent = [name for name, calls in self.calls.items() if calls.made <= calls.failed]
        grows = any(verdict.grows for verdict in self.verdicts.values())
        wrong = (silent, grows, self.unexplained, self.troubles, self.left)
        return bool(self.calls) and not any(wrong)


def show(result: Result, console: Console, *, markdown: bool = False) -> None:
    """Print tables, and what is wrong in sentences."""
    numbers = ("calls", "failed", "p50 ms", "p99 ms")
    called = table("Calls", ("function",), numbers, markdown=markdown)
    for name, calls in result.calls.items():
        ms = (f"{calls.p50_ms:.1f}", f"{calls.p99_ms:.1f}")
        called.add_row(name, str(calls.made), str(calls.failed), *ms)
    console.print(called)
    numbers = ("2nd tenth", "last tenth", "drift", "allowed")
    held = table("What is held", ("series",), numbers, markdown=markdown)
    held.add_column("verdict", no_wrap=True)
    for name, verdict in result.verdicts.items():
        values = (verdict.early, verdict.late, verdict.drift, verdict.allowed)
        word = "GROWS" if verdict.grows else "steady"
        held.add_row(name, *(f"{value:.1f}" for value in values), word)
    for name, (first, last) in result.kept.items():
        held.add_row(name, f"{first:.1f}", f"{last:.1f}", "-", "-", "kept")
    console.print(held)
    for name, why in result.missing.items():
        console.print(f"Not there: {name}: {why}")
    for trouble in (*result.troubles, *(f"Left behind: {what}" for what in result.left)):
        console.print(trouble)
    alike = Counter((f.role, f.problem[:ALIKE]) for f in result.unexplained)
    for (role, problem), count in alike.most_common(SHOWN):
        console.print(f"Failed for no reason: {role}, {count} times: {problem}")
    failed = sum(calls.failed for calls in result.calls.values())
    console.print(
        f"{result.seconds:.0f} s, {result.releases} releases, {result.kills} instances killed; "
        f"{failed} calls failed, {len(result.unexplained)} of them for no reason: "
        f"{'good' if result.good else 'NOT good'}."
    )
