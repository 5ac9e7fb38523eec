"""Answers: what the frames of a worker mean, and which of them are not believed."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from huidu.instances import wire
from huidu.instances.outcomes import Ending
from huidu.instances.told import Fault, Ready
from huidu.instances.wire import Frame, Kind, ProtocolError, TooLarge
from huidu.model.invocation import MOST_RESULT_BYTES, Status

#: What a worker may say that a call ended in; all else is for the platform to say.
FAILURES = frozenset(
    {
        Status.BAD_EVENT,
        Status.RESULT_TOO_LARGE,
        Status.USER_ERROR,
        Status.USER_CODE_ERROR,
    }
)
#: What a worker may say that keeps its version from being called.
UNLOADED = frozenset({Status.HANDLER_NOT_FOUND, Status.INIT_FAILED, Status.PORT_NOT_BOUND})

RESULT = int(Kind.RESULT)
T = TypeVar("T")


def loading(frame: Frame, digest: str) -> Ready | Ending:
    """Read the answer to `LOAD`: the version with this digest is ready, or why it is not."""
    if frame.kind is Kind.READY:
        ready = _decoded(frame.body, Ready)
        if ready.digest == digest:
            return ready
        return unready(f"the worker loaded version {ready.digest[:12]}, not {digest[:12]}")
    if frame.kind is Kind.FAILED:
        fault = _decoded(frame.body, Fault)
        if fault.status not in UNLOADED:
            raise ProtocolError(f"status {fault.status} in answer to LOAD")
        return Ending(status=fault.status, message=fault.message, stack=fault.stack)
    raise ProtocolError(f"{frame.kind.name} in answer to LOAD")


def unready(why: str) -> Ending:
    """Return the end of a call for which no instance could be made ready."""
    return Ending(status=Status.INIT_FAILED, message=why)


def ending(kind: int, body: bytes, nonce: bytes) -> Ending:
    """Read the answer to the call that has this nonce, or raise `ProtocolError`."""
    if kind == RESULT and body.startswith(nonce) and len(body) >= wire.SAID_AT:
        peak_bytes, took_ns = wire.FIGURES.unpack_from(body, wire.NONCE_BYTES)
        words = body[wire.SAID_AT :]
        if len(words) > MOST_RESULT_BYTES:
            raise TooLarge(f"the result is too large: {len(words)} bytes")
        return Ending(result=_text(words), peak_bytes=peak_bytes, took_s=took_ns / 1e9)
    reply = wire.reply(body)
    if reply.nonce != nonce:
        raise ProtocolError("an answer to another call")
    if kind == Kind.ERROR:
        fault = _decoded(reply.words, Fault)
        if fault.status in FAILURES:
            return Ending(
                status=fault.status,
                message=fault.message,
                stack=fault.stack,
                peak_bytes=reply.peak_bytes,
                took_s=reply.took_s,
                ends=fault.ends,
            )
        raise ProtocolError(f"status {fault.status} is not for a worker to tell")
    raise ProtocolError(f"{Kind(kind).name} in answer to a call")


def _text(words: bytes) -> str:
    try:
        return words.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("a result that is not UTF-8") from error


def _decoded(words: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(words, type=kind)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"a {kind.__name__} that cannot be read: {error}") from error
