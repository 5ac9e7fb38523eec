"""Triggers that are APIs: whichever side makes or deletes one, the other sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from huidu.actions import triggers as wire
from huidu.actions.services import CreateService
from huidu.control import apis, releases, services
from huidu.control.plane import Asked, Plane
from huidu.control.releases import Deed
from huidu.model import quota
from huidu.model import service as nouns
from huidu.model.errors import InUse, NotFound
from huidu.model.function import Function, FunctionName
from huidu.model.names import LATEST
from huidu.model.service import Api, Backend, Service
from huidu.model.trigger import Trigger
from huidu.model.web import is_web
from huidu.store.reading import Reading
from huidu.store.writing import Writing

TYPE = "apigw"
TRUE, FALSE = "TRUE", "FALSE"


def of_function(reading: Reading, function: Function) -> Sequence[Trigger]:
    """Return the APIs that call a function as its triggers, the last modified first."""
    mine = reading.apis_of(function.named)
    homes = {one: reading.service(one) for one in {api.service_id for api in mine}}
    live = {api_id: at for home in homes.values() for api_id, at in reading.live(home).items()}
    found = [_as_trigger(function, homes[a.service_id], a, live.get(a.id, ())) for a in mine]
    return sorted(found, key=lambda trigger: -trigger.modified_at)


def _as_trigger(function: Function, service: Service, api: Api, live: Sequence[str]) -> Trigger:
    """Return an API as a trigger; the clients tell it by `ResourceId`, path and method."""
    where = [name for name in reversed(nouns.ENVIRONMENTS) if name in live]
    definition = {
        "api": {
            "apiId": api.id,
            "apiName": api.name,
            "authType": api.auth,
            "authRequired": FALSE if api.auth == nouns.NO_AUTH else TRUE,
            "requestConfig": {"path": api.path, "method": api.method},
            "isIntegratedResponse": TRUE if api.backend.integrated else FALSE,
            "isBase64Encoded": TRUE if api.base64 else FALSE,
        },
        "service": {"serviceId": service.id, "serviceName": service.name},
        "release": {"environmentName": where[0] if where else nouns.RELEASE},
    }
    return Trigger(
        function=function.named,
        function_id=function.id,
        type=TYPE,
        name=api.trigger or api.id,
        qualifier=api.backend.qualifier,
        definition=json.dumps(definition, ensure_ascii=False),
        description=api.description,
        enabled=bool(live),
        resource_id=f"service/{service.id}/API/{api.id}",
        added_at=api.added_at,
        modified_at=api.modified_at,
    )


def create(
    plane: Plane,
    asked: Asked,
    writing: Writing,
    request: wire.CreateTrigger,
    definition: str,
    *,
    enabled: bool,
) -> Trigger:
    """Make a service or find it, add an API and release it: all of that, or nothing.

    A trigger that is not enabled is an API that is not released. A name of a service stands for
    the oldest of that name, and for a new one where there is none.
    """
    named = FunctionName(request.namespace, request.function_name)
    function = writing.function(named)
    mine = [api for api in writing.apis_of(named) if api.trigger]
    if request.trigger_name in {api.trigger for api in mine}:
        raise InUse(
            "TriggerName", f"TriggerName {request.trigger_name!r}: there is one of this name"
        )
    quota.check("Trigger", len(mine), plane.quota.triggers, f"{TYPE} triggers")
    wanted = json.loads(definition)
    service = _service(plane, writing, wanted["service"])
    web = is_web(writing.version(function, LATEST).configuration)
    api = _api(apis.blank(plane, service), request, wanted["api"], web=web)
    apis.add(plane, writing, service, api)
    environment = wanted["release"]["environmentName"]
    if enabled:
        why = f"trigger {request.trigger_name} of {named}"
        deed = _deed(plane, asked, "CreateTrigger", environment, why)
        made = releases.freeze(plane, service, writing.apis(service), deed)
        apis.check_backends(writing, made.apis)
        writing.add_release(made)
        releases.put(writing, made, deed)
    return _as_trigger(function, service, api, [environment] if enabled else [])


def _api(blank: Api, request: wire.CreateTrigger, wanted: Mapping[str, Any], *, web: bool) -> Api:
    config = wanted["requestConfig"]
    return replace(
        blank,
        name=request.trigger_name[: nouns.MOST_API_NAME],
        path=nouns.check_path(config["path"] or f"/{request.function_name}"),
        method=config["method"],
        backend=Backend(
            function=FunctionName(request.namespace, request.function_name),
            qualifier=request.qualifier or LATEST,
            integrated=wanted["isIntegratedResponse"] == TRUE,
            web=web,
        ),
        auth=nouns.SECRET if wanted["authRequired"] == TRUE else nouns.NO_AUTH,
        base64=wanted["isBase64Encoded"] == TRUE,
        description=request.description,
        trigger=request.trigger_name,
    )


def _service(plane: Plane, writing: Writing, wanted: Mapping[str, str]) -> Service:
    if wanted["serviceId"]:
        return writing.service(wanted["serviceId"])
    for service in writing.services():
        if service.name == wanted["serviceName"]:
            return service
    request = CreateService(service_name=wanted["serviceName"], protocol=nouns.BOTH)
    return services.make(plane, writing, request)


def _deed(plane: Plane, asked: Asked, action: str, environment: str, why: str) -> Deed:
    return Deed(
        environment=environment,
        action=action,
        who=asked.who,
        why=why,
        at=plane.clock(),
        request_id=asked.request_id,
    )


def delete(plane: Plane, asked: Asked, writing: Writing, request: wire.DeleteTrigger) -> None:
    """Delete an API, and take it out of what is online; nothing else that is online changes.

    An environment of which nothing is left is taken offline.
    """
    named = FunctionName(request.namespace, request.function_name)
    writing.function(named)
    for api in writing.apis_of(named):
        known = request.trigger_name in (api.trigger or api.id, api.id)
        if known and request.qualifier in (None, "", api.backend.qualifier):
            _take_out(plane, asked, writing, api, request.trigger_name)
            writing.delete_api(api)
            return
    raise NotFound("Trigger", request.trigger_name)


def _take_out(plane: Plane, asked: Asked, writing: Writing, api: Api, name: str) -> None:
    service = writing.service(api.service_id)
    for environment in writing.live(service).get(api.id, ()):
        deed = _deed(plane, asked, "DeleteTrigger", environment, f"without trigger {name}")
        there = writing.release(service, service.online[environment])
        rest = [one for one in there.apis if one.id != api.id]
        if rest:
            frozen = replace(service, protocol=there.protocol)
            made = releases.freeze(plane, frozen, rest, deed)
            writing.add_release(made)
            releases.put(writing, made, deed)
        else:
            releases.take(writing, there, deed)
