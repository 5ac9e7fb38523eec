"""One gateway for all tests of a file: to close one takes a while."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.gateway.apis import Shop, open_shop


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened_shop() -> AsyncIterator[Shop]:
    async with open_shop() as shop:
        yield shop


@pytest.fixture
def shop(opened_shop: Shop) -> Shop:
    opened_shop.begin_anew()
    return opened_shop
