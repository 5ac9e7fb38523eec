"""What functions of Node.js try that they should not, in a program of their own and in a blank."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.instance import Instance
from huidu.instances.starting import start
from huidu.model.invocation import Status
from huidu.model.version import Version
from tests.attacks.conftest import Box, processes
from tests.instances.making import Begin, Shelf, needs_node, soon, task

pytestmark = needs_node

PRELUDE = """
const fs = require('fs'), cp = require('child_process'), net = require('net');
const { Worker } = require('worker_threads');
const told = (error) => (error.info && error.info.code) || error.code || `status ${error.status}`;
exports.main_handler = async (event) => {
  try { return await attack(event); } catch (error) { return told(error); }
};
const quiet = { stdio: 'ignore' };
const reach = (port, then) => net.connect(port, '127.0.0.1').on('connect', function () {
  this.end(then);
});
const inThread = (file) => new Worker(`require('worker_threads').parentPort.postMessage(
  require('fs').readFileSync(${JSON.stringify(file)}) && 'done')`, { eval: true });
"""

#: What is tried, and what it says when it is refused. `bites`: it does no harm, and is shown to
#: work without walls.
TRIALS: dict[str, tuple[str, str, bool]] = {
    "read the passwords": ("fs.readFileSync('/etc/shadow') && 'done'", "ENOENT", True),
    "read a secret of the host": ("fs.readFileSync(event) && 'done'", "ENOENT", True),
    "read it by a link": (
        "fs.symlinkSync(event, '/tmp/x') || fs.readFileSync('/tmp/x') && 'done'",
        "ENOENT",
        False,
    ),
    "read it in a child": (
        "cp.execFileSync('cat', [event], { stdio: ['ignore', 'pipe', 'ignore'] }) && 'done'",
        "status 1",
        True,
    ),
    "read it by a binding": (
        "fs.closeSync(process.binding('fs').open(event, 0, 0o666)) || 'done'",
        "ENOENT",
        True,
    ),
    "read it in a thread": (
        "new Promise((good, bad) => inThread(event).on('message', good).on('error', bad))",
        "ENOENT",
        True,
    ),
    "list the host's homes": ("fs.readdirSync('/home') && 'done'", "ENOENT", True),
    "read the kernel's settings": ("fs.readdirSync('/sys/kernel') && 'done'", "ENOENT", True),
    "write beside its code": ("fs.writeFileSync('/var/user/x', 'x') || 'done'", "EROFS", False),
    "write to its worker": (
        "fs.appendFileSync('/var/runtime/node_worker.js', '\\n') || 'done'",
        "EACCES",
        False,
    ),
    "write to the root": ("fs.writeFileSync('/x', 'x') || 'done'", "EROFS", False),
    "write to the system": ("fs.writeFileSync('/usr/x', 'x') || 'done'", "EROFS", False),
    "write to a device": ("fs.openSync('/dev/kmsg', 'w') && 'done'", "EROFS", False),
    "become root": ("process.setuid(0) || 'done'", "EPERM", True),
    "become its neighbour": ("process.setuid(process.getuid() + 1) || 'done'", "EPERM", False),
    "signal the platform": (f"process.kill({os.getpid()}, 0) && 'done'", "ESRCH", True),
    "go before others": ("require('os').setPriority(-20) || 'done'", "EACCES", True),
    "make namespaces": ("cp.execFileSync('unshare', ['-r', 'true'], quiet)", "status 1", False),
    "mount": (
        "cp.execFileSync('mount', ['-t', 'tmpfs', 'x', '/tmp'], quiet)",
        "status 32",
        False,
    ),
    "reach a port of the host": (
        "new Promise((good, bad) => reach(event.port, () => good('done')).on('error', bad))",
        "ECONNREFUSED",
        True,
    ),
}


def attack(expression: str) -> str:
    return f"{PRELUDE}const attack = (event) => {expression};\n"


async def result_of(instance: Instance, version: Version, event: object = None) -> Any:
    outcome = await instance.run(task(version, json.dumps(event).encode()))
    assert outcome.status == Status.SUCCESS, outcome
    return json.loads(outcome.result)


async def stocked(launcher: Any) -> None:
    """Wait until a launcher has what it wants in stock."""
    *_, shelf = launcher._stock._shelves.values()
    while len(shelf.blanks) < shelf.wanted:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)


@pytest.fixture(params=["program", "blank"])
async def caught(box: Box, shelf: Shelf, request: pytest.FixtureRequest) -> AsyncIterator[Begin]:
    """Starts instances in sandboxes: as a program that is told its code, or from stock."""
    running: list[Instance] = []
    launcher = await box()

    async def begin(version: Version) -> Instance:
        if request.param == "blank":
            first = await start(shelf.blueprint(version), launcher)
            await first.stop()
            await stocked(launcher)
        running.append(await start(shelf.blueprint(version), launcher))
        return running[-1]

    yield begin
    for one in running:
        await one.stop()


def event_of(name: str, secret: Path, port: int) -> object:
    return {"port": port} if "port" in name else str(secret)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("the platform's own")
    return tmp_path / "secret"


async def test_what_a_function_must_not_do_it_cannot(box: Box, shelf: Shelf, secret: Path) -> None:
    launcher, said = await box(), dict[str, Any]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for name, (expression, _, _) in TRIALS.items():
            version = shelf.script(attack(expression))
            instance = await start(shelf.blueprint(version), launcher)
            event = event_of(name, secret, server.getsockname()[1])
            said[name] = await result_of(instance, version, event)
            await instance.stop()

    assert said == {name: refusal for name, (_, refusal, _) in TRIALS.items()}


@pytest.mark.skipif(os.geteuid() != 0, reason="without walls, it takes root to bite")
async def test_without_walls_it_bites(plain: Begin, shelf: Shelf, secret: Path) -> None:
    biting = {name: expression for name, (expression, _, bites) in TRIALS.items() if bites}
    said = dict[str, str]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for name, expression in biting.items():
            version = shelf.script(attack(expression))
            event = event_of(name, secret, server.getsockname()[1])
            said[name] = await result_of(await plain(version), version, event)

    assert said == dict.fromkeys(biting, "done")


#: What an instance is, as it sees itself.
SELF = """
const fs = require('fs');
exports.main_handler = async () => ({
  status: fs.readFileSync('/proc/self/status', 'utf8'),
  environ: fs.readFileSync('/proc/self/environ', 'utf8'),
  mounts: fs.readFileSync('/proc/self/mounts', 'utf8'),
  processes: fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name)),
  fds: fs.readdirSync('/proc/self/fd').map((fd) => {
    try { return fs.readlinkSync(`/proc/self/fd/${fd}`).split(':')[0]; } catch { return 'gone'; }
  }),
  tmp: fs.readdirSync('/tmp'),
  nice: require('os').getPriority(),
  stack: new Error('x').stack,
});
"""


async def test_an_instance_is_sealed_off(
    caught: Begin, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "the platform's own")
    version = shelf.script(SELF)
    seen = await result_of(await caught(version), version)

    said = dict(line.split(":\t", 1) for line in seen["status"].splitlines() if ":\t" in line)
    assert [said[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == ["0" * 16] * 5
    assert (said["NoNewPrivs"], said["Seccomp"], said["Groups"].strip()) == ("1", "2", "")
    assert int(said["Uid"].split()[0]) >= 200_000
    assert "the platform's own" not in seen["environ"]
    assert seen["processes"] == ["1"]
    assert seen["tmp"] == []
    assert seen["nice"] == 0
    (code,) = [line for line in seen["mounts"].splitlines() if " /var/user " in line]
    assert {"ro", "nosuid", "nodev"} <= set(code.split()[3].split(","))
    kinds = {kind for kind in seen["fds"] if not kind.startswith("/proc/")}
    assert kinds <= {"/dev/null", "pipe", "socket", "anon_inode", "gone"}
    assert seen["fds"].count("socket") == 1


async def test_memory_ends_where_it_is_said_to(caught: Begin, box: Box, shelf: Shelf) -> None:
    if (await box()).ungrouped:
        pytest.skip("no group can be made here")
    for grow in ("new Array(1e5).fill(kept.length)", "Buffer.alloc(1 << 20, 1)"):
        for memory_mb in (128, 512):
            version = shelf.script(
                "const kept = []; exports.main_handler = async () => "
                f"{{ for (;;) kept.push({grow}); }};",
                memory_mb=memory_mb,
                timeout_s=30,
            )
            outcome = await (await caught(version)).run(task(version))

            assert outcome.status == Status.MEMORY_EXCEEDED, (grow, memory_mb, outcome)
            assert outcome.error.startswith(f"Memory limit of {memory_mb} MB exceeded")


async def test_a_heap_that_is_full_is_memory_exceeded_without_walls_as_well(
    plain: Begin, shelf: Shelf
) -> None:
    version = shelf.script(
        "const kept = []; exports.main_handler = async () => "
        "{ for (;;) kept.push(new Array(1e5).fill(kept.length)); };",
        timeout_s=30,
    )
    outcome = await (await plain(version)).run(task(version))

    assert outcome.status == Status.MEMORY_EXCEEDED


async def test_a_fork_bomb_is_held(caught: Begin, shelf: Shelf) -> None:
    version = shelf.script(
        f"{PRELUDE}const attack = async () => {{ let n = 0; for (; n < 2000; n++) "
        "if (cp.spawn('sleep', ['60'], quiet).on('error', () => {}).pid === undefined) break;"
        "return n; };",
        memory_mb=1024,
        timeout_s=60,
    )
    assert 100 < await result_of(await caught(version), version) < 512


async def test_a_daemon_ends_with_its_instance(caught: Begin, shelf: Shelf, tmp_path: Path) -> None:
    version, mark = (
        shelf.script(
            f"{PRELUDE}const attack = (event) => cp.spawn('sh', ['-c', 'trap : TERM; "
            "while :; do sleep 1; done', event], { detached: true, stdio: 'ignore' }).unref() "
            "|| 'done';"
        ),
        f"daemon-of-{tmp_path.name}-{os.getpid()}",
    )
    instance = await caught(version)
    assert await result_of(instance, version, mark) == "done"
    assert soon(lambda: len(processes(mark)) == 1)

    await instance.stop()

    assert processes(mark) == []


@pytest.mark.parametrize("where", ["the main thread", "a worker thread"])
async def test_a_forged_frame_ends_the_instance(caught: Begin, shelf: Shelf, where: str) -> None:
    forge = (
        "const frame = Buffer.concat([Buffer.from([0xa5, 0, 0, 0, 33]), Buffer.alloc(33)]);"
        "require('fs').writeSync(3, frame);"
    )
    if where == "a worker thread":
        forge = f"new Worker({json.dumps(forge)}, {{ eval: true }});"
    version = shelf.script(
        f"{PRELUDE}const attack = async () => {{ {forge} "
        "await new Promise((good) => setTimeout(good, 5000)); };",
        timeout_s=20,
    )
    instance = await caught(version)
    outcome = await instance.run(task(version))

    assert outcome.status == Status.PROCESS_EXITED
    assert "does not speak as agreed" in outcome.error
    assert not instance.alive


async def test_packages_are_found_in_a_sandbox(caught: Begin, shelf: Shelf) -> None:
    version = shelf.script("exports.main_handler = async () => require('mine');")
    package = shelf.unpacked(version.code) / "node_modules" / "mine"
    package.mkdir(parents=True)
    (package / "index.js").write_text("module.exports = require.resolve('./index.js');")

    answer = await result_of(await caught(version), version)

    assert answer == "/var/user/node_modules/mine/index.js"
