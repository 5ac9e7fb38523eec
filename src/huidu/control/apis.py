"""APIs: make, change, read, list and delete the paths of a service."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from huidu.actions import apis as wire
from huidu.actions.action import Nothing
from huidu.actions.apigateway import Done
from huidu.actions.services import ApiLine
from huidu.control import filters, paging, times
from huidu.control.definitions import defined, facts
from huidu.control.plane import Asked, Plane
from huidu.model import quota
from huidu.model import service as nouns
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.function import FunctionName
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE, names_version
from huidu.model.service import Api, Backend, Service
from huidu.model.web import is_web
from huidu.store.reading import Reading
from huidu.store.writing import Writing


async def create(plane: Plane, asked: Asked, request: wire.CreateApi) -> wire.ApiCreated:
    """Add an API to a service; what is released stays as it is."""

    def change(writing: Writing) -> Api:
        service = writing.service(request.service_id)
        made = defined(request, blank(plane, service))
        add(plane, writing, service, made)
        return made

    made = await plane.catalog.write(change)
    return wire.ApiCreated(
        result=wire.ApiMade(
            api_id=made.id,
            path=made.path,
            method=made.method,
            created_time=times.iso(made.added_at),
            api_name=made.name,
        )
    )


def blank(plane: Plane, service: Service) -> Api:
    """Return a new API of a service, of which nothing is said yet."""
    now = plane.clock()
    return Api(
        id=nouns.new_id("api", plane.draw),
        service_id=service.id,
        name="",
        path="/",
        method=nouns.ANY,
        backend=Backend(function=FunctionName(DEFAULT_NAMESPACE, ""), qualifier=DEFAULT),
        timeout_s=15,
        added_at=now,
        modified_at=now,
    )


def add(plane: Plane, writing: Writing, service: Service, made: Api) -> None:
    """Keep a new API within a write that is under way, or raise what speaks against it."""
    there_are = len(writing.apis(service))
    quota.check("ApiCountLimitExceeded", there_are, plane.quota.apis, f"APIs of {service.id}")
    check_backends(writing, [made])
    writing.add_api(service, made)


def check_backends(reading: Reading, apis: Sequence[Api]) -> None:
    """Raise `InvalidValue`, and name the API, where one calls what is not there."""
    known = set[Backend]()
    for api in apis:
        if api.backend not in known:
            _check_backend(reading, api)
            known.add(api.backend)


def _check_backend(reading: Reading, api: Api) -> None:
    backend = api.backend
    where = f"API {api.id} ({api.method} {api.path})"
    try:
        function = reading.function(backend.function)
        number = backend.qualifier
        if not names_version(number):
            number = reading.alias(function, number).version
        version = reading.version(function, number)
    except NotFound as missing:
        raise InvalidValue("InvalidScfConfig", f"{where}: {missing.message}") from None
    if is_web(version.configuration) != backend.web:
        right = "HTTP" if is_web(version.configuration) else "EVENT"
        raise InvalidValue(
            "InvalidScfConfig",
            f"{where}: ServiceScfFunctionType must be {right}, as {backend.function} is of "
            f"Type {version.configuration.type}",
        )


async def modify(plane: Plane, asked: Asked, request: wire.ModifyApi) -> Nothing:
    """Change an API; what the request leaves out, and what is released, stays as it is."""
    now = plane.clock()

    def change(writing: Writing) -> None:
        service = writing.service(request.service_id)
        kept = writing.api(service, request.api_id)
        made = replace(defined(request, kept), modified_at=now)
        check_backends(writing, [made])
        writing.replace_api(service, made)

    await plane.catalog.write(change)
    return Nothing()


async def describe(plane: Plane, asked: Asked, request: wire.DescribeApi) -> wire.ApiDescribed:
    """Read an API as it is edited, and where some form of it is online."""

    def ask(reading: Reading) -> wire.ApiFacts:
        service = reading.service(request.service_id)
        api = reading.api(service, request.api_id)
        return facts(service, api, reading.live(service).get(api.id, ()))

    return wire.ApiDescribed(result=await plane.catalog.read(ask))


async def delete(plane: Plane, asked: Asked, request: wire.DeleteApi) -> Done:
    """Delete an API; what is released of it stays until the service is released anew."""

    def change(writing: Writing) -> None:
        writing.delete_api(writing.api(writing.service(request.service_id), request.api_id))

    await plane.catalog.write(change)
    return Done()


async def list_all(plane: Plane, asked: Asked, request: wire.DescribeApisStatus) -> wire.Apis:
    """List the APIs of a service as they are edited, the oldest first."""

    def ask(reading: Reading) -> Sequence[Api]:
        service = reading.service(request.service_id)
        live = reading.live(service)

        def is_live(api: Api, values: Collection[str]) -> bool:
            return any(name in values for name in live.get(api.id, ()))

        tests = {**FILTERS, "Environment": is_live}
        return filters.kept(reading.apis(service), request.filters or (), tests)

    found = await plane.catalog.read(ask)
    page = paging.page(found, request.offset, request.limit)
    lines = [line(api) for api in page]
    return wire.Apis(result=wire.ApiLines(total_count=len(found), api_id_status_set=lines))


FILTERS: Mapping[str, filters.Test[Api]] = {
    "ApiId": lambda api, values: api.id in values,
    "ApiName": lambda api, values: api.name in values,
    "ApiPath": lambda api, values: api.path in values,
    "ApiType": lambda api, values: line(api).api_type in values,
    "AuthType": lambda api, values: api.auth in values,
    "Method": lambda api, values: api.method in values,
}


def line(api: Api) -> ApiLine:
    """Return an API as lists show it."""
    settings = dict(api.settings)
    return ApiLine(
        service_id=api.service_id,
        api_id=api.id,
        api_name=api.name,
        api_desc=api.description,
        path=api.path,
        method=api.method,
        protocol="HTTP",
        auth_type=api.auth,
        api_type=settings.get("api_type", '"NORMAL"').strip('"'),
        api_business_type=settings.get("api_business_type", '"NORMAL"').strip('"'),
        created_time=times.iso(api.added_at),
        modified_time=times.iso(api.modified_at),
    )
