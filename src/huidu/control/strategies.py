"""Strategies: how often services and APIs may be called, and from which addresses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from huidu.actions import strategies as wire
from huidu.actions.apigateway import Done
from huidu.control import filters, paging, places, times
from huidu.control.plane import Asked, Plane
from huidu.model.errors import LimitExceeded, MissingParameter, Unsupported
from huidu.model.plan import API, UNLIMITED, Place
from huidu.model.service import ENVIRONMENTS, check_environment
from huidu.model.strategy import MOST_LIMIT, MOST_STRATEGIES, IpStrategy, Limit
from huidu.store.reading import Reading
from huidu.store.writing import Writing


async def limit_service(
    plane: Plane, asked: Asked, request: wire.ModifyServiceEnvironmentStrategy
) -> Done:
    """Say how often a service may be called in some environments, from now on."""
    wanted = [Place(request.service_id, "", name) for name in request.environment_names]
    return await _limit(plane, wanted, request.strategy, "EnvironmentNames")


async def limit_apis(
    plane: Plane, asked: Asked, request: wire.ModifyApiEnvironmentStrategy
) -> Done:
    """Say how often APIs may be called in an environment, from now on."""
    environment = check_environment(request.environment_name)
    wanted = [Place(request.service_id, api_id, environment) for api_id in request.api_ids]
    return await _limit(plane, wanted, request.strategy, "ApiIds")


async def _limit(plane: Plane, wanted: Collection[Place], rate: int, field: str) -> Done:
    if not wanted:
        raise MissingParameter("", f"{field}: name at least one")
    limits = [Limit(place, rate) for place in dict.fromkeys(wanted)]

    def change(writing: Writing) -> None:
        for limit in limits:
            known = limit.place.api_id and limit.rate_per_s != UNLIMITED
            apis = [limit.place.api_id] if known else []
            places.check_apis(writing, limit.place.service_id, apis)
            writing.access.put_limit(limit)

    await plane.catalog.write(change)
    return Done()


async def show_service(
    plane: Plane, asked: Asked, request: wire.DescribeServiceEnvironmentStrategy
) -> wire.ServiceStrategyShown:
    """Show how often a service may be called in each environment."""

    def ask(reading: Reading) -> tuple[places.Site, Mapping[Place, int]]:
        return places.site(reading, request.service_id), _rates(reading, request.service_id)

    known, rates = await plane.catalog.read(ask)
    base = f"{plane.gateway_url}/{request.service_id}"
    every = [
        wire.ServiceEnvironmentStrategy(
            environment_name=name,
            url=f"{base}/{name}",
            status=int(name in known.online),
            version_name=known.online.get(name, ""),
            strategy=rates.get(Place(request.service_id, "", name), UNLIMITED),
            max_strategy=MOST_LIMIT,
        )
        for name in ENVIRONMENTS
    ]
    page = paging.page(every, request.offset, request.limit)
    return wire.ServiceStrategyShown(
        result=wire.ServiceEnvironmentStrategyStatus(total_count=len(every), environment_list=page)
    )


async def show_apis(
    plane: Plane, asked: Asked, request: wire.DescribeApiEnvironmentStrategy
) -> wire.ApiStrategiesShown:
    """Show how often the APIs of a service may be called."""
    names = [check_environment(name) for name in request.environment_names]
    service_id = request.service_id

    def ask(reading: Reading) -> tuple[places.Site, Mapping[Place, int]]:
        only = [request.api_id] if request.api_id else []
        return places.check_apis(reading, service_id, only), _rates(reading, service_id)

    known, rates = await plane.catalog.read(ask)
    there_are = {*known.apis, *(place.api_id for place in rates if place.api_id)}
    ids = [request.api_id] if request.api_id else sorted(there_are)
    page = paging.page(ids, request.offset, request.limit)
    return wire.ApiStrategiesShown(
        result=wire.ApiEnvironmentStrategyStatus(
            total_count=len(ids),
            api_environment_strategy_set=[
                wire.ApiEnvironmentStrategy(
                    **places.described(known, api_id),
                    environment_strategy_set=[
                        wire.EnvironmentStrategy(
                            environment_name=name,
                            quota=rates.get(Place(service_id, api_id, name), UNLIMITED),
                        )
                        for name in names
                    ],
                )
                for api_id in page
            ],
        )
    )


def _rates(reading: Reading, service_id: str) -> Mapping[Place, int]:
    return {limit.place: limit.rate_per_s for limit in reading.access.limits(service_id)}


async def create(
    plane: Plane, asked: Asked, request: wire.CreateIPStrategy
) -> wire.IPStrategyShown:
    """Make a list of addresses."""
    now = plane.clock()
    made = IpStrategy(
        id="IPStrategy-" + plane.new_id().replace("-", "")[:8],
        service_id=request.service_id,
        name=request.strategy_name,
        type=request.strategy_type,
        text=request.strategy_data,
        added_at=now,
        modified_at=now,
    )

    def change(writing: Writing) -> wire.IPStrategy:
        known = places.site(writing, made.service_id)
        there_are = len(writing.access.strategies(made.service_id))
        if there_are >= MOST_STRATEGIES:
            raise LimitExceeded(
                "IpStrategyLimitExceeded", f"{there_are} lists there are, no more may be"
            )
        writing.access.put_strategy(made)
        return _facts(known, made, ())

    return wire.IPStrategyShown(result=await plane.catalog.write(change))


async def modify(plane: Plane, asked: Asked, request: wire.ModifyIPStrategy) -> Done:
    """Replace the addresses of a list."""
    now = plane.clock()

    def change(writing: Writing) -> None:
        strategy = _found(writing, request.service_id, request.strategy_id)
        changed = replace(strategy, text=request.strategy_data, modified_at=now)
        writing.access.put_strategy(changed)

    await plane.catalog.write(change)
    return Done()


async def describe(
    plane: Plane, asked: Asked, request: wire.DescribeIPStrategy
) -> wire.IPStrategyShown:
    """Show a list of addresses, and what it is bound to in an environment."""
    environment = check_environment(request.environment_name)

    def ask(reading: Reading) -> wire.IPStrategy:
        strategy = _found(reading, request.service_id, request.strategy_id)
        known = places.site(reading, request.service_id)
        bound = [p for p in reading.access.places_of(strategy) if p.environment == environment]
        facts = _facts(known, strategy, bound)
        page = paging.page(facts.bind_apis, request.offset, request.limit)
        facts.bind_apis = list(page)
        return facts

    return wire.IPStrategyShown(result=await plane.catalog.read(ask))


FILTERS: Mapping[str, filters.Test[IpStrategy]] = {
    "StrategyName": lambda strategy, values: strategy.name in values,
}


async def list_all(
    plane: Plane, asked: Asked, request: wire.DescribeIPStrategysStatus
) -> wire.IPStrategiesShown:
    """List the lists of addresses of a service."""

    def ask(reading: Reading) -> list[wire.IPStrategy]:
        known = places.site(reading, request.service_id)
        every = reading.access.strategies(request.service_id)
        found = filters.kept(every, request.filters, FILTERS)
        return [_facts(known, one, reading.access.places_of(one)) for one in found]

    found = await plane.catalog.read(ask)
    return wire.IPStrategiesShown(
        result=wire.IPStrategiesStatus(total_count=len(found), strategy_set=found)
    )


async def delete(plane: Plane, asked: Asked, request: wire.DeleteIPStrategy) -> Done:
    """Delete a list of addresses that is bound to nothing."""

    def change(writing: Writing) -> None:
        strategy = _found(writing, request.service_id, request.strategy_id)
        bound = writing.access.places_of(strategy)
        if bound:
            first = min(bound)
            raise Unsupported(
                "ResourceAssociated",
                f"StrategyId {strategy.id!r}: unbind it from {first.api_id} in "
                f"{first.environment} first",
            )
        writing.access.delete_strategy(strategy)

    await plane.catalog.write(change)
    return Done()


async def bind(plane: Plane, asked: Asked, request: wire.BindIPStrategy) -> Done:
    """Let a list of addresses hold for APIs in an environment, from now on."""
    service_id, environment = request.service_id, request.environment_name

    def change(writing: Writing) -> None:
        wanted = places.to_bind(writing, API, service_id, environment, request.bind_api_ids)
        strategy = writing.access.strategy(service_id, request.strategy_id)
        there_are = writing.access.strategy_at(service_id)
        for place in wanted:
            if there_are.get(place, strategy.id) != strategy.id:
                raise Unsupported(
                    "ResourceAssociated",
                    f"ApiId {place.api_id!r}: has {there_are[place]} in {place.environment}; "
                    "unbind that first",
                )
        new = [place for place in wanted if place not in there_are]
        writing.access.bind_strategy(strategy, bind=new, unbind=())

    await plane.catalog.write(change)
    return Done()


async def unbind(plane: Plane, asked: Asked, request: wire.UnBindIPStrategy) -> Done:
    """Let a list of addresses no longer hold for APIs in an environment."""
    service_id, environment = request.service_id, request.environment_name

    def change(writing: Writing) -> None:
        wanted = places.to_unbind(writing, API, service_id, environment, request.un_bind_api_ids)
        strategy = writing.access.strategy(service_id, request.strategy_id)
        writing.access.bind_strategy(strategy, bind=(), unbind=wanted)

    await plane.catalog.write(change)
    return Done()


def _found(reading: Reading, service_id: str, strategy_id: str) -> IpStrategy:
    places.site(reading, service_id)
    return reading.access.strategy(service_id, strategy_id)


def _facts(known: places.Site, strategy: IpStrategy, bound: Collection[Place]) -> wire.IPStrategy:
    return wire.IPStrategy(
        strategy_id=strategy.id,
        strategy_name=strategy.name,
        strategy_type=strategy.type,
        strategy_data=strategy.text,
        created_time=times.iso(strategy.added_at),
        modified_time=times.iso(strategy.modified_at),
        service_id=strategy.service_id,
        bind_api_total_count=len(bound),
        bind_apis=[
            wire.DesApisStatus(**places.described(known, place.api_id), service_id=place.service_id)
            for place in sorted(bound)
        ],
    )
