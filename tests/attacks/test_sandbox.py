"""What functions try that they should not: it bites without walls, and is refused within."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.instance import Instance
from huidu.instances.outcomes import StartFailed
from huidu.instances.sandbox.forks.launcher import RENEWED_S
from huidu.instances.starting import start
from huidu.model.invocation import Status
from tests.attacks.conftest import Box, processes
from tests.instances.making import OURS, Begin, Shelf, handler, is_running, soon, task

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="calls are made by number"
)

PRELUDE = """
import ctypes, errno, os, signal, socket, subprocess, sys, time
from pathlib import Path
LIBC = ctypes.CDLL(None, use_errno=True)
def call(*given):
    got = LIBC.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in given))
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "done"
def main_handler(event, context):
    try:
        return attack(event)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
"""

#: What is tried, and what it says when it is refused. `bites`: it does no harm, and is shown to
#: work without walls.
TRIALS: dict[str, tuple[str, str, bool]] = {
    "read the passwords": ("Path('/etc/shadow').read_text() and 'done'", "ENOENT", True),
    "read a secret of the host": ("Path(event).read_text() and 'done'", "ENOENT", True),
    "list the host's homes": ("os.listdir('/home') and 0 or 'done'", "ENOENT", True),
    "read the kernel's settings": ("os.listdir('/sys/kernel') and 'done'", "ENOENT", True),
    "read the disk": ("os.close(os.open('/dev/vda', 0)) or 'done'", "ENOENT", False),
    "write beside its code": ("Path('/var/user/x').write_text('x') and 'done'", "EROFS", False),
    "write to the root": ("Path('/x').write_text('x') and 'done'", "EROFS", False),
    "write to the system": ("Path('/usr/x').write_text('x') and 'done'", "EROFS", False),
    "write a setting": (
        "Path('/proc/sys/kernel/hostname').write_text('x') and 'done'",
        "EROFS",
        False,
    ),
    "unmount the root": ("call(166, b'/', 2)", "EPERM", False),
    "mount": ("call(165, b'none', b'/tmp', b'tmpfs', 0, b'')", "EPERM", False),
    "mount the new way": ("call(430, b'tmpfs', 0)", "EPERM", True),
    "make namespaces": ("call(272, 0x10000000)", "EPERM", False),
    "make namespaces with a child": ("call(56, 0x10000011, 0, 0, 0, 0)", "EPERM", False),
    "enter a namespace": ("call(308, os.open('/proc/self/ns/net', 0), 0)", "EPERM", True),
    "clone in a new way": ("call(435, 0, 0)", "ENOSYS", False),
    "trace": ("call(101, 0, 0, 0, 0)", "EPERM", False),
    "read another's memory": ("call(310, 1, 0, 0, 0, 0, 0) or 'done'", "EPERM", True),
    "make a disk": ("os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0)) or 'done'", "EPERM", False),
    "become root": ("os.setuid(0) or 'done'", "EPERM", True),
    "become its neighbour": ("os.setresuid(200001, 200001, 200001) or 'done'", "EPERM", False),
    "use the kernel's keys": ("call(250, 0, -3, 0)", "EPERM", True),
    "load a program into the kernel": ("call(321, 0, bytes(72), 72)", "EPERM", False),
    "use io_uring": ("call(425, 1, bytes(120))", "ENOSYS", True),
    "listen to the wire": (
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW) and 'done'",
        "EAFNOSUPPORT",
        True,
    ),
    "send raw packets": (
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) and 'done'",
        "EPERM",
        True,
    ),
    "reach the hypervisor": (
        "socket.socket(40, socket.SOCK_STREAM) and 'done'",
        "EAFNOSUPPORT",
        False,
    ),
    "use the kernel's ciphers": ("socket.socket(38, 5, 0) and 'done'", "EAFNOSUPPORT", False),
    "watch the machine": ("call(298, bytes(128), 0, -1, -1, 0)", "EPERM", False),
    "type into a terminal": ("call(16, 0, 0x5412, b'x')", "EPERM", False),
    "set the clock": ("call(227, 0, bytes(16))", "EPERM", False),
    "rename the machine": ("call(170, b'x', 1)", "EPERM", False),
    "change the root": ("os.chroot('/tmp') or 'done'", "EPERM", False),
    "signal everybody": ("os.kill(-1, 0) or 'done'", "ESRCH", True),
    "raise its limits": ("call(160, 6, (ctypes.c_ulong * 2)(9999, 9999))", "EPERM", False),
}


def attack(expression: str) -> str:
    return f"{PRELUDE}def attack(event):\n    return {expression}\n"


async def result_of(instance: Instance, version: Any, event: object = None) -> Any:
    outcome = await instance.run(task(version, json.dumps(event).encode()))
    assert outcome.status == Status.SUCCESS, outcome
    return json.loads(outcome.result)


@pytest.mark.parametrize("name", TRIALS)
async def test_what_a_function_must_not_do_it_cannot(
    boxed: Begin, shelf: Shelf, tmp_path: Path, name: str
) -> None:
    expression, refusal, _ = TRIALS[name]
    (tmp_path / "secret").write_text("the platform's own")
    version = shelf.version(attack(expression))

    assert await result_of(await boxed(version), version, str(tmp_path / "secret")) == refusal


@pytest.mark.skipif(os.geteuid() != 0, reason="without walls, it takes root to bite")
@pytest.mark.parametrize("name", [name for name, (_, _, bites) in TRIALS.items() if bites])
async def test_without_walls_it_bites(
    plain: Begin, shelf: Shelf, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret").write_text("the platform's own")
    version = shelf.version(attack(TRIALS[name][0]))

    assert await result_of(await plain(version), version, str(tmp_path / "secret")) == "done"


#: Looks for a word in the environment of every process that it sees.
ENVIRONMENTS = """
import ctypes, os, pathlib
def main_handler(event, context):
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
    seen = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            seen.append((process / "environ").read_text(errors="replace"))
        except OSError:
            pass
    return [len(seen), any("the platform's own" in text for text in seen)]
