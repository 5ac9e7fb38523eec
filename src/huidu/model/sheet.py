"""Sheet: calls that took one way, went well and printed nothing; column by column.

To write calls down so costs a third of what a record of each does, and is done at once: what is
bytes already need not be fetched again from all over the memory when it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
Columns = Mapping[str, Sequence[Any]]

ID = "request_id"
ROOT = "root_request_id"  #: Left out where each call is its own.
DEFAULTS = Record._field_defaults | {"silent": True}


def records(said: Columns, function: FunctionName, count: int) -> Iterator[Record]:
    """Yield the records of calls that say all this."""
    whole = {**said, "function": (function,), ROOT: said.get(ROOT, said[ID])}
    columns = (whole.get(name) or (DEFAULTS[name],) for name in Record._fields)
    each = (one if len(one) == count else repeat(one[0], count) for one in columns)
    return map(Record._make, zip(*each, strict=True))


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
    """Return what calls of one way say, of which each fits."""
    invocations = [call.invocation for call in calls]
    outcomes = [call.outcome for call in calls]
    routed = [call.routed for call in calls if call.routed is not None]
    results = [outcome.result for outcome in outcomes]
    lengths = list(map(len, results))
    if max(lengths) > MOST_KEPT_RESULT_CHARS:
        results = [result[:MOST_KEPT_RESULT_CHARS] for result in results]
    return {
        ID: [invocation.request_id for invocation in invocations],
        "result": folded(results),
        "instance": folded([outcome.instance for outcome in outcomes]),
        "started_at": [call.started_at for call in calls],
        "queue_ms": [(call.claimed - call.began) * 1000 for call in calls],
        "duration_ms": [outcome.duration_ms for outcome in outcomes],
        "memory_bytes": [outcome.memory_bytes for outcome in outcomes],
        "event_bytes": [len(invocation.event) for invocation in invocations],
        "result_bytes": lengths,
        "qualifier": folded([invocation.qualifier for invocation in invocations]),
        "trigger": folded([invocation.trigger for invocation in invocations]),
        "alias_revision": _of_all([one.alias for one in routed], _revision),
        "memory_mb": _of_all([one.version for one in routed], _memory_mb),
        **_decided([one.decision for one in routed], calls),
        **_traced([invocation.trace for invocation in invocations]),
    }


def folded(column: Sequence[T]) -> Sequence[T]:
    """Return a column, or what all say where all say the same."""
    value = column[0]
    if column[-1] == value and column.count(value) == len(column):
        return (value,)
    return column


def _of_all(column: Sequence[T], tell: Callable[[T], int]) -> Sequence[int]:
    """Return what is told of each: mostly it is the very same, for which the list looks first."""
    return [tell(one) for one in column] if len(folded(column)) > 1 else (tell(column[0]),)


def _revision(alias: Alias | None) -> int:
    return alias.revision if alias else 0


def _memory_mb(version: Version) -> int:
    return version.configuration.memory_mb


def _decided(decisions: Sequence[Decision], calls: Sequence[Call]) -> Columns:
    _, reasons, probabilities, draws, phases, keys = map(list, zip(*decisions, strict=True))
    split = phases.count(()) < len(phases)
    sticky = keys.count("") < len(keys)
    return {
        "reason": folded(reasons),
        "probability": folded(probabilities),
        "draw": folded(draws),
        "phases": folded(list(map(_written, phases))) if split else ("",),
        "sticky_key": folded(list(map(_sealed, keys, calls))) if sticky else ("",),
    }


@lru_cache(maxsize=4096)  # a split goes through the same few places again and again
def _written(phases: Phases) -> str:
    return write_phases(phases) if phases else ""


def _sealed(key: str, call: Call) -> str:
    return sealed(key, call.lane[0], call.salt) if key else ""


def _traced(traces: Sequence[Trace]) -> Columns:
    some = traces[:1] if len(folded(traces)) == 1 else traces
    return {
        "trace_id": folded([trace.trace_id for trace in some]),
        "span_id": folded([trace.span_id for trace in some]),
        "parent_span_id": folded([trace.parent_id for trace in some]),
        "sampled": folded([trace.sampled for trace in some]),
    }
