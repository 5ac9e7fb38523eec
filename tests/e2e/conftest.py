"""What stories share that need a server without walls, which does not wait for a minute."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.eventing import PLAIN
from tests.platform import Platform


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A server whose functions can leave marks on the disk, and whose events are retried soon."""
    quickly = ("--set", "event_retry_s=0.2")
    running = Platform.start(tmp_path_factory.mktemp("quick") / "data", *PLAIN, *quickly)
    yield running
    assert running.stop() == 0
