"""The cloud API's protocol without a socket: what a request asks, and what an answer looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from huidu.model.errors import InvalidParameter, TooLarge

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

MOST_PARAMETERS = 10_000
MOST_DEEP = 64
SHOWN = 80  #: How much of a name that the caller chose comes back in a message.

INDEX = re.compile(r"0|[1-9][0-9]*")
SECONDS = re.compile(r"[0-9]{1,11}")

#: What v1 sends among the parameters and v3 sends as headers.
COMMON = frozenset(
    {
        "Action",
        "Language",
        "Nonce",
        "Region",
        "RequestClient",
        "SecretId",
        "Signature",
        "SignatureMethod",
        "Timestamp",
        "Token",
        "Version",
    }
)
#: Those of them that a head has, where they are parameters and where they are headers.
IN_FORMS = ("Action", "Version", "Region", "Timestamp", "Language", "Token")
IN_HEADERS = tuple(f"x-tc-{name.lower()}" for name in IN_FORMS)


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An HTTP request, as it stood on the wire.

    A signature covers bytes, so nothing here is decoded for comfort: `path` and `query` keep
    their percent signs, and they and the headers are latin-1, one character for one byte.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str]  #: By lower-case name.
    body: bytes = b""


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a request says of itself: enough to find its action and to check its signature.

    What was not said is empty.
    """

    action: str
    version: str
    region: str
    timestamp: int | None  #: None also when it was said and is no whole number of seconds.
    language: str
    token: str
    flat: Mapping[str, str] | None  #: v1: every parameter, as sent, since all are signed.


class Call(Head, frozen=True, kw_only=True, gc=False):
    """A request that was read to its end.

    `parameters` holds JSON values. Those of a form are all texts: what they should be, only the
    action's schema knows.
    """

    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many bytes a request may have, by its way of signing. For a GET the query counts."""

    get: int = 32 * 1024
    form: int = 1024 * 1024
    tc3: int = 10 * 1024 * 1024


SIZES = Sizes()


def limit_bytes(method: str, headers: Mapping[str, str], sizes: Sizes = SIZES) -> int:
    """Say how long the query of a GET, or the body of a POST, may be."""
    if method == "GET":
        return sizes.get
    return sizes.form if is_v1(method, headers) else sizes.tc3


def too_large(limit: int) -> TooLarge:
    """Return the refusal for whoever counts the bytes to raise."""
    return TooLarge("", f"the request is larger than {limit} bytes")


def read_head(request: Request) -> Head:
    """Read what must be known before the parameters are worth reading.

    Raise `InvalidParameter` if the method, or the form that carries a v1 request, is malformed.
    """
    if request.method not in ("GET", "POST"):
        raise InvalidParameter("", f"method {request.method[:SHOWN]!r}: must be GET or POST")
    if not is_v1(request.method, request.headers) or _is_json(request):
        return _head(request.headers, IN_HEADERS, None)
    flat = read_flat(octets(request.query) if request.method == "GET" else request.body)
    return _head(flat, IN_FORMS, flat)


def read(request: Request, head: Head | None = None) -> Call:
    """Read a request to its end, or raise `InvalidParameter`.

    Whoever checks signatures between the two steps hands in the head that was read before.
    """
    known = head or read_head(request)
    return Call(
        **{name: getattr(known, name) for name in Head.__struct_fields__},
        parameters=_parameters(request, known),
    )


def is_v1(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether the common parameters are among the others (v1) or are headers (v3)."""
    if "x-tc-action" in headers:
        return False
    # The Serverless command line sends its forms as JSON; what is JSON has its action in a header.
    return method == "GET" or media_type(headers) in (FORM, JSON)


def _is_json(request: Request) -> bool:
    return media_type(request.headers) == JSON and request.body.lstrip()[:1] in (b"", b"{", b"[")


