"""Effect: what a committed write means to those who route calls."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.access_key import AccessKey
from huidu.model.alias import Alias
from huidu.model.comparison import Comparison
from huidu.model.destination import Destinations
from huidu.model.function import Function, FunctionName
from huidu.model.key import Key
from huidu.model.mirror import Mirror
from huidu.model.plan import Granted, Place
from huidu.model.retry import EventConfig
from huidu.model.rollout import Rollout
from huidu.model.service import Served
from huidu.model.strategy import IpStrategy, Limit
from huidu.model.trigger import Trigger
from huidu.model.version import Version


@dataclass(frozen=True, slots=True)
class FunctionKept:
    """A function was made or changed."""

    function: Function


@dataclass(frozen=True, slots=True)
class FunctionGone:
    """A function was deleted, with all that is its own."""

    function: Function


@dataclass(frozen=True, slots=True)
class VersionKept:
    """A version was published, or `$LATEST` was changed."""

    version: Version


@dataclass(frozen=True, slots=True)
class VersionGone:
    """A version was deleted."""

    version: Version


@dataclass(frozen=True, slots=True)
class AliasKept:
    """An alias was made or moved."""

    alias: Alias


@dataclass(frozen=True, slots=True)
class AliasGone:
    """An alias was deleted."""

    alias: Alias


@dataclass(frozen=True, slots=True)
class TriggersChanged:
    """A trigger of a function was made, changed or deleted; these it has now."""

    function: Function
    triggers: tuple[Trigger, ...]


@dataclass(frozen=True, slots=True)
class ProvisionChanged:
    """A version is to have so many instances at all times; none, if that is 0."""

    version: Version
    wanted: int


@dataclass(frozen=True, slots=True)
class ReservationChanged:
    """A function has so much of the concurrency for itself, and no more than that; None: no limit.

    Its `$LATEST` was told of before.
    """

    function: Function
    mb: int | None


@dataclass(frozen=True, slots=True)
class RolloutKept:
    """A rollout was begun, or has taken a step."""

    rollout: Rollout


@dataclass(frozen=True, slots=True)
class ServiceKept:
    """A service was made, released, switched or taken offline somewhere; so it is served now."""

    served: Served


@dataclass(frozen=True, slots=True)
class ServiceGone:
    """A service was deleted."""

    service_id: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened of which webhooks may have to be told."""

    kind: str


@dataclass(frozen=True, slots=True)
class WebhookKept:
    """A webhook was made or changed, or is to try again what it had given up."""

    webhook_id: str


@dataclass(frozen=True, slots=True)
class WebhookGone:
    """A webhook was deleted, with what was on its way to it."""

    webhook_id: str


@dataclass(frozen=True, slots=True)
class KeyKept:
    """A key of callers was made or changed."""

    key: Key


@dataclass(frozen=True, slots=True)
class KeyGone:
    """A key was deleted."""

    key_id: str


@dataclass(frozen=True, slots=True)
class AccessKeyKept:
    """An access key, which signs requests to this API, was made or changed."""

    key: AccessKey


@dataclass(frozen=True, slots=True)
class AccessKeyGone:
    """An access key was deleted."""

    key_id: str


@dataclass(frozen=True, slots=True)
class PlanKept:
    """A usage plan was made or changed, or what it is bound to; so it is now."""

    granted: Granted


@dataclass(frozen=True, slots=True)
class PlanGone:
    """A usage plan was deleted."""

    plan_id: str


@dataclass(frozen=True, slots=True)
class LimitKept:
    """How often a service or an API may be called was set, or is no longer limited."""

    limit: Limit


@dataclass(frozen=True, slots=True)
class StrategyKept:
    """A list of addresses was made or changed, or which APIs it is bound to."""

    strategy: IpStrategy
    places: frozenset[Place]


@dataclass(frozen=True, slots=True)
class StrategyGone:
    """A list of addresses was deleted."""

    strategy_id: str


@dataclass(frozen=True, slots=True)
class MirrorKept:
    """Calls of an alias are to be mirrored; this was found before."""

    mirror: Mirror
    findings: Comparison


@dataclass(frozen=True, slots=True)
class MirrorEnded:
    """A mirror has ended; what it found is still to be had."""

    mirror: Mirror


@dataclass(frozen=True, slots=True)
class MirrorGone:
    """An alias has no mirror any more."""

    function_id: str
    alias: str


@dataclass(frozen=True, slots=True)
class EventConfigKept:
    """How often events of a function are tried again was set."""

    function_id: str
    config: EventConfig


@dataclass(frozen=True, slots=True)
class DestinationsKept:
    """Where it goes on from the events of a function was set."""

    function_id: str
    destinations: Destinations


@dataclass(frozen=True, slots=True)
class RetryTargetKept:
    """Where retries of events go that were sent to an alias was set."""

    function_id: str
    alias: str
    target: str


@dataclass(frozen=True, slots=True)
class EventsMoved:
    """So many events of a function are to be run that were not, and so many more are dead."""

    function: FunctionName
    live: int
    dead: int


Effect = (
    FunctionKept
    | FunctionGone
    | VersionKept
    | VersionGone
    | AliasKept
    | AliasGone
    | TriggersChanged
    | ProvisionChanged
    | ReservationChanged
    | RolloutKept
    | ServiceKept
    | ServiceGone
    | Happened
    | WebhookKept
    | WebhookGone
    | KeyKept
    | KeyGone
    | AccessKeyKept
    | AccessKeyGone
    | PlanKept
    | PlanGone
    | LimitKept
    | StrategyKept
    | StrategyGone
    | MirrorKept
    | MirrorEnded
    | MirrorGone
    | EventConfigKept
    | DestinationsKept
    | RetryTargetKept
    | EventsMoved
)
