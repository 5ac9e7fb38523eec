"""The table of tiers: one row for each way to seal instances off, the strongest first."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Protocol

from huidu.instances.launch import Order, Spawner
from huidu.instances.network.networks import OPEN, Networks, NoEgress
from huidu.instances.sandbox import advice, exposure
from huidu.instances.sandbox.advice import Advice
from huidu.instances.sandbox.forks.launcher import SandboxLauncher
from huidu.instances.sandbox.forks.lodging import Footing
from huidu.instances.sandbox.walls import kernel, kinds, landlock, seccomp
from huidu.instances.sandbox.wrapped.bubble import BubbleLauncher
from huidu.instances.sandbox.wrapped.gvisor import GvisorLauncher
from huidu.instances.starting import Launcher
from huidu.model import network as modes
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import PYTHON

NONE, SANDBOX = "none", "sandbox"
TRIAL_S = 30.0
TRIAL_MB = 1024
ONLY_THERE = f"that takes the tier {SANDBOX}"


class Closing(Protocol):
    """What is to be closed once no instance is needed any more."""

    async def close(self) -> None: ...


class ClosingLauncher(Launcher, Closing, Protocol):
    """A launcher that keeps something open for all of its instances."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a tier is tried on."""

    interpreter: Path
    scratch: Path  #: A folder for temporary files.
    network: str  #: What functions are to reach, as the setting says it.
    allow: Sequence[IPv4Network] = ()  #: What they may reach beside the internet.
    shown: Sequence[Path] = ()  #: Folders that programs need beside those of the system.


@dataclass(frozen=True, slots=True)
class Opened:
    """A launcher that was tried and works, and what is missing in its walls."""

    launcher: Launcher
    closing: Closing | None
    network: str  #: What functions reach.
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table."""

    name: str
    by_itself: bool = True  #: Whether `best` may choose it; if not, only its name does.
    needs: str  #: What it takes, for people.
    mend: tuple[Advice, ...] = ()  #: What may be done where it is missing.
    allows: tuple[str, ...]  #: What a tenant could do in it, sentence by sentence.
    #: Tries it with one worker, or raises `OSError` with the reason why it cannot be had.
    attempt: Callable[[Ground], Awaitable[Opened]]

    def stands_below(self, other: str) -> bool:
        """Tell whether this is less than the tier of that name."""
        names = [row.name for row in TABLE]
        return names.index(self.name) > names.index(other)


async def _sandbox(ground: Ground) -> Opened:
    if os.geteuid() != 0:
        raise PermissionError("it takes root")
    _needs_a_filter()
    networks = await Networks.open(ground.network, ground.allow)
    launcher = SandboxLauncher(ground.interpreter, networks, ground.shown)
    await _prove(launcher, ground)
    abi = await launcher.warm()
    missing = [*_ungrouped(launcher.ungrouped), *networks.missing]
    if launcher.unlimited:
        missing.append(f"no group limits {', '.join(launcher.unlimited)}")
    if abi < landlock.ABI_SCOPES:
        missing.append(f"the kernel has Landlock {abi}, not {landlock.ABI_SCOPES}")
    return Opened(launcher, launcher, networks.mode, tuple(missing))


async def _unprivileged(ground: Ground) -> Opened:
    return await _on_footing(ground, kinds.USER)


async def _bwrap(ground: Ground) -> Opened:
    _needs_a_filter()
    network = _without_egress(ground)
    launcher = BubbleLauncher(network, ground.shown)
    missing = [
        "each start takes bubblewrap and a whole interpreter: tens of milliseconds",
        "files in /tmp are counted by their size alone",
        "no Landlock: the walls around files are its mounts alone",
        *_ungrouped(launcher.rooms.ungrouped),
        *_unreached(network),
    ]
    if os.geteuid() != 0:
        missing.append("instances are the same user as the server, in namespaces of their own")
    await _prove(launcher, ground)
    return Opened(launcher, launcher, network, tuple(missing))


async def _basic(ground: Ground) -> Opened:
    return await _on_footing(ground, kinds.BASIC)


async def _on_footing(ground: Ground, kind: str) -> Opened:
    """Try walls of the zygote's that take no root."""
    _needs_a_filter()
    network = _without_egress(ground)
    footing = Footing(kind=kind, scratch=ground.scratch)
    launcher = SandboxLauncher(ground.interpreter, Networks(network), ground.shown, footing)
    await _prove(launcher, ground)
    abi = await launcher.warm()
    missing = (*exposure.missing(kind, abi, launcher.ungrouped), *_unreached(network))
    return Opened(launcher, launcher, network, missing)


