"""Tier: how well instances are sealed off on this machine, found by trying it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huidu.instances.launch import Order, Spawner
from huidu.instances.sandbox import kernel, seccomp
from huidu.instances.sandbox.launcher import SandboxLauncher
from huidu.instances.starting import Launcher

NONE, SANDBOX = "none", "sandbox"
TIERS = (NONE, SANDBOX)  #: The weakest first.
TRIAL_S = 30.0
TRIAL_BYTES = 1 << 30
SCOPES_SINCE = 6  #: The version of Landlock that keeps signals and sockets in as well.


class TooWeak(OSError):
    """This machine cannot seal instances off as well as the operator requires."""


@dataclass(frozen=True, slots=True)
class Tier:
    """What keeps instances apart here, and what is missing from it, each with its reason."""

    name: str
    network: str
    missing: tuple[str, ...] = ()


async def choose(
    wanted: str,
    require: str,
    network: str,
    interpreter: Path,
    scratch: Path,
    shown: Sequence[Path] = (),
) -> tuple[Launcher, SandboxLauncher | None, Tier]:
    """Return the best launcher that works here, the same if it is to be closed, and what it does.

    `shown` are folders that programs in a sandbox need beside the system's.
    Raises `TooWeak` where that is less than is required.
    """
    try:
        if wanted == NONE:
            raise OSError("switched off (tier = none)")  # noqa: TRY301 - one way out
        launcher, missing = await _sandbox(network, interpreter, scratch, shown)
    except (OSError, TimeoutError) as error:
        why = str(error) or "it took too long"
        if require != NONE:
            raise TooWeak(f"tier {require} is required, but cannot be had: {why}") from error
        spawner = Spawner(scratch)
        await asyncio.to_thread(spawner.sweep)
        return spawner, None, Tier(NONE, "host", (f"sandbox: {why}",))
    return launcher, launcher, Tier(SANDBOX, network, missing)


async def _sandbox(
    network: str, interpreter: Path, scratch: Path, shown: Sequence[Path]
) -> tuple[SandboxLauncher, tuple[str, ...]]:
    if kernel.MACHINE not in seccomp.AUDIT:
        raise OSError(f"no filter for system calls on {kernel.MACHINE}")
    if os.geteuid() != 0:
        raise PermissionError("it takes root")
    launcher = SandboxLauncher(interpreter, network, shown)
    try:
        async with asyncio.timeout(TRIAL_S):
            abi = await launcher.warm()
            await _try(launcher, interpreter, scratch)
    except BaseException:
        await launcher.close()
        raise
    return launcher, tuple(_missing(abi, launcher.ungrouped, network))


def _missing(abi: int, ungrouped: str, network: str) -> list[str]:
    missing = []
    if ungrouped:
        missing.append(f"memory is limited for each process, not for all together: {ungrouped}")
    if abi < SCOPES_SINCE:
        missing.append(f"the kernel has Landlock {abi}, not {SCOPES_SINCE}")
    if network == NONE:
        missing.append("functions have no network (network = none)")
    else:
        missing.append("functions have the network of the host, its own ports included")
    return missing


async def _try(launcher: SandboxLauncher, interpreter: Path, scratch: Path) -> None:
    """Put up all the walls once around a worker that has nothing to do."""
    with tempfile.TemporaryDirectory(dir=scratch) as code:
        os.chmod(code, 0o755)  # noqa: S103 - as packages are
        order = Order(
            command=lambda _channel, _workers: (),
            environment={},
            worker="python_worker",
            interpreter=interpreter,
            code=Path(code),
            memory_bytes=TRIAL_BYTES,
        )
        launched = await launcher.launch(order)
        launched.end.close()  # The worker ends as soon as it listens.
        os.close(launched.output)
        exit_ = await launched.process.wait()
    if exit_.code != 0:
        raise OSError(f"a trial {exit_}")
