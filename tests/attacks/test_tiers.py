"""What functions try that they should not, in every tier that claims to stop it."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from huidu.instances.instance import Instance
from huidu.model.invocation import Status
from huidu.model.version import Version
from tests.attacks.cages import EVERY, TRIES, Cage, cage
from tests.attacks.test_sandbox import TRIALS
from tests.instances.making import task

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64", reason="calls are made by number"
    ),
    pytest.mark.asyncio(loop_scope="module"),
]

#: Beside those of the sandbox. Each ends in "done" where it bites.
MORE: dict[str, str] = {
    "signal the platform": "os.kill(event['pid'], 0) or 'done'",
    "read the memory of the first process": "Path('/proc/1/mem').open('rb').read(1) and 'done'",
    "read the platform's environment": "Path(f'/proc/{event[\"pid\"]}/environ').read_text()",
    "write to a device": "Path('/dev/sda').write_bytes(b'x') and 'done'",
    "write to the log of the kernel": "Path('/dev/kmsg').write_text('x') and 'done'",
    "trigger the kernel": "Path('/proc/sysrq-trigger').write_text('h') and 'done'",
    "have a program run at a crash": (
        "Path('/proc/sys/kernel/core_pattern').write_text('|/tmp/x') and 'done'"
    ),
    "change how it is counted": "os.mkdir('/sys/fs/cgroup/x') or 'done'",
    "call in the way of x32": "call(0x40000000 | 39)",
    "read the store": "Path(event['path']).read_text() and 'done'",
    "write beside /tmp": "Path('/var/x').write_text('x') and 'done'",
    "write to a folder of devices": "Path('/dev/x').write_text('x') and 'done'",
    "go up from its code": "Path('/var/user/../../../etc/shadow').read_text() and 'done'",
    "link to what is outside": (
        "os.path.lexists('/tmp/l') or os.symlink('/etc/shadow', '/tmp/l') "
        "or Path('/tmp/l').read_text() and 'done'"
    ),
}
#: What the kernel that gVisor plays lets a function do: with that kernel, not with ours.
GUESTS = {
    "change the root",  # Once it has made namespaces.
    "enter a namespace",
    "make a disk",
    "make namespaces",
    "make namespaces with a child",  # Which then answers as well.
    "read the kernel's settings",
    "send raw packets",
    "trace",
    "use io_uring",
}
ATTEMPTS = {name: expression for name, (expression, _, _) in TRIALS.items()} | MORE
BY_PATH = {"read a secret of the host"}
REFUSALS = {
    *("EPERM", "EACCES", "ENOENT", "EROFS", "ESRCH", "ENOSYS", "EAFNOSUPPORT", "EINVAL", "EIO"),
    *("ENXIO", "ENOTDIR", "EPROTONOSUPPORT", "ENODEV", "ESOCKTNOSUPPORT", "ENOTTY"),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=EVERY)
async def caged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cage]:
    before = os.umask(0o022)  # Code is for all to read, as unpacked packages are.
    async with cage(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened
    os.umask(before)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def trying(caged: Cage) -> tuple[Instance, Version]:
    """An instance that tries one thing after the other."""
    version = caged.shelf.version(TRIES)
    return await caged.begin(version), version


async def attempt(trying: tuple[Instance, Version], expression: str, given: object) -> Any:
    instance, version = trying
    event = json.dumps({"expression": expression, "given": given}).encode()
    outcome = await instance.run(task(version, event))
    assert outcome.status == Status.SUCCESS, outcome
    return json.loads(outcome.result)


@pytest.mark.parametrize("name", ATTEMPTS)
async def test_what_a_function_must_not_do_it_cannot_in_any_tier(
    caged: Cage, trying: tuple[Instance, Version], name: str
) -> None:
    if caged.tier == "gvisor" and name in GUESTS:
        pytest.skip("the kernel that it would harm is its own")
    if caged.tier == "basic" and name == "signal everybody":
        pytest.skip("it hears that itself, and nobody else does")
    secret = caged.shelf.folder.parent / "secret"
    secret.write_text("the platform's own")
    given: object = {"pid": os.getpid(), "path": str(secret)}
    got = await attempt(trying, ATTEMPTS[name], str(secret) if name in BY_PATH else given)

    assert got in REFUSALS, got
