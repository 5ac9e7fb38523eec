"""Real instances, which are gone when the test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from huidu.instances.fleet import Fleet
from huidu.instances.launch import Spawner
from huidu.instances.recipe import Workshop
from huidu.model.capacity import Limits
from tests.instances.making import RUNTIMES, Begin, Shelf, beginning

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
async def started(shelf: Shelf, scratch: Path) -> AsyncIterator[Begin]:
    """Starts instances of versions."""
    async with beginning(shelf, Spawner(scratch)) as begin:
        yield begin


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
