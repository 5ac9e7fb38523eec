"""Entrances: what a project's file says of the ways by which calls come in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from huidu.model import names
from huidu.project.aside import aside
from huidu.project.declared import Endpoint, Gateway, Notice, Parameter, Timer, Url
from huidu.project.fields import Fields
from huidu.project.flaw import instead
from huidu.triggers.timer import define

ENVIRONMENTS = ("release", "prepub", "test")
METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
PROTOCOLS = ("http", "https")
TIMEOUT_S = 15
LEAST_TIMEOUT_S, MOST_TIMEOUT_S = 1, 1800
POSITIONS = ("HEADER", "PATH", "QUERY")
BASE64_HEADERS = ("Accept", "Content_Type")
CORS_LISTS = {
    "origins": "Origins",
    "methods": "Methods",
    "headers": "Headers",
    "exposeHeaders": "ExposeHeaders",
}
URL = "url-trigger"
KINDS = ("apigw", "http", "timer")
#: What guards an API in the cloud. To leave it out in silence would leave the API open.
GUARDS = {
    "auth": "keys are not deployed; make them with CreateApiKey and bind them to a usage plan",
    "usagePlan": "usage plans are not deployed; make them with CreateUsagePlan and bind them",
}


def gateway_of(conf: Fields | None, inputs: Fields) -> Gateway | None:
    """Read what the components of web frameworks say of the gateway; None where it is disabled.

    One path, `/`, for every method.
    """
    service_id, service_name = inputs.text("serviceId"), inputs.text("serviceName")
    if conf is None:
        return Gateway(service_id=service_id, service_name=service_name or "serverless")
    disabled = conf.flag("isDisabled", default=False)
    conf.take("tags")
    refuse_guards(conf)
    api = conf.block("api")
    endpoint = Endpoint(
        name=api.text("name", "index") if api else "index",
        timeout_s=_timeout(api, "timeout") if api else _timeout(conf, "serviceTimeout"),
        cors=api.flag("cors", default=True) if api else conf.flag("enableCORS", default=False),
        qualifier=api.text("qualifier", names.DEFAULT) if api else _qualifier(conf),
        integrated=conf.flag("isIntegratedResponse", default=True),
        base64=conf.flag("isBase64Encoded", default=False),
        base64_rules=_base64_rules(conf),
    )
    if api:
        api.done()
    gateway = Gateway(
        service_id=conf.text("serviceId") or conf.text("id") or service_id,
        service_name=conf.text("serviceName") or conf.text("name") or service_name or "serverless",
        description=conf.text("serviceDesc"),
        protocol=_protocol(conf),
        environment=conf.choice("environment", ENVIRONMENTS, "release"),
        endpoints=(endpoint, *(_endpoint(row) for row in conf.blocks("endpoints"))),
    )
    return None if disabled else gateway


def refuse_guards(fields: Fields) -> None:
    """Refuse what would guard an API in the cloud, and is not deployed."""
    for key, why in GUARDS.items():
        if fields.has(key):
            raise fields.flaw(key, why)


def triggers_of(
    inputs: Fields, stage: str, name: str, notices: list[Notice]
) -> Iterator[Gateway | Timer | Url]:
    """Read the triggers of the component scf: a list of mappings with one key, the kind."""
    for event in inputs.blocks("events"):
        kinds = list(event.each())
        if len(kinds) != 1 or kinds[0] not in KINDS:
            said = ", ".join(kinds) or "nothing"
            why = f"{said} is no trigger to be had here; {instead(said, KINDS)}"
            raise event.node.flaw(event.path, why)
        kind = kinds[0]
        inner = event.block(kind)
        if inner is None:
            raise event.flaw(kind, "is empty; it needs at least parameters:")
        parameters = inner.block("parameters")
        title = inner.text("name")
        inner.done()
        if parameters is None:
            raise event.flaw(kind, "needs parameters:")
        notices += aside(parameters)
        yield _trigger(kind, parameters, title or f"{kind}-{name}-{stage}", notices)
        parameters.done()


def _trigger(
    kind: str, parameters: Fields, title: str, notices: list[Notice]
) -> Gateway | Timer | Url:
    if kind == "timer":
        if not parameters.has("enable"):
            why = "is closed, as the component makes it; say enable: true for it to run"
            notices.append(Notice(parameters.node.line, parameters.path, why))
        cron = parameters.needed("cronExpression", '"*/5 * * * * * *"')
        parameters.checked("cronExpression", lambda: define(cron))
        return Timer(
            name=parameters.text("name", title),
            cron=cron,
            enabled=parameters.flag("enable", default=False),
            argument=parameters.text("argument"),
            qualifier=parameters.text("qualifier", names.DEFAULT),
        )
    if kind == "http":
        return _url(parameters)
    refuse_guards(parameters)
    endpoints = tuple(_endpoint(row) for row in parameters.blocks("endpoints"))
    if not endpoints:
        raise parameters.flaw("endpoints", "is missing; say at least - path: /")
    return Gateway(
        service_id=parameters.text("serviceId"),
        service_name=parameters.text("serviceName") or "serverless",
        description=parameters.text("description"),
        protocol=_protocol(parameters),
        environment=parameters.choice("environment", ENVIRONMENTS, "release"),
        endpoints=endpoints,
    )


def _url(parameters: Fields) -> Url:
    net = parameters.block("netConfig")
    # Without netConfig the component makes one that nobody reaches, and the server none at all.
    url = Url(
        name=parameters.text("name", URL),
        intranet=net.flag("enableIntranet", default=False) if net else True,
        extranet=net.flag("enableExtranet", default=False) if net else True,
        cors=_cors(parameters.block("corsConfig")),
        enabled=parameters.flag("enable", default=True),
        qualifier=parameters.text("qualifier", names.DEFAULT),
    )
    if net:
        net.done()
    if not url.intranet and not url.extranet:
        why = "leaves no way in; say enableIntranet: true or enableExtranet: true"
        raise parameters.flaw("netConfig", why)
    parameters.choice("authType", ("NONE",), "NONE")
    return url


def _cors(pages: Fields | None) -> str:
    if pages is None:
        return ""
    said: dict[str, object] = {"Enable": pages.flag("enable", default=True)}
    for key, field in CORS_LISTS.items():
        if pages.has(key):
            said[field] = [part for text in pages.texts(key) for part in text.split(",")]
    if pages.has("credentials"):
        said["Credentials"] = pages.flag("credentials", default=False)
    if pages.has("maxAge"):
        said["MaxAge"] = pages.whole("maxAge", 0)
    pages.done()
    return json.dumps(said)


def _endpoint(row: Fields) -> Endpoint:
    refuse_guards(row)
    endpoint = Endpoint(
        path=row.needed("path", "/"),
        method=row.choice("method", METHODS, "ANY"),
        name=row.text("apiName", "index"),
        description=row.text("description"),
        timeout_s=_timeout(row, "serviceTimeout"),
        cors=row.flag("enableCORS", default=False),
        integrated=False,
        base64=row.flag("isBase64Encoded", default=False),
        base64_rules=_base64_rules(row),
        parameters=tuple(map(_parameter, row.blocks("param"))),
    )
    endpoint = _with_function(endpoint, row.block("function"))
    if not endpoint.path.startswith(("/", "=/", "^~/")):
        raise row.flaw("path", f"{endpoint.path[:60]!r}; must begin with /")
    for ignored in ("apiId", "responseType", "protocol"):
        row.has(ignored)
    row.done()
    return endpoint


def _base64_rules(fields: Fields) -> tuple[tuple[str, tuple[str, ...]], ...]:
    rules = []
    for rule in fields.blocks("base64EncodedTriggerRules"):
        rules.append((rule.choice("name", BASE64_HEADERS, ""), rule.texts("value")))
        rule.done()
    return tuple(rules) if fields.flag("isBase64Trigger", default=False) else ()


def _parameter(row: Fields) -> Parameter:
    parameter = Parameter(
        name=row.needed("name", "id"),
        position=row.choice("position", POSITIONS, "QUERY"),
        required=row.flag("required", default=False),
        type=row.text("type", "string"),
        default=row.text("defaultValue"),
        description=row.text("desc"),
    )
    row.done()
    return parameter


def _with_function(endpoint: Endpoint, function: Fields | None) -> Endpoint:
    if function is None:
        return endpoint
    changed = replace(
        endpoint,
        integrated=function.flag("isIntegratedResponse", default=False),
        qualifier=function.text("functionQualifier", names.DEFAULT),
    )
    function.done()
    return changed


def _qualifier(conf: Fields) -> str:
    function = conf.block("function")
    if function is None:
        return names.DEFAULT
    qualifier = function.text("functionQualifier", names.DEFAULT)
    function.done()
    return qualifier


def _timeout(fields: Fields, key: str) -> int:
    seconds = fields.whole(key, TIMEOUT_S)
    if not LEAST_TIMEOUT_S <= seconds <= MOST_TIMEOUT_S:
        raise fields.flaw(key, f"{seconds}; must be {LEAST_TIMEOUT_S} to {MOST_TIMEOUT_S} seconds")
    return seconds


def _protocol(fields: Fields) -> str:
    """Return protocols as the API writes them: `http`, `https` or `http&https`."""
    said = fields.texts("protocols") or ("http",)
    for one in said:
        if one not in PROTOCOLS:
            raise fields.flaw("protocols", f"{one[:40]!r}; {instead(one, PROTOCOLS)}")
    return "&".join(sorted(set(said)))
