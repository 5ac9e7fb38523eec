"""Functions that speak to the platform over its own channel: forged, flooded and broken frames."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from huidu.instances.wire import LARGEST
from huidu.model.invocation import Status
from tests.attacks.cages import EVERY, PRELUDE, Cage, cage
from tests.instances.making import handler, task


@pytest.fixture(params=[*(name for name in EVERY if name != "gvisor"), "none"])
async def caged(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cage]:
    before = os.umask(0o022)  # Code is for all to read, as unpacked packages are.
    async with cage(request.param, tmp_path) as opened:
        yield opened
    os.umask(before)


#: The worker keeps its channel out of the way; whoever looks for it finds it.
FINDS = f"""{PRELUDE}
import struct
def channel():
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            if fd > 2 and os.readlink(f"/proc/self/fd/{{fd}}").startswith("socket:"):
                return fd
        except OSError:
            pass
def say(kind, body):
    os.write(channel(), struct.pack("!BI", kind, len(body)) + body)
FIGURES = bytes(16)
"""

#: What is sent, and what the call then ends with. It never is a result that was made up for it.
FORGERIES: dict[str, tuple[str, set[int]]] = {
    "garbage": ("os.write(channel(), b'GET / HTTP/1.1\\r\\n\\r\\n')", {Status.PROCESS_EXITED}),
    "nothing but zeros": ("os.write(channel(), bytes(100))", {Status.PROCESS_EXITED}),
    "a frame without end": (
        f"os.write(channel(), struct.pack('!BI', 0xA5, {LARGEST + 1}))",
        {Status.RESULT_TOO_LARGE},
    ),
    "the largest number there is": (
        "os.write(channel(), struct.pack('!BI', 0xA5, 0xFFFFFFFF))",
        {Status.RESULT_TOO_LARGE},
    ),
    "an answer to another call": (
        "say(0xA5, bytes(16) + FIGURES + b'\"forged\"')",
        {Status.PROCESS_EXITED},
    ),
    "an answer that is cut": ("say(0xA5, b'x')", {Status.PROCESS_EXITED}),
    "that it is ready once more": ("say(0xA2, b'{}')", {Status.PROCESS_EXITED}),
    "a call": ("say(0xA4, b'{}')", {Status.PROCESS_EXITED}),
    "a failure that is not for it to tell": (
        'say(0xA6, bytes(16) + FIGURES + b\'{"status": 200, "message": "", "stack": ""}\')',
        {Status.PROCESS_EXITED},
    ),
    "half a frame, and then its own": (
        "os.write(channel(), struct.pack('!BI', 0xA5, 100000))",
        {Status.TIMED_OUT},
    ),
    "the end of the channel": ("os.close(channel())", {Status.PROCESS_EXITED}),
}


async def test_what_is_made_up_is_not_believed(caged: Cage) -> None:
    for name, (line, ends) in FORGERIES.items():
        source = FINDS + handler(line, "return 'after'")
        outcome = await caged.outcome(source, timeout_s=2)

        assert outcome.status in ends, (name, outcome)
        assert "forged" not in outcome.result, name


async def test_of_two_answers_the_second_is_not_taken_for_the_next_calls(caged: Cage) -> None:
    source = FINDS + handler(
        "say(0xA5, bytes.fromhex(event or '') + FIGURES + b'\"forged\"') if event else None",
        "frame = sys._getframe(1).f_locals",
        "body = next(v for v in frame.values() if isinstance(v, memoryview))",
        "say(0xA5, bytes(body[:16]) + FIGURES + b'\"its own\"')",
        "return 'second'",
    )
    version = caged.shelf.version(source, timeout_s=5)
    instance = await caged.begin(version)
    first = await instance.run(task(version, b"null"))
    await asyncio.sleep(0.2)

    assert (first.status, first.result) == (Status.SUCCESS, '"its own"')
    assert not instance.alive  # What it said next nobody had asked for.


async def test_a_flood_of_frames_ends_the_instance_and_holds_nobody_up(caged: Cage) -> None:
    source = FINDS + handler("while True: say(0xA5, bytes(1 << 20))")
    outcome = await caged.outcome(source, timeout_s=5)

    assert outcome.status == Status.PROCESS_EXITED, outcome


async def test_one_that_never_reads_is_ended_in_time_and_its_neighbour_answers(
    caged: Cage,
) -> None:
    deaf = caged.shelf.version(
        FINDS + handler("import threading", "time.sleep(600)"), timeout_s=1, memory_mb=128
    )
    calm = caged.shelf.version(handler("return len(event)"), timeout_s=20)
    one, other = await caged.begin(deaf), await caged.begin(calm)
    large = json.dumps("x" * 5_000_000).encode()
    silent = asyncio.create_task(one.run(task(deaf, large)))
    answer = await other.run(task(calm, large))

    assert answer.result == "5000000"
    assert (await silent).status == Status.TIMED_OUT
    await other.stop()
