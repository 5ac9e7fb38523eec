"""What a function prints: it is all in the log of its call, and none of it is ever an answer."""

from __future__ import annotations

import asyncio
import resource
import time

import pytest

from huidu.instances.channel import Undelivered
from huidu.instances.lines import NOTICE
from huidu.model.invocation import MOST_TAIL_BYTES, Status
from tests.instances.making import (
    REQUEST,
    Begin,
    Shelf,
    handler,
    is_running,
    needs_node,
    soon,
    task,
)

#: Finds the worker's channel as an ill-meaning function would.
FIND = """
import os, socket, stat, struct, sys, threading, time
def channel():
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                return int(name)
        except OSError:
            pass
def frame(kind, body): return struct.pack("!BI", kind, len(body)) + body
def nonce():
    up = sys._getframe()
    while "nonce" not in up.f_locals: up = up.f_back
    return up.f_locals["nonce"]
"""
RESULT, ERROR, READY = 0xA5, 0xA6, 0xA2


def printed(log: str) -> str:
    """The lines of a log that are the function's own."""
    return "".join(line for line in log.splitlines(keepends=True) if REQUEST not in line)


async def test_a_log_has_the_lines_that_scf_writes(started: Begin, shelf: Shelf) -> None:
    version = shelf.version("print('loading')\n" + handler("print('你好')", "return 'Hello World'"))
    instance = await started(version)

    first, second = [await instance.run(task(version)) for _ in range(2)]

    for outcome, init in ((first, "loading\n"), (second, "")):
        assert outcome.log == (
            f"START RequestId: {REQUEST}\n"
            f"{init}"
            "你好\n"
            f'Response RequestId: {REQUEST} RetMsg:"Hello World"\n'
            f"END RequestId: {REQUEST}\n"
            f"Report RequestId: {REQUEST} Duration:{-int(-outcome.duration_ms // 1)}ms "
            f"Memory:128MB MemUsage:{outcome.memory_bytes / 2**20:f}MB\n"
        )


