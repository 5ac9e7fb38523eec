"""The watch over memory that the kernel does not count."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from huidu.instances.sandbox.forks.watch import Watch, family, look, proportional_bytes

MB = 1 << 20
#: Holds so many MB, in itself and in a child that has left its session.
HOLDER = """
import os, sys, time
mine, childs = (bytearray(b"x") * (int(n) << 20) for n in sys.argv[1:])
if os.fork() == 0:
    os.setsid()
    childs[0:0] = b"x" * len(childs)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """A process that holds 40 MB, and a child that holds 40 more."""
    words = [sys.executable, "-I", "-S", "-c", HOLDER, "30", "20"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n"] * 2
        pids = list(family(process.pid))
        yield process
        process.kill()
        for pid in pids[1:]:
            os.kill(pid, 9)


def test_a_look_sees_a_whole_family(holder: subprocess.Popen[str]) -> None:
    seen = look(family(holder.pid))

    assert len(seen.pids) == 2
    assert seen.pids[0] == holder.pid
    assert seen.resident_bytes > 110 * MB


def test_what_two_share_is_counted_once(holder: subprocess.Popen[str]) -> None:
    held = sum(map(proportional_bytes, family(holder.pid)))

    assert 90 * MB < held < 110 * MB + 20 * MB
    assert held < look(family(holder.pid)).resident_bytes


def test_who_has_ended_holds_nothing() -> None:
    with subprocess.Popen(["/bin/true"]) as gone:
        pass

    assert look(family(gone.pid)).pids == ()
    assert proportional_bytes(gone.pid) == 0


async def test_who_is_over_the_limit_is_ended_once(holder: subprocess.Popen[str]) -> None:
    ended: list[bool] = []
    watch = Watch(holder.pid, 60 * MB, lambda: ended.append(True))
    await asyncio.sleep(0.5)

    assert ended == [True]
    assert watch.ran_out()
    assert watch.peak_bytes > 60 * MB
    watch.close()


async def test_who_is_below_the_limit_is_left_alone(holder: subprocess.Popen[str]) -> None:
    watch = Watch(holder.pid, 200 * MB, holder.kill)
    await asyncio.sleep(0.5)

    assert not watch.ran_out()
    assert holder.poll() is None
    assert watch.peak_bytes > 60 * MB
    watch.close()


async def test_only_what_descends_from_a_warden_is_counted(holder: subprocess.Popen[str]) -> None:
    watch = Watch(os.getpid(), 1 << 40, holder.kill, itself=False)
    await asyncio.sleep(0.1)

    assert watch.peak_bytes > 60 * MB
    watch.close()
