"""Brief: the bodies of calls and their answers, read and written without a look at what else is.

They are structs, of which mypyc would forget how strict they are: so they stand by themselves.
"""

from __future__ import annotations

import msgspec

from huidu.actions import invocations as actions
from huidu.actions.action import Wire
from huidu.control.invocations import AT_ONCE, at_once


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


def read_function(body: bytes) -> actions.InvokeFunction:
    """Read the body of `InvokeFunction`; raises `MsgspecError` where that is not all of it."""
    return _FUNCTION.decode(body)


def read_any(body: bytes) -> actions.InvokeFunction | None:
    """Read the body of `Invoke` likewise; None where it asks for a call that runs later."""
    call = _ANY.decode(body)
    return at_once(call) if call.invocation_type in AT_ONCE else None


def told(result: actions.Result, request_id: str) -> bytes:
    """Return the body of an answer."""
    return _ENCODER.encode(_Response(_Told(result, request_id)))
