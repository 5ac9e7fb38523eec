"""An empty catalog in each database there is, and what is published by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from huidu.store.database import Database
from tests.fakes_store import BACKENDS, Published


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened = BACKENDS[request.param](tmp_path)
    await opened.open("catalog")
    yield opened
    await opened.close()


@pytest.fixture
def published() -> Published:
    return Published()