def media_type(headers: Mapping[str, str]) -> str:
    """Return the content type without its options, in lower case."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def octets(text: str) -> bytes:
    """Return the bytes that a part of the request's line or headers was on the wire."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise InvalidParameter("", "the request's line and headers must be latin-1") from error


def envelope(request_id: str, result: Mapping[str, object]) -> bytes:
    """Return the body of an answer. What is no number in JSON (NaN, Infinity) becomes null."""
    return msgspec.json.encode({"Response": {**result, "RequestId": request_id}})


def refusal(request_id: str, code: str, message: str) -> bytes:
    """Return the body of a refusal, whatever characters its message quotes."""
    said = message.encode("utf-8", "replace").decode()
    return envelope(request_id, {"Error": {"Code": code, "Message": said}})


def _head(said: Mapping[str, str], names: Sequence[str], flat: Mapping[str, str] | None) -> Head:
    action, version, region, seconds, language, token = [said.get(name, "") for name in names]
    return Head(
        action=action,
        version=version,
        region=region,
        timestamp=int(seconds) if SECONDS.fullmatch(seconds) else None,
        language=language,
        token=token,
        flat=flat,
    )


def _parameters(request: Request, head: Head) -> dict[str, object]:
    if head.flat is not None:
        return unflatten({name: head.flat[name] for name in head.flat if name not in COMMON})
    if request.method == "GET":
        return unflatten(read_flat(octets(request.query)))
    kind = media_type(request.headers)
    if kind not in BODIES:
        raise InvalidParameter(
            "", f"Content-Type {kind[:SHOWN]!r}: must be one of {', '.join(BODIES)}"
        )
    return BODIES[kind](request)


def json_body(request: Request) -> dict[str, object]:
    """The body is one JSON object."""
    value = read_json(request.body, "the body")
    if not isinstance(value, dict):
        raise InvalidParameter("", "the body must be a JSON object")
    return value


def form_body(request: Request) -> dict[str, object]:
    """The body is what the query of a GET would be."""
    return unflatten(read_flat(request.body))


def multipart_body(request: Request) -> dict[str, object]:
    """Each part is a parameter: a text, or JSON where its Content-Type says so."""
    parameters: dict[str, object] = {}
    # The official SDK sends nothing at all where there is no parameter.
    parts = read_parts(request) if request.body else []
    for part in parts:
        name = _text(part.name, part.name)
        if name in parameters:
            raise InvalidParameter("", f"{name[:SHOWN]!r} is given twice")
        if "." in name:
            raise InvalidParameter("", f"{name[:SHOWN]!r}: send nested fields as one part of JSON")
        is_json = media_type({"content-type": part.content_type}) == JSON
        parameters[name] = (
            read_json(part.value, repr(name[:SHOWN])) if is_json else _text(part.value, part.name)
        )
    return parameters


#: How the body of a POST is read. A new content type is one function and one row.
BODIES: Mapping[str, Callable[[Request], dict[str, object]]] = {
    JSON: json_body,
    FORM: form_body,
    MULTIPART: multipart_body,
}


def read_json(raw: bytes, what: str) -> object:
    """Read JSON, or raise `InvalidParameter`.

    NaN and Infinity, which are not JSON, are let through: the schema refuses them later, and
    can name the field.
    """
    try:
        value = _decode(raw)
        _check_depth(value, what, MOST_DEEP)
    except RecursionError as error:
        raise _too_deep(what) from error
    except ValueError as error:
        raise InvalidParameter("", f"{what} is not JSON: {error}") from error
    return value


