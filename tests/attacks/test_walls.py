"""What functions try between walls that take no root: user namespaces, or none at all."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from huidu.instances.instance import Instance
from huidu.instances.outcomes import StartFailed
from huidu.instances.sandbox.forks.launcher import SandboxLauncher
from huidu.instances.sandbox.forks.lodging import Footing
from huidu.instances.sandbox.forks.watch import family
from huidu.instances.sandbox.walls import kinds
from huidu.instances.starting import start
from huidu.model.invocation import Status
from huidu.model.version import Version
from huidu.runtimes.table import Runtimes
from tests.attacks.cages import interpreter
from tests.attacks.conftest import processes
from tests.attacks.test_sandbox import DAEMON, PRELUDE, TRIALS, attack, result_of
from tests.instances.making import OURS, Shelf, handler, is_running, soon, task

ROOT = os.geteuid() == 0
KINDS = (kinds.BASIC,) if ROOT else (kinds.USER, kinds.BASIC)
#: What an attack may hear; anything else is a success of it.
REFUSALS = {
    *("EACCES", "EAFNOSUPPORT", "ECONNREFUSED", "EINVAL", "ENOENT", "ENOSYS", "EPERM", "EROFS"),
    *("ESRCH", "ENODEV", "EXDEV"),
}
#: Where nobody hears a signal that is sent to all, the call is a success.
NOBODY_HEARS = "signal everybody"


class Box:
    """A launcher between walls of one kind, over a directory such as a server has."""

    def __init__(self, kind: str, home: Path, *, counts: bool = False) -> None:
        python = OURS if kind == kinds.USER else interpreter()
        self.runtimes = Runtimes({"Python": [python]})
        self.kind = kind
        self.home = home
        self.shelf = Shelf(home / "code")
        footing = Footing(kind=kind, scratch=home / "scratch", counts=counts)
        self.launcher = SandboxLauncher(python.path, footing=footing)
        self.running: list[Instance] = []

    async def begin(self, version: Version) -> Instance:
        self.running.append(
            await start(self.shelf.blueprint(version, self.runtimes), self.launcher)
        )
        return self.running[-1]

    async def close(self) -> None:
        for one in self.running:
            await one.stop()
        await self.launcher.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that nobody may look into but us, where every user can get to."""
    before = os.umask(0o022)
    base = Path(tempfile.mkdtemp(prefix="huidu-walls-"))
    base.chmod(0o711)
    for folder in (base / "data", base / "data" / "scratch"):
        folder.mkdir(mode=0o700)
    (base / "data" / "secret").write_text("the platform's own")
    yield base / "data"
    left = list((base / "data" / "scratch").iterdir())
    shutil.rmtree(base)
    os.umask(before)
    assert left == []


@pytest.fixture(params=KINDS)
async def box(request: pytest.FixtureRequest, home: Path) -> AsyncIterator[Box]:
    made = Box(request.param, home)
    try:
        await made.launcher.warm()
    except OSError as error:
        await made.launcher.close()
        pytest.skip(f"walls of kind {request.param} cannot be had: {error}")
    yield made
    await made.close()


def trying(trials: Mapping[str, str]) -> str:
    """A function that tries what its event names."""
    tries = "".join(f"    if event['try'] == {name!r}: return {trials[name]}\n" for name in trials)
    return f"{PRELUDE}def attack(event):\n{tries}"


async def test_what_a_function_must_not_do_it_cannot(box: Box, home: Path) -> None:
    trials = {
        name: expression.replace("event", "event['secret']")
        for name, (expression, *_) in TRIALS.items()
    }
    if box.kind == kinds.BASIC:
        del trials[NOBODY_HEARS]
    version = box.shelf.version(trying(trials))
    instance = await box.begin(version)
    said = {
        name: await result_of(instance, version, {"try": name, "secret": str(home / "secret")})
        for name in trials
    }

    assert {name: how for name, how in said.items() if how not in REFUSALS} == {}


