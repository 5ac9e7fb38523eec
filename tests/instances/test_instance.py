"""A real instance: what its calls come to, whatever the function does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import uvloop

from huidu.instances.channel import Undelivered
from huidu.instances.launch import Spawner
from huidu.instances.starting import start
from huidu.model.invocation import MOST_EVENT_BYTES, MOST_RESULT_BYTES, Status
from tests.instances.making import REQUEST, Begin, Shelf, handler, is_running, soon, task

#: Says which process it is, after a while where the event says so.
PID = """
import os, time
def main_handler(event, context):
    time.sleep(event or 0)
    return os.getpid()
"""


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def result_of(started: Begin, shelf: Shelf, source: str, event: bytes = b"{}") -> Any:
    """What a function returns when it is called."""
    version = shelf.version(source)
    outcome = await (await started(version)).run(task(version, event))
    assert outcome.status == Status.SUCCESS, outcome.error
    return json.loads(outcome.result)


async def test_a_function_gets_its_event_and_its_answer_comes_back(
    started: Begin, shelf: Shelf
) -> None:
    source = handler('return {"got": event, "名字": [None, 1.5, {"nested": "é"}]}')

    result = await result_of(started, shelf, source, '{"键": ["值", null]}'.encode())

    assert result == {"got": {"键": ["值", None]}, "名字": [None, 1.5, {"nested": "é"}]}


async def test_an_instance_does_not_put_aside_whoever_wakes_it(
    started: Begin, shelf: Shelf
) -> None:
    source = "import os\ndef main_handler(event, context):\n    return os.sched_getscheduler(0)\n"

    assert await result_of(started, shelf, source) == os.SCHED_BATCH


async def test_a_text_is_quoted_and_nothing_is_null(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(handler("return event"))
    instance = await started(version)

    assert (await instance.run(task(version, '"é"'.encode()))).result == '"é"'
    assert (await instance.run(task(version, b"null"))).result == "null"


async def test_the_first_call_is_cold_and_says_how_long_the_start_took(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(PID)
    instance = await started(version)

    first, second = [await instance.run(task(version)) for _ in range(2)]

    assert (first.cold, second.cold) == (True, False)
    assert first.init_ms > 1
    assert second.init_ms == 0
    assert first.instance == second.instance == instance.name
    assert first.duration_ms > 0
    assert first.result == second.result
    assert 2**20 < first.memory_bytes < 2**27


async def test_a_full_event_goes_in_and_a_full_result_comes_out(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(handler("return event"), timeout_s=20)
    event = b'"' + b"x" * (MOST_EVENT_BYTES - 2) + b'"'
    instance = await started(version)

    outcome = await instance.run(task(version, event))

    assert outcome.status == Status.SUCCESS
    assert len(outcome.result) == MOST_RESULT_BYTES
    assert outcome.result.encode() == event
    assert (await instance.run(task(version, b"1"))).result == "1"


async def test_a_result_that_is_too_large_is_kept_back(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(handler(f"return 'x' * ({MOST_RESULT_BYTES} - 2 + event)"))
    instance = await started(version)

    assert (await instance.run(task(version, b"0"))).status == Status.SUCCESS
    outcome = await instance.run(task(version, b"1"))

    assert outcome.status == Status.RESULT_TOO_LARGE
    assert json.loads(outcome.result) == {
        "errorCode": -1,
        "errorMessage": "the result is too large: 6291457 bytes, at most 6291456 are allowed",
        "requestId": REQUEST,
        "statusCode": 407,
    }
    assert instance.alive


async def test_an_exception_is_told_with_the_users_part_of_its_trace(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(handler("raise ValueError('boom')"))
    instance = await started(version)

    outcome = await instance.run(task(version))

    where = shelf.unpacked(version.code) / "index.py"
    trace = (
        "Traceback (most recent call last):\n"
        f'  File "{where}", line 2, in main_handler\n'
        "    raise ValueError('boom')\n"
        "ValueError: boom\n"
    )
    assert outcome.status == Status.USER_ERROR
    assert outcome.error == f"ValueError: boom\n{trace}"
    assert json.loads(outcome.result) == {
        "errorCode": -1,
        "errorMessage": "user code exception caught",
        "requestId": REQUEST,
        "stackTrace": trace,
        "statusCode": 430,
    }
    assert instance.alive


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["return {1, 2}"], "the result cannot be written as JSON: TypeError: set has no form"),
        (["return b'x'"], "bytes has no form in JSON"),
        (["return float('nan')"], "ValueError: Out of range float values"),
        (["loop = []", "loop.append(loop)", "return loop"], "ValueError: Circular reference"),
        (["return '\\ud800'"], "UnicodeEncodeError"),
        (["return main_handler(event, context)"], "RecursionError: maximum recursion depth"),
        (["raise KeyboardInterrupt"], "KeyboardInterrupt"),
        (["raise Exception('x' * 10_000_000)"], "Exception: xxx"),
        (
            ["class Odd(Exception):", "  def __str__(self): raise self", "raise Odd"],
            "Odd",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else value[-1],
)
async def test_an_error_of_the_user_leaves_the_instance_as_it_was(
    started: Begin, shelf: Shelf, lines: list[str], error: str
) -> None:
    version = shelf.version(handler("if event == 1: return 1", *lines))
    instance = await started(version)

    outcome = await instance.run(task(version))

    assert outcome.status == Status.USER_ERROR
    assert error in outcome.error
    assert len(outcome.result) < 100_000
    assert (await instance.run(task(version, b"1"))).result == "1"


async def test_decimals_are_written_as_text(started: Begin, shelf: Shelf) -> None:
    source = "from decimal import Decimal\n" + handler("return [Decimal('1.10')]")

    assert await result_of(started, shelf, source) == ["1.10"]


async def test_an_event_that_is_not_json_is_told_apart_from_an_error_of_the_user(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(PID)
    instance = await started(version)

    for event in (b"{", b"\xff", b"[" * 100_000):
        assert (await instance.run(task(version, event))).status == Status.BAD_EVENT
    assert (await instance.run(task(version))).succeeded


async def test_a_handler_may_be_asynchronous(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(
        "import asyncio\n"
        "async def main_handler(event, context):\n"
        "    await asyncio.sleep(0)\n"
        "    return 10 / event\n"
    )
    instance = await started(version)

    assert (await instance.run(task(version, b"2"))).result == "5.0"
    outcome = await instance.run(task(version, b"0"))
    assert outcome.status == Status.USER_ERROR
    assert "python_worker" not in outcome.error
    assert "asyncio" not in outcome.error
    assert (await instance.run(task(version, b"4"))).result == "2.5"


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("sys.exit()", "exited with status 0"),
        ("sys.exit(3)", "exited with status 3"),
        ("sys.exit('bye')", "exited with status 1"),
        ("sys.stderr.close(); sys.exit('bye')", "exited with status 1"),
        ("os._exit(4)", "exited with status 4"),
        ("os.kill(os.getpid(), 9)", "was killed by signal 9 (Killed)"),
        ("os.abort()", "was killed by signal 6 (Aborted)"),
    ],
)
async def test_a_process_that_ends_while_it_runs_is_told_and_not_used_again(
    started: Begin, shelf: Shelf, line: str, how: str
) -> None:
    version = shelf.version("import os, sys\n" + handler("print('before')", line))
    instance = await started(version)

    outcome = await instance.run(task(version))

    assert outcome.status == Status.PROCESS_EXITED
    assert outcome.error == f"User process exit when running: it {how}"
    assert "before\n" in outcome.log
    assert not instance.alive
    with pytest.raises(Undelivered):
        await instance.run(task(version))


async def test_a_process_that_lets_go_of_its_channel_is_ended(started: Begin, shelf: Shelf) -> None:
    version = shelf.version("import os, time\n" + handler("os.close(1000)", "time.sleep(60)"))
    instance = await started(version)

    outcome = await instance.run(task(version))

    assert outcome.status == Status.PROCESS_EXITED
    assert outcome.error.endswith("it was killed by signal 9 (Killed)")


async def test_a_call_that_takes_too_long_takes_its_children_with_it(
    started: Begin, shelf: Shelf, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    version = shelf.version(
        "import os, subprocess, time\n"
        + handler(
            "if event == 0: return",
            "child = os.fork()",
            "if child == 0: time.sleep(60)",
            "other = subprocess.Popen(['sleep', '60'])",
            f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child}} {{other.pid}}')",
            "print('still here')",
            "while True: pass",
        ),
        timeout_s=1,
    )
    instance = await started(version)
    await instance.run(task(version, b"0"))

    outcome = await instance.run(task(version))

    assert outcome.status == Status.TIMED_OUT
    assert json.loads(outcome.result)["errorMessage"] == "Invoking task timed out after 1 seconds"
    assert "stackTrace" not in outcome.result
    assert 990 < outcome.duration_ms < 2000
    assert outcome.memory_bytes > 2**20
    assert "still here\n" in outcome.log
    assert not instance.alive
    for pid in map(int, pids.read_text().split()):
        assert soon(lambda pid=pid: not is_running(pid))  # type: ignore[misc]


async def test_a_deadline_is_each_calls_own(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(PID, timeout_s=1)
    instance = await started(version)

    for _ in range(4):
        assert (await instance.run(task(version, b"0.4"))).succeeded
    await asyncio.sleep(1.1)
    assert (await instance.run(task(version, b"0.4"))).succeeded


async def test_an_instance_runs_no_other_version_than_its_own(started: Begin, shelf: Shelf) -> None:
    instance = await started(shelf.version(PID))

    with pytest.raises(ValueError, match="was not started for this version"):
        await instance.run(task(shelf.version(PID, timeout_s=9)))


async def test_a_caller_that_leaves_while_its_call_runs_takes_the_instance_with_it(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(PID)
    instance = await started(version)
    pid = int((await instance.run(task(version))).result)
    call = asyncio.create_task(instance.run(task(version, b"2")))
    await asyncio.sleep(0.05)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert not instance.alive
    await instance.stop()
    assert not is_running(pid)


async def test_an_instance_that_is_stopped_while_it_runs_says_so(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(PID)
    instance = await started(version)
    call = asyncio.create_task(instance.run(task(version, b"2")))
    await asyncio.sleep(0.05)

    await instance.stop()

    outcome = await call
    assert outcome.status == Status.INSTANCE_EXITED
    assert outcome.error == "the platform ended the instance"


async def test_an_instance_that_is_killed_from_outside_while_it_runs_may_have_run(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(PID)
    instance = await started(version)
    pid = int((await instance.run(task(version))).result)
    call = asyncio.create_task(instance.run(task(version, b"2")))
    await asyncio.sleep(0.05)

    os.kill(pid, signal.SIGKILL)

    assert (await call).status == Status.PROCESS_EXITED


async def test_a_call_that_lies_unread_when_the_instance_dies_certainly_never_began(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(PID)

    for event in (b"{}", b'"' + b"x" * 4_000_000 + b'"'):
        instance = await started(version)
        pid = int((await instance.run(task(version))).result)
        os.kill(pid, signal.SIGSTOP)
        call = asyncio.create_task(instance.run(task(version, event)))
        await asyncio.sleep(0.02)
        os.kill(pid, signal.SIGKILL)

        with pytest.raises(Undelivered):
            await call


async def test_an_idle_instance_that_dies_tells_whoever_asked_to_be_told(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(PID)
    instance = await started(version)
    gone = asyncio.Event()
    instance.when_gone(gone.set)
    pid = int((await instance.run(task(version))).result)

    os.kill(pid, signal.SIGKILL)

    await asyncio.wait_for(gone.wait(), 5)
    assert not instance.alive
    again = asyncio.Event()
    instance.when_gone(again.set)
    await asyncio.wait_for(again.wait(), 5)


async def test_memory_is_the_functions_own_and_its_peak(started: Begin, shelf: Shelf) -> None:
    ballast = bytearray(os.urandom(1)) * (200 << 20)
    version = shelf.version(handler("x = bytearray(event << 20)", "return len(x)"))
    instance = await started(version)

    small, large, after = [
        (await instance.run(task(version, event))).memory_bytes >> 20
        for event in (b"1", b"50", b"1")
    ]

    assert len(ballast) > 200_000_000
    assert small < 40
    assert 50 < large < 100
    assert after == large


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_it_works_on_either_event_loop(run: Any, shelf: Shelf, scratch: Path) -> None:
    version = shelf.version(
        handler("print(event)", "if event == 'die': exit", "return event"), timeout_s=1
    )
    large = b'"' + b"x" * (MOST_EVENT_BYTES - 2) + b'"'

    async def story() -> list[int]:
        instance = await start(shelf.blueprint(version), Spawner(scratch))
        events = (b"1", large, b'"die"')
        outcomes = [await instance.run(task(version, event)) for event in events]
        await instance.stop()
        return [outcome.status for outcome in outcomes]

    assert run(story()) == [200, 200, 430]
    assert list(scratch.iterdir()) == []


async def test_nothing_is_left_of_fifty_lives(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(PID)
    await (await started(version)).stop()
    before = descriptors()
    pids = []

    for _ in range(50):
        instance = await started(version)
        pids.append(int((await instance.run(task(version))).result))
        await instance.stop()

    assert descriptors() == before
    assert not any(map(is_there, pids))
