"""Instances that are forks of a template: quick where imports are slow, and sealed off as all."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.outcomes import StartFailed
from huidu.instances.sandbox.forks.divided import Template
from huidu.instances.sandbox.forks.launcher import SandboxLauncher
from huidu.instances.sandbox.groups import HIERARCHIES, PREFIX
from huidu.instances.starting import start
from huidu.model.invocation import Status
from huidu.model.version import Version
from tests.attacks.conftest import Box, processes
from tests.attacks.test_sandbox import DAEMON, PRELUDE, TRIALS, attack, result_of
from tests.fakes_store import soon
from tests.instances.making import OURS, Begin, Shelf, beginning, handler, is_running, task

#: A package that takes its time when it is imported, and counts how often it was.
HEAVY = """
import time
time.sleep(0.1)
LOADED = [time.monotonic_ns()]
"""
ASK = "import heavy, own\n" + handler("return [heavy.LOADED, own.LOADED]")
Divide = Callable[[Version], Awaitable[Template]]


def installed(shelf: Shelf, version: Version, source: str = HEAVY) -> Version:
    """Put a package beside a version's own file, as an installer does."""
    folder = shelf.unpacked(version.code)
    (folder / "heavy").mkdir(exist_ok=True)
    (folder / "heavy" / "__init__.py").write_text(source)
    (folder / "own.py").write_text("import time\nLOADED = [time.monotonic_ns()]")
    (folder / "heavy-1.0.dist-info").mkdir(exist_ok=True)
    (folder / "heavy-1.0.dist-info" / "RECORD").write_text("heavy/__init__.py,,\n")
    return version


@pytest.fixture
async def launcher(box: Box) -> SandboxLauncher:
    return await box()


@pytest.fixture
async def begin(launcher: SandboxLauncher, shelf: Shelf) -> AsyncIterator[Begin]:
    """Starts instances; those after the first are forks of a template."""
    async with beginning(shelf, launcher) as one:
        yield one


async def divided(launcher: SandboxLauncher) -> Template:
    """Return the template of the one version that there is, once it has it."""
    templates = launcher._templates
    await soon(lambda: bool(templates._ready or templates._refused))
    ((template, _),) = templates._ready.values()
    return template


async def refused(launcher: SandboxLauncher) -> None:
    """Wait until it is known that the one version there is cannot have a template."""
    await soon(lambda: bool(launcher._templates._refused))
    assert not launcher._templates._ready


async def test_what_is_installed_is_imported_once_and_what_is_the_users_by_each_instance(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf
) -> None:
    version = installed(shelf, shelf.version(ASK))
    first = await result_of(await begin(version), version)
    await divided(launcher)

    second = await result_of(await begin(version), version)
    third = await result_of(await begin(version), version)

    assert first[0] != second[0] == third[0]
    assert first[1] != second[1] != third[1]


async def test_each_fork_has_a_tmp_and_processes_of_its_own(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf
) -> None:
    source = "import heavy, os\n" + handler(
        "open('/tmp/x', 'a').write('x')", "return [open('/tmp/x').read(), os.getpid()]"
    )
    version = installed(shelf, shelf.version(source))
    await begin(version)
    await divided(launcher)

    forks = [await begin(version) for _ in range(3)]

    assert [await result_of(one, version) for one in forks] == [["x", 1]] * 3


@pytest.mark.parametrize("name", TRIALS)
async def test_a_fork_is_refused_what_every_instance_is(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf, tmp_path: Path, name: str
) -> None:
    expression, refusal, _ = TRIALS[name]
    version = installed(shelf, shelf.version("import heavy\n" + attack(expression)))
    await begin(version)
    await divided(launcher)
    secret = tmp_path / "secret"
    secret.write_text("done")

    # Outside of its own user namespace a fork has no number at all, so that none will do.
    refusals = {refusal, "EINVAL"} if name.startswith("become") else {refusal}
    assert await result_of(await begin(version), version, str(secret)) in refusals


BREAK_OUT = {
    "take namespaces in another way": "call(272, 0x10000000)",
    "take a network": "call(272, 0x10000000 | 0x40000000)",
    "mount by the old call": "call(165, b'none', b'/tmp', b'tmpfs', 0, b'')",
    "mount by the new calls": "call(430, b'tmpfs', 0)",
    "enter a namespace": "call(308, os.open('/proc/self/ns/net', 0), 0)",
    "become root": "os.setuid(0) or 'done'",
    "copy a mount": "call(428, -100, b'/', 1)",
    "change the root": "call(272, 0x30020000) or os.chroot('/tmp') or 'done'",
}


