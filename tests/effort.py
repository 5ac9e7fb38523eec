"""Effort: how much Python does, by what no clock and no other process can change."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple


class Effort(NamedTuple):
    """What some work took: instructions of Python's machine, and memory at its highest."""

    steps: int
    peak_bytes: int


def effort(work: Callable[[], object]) -> Effort:
    """Do it twice, and return what it took: once what is done in Python, once what C asks for."""
    return Effort(_steps(work), _peak_bytes(work))


def _steps(work: Callable[[], object]) -> int:
    count = 0

    def look(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def _peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