#: What may be tried on files and processes of the platform, which may be the same user's.
ON_THE_PLATFORM = {
    "read a file": "open(event['secret']).read() and 'done'",
    "write a file": "open(event['secret'], 'a').write('x') and 'done'",
    "remove a file": "os.unlink(event['secret']) or 'done'",
    "list the directory": "os.listdir(event['home']) and 'done'",
    "list the folders of others": "os.listdir(event['home'] + '/scratch') and 'done'",
    "make a file": "open(event['home'] + '/new', 'w').close() or 'done'",
    "link to a file": "os.link(event['secret'], os.environ['TMPDIR'] + '/x') or 'done'",
    "rename a file": "os.rename(event['secret'], os.environ['TMPDIR'] + '/x') or 'done'",
    "close a file to us": "os.chmod(event['secret'], 0) or 'done'",
    "close the directory to us": "os.chmod(event['home'], 0) or 'done'",
    "mark a file": "os.setxattr(event['secret'], 'user.x', b'x') or 'done'",
    "cut a file": "os.truncate(event['secret'], 0) or 'done'",
    "write beside its code": "open(event['code'] + '/x', 'w').close() or 'done'",
    "write over its code": "open(event['code'] + '/index.py', 'w').close() or 'done'",
    "read its environment": "open(f\"/proc/{event['pid']}/environ\").read() and 'done'",
    "read its memory": "open(f\"/proc/{event['pid']}/mem\", 'rb').close() or 'done'",
    "see what it has open": "os.listdir(f\"/proc/{event['pid']}/fd\") and 'done'",
    "go to its root": "os.listdir(f\"/proc/{event['pid']}/root\") and 'done'",
    "go where it is": "os.listdir(f\"/proc/{event['pid']}/cwd\") and 'done'",
    "signal it": "os.kill(event['pid'], 0) or 'done'",
    "signal what contains it": "os.kill(os.getppid() or event['pid'], 0) or 'done'",
    "signal its group": "os.killpg(event['group'], 0) or 'done'",
    "signal it by a handle": "signal.pidfd_send_signal(os.pidfd_open(event['pid']), 0) or 'done'",
    "trace it": "call(101, 16, event['pid'], 0, 0)",
    "limit it": "__import__('resource').prlimit(event['pid'], 7, (9, 9)) and 'done'",
    "slow it down": "os.setpriority(os.PRIO_PROCESS, event['pid'], 19) or 'done'",
    "slow its user down": "os.setpriority(os.PRIO_USER, event['user'], 19) or 'done'",
    "tie it to a processor": "os.sched_setaffinity(event['pid'], {0}) or 'done'",
    "idle it": "os.sched_setscheduler(event['pid'], 5, os.sched_param(0)) or 'done'",
    "have it end with us": "call(157, 1, 0, 0, 0, 0)",
    "share memory": "call(29, 0x5ec, 4096, 0o1666)",
    "share a queue": "call(68, 0x5ec, 0o1666)",
    "share a lock": "call(64, 0x5ec, 1, 0o1666)",
    "hide memory": "call(319, b'x', 0)",
    "call a socket of the host": "socket.socket(1, 1).connect(event['socket']) or 'done'",
    "call its port": "socket.create_connection(('127.0.0.1', event['port']), 2) and 'done'",
    "tell its port": "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', event['port'])) and 'done'",
}
#: In namespaces of its own, an instance does all that to nobody but itself.
HARMLESS_APART = {
    *("signal its group", "have it end with us", "share a queue", "share a lock"),
    *("tell its port", "slow its user down"),
}
#: The call takes user 0 for the one who asks.
HARMLESS_TO_ANOTHER = {"slow its user down"}


async def test_the_platform_is_out_of_reach_though_it_may_be_the_same_user(
    box: Box, home: Path
) -> None:
    harmless = HARMLESS_APART if box.kind == kinds.USER else HARMLESS_TO_ANOTHER if ROOT else set()
    trials = {name: how for name, how in ON_THE_PLATFORM.items() if name not in harmless}
    version = box.shelf.version(trying(trials))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as hosts,
    ):
        hosts.bind(str(home.parent / "socket"))
        (home.parent / "socket").chmod(0o777)
        hosts.listen()
        event = {
            "home": str(home),
            "secret": str(home / "secret"),
            "code": str(box.shelf.unpacked(version.code)),
            "pid": os.getpid(),
            "group": os.getpgrp(),
            "user": os.getuid(),
            "socket": str(home.parent / "socket"),
            "port": server.getsockname()[1],
        }
        instance = await box.begin(version)
        said = {name: await result_of(instance, version, {**event, "try": name}) for name in trials}

    assert {name: how for name, how in said.items() if how not in REFUSALS} == {}
    assert (home / "secret").read_text() == "the platform's own"
    assert (home / "secret").stat().st_mode & 0o777 == 0o644


