"""Report: why a version was taken back, for the people whose version it is."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from huidu.model.findings import Findings
from huidu.model.invocation import Record
from huidu.model.log import joined
from huidu.model.rollout import Event, Past, Rollout
from huidu.model.split import WHOLE
from huidu.store.searching import Search

MOST_CALLS = 20
MOST_WITH_LOG = 3
MOST_LOG_CHARS = 4000
MOST_ERROR_CHARS = 500


class Journal(Protocol):
    """The records of calls."""

    async def find(self, search: Search) -> tuple[int, Sequence[Record]]: ...


class Logs(Protocol):
    """What functions print."""

    async def flush(self) -> None: ...

    async def printed(self, request_ids: Sequence[str]) -> Mapping[tuple[str, int], str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What is kept of calls."""

    journal: Journal
    logs: Logs
    flush: Callable[[], Awaitable[None]]  #: Has every record in the journal that there is so far.


async def report(archive: Archive, rollout: Rollout, found: Findings) -> str:
    """Return why a rollout was taken back, as JSON: evidence, calls, and what the first printed.

    The calls are those of the candidate through the alias that failed, the first ones first.
    """
    await archive.flush()
    await archive.logs.flush()
    failed, first = await archive.journal.find(_search(rollout, MOST_CALLS, failed=True))
    calls, last = await archive.journal.find(_search(rollout, 1, descending=True))
    printed = await archive.logs.printed([one.request_id for one in first[:MOST_WITH_LOG]])
    step = _last(rollout)
    told = {
        "Why": rollout.said,
        "Who": step.who if step else "",
        "Time": rollout.ended_at,
        "Calls": calls,
        "Failed": failed,
        "FirstFailed": first[0].started_at if first else None,
        "LastBegan": last[0].started_at if last else None,
        "LastEnded": ended_at(last[0]) if last else None,
        "Evidence": _evidence(found),
        "FailedCalls": [_call(one, printed) for one in first],
    }
    return json.dumps(told, ensure_ascii=False)


def _search(
    rollout: Rollout, limit: int, *, failed: bool | None = None, descending: bool = False
) -> Search:
    return Search(
        function_id=rollout.function_id,
        alias=rollout.alias,
        version=rollout.candidate,
        since=rollout.began_at,
        failed=failed,
        descending=descending,
        limit=limit,
    )


def ended_at(record: Record) -> float:
    """Return when a call ended, in seconds since the epoch."""
    return record.started_at + (record.queue_ms + record.duration_ms) / 1000


def _last(rollout: Rollout) -> Past | None:
    back = [past for past in rollout.past if past.event is Event.ROLL_BACK]
    return back[-1] if back else None


def _evidence(found: Findings) -> Mapping[str, object]:
    return {
        "Errors": found.log_errors,
        "Latency": found.log_latency,
        "Enough": found.log_enough,
        "Stable": {"Calls": found.stable.calls, "Failures": found.stable.failures},
        "Candidate": {"Calls": found.candidate.calls, "Failures": found.candidate.failures},
        "Weights": sorted({point.weight / WHOLE for point in found.curve}),
    }


def _call(record: Record, printed: Mapping[tuple[str, int], str]) -> Mapping[str, object]:
    told: dict[str, object] = {
        "RequestId": record.request_id,
        "Time": record.started_at,
        "Status": record.status,
        "Error": record.error[:MOST_ERROR_CHARS],
    }
    log = printed.get((record.request_id, record.retry_number))
    if log is not None:
        told["Log"] = joined(record.log, log)[:MOST_LOG_CHARS]
    return told
