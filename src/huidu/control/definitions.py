"""Definitions: what a request says of an API, and how an API is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from huidu.actions import apis as wire
from huidu.control import times
from huidu.model import service as nouns
from huidu.model.errors import InvalidValue
from huidu.model.function import FunctionName
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE
from huidu.model.service import Api, Backend, Parameter, Service

SCF, HTTP, EVENT = "SCF", "HTTP", "EVENT"


def defined(request: wire.CreateApi | wire.ModifyApi, before: Api) -> Api:
    """Return an API with what is said of it; what is left out stays as before."""
    _check_kind(request)
    path = nouns.check_path(request.request_config.path)
    rules = _rules(request, before)
    return replace(
        before,
        name=_text("ApiName", request.api_name, nouns.MOST_API_NAME, before.name),
        description=_text("ApiDesc", request.api_desc, nouns.MOST_TEXT, before.description),
        path=path,
        method=nouns.check_method(request.request_config.method),
        backend=_backend(request, before.backend),
        timeout_s=_timeout(request.service_timeout, before.timeout_s),
        auth=_auth(request.auth_type, before.auth),
        cors=before.cors if request.enable_cors is None else request.enable_cors,
        parameters=_parameters(request.request_parameters, before, path),
        constants=_constants(request.constant_parameters, before),
        base64=before.base64 if request.is_base64_encoded is None else request.is_base64_encoded,
        base64_rules=rules,
        settings=_settings(request, before),
    )


def _check_kind(request: wire.CreateApi | wire.ModifyApi) -> None:
    if request.service_type.upper() != SCF:
        raise InvalidValue(
            "InvalidServiceType",
            f"ServiceType {request.service_type[:40]!r}: APIs call functions here; must be SCF",
        )
    if request.protocol is not None and request.protocol.upper() != HTTP:
        raise InvalidValue(
            "InvalidProcotol",
            f"Protocol {request.protocol[:40]!r}: must be HTTP; a web function takes WebSockets "
            "through an API of Protocol HTTP",
        )
    if request.service_scf_event_is_async_call:
        raise InvalidValue(
            "InvalidScfConfig", "ServiceScfEventIsAsyncCall: calls are answered here; must be false"
        )


def _text(field: str, given: str | None, most: int, before: str) -> str:
    if given is not None and len(given) > most:
        raise InvalidValue(
            "LengthExceeded", f"{field}: {len(given)} characters, at most {most} are allowed"
        )
    return before if given is None else given


def _timeout(given: int | None, before: int) -> int:
    seconds = before if given is None else given
    if not 1 <= seconds <= nouns.MOST_TIMEOUT_S:
        raise InvalidValue(
            "RangeExceeded", f"ServiceTimeout {seconds}: must be 1 to {nouns.MOST_TIMEOUT_S} s"
        )
    return seconds


def _auth(given: str | None, before: str) -> str:
    auth = (given or before).upper()
    if auth not in (nouns.NO_AUTH, nouns.SECRET):
        raise InvalidValue("NotInOptions", f"AuthType {auth[:40]!r}: must be NONE or SECRET")
    return auth


def _backend(request: wire.Definition, before: Backend) -> Backend:
    name = request.service_scf_function_name or before.function.name
    if not name:
        raise InvalidValue("InvalidScfConfig", "ServiceScfFunctionName: must name a function")
    known = request.service_scf_function_namespace is None
    namespace = before.function.namespace if known else request.service_scf_function_namespace
    known = request.service_scf_function_qualifier is None
    qualifier = before.qualifier if known else request.service_scf_function_qualifier
    kind = request.service_scf_function_type
    if kind and kind.upper() not in (EVENT, HTTP):
        raise InvalidValue(
            "InvalidScfConfig", f"ServiceScfFunctionType {kind[:40]!r}: must be {EVENT} or {HTTP}"
        )
    integrated = request.service_scf_is_integrated_response
    return Backend(
        function=FunctionName(namespace or DEFAULT_NAMESPACE, name),
        qualifier=qualifier or DEFAULT,
        integrated=before.integrated if integrated is None else integrated,
        web=kind.upper() == HTTP if kind else before.web,
    )


def _parameters(
    asked: Sequence[wire.Parameter] | None, before: Api, path: str
) -> tuple[Parameter, ...]:
    """Return what is declared; a parameter of the path is, even where nobody says so."""
    names, code = nouns.placeholders(path), "InvalidRequestParameters"
    if asked is None:
        there = [p for p in before.parameters if p.position != nouns.PATH or p.name in names]
    else:
        there = [_parameter(one, code) for one in asked]
    for one in there:
        if one.position == nouns.PATH and one.name not in names:
            raise InvalidValue(
                code, f"RequestParameters {one.name[:40]!r}: Path {path} has no {{{one.name}}}"
            )
    declared = [(one.position, one.name) for one in there]
    if len(set(declared)) < len(declared):
        raise InvalidValue(code, "RequestParameters: one is declared twice")
    missing = [name for name in names if (nouns.PATH, name) not in declared]
    more = (Parameter(name=name, position=nouns.PATH, required=True) for name in missing)
    return (*there, *more)


def _constants(asked: Sequence[wire.Parameter] | None, before: Api) -> tuple[Parameter, ...]:
    if asked is None:
        return before.constants
    code = "InvalidConstantParameters"
    constants = tuple(_parameter(one, code) for one in asked)
    for one in constants:
        if one.position != nouns.HEADER:
            continue
        if not nouns.TOKEN.fullmatch(one.name):
            raise InvalidValue(code, f"Name {one.name[:40]!r}: must be the name of a header")
        if nouns.CONTROL.search(one.default):
            raise InvalidValue(code, f"DefaultValue of {one.name[:40]}: no control characters")
    return constants


def _parameter(asked: wire.Parameter, code: str) -> Parameter:
    position = asked.position.upper()
    if position not in (nouns.HEADER, nouns.QUERY, nouns.PATH):
        raise InvalidValue(code, f"Position {asked.position[:40]!r}: must be HEADER, QUERY or PATH")
    if not asked.name:
        raise InvalidValue(code, f"Name: a parameter of the {position} must have one")
    return Parameter(
        name=asked.name,
        position=position,
        type=asked.type,
        required=asked.required,
        default=asked.default_value,
        description=asked.desc,
    )


def _rules(request: wire.Definition, before: Api) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if request.is_base64_trigger is False:
        return ()
    if request.base64_encoded_trigger_rules is None:
        return before.base64_rules
    rules = request.base64_encoded_trigger_rules
    if len(rules) > nouns.MOST_BASE64_RULES:
        raise InvalidValue(
            "RangeExceeded",
            f"Base64EncodedTriggerRules: {len(rules)}, at most {nouns.MOST_BASE64_RULES} may be",
        )
    for rule in rules:
        if rule.name not in nouns.BASE64_NAMES:
            raise InvalidValue(
                "NotInOptions",
                f"Base64EncodedTriggerRules {rule.name[:40]!r}: must be "
                f"{' or '.join(nouns.BASE64_NAMES)}",
            )
    return tuple((rule.name, tuple(rule.value)) for rule in rules)


def _settings(request: wire.Definition, before: Api) -> tuple[tuple[str, str], ...]:
    fields = wire.ApiSettings.__struct_fields__
    given = {name: getattr(request, name) for name in fields}
    new = {name: json.dumps(value) for name, value in given.items() if value is not None}
    return tuple(sorted((dict(before.settings) | new).items()))


def facts(service: Service, api: Api, live: Sequence[str]) -> wire.ApiFacts:
    """Return an API as it is told; `live` are the environments that it is online in."""
    kept = {name: json.loads(text) for name, text in api.settings}
    kept = {"api_type": "NORMAL", "api_business_type": "NORMAL"} | kept
    return wire.ApiFacts(
        service_id=service.id,
        service_name=service.name,
        service_desc=service.description,
        api_id=api.id,
        api_name=api.name,
        api_desc=api.description,
        created_time=times.iso(api.added_at),
        modified_time=times.iso(api.modified_at),
        protocol=HTTP,
        auth_type=api.auth,
        request_config=wire.RequestConfig(path=api.path, method=api.method),
        request_parameters=[_told(one) for one in api.parameters],
        constant_parameters=[_told(one) for one in api.constants],
        service_timeout=api.timeout_s,
        service_type=SCF,
        service_scf_function_name=api.backend.function.name,
        service_scf_function_namespace=api.backend.function.namespace,
        service_scf_function_qualifier=api.backend.qualifier,
        service_scf_function_type=HTTP if api.backend.web else EVENT,
        service_scf_is_integrated_response=api.backend.integrated,
        service_scf_event_is_async_call=False,
        enable_cors=api.cors,
        is_base64_encoded=api.base64,
        is_base64_trigger=bool(api.base64_rules),
        base64_encoded_trigger_rules=[
            wire.Base64Rule(name=name, value=list(values)) for name, values in api.base64_rules
        ],
        environments=[name for name in nouns.ENVIRONMENTS if name in live],
        **kept,
    )


def _told(one: Parameter) -> wire.Parameter:
    return wire.Parameter(
        name=one.name,
        position=one.position,
        type=one.type,
        default_value=one.default,
        required=one.required,
        desc=one.description,
    )
