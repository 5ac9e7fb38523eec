"""Rollouts: have a version take over an alias step by step, and take it back at any time."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from huidu.actions.action import (
    FUNCTION_ERRORS,
    Limit,
    Offset,
    Wire,
    ours,
)
from huidu.actions.rollout_terms import (
    BudgetTerms,
    GateFacts,
    GateTerms,
    MetricTerms,
    Share,
    Tolerance,
)
from huidu.model.names import DEFAULT_NAMESPACE

Id = Annotated[str, Meta(description="The id of a rollout; or name the function and the alias.")]
Function = Annotated[str, Meta(description="Instead of an id: the function,")]
Alias = Annotated[str, Meta(description="and its alias; the latest rollout is meant.")]
Namespace = Annotated[str, Meta(description="The namespace that the function lives in.")]
Reason = Annotated[str, Meta(description="Why, for the history.")]
Seconds = Annotated[float, Meta(description="Seconds.")]


class StartRollout(Wire):
    """Have a version take over an alias, step by step."""

    function_name: Annotated[str, Meta(description="The name of the function.")]
    name: Annotated[str, Meta(description="The name of the alias.")]
    function_version: Annotated[str, Meta(description="The version that is to have all calls.")]
    namespace: Namespace = DEFAULT_NAMESPACE
    plan: Annotated[
        str,
        Meta(
            description="`evidence`; steps such as `10%/5m, 30%/10m, 100%`; `linear 10%/1m`; "
            "`all-at-once`; or a preset such as `Canary10Percent5Minutes`."
        ),
    ] = "evidence"
    proof: (
        Annotated[
            bool,
            Meta(
                description="Whether the share grows only when it is proved that it may. "
                "Default: for `evidence`; other plans go by time while nothing speaks against it."
            ),
        ]
        | None
    ) = None
    on_worse: Annotated[str, Meta(description="rollback or pause.")] = "rollback"
    guards: Annotated[
        list[str],
        Meta(description="Absolute limits beside the judge: `error rate > 20 %`, `p99 > 2 s`."),
    ] = field(default_factory=list)
    metrics: list[MetricTerms] = field(default_factory=list)
    budget: BudgetTerms = field(default_factory=BudgetTerms)
    gates: list[GateTerms] = field(default_factory=list)
    windows: Annotated[
        list[str],
        Meta(
            description="When the share may grow: `mon-fri 09:00-17:00`, `daily 22:00-02:00 UTC`."
        ),
    ] = field(default_factory=list)
    freezes: Annotated[
        list[str], Meta(description="When it may not: `2026-12-24 00:00/2026-12-27 00:00`.")
    ] = field(default_factory=list)
    bake_time: Annotated[Seconds, Meta(description="Watched so long once it has all.")] = 600.0
    bake_error_rate: Annotated[
        Share, Meta(description="While it has all: taken back beyond this; 0 for never.")
    ] = 0.25
    step_timeout: Annotated[
        Seconds, Meta(description="A share is held so long without an answer.")
    ] = 3600.0
    on_timeout: Annotated[str, Meta(description="pause, promote or rollback.")] = "pause"
    undo_time: Annotated[Seconds, Meta(description="The version before is kept warm so long.")] = (
        1800.0
    )
    tolerance: Tolerance = field(default_factory=Tolerance)
    owner: Annotated[str, Meta(description="Who answers for it; default: the key.")] = ""
    reason: Reason = ""


class Named(Wire):
    """One rollout: by its id, or the latest of an alias."""

    rollout_id: Id = ""
    function_name: Function = ""
    name: Alias = ""
    namespace: Namespace = DEFAULT_NAMESPACE
    reason: Reason = ""


class GetRollout(Named):
    """See how a rollout stands."""


class PauseRollout(Named):
    """Hold the share where it is. What is worse is taken back all the same."""


class ResumeRollout(Named):
    """Let a paused rollout go on."""


class ApproveRollout(Named):
    """Approve what a rollout waits for, or is going to wait for next."""


class PromoteRollout(Named):
    """Give the version all calls now, whatever has been found out."""


class RollbackRollout(Named):
    """Take the version back: no call that starts after the answer reaches it through the alias."""

    wait: Annotated[
        Seconds, Meta(description="How long to wait for calls of it that run: at most 60.")
    ] = 2.0


class WatchRollout(Named):
    """Wait until something is new of a rollout, and see how it stands."""

    after: Annotated[str, Meta(description="`Seen` of the last answer.")] = ""
    wait: Annotated[Seconds, Meta(description="At most so long, and at most 20.")] = 20.0


class ListRollouts(Wire):
    """List rollouts, the latest first."""

    namespace: Annotated[str, Meta(description="Only of this namespace.")] = ""
    function_name: Annotated[str, Meta(description="Only of functions of this name.")] = ""
    name: Annotated[str, Meta(description="Only of aliases of this name.")] = ""
    states: Annotated[
        list[str],
        Meta(
            description="Only in these states: ramping, waiting, paused, baking, finished, "
            "rolled back, taken over."
        ),
    ] = field(default_factory=list)
    offset: Offset = 0
    limit: Limit = 20


class StepFacts(Wire):
    """A step that was taken."""

    time: str
    event: str
    weight: Share
    who: Annotated[str, Meta(description="Empty where the platform took it.")]
    said: str


class SideFacts(Wire):
    """The calls of one version through the alias, since the rollout began."""

    calls: int
    failures: int
    cold: Annotated[int, Meta(description="Cold starts.")]


class PointFacts(Wire):
    """How the evidence stood at a moment, as natural logs; 0 says nothing."""

    time: Annotated[float, Meta(description="Seconds since the epoch.")]
    weight: Share
    errors: float
    latency: float


class FailureFacts(Wire):
    """A call of the version that failed."""

    request_id: str
    time: Annotated[float, Meta(description="Seconds since the epoch.")]
    status: int
    error: str


class MetricFacts(Wire):
    """What is found of one metric. Evidence is a natural log; 0 says nothing."""

    name: str
    evidence: Annotated[float, Meta(description="That the version is worse.")]
    enough: Annotated[float, Meta(description="With so much it is taken back.")]
    below: Annotated[float, Meta(description="Its excess is proved below this share.")] | None
    compared: Annotated[bool, Meta(description="Whether both versions report it alike.")]


class EvidenceFacts(Wire):
    """What was found out so far."""

    time: str
    stable: SideFacts
    candidate: SideFacts
    calls_per_second: float
    verdict: str
    waits_for: Annotated[str, Meta(description="What the next share still needs.")]
    errors: Annotated[float, Meta(description="Evidence that it fails more: a natural log.")]
    latency: Annotated[float, Meta(description="Evidence that it is slower: a natural log.")]
    enough: Annotated[float, Meta(description="With so much of either it is taken back.")]
    excess_below: Annotated[float, Meta(description="Its extra failures are proved below this.")]
    sentences: Annotated[list[str], Meta(description="All of it in words.")]
    metrics: list[MetricFacts]
    next_weight: Share
    spent_failures: int
    spent_keys: int
    curve: list[PointFacts]
    failures: list[FailureFacts]


class Switched(Wire):
    """What a rollback did."""

    from_version: str
    to_version: str
    moved: Annotated[bool, Meta(description="Whether the alias had led to the version.")]
    switched_ms: Annotated[
        float, Meta(description="From the request until no router sent a call to it.")
    ]
    last_call_began: Annotated[str, Meta(description="Of the version through the alias; or empty.")]
    last_call_ended: str
    still_running: Annotated[int, Meta(description="Its calls that run on; they come to an end.")]


class RolloutFacts(Wire):
    """How a rollout stands."""

    rollout_id: str
    namespace: str
    function_name: str
    name: str
    from_version: str
    to_version: str
    state: str
    said: Annotated[str, Meta(description="Why it is in this state.")]
    weight: Share
    plan: str
    proof: bool
    on_worse: str
    guards: list[str]
    metrics: list[MetricTerms]
    budget: BudgetTerms
    gates: list[GateFacts]
    windows: list[str]
    freezes: list[str]
    bake_time: float
    bake_error_rate: float
    step_timeout: float
    on_timeout: str
    undo_time: float
    undo_until: Annotated[str, Meta(description="The version before is kept warm until then.")]
    tolerance: Tolerance
    owner: str
    reason: str
    begin_time: str
    since: Annotated[str, Meta(description="When it came to its present share.")]
    end_time: Annotated[str, Meta(description="Empty while it moves the alias.")]
    revision: int
    steps: list[StepFacts]
    evidence: EvidenceFacts | None
    report: Annotated[str, Meta(description="Why it was taken back, as JSON; or empty.")]
    seen: Annotated[str, Meta(description="What to hand to WatchRollout.")]


class RolledBack(Wire):
    """The rollout, and what the rollback did."""

    rollout: RolloutFacts
    switched: Switched


class RolloutLine(Wire):
    """A rollout, in short."""

    rollout_id: str
    namespace: str
    function_name: str
    name: str
    from_version: str
    to_version: str
    state: str
    weight: Share
    said: str
    owner: str
    begin_time: str
    end_time: str


class Rollouts(Wire):
    """A page of rollouts."""

    rollouts: list[RolloutLine]
    total_count: int


THERE = (
    *FUNCTION_ERRORS,
    "MissingParameter.RolloutId",
    "ResourceNotFound.Alias",
    "ResourceNotFound.Rollout",
)
MOVED = (*THERE, "FailedOperation.Rollout", "ResourceInUse", "ResourceNotFound.FunctionVersion")


ACTIONS = (
    ours(
        "StartRollout",
        "Have a version take over an alias step by step.",
        StartRollout,
        RolloutFacts,
        *FUNCTION_ERRORS,
        *(
            f"InvalidParameterValue.{name}"
            for name in (
                *("BakeErrorRate", "BakeTime", "Budget", "Freezes", "FunctionVersion", "Gates"),
                *("Guards", "Metrics", "OnTimeout", "OnWorse", "Plan", "Proof", "RoutingConfig"),
                *("StepTimeout", "Tolerance", "UndoTime", "Url", "Windows"),
            )
        ),
        "FailedOperation.Rollout",
        "ResourceInUse.Rollout",
        "ResourceNotFound.Alias",
        "ResourceNotFound.FunctionVersion",
    ),
    ours("GetRollout", "See how a rollout stands.", GetRollout, RolloutFacts, *THERE),
    ours(
        "ListRollouts",
        "List rollouts, the latest first.",
        ListRollouts,
        Rollouts,
        "InvalidParameterValue.Limit",
        "InvalidParameterValue.Offset",
        "InvalidParameterValue.States",
    ),
    ours("PauseRollout", "Hold the share where it is.", PauseRollout, RolloutFacts, *MOVED),
    ours("ResumeRollout", "Let a paused rollout go on.", ResumeRollout, RolloutFacts, *MOVED),
    ours(
        "ApproveRollout", "Approve what a rollout waits for.", ApproveRollout, RolloutFacts, *MOVED
    ),
    ours("PromoteRollout", "Give the version all calls now.", PromoteRollout, RolloutFacts, *MOVED),
    ours("RollbackRollout", "Take the version back, at once.", RollbackRollout, RolledBack, *MOVED),
    ours(
        "WatchRollout",
        "Wait until something is new of a rollout.",
        WatchRollout,
        RolloutFacts,
        *THERE,
    ),
)