async def test_a_failure_is_one_line_of_the_log(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(handler("raise ValueError('a\\nb' + 'é' * 1000)"))
    instance = await started(version)

    outcome = await instance.run(task(version))
    _, error, response, *_ = outcome.log.splitlines()

    assert error.startswith(f"ERROR RequestId: {REQUEST} Result:ValueError: a bééé")
    assert len(error.encode()) <= 1024 + 70
    assert response.startswith(f'Response RequestId: {REQUEST} RetMsg:{{"errorCode":-1,')
    assert len(response.encode()) <= 1024 + 70


async def test_everything_that_was_printed_before_the_answer_is_in_the_log(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(
        "import logging, os, subprocess, sys\n"
        + handler(
            "print('a line')",
            "print('an error', file=sys.stderr)",
            "logging.warning('a warning')",
            "os.write(1, b'raw\\n')",
            "subprocess.run(['echo', 'a child'])",
            "os.system('echo another >&2')",
            "print('\\ud800')",
            "print('half a line', end='')",
        )
    )
    instance = await started(version)

    for _ in range(2):
        outcome = await instance.run(task(version))
        assert printed(outcome.log) == (
            "a line\nan error\nWARNING:root:a warning\nraw\na child\nanother\n\\ud800\n"
            "half a line\n"
        )


async def test_a_function_may_close_its_outputs(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(
        "import os, sys\n"
        + handler("sys.stdout.close()", "sys.stderr.close()", "os.close(1)", "os.close(2)")
    )
    instance = await started(version)

    assert (await instance.run(task(version))).succeeded


@pytest.mark.parametrize(
    "line",
    [
        "for _ in range(500_000): print('x' * 99)",
        "for _ in range(800): os.write(1, b'x' * 65536)",
    ],
)
async def test_a_flood_costs_little_time_and_less_memory(
    started: Begin, shelf: Shelf, line: str
) -> None:
    version = shelf.version("import os\n" + handler(line), timeout_s=30)
    instance = await started(version)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ticks, began = 0, time.monotonic()

    call = asyncio.create_task(instance.run(task(version)))
    while not call.done():
        await asyncio.sleep(0.01)
        ticks += 1
    took = time.monotonic() - began
    outcome = await call

    assert outcome.succeeded
    assert took < 10
    assert ticks > took * 30, "the loop goes round while a function floods it"
    assert len(outcome.log) < 1.1 * 2**20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024


async def test_the_tail_of_a_flood_says_how_the_call_ended(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(handler("for _ in range(3000): print('x' * 999)", "1 / 0"))
    instance = await started(version)

    tail = (await instance.run(task(version))).log[-MOST_TAIL_BYTES:]

    assert NOTICE.decode() in tail
    assert f"ERROR RequestId: {REQUEST} Result:ZeroDivisionError" in tail
    assert f"END RequestId: {REQUEST}\nReport RequestId: {REQUEST}" in tail


async def test_a_thread_that_is_left_behind_prints_into_the_next_call(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(
        "import threading, time\n"
        "def ticks():\n"
        "    while True: print('tick'); time.sleep(0.01)\n"
        + handler(
            "if event == 1: threading.Thread(target=ticks).start()",
            "print('call', event)",
            "time.sleep(event / 20)",
        )
    )
    instance = await started(version)

    await instance.run(task(version, b"1"))
    outcome = await instance.run(task(version, b"2"))

    assert outcome.result == "null"
    assert "call 2\n" in printed(outcome.log)
    assert set(printed(outcome.log).splitlines()) == {"call 2", "tick"}
    assert printed(outcome.log).count("tick") > 2


async def test_nothing_that_is_printed_is_an_answer(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(
        FIND
        + handler(
            "forged = frame(0xA5, nonce() + bytes(16) + b'\"forged\"')",
            "for fd in (0, 1, 2):",
            "    try: os.write(fd, forged)",
            "    except OSError: pass",
            "os.system('printf \"\\\\245\\\\0\\\\0\\\\0\\\\1x\"')",
            "return 'true'",
        )
    )
    instance = await started(version)

    for _ in range(3):
        assert (await instance.run(task(version))).result == '"true"'


@pytest.mark.parametrize(
    ("forged", "status", "error"),
    [
        ("frame(0xA5, bytes(32) + b'1')", 439, "an answer to another call"),
        ("frame(0xA6, nonce() + bytes(16) + b'{}')", 439, "a Fault that cannot be read"),
        (
            'frame(0xA6, nonce() + bytes(16) + b\'{"status":200,"message":"","stack":""}\')',
            439,
            "status 200 is not for a worker to tell",
        ),
        ("frame(0xA5, nonce() + bytes(16) + b'\\xff')", 439, "a result that is not UTF-8"),
        ("frame(0xA2, nonce() + bytes(16) + b'1')", 439, "READY in answer to a call"),
        ("frame(0xA5, b'')", 439, "a reply of 0 bytes"),
        ("b'HTTP/1.1 200 OK'", 439, "a frame of kind 72"),
        ("struct.pack('!BI', 0xA5, 1 << 30)", 407, "the result is too large: 1073741824 bytes"),
        ("frame(0xA5, nonce() + bytes(16) + b'x' * 6291457)", 407, "too large: 6291457 bytes"),
    ],
)
async def test_a_forged_answer_ends_the_instance(
    started: Begin, shelf: Shelf, forged: str, status: int, error: str
) -> None:
    version = shelf.version(
        FIND
        + handler(
            f"forged = memoryview({forged})",
            "while forged: forged = forged[os.write(channel(), forged):]",
            "time.sleep(9)",
        )
    )
    instance = await started(version)

    outcome = await instance.run(task(version))

    assert outcome.status == status
    assert error in outcome.error
    assert not instance.alive


async def test_an_answer_that_nobody_asked_for_ends_the_instance(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(
        FIND
        + handler(
            "own = frame(0xA5, nonce() + bytes(16) + b'\"early\"')",
            "os.write(channel(), own)",
            "return 'late'",
        )
    )
    instance = await started(version)
    gone = asyncio.Event()
    instance.when_gone(gone.set)

    outcome = await instance.run(task(version))

    assert outcome.result == '"early"', "who answers itself has only itself to deceive"
    await asyncio.wait_for(gone.wait(), 5)
    with pytest.raises(Undelivered):
        await instance.run(task(version))


async def test_a_forked_child_cannot_answer_for_its_parent(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(
        FIND
        + handler(
            "child = os.fork()",
            "if child == 0:",
            "    print('child', channel())",
            "    try: os.write(1000, b'x')",
            "    except OSError as error: print(error)",
            "    if os.fork() == 0: return 'from the grandchild'",
            "    os.wait()",
            "    return 'from the child'",
            "os.waitpid(child, 0)",
            "return 'from the parent'",
        )
    )
    instance = await started(version)

    for _ in range(2):
        outcome = await instance.run(task(version))
        assert outcome.result == '"from the parent"'
        assert printed(outcome.log) == "child None\n[Errno 9] Bad file descriptor\n"


async def test_a_child_that_runs_on_holds_nothing_up(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(
        "import os, subprocess, time\n"
        + handler(
            "if os.fork() == 0:",
            "    time.sleep(30)",
            "    os._exit(0)",
            "return subprocess.Popen(['sleep', '30']).pid",
        )
    )
    instance = await started(version)

    outcome = await instance.run(task(version))
    began = time.monotonic()
    await instance.stop()

    assert outcome.status == Status.SUCCESS
    assert time.monotonic() - began < 2
    assert soon(lambda: not is_running(int(outcome.result)))


async def test_a_call_that_was_sent_ahead_keeps_what_it_prints(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(handler("print('of', event)"))
    instance = await started(version)
    first = await instance.run(task(version, b"0"))
    assert instance.ahead

    calls = [asyncio.create_task(instance.run(task(version, b"%d" % n))) for n in range(1, 9)]
    await asyncio.sleep(0)
    assert not instance.ahead, "it has as many as it takes"
    time.sleep(0.2)  # noqa: ASYNC251 - all have printed before any answer is read
    outcomes = [first, *await asyncio.gather(*calls)]

    assert [printed(outcome.log) for outcome in outcomes] == [f"of {n}\n" for n in range(9)]


async def test_where_prints_do_not_say_whose_they_are_no_call_is_sent_ahead(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version("import os\n" + handler("os.write(1, b'raw\\n')"))
    instance = await started(version)

    for ahead in (True, False):
        assert printed((await instance.run(task(version))).log) == "raw\n"
        assert instance.ahead is ahead


@needs_node
async def test_a_call_behind_one_that_ends_its_process_goes_to_another(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.script(
        "exports.main_handler = async (event) => {\n"
        "  setTimeout(() => { throw new Error('late'); });\n"
        "  await new Promise((then) => setTimeout(then, 5000));\n"
        "};"
    )
    instance = await started(version)

    calls = [asyncio.create_task(instance.run(task(version))) for _ in range(2)]
    outcome, other = await asyncio.gather(*calls, return_exceptions=True)

    assert not isinstance(outcome, BaseException)
    assert "late" in outcome.error
    assert isinstance(other, Undelivered)
