"""Bindings: which keys are in which usage plan, and where the plan holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from huidu.actions import plans as wire
from huidu.actions.apigateway import Done
from huidu.control import paging, places, times
from huidu.control.plane import Asked, Plane
from huidu.model.errors import InvalidValue, LimitExceeded, MissingParameter, Unsupported
from huidu.model.plan import (
    API,
    MOST_KEYS_OF_PLAN,
    MOST_PLANS_OF_KEY,
    Place,
    Plan,
    check_bind_type,
    collide,
)
from huidu.store.reading import Reading
from huidu.store.writing import Writing

Bound = tuple[str, Place, float]


async def bind_keys(plane: Plane, asked: Asked, request: wire.BindSecretIds) -> Done:
    """Put keys into a plan; those that are in it already stay."""
    now = plane.clock()
    wanted = _ids(request.access_key_ids)

    def change(writing: Writing) -> None:
        access = writing.access
        plan = access.plan(request.usage_plan_id)
        before = access.granted(plan).keys
        for key_id in wanted - before:
            access.bind_key(plan, access.key(key_id), now)
            if len(access.plans_of(key_id)) > MOST_PLANS_OF_KEY:
                raise LimitExceeded(
                    "UsagePlanLimitExceeded",
                    f"AccessKeyId {key_id!r}: in {MOST_PLANS_OF_KEY} plans at most",
                )
        if len(before | wanted) > MOST_KEYS_OF_PLAN:
            raise LimitExceeded(
                "AccessKeyCountInUsagePlanLimitExceeded",
                f"UsagePlanId {plan.id!r}: {len(before | wanted)} keys, at most "
                f"{MOST_KEYS_OF_PLAN} may be",
            )
        _check_alone(writing, plan)
        access.bound(plan)

    await plane.catalog.write(change)
    return Done()


async def unbind_keys(plane: Plane, asked: Asked, request: wire.UnBindSecretIds) -> Done:
    """Take keys out of a plan; no request that comes after the answer is let in by it."""
    wanted = _ids(request.access_key_ids)

    def change(writing: Writing) -> None:
        plan = writing.access.plan(request.usage_plan_id)
        for key_id in wanted:
            writing.access.unbind_key(plan, writing.access.key(key_id).id)
        writing.access.bound(plan)

    await plane.catalog.write(change)
    return Done()


def _ids(ids: Collection[str]) -> frozenset[str]:
    if not ids:
        raise InvalidValue("InvalidAccessKeyIds", "AccessKeyIds: name at least one key")
    return frozenset(ids)


def _check_alone(writing: Writing, plan: Plan) -> None:
    """Raise `Unsupported` where another plan holds for the same key at the same place."""
    access = writing.access
    ours = access.granted(plan)
    others = {other for key_id in ours.keys for other in access.plans_of(key_id)}
    for other in sorted(others - {plan.id}):
        key_id = collide(ours, access.granted(access.plan(other)))
        if key_id:
            raise Unsupported(
                "AlreadyBindUsagePlan",
                f"AccessKeyId {key_id!r}: has the plan {other} at the same place",
            )


async def list_keys(
    plane: Plane, asked: Asked, request: wire.DescribeUsagePlanSecretIds
) -> wire.UsagePlanSecretsShown:
    """List the keys of a plan."""
    found = await plane.catalog.read(
        lambda reading: reading.access.keys_of(reading.access.plan(request.usage_plan_id))
    )
    page = paging.page(found, request.offset, request.limit)
    return wire.UsagePlanSecretsShown(
        result=wire.UsagePlanBindSecretStatus(
            total_count=len(found),
            access_key_list=[
                wire.UsagePlanBindSecret(
                    access_key_id=key.id, secret_name=key.name, status=int(key.enabled)
                )
                for key in page
            ],
        )
    )


async def bind_environment(plane: Plane, asked: Asked, request: wire.BindEnvironment) -> Done:
    """Let plans hold at a service, or at APIs of it, in an environment, from now on."""
    now = plane.clock()

    def bind(writing: Writing, plan: Plan, wanted: Sequence[Place]) -> None:
        there_is = writing.access.granted(plan).places
        for place in wanted:
            if place not in there_is:
                writing.access.bind_place(plan, place, now)
        _check_alone(writing, plan)

    def change(writing: Writing) -> None:
        wanted = places.to_bind(writing, *_asked_for(request))
        for _, place, _ in writing.access.bindings_of_service(request.service_id):
            other = bool(place.api_id) != bool(wanted[0].api_id)
            if place.environment == request.environment and other:
                raise Unsupported(
                    "UnsupportedBindEnvironment",
                    f"ServiceId {request.service_id!r}: in {request.environment} it is bound "
                    f"{'by its APIs' if place.api_id else 'as a whole'}; unbind that first",
                )
        _each(writing, request.usage_plan_ids, wanted, bind)

    await plane.catalog.write(change)
    return Done()


async def unbind_environment(plane: Plane, asked: Asked, request: wire.UnBindEnvironment) -> Done:
    """Let plans no longer hold at a service, or at APIs of it, in an environment."""

    def unbind(writing: Writing, plan: Plan, wanted: Sequence[Place]) -> None:
        there_is = writing.access.granted(plan).places
        for place in wanted:
            if place not in there_is:
                raise Unsupported(
                    "NoUsagePlanEnv",
                    f"UsagePlanId {plan.id!r}: is not bound to "
                    f"{place.api_id or place.service_id} in {place.environment}",
                )
            writing.access.unbind_place(plan, place)

    def change(writing: Writing) -> None:
        wanted = places.to_unbind(writing, *_asked_for(request))
        _each(writing, request.usage_plan_ids, wanted, unbind)

    await plane.catalog.write(change)
    return Done()


def _asked_for(
    request: wire.BindEnvironment | wire.UnBindEnvironment,
) -> tuple[str, str, str, Collection[str]]:
    return request.bind_type, request.service_id, request.environment, request.api_ids


def _each(
    writing: Writing,
    plan_ids: Collection[str],
    wanted: Sequence[Place],
    do: Callable[[Writing, Plan, Sequence[Place]], None],
) -> None:
    if not plan_ids:
        raise MissingParameter("", "UsagePlanIds: name at least one plan")
    for plan_id in dict.fromkeys(plan_ids):
        plan = writing.access.plan(plan_id)
        do(writing, plan, wanted)
        writing.access.bound(plan)


async def list_of_plan(
    plane: Plane, asked: Asked, request: wire.DescribeUsagePlanEnvironments
) -> wire.UsagePlanEnvironmentsShown:
    """List where a plan holds."""
    of_apis = check_bind_type(request.bind_type) == API

    def ask(reading: Reading) -> wire.UsagePlanEnvironmentStatus:
        plan = reading.access.plan(request.usage_plan_id)
        every = reading.access.bindings_of_plan(plan.id)
        found = [one for one in every if bool(one[1].api_id) == of_apis]
        page = paging.page(found, request.offset, request.limit)
        return wire.UsagePlanEnvironmentStatus(
            total_count=len(found),
            environment_list=[_environment(reading, plan, one) for one in page],
        )

    return wire.UsagePlanEnvironmentsShown(result=await plane.catalog.read(ask))


def _environment(reading: Reading, plan: Plan, bound: Bound) -> wire.UsagePlanEnvironment:
    _, place, at = bound
    known = places.site(reading, place.service_id)
    return wire.UsagePlanEnvironment(
        **places.described(known, place.api_id),
        service_id=place.service_id,
        service_name=known.name,
        environment=place.environment,
        in_use_request_num=plan.used,
        max_request_num=plan.quota,
        max_request_num_pre_sec=plan.rate_per_s,
        created_time=times.iso(at),
        modified_time=times.iso(at),
    )


async def list_of_service(
    plane: Plane, asked: Asked, request: wire.DescribeServiceUsagePlan
) -> wire.ServiceUsagePlansShown:
    """List the plans that hold at a service as a whole."""

    def ask(reading: Reading) -> wire.ServiceUsagePlanSet:
        total, page = _plans(reading, request, of_apis=False)
        return wire.ServiceUsagePlanSet(total_count=total, service_usage_plan_list=page)

    return wire.ServiceUsagePlansShown(result=await plane.catalog.read(ask))


async def list_of_apis(
    plane: Plane, asked: Asked, request: wire.DescribeApiUsagePlan
) -> wire.ApiUsagePlansShown:
    """List the plans that hold at single APIs of a service."""

    def ask(reading: Reading) -> wire.ApiUsagePlanSet:
        total, page = _plans(reading, request, of_apis=True)
        return wire.ApiUsagePlanSet(total_count=total, api_usage_plan_list=page)

    return wire.ApiUsagePlansShown(result=await plane.catalog.read(ask))


def _plans(
    reading: Reading,
    request: wire.DescribeServiceUsagePlan | wire.DescribeApiUsagePlan,
    *,
    of_apis: bool,
) -> tuple[int, list[wire.ApiUsagePlan]]:
    known = places.site(reading, request.service_id)
    every = reading.access.bindings_of_service(request.service_id)
    found = [one for one in every if bool(one[1].api_id) == of_apis]
    page = paging.page(found, request.offset, request.limit)
    return len(found), [_plan(reading, known, one) for one in page]


def _plan(reading: Reading, known: places.Site, bound: Bound) -> wire.ApiUsagePlan:
    plan_id, place, _ = bound
    plan = reading.access.plan(plan_id)
    return wire.ApiUsagePlan(
        **places.described(known, place.api_id),
        service_id=place.service_id,
        service_name=known.name,
        environment=place.environment,
        usage_plan_id=plan.id,
        usage_plan_name=plan.name,
        usage_plan_desc=plan.description,
        in_use_request_num=plan.used,
        max_request_num=plan.quota,
        max_request_num_pre_sec=plan.rate_per_s,
        created_time=times.iso(plan.added_at),
        modified_time=times.iso(plan.modified_at),
        tags=[],
    )