def _decode(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        value: object = json.loads(raw.decode())
        # The second parser also lets halves of surrogate pairs through, which no store can keep.
        json.dumps(value, ensure_ascii=False).encode()
        return value


def _check_depth(value: object, what: str, room: int) -> None:
    if isinstance(value, dict | list):
        if room == 0:
            raise _too_deep(what)
        for child in value.values() if isinstance(value, dict) else value:
            _check_depth(child, what, room - 1)


def _too_deep(what: str) -> InvalidParameter:
    return InvalidParameter("", f"{what} is nested more than {MOST_DEEP} levels deep")


def read_flat(raw: bytes) -> dict[str, str]:
    """Read a form, percent-encoded UTF-8, without interpreting its names."""
    if raw.count(b"&") >= MOST_PARAMETERS:
        raise InvalidParameter("", f"more than {MOST_PARAMETERS} parameters")
    flat: dict[str, str] = {}
    for pair in filter(None, raw.split(b"&")):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        key = _text(unquote_to_bytes(name), name)
        if key in flat:
            raise InvalidParameter("", f"{key[:SHOWN]!r} is given twice")
        flat[key] = _text(unquote_to_bytes(value), name)
    return flat


def _text(raw: bytes, name: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        shown = name[:SHOWN].decode(errors="replace")
        raise InvalidParameter("", f"{shown!r} is not UTF-8") from error


def unflatten(flat: Mapping[str, str]) -> dict[str, object]:
    """Undo what the SDKs do to nested parameters before they put them into a form.

    `A.0.B=x` is `{"A": [{"B": "x"}]}`: where all the names at one place are indexes, the place
    is a list. Raise `InvalidParameter` where names contradict each other.
    """
    tree: dict[str, object] = {}
    for name, value in flat.items():
        _plant(tree, name, value)
    return {name: _grown(name, child) for name, child in tree.items()}


def _plant(tree: dict[str, object], name: str, value: str) -> None:
    if name.count(".") >= MOST_DEEP:
        raise _too_deep(repr(name[:SHOWN]))
    *path, last = name.split(".")
    if not last or not all(path):
        raise InvalidParameter("", f"{name[:SHOWN]!r} has an empty part")
    node: object = tree
    for step in path:
        node = node.setdefault(step, {}) if isinstance(node, dict) else node
    if not isinstance(node, dict) or last in node:
        raise InvalidParameter("", f"{name[:SHOWN]!r} is both a value and a place for values")
    node[last] = value


def _grown(name: str, node: object) -> object:
    if not isinstance(node, dict):
        return node
    if not all(INDEX.fullmatch(key) for key in node):
        return {key: _grown(f"{name}.{key}", child) for key, child in node.items()}
    indexes = [str(index) for index in range(len(node))]
    for index in indexes:
        if index not in node:
            raise InvalidParameter(
                "", f"{name[:SHOWN]!r} is a list without an item {index}: indexes have no gaps"
            )
    return [_grown(f"{name}.{index}", node[index]) for index in indexes]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body."""

    name: bytes
    content_type: str
    value: bytes


#: Nothing of a request goes to a file, however large a part is.
IN_MEMORY = {"MAX_MEMORY_FILE_SIZE": float("inf")}


def read_parts(request: Request) -> list[Part]:
    """Cut a multipart body into its parts, or raise `InvalidParameter`."""
    parts: list[Part] = []
    ends: list[bool] = []

    def keep(field: Field) -> None:
        parts.append(Part(field.field_name or b"", field.content_type or "", field.value or b""))

    def keep_file(file: File) -> None:
        file.file_object.seek(0)
        value = file.file_object.read()
        file.close()
        parts.append(Part(file.field_name or b"", file.content_type or "", value))

    def end() -> None:
        ends.append(True)

    try:
        _, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary")
        parser = FormParser(MULTIPART, keep, keep_file, end, boundary=boundary, config=IN_MEMORY)
        parser.write(request.body)
        if not ends:
            raise FormParserError("it breaks off before its last boundary")
    except ValueError as error:
        raise InvalidParameter("", f"the body is not multipart: {error!s:.200}") from error
    if len(parts) > MOST_PARAMETERS:
        raise InvalidParameter("", f"more than {MOST_PARAMETERS} parameters")
    return parts
