"""Sheet: calls that took one way, went well and printed nothing; column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, TypeVar

from huidu.model.alias import Alias
from huidu.model.call import MOST_HELD_CHARS, MOST_KEPT_RESULT_CHARS, Call
from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.routing import Decision, sealed
from huidu.model.split import Phases, write_phases
from huidu.model.trace import Trace
from huidu.model.version import Version

T = TypeVar("T")

WAY = ("function_id", "alias", "version")
Way = tuple[str, str, str]  #: As a call has it.

#: What calls say, by the names of a record's fields: of each call, or once where all say the same;
#: what is left out is as usual.
Columns = dict[str, Sequence[Any]]

ID = "request_id"
ROOT = "root_request_id"  #: Left out where each call is its own.
DEFAULTS = Record._field_defaults | {"silent": True}


class Sheet:
    """Calls in the order in which they ended; it grows until it is kept.

    A list of texts and numbers costs a call a few dozen nanoseconds, and the collector of garbage
    looks into none of it; a record costs a microsecond, and is one more thing to visit.
    """

    __slots__ = ("columns", "count", "function", "way")

    def __init__(self, way: Way, function: FunctionName) -> None:
        self.way = way
        self.function = function
        self.columns: Columns = {}
        self.count = 0

    def add(self, more: Columns) -> None:
        """Take calls, which have ended after all that are here."""
        mine, before = self.columns, self.count
        count = len(more[ID])
        self.count += count
        if not before:
            self.columns = {name: one if _once(one) else list(one) for name, one in more.items()}
            return
        for name, column in more.items():
            known = mine[name]
            if _once(known):
                if known == column:
                    continue
                known = mine[name] = [known[0]] * before
            known += column if len(column) == count else [column[0]] * count  # type: ignore[operator]

    def cut(self, most: int) -> None:
        """Forget all calls but the first so many."""
        self.columns = self.part(0, most)
        self.count = min(most, self.count)

    def part(self, start: int, end: int) -> Columns:
        """Return what the calls from one place to another say."""
        columns = self.columns.items()
        return {name: one if _once(one) else one[start:end] for name, one in columns}

    def records(self) -> Iterator[Record]:
        """Yield the record of each call, as `Call.record` makes it."""
        way = {name: (value,) for name, value in zip(WAY, self.way, strict=True)}
        return records(self.columns | way, self.function, self.count)


def records(said: Columns, function: FunctionName, count: int) -> Iterator[Record]:
    """Yield the records of calls that say all this."""
    whole = said | {"function": (function,), ROOT: said.get(ROOT, said[ID])}
    columns = (whole.get(name) or (DEFAULTS[name],) for name in Record._fields)
    each = (one if len(one) == count else repeat(one[0], count) for one in columns)
    return map(Record._make, zip(*each, strict=True))


def _once(column: Sequence[Any]) -> bool:
    return type(column) is tuple


def fits(call: Call) -> bool:
    """Tell whether a call may be on a sheet: of most calls there is no more to be said.

    It is not one with much about it, or with a caller, which nobody is to hold on to.
    """
    outcome, invocation = call.outcome, call.invocation
    return (
        outcome.silent
        and not outcome.cold
        and not outcome.streamed
        and call.exchange is None
        and call.routed is not None
        and not invocation.retry_number
        and not invocation.root_request_id
        and len(invocation.event) + len(outcome.result) <= MOST_HELD_CHARS
    )


def columns(calls: Sequence[Call]) -> Columns:
    """Return what calls of one way say, of which each fits: lists, and tuples of what all say."""
    invocations = [call.invocation for call in calls]
    outcomes = [call.outcome for call in calls]
    routed = [call.routed for call in calls if call.routed is not None]
    results = [outcome.result for outcome in outcomes]
    lengths = list(map(len, results))
    if max(lengths) > MOST_KEPT_RESULT_CHARS:
        results = [result[:MOST_KEPT_RESULT_CHARS] for result in results]
    return {
        ID: [invocation.request_id for invocation in invocations],
        "result": results,
        "instance": [outcome.instance for outcome in outcomes],
        "started_at": [call.started_at for call in calls],
        "queue_ms": [(call.claimed - call.began) * 1000 for call in calls],
        "duration_ms": [outcome.duration_ms for outcome in outcomes],
        "memory_bytes": [outcome.memory_bytes for outcome in outcomes],
        "event_bytes": [len(invocation.event) for invocation in invocations],
        "result_bytes": lengths,
        "qualifier": _folded([invocation.qualifier for invocation in invocations]),
        "trigger": _folded([invocation.trigger for invocation in invocations]),
        "alias_revision": _of_all([one.alias for one in routed], _revision),
        "memory_mb": _of_all([one.version for one in routed], _memory_mb),
        **_decided([one.decision for one in routed], calls),
        **_traced([invocation.trace for invocation in invocations]),
    }


def _folded(column: Sequence[T]) -> Sequence[T]:
    """Return a column, or what all say where all say the same."""
    value = column[0]
    if column[-1] == value and column.count(value) == len(column):
        return (value,)
    return column


def _of_all(column: Sequence[T], tell: Callable[[T], int]) -> Sequence[int]:
    """Return what is told of each: mostly it is the very same, for which the list looks first."""
    return [tell(one) for one in column] if len(_folded(column)) > 1 else (tell(column[0]),)


def _revision(alias: Alias | None) -> int:
    return alias.revision if alias else 0


def _memory_mb(version: Version) -> int:
    return version.configuration.memory_mb


def _decided(decisions: Sequence[Decision], calls: Sequence[Call]) -> Columns:
    _, reasons, probabilities, draws, phases, keys = map(list, zip(*decisions, strict=True))
    split = phases.count(()) < len(phases)
    sticky = keys.count("") < len(keys)
    return {
        "reason": _folded(reasons),
        "probability": _folded(probabilities),
        "draw": _folded(draws),
        "phases": _folded(list(map(_written, phases))) if split else ("",),
        "sticky_key": _folded(list(map(_sealed, keys, calls))) if sticky else ("",),
    }


@lru_cache(maxsize=4096)  # a split goes through the same few places again and again
def _written(phases: Phases) -> str:
    return write_phases(phases) if phases else ""


def _sealed(key: str, call: Call) -> str:
    return sealed(key, call.lane[0], call.salt) if key else ""


def _traced(traces: Sequence[Trace]) -> Columns:
    some = traces[:1] if len(_folded(traces)) == 1 else traces
    return {
        "trace_id": _folded([trace.trace_id for trace in some]),
        "span_id": _folded([trace.span_id for trace in some]),
        "parent_span_id": _folded([trace.parent_id for trace in some]),
        "sampled": _folded([trace.sampled for trace in some]),
    }
