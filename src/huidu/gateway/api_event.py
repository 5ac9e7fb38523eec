"""From a request for an API to the event that its function gets (documents 583/12513, 628/38896).

What the documents leave open: of a header or a query parameter that is repeated, the first is in
the event, as rules see it (D-29); a query parameter without a value has `""`; `path` is written as
`huidu.model.paths.readable` has it; a body that is not UTF-8 is in base64 even where the API does
not ask for that, for JSON cannot hold it, and says so.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from urllib.parse import quote_plus, unquote_plus

import msgspec
import re2  # linear in the length of a header, whatever the rule

from huidu.gateway.event import ROUTING_KEY, first, queried
from huidu.gateway.message import Request
from huidu.model.paths import Match
from huidu.model.service import HEADER, NO_AUTH, PATH, QUERY, QUIET, Api, Parameter
from huidu.model.trace import NO_TRACE, Trace, carried

#: Headers in the event that only we may say; many servers see no difference between - and _.
OURS = frozenset(
    {
        "x-api-requestid",
        "x-b3-traceid",
        "x-qualifier",
        "requestsource",
        "x-api-scheme",
        "endpoint-timeout",
        "x-anonymous-consumer",
    }
)
#: How a parameter that is missing is spoken of, by its position.
CALLED = {HEADER: "header", QUERY: "querystring", PATH: "path variable"}
Wire = Sequence[tuple[bytes, bytes]]
CONDITIONS = {"accept": "accept", "content_type": "content-type", "content-type": "content-type"}


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request for an API, once it is known which."""

    request: Request  #: Its path is without the environment, as `readable` has it.
    match: Match
    environment: str
    request_id: str
    scheme: str
    trace: Trace = NO_TRACE

    @property
    def api(self) -> Api:
        """The API as it is released."""
        return self.match.api

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers that the client sent, in lower case."""
        return first(self.request.headers)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query, decoded."""
        return queried(self.request.query)

    def missing(self) -> str:
        """Return what the gateway says where a required parameter is missing, or nothing."""
        for one in self.api.parameters:
            if one.required and not one.default and self._sent(one) is None:
                return f"{CALLED.get(one.position, one.position.lower())} {one.name} is required"
        return ""

    def event(self, body: bytes, secret_id: str) -> bytes:
        """Return the event as JSON, its keys in the order of the documents."""
        headers, query = self._told(), dict(self.query)
        declared: dict[str, dict[str, str]] = {HEADER: {}, QUERY: {}, PATH: {}}
        declared[PATH].update(self.match.parameters)
        for one in self.api.parameters:
            value = self._sent(one)
            if value is not None or one.default:
                place = declared.setdefault(one.position, {})
                place[one.name] = one.default if value is None else value
        for one in self.api.constants:
            declared.setdefault(one.position, {})[one.name] = one.default
            if one.position == HEADER:
                headers[one.name.lower()] = one.default
            elif one.position == QUERY:
                query[one.name] = one.default
        text, encoded = self._text(body)
        event = {
            "requestContext": self._context(secret_id),
            "headers": headers,
            "body": text,
            "pathParameters": declared[PATH],
            "queryStringParameters": declared[QUERY],
            "headerParameters": declared[HEADER],
            "stageVariables": {"stage": self.environment},
            "path": self.request.path,
            "queryString": query,
            "httpMethod": self.request.method,
            "isBase64Encoded": encoded,
        }
        return msgspec.json.encode(event)

    def ours(self) -> dict[str, str]:
        """Return the headers that a function is told beside those of the client."""
        told = {
            "x-api-requestid": self.request_id,
            "x-b3-traceid": self.request_id,
            "x-qualifier": self.api.backend.qualifier,
            "requestsource": "APIGW",
            "x-api-scheme": self.scheme,
            "endpoint-timeout": str(self.api.timeout_s),
        }
        if self.api.auth == NO_AUTH:
            told["x-anonymous-consumer"] = "true"
        return told

    def _told(self) -> dict[str, str]:
        sent = carried([*self.headers.items()], self.trace)
        told = {name: value for name, value in sent if not is_ours(name)}
        told.update(self.ours())
        return told

    def _context(self, secret_id: str) -> dict[str, object]:
        return {
            "serviceId": self.api.service_id,
            "path": self.api.path,
            "httpMethod": self.api.method,
            "requestId": self.request_id,
            "identity": {"secretId": secret_id} if secret_id else {},
            "sourceIp": self.request.source_ip,
            "stage": self.environment,
        }

    def _sent(self, parameter: Parameter) -> str | None:
        match parameter.position:
            case "HEADER":
                return self.headers.get(parameter.name.lower())
            case "QUERY":
                return self.query.get(parameter.name)
            case _:
                return self.match.parameters.get(parameter.name)

    def _text(self, body: bytes) -> tuple[str, bool]:
        if not wants_base64(self.api, self.headers):
            try:
                return body.decode(), False
            except UnicodeDecodeError:
                pass
        return base64.b64encode(body).decode(), True


def is_ours(name: str) -> bool:
    """Tell whether a header is one that only we may say; a routing key is the client's."""
    plain = name.replace("_", "-")
    return plain in OURS or (plain.startswith("x-scf-") and name != ROUTING_KEY)


def wants_base64(api: Api, headers: Mapping[str, str]) -> bool:
    """Tell whether an API wants this body in base64: always, or where one of its rules is met."""
    if not api.base64 or not api.base64_rules:
        return api.base64
    return any(
        _alike(value)(headers.get(CONDITIONS.get(name.lower(), name.lower()), "")) is not None
        for name, values in api.base64_rules
        for value in values
    )


@lru_cache(maxsize=1024)
def _alike(value: str) -> Callable[[str], object]:
    """Return what looks for a value of a rule: anywhere in a header, and `*` is any text.

    By RE2, for a few stars and a hundred letters would keep Python's own busy for seconds.
    """
    pieces = "[^,]*".join(map(re2.escape, re.split(r"\*+", value)))
    try:
        search: Callable[[str], object] = re2.compile(f"(?i){pieces}", QUIET).search
    except (re2.error, UnicodeEncodeError):  # nothing is like what is far too long
        return lambda _: None
    return search


def with_constants(
    constants: Sequence[Parameter], headers: Wire, query: bytes
) -> tuple[Wire, bytes, Wire]:
    """Return headers and query for a web function with constants, and the constant headers apart.

    They are to be added last: a client that names one in `Connection` would else take it away.
    """
    if not constants:
        return headers, query, []
    ours = [
        (one.name.lower().encode("latin-1", "replace"), one.default.encode())
        for one in constants
        if one.position == HEADER
    ]
    alike = {name.replace(b"_", b"-") for name, _ in ours}  # many servers see no difference
    kept = [one for one in headers if one[0].replace(b"_", b"-") not in alike]
    told = [(one.name, one.default) for one in constants if one.position == QUERY]
    names = {name for name, _ in told}
    pairs = [
        pair
        for pair in (query.split(b"&") if query else [])
        if unquote_plus(pair.partition(b"=")[0].decode("latin-1")) not in names
    ]
    pairs += [f"{quote_plus(name)}={quote_plus(value)}".encode() for name, value in told]
    return kept, b"&".join(pairs), ours
