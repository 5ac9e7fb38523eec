"""What all tests share: one server for those that only talk to it."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import current_thread, main_thread

import pytest
from hypothesis import settings

from huidu import compiled
from tests.platform import Platform

# Machines are noisy: an example that takes long says nothing of the law.
settings.register_profile("huidu", deadline=None)
settings.load_profile("huidu")

# A shell that starts us in the background has us ignore Ctrl-C, and whatever we start with us.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and current_thread() is main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is compiled is kept, whatever our surroundings say: a thousand processes need it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shim of pyenv is a script that starts ten others, and each server asks every Python it finds for
# its version: half of what a start takes. The Python that they lead to is there without them.
os.environ["PATH"] = os.pathsep.join(
    f"{sys.base_prefix}/bin" if Path(folder).name == "shims" else folder
    for folder in os.environ["PATH"].split(os.pathsep)
)

LONG_S = 100.0  #: A test that may take as long as this, by its mark, is begun before others.
COUNTER = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Run nothing where what would be tested is not what stands in the sources."""
    try:
        compiled.insist()
    except compiled.Stale as stale:
        raise pytest.UsageError(str(stale)) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the tests that may take long to all workers, and have each begin with its own.

    At the end there are short ones then, and no worker waits for another's last. Each gets as many
    tests as xdist gives it: an even share, in this order.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers == 1:
        return
    long = sorted(filter(may_take_s, items), key=may_take_s, reverse=True)
    short = [item for item in items if not may_take_s(item)]
    left, dealt = len(items), list[pytest.Item]()
    for worker in range(workers):
        own = long[worker::workers]
        more = max(0, left // (workers - worker) - len(own))
        dealt += own + short[:more]
        short = short[more:]
        left = len(items) - len(dealt)
    items[:] = dealt + short


def may_take_s(item: pytest.Item) -> float:
    """Return how long a test may take that asks for long, else 0."""
    asked = item.get_closest_marker("timeout")
    allowed = float(asked.args[0]) if asked and asked.args else 0.0
    return allowed if allowed >= LONG_S else 0.0


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A server that every test of this process may use, with names of its own."""
    running = Platform.start(tmp_path_factory.mktemp("shared") / "data")
    yield running
    assert running.stop() == 0


@pytest.fixture
def name() -> str:
    """A function name that no other test uses."""
    return f"f{os.getpid()}-{next(COUNTER)}"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """Starts servers of a test's own, and ends them."""
    running: list[Platform] = []

    def begin(*options: str, data: Path | None = None) -> Platform:
        running.append(Platform.start(data or tmp_path / "data", *options))
        return running[-1]

    yield begin
    for one in running:
        one.stop()
