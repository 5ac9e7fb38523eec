"""Limits: how many calls there may be now of services, APIs and usage plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from huidu.model.bucket import SECOND_NS, Bucket
from huidu.model.plan import UNLIMITED, Place, Plan
from huidu.model.strategy import Limit

#: What a bucket is of: a place, or the id of a plan.
Of = Place | str

RATE, QUOTA = "API rate limit exceeded", "API quota exceeded"


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A call is one too many; for how long, where that is known."""

    message: str
    wait_s: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A call was counted; these headers tell its caller what is left."""

    headers: tuple[tuple[str, str], ...]


class Limits:
    """Buckets for what is limited and for nothing else, and how much was used of each plan.

    A call that is one too many anywhere counts nowhere.
    """

    def __init__(self) -> None:
        self._buckets: dict[Of, Bucket] = {}
        self._used: Counter[str] = Counter()
        self._unsaid: set[str] = set()

    def __repr__(self) -> str:
        return f"<Limits: {len(self._buckets)} buckets, {len(self._used)} plans>"

    def limit(self, limit: Limit, now_ns: int) -> None:
        """Limit a service or an API, or limit it no more."""
        self._set(limit.place, limit.rate_per_s, now_ns)

    def grant(self, plan: Plan, now_ns: int) -> None:
        """Limit a plan as it says now; what was used of it before is told once, at first."""
        self._used.setdefault(plan.id, plan.used)
        self._set(plan.id, plan.rate_per_s, now_ns)

    def forget_plan(self, plan_id: str) -> None:
        """Forget a plan that is gone."""
        self._buckets.pop(plan_id, None)
        self._used.pop(plan_id, None)
        self._unsaid.discard(plan_id)

    def forget_service(self, service_id: str) -> None:
        """Forget the limits of a service that is gone."""
        gone = [of for of in self._buckets if isinstance(of, Place) and of.service_id == service_id]
        for of in gone:
            del self._buckets[of]

    def _set(self, of: Of, rate_per_s: int, now_ns: int) -> None:
        before = self._buckets.pop(of, None)
        if rate_per_s == UNLIMITED:
            return
        if before is None:
            self._buckets[of] = Bucket.full(rate_per_s, now_ns)
        else:
            self._buckets[of] = before.by(now_ns).at_rate(rate_per_s)

    def take(self, place: Place, plan: Plan | None, now_ns: int) -> Taken | Exceeded:
        """Count a call of an API, under a plan where there is one, or say why it may not be."""
        if plan is not None and plan.quota != UNLIMITED and self._used[plan.id] >= plan.quota:
            return Exceeded(QUOTA, None)
        of: list[Of] = [place.whole, place] if plan is None else [place.whole, place, plan.id]
        buckets = {one: self._buckets[one].by(now_ns) for one in of if one in self._buckets}
        wait_ns = max((bucket.wait_ns for bucket in buckets.values()), default=0)
        if wait_ns:
            return Exceeded(RATE, -(-wait_ns // SECOND_NS))
        taken = {one: bucket.less_one() for one, bucket in buckets.items()}
        self._buckets |= taken
        if plan is not None:
            self._used[plan.id] += 1
            self._unsaid.add(plan.id)
        return Taken(tuple(self._headers(place, plan, taken)))

    def _headers(
        self, place: Place, plan: Plan | None, taken: Mapping[Of, Bucket]
    ) -> Iterator[tuple[str, str]]:
        yield "x-service-ratelimit", _rate(taken.get(place.whole))
        yield "x-api-ratelimit", _rate(taken.get(place))
        if plan is None:
            return
        yield "x-usageplan-ratelimit", _rate(taken.get(plan.id))
        left = max(0, plan.quota - self._used[plan.id])
        unlimited = plan.quota == UNLIMITED
        yield "x-usageplan-quota", "unlimited" if unlimited else f"{left}/{plan.quota}"

    def unsaid(self) -> Mapping[str, int]:
        """Return how often plans were used in all, of those used since this was asked last."""
        said, self._unsaid = self._unsaid, set()
        return {plan_id: self._used[plan_id] for plan_id in said}

    def unkept(self, plans: Mapping[str, int]) -> None:
        """Take back what `unsaid` said, since it could not be kept."""
        self._unsaid |= plans.keys() & self._used.keys()


def _rate(bucket: Bucket | None) -> str:
    return "unlimited" if bucket is None else f"{bucket.left}/{bucket.rate_per_s}"
