"""Real instances, which are gone when the test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from huidu.instances.fleet import Fleet
from huidu.instances.instance import Instance
from huidu.instances.launch import Spawner
from huidu.instances.recipe import Workshop
from huidu.instances.starting import start
from huidu.model.capacity import Limits
from huidu.model.version import Version
from tests.instances.making import RUNTIMES, Shelf

Start = Callable[[Version], Awaitable[Instance]]
MakeFleet = Callable[..., Fleet]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "code")


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where instances have their temporary folders, which are gone after them."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    assert not any(folder.iterdir())


@pytest.fixture
async def started(shelf: Shelf, scratch: Path) -> AsyncIterator[Start]:
    """Starts instances of versions."""
    running: list[Instance] = []

    async def begin(version: Version) -> Instance:
        running.append(await start(shelf.blueprint(version), Spawner(scratch)))
        return running[-1]

    yield begin
    for instance in running:
        await instance.stop()


@pytest.fixture
async def fleet(shelf: Shelf, scratch: Path) -> AsyncIterator[MakeFleet]:
    """Makes fleets."""
    made: list[Fleet] = []

    def make(most: int = 50, **limits: float) -> Fleet:
        shop = Workshop(packages=shelf, runtimes=RUNTIMES, launcher=Spawner(scratch))
        made.append(Fleet(shop, Limits(**limits), most))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.close(0)
