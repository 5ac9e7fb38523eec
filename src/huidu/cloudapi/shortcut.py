"""Shortcut: a signed call of a function, from the bytes of a request to what is to run, and back.

Calls are nearly all that is ever asked, so they need not walk through every room. What is refused
is never refused here: of whatever is unusual, wrong or not allowed the shortcut says that it is not
for it, and the desk answers, as it would have anyway. So the shortcut may know less than the desk
and must only let nothing through that the desk would not, nor otherwise; what decides that is the
desk's own, and a test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from huidu.actions import invocations as actions
from huidu.actions.action import SCF_VERSION, Action, Wire
from huidu.actions.table import BY_NAME
from huidu.cloudapi import wire
from huidu.cloudapi.desk import Desk
from huidu.control.invocations import AT_ONCE, CONTEXT, EVENT, Call, at_once, prepare, run
from huidu.model.names import DEFAULT_NAMESPACE

Headers = Sequence[tuple[bytes, bytes]]

ACTION = b"x-tc-action"


class _InvokeFunction(actions.InvokeFunction, forbid_unknown_fields=True):
    """The same; what has other fields, of whatever depth, is the desk's to read."""


class _Invoke(actions.Invoke, forbid_unknown_fields=True):
    """The same."""


class _Told(Wire):
    """What the desk makes of an answer: it, and the id of the request."""

    result: actions.Result
    request_id: str


class _Response(Wire):
    """What is around every answer."""

    response: _Told


_FUNCTION = msgspec.json.Decoder(_InvokeFunction)
_ANY = msgspec.json.Decoder(_Invoke)
_ENCODER = msgspec.json.Encoder()


def _read_function(body: bytes) -> actions.InvokeFunction:
    return _FUNCTION.decode(body)


def _read_any(body: bytes) -> actions.InvokeFunction | None:
    call = _ANY.decode(body)
    return at_once(call) if call.invocation_type in AT_ONCE else None


class Kind(NamedTuple):
    """An action that calls a function."""

    action: Action[Any, Any]
    field: str  #: What the event is called in it.
    read: Callable[[bytes], actions.InvokeFunction | None]  #: None for a call that runs later.


KINDS: Mapping[bytes, Kind] = {
    name.encode(): Kind(BY_NAME[SCF_VERSION, name], field, read)
    for name, field, read in (
        ("InvokeFunction", EVENT, _read_function),
        ("Invoke", CONTEXT, _read_any),
    )
}


class Prepared(NamedTuple):
    """A call that may be made, and the action that asks for it."""

    action: Action[Any, Any]
    call: Call


class Shortcut:
    """Reads and answers what a client of the cloud API usually sends to call a function."""

    def __init__(self, desk: Desk, elsewhere: Callable[[str], bool]) -> None:
        """Take the desk to ask, and what tells by its host that a request is not for it."""
        self._desk = desk
        self._elsewhere = elsewhere

    async def ask(
        self, method: bytes, target: bytes, headers: Headers, body: bytes, source_ip: str | None
    ) -> bytes | None:
        """Answer a request, or return None where the desk is to. Never raises."""
        prepared = self.read(method, target, headers, body, source_ip)
        if prepared is None:
            return None
        end: actions.Invoked | Exception
        try:
            end = await run(self._desk.plane, prepared.call)
        except Exception as error:  # noqa: BLE001 - whatever it is becomes an answer
            end = error
        return self.answer(prepared, end)

    def read(
        self, method: bytes, target: bytes, headers: Headers, body: bytes, source_ip: str | None
    ) -> Prepared | None:
        """Return the call that a request asks for, or None where the desk is to answer it.

        The names of headers are in lower case. Never raises.
        """
        if method != b"POST" or target != b"/":
            return None
        named = dict(headers)
        kind = KINDS.get(named.get(ACTION, b""))
        if kind is None or len(named) != len(headers):
            return None  # which of two headers counts, the desk knows
        try:
            return self._read(kind, named, body, source_ip)
        except Exception:  # noqa: BLE001 - the desk finds it as well, and says what it is
            return None

    def _read(
        self, kind: Kind, named: Mapping[bytes, bytes], body: bytes, source_ip: str | None
    ) -> Prepared | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in named.items()}
        request = wire.Request(method="POST", path="/", headers=headers, body=body)
        if wire.media_type(headers) != wire.JSON or self._elsewhere(headers["host"]):
            return None
        head = wire.read_head(request)
        if head.version != kind.action.version:
            return None
        desk = self._desk
        asked = desk.asked(kind.action, request, head, desk.new_id(), source_ip)
        call = kind.read(body)
        if call is None:
            return None
        if not call.namespace:
            call.namespace = DEFAULT_NAMESPACE
        return Prepared(kind.action, prepare(desk.plane, asked, call, kind.field))

    def answer(self, prepared: Prepared, end: actions.Invoked | Exception) -> bytes:
        """Return the body of the answer to a call, whatever came of it. Never raises."""
        request_id = prepared.call.invocation.request_id
        if isinstance(end, Exception):
            return self._desk.refused(prepared.action, end, request_id)
        try:
            return _ENCODER.encode(_Response(_Told(end.result, request_id)))
        except Exception as error:  # noqa: BLE001 - whatever it is becomes an answer
            return self._desk.refused(prepared.action, error, request_id)
