"""Mirrors: have a candidate answer live calls a second time, and see how its answers differ."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    FUNCTION_ERRORS,
    NamedFunction,
    Namespace,
    Nothing,
    Wire,
    ours,
)
from huidu.model.names import DEFAULT_NAMESPACE

Name = Annotated[str, Meta(description="The name of the alias.")]
Millis = Annotated[float, Meta(description="Milliseconds.")]


class MarkMirrorSafe(Wire):
    """Say that a function may be called twice where its caller called it once."""

    function_name: NamedFunction
    reason: Annotated[str, Meta(description="Why that is safe: what it writes, whom it calls.")]
    namespace: Namespace = DEFAULT_NAMESPACE


class UnmarkMirrorSafe(Wire):
    """Take that back. Mirrors of the function end."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE
    reason: Annotated[str, Meta(description="Why.")] = ""


class PutMirror(Wire):
    """Begin a mirror; an alias has one at a time, and what the one before found is forgotten."""

    function_name: NamedFunction
    name: Name
    function_version: Annotated[
        str, Meta(description="The candidate: the number of a published version.")
    ]
    namespace: Namespace = DEFAULT_NAMESPACE
    share: Annotated[
        float, Meta(description="Of the calls that other versions answer; 0.0001 to 1.")
    ] = 1.0
    ignore_paths: Annotated[
        list[str],
        Meta(
            description='What may differ: `$.requestId`, `$.items[*].at`, `$["any name"]`, `$..at`.'
        ),
    ] = field(default_factory=list)
    most_per_second: Annotated[int, Meta(description="Copies a second; 1 to 100.")] = 10
    max_calls: Annotated[int, Meta(description="It ends after so many copies; 1 to 1000000.")] = (
        1000
    )
    until: Annotated[
        str,
        Meta(
            description="It ends then at the latest: `YYYY-MM-DD HH:MM:SS`, or how long from now: "
            "`30m`, `2h`, `3d`; at most 30 days."
        ),
    ] = "1d"
    reason: Annotated[str, Meta(description="Why, for whoever reads the events.")] = ""


class MirrorPut(Wire):
    """Calls that are answered from now on are mirrored."""

    mirror_id: str
    until: str


class GetMirror(Wire):
    """See the mirror of an alias and what it found, also after it has ended."""

    function_name: NamedFunction
    name: Name
    namespace: Namespace = DEFAULT_NAMESPACE


class DeleteMirror(Wire):
    """End the mirror of an alias, and forget what it found. `GetMirror` shows that before."""

    function_name: NamedFunction
    name: Name
    namespace: Namespace = DEFAULT_NAMESPACE


class MirrorSample(Wire):
    """A pair of calls whose answers differ at a place, and what each has there."""

    request_id: Annotated[str, Meta(description="Of the user's call.")]
    mirror_request_id: Annotated[str, Meta(description="Of the candidate's.")]
    live: Annotated[str, Meta(description="JSON, cut to 200 characters.")]
    candidate: str


class MirrorDifference(Wire):
    """A place at which answers differed: a path that can be ignored, or `status`."""

    path: str
    count: int
    samples: Annotated[list[MirrorSample], Meta(description="The first three.")]


class MirrorFailure(Wire):
    """A status code with which the candidate failed."""

    status_code: int
    fault: Annotated[str, Meta(description="Whose doing that is, as in the metrics.")]
    count: int
    request_ids: Annotated[list[str], Meta(description="The first ten: see `GetFunctionLogs`.")]


class MirrorSkipped(Wire):
    """Why calls were not copied, or why nothing came of the copies."""

    reason: str
    count: int


class MirrorLatency(Wire):
    """How long both took, in pairs that both succeeded, on instances that were there."""

    pairs: int
    candidate_slower: Annotated[int, Meta(description="In how many the candidate took longer.")]
    live_p50: Millis
    live_p99: Millis
    candidate_p50: Millis
    candidate_p99: Millis


class MirrorFacts(Wire):
    """A mirror, and what it found."""

    mirror_id: str
    namespace: str
    function_name: str
    name: str
    function_version: str
    share: float
    ignore_paths: list[str]
    most_per_second: int
    max_calls: int
    until: str
    state: Annotated[str, Meta(description="mirroring or ended.")]
    end_reason: str
    end_time: str
    who: str
    reason: str
    add_time: str
    mark_who: Annotated[str, Meta(description="Who marked the function; empty: it is not now.")]
    mark_reason: str
    mark_time: str
    seen: Annotated[int, Meta(description="Calls that came through the alias meanwhile.")]
    mirrored: Annotated[int, Meta(description="Of these, run by both: the sum of the next three.")]
    same: int
    different: int
    unread: Annotated[
        int, Meta(description="Not the same, and too large (64 KB) to be compared by field.")
    ]
    live_failed: Annotated[int, Meta(description="Of the mirrored, those that failed for users.")]
    differences: Annotated[
        list[MirrorDifference], Meta(description="By place, the most frequent first.")
    ]
    other_differences: Annotated[int, Meta(description="At places beyond the first hundred.")]
    failures: list[MirrorFailure]
    skipped: list[MirrorSkipped]
    latency: MirrorLatency


THERE = (*FUNCTION_ERRORS, "ResourceNotFound.Alias", "ResourceNotFound.Mirror")

ACTIONS = (
    ours(
        "MarkMirrorSafe",
        "Say that a function may be called twice where its caller called it once.",
        MarkMirrorSafe,
        Nothing,
        *FUNCTION_ERRORS,
        "InvalidParameterValue.Reason",
        "UnsupportedOperation.FunctionType",
    ),
    ours(
        "UnmarkMirrorSafe",
        "Say that it may not; mirrors of the function end.",
        UnmarkMirrorSafe,
        Nothing,
        *FUNCTION_ERRORS,
        "InvalidParameterValue.Reason",
    ),
    ours(
        "PutMirror",
        "Have a version answer calls of an alias a second time, unseen, and compare.",
        PutMirror,
        MirrorPut,
        *FUNCTION_ERRORS,
        "FailedOperation.FunctionVersionStatusNotActive",
        "FailedOperation.MirrorNotSafe",
        "InvalidParameterValue.DateTime",
        "InvalidParameterValue.FunctionVersion",
        "InvalidParameterValue.IgnorePaths",
        "InvalidParameterValue.MaxCalls",
        "InvalidParameterValue.MostPerSecond",
        "InvalidParameterValue.Reason",
        "InvalidParameterValue.Share",
        "InvalidParameterValue.Until",
        "LimitExceeded.Mirror",
        "ResourceNotFound.Alias",
        "ResourceNotFound.FunctionVersion",
        "UnsupportedOperation.FunctionType",
        "UnsupportedOperation.Mirror",
    ),
    ours("GetMirror", "See what a mirror found.", GetMirror, MirrorFacts, *THERE),
    ours("DeleteMirror", "End a mirror and forget it.", DeleteMirror, Nothing, *THERE),
)
