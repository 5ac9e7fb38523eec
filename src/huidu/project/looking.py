"""Looking: asks a server what it has of a project, by actions that change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from huidu.model.function import Configuration, Layer, environment_of
from huidu.model.names import DEFAULT
from huidu.model.rollout import OWNING
from huidu.project.declared import ELSEWHERE, Endpoint, Gateway, Parameter, Project, Rule
from huidu.project.steps import APIGATEWAY, HUIDU, SCF
from huidu.project.there import (
    AliasThere,
    ApiThere,
    FunctionThere,
    LayerThere,
    RuntimeThere,
    ServiceThere,
    There,
    TriggerThere,
    VersionThere,
)

PAGE = 100
OFFLINE = 0
SHOWN = ("VpcConfig", "PublicNetConfig", "DeadLetterConfig")  #: Of what is kept and given back.

Answer = Mapping[str, Any]


#: Asks for an action, by service and name; raises where the server says no, or is not there.
Ask: TypeAlias = Callable[[str, str, Mapping[str, object]], Answer]


def look(project: Project, ask: Ask) -> There:
    """Return what there is of a project on a server."""
    name, namespace = project.function.name, project.function.namespace
    who = {"FunctionName": name, "Namespace": namespace}
    watched = frozenset({DEFAULT, *(alias.name for alias in project.aliases)})
    function = _function(ask, who, watched) if _is_there(ask, name, namespace) else None
    layers = tuple(filter(None, (_layer(ask, layer) for layer, _ in project.function.built)))
    if project.gateway is None:
        return There(function=function, layers=layers)
    service_id = _service_id(project.gateway, function)
    service = _service(ask, service_id) if service_id else None
    return There(function=function, service=service, layers=layers)


def look_for_runtime(project: Project, ask: Ask) -> RuntimeThere:
    """Return what will run a project's function on a server."""
    configuration = project.function.configuration
    asked = {"Runtime": configuration.runtime, "Type": configuration.type}
    found = ask(HUIDU, "GetRuntime", asked)
    language, version = found["Language"], found["Version"]
    # Its own sentence is for whoever sits at the server.
    note = f"{configuration.runtime} runs on {language} {version} here" if found["Note"] else ""
    return RuntimeThere(language=language, version=version, note=note)


def _layer(ask: Ask, name: str) -> LayerThere | None:
    for row in _pages(ask, SCF, "ListLayers", {"SearchKey": name}, ("Layers",)):
        if row["LayerName"] == name:
            asked = {"LayerName": name, "LayerVersion": row["LayerVersion"]}
            found = ask(SCF, "GetLayerVersion", asked)
            return LayerThere(
                name=name,
                number=row["LayerVersion"],
                sha256=found["CodeSha256"],
                runtimes=tuple(found["CompatibleRuntimes"]),
            )
    return None


def _is_there(ask: Ask, name: str, namespace: str) -> bool:
    search: dict[str, object] = {"SearchKey": name, "Namespace": namespace}
    rows = _pages(ask, SCF, "ListFunctions", search, ("Functions",))
    return any(row["FunctionName"] == name for row in rows)


def _function(ask: Ask, who: Mapping[str, object], watched: frozenset[str]) -> FunctionThere:
    facts = ask(SCF, "GetFunction", {**who, "Qualifier": "$LATEST"})
    versions = _pages(ask, SCF, "ListVersionByFunction", who, ("Versions",))
    published = [
        VersionThere(number=row["Version"], digest=row.get("Digest", ""))
        for row in versions
        if row["Version"].isdigit()
    ]
    aliases = _pages(ask, SCF, "ListAliases", who, ("Aliases",))
    under_way: dict[str, object] = {**who, "States": sorted(OWNING)}
    rollouts = _pages(ask, HUIDU, "ListRollouts", under_way, ("Rollouts",))
    moving = {row["Name"]: (row["RolloutId"], row["ToVersion"]) for row in rollouts}
    triggers = _pages(ask, SCF, "ListTriggers", who, ("Triggers",))
    return FunctionThere(
        configuration=_configuration(facts),
        code_sha256=facts.get("CodeSha256", ""),
        digest=facts.get("Digest", ""),
        description=facts["Description"],
        versions=tuple(sorted(published, key=lambda version: int(version.number))),
        aliases=tuple(
            replace(
                _alias(ask, who, row, watched),
                rollout=moving.get(row["Name"], ("", ""))[0],
                rolling_to=moving.get(row["Name"], ("", ""))[1],
            )
            for row in aliases
        ),
        triggers=tuple(map(_trigger, triggers)),
    )


def _pages(
    ask: Ask, service: str, action: str, what: Mapping[str, object], path: Sequence[str]
) -> Iterator[Answer]:
    """Yield every row of a list, page by page."""
    offset = 0
    while True:
        rows: Any = ask(service, action, {**what, "Offset": offset, "Limit": PAGE})
        for part in path:
            rows = rows[part]
        yield from rows
        offset += len(rows)
        if len(rows) < PAGE:
            return


