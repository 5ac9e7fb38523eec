"""From an outcome to what the caller of an API hears, and what the gateway itself says to him."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from huidu.gateway.event import failure_status, integrated
from huidu.gateway.message import Response
from huidu.model.errors import Refusal
from huidu.model.invocation import Outcome, Status, failure
from huidu.model.service import Backend

Headers = Sequence[tuple[str, str]]
JSON = ("content-type", "application/json")
SAID = "access-control-"

#: The headers that pages may send and read, as the cloud lists them (document 628/11939).
KNOWN = (
    "X-Api-ID,X-Service-RateLimit,X-UsagePlan-RateLimit,X-UsagePlan-Quota,Cache-Control,"
    "Connection,Content-Disposition,Date,Keep-Alive,Pragma,Via,Accept,Accept-Charset,"
    "Accept-Encoding,Accept-Language,Authorization,Cookie,Expect,From,Host,If-Match,"
    "If-Modified-Since,If-None-Match,If-Range,If-Unmodified-Since,Range,Origin,Referer,"
    "User-Agent,X-Forwarded-For,X-Forwarded-Host,X-Forwarded-Proto,Accept-Range,Age,"
    "Content-Range,Content-Security-Policy,ETag,Expires,Last-Modified,Location,Server,"
    "Set-Cookie,Trailer,Transfer-Encoding,Vary,Allow,Content-Encoding,Content-Language,"
    "Content-Length,Content-Location,Content-Type"
)
#: What answers of an API with CORS carry,
CORS: Headers = (
    (f"{SAID}allow-origin", "*"),
    (f"{SAID}allow-credentials", "true"),
    (f"{SAID}expose-headers", f"X-Api-RequestId,X-Scf-Version,X-Scf-Alias,{KNOWN}"),
)
#: and what it answers where a browser asks whether it may ask.
PREFLIGHT: Headers = (
    (f"{SAID}allow-origin", "*"),
    (f"{SAID}allow-methods", "GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH"),
    (f"{SAID}allow-credentials", "true"),
    (f"{SAID}max-age", "86400"),
)


def message(status: int, text: str) -> Response:
    """Return what the gateway says itself; a slash is spelled as the cloud does."""
    body = json.dumps({"message": text}, ensure_ascii=False, separators=(",", ":"))
    return Response(status=status, headers=[JSON], body=body.replace("/", "\\/").encode())


def preflight(headers: Mapping[str, str]) -> Response:
    """Return the answer to a preflight: the listed headers, and those that were asked for."""
    listed = {name.lower() for name in KNOWN.split(",")}
    asked = [one.strip() for one in headers.get(f"{SAID}request-headers", "").split(",")]
    more = [one for one in asked if one and one.lower() not in listed]
    allowed = (f"{SAID}allow-headers", ",".join((KNOWN, *more)))
    return Response(status=HTTPStatus.NO_CONTENT, headers=[*PREFLIGHT, allowed], body=b"")


def with_cors(headers: Headers) -> Headers:
    """Return headers of an answer of an API with CORS, whatever the function says of it itself."""
    return [*(one for one in headers if not one[0].lower().startswith(SAID)), *CORS]


def responder(backend: Backend, request_id: str) -> Callable[[Outcome], Response]:
    """Return what makes a response of an outcome: the function says all of it, or only the body."""

    def respond(outcome: Outcome) -> Response:
        result = outcome.result.encode("utf-8", "surrogatepass")
        if not outcome.succeeded:
            return Response(status=failure_status(outcome.status), headers=[JSON], body=result)
        if not backend.integrated:
            return Response(status=HTTPStatus.OK, headers=[JSON], body=result)
        return integrated_response(outcome.result, request_id)

    return respond


def integrated_response(result: str, request_id: str) -> Response:
    """Return the response that a function spells out; 403 where that is none (section 5.2)."""
    try:
        said = json.loads(result)
    except (ValueError, RecursionError):
        return malformed(request_id)
    if not isinstance(said, dict) or not isinstance(said.get("body", ""), str | None):
        return malformed(request_id)
    try:
        return integrated({**said, "isBase64Encoded": _is_true(said.get("isBase64Encoded", False))})
    except (ValueError, TypeError, AttributeError, KeyError):
        return malformed(request_id)


def _is_true(said: object) -> bool:
    """Read a boolean; its name in quotes is taken as well, for many functions write that."""
    if isinstance(said, str):
        said = {"true": True, "false": False}.get(said.lower(), said)
    if said is None or isinstance(said, bool):
        return bool(said)
    raise TypeError(said)


def malformed(request_id: str) -> Response:
    """Return what is heard of a function whose result is no response."""
    body = {
        "errno": 403,
        "error": f"requestId {request_id}, Invalid scf response. expected scf response valid JSON.",
        "message": "SCF invoke error",
    }
    text = json.dumps(body, separators=(",", ":"))
    return Response(status=HTTPStatus.FORBIDDEN, headers=[JSON], body=text.encode())


def refused(refusal: Refusal, request_id: str) -> Response:
    """Return what is heard where no version was found to answer (section 6.2)."""
    status = Status.INTERNAL_ERROR
    if refusal.code.startswith("ResourceNotFound.Qualifier"):
        status = Status.QUALIFIER_NOT_FOUND
    elif refusal.code.startswith("ResourceNotFound"):
        status = Status.FUNCTION_NOT_FOUND
    elif refusal.code.startswith("Invalid"):
        status = Status.BAD_EVENT
    body = failure(status, refusal.message, request_id).result
    return Response(status=int(status), headers=[JSON], body=body.encode("utf-8", "replace"))
