"""Plan, the removal: takes away what deploys of a project have made, callers first."""

from __future__ import annotations

from collections.abc import Iterator

from huidu.project.declared import Project
from huidu.project.plan_function import Asks
from huidu.project.steps import APIGATEWAY, GONE, MADE, Plan, Step
from huidu.project.there import ServiceThere, There


def plan_removal(project: Project, there: There) -> Plan:
    """Return how a project is taken off a server; no step where nothing of it is there.

    The function goes with all versions, aliases and triggers of its own. Of a service go the APIs
    that call it; the service itself only if nothing else is in it and the project's file does not
    name it by its id, for then it was there before.
    """
    steps: list[Step] = []
    if there.service is not None:
        steps += _service(project, there.service)
    if there.function is not None:
        asks = Asks(project.function)
        what = f"function {asks.called}, with all that is its own"
        steps.append(
            Step(action="DeleteFunction", parameters=asks.of(), mark=GONE, what=what),
        )
    return Plan(steps=tuple(steps))


def _service(project: Project, there: ServiceThere) -> Iterator[Step]:
    function = project.function
    ours = [
        api
        for api in there.apis
        if (api.function, api.namespace) == (function.name, function.namespace)
    ]
    of_service: dict[str, object] = {"ServiceId": there.id}
    for api in ours:
        yield _step(
            "DeleteApi",
            of_service | {"ApiId": api.id},
            f"API {api.endpoint.method} {api.endpoint.path}",
        )
    others = len(there.apis) > len(ours)
    named = project.gateway is not None and bool(project.gateway.service_id)
    for environment, version in there.online:
        if others and ours:
            # What is online is what was released: without this callers would reach nothing.
            yield Step(
                action="ReleaseService",
                service=APIGATEWAY,
                parameters={
                    **of_service,
                    "EnvironmentName": environment,
                    "ReleaseDesc": "Released by huidu remove",
                    "ExpectedVersion": version,
                },
                mark=MADE,
                what=f"release what is left of the service to {environment}",
            )
        elif not others:
            parameters = of_service | {"EnvironmentName": environment}
            what = f"service {there.id} in {environment}"
            yield _step("UnReleaseService", parameters, what)
    if not others and not named:
        yield _step("DeleteService", of_service, f"service {there.id} of the gateway")


def _step(action: str, parameters: dict[str, object], what: str) -> Step:
    return Step(
        action=action,
        service=APIGATEWAY,
        parameters=parameters,
        mark=GONE,
        what=what,
    )
