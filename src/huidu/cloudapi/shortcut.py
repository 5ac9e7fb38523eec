"""Shortcut: a signed call of a function, from the bytes of a request to what is to run, and back.

Calls are nearly all that is ever asked, so they need not walk through every room. Nothing is
refused here: a request in which anything is unusual, wrong or not allowed goes to the desk as if
there were no shortcut. So the shortcut may know less than the desk; it must only let nothing
through that the desk would not, and nothing otherwise. What decides is the desk's own, and tests
hold the two to each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from huidu.actions import invocations as actions
from huidu.actions.action import SCF_VERSION, Action
from huidu.actions.table import BY_NAME
from huidu.ask import Ask, Run, Sent
from huidu.cloudapi import brief, wire
from huidu.cloudapi.desk import Desk
from huidu.control.invocations import CONTEXT, EVENT, Call, begin, prepare
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.model.trace import PARENT, STATE

#: Headers that may decide over a call, or become part of it. Where others are signed, the signature
#: does not fit what is seen here, and the desk sees the rest.
LOOKED_AT = tuple(
    (name.encode(), name)
    for name in (
        *("authorization", "content-type", "host"),
        *("x-tc-action", "x-tc-content-sha256", "x-tc-timestamp", "x-tc-token", "x-tc-version"),
        *(PARENT, STATE),
    )
)
TYPE = b"content-type: application/json\r\n"  #: As `app.JSON`.


class Kind(NamedTuple):
    """An action that calls a function."""

    action: Action[Any, Any]
    field: str  #: What the event is called in it.
    read: Callable[[bytes], actions.InvokeFunction | None]  #: None for what runs later.


KINDS: Mapping[bytes, Kind] = {
    name.encode(): Kind(BY_NAME[SCF_VERSION, name], field, read)
    for name, field, read in (
        ("InvokeFunction", EVENT, brief.read_function),
        ("Invoke", CONTEXT, brief.read_any),
    )
}


class Prepared(NamedTuple):
    """A call that may be made, and the action that asks for it."""

    action: Action[Any, Any]
    call: Call


class Shortcut:
    """Reads and answers what clients of the cloud API usually send to call a function."""

    def __init__(self, desk: Desk, elsewhere: Callable[[str], bool]) -> None:
        """Take the desk to ask, and what tells by its host that a request is not for it."""
        self._desk = desk
        self._elsewhere = elsewhere
        self._asking: set[asyncio.Task[None]] = set()

    def find(self, method: bytes, target: bytes, sent: Sent) -> Run | None:
        """Return what answers a request of this head, or None where it is not for the shortcut."""
        kind = self.kind(method, target, sent)
        return None if kind is None else partial(self._run, kind)

    def kind(self, method: bytes, target: bytes, sent: Sent) -> Kind | None:
        """Return what a request of this head asks for, or None likewise."""
        if method != b"POST" or target != b"/":
            return None
        kind = KINDS.get(sent.get(b"x-tc-action", b""))
        if kind is None or not _is_json(sent.get(b"content-type", b"")):
            return None
        return None if self._elsewhere(sent.get(b"host", b"").decode("latin-1")) else kind

    def read(self, kind: Kind, ask: Ask) -> Prepared | None:
        """Return the call that a request asks for, or None where the desk is to answer it.

        Never raises: what is wrong, the desk finds as well, and says what it is.
        """
        desk = self._desk
        try:
            request = _request(ask, [pair for pair in LOOKED_AT if pair[0] in ask.headers])
            head = wire.read_head(request)
            if head.version != kind.action.version:
                return None
            asked = desk.asked(kind.action, request, head, desk.new_id(), ask.client or None)
            call = kind.read(request.body)
            if call is None:
                return None
            if not call.namespace:
                call.namespace = DEFAULT_NAMESPACE
            return Prepared(kind.action, prepare(desk.plane, asked, call, kind.field))
        except Exception:  # noqa: BLE001 - it is the desk's to tell
            return None

    def told(self, prepared: Prepared, end: actions.Invoked | Exception) -> bytes:
        """Return the body of the answer to a call, whatever came of it. Never raises."""
        request_id = prepared.call.invocation.request_id
        if isinstance(end, Exception):
            return self._desk.refused(prepared.action, end, request_id)
        try:
            return brief.told(end.result, request_id)
        except Exception as error:  # noqa: BLE001 - whatever it is becomes an answer
            return self._desk.refused(prepared.action, error, request_id)

    def _run(self, kind: Kind, ask: Ask) -> None:
        """Answer a request, now or later."""
        prepared = self.read(kind, ask)
        if prepared is None:
            asking = asyncio.create_task(self._ask(ask))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        else:
            under_way = begin(self._desk.plane, prepared.call, partial(self._tell, ask, prepared))
            if not under_way.over:
                ask.under_way = under_way

    def _tell(self, ask: Ask, prepared: Prepared, end: actions.Invoked | Exception) -> None:
        _answer(ask, self.told(prepared, end))

    async def _ask(self, ask: Ask) -> None:
        """Have the desk answer a request."""
        request = _request(ask, [(name, name.decode("latin-1")) for name in ask.headers])
        _answer(ask, await self._desk.answer(request, ask.client or None))


def _request(ask: Ask, names: Sequence[tuple[bytes, str]]) -> wire.Request:
    """Return a request as the desk takes it, with no other headers than these."""
    sent = ask.headers
    headers = {name: sent[key].decode("latin-1") for key, name in names}
    return wire.Request(method="POST", path="/", headers=headers, body=ask.body)


def _answer(ask: Ask, body: bytes) -> None:
    size = len(body)
    ask.answer(200, b"%bcontent-length: %d\r\n" % (TYPE, size), body)


@lru_cache(maxsize=64)
def _is_json(content_type: bytes) -> bool:
    return wire.media_type({"content-type": content_type.decode("latin-1")}) == wire.JSON
