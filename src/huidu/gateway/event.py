"""From an HTTP request to an event, and from an outcome to an HTTP response; no socket here."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from huidu.model.invocation import Outcome, Status
from huidu.model.routing_key import traits_of
from huidu.model.traits import Traits

ROUTING_KEY = "x-scf-routing-key"
#: Headers of one connection, or that only we may write.
OURS = frozenset(
    {"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request; header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def event_of(request: Request) -> bytes:
    """Return the event of a function URL (section 5.4); a body that is not text is in base64."""
    headers = _folded(request.headers)
    headers["x-scf-remote-addr"] = request.source_ip
    event: dict[str, object] = {
        "headers": headers,
        "httpMethod": request.method,
        "path": request.path,
        "queryString": _first(parse_qsl(request.query, keep_blank_values=True)),
    }
    try:
        event |= {"body": request.body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        event |= {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
    return json.dumps(event, ensure_ascii=False).encode()


def traits(request: Request) -> Traits:
    """Return what a request shows to the router (D-29), or raise `InvalidValue`."""
    headers = _folded(request.headers)
    sent = headers.get(ROUTING_KEY, "")
    shown = traits_of(sent, request.source_ip)
    return replace(
        shown,
        headers=shown.headers if sent else headers,
        folded=not sent,
        cookies=_cookies(headers.get("cookie", "")),
        query=_first(parse_qsl(request.query, keep_blank_values=True)),
    )


def _folded(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    return _first(headers)


def _first(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in pairs:
        kept.setdefault(name, value)
    return kept


def _cookies(text: str) -> Mapping[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}


def response_of(outcome: Outcome) -> Response:
    """Return the response that an outcome makes.

    An object with `statusCode` says status, headers and body itself; anything else is the body,
    as JSON. A failure answers with its own number, or 500 where that is none of HTTP's.
    """
    if not outcome.succeeded:
        return _json(failure_status(outcome.status), outcome.result.encode())
    said = json.loads(outcome.result) if outcome.result else None
    if not isinstance(said, dict) or "statusCode" not in said:
        return _json(HTTPStatus.OK, outcome.result.encode())
    try:
        return _integrated(said)
    except (ValueError, TypeError, AttributeError):
        return malformed()


def failure_status(status: int) -> int:
    """Return the HTTP status for a failed run."""
    return int(status) if status >= Status.BAD_EVENT else int(HTTPStatus.INTERNAL_SERVER_ERROR)


def _integrated(said: Mapping[str, object]) -> Response:
    status = int(str(said["statusCode"]))
    if not 200 <= status <= 599:  # noqa: PLR2004 - what HTTP calls a final answer
        raise ValueError(status)
    body = said.get("body", "")
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if said.get("isBase64Encoded"):
        try:
            content = base64.b64decode(str(body), validate=True)
        except binascii.Error as error:
            raise ValueError(body) from error
    given = said.get("headers") or {}
    headers = _headers(given)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    return Response(status=status, headers=headers, body=content)


def _headers(given: object) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    for name, value in given.items():  # type: ignore[attr-defined]
        values = value if isinstance(value, list) else [value]
        for one in values:
            text = str(one)
            if not name.isascii() or any(c in name + text for c in "\r\n\0"):
                raise ValueError(name)
            if name.lower() not in OURS:
                headers.append((name, text))
    return headers


def malformed() -> Response:
    """Return the response where a function answered something that is no response."""
    body = {
        "errno": 403,
        "error": "Invalid scf response format. please check your scf response format.",
    }
    return _json(HTTPStatus.FORBIDDEN, json.dumps(body).encode())


def _json(status: int, body: bytes) -> Response:
    return Response(status=int(status), headers=[("content-type", "application/json")], body=body)
