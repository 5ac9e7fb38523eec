"""Outcomes: how the end of a call reads, as a result, as an error and as a log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from huidu.model.frame import foot, head, shown
from huidu.model.invocation import Outcome, Status

USER_ERROR = "user code exception caught"


MADE_FROM = ("ends", "message", "peak_bytes", "result", "stack", "status", "took_s")


class Ending:
    """What the end of a call was: a result, or what went wrong."""

    __slots__ = MADE_FROM

    def __init__(
        self,
        *,
        status: int = Status.SUCCESS,
        result: str = "",
        message: str = "",
        stack: str = "",
        peak_bytes: int = 0,
        took_s: float = 0.0,  #: As the worker saw it, without the platform's part.
        #: Whether the worker said that it ends itself, so that nothing else began.
        ends: bool = False,
    ) -> None:
        self.status: Final = status
        self.result: Final = result
        self.message: Final = message
        self.stack: Final = stack
        self.peak_bytes: Final = peak_bytes
        self.took_s: Final = took_s
        self.ends: Final = ends

    def but(self, *, stack: str = "", peak_bytes: int = 0) -> Ending:
        """Return the same with what is known besides; nothing is known of what is empty."""
        return Ending(
            status=self.status,
            result=self.result,
            message=self.message,
            stack=stack or self.stack,
            peak_bytes=peak_bytes or self.peak_bytes,
            took_s=self.took_s,
            ends=self.ends,
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Say what it is made from, to another process (`lanes/`)."""
        return _ending, ({name: getattr(self, name) for name in MADE_FROM},)


def _ending(made_from: Mapping[str, Any]) -> Ending:
    return Ending(**made_from)


class Run:
    """What surrounds the end of a call."""

    __slots__ = (
        *("cold", "duration_ms", "init_ms", "instance"),
        *("memory_mb", "printed", "request_id", "streamed"),
    )

    def __init__(
        self,
        *,
        request_id: str,
        memory_mb: int,
        instance: str = "",
        duration_ms: float = 0.0,
        init_ms: float = 0.0,
        cold: bool = False,
        printed: str = "",
        streamed: int = 0,  #: How many characters of it were handed out while it ran.
    ) -> None:
        self.request_id: Final = request_id
        self.memory_mb: Final = memory_mb
        self.instance: Final = instance
        self.duration_ms: Final = duration_ms
        self.init_ms: Final = init_ms
        self.cold: Final = cold
        self.printed: Final = printed
        self.streamed: Final = streamed


class StartFailed(Exception):
    """No instance could be started; the calls that waited for it end so.

    It is worth `another` try where the process was killed before it was told what to load.
    """

    def __init__(
        self, ending: Ending, printed: str = "", init_ms: float = 0.0, *, another: bool = False
    ) -> None:
        super().__init__(ending.message)
        self.another = another
        self.ending = ending
        self.printed = printed
        self.init_ms = init_ms


def outcome(ending: Ending, run: Run) -> Outcome:
    """Put the end of a call into the words of section 3.3 and 4.7."""
    answered = ending.status == Status.SUCCESS
    result = ending.result if answered else _payload(ending, run.request_id)
    silent = answered and not run.printed and "\n" not in result
    return Outcome(
        status=ending.status,
        result=result,
        error="" if answered else "\n".join(filter(None, (ending.message, ending.stack))),
        log="" if silent else _log(ending, run, result),
        duration_ms=run.duration_ms,
        init_ms=run.init_ms,
        memory_bytes=ending.peak_bytes,
        cold=run.cold,
        instance=run.instance,
        silent=silent,
        memory_mb=run.memory_mb,
        streamed=run.streamed,
    )


def _payload(ending: Ending, request_id: str) -> str:
    """Return the result of a call that failed: one shape for all runtimes (D-38).

    The message of 430 is always the same, as in SCF; that of 443 is what the function threw.
    """
    users = ending.status in (Status.USER_ERROR, Status.USER_CODE_ERROR)
    shown = USER_ERROR if ending.status == Status.USER_ERROR else ending.message
    stack = ending.stack or (ending.message if users else "")
    payload = {
        "errorCode": -1,
        "errorMessage": shown,
        "requestId": request_id,
        **({"stackTrace": stack} if stack else {}),
        "statusCode": int(ending.status),
    }
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _log(ending: Ending, run: Run, result: str) -> str:
    """Return the lines that a call leaves."""
    wrong = "" if ending.status == Status.SUCCESS else shown(" ".join(ending.message.split()))
    error = f"ERROR RequestId: {run.request_id} Result:{wrong}\n" if wrong else ""
    end = foot(run.request_id, result, run.duration_ms, run.memory_mb, ending.peak_bytes)
    return f"{head(run.request_id)}{run.printed}{error}{end}"
