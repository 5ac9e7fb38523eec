"""Limits: what an instance takes too much of is kept from it, and told as what it is."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.outcomes import StartFailed
from huidu.model.invocation import MOST_RESULT_BYTES, Status
from tests.attacks.conftest import Box, processes
from tests.instances.making import Begin, Shelf, handler, task

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")

FAILS = "import errno, os, resource, signal, threading, time\n" + handler(
    "try: return attack(event)",
    "except OSError as error: return errno.errorcode[error.errno]",
    "except RuntimeError as error: return str(error)",
)


def attack(*lines: str) -> str:
    return f"{FAILS}\ndef attack(event):\n" + "\n".join(f"    {line}" for line in lines)


#: What is done until it is refused, the refusal, and how far one gets: at least and at most.
TRIALS: dict[str, tuple[str, str, int, int]] = {
    "open files": ("open('/dev/null')", "EMFILE", 1000, 1024),
    "start threads": (
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "can't start new thread",
        100,
        512,
    ),
    "make pipes": ("os.pipe()", "EMFILE", 480, 512),
}


@pytest.mark.parametrize("name", TRIALS)
async def test_there_are_only_so_many(boxed: Begin, shelf: Shelf, name: str) -> None:
    step, refusal, least, most = TRIALS[name]
    source = attack(
        "kept = []",
        "for n in range(5000):",
        f"    try: kept.append({step})",
        "    except (OSError, RuntimeError) as error:",
        "        return [n, errno.errorcode.get(getattr(error, 'errno', 0), str(error))]",
    )
    version = shelf.version(source, memory_mb=1024, timeout_s=30)
    outcome = await (await boxed(version)).run(task(version))

    reached, told = json.loads(outcome.result)
    assert (least <= reached <= most, told) == (True, refusal)


async def test_a_file_ends_where_the_temporary_folder_would(boxed: Begin, shelf: Shelf) -> None:
    source = attack(
        "file = os.memfd_create('x')",
        "os.truncate(file, 512 << 20)",
        "os.truncate(file, 600 << 20)",
    )
    version = shelf.version(source)
    outcome = await (await boxed(version)).run(task(version))

    assert json.loads(outcome.result) == "EFBIG"


async def test_no_core_is_written(boxed: Begin, shelf: Shelf) -> None:
    source = attack(
        "if os.fork() == 0: os.abort()",
        "status = os.wait()[1]",
        "return [os.WCOREDUMP(status), resource.getrlimit(resource.RLIMIT_CORE)]",
    )
    version = shelf.version(source)
    outcome = await (await boxed(version)).run(task(version))

    assert json.loads(outcome.result) == [False, [0, 0]]


#: Starts programs, in sessions of their own and deaf to signals, and then does not answer.
TREE = "import subprocess, sys, time\n" + handler(
    'ignore = "import signal, sys, time; signal.signal(15, 1); print(flush=True); time.sleep(600)"',
    "for _ in range(5):",
    "    made = subprocess.Popen([sys.executable, '-c', ignore, event], start_new_session=True,",
    "        stdout=subprocess.PIPE)",
    "    made.stdout.readline()",
    "print('all there')",
    "time.sleep(600)",
)


async def test_a_call_that_takes_too_long_takes_all_it_started_along(
    boxed: Begin, shelf: Shelf, tmp_path: Path
) -> None:
    version, mark = shelf.version(TREE, timeout_s=3), f"tree-of-{tmp_path.name}-{os.getpid()}"
    instance = await boxed(version)
    outcome = await instance.run(task(version, json.dumps(mark).encode()))

    assert processes(mark) == [], "with the answer they are gone, not soon after it"
    assert outcome.status == Status.TIMED_OUT
    assert "Invoking task timed out after 3 seconds" in outcome.error
    assert "all there\n" in outcome.log
    assert not instance.alive


async def test_a_module_that_sleeps_at_import_runs_into_the_limit(
    boxed: Begin, shelf: Shelf
) -> None:
    version = shelf.version("import time\ntime.sleep(600)", init_timeout_s=1)

    with pytest.raises(StartFailed, match="Initialization timed out after 1 seconds") as failed:
        await boxed(version)
    assert failed.value.ending.status == Status.INIT_TIMED_OUT


#: A child takes too much memory; the call goes on, or ends as the child did.
CHILD = "import os\n" + handler(
    "child = os.fork()",
    "if child == 0:",
    "    kept = [bytearray(1 << 20) for _ in range(1000)]",
    "    os._exit(0)",
    "status = os.waitpid(child, 0)[1]",
    "if event == 'fail': os._exit(3)",
    "return os.WTERMSIG(status)",
)


async def test_a_child_that_the_kernel_killed_is_told_of_in_the_log(
    box: Box, boxed: Begin, shelf: Shelf
) -> None:
    if (await box()).ungrouped:
        pytest.skip("no group can be made here")
    version = shelf.version(CHILD, memory_mb=128, timeout_s=30)
    instance = await boxed(version)

    first = await instance.run(task(version, b"1"))
    assert first.result == "9"
    assert "(a process was killed: the memory limit of 128 MB was reached)\n" in first.log
    last = await instance.run(task(version, b'"fail"'))
    assert (last.status, last.error) == (434, "Memory limit of 128 MB exceeded (peak 128 MB)")


async def test_what_was_told_is_not_told_again(box: Box, boxed: Begin, shelf: Shelf) -> None:
    if (await box()).ungrouped:
        pytest.skip("no group can be made here")
    source = f"{CHILD}\nfirst = main_handler\n" + handler(
        "if event == 'quiet': return 1",
        "if event == 'exit': os._exit(4)",
        "return first(event, context)",
    )
    version = shelf.version(source, memory_mb=128, timeout_s=30)
    instance = await boxed(version)
    outcomes = [await instance.run(task(version, e)) for e in (b"1", b'"quiet"', b'"exit"')]

    assert ["was killed" in one.log for one in outcomes] == [True, False, False]
    assert [one.status for one in outcomes] == [200, 200, 439]


async def test_results_and_logs_have_an_end(boxed: Begin, shelf: Shelf) -> None:
    source = handler(
        "if event == 'lines':",
        "    for n in range(20_000): print(n)",
        "if event == 'bytes':",
        "    for n in range(300): print('x' * 8000)",
        "return 'x' * event if isinstance(event, int) else 1",
    )
    version = shelf.version(source, memory_mb=256, timeout_s=30)
    instance = await boxed(version)

    async def call(event: object) -> Any:
        return await instance.run(task(version, json.dumps(event).encode()))

    assert (await call(MOST_RESULT_BYTES)).status == Status.RESULT_TOO_LARGE
    assert (await call(MOST_RESULT_BYTES - 2)).status == Status.SUCCESS
    lines = (await call("lines")).log
    assert 5000 <= lines.count("\n") <= 20_010
    assert "(this call printed more than 5000 lines in 5 seconds" in lines
    many = (await call("bytes")).log
    assert "(this call printed more than 1 MB; the rest is not kept)" in many
    assert len(many) < (1 << 20) + 16_384


#: Keeps a processor busy for a while, and says how much of it it had.
BUSY = "import os, time\n" + handler(
    "os.sched_setaffinity(0, {event['cpu']})",
    "while time.time() < event['from']: pass",
    "began = time.process_time()",
    "while time.time() < event['until']: pass",
    "return time.process_time() - began",
)


async def test_processors_are_shared_in_proportion_to_memory(
    box: Box, boxed: Begin, shelf: Shelf
) -> None:
    launcher = await box()
    if launcher.ungrouped or "cpu" in launcher.unlimited:
        pytest.skip("no group can be made here")
    versions = [shelf.version(BUSY, memory_mb=mb, timeout_s=60) for mb in (128, 1024)]
    instances = [await boxed(version) for version in versions]
    began = time.time() + 0.2
    event = {"cpu": min(os.sched_getaffinity(0)), "from": began, "until": began + 2}
    calls = zip(instances, versions, strict=True)
    outcomes = await asyncio.gather(
        *(one.run(task(version, json.dumps(event).encode())) for one, version in calls)
    )

    small, large = (json.loads(one.result) for one in outcomes)
    assert 4 < large / small < 16, "the shares are 1 to 8"
