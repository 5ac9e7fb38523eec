"""From what a request says of a function to the configuration of a version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from huidu.actions import configuration as made
from huidu.actions import functions as wire
from huidu.actions.action import is_true
from huidu.control.plane import Plane
from huidu.model import network
from huidu.model.errors import InvalidValue, Unsupported
from huidu.model.function import EVENT, WEB, Configuration, Layer, environment_of
from huidu.model.web import BOOTSTRAP, is_web, web

DEFAULT_RUNTIME = "Python3.10"
DEFAULT_HANDLER = "index.main_handler"


def first(plane: Plane, request: wire.CreateFunction, layers: tuple[Layer, ...]) -> Configuration:
    """Return what a new function is to be, with these layers, or raise what is wrong with it."""
    runtime = request.runtime or DEFAULT_RUNTIME
    default = BOOTSTRAP if request.type == WEB else DEFAULT_HANDLER
    handler = request.handler or default
    if request.type not in (EVENT, WEB):
        raise InvalidValue("Type", f"Type {request.type[:40]!r}: must be {EVENT} or {WEB}")
    if request.async_run_enable is not None and is_true(request.async_run_enable):
        raise Unsupported(
            "AsyncRunEnable", "AsyncRunEnable: call with InvocationType=Event instead"
        )
    if request.type == EVENT:
        plane.runtimes.check(runtime, handler)
    else:
        plane.runtimes.web(runtime)
    configuration = Configuration(
        handler=handler,
        runtime=runtime,
        memory_mb=request.memory_size,
        timeout_s=request.timeout,
        init_timeout_s=request.init_timeout,
        environment=_environment(request.environment),
        layers=layers,
        type=request.type,
        role=request.role,
        settings=_settings(request, protocol_type=request.protocol_type or None),
    )
    web(configuration)
    return configuration


def changed(
    plane: Plane,
    old: Configuration,
    request: wire.UpdateFunctionConfiguration,
    layers: tuple[Layer, ...],
) -> Configuration:
    """Return what a version is to be instead; what the request leaves out stays as it is."""
    if request.runtime not in (None, old.runtime):
        raise InvalidValue(
            "Runtime", f"Runtime {request.runtime!r}: cannot be changed from {old.runtime}"
        )
    handler = _or(request.handler, old.handler)
    if not is_web(old):
        plane.runtimes.check(old.runtime, handler)
    new = replace(
        old,
        handler=handler,
        memory_mb=_or(request.memory_size, old.memory_mb),
        timeout_s=_or(request.timeout, old.timeout_s),
        init_timeout_s=_or(request.init_timeout, old.init_timeout_s),
        environment=_environment(request.environment) if request.environment else old.environment,
        layers=layers,
        role=_or(request.role, old.role),
        settings=tuple(sorted((dict(old.settings) | dict(_settings(request))).items())),
    )
    web(new)
    return new


def _environment(asked: made.Environment | None) -> tuple[tuple[str, str], ...]:
    variables = asked.variables if asked else []
    if len(variables) == 1 and not variables[0].key and not variables[0].value:
        return ()  # one empty variable is how clients say: none (section 4.1)
    if len({variable.key for variable in variables}) < len(variables):
        raise InvalidValue("Environment", "Environment: a key is given twice; name each once")
    return environment_of({variable.key: variable.value for variable in variables})


def _settings(asked: made.Settings, **more: object) -> tuple[tuple[str, str], ...]:
    fields = ((name, getattr(asked, name)) for name in made.Settings.__struct_fields__)
    given = (*fields, *more.items())
    kept = {name: json.dumps(value, sort_keys=True) for name, value in given if value is not None}
    if network.FIELD in kept:
        network.check(kept[network.FIELD])
    return tuple(sorted(kept.items()))


def _or(given: Any, otherwise: Any) -> Any:  # noqa: ANN401 - the same type in and out
    return otherwise if given is None else given
