"""Plan: how often, and how often in all, those who hold certain keys may call certain APIs."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.errors import InvalidValue
from huidu.model.key import check_name
from huidu.model.names import check_description
from huidu.model.service import check_environment

UNLIMITED = -1
SERVICE, API = "SERVICE", "API"
BIND_TYPES = (SERVICE, API)

#: What there may be (document 628/31716),
MOST_PLANS = 200
MOST_KEYS_OF_PLAN = 50
MOST_PLANS_OF_KEY = 10
#: and what a plan may allow (CreateUsagePlan in the SDK).
MOST_RATE = 2000
MOST_QUOTA = 99_999_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An agreement with callers. All keys of a plan share its rate and its quota."""

    id: str
    name: str
    description: str = ""
    rate_per_s: int = UNLIMITED
    quota: int = UNLIMITED  #: Calls in all, from the first one on; nothing fills it again.
    used: int = 0  #: Of the quota, as it was last written down.
    added_at: float = 0.0
    modified_at: float = 0.0

    def __post_init__(self) -> None:
        check_name("UsagePlanName", self.name)
        check_description(self.description)
        if not _within(self.rate_per_s, MOST_RATE):
            raise InvalidValue(
                "RangeExceeded", f"MaxRequestNumPreSec {self.rate_per_s}: -1, or 1 to {MOST_RATE}"
            )
        if not _within(self.quota, MOST_QUOTA):
            raise InvalidValue(
                "InvalidMaxRequestNum", f"MaxRequestNum {self.quota}: -1, or 1 to {MOST_QUOTA}"
            )


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A service, or one API of it, in one of its environments."""

    service_id: str
    api_id: str  #: Empty where the whole service is meant.
    environment: str

    def __post_init__(self) -> None:
        check_environment(self.environment)

    @property
    def whole(self) -> Place:
        """Return the service that this is a part of."""
        return Place(self.service_id, "", self.environment)


@dataclass(frozen=True, slots=True)
class Granted:
    """A plan with what it is bound to: who may call, and where."""

    plan: Plan
    keys: frozenset[str]
    places: frozenset[Place]


def check_bind_type(name: str) -> str:
    """Return a kind of binding, or raise `InvalidValue`."""
    if name not in BIND_TYPES:
        raise InvalidValue(
            "NotInOptions", f"BindType {name[:40]!r}: must be one of {', '.join(BIND_TYPES)}"
        )
    return name


def collide(ours: Granted, theirs: Granted) -> str:
    """Return the key for which two plans would both hold somewhere, or nothing.

    A key has one plan at one place, or nobody could say whose quota its calls count on
    (document 628/11815). In one environment a service is bound as a whole or by its APIs, so
    equal places are the only ones that meet.
    """
    if ours.plan.id == theirs.plan.id:
        return ""
    meet = not ours.places.isdisjoint(theirs.places)
    return min(ours.keys & theirs.keys, default="") if meet else ""


def _within(value: int, most: int) -> bool:
    return value == UNLIMITED or 1 <= value <= most