async def _gvisor(ground: Ground) -> Opened:
    if os.geteuid() != 0:
        raise PermissionError("it takes root")
    await asyncio.to_thread(Spawner(ground.scratch).sweep)
    network = _without_egress(ground)
    launcher = GvisorLauncher(ground.scratch, network, ground.shown)
    missing = [
        "each start takes a kernel of its own: hundreds of milliseconds, and some 50 MB",
        *_ungrouped(launcher.rooms.ungrouped),
        *_unreached(network),
    ]
    await _prove(launcher, ground)
    return Opened(launcher, launcher, network, tuple(missing))


async def _none(ground: Ground) -> Opened:
    _without_egress(ground)
    spawner = Spawner(ground.scratch)
    await asyncio.to_thread(spawner.sweep)
    return Opened(
        spawner, None, modes.HOST, ("functions are plain processes of the server's user",)
    )


async def _prove(launcher: ClosingLauncher, ground: Ground) -> None:
    """Start one worker in time, or close the launcher and raise why it cannot be."""
    try:
        async with asyncio.timeout(TRIAL_S):
            await _try(launcher, ground)
    except BaseException:
        await launcher.close()
        raise


async def _try(launcher: Launcher, ground: Ground) -> None:
    """Put up all the walls once around a worker that has nothing to do."""
    python = Interpreter(ground.interpreter, (0, 0))
    with tempfile.TemporaryDirectory(dir=ground.scratch) as code:
        os.chmod(code, 0o755)  # noqa: S103 - as packages are
        order = Order(
            command=lambda channel, workers: PYTHON.command(python, channel, workers, TRIAL_MB),
            environment={},
            worker=PYTHON.worker,
            interpreter=ground.interpreter,
            code=Path(code),
            memory_bytes=TRIAL_MB << 20,
        )
        launched = await launcher.launch(order)
        launched.end.close()  # The worker ends as soon as it listens.
        try:
            exit_ = await launched.process.wait()
            said = os.read(launched.output, 4096).decode(errors="replace").strip()
        finally:
            os.close(launched.output)
            launched.process.kill()
        await launched.process.tidy()
    if exit_.code != 0:
        raise OSError(f"a trial {exit_}{f': {said}' if said else ''}")


def _needs_a_filter() -> None:
    if kernel.MACHINE not in seccomp.AUDIT:
        raise OSError(f"no filter for system calls on {kernel.MACHINE}")


def _ungrouped(why: str) -> tuple[str, ...]:
    if not why:
        return ()
    return (f"memory is limited for each process, not for all together: {why}",)


def _without_egress(ground: Ground) -> str:
    """Return what functions reach in a tier that has no way to the internet to give."""
    if ground.network == modes.EGRESS:
        raise NoEgress(f"network = egress takes the tier {SANDBOX}")
    return modes.of_server(ground.network, ONLY_THERE)


def _unreached(network: str) -> tuple[str, ...]:
    if network == modes.HOST:
        return (OPEN,)
    return (f"functions have no network: {ONLY_THERE}, or network = host",)


TABLE = (
    Row(
        name="gvisor",
        by_itself=False,
        needs="root, and runsc (gVisor)",
        mend=advice.GVISOR,
        allows=exposure.OF_ITS_OWN_KERNEL,
        attempt=_gvisor,
    ),
    Row(
        name=SANDBOX,
        needs="root on Linux 5.12 or newer (x86_64, aarch64)",
        mend=advice.SANDBOX,
        allows=exposure.OF_ALL_WALLS,
        attempt=_sandbox,
    ),
    Row(
        name="unprivileged",
        needs="user namespaces on Linux 5.12 or newer (x86_64, aarch64)",
        mend=advice.USER_NAMESPACES,
        allows=exposure.ALLOWS[kinds.USER],
        attempt=_unprivileged,
    ),
    Row(
        name="bwrap",
        needs="bubblewrap 0.8 or newer and util-linux; user namespaces where it is not root",
        mend=advice.BWRAP,
        allows=exposure.OF_ALL_WALLS,
        attempt=_bwrap,
    ),
    Row(
        name="basic",
        needs="Linux 5.13 or newer with Landlock, for containers that allow no namespaces",
        mend=advice.BASIC,
        allows=exposure.ALLOWS[kinds.BASIC],
        attempt=_basic,
    ),
    Row(
        name=NONE,
        needs="nothing",
        allows=exposure.OF_NO_WALLS,
        attempt=_none,
    ),
)
BY_NAME: Mapping[str, Row] = {row.name: row for row in TABLE}
