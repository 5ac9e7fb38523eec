"""From an HTTP request to an event, and from an outcome to an HTTP response; no socket here."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec

from huidu.gateway.message import Request, Response
from huidu.model.invocation import Outcome, Status
from huidu.model.routing_key import traits_of
from huidu.model.service import CONTROL, TOKEN
from huidu.model.traits import NOTHING, Traits

ROUTING_KEY = "x-scf-routing-key"
#: Headers of one connection, or that only we may write.
OURS = frozenset(
    {
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
        "x-api-appid",
        "x-api-funcname",
        "x-api-httphost",
        "x-api-id",
        "x-api-requestid",
        "x-api-serviceid",
        "x-api-status",
        "x-api-upstreamstatus",
        "x-api-uri",
        "x-scf-alias",
        "x-scf-version",
    }
)
#: Answers without a body; one that had it would be read as the beginning of the next answer.
#: How a result begins that is no object, and what an object that is a response has in it.
PLAIN, SPELLED = frozenset('"[0123456789-tfn'), "statusCode"
ESCAPED = "\\u"  #: How letters of a name may be spelled as well.
ENCODER = msgspec.json.Encoder()
BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


def event_of(request: Request) -> bytes:
    """Return the event of a function URL (section 5.4); a body that is not text is in base64."""
    return event_from(
        request.method,
        request.path,
        queried(request.query),
        first(request.headers),
        request.body,
        request.source_ip,
    )


def event_from(
    method: str,
    path: str,
    query: Mapping[str, str],
    sent: Mapping[str, str],
    body: bytes,
    source_ip: str,
) -> bytes:
    """Return the same of what was read already."""
    headers = {name: value for name, value in sent.items() if not _is_the_platforms(name)}
    headers["x-scf-remote-addr"] = source_ip
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode(), True
    return ENCODER.encode(
        {
            "headers": headers,
            "httpMethod": method,
            "path": path,
            "queryString": query,
            "body": text,
            "isBase64Encoded": encoded,
        }
    )


def _is_the_platforms(name: str) -> bool:
    """Tell whether a header would pass for one of ours; many see no difference between - and _."""
    if name[0] != "x":
        return False
    return name.replace("_", "-").startswith("x-scf-") and name != ROUTING_KEY


def traits(request: Request) -> Traits:
    """Return what a request shows to the router (D-29), or raise `InvalidValue`."""
    return traits_from(first(request.headers), queried(request.query), request.source_ip)


def traits_from(headers: Mapping[str, str], query: Mapping[str, str], source_ip: str) -> Traits:
    """Return the same of what was read already."""
    sent = headers.get(ROUTING_KEY, "")
    return Traits(
        headers=traits_of(sent, source_ip).headers if sent else headers,
        folded=not sent,
        cookies=_cookies(headers["cookie"]) if "cookie" in headers else NOTHING,
        query=query,
        source_ip=source_ip,
    )


def queried(text: str) -> dict[str, str]:
    """Return a query, decoded; of a name that is repeated, the first."""
    return first(parse_qsl(text, keep_blank_values=True)) if text else {}


def first(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the first of each name."""
    kept: dict[str, str] = {}
    for name, value in pairs:
        kept.setdefault(name, value)
    return kept


def _cookies(text: str) -> dict[str, str]:
    """Read cookies as browsers do: what one of them holds does not hide the others."""
    pairs = [part.partition("=") for part in text.split(";") if "=" in part]
    return first([(name.strip(), _unquoted(value.strip())) for name, _, value in pairs])


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if quoted else value


def plain_body(outcome: Outcome) -> bytes | None:
    """Return the body where it is the result and nothing else; None where that is to be seen."""
    result = outcome.result
    if outcome.status != Status.SUCCESS:
        return None
    if result[:1] not in PLAIN and (SPELLED in result or ESCAPED in result):
        return None
    return result.encode()


def response_of(outcome: Outcome) -> Response:
    """Return the response that an outcome makes.

    An object with `statusCode` says status, headers and body itself; anything else is the body,
    as JSON. A failure answers with its own number, or 500 where that is none of HTTP's.
    """
    if not outcome.succeeded:
        return _json(failure_status(outcome.status), outcome.result.encode())
    said = _read(outcome.result)
    if not isinstance(said, dict) or "statusCode" not in said:
        return _json(HTTPStatus.OK, outcome.result.encode())
    try:
        return integrated(said)
    except (ValueError, TypeError, AttributeError):
        return malformed()


def _read(result: str) -> object:
    try:
        return json.loads(result)
    except (ValueError, RecursionError):  # empty, or too deep to be a response
        return None


def failure_status(status: int) -> int:
    """Return the HTTP status for a failed run."""
    return int(status) if status >= Status.BAD_EVENT else int(HTTPStatus.INTERNAL_SERVER_ERROR)


def integrated(said: Mapping[str, object]) -> Response:
    """Return the response that an object spells out.

    Raises `ValueError`, `TypeError`, `AttributeError` or `KeyError` where it cannot be sent.
    """
    status = int(str(said["statusCode"]))
    if not 200 <= status <= 599:  # noqa: PLR2004 - what HTTP calls a final answer
        raise ValueError(status)
    body = said.get("body")
    content = _text("" if body is None else body).encode()
    if said.get("isBase64Encoded"):
        content = base64.b64decode(content, validate=True)
    headers = _headers(said.get("headers") or {})
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    return Response(status=status, headers=headers, body=b"" if status in BODILESS else content)


def _headers(given: object) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    for name, value in given.items():  # type: ignore[attr-defined]
        for one in value if isinstance(value, list) else [value]:
            text = _text(one)
            text.encode()  # half a surrogate pair cannot go over the wire
            if not TOKEN.fullmatch(name) or CONTROL.search(text):
                raise ValueError(name)
            if name.lower() not in OURS:
                headers.append((name, text))
    return headers


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def malformed() -> Response:
    """Return the response where a function answered something that is no response."""
    body = {
        "errno": 403,
        "error": "Invalid scf response format. please check your scf response format.",
    }
    return _json(HTTPStatus.FORBIDDEN, json.dumps(body).encode())


def _json(status: int, body: bytes) -> Response:
    return Response(status=int(status), headers=[("content-type", "application/json")], body=body)