@pytest.mark.parametrize("expression", BREAK_OUT.values(), ids=BREAK_OUT)
async def test_what_is_imported_into_a_template_gets_no_further_than_an_instance(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf, expression: str
) -> None:
    inner = expression.replace("\n", " ")
    package = (
        f"{PRELUDE}\ntime.sleep(0.1)\n"
        f"def attack(event):\n    return {inner}\n"
        "SAID = main_handler(None, None)\n"
    )
    version = installed(
        shelf, shelf.version("import heavy\n" + handler("return heavy.SAID")), package
    )
    await begin(version)
    await divided(launcher)

    assert await result_of(await begin(version), version) == "EPERM"


THREAD = HEAVY + "import threading\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
SOCKET = HEAVY + "import socket\nKEPT = socket.socket()\n"


PROCESS = HEAVY + "import subprocess\nsubprocess.Popen(['sleep', '60'])\n"


@pytest.mark.parametrize(
    "package", [THREAD, SOCKET, PROCESS], ids=["a thread", "a connection", "a process"]
)
async def test_a_version_whose_imports_cannot_be_shared_has_no_template(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf, package: str
) -> None:
    version = installed(shelf, shelf.version(ASK), package)
    first = await result_of(await begin(version), version)
    await refused(launcher)

    assert await result_of(await begin(version), version) != first


async def test_a_template_that_dies_while_it_imports_is_done_without(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf
) -> None:
    # An instance moves its channel away from where a template has its own.
    package = HEAVY + "import os\nif os.path.exists('/proc/self/fd/3'): os._exit(3)\n"
    version = installed(shelf, shelf.version(ASK), package)
    await begin(version)
    await soon(lambda: not launcher._templates._making)

    assert not launcher._templates._ready
    assert len(await result_of(await begin(version), version)) == 2


async def test_a_fork_that_is_killed_takes_its_processes_along_and_no_other_fork(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf, tmp_path: Path
) -> None:
    mark = f"forked-of-{tmp_path.name}-{os.getpid()}"
    version = installed(shelf, shelf.version("import heavy\n" + DAEMON))
    await begin(version)
    await divided(launcher)
    one, other = await begin(version), await begin(version)
    await result_of(one, version, mark)
    await soon(lambda: len(processes(mark)) == 1)

    await one.stop()

    assert processes(mark) == []
    assert await result_of(other, version, mark) == "done"


async def test_a_fork_that_is_killed_from_outside_or_exits_is_told_as_what_it_is(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf
) -> None:
    source = "import heavy, os, time\n" + handler("os._exit(7) if event else time.sleep(60)")
    version = installed(shelf, shelf.version(source))
    await begin(version)
    await divided(launcher)
    one, other = await begin(version), await begin(version)

    exited = await one.run(task(version, b"1"))
    running = asyncio.create_task(other.run(task(version, b"0")))
    await asyncio.sleep(0.05)
    os.kill(other._process.pid, signal.SIGKILL)
    killed = await running

    assert (exited.status, killed.status) == (Status.PROCESS_EXITED,) * 2
    assert "exited with status 7" in exited.error
    assert "killed by signal 9" in killed.error


async def test_memory_is_counted_for_each_fork(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf
) -> None:
    source = "import heavy\n" + handler("x = bytearray(event << 20)", "return len(x) >> 20")
    version = installed(shelf, shelf.version(source, memory_mb=128))
    await begin(version)
    await divided(launcher)
    forks = [await begin(version) for _ in range(3)]

    assert [await result_of(one, version, 90) for one in forks] == [90] * 3
    assert (await forks[0].run(task(version, b"200"))).status == Status.MEMORY_EXCEEDED
    assert await result_of(forks[1], version, 90) == 90


async def test_a_template_that_is_killed_takes_its_forks_along_and_is_not_asked_again(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf
) -> None:
    version = installed(shelf, shelf.version(ASK))
    await begin(version)
    template = await divided(launcher)
    fork = await begin(version)

    os.kill(template._process.pid, signal.SIGKILL)
    await fork.stop()

    assert not is_running(fork._process.pid)
    assert len(await result_of(await begin(version), version)) == 2