def _configuration(facts: Answer) -> Configuration:
    variables = {one["Key"]: one["Value"] for one in facts["Environment"]["Variables"]}
    layers = tuple(
        Layer(one["LayerName"], one["LayerVersion"], ELSEWHERE) for one in facts["Layers"]
    )
    settings = {name: facts[name] for name in SHOWN if facts.get(name)}
    # Whether there is a way out is all that is acted on here.
    public = (settings.pop("PublicNetConfig", None) or {}).get("PublicNetStatus")
    if public == "DISABLE":
        settings["PublicNetConfig"] = {"PublicNetStatus": public}
    return Configuration(
        handler=facts["Handler"],
        runtime=facts["Runtime"],
        memory_mb=facts["MemorySize"],
        timeout_s=facts["Timeout"],
        init_timeout_s=facts["InitTimeout"],
        environment=environment_of(variables),
        layers=layers,
        type=facts["Type"],
        role=facts["Role"],
        settings=tuple(sorted((_snake(name), json.dumps(one)) for name, one in settings.items())),
    )


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name).removeprefix("_")


def _alias(ask: Ask, who: Mapping[str, object], row: Answer, watched: frozenset[str]) -> AliasThere:
    routing = row["RoutingConfig"]
    by, moved = _moved(ask, who, row["Name"]) if row["Name"] in watched else ("", "")
    return AliasThere(
        name=row["Name"],
        version=row["FunctionVersion"],
        revision=row.get("Revision", 1),
        weights=tuple(
            (one["Version"], float(one["Weight"])) for one in routing["AdditionalVersionWeights"]
        ),
        rules=tuple(
            Rule(
                version=one["Version"],
                key=one["Key"],
                method=one["Method"],
                expression=one["Expression"],
            )
            for one in routing["AddtionVersionMatchs"]
        ),
        sticky=row.get("Sticky", ""),
        split=row.get("Split", "exact"),
        description=row["Description"],
        moved=moved,
        by=by,
    )


def _moved(ask: Ask, who: Mapping[str, object], alias: str) -> tuple[str, str]:
    """Return the rollout that moved an alias last, if one did, and who it was, when and why."""
    asked = {**who, "Name": alias, "Limit": 1}
    for change in ask(HUIDU, "ListAliasHistory", asked)["Changes"]:
        why = f" ({change['Reason']})" if change["Reason"] else ""
        of_rollout = change["Reason"].startswith(f"rollout {change['Who']}: ")
        by = change["Who"] if of_rollout else ""
        return by, f"moved by {change['Who']} at {change['Time']}{why}"
    return "", ""


def _trigger(row: Answer) -> TriggerThere:
    return TriggerThere(
        name=row["TriggerName"],
        type=row["Type"],
        definition=row["TriggerDesc"],
        enabled=bool(row["Enable"]),
        qualifier=row["Qualifier"],
        argument=row.get("CustomArgument", ""),
    )


def _service_id(gateway: Gateway, function: FunctionThere | None) -> str:
    """Return the service of a project: that which is named, else one that calls its function."""
    if gateway.service_id:
        return gateway.service_id
    triggers = function.triggers if function else ()
    found = [json.loads(one.definition) for one in triggers if one.type == "apigw"]
    ours = [one["service"] for one in found if one["service"].get("serviceId")]
    named = [one for one in ours if one.get("serviceName") == gateway.service_name]
    return str((named or ours)[0]["serviceId"]) if ours else ""


def _service(ask: Ask, service_id: str) -> ServiceThere | None:
    only: dict[str, object] = {"Filters": [{"Name": "ServiceId", "Values": [service_id]}]}
    rows = [*_pages(ask, APIGATEWAY, "DescribeServicesStatus", only, ("Result", "ServiceSet"))]
    if not rows:
        return None
    of_service: dict[str, object] = {"ServiceId": service_id}
    apis = _pages(ask, APIGATEWAY, "DescribeApisStatus", of_service, ("Result", "ApiIdStatusSet"))
    environments = ask(APIGATEWAY, "DescribeServiceEnvironmentList", of_service)["Result"]
    online = [one for one in environments["EnvironmentList"] if one["Status"] != OFFLINE]
    return ServiceThere(
        id=service_id,
        name=rows[0]["ServiceName"],
        protocol=rows[0]["Protocol"],
        description=rows[0]["ServiceDesc"],
        apis=tuple(_api(ask, service_id, row["ApiId"]) for row in apis),
        online=tuple((one["EnvironmentName"], one["VersionName"]) for one in online),
        urls=tuple((one["EnvironmentName"], one["Url"]) for one in online),
        since=tuple((one["EnvironmentName"], one["CreateTime"]) for one in online),
    )


def _parameter(row: Answer) -> Parameter:
    return Parameter(
        name=row["Name"],
        position=row["Position"],
        required=row["Required"],
        type=row["Type"],
        default=row["DefaultValue"],
        description=row["Desc"],
    )


def _api(ask: Ask, service_id: str, api_id: str) -> ApiThere:
    found = ask(APIGATEWAY, "DescribeApi", {"ServiceId": service_id, "ApiId": api_id})["Result"]
    return ApiThere(
        id=api_id,
        function=found["ServiceScfFunctionName"],
        namespace=found["ServiceScfFunctionNamespace"],
        modified=found["ModifiedTime"],
        endpoint=Endpoint(
            path=found["RequestConfig"]["Path"],
            method=found["RequestConfig"]["Method"],
            name=found["ApiName"],
            description=found["ApiDesc"],
            timeout_s=found["ServiceTimeout"],
            cors=found["EnableCORS"],
            qualifier=found["ServiceScfFunctionQualifier"],
            integrated=found["ServiceScfIsIntegratedResponse"],
            base64=found["IsBase64Encoded"],
            base64_rules=tuple(
                (one["Name"], tuple(one["Value"])) for one in found["Base64EncodedTriggerRules"]
            ),
            parameters=tuple(map(_parameter, found["RequestParameters"])),
        ),
    )
