"""The desk: every request is read here and answered here, and only here does a refusal become one.

The order of the checks is decision D-53: size, action, version, signature, then the parameters.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from huidu.actions.action import Action, Wire
from huidu.actions.table import BY_NAME, find
from huidu.cloudapi import wire
from huidu.cloudapi.signature import SERVICES, claim_tc3, verify
from huidu.control.handlers import HANDLERS
from huidu.control.keyring import Keyring
from huidu.control.plane import Asked, Plane
from huidu.model import role as roles
from huidu.model.access_key import API, said_by
from huidu.model.errors import (
    InvalidParameter,
    InvalidValue,
    MissingParameter,
    Refusal,
    UnknownAction,
    Unsupported,
)
from huidu.model.role import Role
from huidu.model.trace import NOTHING_SENT, PARENT, sent_in

log = structlog.get_logger("huidu.api")

MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")
BY_SERVICE = {(action.service, action.name): action for action in BY_NAME.values()}
PLACE = re.compile(r" - at `\$(?P<path>[^`]*)`")
INDEX = re.compile(r"\[(\d+|\.\.\.)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody in this process who asks, and has been recognized by whoever lets him ask."""

    who: str  #: As it is to stand in histories and events; `said_by` makes it.
    role: Role
    source_ip: str | None = None
    key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Answers requests of the cloud API, each with one body of JSON."""

    plane: Plane
    keys: Keyring
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
        # Nobody who may not ask for it anyway makes us hold more than any request may have.
        try:
            claim = claim_tc3(request, wire.read_head(request), SERVICES)
            self.keys.check(claim.secret_id, action.name, action.needs)
        except Refusal:
            return limit
        return max(limit, action.largest_bytes)

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
            asked = self.asked(action, request, head, request_id, source_ip)
            answer = await self._carry_out(action, asked, wire.read(request, head).parameters)
            return wire.envelope(request_id, answer)
        except Exception as error:  # noqa: BLE001 - whatever it is becomes an answer
            return self.refused(action, error, request_id)

    def asked(
        self,
        action: Action[Any, Any],
        request: wire.Request,
        head: wire.Head,
        request_id: str,
        source_ip: str | None,
    ) -> Asked:
        """Return who asks for an action, or raise the refusal where it is not for him."""
        holder = self.keys.holder(verify(request, head, self.keys, self.clock()))
        self.keys.used(holder.key_id)
        headers = request.headers
        asked = Asked(
            request_id=request_id,
            who=said_by(holder.name, API),
            key_id=holder.key_id,
            role=holder.role,
            source_ip=source_ip,
            sent=sent_in(headers.items()) if PARENT in headers else NOTHING_SENT,
        )
        _check_allowed(action, asked)
        return asked

    def refused(self, action: Action[Any, Any] | None, error: Exception, request_id: str) -> bytes:
        """Return the answer to a request that came to nothing, and log why."""
        refusal = _refusal(action, error, request_id)
        return wire.refusal(request_id, refusal.code, refusal.message)

    async def ask(
        self, caller: Caller, service: str, name: str, parameters: Mapping[str, object]
    ) -> Mapping[str, Any]:
        """Carry out an action for somebody in this process, as if a request had asked for it.

        Returns what the answer holds, beside the id of the request; raises `Refusal`, with the
        code as this action spells it.
        """
        request_id = self.new_id()
        action = BY_SERVICE.get((service, name))
        if action is None:
            raise UnknownAction("", f"Action {name[:80]!r} of {service[:40]!r} is not known")
        asked = Asked(
            request_id=request_id,
            who=caller.who,
            key_id=caller.key_id,
            role=caller.role,
            source_ip=caller.source_ip,
        )
        try:
            _check_allowed(action, asked)
            return await self._carry_out(action, asked, parameters)
        except Exception as error:  # noqa: BLE001 - whatever it is becomes a refusal
            raise _refusal(action, error, request_id) from None

    async def _carry_out(
        self, action: Action[Any, Any], asked: Asked, told: Mapping[str, object]
    ) -> Mapping[str, Any]:
        # Empty is what many clients send for what they leave out.
        given = {name: told[name] for name in told if (name, told[name]) != ("Namespace", "")}
        work = HANDLERS[action.version, action.name](self.plane, asked, read(action, given))
        # Once begun, a write goes to its end, whoever is still there to hear of it.
        doing = asyncio.shield(asyncio.ensure_future(work)) if action.writes else work
        answer: Mapping[str, Any] = msgspec.to_builtins(await doing)
        return answer


def _check_allowed(action: Action[Any, Any], asked: Asked) -> None:
    if action.unsupported:
        raise Unsupported("", action.unsupported)
    roles.check(asked.who, asked.role, action.name, action.needs)


def _refusal(action: Action[Any, Any] | None, error: Exception, request_id: str) -> Refusal:
    """Return how an error is told to whoever asked, and log it."""
    named = action and action.name
    if not isinstance(error, Refusal):
        log.error("failed", action=named, request_id=request_id, exc_info=error)
        return Refusal("", f"an error of ours; the log has it as {request_id}")
    if action is not None:
        error.code = action.spelling.get(error.code, error.code)
    log.info("refused", action=named, code=error.code, message=error.message)
    return error


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