async def test_a_template_that_hangs_is_given_up_and_its_forks_go_on(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf
) -> None:
    version = installed(shelf, shelf.version(ASK))
    await begin(version)
    template = await divided(launcher)
    fork = await begin(version)

    os.kill(template._process.pid, signal.SIGSTOP)
    other = await begin(version)

    assert len(await result_of(fork, version)) == len(await result_of(other, version)) == 2
    await fork.stop()
    await template.closed()


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")
async def test_nothing_of_templates_is_left(shelf: Shelf) -> None:
    launcher = SandboxLauncher(OURS.path)
    version = installed(shelf, shelf.version(ASK))
    instances = [await start(shelf.blueprint(version), launcher)]
    template = await divided(launcher)
    instances += [await start(shelf.blueprint(version), launcher) for _ in range(3)]
    pids = [template._process.pid, *(one._process.pid for one in instances)]

    await launcher.close()

    assert [pid for pid in pids if is_running(pid)] == []
    own = f"{PREFIX}{os.getpid()}-"
    assert [*HIERARCHIES.glob(f"memory/**/{own}*")] == []
    for one in instances:
        await one.stop()


#: A package that, in a template, speaks to the platform itself.
LIAR = (
    HEAVY
    + """
import array, json, os, socket, stat
def say(words, *fds):
    passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    platform.sendmsg([words if isinstance(words, bytes) else json.dumps(words).encode()], passed)
if os.path.exists("/proc/self/fd/3") and stat.S_ISSOCK(os.fstat(3).st_mode):
    platform = socket.socket(fileno=3)
    FILE = os.open("/dev/null", os.O_RDWR)
    say({"why": ""})
    while True:
        order, fds, _, _ = socket.recv_fds(platform, 65536, 8)
        if not order:
            os._exit(0)
        number = json.loads(order)["number"]
        #LIE
"""
)
LIES = {
    "a pidfd of the platform": (
        'pidfd = array.array("i", platform.getsockopt(socket.SOL_SOCKET, 77, 4))[0]; '
        'say({"number": number}, pidfd)'
    ),
    "a file for a process": 'say({"number": number}, FILE)',
    "descriptors that nobody wants": '[say({"why": ""}, *[FILE] * 4) for _ in range(300)]',
    "more descriptors than one": (
        '[say({"number": number + 100}, os.pidfd_open(os.getpid()), *[FILE] * 3) '
        "for _ in range(300)]"
    ),
    "a number that is none": "say(b'{\"number\": 1e999}', *[FILE] * 4)",
    "words within words": "say(b'[' * 60_000, *[FILE] * 4)",
    "nothing": "say(b'', *[FILE] * 4)",
}


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_template_that_lies_is_ended_and_the_platform_keeps_nothing_of_it(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf, lie: str
) -> None:
    version = installed(shelf, shelf.version(ASK), LIAR.replace("#LIE", lie))
    await begin(version)
    template = await divided(launcher)
    before = open_files()

    instance = await begin(version)
    await asyncio.wait_for(template.closed(), 10)

    assert instance._process.pid != os.getpid()
    assert len(await result_of(instance, version)) == 2
    await instance.stop()
    assert open_files() < before + 4


#: A package that leaves a process beside each fork, in its memory group and not in its namespace.
LEAVING = (
    HEAVY
    + """
import os, subprocess, sys
if os.path.exists("/proc/self/fd/3"):
    def leave():
        if os.getppid() == 1:
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "{mark}"])
    os.register_at_fork(after_in_child=leave)
"""
)


async def test_a_template_whose_forks_leave_processes_behind_is_ended_with_them(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf, tmp_path: Path
) -> None:
    mark = f"left-by-{tmp_path.name}-{os.getpid()}"
    version = installed(shelf, shelf.version(ASK), LEAVING.replace("{mark}", mark))
    await begin(version)
    template = await divided(launcher)
    fork = await begin(version)
    await soon(lambda: processes(mark) != [])

    await fork.stop()
    await asyncio.wait_for(template.closed(), 20)

    assert processes(mark) == []


async def test_a_fork_that_is_said_to_have_ended_has_ended(
    launcher: SandboxLauncher, begin: Any, shelf: Shelf
) -> None:
    lie = (
        "keep = os.fork()\n"
        "        if keep == 0:\n"
        "            if os.fork() == 0:\n"
        "                __import__('time').sleep(60)\n"
        "            child = int(open('/proc/self/task/%d/children' % os.getpid()).read())\n"
        '            say({"number": number}, os.pidfd_open(child))\n'
        "            __import__('time').sleep(0.3)\n"
        '            say({"number": number, "code": 0})\n'
        "            __import__('time').sleep(60)\n"
    )
    version = installed(shelf, shelf.version(ASK), LIAR.replace("#LIE", lie))
    await begin(version)
    template = await divided(launcher)
    starting = asyncio.create_task(begin(version))
    await soon(lambda: any(fork.child for fork in template._forks.values()))
    (fork,) = template._forks.values()
    assert fork.child is not None

    pid = fork.child.pid
    with pytest.raises(StartFailed):
        await starting

    await soon(lambda: not is_running(pid))
