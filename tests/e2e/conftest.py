"""What tests of the whole house share: a quick server, a browser, a shop for the console."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browsing import launched, seated, sign_in
from tests.e2e.eventing import PLAIN
from tests.e2e.shop import Shop, opened
from tests.platform import Platform


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A server whose functions can leave marks on the disk, and whose events are retried soon."""
    quickly = ("--set", "event_retry_s=0.2")
    running = Platform.start(tmp_path_factory.mktemp("quick") / "data", *PLAIN, *quickly)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium. Not for longer: while it is open, nothing else may run an event loop here."""
    with launched() as opened_here:
        yield opened_here


@pytest.fixture
def page(browser: Browser, platform: Platform) -> Iterator[Page]:
    """A page of somebody who has signed in."""
    with seated(browser) as shown:
        sign_in(shown, platform)
        yield shown


@pytest.fixture(scope="module")
def shop(platform: Platform, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop with hostile texts in it, for each file of tests its own."""
    last = request.module.__name__.rpartition("_")[2]
    with opened(platform, f"shop-{last}-{os.getpid()}") as shop:
        yield shop
