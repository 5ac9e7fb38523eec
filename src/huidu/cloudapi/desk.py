"""The desk: every request is read here and answered here, and only here does a refusal become one.

The order of the checks is decision D-53: size, action, version, signature, then the parameters.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from huidu.actions.action import Action, Wire
from huidu.actions.table import BY_NAME, find
from huidu.cloudapi import wire
from huidu.cloudapi.signature import SERVICES, Keys, claim_tc3, verify
from huidu.control.handlers import HANDLERS
from huidu.control.plane import Asked, Plane
from huidu.model.errors import (
    InvalidParameter,
    InvalidValue,
    MissingParameter,
    Refusal,
    Unsupported,
)
from huidu.model.trace import sent_in

log = structlog.get_logger("huidu.api")

MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")
PLACE = re.compile(r" - at `\$(?P<path>[^`]*)`")
INDEX = re.compile(r"\[(\d+|\.\.\.)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Answers requests of the cloud API, each with one body of JSON."""

    plane: Plane
    keys: Keys
    clock: Callable[[], float]
    new_id: Callable[[], str]

    def limit_bytes(self, request: wire.Request) -> int:
        """Return how large the body of a request may be, as far as its headers tell."""
        limit = wire.limit_bytes(request.method, request.headers)
        named = (request.headers.get("x-tc-version", ""), request.headers.get("x-tc-action", ""))
        action = BY_NAME.get(named)
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) <= limit:
            return limit
        if action is None or action.largest_bytes is None:
            return limit
        # Nobody whom we do not know makes us hold more than any request may have.
        try:
            known = self.keys.secret(
                claim_tc3(request, wire.read_head(request), SERVICES).secret_id
            )
        except Refusal:
            return limit
        return max(limit, action.largest_bytes) if known else limit

    def refuse(self, refusal: Refusal) -> bytes:
        """Return the answer to a request that is not worth reading."""
        return wire.refusal(self.new_id(), refusal.code, refusal.message)

    async def answer(self, request: wire.Request, source_ip: str | None) -> bytes:
        """Carry out one request; never raises."""
        request_id = self.new_id()
        action: Action[Any, Any] | None = None
        try:
            head = wire.read_head(request)
            action = _find(head)
            who = verify(request, head, self.keys, self.clock())
            _check_supported(action)
            sent = sent_in(request.headers.items())
            asked = Asked(request_id=request_id, who=who, source_ip=source_ip, sent=sent)
            told = wire.read(request, head).parameters
            # Empty is what many clients send for what they leave out.
            given = {name: told[name] for name in told if (name, told[name]) != ("Namespace", "")}
            parameters = read(action, given)
            answer = await self._carry_out(action, asked, parameters)
            return wire.envelope(request_id, msgspec.to_builtins(answer))
        except Refusal as refusal:
            code = refusal.code
            if action is not None:
                code = action.spelling.get(code, code)
            log.info("refused", action=action and action.name, code=code, message=refusal.message)
            return wire.refusal(request_id, code, refusal.message)
        except Exception:
            log.exception("failed", action=action and action.name, request_id=request_id)
            return wire.refusal(
                request_id, "InternalError", f"an error of ours; the log has it as {request_id}"
            )

    async def _carry_out(self, action: Action[Any, Any], asked: Asked, parameters: Wire) -> Wire:
        work = HANDLERS[action.version, action.name](self.plane, asked, parameters)
        if not action.writes:
            return await work
        # Once begun, a write goes to its end, whoever is still there to hear of it.
        return await asyncio.shield(asyncio.ensure_future(work))


def _check_supported(action: Action[Any, Any]) -> None:
    if action.unsupported:
        raise Unsupported("", action.unsupported)


def _find(head: wire.Head) -> Action[Any, Any]:
    if not head.action:
        raise MissingParameter("", "Action: name one, in the header X-TC-Action")
    return find(head.action, head.version)


def read(action: Action[Any, Any], parameters: object) -> Wire:
    """Return the request of an action, or raise the refusal that names the field.

    Texts stand for numbers and booleans too, since a form knows nothing else.
    """
    try:
        request: Wire = msgspec.convert(parameters, action.request, strict=False)
    except msgspec.ValidationError as error:
        raise _misshapen(action, str(error)) from None
    return request


def _misshapen(action: Action[Any, Any], message: str) -> Refusal:
    place = PLACE.search(message)
    path = place["path"].lstrip(".") if place else ""
    missing = MISSING.match(message)
    if missing:
        field = f"{path}.{missing['field']}".lstrip(".")
        return MissingParameter("", f"{field}: must be given")
    said = f"{path or 'the request'}: {PLACE.sub('', message)}"
    general = INDEX.sub("[...]", path)
    for prefix, code in action.shapes.items():
        if general.startswith(prefix):
            family, _, detail = code.partition(".")
            kind = InvalidValue if family == InvalidValue.family else InvalidParameter
            return kind(detail, said)
    return InvalidParameter("", said)