"""


async def test_nobody_reads_the_environment_of_the_platform(
    boxed: Begin, plain: Begin, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = shelf.version(ENVIRONMENTS)

    seen, found = await result_of(await boxed(version), version)
    assert (seen, found) == (1, False)
    seen, _ = await result_of(await plain(version), version)
    assert seen > 1


async def test_an_instance_sees_no_process_but_its_own(boxed: Begin, shelf: Shelf) -> None:
    source = "import os\n" + handler("return [p for p in os.listdir('/proc') if p.isdigit()]")
    version = shelf.version(source)
    one, other = await boxed(version), await boxed(version)

    assert await result_of(one, version) == await result_of(other, version) == ["1"]


async def test_no_two_instances_are_the_same_user(boxed: Begin, shelf: Shelf) -> None:
    version = shelf.version("import os\n" + handler("return os.getresuid() + os.getresgid()"))
    users = [await result_of(await boxed(version), version) for _ in range(3)]

    assert len({ids[0] for ids in users}) == 3
    assert all(len(set(ids)) == 1 and ids[0] >= 200_000 for ids in users)


async def test_there_is_no_privilege_left(boxed: Begin, shelf: Shelf) -> None:
    version = shelf.version(handler("return open('/proc/self/status').read()"))
    status = await result_of(await boxed(version), version)

    said = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert [said[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == ["0" * 16] * 5
    assert (said["NoNewPrivs"], said["Seccomp"], said["Groups"].strip()) == ("1", "2", "")


async def test_nothing_of_the_platform_is_open_in_an_instance(boxed: Begin, shelf: Shelf) -> None:
    source = "import os\n" + handler(
        "found = {}",
        "for fd in os.listdir('/proc/self/fd'):",
        "    try: found[int(fd)] = os.readlink(f'/proc/self/fd/{fd}').split(':')[0]",
        "    except OSError: pass",
        "return sorted(found.items())",
    )
    version = shelf.version(source)
    found = await result_of(await boxed(version), version)

    assert found == [[0, "/dev/null"], [1, "pipe"], [2, "pipe"], [1000, "socket"]]


#: Says whether it can reach a port.
REACH = PRELUDE + (
    "def attack(event):\n"
    "    with socket.create_connection(('127.0.0.1', event), 2):\n"
    "        return 'done'\n"
)


async def test_the_ports_of_the_host_are_out_of_reach_unless_it_is_given_them(
    boxed: Begin, plain: Begin, box: Box, shelf: Shelf
) -> None:
    version = shelf.version(REACH)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert await result_of(await boxed(version), version, port) == "ECONNREFUSED"
        assert await result_of(await plain(version), version, port) == "done"
        open_ = await start(shelf.blueprint(version), await box("host"))
        assert await result_of(open_, version, port) == "done"
        await open_.stop()


#: Leaves a process behind that is in a session of its own and heeds no signal.
DAEMON = PRELUDE + (
    "def attack(event):\n"
    '    ignore = "import signal, sys, time; signal.signal(15, 1); time.sleep(600)"\n'
    "    subprocess.Popen([sys.executable, '-c', ignore, event], start_new_session=True,\n"
    "        stdin=-3, stdout=-3, stderr=-3)\n"
    "    return 'done'\n"
)


async def test_a_daemon_ends_with_its_instance(boxed: Begin, shelf: Shelf, tmp_path: Path) -> None:
    version, mark = shelf.version(DAEMON), f"daemon-of-{tmp_path.name}-{os.getpid()}"
    instance = await boxed(version)
    assert await result_of(instance, version, mark) == "done"
    assert soon(lambda: len(processes(mark)) == 1)

    await instance.stop()

    assert processes(mark) == []


async def test_a_fork_bomb_is_held(boxed: Begin, shelf: Shelf) -> None:
    source = "import os, time\n" + handler(
        "n = 0",
        "while n < 5000:",
        "    try:",
        "        if os.fork() == 0: time.sleep(60)",
        "    except OSError: return n",
        "    n += 1",
        "return n",
    )
    version = shelf.version(source, memory_mb=1024, timeout_s=30)
    instance = await boxed(version)

    assert 100 < await result_of(instance, version) < 512
    await instance.stop()


@pytest.mark.parametrize("when", ["called", "loaded"])
async def test_memory_ends_where_it_is_said_to(
    boxed: Begin, box: Box, shelf: Shelf, when: str
) -> None:
    if (await box()).ungrouped:
        pytest.skip("no group can be made here")
    bomb = "bytearray(1 << 30)"
    if when == "loaded":
        with pytest.raises(StartFailed, match="since its memory was used up"):
            await boxed(shelf.version(bomb, memory_mb=128))
        return
    version = shelf.version(handler(f"return len({bomb})"), memory_mb=128)
    outcome = await (await boxed(version)).run(task(version))

    assert outcome.status == Status.MEMORY_EXCEEDED
    assert outcome.error == "Memory limit of 128 MB exceeded (peak 128 MB)"
    assert outcome.memory_bytes == 128 << 20


async def test_memory_is_counted_over_all_processes_of_an_instance(
    boxed: Begin, box: Box, shelf: Shelf
) -> None:
    if (await box()).ungrouped:
        pytest.skip("no group can be made here")
    source = "import os\n" + handler(
        "for _ in range(4):",
        "    if os.fork() == 0:",
        "        x = bytearray(80 << 20)",
        "        while True: x[0] = 1",
        "ends = [os.wait()[1]]",
        "return os.WTERMSIG(ends[0])",
    )
    version = shelf.version(source, memory_mb=128)
    outcome = await (await boxed(version)).run(task(version))

    assert outcome.result == "9" or outcome.status == Status.MEMORY_EXCEEDED


async def test_a_launch_that_nobody_waits_for_leaves_nothing(box: Box, shelf: Shelf) -> None:
    launcher = await box()
    blueprint = shelf.blueprint(shelf.version(handler("return 1")))
    for steps in range(8):
        starting = asyncio.create_task(start(blueprint, launcher))
        for _ in range(steps):
            await asyncio.sleep(0.002)
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await (await starting).stop()
    (zygote,) = launcher._nurseries.values()
    while not zygote.empty:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)

    assert launcher._users.lend() < launcher._users._next


@pytest.mark.parametrize(
    ("fill", "most"),
    [
        ("[open('/tmp/x', 'ab', 0).write(bytes(1 << 20)) for _ in range(1000)]", 512),
        ("[open(f'/tmp/{n}', 'w').close() for n in range(100_000)]", 65_536),
    ],
)
async def test_the_temporary_folder_has_an_end(
    boxed: Begin, shelf: Shelf, fill: str, most: int
) -> None:
    source = f"{PRELUDE}def attack(event):\n    {fill}\n    return 'done'\n"
    version = shelf.version(source, memory_mb=1024, timeout_s=30)

    assert await result_of(await boxed(version), version) == "ENOSPC"


async def test_the_temporary_folder_is_private_and_gone_with_its_instance(
    boxed: Begin, shelf: Shelf
) -> None:
    source = "import os\n" + handler("open('/tmp/x', 'w').close()", "return os.listdir('/tmp')")
    version = shelf.version(source)
    before = set(os.listdir("/tmp"))  # noqa: PTH208 - there is nothing to wait for

    assert await result_of(await boxed(version), version) == ["x"]
    assert "x" not in set(os.listdir("/tmp")) - before  # noqa: PTH208


async def test_a_module_of_the_users_comes_before_one_that_the_zygote_knows(
    boxed: Begin, plain: Begin, shelf: Shelf
) -> None:
    version = shelf.version("import csv\n" + handler("return csv.MINE"))
    (shelf.unpacked(version.code) / "csv.py").write_text("MINE = 'mine'")

    for begin in (boxed, plain):
        assert await result_of(await begin(version), version) == "mine"


async def test_code_that_is_not_there_is_told(boxed: Begin, shelf: Shelf) -> None:
    version = shelf.version("")
    (shelf.unpacked(version.code) / "index.py").unlink()
    shelf.unpacked(version.code).rmdir()

    with pytest.raises(StartFailed, match=r"could not be contained: .*No such file"):
        await boxed(version)


async def test_an_instance_that_is_killed_from_outside_is_gone_with_all_it_started(
    boxed: Begin, shelf: Shelf, tmp_path: Path
) -> None:
    version, mark = shelf.version(DAEMON), f"orphan-of-{tmp_path.name}-{os.getpid()}"
    instance = await boxed(version)
    await result_of(instance, version, mark)
    assert soon(lambda: len(processes(mark)) == 1)  # A program shows its words late.

    os.kill(instance._process.pid, signal.SIGKILL)

    assert soon(lambda: not processes(mark))
    await instance.stop()


async def test_a_zygote_that_is_killed_takes_its_instances_along_and_another_takes_its_place(
    box: Box, shelf: Shelf, tmp_path: Path
) -> None:
    launcher = await box()
    version, mark = shelf.version(DAEMON), f"left-of-{tmp_path.name}-{os.getpid()}"
    instance = await start(shelf.blueprint(version), launcher)
    await result_of(instance, version, mark)
    assert soon(lambda: len(processes(mark)) == 1)  # A program shows its words late.
    (zygote,) = launcher._nurseries.values()
    pid = instance._process.pid

    os.kill(zygote.pid, signal.SIGKILL)
    await instance.stop()

    assert not instance.alive
    assert not is_running(pid)
    assert soon(lambda: not processes(mark))
    again = await start(shelf.blueprint(version), launcher)
    assert await result_of(again, version, mark) == "done"
    await again.stop()


async def test_a_zygote_that_is_old_makes_room_for_another_and_its_instances_go_on(
    box: Box, shelf: Shelf
) -> None:
    launcher = await box()
    version = shelf.version(handler("return 'here'"))
    old = await start(shelf.blueprint(version), launcher)
    (zygote,) = launcher._nurseries.values()

    launcher._begun[OURS.path] -= RENEWED_S
    meanwhile = await start(shelf.blueprint(version), launcher)
    assert launcher._nurseries[OURS.path] is zygote, "nobody waits for the successor"
    await launcher._coming[OURS.path].ready()
    new = await start(shelf.blueprint(version), launcher)

    every = (old, meanwhile, new)
    assert [await result_of(one, version) for one in every] == ["here"] * 3
    assert launcher._nurseries[OURS.path] is not zygote
    assert zygote.alive
    for one in every:
        await one.stop()
    launcher._leave_the_empty()
    assert not zygote.alive
