"""What custom runtimes could do to each other where they share a network."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from huidu.instances.launch import Spawner
from huidu.instances.outcomes import StartFailed
from huidu.instances.starting import Launcher, start
from huidu.model.invocation import Status
from tests.attacks.conftest import Box
from tests.instances.making import Begin, Shelf, task
from tests.runtimes.bootstraps import TONGUE, custom, looping

#: Says where its own runtime API is, or tries to answer the call that another one has.
NEIGHBOUR = looping(
    "event = json.loads(event)",
    "if event == 'where': respond(os.environ['SCF_RUNTIME_API_PORT'])",
    "elif event == 'wait': time.sleep(1); respond('mine')",
    "else:",
    "    other = http.client.HTTPConnection('127.0.0.1', event)",
    "    try: said = ask('POST', 'invocation/response', '\"forged\"', over=other)[0]",
    "    except OSError as error: said = 'refused'",
    "    respond(said)",
)


@pytest.mark.parametrize("walls", [True, False])
async def test_nobody_answers_the_call_of_another_user(
    box: Box,
    shelf: Shelf,
    walls: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
) -> None:
    launcher: Launcher = await box("host") if walls else Spawner(tmp_path)
    version = custom(shelf, NEIGHBOUR)
    victim, attacker = [await start(shelf.blueprint(version), launcher) for _ in range(2)]
    try:
        where = (await victim.run(task(version, b'"where"'))).result
        port = json.loads(where)
        waiting = asyncio.create_task(victim.run(task(version, b'"wait"')))
        await asyncio.sleep(0.3)
        said = await attacker.run(task(version, port.encode()))
        answer = await waiting
    finally:
        await victim.stop()
        await attacker.stop()

    assert (said.result, answer.result) == (
        ('"refused"', '"mine"') if walls else ("200", '"forged"')
    )


BOMB = "kept = [bytearray(1 << 20) for _ in range(1000)]"


async def test_memory_that_a_bootstrap_takes_too_much_of_is_told_as_that(
    box: Box, boxed: Begin, shelf: Shelf
) -> None:
    if (await box()).ungrouped:
        pytest.skip("no group can be made here")
    with pytest.raises(StartFailed, match="since its memory was used up") as failed:
        await boxed(custom(shelf, f"{TONGUE}{BOMB}\n", memory_mb=128))
    assert failed.value.ending.status == Status.INIT_FAILED

    version = custom(shelf, looping(BOMB), memory_mb=128)
    outcome = await (await boxed(version)).run(task(version))
    assert (outcome.status, outcome.error) == (
        Status.MEMORY_EXCEEDED,
        "Memory limit of 128 MB exceeded (peak 128 MB)",
    )


async def test_a_fork_bomb_in_a_bootstrap_ends_with_its_instance(
    boxed: Begin, shelf: Shelf
) -> None:
    bomb = "while True:\n        try: os.fork()\n        except OSError: pass"
    version = custom(shelf, looping(bomb), memory_mb=256, timeout_s=2)
    instance = await boxed(version)
    outcome = await instance.run(task(version))

    assert outcome.status in {Status.TIMED_OUT, Status.MEMORY_EXCEEDED, Status.PROCESS_EXITED}
    assert not instance.alive
