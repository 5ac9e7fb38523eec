"""A house with keys and sessions, for each test its own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.signing import House


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog in its newest form, made once: to make it takes longer than most tests."""

    async def make() -> Path:
        house = await House(tmp_path_factory.mktemp("empty")).open()
        await house.close()
        return house.home

    return asyncio.run(make())


@pytest.fixture
async def house(tmp_path: Path, empty: Path) -> AsyncIterator[House]:
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    opened = await House(tmp_path).open()
    yield opened
    await opened.close()
