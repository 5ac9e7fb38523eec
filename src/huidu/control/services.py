"""Services: make, change, read, list and delete what the gateway serves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from huidu.actions import services as wire
from huidu.actions.action import Nothing
from huidu.actions.apigateway import Done
from huidu.control import apis, filters, paging, times
from huidu.control.plane import Asked, Plane
from huidu.model import quota
from huidu.model import service as nouns
from huidu.model.errors import InvalidValue, Unsupported
from huidu.model.service import Api, Service
from huidu.store.reading import Reading
from huidu.store.writing import Writing


async def create(plane: Plane, asked: Asked, request: wire.CreateService) -> wire.ServiceCreated:
    """Create a service; callers find nothing there until it is released."""
    made = await plane.catalog.write(lambda writing: make(plane, writing, request))
    domain = domain_of(plane, made.id)
    return wire.ServiceCreated(
        service_id=made.id,
        service_name=made.name,
        service_desc=made.description,
        outer_sub_domain=domain,
        inner_sub_domain=domain,
        created_time=times.iso(made.added_at),
        net_types=list(made.net_types),
    )


def make(plane: Plane, writing: Writing, request: wire.CreateService) -> Service:
    """Make a service within a write that is under way."""
    there_are = writing.count_services()
    quota.check("ServiceCountLimitExceeded", there_are, plane.quota.services, "services")
    now = plane.clock()
    fields = wire.ServiceSettings.__struct_fields__
    given = {name: getattr(request, name) for name in fields}
    made = Service(
        id=nouns.new_id("service", plane.draw),
        name=_name(request.service_name),
        protocol=_protocol(request.protocol),
        description=text("ServiceDesc", request.service_desc, nouns.MOST_TEXT),
        net_types=_net_types(request.net_types or [nouns.NET_TYPES[0]]),
        settings=tuple((name, json.dumps(v)) for name, v in given.items() if v is not None),
        added_at=now,
        modified_at=now,
    )
    writing.add_service(made)
    return made


def text(field: str, value: str, most: int) -> str:
    """Return a text, or raise `InvalidValue` where it is too long."""
    if len(value) > most:
        raise InvalidValue(
            "LengthExceeded", f"{field}: {len(value)} characters, at most {most} are allowed"
        )
    return value


def _name(name: str) -> str:
    if not name.strip():
        raise InvalidValue("LengthExceeded", "ServiceName: must have 1 to 50 characters")
    return text("ServiceName", name, nouns.MOST_NAME)


def _protocol(protocol: str) -> str:
    if protocol.lower() not in nouns.PROTOCOLS:
        raise InvalidValue(
            "InvalidProcotol",
            f"Protocol {protocol[:40]!r}: must be one of {', '.join(nouns.PROTOCOLS)}",
        )
    return protocol.lower()


def _net_types(asked: Sequence[str]) -> tuple[str, ...]:
    for one in asked:
        if one not in nouns.NET_TYPES:
            raise InvalidValue("NotInOptions", f"NetTypes {one[:40]!r}: must be OUTER or INNER")
    return tuple(dict.fromkeys(asked))


def domain_of(plane: Plane, service_id: str) -> str:
    """Return the host name by which a service is known."""
    return nouns.sub_domain(service_id, plane.account.appid, plane.account.region)


async def modify(plane: Plane, asked: Asked, request: wire.ModifyService) -> Nothing:
    """Change a service; what is released of it stays as it is."""
    now = plane.clock()

    def change(writing: Writing) -> None:
        kept = writing.service(request.service_id)
        given: dict[str, Any] = {"modified_at": now}
        if request.service_name is not None:
            given["name"] = _name(request.service_name)
        if request.service_desc is not None:
            given["description"] = text("ServiceDesc", request.service_desc, nouns.MOST_TEXT)
        if request.protocol is not None:
            given["protocol"] = _protocol(request.protocol)
        if request.net_types:
            given["net_types"] = _net_types(request.net_types)
        writing.replace_service(replace(kept, **given))

    await plane.catalog.write(change)
    return Nothing()


async def describe(plane: Plane, asked: Asked, request: wire.DescribeService) -> wire.ServiceFacts:
    """Read a service with its APIs as they are edited."""

    def ask(reading: Reading) -> tuple[Service, Sequence[Api], list[wire.PlanLine]]:
        service = reading.service(request.service_id)
        return service, reading.apis(service), _plans(reading, service)

    service, found, plans = await plane.catalog.read(ask)
    return wire.ServiceFacts(
        **_facts(plane, service),
        internal_sub_domain=domain_of(plane, service.id),
        api_total_count=len(found),
        api_id_status_set=[apis.line(api) for api in found],
        usage_plan_total_count=len(plans),
        usage_plan_list=plans,
        uniq_vpc_id=_setting(service, "uniq_vpc_id", ""),
    )


def _facts(plane: Plane, service: Service) -> dict[str, Any]:
    """Return what is told of a service, alone and in a list."""
    return {
        "service_id": service.id,
        "service_name": service.name,
        "service_desc": service.description,
        "protocol": service.protocol,
        "available_environments": available(service),
        "outer_sub_domain": domain_of(plane, service.id),
        "net_types": list(service.net_types),
        "created_time": times.iso(service.added_at),
        "modified_time": times.iso(service.modified_at),
        "tags": _setting(service, "tags", None),
        "instance_id": _setting(service, "instance_id", ""),
    }


def _setting(service: Service, name: str, default: object) -> Any:  # noqa: ANN401 - as it was sent
    kept = dict(service.settings)
    return json.loads(kept[name]) if name in kept else default


def _plans(reading: Reading, service: Service) -> list[wire.PlanLine]:
    """Return a line for each plan and environment in which it holds somewhere in the service."""
    lines: dict[tuple[str, str], wire.PlanLine] = {}
    for plan_id, place, at in reading.access.bindings_of_service(service.id):
        plan = reading.access.plan(plan_id)
        lines.setdefault(
            (place.environment, plan_id),
            wire.PlanLine(
                environment=place.environment,
                usage_plan_id=plan.id,
                usage_plan_name=plan.name,
                usage_plan_desc=plan.description,
                max_request_num_pre_sec=plan.rate_per_s,
                created_time=times.iso(at),
                modified_time=times.iso(at),
            ),
        )
    return [*lines.values()]


def available(service: Service) -> list[str]:
    """Return the environments that a service is online in, in the order of all."""
    return [name for name in nouns.ENVIRONMENTS if name in service.online]


async def delete(plane: Plane, asked: Asked, request: wire.DeleteService) -> Done:
    """Delete a service that is online nowhere and has no APIs."""

    def change(writing: Writing) -> None:
        service = writing.service(request.service_id)
        if service.online:
            where = ", ".join(available(service))
            raise Unsupported(
                "ExistingOnlineEnvironment",
                f"ServiceId {service.id}: is online in {where}; take it offline there first",
            )
        there_are = len(writing.apis(service))
        if there_are:
            raise Unsupported(
                "ApiListNotEmpty",
                f"ServiceId {service.id}: has {there_are} APIs; delete those first",
            )
        writing.access.forget_service(service.id)
        writing.delete_service(service)

    await plane.catalog.write(change)
    return Done()


async def list_all(
    plane: Plane, asked: Asked, request: wire.DescribeServicesStatus
) -> wire.Services:
    """List services, the newest first."""
    found = list(await plane.catalog.read(Reading.services))[::-1]
    kept = filters.kept(found, request.filters or (), FILTERS)
    page = paging.page(kept, request.offset, request.limit)
    lines = [_line(plane, service) for service in page]
    return wire.Services(result=wire.ServiceLines(total_count=len(kept), service_set=lines))


FILTERS: Mapping[str, filters.Test[Service]] = {
    "ServiceId": lambda service, values: service.id in values,
    "ServiceName": lambda service, values: service.name in values,
    "Environment": lambda service, values: any(name in values for name in service.online),
}


def _line(plane: Plane, service: Service) -> wire.ServiceLine:
    domain = domain_of(plane, service.id)
    return wire.ServiceLine(**_facts(plane, service), inner_sub_domain=domain)
