"""Sheet: calls that took one way, went well and printed nothing; column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from huidu.model.alias import Alias
from huidu.model.call import MOST_KEPT_RESULT_CHARS, Call
from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.routing import Decision, sealed
from huidu.model.split import Phases, write_phases
from huidu.model.trace import NO_TRACE, Trace
from huidu.model.version import Version

#: A way, as a call has it: function, alias and version.
Way = tuple[str, str, str]


class Columns(NamedTuple):
    """What such calls say that may differ, each field as a list over the calls.

    A list of texts and numbers costs a call a few dozen nanoseconds, and the collector of garbage
    looks into none of it; a record of its own costs a microsecond, and is one more thing to visit.
    """

    request_id: list[str]
    qualifier: list[str]
    alias_revision: list[int]
    reason: list[str]
    probability: list[float]
    draw: list[float | None]
    phases: list[str]
    sticky_key: list[str]
    result: list[str]
    trigger: list[str]
    instance: list[str]
    started_at: list[float]
    queue_ms: list[float]
    duration_ms: list[float]
    memory_bytes: list[int]
    memory_mb: list[int]
    event_bytes: list[int]
    result_bytes: list[int]
    trace_id: list[str]
    span_id: list[str]
    parent_span_id: list[str]
    sampled: list[bool]


class Sheet:
    """Calls in the order in which they ended; it grows until it is kept."""

    __slots__ = ("columns", "function", "way")

    def __init__(self, way: Way, function: FunctionName) -> None:
        self.way = way
        self.function = function
        self.columns = Columns(*([] for _ in Columns._fields))

    def __len__(self) -> int:
        return len(self.columns.request_id)

    def add(self, more: Columns) -> None:
        """Take calls, which have ended after all that are here."""
        for column, some in zip(self.columns, more, strict=True):
            column += some  # noqa: PLW2901 - it is the list that grows

    def cut(self, most: int) -> None:
        """Forget all calls but the first so many."""
        for column in self.columns:
            del column[most:]

    def records(self) -> Iterator[Record]:
        """Yield the record of each call, as `Call.record` makes it."""
        function_id, alias, version = self.way
        known = {"function_id": function_id, "alias": alias, "version": version, "silent": True}
        for values in zip(*self.columns, strict=True):
            said: dict[str, Any] = dict(zip(Columns._fields, values, strict=True)) | known
            yield Record(function=self.function, root_request_id=said["request_id"], **said)


def fits(call: Call) -> bool:
    """Tell whether a call may be on a sheet: of most calls there is no more to be said."""
    outcome, invocation = call.outcome, call.invocation
    return (
        outcome.silent
        and not outcome.cold
        and not outcome.streamed
        and call.exchange is None
        and call.routed is not None
        and not invocation.retry_number
        and not invocation.root_request_id
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
    return Columns(
        [invocation.request_id for invocation in invocations],
        [invocation.qualifier for invocation in invocations],
        _revisions([one.alias for one in routed]),
        *_decided([one.decision for one in routed], calls),
        results,
        [invocation.trigger for invocation in invocations],
        [outcome.instance for outcome in outcomes],
        [call.started_at for call in calls],
        [(call.claimed - call.began) * 1000 for call in calls],
        [outcome.duration_ms for outcome in outcomes],
        [outcome.memory_bytes for outcome in outcomes],
        _memory_mb([one.version for one in routed]),
        [len(invocation.event) for invocation in invocations],
        lengths,
        *_traced([invocation.trace for invocation in invocations]),
    )


def _revisions(aliases: Sequence[Alias | None]) -> Sequence[int]:
    one = aliases[0]
    if aliases.count(one) == len(aliases):  # it looks for the very same one first
        return [one.revision if one else 0] * len(aliases)
    return [alias.revision if alias else 0 for alias in aliases]


def _memory_mb(versions: Sequence[Version]) -> Sequence[int]:
    one = versions[0]
    if versions.count(one) == len(versions):
        return [one.configuration.memory_mb] * len(versions)
    return [version.configuration.memory_mb for version in versions]


def _decided(decisions: Sequence[Decision], calls: Sequence[Call]) -> Sequence[Sequence[Any]]:
    """Return the columns from `reason` to `sticky_key`."""
    _, reasons, probabilities, draws, phases, keys = zip(*decisions, strict=True)
    count = len(calls)
    written = ("",) * count if phases.count(()) == count else list(map(_written, phases))
    if keys.count("") < count:
        keys = tuple(
            sealed(key, call.lane[0], call.salt) if key else ""
            for key, call in zip(keys, calls, strict=True)
        )
    return reasons, probabilities, draws, written, keys


@lru_cache(maxsize=4096)  # a split goes through a few places again and again
def _written(phases: Phases) -> str:
    return write_phases(phases) if phases else ""


def _traced(traces: Sequence[Trace]) -> Sequence[Sequence[Any]]:
    """Return the columns from `trace_id` to `sampled`."""
    count = len(traces)
    if traces.count(NO_TRACE) == count:
        nothing = ("",) * count
        return nothing, nothing, nothing, (False,) * count
    return (
        [trace.trace_id for trace in traces],
        [trace.span_id for trace in traces],
        [trace.parent_id for trace in traces],
        [trace.sampled for trace in traces],
    )