async def test_there_is_no_privilege_left(box: Box) -> None:
    version = box.shelf.version(handler("return open('/proc/self/status').read()"))
    status = await result_of(await box.begin(version), version)

    said = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert [said[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Amb")] == ["0" * 16] * 4
    assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")


async def test_nothing_of_the_platform_is_open_in_an_instance(box: Box) -> None:
    source = "import os\n" + handler("return sorted(map(int, os.listdir('/proc/self/fd')))")
    version = box.shelf.version(source)

    *standard, listing, channel = await result_of(await box.begin(version), version)
    assert (standard, listing, channel) == ([0, 1, 2], 3, 1000)


async def test_one_instance_does_not_reach_the_folder_or_the_process_of_another(box: Box) -> None:
    here = "import os\n" + handler(
        "folder = os.environ['TMPDIR']",
        "open(folder + '/mine', 'w').write('mine')",
        "return [folder, os.getpid()]",
    )
    there = box.shelf.version(here)
    folder, pid = await result_of(await box.begin(there), there)
    trials = [
        f"open({folder!r} + '/mine').read() and 'done'",
        f"os.listdir('/proc/{pid}/fd') and 'done'" if pid != 1 else "open('/x')",
        f"os.kill({pid}, 0) or 'done'" if pid != 1 else "open('/x')",
    ]

    for trial in trials:
        version = box.shelf.version(attack(trial))
        assert await result_of(await box.begin(version), version) in REFUSALS


async def test_it_may_write_where_it_is_told_to_and_read_itself(box: Box) -> None:
    source = "import os, subprocess, sys, tempfile\n" + handler(
        "with tempfile.NamedTemporaryFile('w+') as file:",
        "    file.write('hello')",
        "    file.flush()",
        "    words = ['/bin/sh', '-c', f'cat {file.name}; cat index.py | head -n 1']",
        "    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout",
        "return [said.split(',')[0], os.getcwd() == os.environ['PWD']]",
    )
    version = box.shelf.version(source)

    said = await result_of(await box.begin(version), version)
    assert said == ["helloimport os", True]


async def test_a_daemon_ends_with_its_instance(box: Box, home: Path) -> None:
    version, mark = box.shelf.version(DAEMON), f"daemon-of-{home.parent.name}"
    instance = await box.begin(version)
    assert await result_of(instance, version, mark) == "done"
    assert soon(lambda: len(processes(mark)) == 1)

    await instance.stop()

    assert processes(mark) == []


async def test_a_daemon_ends_with_an_instance_that_ended_by_itself(box: Box, home: Path) -> None:
    version = box.shelf.version("import os\n" + DAEMON.replace("return 'done'", "os._exit(3)"))
    mark = f"left-of-{home.parent.name}"
    outcome = await (await box.begin(version)).run(task(version, json.dumps(mark).encode()))

    assert outcome.error == "User process exit when running: it exited with status 3"
    assert processes(mark) == []


async def test_a_fork_bomb_is_held_and_nothing_of_it_stays(box: Box, home: Path) -> None:
    mark = f"bomb-of-{home.parent.name}"
    source = "import os, subprocess\n" + handler(
        "subprocess.Popen(['/bin/sh', '-c', 'sleep 60 & ' * 40 + 'wait', event])",
        "n = 0",
        "try:",
        "    while n < 600:",
        "        if os.fork() == 0:",
        "            os.setsid()",
        "            while True: __import__('time').sleep(60)",
        "        n += 1",
        "except OSError: pass",
        "return n",
    )
    version = box.shelf.version(source, memory_mb=3072, timeout_s=30)
    instance = await box.begin(version)
    made = await result_of(instance, version, mark)
    if box.kind == kinds.USER or ROOT:
        assert 100 < made < 512
    pids = list(family(instance._process.pid))
    assert len(pids) > made

    await instance.stop()

    assert not any(map(is_running, pids))
    assert processes(mark) == []


@pytest.mark.parametrize("when", ["called", "loaded"])
async def test_memory_that_nothing_else_counts_is_watched(box: Box, when: str) -> None:
    bomb = "bytearray(1 << 30)"
    if when == "loaded":
        with pytest.raises(StartFailed, match="since its memory was used up"):
            await box.begin(box.shelf.version(bomb, memory_mb=128))
        return
    version = box.shelf.version(handler(f"return len({bomb})"), memory_mb=128)
    outcome = await (await box.begin(version)).run(task(version))

    assert outcome.status == Status.MEMORY_EXCEEDED
    assert outcome.error.startswith("Memory limit of 128 MB exceeded (peak ")


async def test_memory_is_watched_over_all_processes_of_an_instance(box: Box) -> None:
    source = "import os, time\n" + handler(
        "for _ in range(4):",
        "    if os.fork() == 0:",
        "        if os.fork(): os._exit(0)",
        "        os.setsid()",
        "        x = bytearray(60 << 20)",
        "        time.sleep(60)",
        "time.sleep(20)",
    )
    version = box.shelf.version(source, memory_mb=128, timeout_s=30)
    outcome = await (await box.begin(version)).run(task(version))

    assert outcome.status == Status.MEMORY_EXCEEDED


async def test_what_processes_share_is_counted_once(box: Box) -> None:
    source = "import os, time\nx = bytearray(60 << 20)\n" + handler(
        "for _ in range(4):",
        "    if os.fork() == 0: time.sleep(60)",
        "time.sleep(0.6)",
        "return len(x)",
    )
    version = box.shelf.version(source, memory_mb=128, timeout_s=30)

    assert await result_of(await box.begin(version), version) == 60 << 20


async def test_an_end_reads_as_what_it_was(box: Box) -> None:
    for end, words in (
        ("os._exit(7)", "exited with status 7"),
        ("ctypes.string_at(0)", "was killed by signal 11 (Segmentation fault)"),
    ):
        version = box.shelf.version("import ctypes, os\n" + handler(end))
        outcome = await (await box.begin(version)).run(task(version))
        assert outcome.error == f"User process exit when running: it {words}"


async def test_a_call_out_of_time_ends_with_all_that_it_began(box: Box, home: Path) -> None:
    mark = f"late-of-{home.parent.name}"
    source = DAEMON.replace("return 'done'", "time.sleep(60)")
    version = box.shelf.version(source, timeout_s=2)
    outcome = await (await box.begin(version)).run(task(version, json.dumps(mark).encode()))

    assert outcome.status == Status.TIMED_OUT
    assert outcome.memory_bytes > 1 << 20
    assert processes(mark) == []


async def test_a_zygote_that_is_killed_takes_its_instances_along(box: Box, home: Path) -> None:
    version, mark = box.shelf.version(DAEMON), f"zygote-of-{home.parent.name}"
    instance = await box.begin(version)
    await result_of(instance, version, mark)
    assert soon(lambda: len(processes(mark)) == 1)
    (zygote,) = box.launcher._nurseries.values()

    os.kill(zygote.pid, signal.SIGKILL)
    await instance.stop()

    assert soon(lambda: not processes(mark))
    again = await box.begin(version)
    assert await result_of(again, version, mark) == "done"


async def test_a_start_that_meets_a_zygote_as_it_is_killed_goes_to_the_next(box: Box) -> None:
    version = box.shelf.version(handler("return 'done'"))
    await (await box.begin(version)).stop()
    (zygote,) = box.launcher._nurseries.values()

    os.kill(zygote.pid, signal.SIGKILL)
    again = await box.begin(version)

    assert (await again.run(task(version))).result == '"done"'


async def test_a_warden_that_is_killed_leaves_nothing(box: Box, home: Path) -> None:
    version, mark = box.shelf.version(DAEMON), f"warden-of-{home.parent.name}"
    instance = await box.begin(version)
    await result_of(instance, version, mark)
    assert soon(lambda: len(processes(mark)) == 1)

    os.kill(instance._process.pid, signal.SIGKILL)
    await instance.stop()

    assert soon(lambda: not processes(mark))


#: A platform that has an instance with a daemon, until it is killed.
PLATFORM = """
import asyncio, os, sys
from pathlib import Path
from tests.attacks.test_walls import DAEMON, Box, result_of
async def main():
    kind, home, mark = sys.argv[1:]
    box = Box(kind, Path(home))
    version = box.shelf.version(DAEMON)
    instance = await box.begin(version)
    print(await result_of(instance, version, mark), instance._process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_platform_that_is_killed_leaves_no_process(box: Box, home: Path) -> None:
    mark = f"platform-of-{home.parent.name}"
    platform = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PLATFORM, box.kind, str(home), mark),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert platform.stdout is not None
    said, pid = (await platform.stdout.readline()).split()
    assert said == b"done"
    assert soon(lambda: len(processes(mark)) > 1)

    platform.kill()
    await platform.wait()

    assert soon(lambda: not processes(mark))
    assert soon(lambda: not is_running(int(pid)))
    # What it left on the disk, the next one removes.
    again = Box(box.kind, home)
    await again.close()


async def test_a_launch_that_nobody_waits_for_leaves_nothing(box: Box) -> None:
    blueprint = box.shelf.blueprint(box.shelf.version(handler("return 1")), box.runtimes)
    for steps in range(6):
        starting = asyncio.create_task(start(blueprint, box.launcher))
        for _ in range(steps):
            await asyncio.sleep(0.002)
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await (await starting).stop()
    (zygote,) = box.launcher._nurseries.values()
    while not zygote.empty or any((box.home / "scratch").iterdir()):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


async def test_a_file_has_an_end(box: Box) -> None:
    source = PRELUDE + (
        "def attack(event):\n"
        "    os.truncate(open(os.environ['TMPDIR'] + '/x', 'wb').name, 1 << 40)\n"
        "    return 'done'\n"
    )
    if box.kind == kinds.USER:
        source = source.replace("os.truncate(open(", "os.posix_fallocate(os.open(").replace(
            "'wb').name, 1 << 40)", "65), 0, 1 << 40)"
        )
    version = box.shelf.version("import signal\nsignal.signal(25, 1)\n" + source)

    assert await result_of(await box.begin(version), version) in {"EFBIG", "ENOSPC"}
