"""What runs inside an instance of a Python function: loads the handler, then answers calls.

The platform is at the other end of a socket pair (`python_wire.py`); nothing that a function prints
can be taken for an answer. The next call may be sent ahead of an answer: it begins once that is
wholly written. Needs the standard library of Python 3.8, no more.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import resource
import sys
import time
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.machinery import PathFinder

from huidu.runtimes.workers.python_printing import flush, mark_prints, turn
from huidu.runtimes.workers.python_wire import ERROR, FAILED, NONCE, READY, RESULT, SIZE, Channel

AHEAD = 7  #: So many calls may wait in the wire while one runs.

MOST_RESULT = 6 * 1024 * 1024
MOST_MESSAGE = 4 * 1024
MOST_STACK = 32 * 1024
MOST_FILES = 1024

HEAVY_S = 0.03  #: A version that takes longer to load tells what it imported.
MOST_TOLD = 2000
QUICK_NS, MOST_QUICK = 20_000, 16  #: In a quick call memory cannot grow by much, nor in so many.
BAD_EVENT, RESULT_TOO_LARGE, USER_ERROR = 400, 407, 430
PR_SET_PDEATHSIG, SIGKILL = 1, 9
TRACE = ("traceparent", "tracestate")
FOLLOWED: set[str] = set()  #: What of it the environment has from the call before.


class Unloadable(Exception):
    """The handler cannot be loaded; what is missing, and the stack where code was run."""

    def __init__(self, message: str, stack: str = "") -> None:
        super().__init__(message)
        self.stack = stack


class Memory:
    """The most memory that this process ever held.

    `ru_maxrss` will not do: it begins with what the platform held when it started us. The true
    peak takes a file to read, and is read only where pages came in since it was read last.
    """

    def __init__(self) -> None:
        self._faults = -1
        self._peak = 0
        self._quick = 0  #: Calls in a row after which nobody looked.

    def peak(self, took: int) -> int:
        """Return the peak in bytes after a call that took so many nanoseconds."""
        self._quick += 1
        if took < QUICK_NS and self._quick < MOST_QUICK and self._peak:
            return self._peak
        self._quick = 0
        usage = resource.getrusage(resource.RUSAGE_SELF)
        faults = usage.ru_minflt + usage.ru_majflt
        if faults != self._faults:
            self._faults = faults
            self._peak = self._read() or usage.ru_maxrss * 1024
        return self._peak

    @staticmethod
    def _read() -> int:
        try:
            with open("/proc/self/status", "rb", 0) as status:  # noqa: PTH123 - pathlib is slow to import
                lines = status.read().split(b"\n")
        except OSError:
            return 0
        return next((int(line.split()[1]) * 1024 for line in lines if line[:6] == b"VmHWM:"), 0)


def load(handler: str, code: str, layers: list[str]) -> Callable[..., object]:
    """Import the handler's file as a plain import would, and return the function in it."""
    file, _, function = handler.rpartition(".")
    try:
        os.chdir(code)
    except OSError as error:
        raise Unloadable(f"the package's folder cannot be entered: {error}") from None
    sys.path[:0] = [code, *layers]
    name = file.replace("/", ".")
    spec = PathFinder.find_spec(name, [os.path.join(code, os.path.dirname(file))])  # noqa: PTH118, PTH120 - as above
    if spec is None or spec.loader is None or not spec.has_location:
        raise Unloadable(f"the package has no file {file}.py")
    module = importlib.util.module_from_spec(spec)
    # A file that is called as something already imported (json.py) does not take its place.
    sys.modules.setdefault(name, module)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raises, SystemExit included
        raise Unloadable(f"{file}.py cannot be imported: {told(error)}", stack(error)) from None
    found: Callable[..., object] | None = getattr(module, function, None)
    if not callable(found):
        raise Unloadable(f"{file}.py has no function {function}")
    return found


def packaged(known: set[str], handler: str, folders: list[str]) -> list[str]:
    """Return the modules that loading brought in and that somebody else wrote.

    Those of the standard library, and of what was installed into the package (which says so by a
    `RECORD`); a file of the user's own is to be run by each instance anew.
    """
    installed = set(getattr(sys, "stdlib_module_names", ()))
    for folder in folders:
        for entry in os.listdir(folder):  # noqa: PTH208 - as above
            if entry.endswith(".dist-info"):
                installed.update(recorded(f"{folder}/{entry}/RECORD"))
    installed.discard(handler.partition(".")[0].partition("/")[0])
    new = [name for name in [*sys.modules] if name not in known]
    return [name for name in new if name.partition(".")[0] in installed][:MOST_TOLD]


def recorded(file: str) -> set[str]:
    """Return the packages that a `RECORD` lists the files of."""
    try:
        with open(file, encoding="utf-8") as lines:  # noqa: PTH123 - as above
            return {line.partition("/")[0] for line in lines if "/" in line}
    except (OSError, ValueError):
        return set()


