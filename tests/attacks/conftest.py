"""Functions that try to break out, in a sandbox and, where it does no harm, in a plain process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.launch import Spawner
from huidu.instances.network.networks import Networks
from huidu.instances.network.resolver import Resolver
from huidu.instances.sandbox.forks.launcher import SandboxLauncher
from tests.instances.making import OURS, Begin, Shelf, beginning

Box = Callable[..., Awaitable[SandboxLauncher]]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    before = os.umask(0o022)  # Code is for all to read, as unpacked packages are.
    yield Shelf(tmp_path / "code")
    os.umask(before)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    """Makes launchers of tier `sandbox`, where this machine can."""
    made: list[SandboxLauncher] = []
    if os.geteuid() != 0:
        pytest.skip("it takes root")

    async def make(
        network: str = "none", allow: Sequence[str] = (), asked: Resolver | None = None
    ) -> SandboxLauncher:
        networks = await Networks.open(network, [*map(IPv4Network, allow)], asked)
        made.append(SandboxLauncher(OURS.path, networks))
        await made[-1].warm()
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
async def boxed(box: Box, shelf: Shelf) -> AsyncIterator[Begin]:
    """Starts instances in sandboxes."""
    async with beginning(shelf, await box()) as begin:
        yield begin


@pytest.fixture
async def plain(shelf: Shelf, tmp_path: Path) -> AsyncIterator[Begin]:
    """Starts instances without walls."""
    async with beginning(shelf, Spawner(tmp_path)) as begin:
        yield begin


def is_mine(process: Path, what: str) -> Any:
    """Tell whether a process was started with this word among its arguments."""
    try:
        return what.encode() in (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def processes(what: str) -> list[int]:
    """Return the processes of the machine that were started with this word."""
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and is_mine(p, what)]
