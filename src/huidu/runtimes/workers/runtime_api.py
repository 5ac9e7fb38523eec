"""Runtime API: the four endpoints, which call is under way, and what became of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from huidu.runtimes.workers.conversation import MOST_BODY, Client, Refused, Request, said
from huidu.runtimes.workers.python_wire import ERROR, FIGURES, NONCE, READY, RESULT, SIZE
from huidu.runtimes.workers.python_worker import RESULT_TOO_LARGE
from huidu.runtimes.workers.python_worker import said as shortened

USER_CODE_ERROR = 443
MOST_READ = 64 * 1024

READY_AT = "/runtime/init/ready"
NEXT_AT = "/runtime/invocation/next"
RESPONSE_AT = "/runtime/invocation/response"
ERROR_AT = "/runtime/invocation/error"
METHODS = {READY_AT: "POST", NEXT_AT: "GET", RESPONSE_AT: "POST", ERROR_AT: "POST"}
HINT = ", ".join(f"{method} {path}" for path, method in METHODS.items())

#: What of a call's context goes into the headers of its event: the cloud's three, and ours.
TOLD = (
    "request_id",
    "memory_limit_in_mb",
    "time_limit_in_ms",
    "function_version",
    "alias",
    "qualifier",
    "traceparent",
    "tracestate",
)


class Call:
    """A call that is under way, and what the bootstrap is told of it."""

    def __init__(self, body: bytes, constants: dict[str, Any]) -> None:
        self.began = time.monotonic_ns()
        ends = NONCE + SIZE + int.from_bytes(body[NONCE : NONCE + SIZE], "big")
        context = {**constants, **json.loads(body[NONCE + SIZE : ends])}
        self.nonce = body[:NONCE]
        self.event = body[ends:]
        self.request_id = str(context.get("request_id", ""))
        self.handed = False
        told = {name: str(context.get(name, "")) for name in TOLD}
        told["mirror"] = "true" if context.get("mirror") else ""
        with suppress(ValueError):  # A header is one line of ASCII, and so is JSON if one likes.
            told["routing_key"] = json.dumps(json.loads(context.get("routing_key", "")))
        self.headers = {name: value for name, value in told.items() if value}


class Desk:
    """The four endpoints: which call is under way, and what became of it."""

    def __init__(self, send: Callable[..., None], order: dict[str, Any]) -> None:
        self._send = send
        self._order = order
        self._call: Call | None = None
        self._waiting: list[Client] = []
        self._answered = False  #: Whether any call ever was.
        self.ready = False
        self.memory = -1  #: A descriptor that tells what memory the bootstrap took.

    def take(self, body: bytes) -> Client | None:
        """Take a call; return whom it was handed to, if somebody waited for it."""
        self._call = Call(body, self._order["context"])
        while self._waiting:
            client = self._waiting.pop(0)
            if not client.is_gone():
                self._hand(client, self._call)
                return client
        return None

    def leave(self, client: Client) -> None:
        """Expect nothing more of a connection."""
        if client in self._waiting:
            self._waiting.remove(client)

    def answer(self, client: Client, request: Request) -> None:
        """Do what a request asks for, and reply; or raise `Refused`."""
        method = METHODS.get(request.path)
        if method is None:
            raise Refused(404, f"{request.path[:80]} is not here; there is {HINT}")
        if request.method != method:
            raise Refused(405, f"{request.method[:20]}: must be {method} {request.path}", method)
        if request.path == READY_AT:
            self._become_ready()
        elif not self.ready:
            raise Refused(403, f"POST {READY_AT} comes first")
        elif request.path == NEXT_AT:
            self._next(client)
            return
        elif not self._settle(request):
            client.reply(200, said("this call has been answered; nothing was changed"))
            return
        client.reply(200, b"{}")

    def too_large(self, request: Request, refusal: Refused) -> None:
        """End the call whose answer is over the limit."""
        if request.path == RESPONSE_AT and self._call is not None and self._call.handed:
            self._end(self._call, ERROR, failure(RESULT_TOO_LARGE, str(refusal)))

    def _become_ready(self) -> None:
        if not self.ready:
            self.ready = True
            self._send(READY, json.dumps({"digest": self._order["digest"]}).encode())

    def _next(self, client: Client) -> None:
        if self._call is None:
            client.waits = True
            self._waiting.append(client)
        else:
            self._hand(client, self._call)

    @staticmethod
    def _hand(client: Client, call: Call) -> None:
        call.handed = True
        client.reply(200, call.event, **call.headers)

    def _settle(self, request: Request) -> bool:
        """End the call under way by what was posted, unless it is ended already."""
        call = self._call
        if call is None or not call.handed:
            if self._answered:
                return False
            raise Refused(409, f"no call is under way; GET {NEXT_AT} comes first")
        meant = request.headers.get("request_id", call.request_id)
        if meant != call.request_id:
            raise Refused(409, f"request_id {meant[:80]}: under way is {call.request_id}")
        if request.path == ERROR_AT:
            self._end(call, ERROR, fault_of(request.body))
        else:
            self._end(call, *result_of(request.body))
        return True

    def _end(self, call: Call, kind: int, words: bytes) -> None:
        """Tell the platform first: somebody waits there."""
        self._call, self._answered = None, True
        took = time.monotonic_ns() - call.began
        figures = FIGURES.pack(self._peak(), took)
        self._send(kind, call.nonce, figures, words)

    def _peak(self) -> int:
        """Return the most memory that the bootstrap ever held, without its children."""
        with suppress(OSError):
            for line in os.pread(self.memory, 4096, 0).split(b"\n"):
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0


def result_of(body: bytes) -> tuple[int, bytes]:
    """Return what was posted as a result: JSON as it is, any other text as a JSON string."""
    try:
        text = body.decode()
        if not looks_like_json(body):
            json.loads(text, parse_constant=no_json)
    except UnicodeDecodeError as error:
        return ERROR, failure(USER_CODE_ERROR, f"the response is not UTF-8: {error}")
    except (ValueError, RecursionError):
        body = json.dumps(text, ensure_ascii=False).encode()
    if len(body) > MOST_BODY:  # It became longer as a string.
        return ERROR, failure(RESULT_TOO_LARGE, f"the result is too large: {len(body)} bytes")
    return RESULT, body


def looks_like_json(body: bytes) -> bool:
    """Tell by its ends whether a large body is JSON: to read it takes a multiple of its memory."""
    whole = body.strip()
    return len(body) > MOST_READ and whole[:1] + whole[-1:] in {b"{}", b"[]", b'""'}


def no_json(word: str) -> None:
    """Raise for what Python takes for a number and JSON does not: NaN and the infinities."""
    raise ValueError(word)


def fault_of(body: bytes) -> bytes:
    """Return what was posted as an error: errorMessage, errorType and stackTrace, or plain text."""
    text = body.decode("utf-8", "replace")
    told: Any = text
    with suppress(ValueError, RecursionError):
        told = json.loads(text)
    if not isinstance(told, dict):
        told = {"errorMessage": told if isinstance(told, str) else text}
    message = str(told.get("errorMessage") or "") or "the bootstrap told of an error without words"
    kind, trace = str(told.get("errorType") or ""), told.get("stackTrace") or ""
    trace = "\n".join(map(str, trace)) if isinstance(trace, list) else str(trace)
    return failure(USER_CODE_ERROR, f"{kind}: {message}" if kind else message, trace)


def failure(status: int, message: str, trace: str = "") -> bytes:
    """Return the words that tell of a failure."""
    return json.dumps({"status": status, **shortened(message, trace)}).encode()
