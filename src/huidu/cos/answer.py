"""Answer: what COS says, and how it says no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Tree = Mapping[str, "str | Tree | Sequence[Tree]"]

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
#: What XML 1.0 has no way to write.
UNWRITABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF), "\ufffd")


@dataclass(frozen=True, slots=True)
class Span:
    """Some bytes of a file, whose reader closes it."""

    file: BinaryIO
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said to a request: the body as it is, or out of a file."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    span: Span | None = None


class Refused(Exception):
    """COS says no: with one of its codes, and the status that goes with it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def denied(message: str) -> Refused:
    """Return the refusal of who may not do this."""
    return Refused(403, "AccessDenied", message)


def xml(root: str, tree: Tree, status: int = 200, **headers: str) -> Answer:
    """Return an answer of XML. A list is as many elements of that name."""
    text = HEAD + "".join(_element(root, tree))
    body = text.encode("utf-8", "replace")
    return Answer(status=status, headers={"content-type": "application/xml", **headers}, body=body)


def _element(name: str, value: str | Tree | Sequence[Tree]) -> list[str]:
    if isinstance(value, str):
        return [f"<{name}>{escape(value.translate(UNWRITABLE))}</{name}>"]
    if isinstance(value, Sequence):
        return [part for one in value for part in _element(name, one)]
    inner = [part for below, one in value.items() for part in _element(below, one)]
    return [f"<{name}>", *inner, f"</{name}>"]


def refusal(refused: Refused, resource: str, request_id: str) -> Answer:
    """Return the answer that says no."""
    told = {
        "Code": refused.code,
        "Message": refused.message,
        "Resource": resource,
        "RequestId": request_id,
        "TraceId": request_id,
    }
    return xml("Error", told, refused.status)
