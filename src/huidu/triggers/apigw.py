"""Apigw: calls a function by a path of a service of the gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from huidu.model import service
from huidu.model.errors import InvalidValue
from huidu.model.trigger import Trigger

SERVICE_NAME = "SCF_API_SERVICE"
EXAMPLE = '{"api":{"requestConfig":{"method":"ANY"}},"release":{"environmentName":"release"}}'
FLAGS = {"authRequired": "FALSE", "isIntegratedResponse": "FALSE", "isBase64Encoded": "FALSE"}


def define(text: str) -> str:
    """Return what is asked of the gateway, each field that was left out filled in.

    The form is that of document 583/39901; raises `InvalidValue` where it is another.
    """
    try:
        asked = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise _invalid(f"{text[:80]!r}: must be JSON, as in {EXAMPLE}")
    api, owner, release = (_part(asked, name) for name in ("api", "service", "release"))
    wanted = _part(api, "requestConfig", "api.")
    flags = {name: _flag(api, name, default) for name, default in FLAGS.items()}
    environment = _said(release, "environmentName", service.RELEASE)
    try:
        service.check_environment(environment)
        method = service.check_method(_said(wanted, "method", service.ANY))
        path = _said(wanted, "path", "")
        if path:
            service.check_path(path)
    except InvalidValue as error:
        raise _invalid(error.message) from None
    kept = {
        "api": {**flags, "requestConfig": {"path": path, "method": method}},
        "service": {
            "serviceId": _said(owner, "serviceId", ""),
            "serviceName": _said(owner, "serviceName", SERVICE_NAME),
        },
        "release": {"environmentName": environment},
    }
    return json.dumps(kept, ensure_ascii=False)


def _invalid(reason: str) -> InvalidValue:
    return InvalidValue("TriggerDesc", f"TriggerDesc: {reason}")


def _part(whole: Mapping[str, Any], name: str, above: str = "") -> Mapping[str, Any]:
    part = whole.get(name) or {}
    if not isinstance(part, dict):
        raise _invalid(f"{above}{name} must be an object, as in {EXAMPLE}")
    return part


def _said(part: Mapping[str, Any], name: str, default: str) -> str:
    text = part.get(name) or default
    if not isinstance(text, str):
        raise _invalid(f"{name} {str(text)[:40]!r}: must be a text")
    return text


def _flag(part: Mapping[str, Any], name: str, default: str) -> str:
    """Return TRUE or FALSE; the documents write `IsBase64Encoded` with a capital letter."""
    text = str(part.get(name, part.get(name[0].upper() + name[1:], default))).upper()
    if text not in ("TRUE", "FALSE"):
        raise _invalid(f"{name} {text[:40]!r}: must be TRUE or FALSE")
    return text


def show(trigger: Trigger, gateway_url: str) -> str:
    """Return what an API is, with the address at which it is reached."""
    told = json.loads(trigger.definition)
    owner, environment = told["service"], told["release"]["environmentName"]
    path = told["api"]["requestConfig"]["path"].lstrip("=^~")
    owner["subDomain"] = f"{gateway_url}/{owner['serviceId']}/{environment}{path}"
    return json.dumps(told, ensure_ascii=False)
