"""Usage plans: made, shown, changed and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from huidu.actions import plans as wire
from huidu.actions.apigateway import Done
from huidu.control import filters, paging, times
from huidu.control.plane import Asked, Plane
from huidu.model.errors import LimitExceeded, Unsupported
from huidu.model.plan import MOST_PLANS, Granted, Plan
from huidu.store.reading import Reading
from huidu.store.writing import Writing


async def create(plane: Plane, asked: Asked, request: wire.CreateUsagePlan) -> wire.UsagePlanShown:
    """Make a plan; it holds where it is bound, for the keys that are bound to it."""
    now = plane.clock()
    made = Plan(
        id="usagePlan-" + plane.new_id().replace("-", "")[:8],
        name=request.usage_plan_name,
        description=request.usage_plan_desc,
        rate_per_s=request.max_request_num_pre_sec,
        quota=request.max_request_num,
        added_at=now,
        modified_at=now,
    )

    def change(writing: Writing) -> None:
        there_are = len(writing.access.plans())
        if there_are >= MOST_PLANS:
            raise LimitExceeded(
                "UsagePlanLimitExceeded", f"{there_are} plans there are, no more may be"
            )
        writing.access.put_plan(made)

    await plane.catalog.write(change)
    return _shown(Granted(made, frozenset(), frozenset()))


async def modify(plane: Plane, asked: Asked, request: wire.ModifyUsagePlan) -> wire.UsagePlanShown:
    """Change a plan. What was used of its quota stays used."""
    now = plane.clock()
    given: dict[str, Any] = {
        "name": request.usage_plan_name,
        "description": request.usage_plan_desc,
        "rate_per_s": request.max_request_num_pre_sec,
        "quota": request.max_request_num,
    }

    def change(writing: Writing) -> Granted:
        plan = writing.access.plan(request.usage_plan_id)
        new = {name: value for name, value in given.items() if value is not None}
        changed = replace(plan, **new, modified_at=now)
        writing.access.put_plan(changed)
        return writing.access.granted(changed)

    return _shown(await plane.catalog.write(change))


async def describe(
    plane: Plane, asked: Asked, request: wire.DescribeUsagePlan
) -> wire.UsagePlanShown:
    """Show a plan with what it is bound to."""

    def ask(reading: Reading) -> Granted:
        return reading.access.granted(reading.access.plan(request.usage_plan_id))

    return _shown(await plane.catalog.read(ask))


FILTERS: Mapping[str, filters.Test[Granted]] = {
    "UsagePlanId": lambda one, values: one.plan.id in values,
    "UsagePlanName": lambda one, values: one.plan.name in values,
    "Environment": lambda one, values: any(p.environment in values for p in one.places),
    "NotServiceId": lambda one, values: not any(p.service_id in values for p in one.places),
    "NotApiId": lambda one, values: not any(p.api_id in values for p in one.places),
}


async def list_all(
    plane: Plane, asked: Asked, request: wire.DescribeUsagePlansStatus
) -> wire.UsagePlansShown:
    """List plans, the newest first."""
    every = await plane.catalog.read(lambda reading: reading.access.every_granted())
    found = [one.plan for one in filters.kept(every, request.filters, FILTERS)]
    page = paging.page(found, request.offset, request.limit)
    return wire.UsagePlansShown(
        result=wire.UsagePlansStatus(
            total_count=len(found),
            usage_plan_status_set=[wire.UsagePlanStatusInfo(**_facts(plan)) for plan in page],
        )
    )


async def delete(plane: Plane, asked: Asked, request: wire.DeleteUsagePlan) -> Done:
    """Delete a plan that holds nowhere; its keys stay."""

    def change(writing: Writing) -> None:
        plan = writing.access.plan(request.usage_plan_id)
        bound = writing.access.bindings_of_plan(plan.id)
        if bound:
            _, place, _ = bound[0]
            raise Unsupported(
                "UsagePlanInUse",
                f"UsagePlanId {plan.id!r}: unbind it from {place.api_id or place.service_id} in "
                f"{place.environment} first",
            )
        writing.access.delete_plan(plan)

    await plane.catalog.write(change)
    return Done()


def _facts(plan: Plan) -> dict[str, Any]:
    return {
        "usage_plan_id": plan.id,
        "usage_plan_name": plan.name,
        "usage_plan_desc": plan.description,
        "max_request_num_pre_sec": plan.rate_per_s,
        "max_request_num": plan.quota,
        "created_time": times.iso(plan.added_at),
        "modified_time": times.iso(plan.modified_at),
    }


def _shown(granted: Granted) -> wire.UsagePlanShown:
    bound = sorted({(place.service_id, place.environment) for place in granted.places})
    return wire.UsagePlanShown(
        result=wire.UsagePlanInfo(
            **_facts(granted.plan),
            bind_secret_id_total_count=len(granted.keys),
            bind_secret_ids=sorted(granted.keys),
            bind_environment_total_count=len(bound),
            bind_environments=[
                wire.UsagePlanBindEnvironment(service_id=service, environment_name=environment)
                for service, environment in bound
            ],
        )
    )