def answer(
    handler: Callable[..., object], constants: Mapping[str, object], body: memoryview
) -> tuple[int, bytes]:
    """Run one call; return the kind of the reply and what it says."""
    try:
        own, event = read(body)
    except (ValueError, RecursionError) as error:
        return failure(BAD_EVENT, f"the event is not JSON: {told(error)}")
    if FOLLOWED or TRACE[0] in own or TRACE[1] in own:
        follow(own)
    try:
        result = handler(event, {**constants, **own})
        if isinstance(result, types.CoroutineType):
            result = importlib.import_module("asyncio").run(result)
    except SystemExit as error:
        leave(error)
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raises
        return failure(USER_ERROR, told(error), stack(error))
    try:
        text = ENCODER.encode(result).encode()
    except Exception as error:  # noqa: BLE001 - a __getitem__ of the user's may raise anything
        return failure(USER_ERROR, f"the result cannot be written as JSON: {told(error)}")
    if len(text) > MOST_RESULT:
        limit = f"at most {MOST_RESULT} are allowed"
        return failure(RESULT_TOO_LARGE, f"the result is too large: {len(text)} bytes, {limit}")
    return RESULT, text


def read(body: memoryview) -> tuple[dict[str, str], object]:
    """Return what is new in a call's context, and its event; or raise what is wrong with that."""
    try:
        text = str(body[NONCE + SIZE :], "utf-8")
        own, ends = SCAN(text, 0)
        event, ends = SCAN(text, ends)
        if ends == len(text):
            return own, event
    except (ValueError, StopIteration, RecursionError):
        pass
    # There is room around it, or it is not JSON: read it once more as everybody does.
    ends = NONCE + SIZE + int.from_bytes(body[NONCE : NONCE + SIZE], "big")
    own = json.loads(bytes(body[NONCE + SIZE : ends]))
    return own, json.loads(str(body[ends:], "utf-8"))


def follow(own: Mapping[str, str]) -> None:
    """Say in the environment too which trace the call is in; nothing else runs beside it here."""
    for name in TRACE:
        if name in own:
            os.environ[name.upper()] = own[name]
            FOLLOWED.add(name)
        elif name in FOLLOWED:
            os.environ.pop(name.upper(), None)
            FOLLOWED.remove(name)


def failure(status: int, message: str, trace: str = "") -> tuple[int, bytes]:
    """Return the reply that tells of a failure."""
    words = {"status": status, **said(message, trace)}
    return ERROR, json.dumps(words).encode()


def said(message: str, trace: str) -> dict[str, str]:
    """Return what went wrong as it may be sent: not too long, and no halves of characters."""
    shown = {"message": message[:MOST_MESSAGE], "stack": trace[-MOST_STACK:]}
    return {name: text.encode("utf-8", "replace").decode() for name, text in shown.items()}


def plain(value: object) -> str:
    """Return what JSON has no form for but SCF writes as text."""
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # known to json itself alone
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=plain)


def told(error: BaseException) -> str:
    """Return an error as one reads it at the end of a trace."""
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - the user's own __str__
        words = ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def stack(error: BaseException) -> str:
    """Return the trace of an error, from the first line of the user's code on."""
    traceback = importlib.import_module("traceback")  # Only now: it takes 3 ms of a cold start.
    frames = error.__traceback__
    while frames is not None and is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


def is_ours(file: str) -> bool:
    """Tell whether a frame lies between the loop and the user's code."""
    asyncio = getattr(sys.modules.get("asyncio"), "__file__", None)
    return (
        file == __file__
        or file.startswith("<frozen importlib")
        or (asyncio is not None and os.path.dirname(file) == os.path.dirname(asyncio))  # noqa: PTH120
    )


def leave(error: SystemExit) -> None:
    """End as the interpreter would, but at once and whatever threads are left."""
    if error.code is not None and not isinstance(error.code, int):
        with suppress(Exception):
            sys.stderr.write(f"{error.code}\n")
    code = error.code if isinstance(error.code, int) else int(error.code is not None)
    flush()
    os._exit(code & 0xFF)


def settle_in() -> None:
    """Set what holds for the whole life of the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = min(MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.dont_write_bytecode = True
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def die_with(parent: int) -> None:
    """Have the kernel end this process when the platform ends, however that comes.

    No parent is told where what is around the process sees to that.
    """
    if not parent:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(SIGKILL))
    if os.getppid() != parent:  # It ended before we asked.
        os._exit(1)


def serve(channel: Channel) -> None:
    """Load what the first frame orders, then answer call after call."""
    order = json.loads(bytes(channel.receive()))
    die_with(order["parent"])
    known, began = set(sys.modules), time.monotonic()
    try:
        handler = load(order["handler"], order["code"], order["layers"])
    except Unloadable as error:
        flush()
        channel.send(FAILED, json.dumps(said(str(error), error.stack)).encode())
        return
    took = time.monotonic() - began
    imports = (
        packaged(known, order["handler"], [order["code"], *order["layers"]])
        if took > HEAVY_S
        else []
    )
    memory = Memory()
    flush()
    ready = {"digest": order["digest"], "imports": imports, "ahead": AHEAD}
    channel.send(READY, json.dumps(ready).encode())
    constants, clock = order["context"], time.monotonic_ns
    while True:
        body = channel.receive()
        began = clock()
        nonce = bytes(body[:NONCE])
        kind, words = answer(handler, constants, body)
        flush()
        took = clock() - began
        channel.reply(kind, nonce, memory.peak(took), took, words)
        turn.begun += 1


def run(fd: int) -> None:
    """Serve until the platform hangs up; threads that the user left behind do not hold us."""
    settle_in()
    mark_prints()
    channel = Channel(fd)
    code = 0
    try:
        serve(channel)
    except (EOFError, OSError):
        pass
    except BaseException:  # noqa: BLE001 - it ends here, and says why
        sys.excepthook(*sys.exc_info())
        code = 1
    flush()
    os._exit(code)
