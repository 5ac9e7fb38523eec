"""The stock of a sandbox: blanks that are there in time, used once, and gone with their zygote."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.instance import Instance
from huidu.instances.launch import Order
from huidu.instances.outcomes import StartFailed
from huidu.instances.sandbox.forks import stock
from huidu.instances.sandbox.forks.launcher import SandboxLauncher
from huidu.instances.sandbox.forks.stock import Stock
from huidu.instances.starting import start
from huidu.model.version import Version
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import Runtimes
from tests.instances.making import NODES, OURS, Shelf, handler, is_running, needs_node, task

pytestmark = [needs_node, pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")]

WHO = "exports.main_handler = async () => [process.pid, process.getuid(), __filename];"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    before = os.umask(0o022)  # Code is for all to read, as unpacked packages are.
    yield Shelf(tmp_path / "code")
    os.umask(before)


@pytest.fixture
async def launcher() -> AsyncIterator[SandboxLauncher]:
    made = SandboxLauncher(OURS.path)
    await made.warm()
    yield made
    await made.close()


async def until(done: Callable[[], object]) -> None:
    """Wait for something that nobody tells."""
    async with asyncio.timeout(30):
        while not done():  # noqa: ASYNC110 - that is the point
            await asyncio.sleep(0.01)


def blanks(launcher: SandboxLauncher) -> list[stock.Blank]:
    return [blank for one in launcher._stock._shelves.values() for blank in one.blanks]


async def stocked(launcher: SandboxLauncher) -> None:
    await until(lambda: all(len(s.blanks) == s.wanted for s in launcher._stock._shelves.values()))


async def begin(shelf: Shelf, version: Version, launcher: SandboxLauncher) -> Instance:
    return await start(shelf.blueprint(version), launcher)


async def answer(instance: Instance, version: Version) -> Any:
    outcome = await instance.run(task(version))
    assert outcome.succeeded, outcome
    return json.loads(outcome.result)


async def test_who_has_no_such_functions_pays_nothing(
    launcher: SandboxLauncher, shelf: Shelf
) -> None:
    version = shelf.version(handler("return 1"))
    await (await begin(shelf, version, launcher)).stop()
    await asyncio.sleep(0.3)

    assert repr(launcher._stock) == "<Stock: nothing>"
    assert launcher._stock._keeping is None


async def test_a_blank_becomes_an_instance_once(launcher: SandboxLauncher, shelf: Shelf) -> None:
    version, other = shelf.script(WHO), shelf.script(f"// other\n{WHO}")
    first = await begin(shelf, version, launcher)
    await stocked(launcher)
    assert repr(launcher._stock) == "<Stock: 2 of 2>"
    waiting = {blank.process.pid for blank in blanks(launcher)}

    second, third = [await begin(shelf, one, launcher) for one in (version, other)]

    assert {one._process.pid for one in (second, third)} == waiting
    said = [
        await answer(one, v) for one, v in ((first, version), (second, version), (third, other))
    ]
    assert [(pid, file) for pid, _, file in said] == [(1, "/var/user/index.js")] * 3
    assert len({uid for _, uid, _ in said}) == 3
    for one in (first, second, third):
        await one.stop()


async def test_a_blank_sees_the_layer_of_its_function(
    launcher: SandboxLauncher, shelf: Shelf, tmp_path: Path
) -> None:
    version = shelf.script("exports.main_handler = async () => require('mine');")
    layer = tmp_path / "layer"
    (layer / "node_modules" / "mine").mkdir(parents=True)
    (layer / "node_modules" / "mine" / "index.js").write_text("module.exports = __filename")
    blueprint = replace(shelf.blueprint(version), layers=(layer,))

    for _ in range(2):
        instance = await start(blueprint, launcher)
        assert await answer(instance, version) == "/opt/node_modules/mine/index.js"
        await instance.stop()
        await stocked(launcher)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder where version managers keep programs: it is not to be below `/tmp`."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        yield Path(folder)


async def test_a_program_outside_of_the_systems_folders_is_shown(shelf: Shelf, home: Path) -> None:
    program = home / "v18.15.0" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {NODES[0].path} "$@"\n')
    program.chmod(0o755)
    runtimes = Runtimes({"Node.js": [Interpreter(program, (18, 15))]})
    launcher = SandboxLauncher(OURS.path, shown=runtimes.prefixes())
    version = shelf.script(WHO, runtime="Nodejs18.15")
    try:
        for _ in range(2):
            instance = await start(shelf.blueprint(version, runtimes), launcher)
            assert (await answer(instance, version))[0] == 1
            await instance.stop()
            await stocked(launcher)
    finally:
        await launcher.close()


async def test_what_a_program_reads_at_its_start_keeps_it_from_being_a_blank(
    launcher: SandboxLauncher, shelf: Shelf
) -> None:
    source = "exports.main_handler = async () => process.execArgv.length + process.title;"
    version = shelf.script(source, environment=(("NODE_OPTIONS", "--title=mine"),))

    instance = await begin(shelf, version, launcher)

    assert (await answer(instance, version)).endswith("mine")
    assert repr(launcher._stock) == "<Stock: nothing>"
    await instance.stop()


async def test_a_blank_that_died_is_not_handed_out(launcher: SandboxLauncher, shelf: Shelf) -> None:
    version = shelf.script(WHO)
    await (await begin(shelf, version, launcher)).stop()
    await stocked(launcher)
    dead = [blank.process.pid for blank in blanks(launcher)]
    for pid in dead:
        os.kill(pid, signal.SIGKILL)

    instance = await begin(shelf, version, launcher)

    assert instance._process.pid not in dead
    assert (await answer(instance, version))[0] == 1
    await instance.stop()


async def test_blanks_go_with_their_zygote(launcher: SandboxLauncher, shelf: Shelf) -> None:
    version = shelf.script(WHO)
    await (await begin(shelf, version, launcher)).stop()
    await stocked(launcher)
    left = [blank.process.pid for blank in blanks(launcher)]
    (zygote,) = launcher._nurseries.values()

    launcher._begun[OURS.path] -= 7200  # It is old, and the next launch begins another.
    last = await begin(shelf, version, launcher)
    await launcher._coming[OURS.path].ready()
    instance = await begin(shelf, version, launcher)
    await stocked(launcher)
    await last.stop()

    assert not any(map(is_running, left))
    await until(lambda: zygote.empty)
    assert (await answer(instance, version))[0] == 1
    await instance.stop()


async def test_blanks_of_a_zygote_that_was_killed_are_not_handed_out(
    launcher: SandboxLauncher, shelf: Shelf
) -> None:
    version = shelf.script(WHO)
    await (await begin(shelf, version, launcher)).stop()
    await stocked(launcher)
    (zygote,) = launcher._nurseries.values()
    os.kill(zygote.pid, signal.SIGKILL)
    await until(lambda: not zygote.alive)

    instance = await begin(shelf, version, launcher)

    assert (await answer(instance, version))[0] == 1
    await instance.stop()


async def test_a_package_that_is_not_there_costs_one_blank(
    launcher: SandboxLauncher, shelf: Shelf
) -> None:
    version = shelf.script(WHO)
    await (await begin(shelf, version, launcher)).stop()
    await stocked(launcher)
    gone = replace(shelf.blueprint(version), code=shelf.folder / "gone")

    with pytest.raises(StartFailed, match=r"could not be contained: .*No such file"):
        await start(gone, launcher)

    assert len(blanks(launcher)) >= 1


async def test_a_start_that_is_cancelled_leaves_no_blank_behind(
    launcher: SandboxLauncher, shelf: Shelf
) -> None:
    version = shelf.script(WHO)
    await (await begin(shelf, version, launcher)).stop()
    for steps in range(4):
        await stocked(launcher)
        starting = asyncio.create_task(begin(shelf, version, launcher))
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    await stocked(launcher)
    (zygote,) = launcher._nurseries.values()
    await until(lambda: len(zygote._living) == len(blanks(launcher)))


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


async def test_ten_lives_leave_nothing_open(launcher: SandboxLauncher, shelf: Shelf) -> None:
    version, open_then = shelf.script(WHO), list[tuple[int, int]]()
    (zygote,) = launcher._nurseries.values()
    for lives in (2, 10):
        for _ in range(lives):
            await (await begin(shelf, version, launcher)).stop()
            await stocked(launcher)
        await until(lambda: len(zygote._living) == len(blanks(launcher)) == stock.LEAST)
        open_then.append((descriptors(os.getpid()), descriptors(child_of(zygote.pid))))

    assert open_then[0] == open_then[1]


async def test_nothing_is_left_of_a_stock(shelf: Shelf) -> None:
    launcher, version = SandboxLauncher(OURS.path), shelf.script(WHO)
    await (await begin(shelf, version, launcher)).stop()
    await stocked(launcher)
    held = [blank.process.pid for blank in blanks(launcher)]

    await launcher.close()

    assert not any(map(is_running, held))
    assert repr(launcher._stock) == "<Stock: nothing>"


async def test_the_stock_grows_with_demand_and_shrinks_without(
    launcher: SandboxLauncher, shelf: Shelf
) -> None:
    version = shelf.script(WHO)
    running = await asyncio.gather(*(begin(shelf, version, launcher) for _ in range(5)))
    (one,) = launcher._stock._shelves.values()
    assert one.wanted == stock.LEAST + 4
    await stocked(launcher)

    now = asyncio.get_running_loop().time()
    for _ in range(10):
        launcher._stock._tick(now)
    assert (one.wanted, len(one.blanks)) == (stock.LEAST, stock.LEAST)

    launcher._stock._tick(now + stock.FORGOTTEN_S + 1)
    assert repr(launcher._stock) == "<Stock: nothing>"
    for instance in running:
        await instance.stop()


async def test_only_the_sorts_that_were_asked_for_last_are_kept(
    launcher: SandboxLauncher, shelf: Shelf
) -> None:
    for memory_mb in (128, 256, 384, 512, 640):
        version = shelf.script(WHO, memory_mb=memory_mb)
        await (await begin(shelf, version, launcher)).stop()

    kept = [memory >> 20 for _, memory, _ in launcher._stock._shelves]
    assert kept == [256, 384, 512, 640]


@pytest.mark.parametrize(
    "command", [("/bin/true",), ("/nowhere",), ("/bin/sh", "-c", "echo hello >&3; sleep 60")]
)
async def test_a_program_that_does_not_wait_is_given_up(
    launcher: SandboxLauncher, command: tuple[str, ...]
) -> None:
    order = Order(
        command=lambda _channel, _workers: command,
        environment={},
        memory_bytes=128 << 20,
        waits=True,
    )

    assert await launcher._stock.take(order) is None
    await until(lambda: not launcher._stock._shelves)

    (zygote,) = launcher._nurseries.values()
    await until(lambda: zygote.empty)


async def test_a_stock_that_is_closed_unused_is_nothing() -> None:
    async def fork(_order: Order, _fds: object) -> Any:
        raise AssertionError("nobody asked")

    await Stock(lambda: pytest.fail("nobody asked"), fork).close()
