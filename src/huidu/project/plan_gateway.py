"""Plan, the gateway: a service, its APIs, and what of them is put before callers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from huidu.project.declared import Endpoint, Gateway, Project, is_event
from huidu.project.flaw import Flaw
from huidu.project.steps import (
    APIGATEWAY,
    CHANGED,
    MADE,
    NEW,
    SERVICE,
    Difference,
    Later,
    Step,
)
from huidu.project.there import ApiThere, ServiceThere, There

DESCRIPTION = "Made by huidu deploy"
EVENT, HTTP = "EVENT", "HTTP"
PATH = "PATH"


def gateway_steps(project: Project, there: There) -> Iterator[Step]:
    """Return how the service becomes what the project says, and is released if anything changed.

    APIs that the file does not name are left alone.
    """
    gateway = project.gateway
    if gateway is None:
        return
    service = there.service
    if service is None and gateway.service_id:
        why = f"there is no service {gateway.service_id} on the server; leave serviceId out, and "
        raise Flaw(f"{why}one is made", file=project.file.name, key="serviceId")
    steps = [*_service(gateway, service)]
    service_id = service.id if service else SERVICE
    for endpoint in gateway.endpoints:
        steps += _api(project, endpoint, service, service_id)
    yield from steps
    online = dict(service.online) if service else {}
    if steps or not online.get(gateway.environment) or _is_behind(gateway, service):
        yield _release(gateway, service_id, online.get(gateway.environment, ""))


def _is_behind(gateway: Gateway, service: ServiceThere | None) -> bool:
    """Tell whether APIs are as they should be, and callers do not meet them yet.

    So they are where a deploy was cut off before its release. Whoever has put an older version
    online since is not undone.
    """
    since = dict(service.since if service else ()).get(gateway.environment, "")
    ours = (_same_place(endpoint, service) for endpoint in gateway.endpoints)
    return any(api.modified > since for api in ours if api is not None)


def _service(gateway: Gateway, there: ServiceThere | None) -> Iterator[Step]:
    said = {"ServiceName": gateway.service_name, "Protocol": gateway.protocol}
    if there is None:
        yield Step(
            action="CreateService",
            service=APIGATEWAY,
            parameters=said | {"ServiceDesc": gateway.description or DESCRIPTION},
            mark=NEW,
            what=f"service {gateway.service_name} of the gateway",
            differences=(Difference("protocol", "", gateway.protocol),),
            gives={SERVICE.name: ("ServiceId",)},
        )
        return
    changes = tuple(
        Difference(name, before, after)
        for name, before, after in (
            ("name", there.name, gateway.service_name),
            ("protocol", there.protocol, gateway.protocol),
            ("description", there.description, gateway.description or there.description),
        )
        if before != after
    )
    if changes:
        about = {"ServiceDesc": gateway.description} if gateway.description else {}
        yield Step(
            action="ModifyService",
            service=APIGATEWAY,
            parameters={"ServiceId": there.id, **said, **about},
            mark=CHANGED,
            what=f"service {there.id} of the gateway",
            differences=changes,
        )


def _api(
    project: Project, endpoint: Endpoint, service: ServiceThere | None, service_id: str | Later
) -> Iterator[Step]:
    there = _same_place(endpoint, service)
    parameters = _asked(project, endpoint) | {"ServiceId": service_id}
    after = _shown(endpoint, project.function.name, project.function.namespace)
    if there is None:
        yield Step(
            action="CreateApi",
            service=APIGATEWAY,
            parameters=parameters,
            mark=NEW,
            what=f"API {endpoint.method} {endpoint.path}",
            differences=tuple(Difference(name, "", value) for name, value in after.items()),
        )
        return
    is_now = _as_far_as(there.endpoint, endpoint)
    before = _shown(is_now, there.function, there.namespace)
    if before == after:
        return
    # Who may call was decided by somebody on the server: a deploy opens nothing.
    del parameters["AuthType"]
    yield Step(
        action="ModifyApi",
        service=APIGATEWAY,
        parameters=parameters | {"ApiId": there.id},
        mark=CHANGED,
        what=f"API {endpoint.method} {endpoint.path}",
        differences=tuple(
            Difference(name, before[name], value)
            for name, value in after.items()
            if before[name] != value
        ),
    )


def _asked(project: Project, endpoint: Endpoint) -> dict[str, object]:
    """Return an endpoint in the words of the API."""
    parameters = [
        {
            "Name": one.name,
            "Position": one.position,
            "Required": one.required,
            "Type": one.type,
            "DefaultValue": one.default,
            "Desc": one.description,
        }
        for one in endpoint.parameters
    ]
    rules = [{"Name": name, "Value": list(values)} for name, values in endpoint.base64_rules]
    return {
        **({"RequestParameters": parameters} if parameters else {}),
        "IsBase64Trigger": bool(rules),
        "Base64EncodedTriggerRules": rules,
        "ServiceType": "SCF",
        "Protocol": "HTTP",
        "AuthType": "NONE",
        "ApiName": endpoint.name,
        "ApiDesc": endpoint.description,
        "RequestConfig": {"Path": endpoint.path, "Method": endpoint.method},
        "ServiceTimeout": endpoint.timeout_s,
        "EnableCORS": endpoint.cors,
        "IsBase64Encoded": endpoint.base64,
        "ServiceScfFunctionName": project.function.name,
        "ServiceScfFunctionNamespace": project.function.namespace,
        "ServiceScfFunctionQualifier": endpoint.qualifier,
        "ServiceScfFunctionType": EVENT if is_event(project.function) else HTTP,
        "ServiceScfIsIntegratedResponse": endpoint.integrated,
    }


def _same_place(endpoint: Endpoint, service: ServiceThere | None) -> ApiThere | None:
    place = (endpoint.path, endpoint.method)
    apis = service.apis if service else ()
    return next((api for api in apis if (api.endpoint.path, api.endpoint.method) == place), None)


def _as_far_as(there: Endpoint, wanted: Endpoint) -> Endpoint:
    """Return an endpoint of the server without what it declares though nobody said so."""
    if not wanted.parameters:
        return replace(there, parameters=())
    said = {(one.position, one.name) for one in wanted.parameters}
    kept = [p for p in there.parameters if p.position != PATH or (PATH, p.name) in said]
    return replace(there, parameters=tuple(kept))


def _shown(endpoint: Endpoint, function: str, namespace: str) -> dict[str, str]:
    where = function if namespace == "default" else f"{namespace}/{function}"
    return {
        "leads to": f"{where}:{endpoint.qualifier}",
        "name": endpoint.name,
        "description": endpoint.description,
        "timeout": f"{endpoint.timeout_s} s",
        "other origins": "may ask" if endpoint.cors else "may not ask",
        "answers": "spelled out" if endpoint.integrated else "passed through",
        "bodies": _bodies(endpoint),
        "parameters": "; ".join(
            f"{one.position} {one.name} ({one.type}{', required' if one.required else ''})"
            + (f" = {one.default}" if one.default else "")
            + (f": {one.description}" if one.description else "")
            for one in endpoint.parameters
        ),
    }


def _bodies(endpoint: Endpoint) -> str:
    where = "; ".join(f"{name} is {', '.join(values)}" for name, values in endpoint.base64_rules)
    if not endpoint.base64:
        return "as they are" + (f" ({where})" if where else "")
    return f"base64 where {where}" if where else "base64"


def _release(gateway: Gateway, service_id: str | Later, online: str) -> Step:
    return Step(
        action="ReleaseService",
        service=APIGATEWAY,
        parameters={
            "ServiceId": service_id,
            "EnvironmentName": gateway.environment,
            "ReleaseDesc": "Released by huidu deploy",
            "ExpectedVersion": online,
        },
        mark=MADE,
        what=f"release the service to {gateway.environment}",
    )
