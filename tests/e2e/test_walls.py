"""A server that is no root, and what it puts around functions."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attacks.conftest import processes
from tests.e2e.test_sandbox import DAEMON, health
from tests.instances.making import soon
from tests.platform import Platform

as_an_ordinary_user = pytest.mark.skipif(
    os.geteuid() == 0, reason="root has better walls; see test_ordinary"
)


@as_an_ordinary_user
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_server_of_an_ordinary_user(
    start: Callable[..., Platform], tmp_path: Path, number: signal.Signals
) -> None:
    mark = f"left-by-{tmp_path.name}-{os.getpid()}"
    server = start("--set", "tier=best", "--set", "require_tier=unprivileged")
    assert health(server)["name"] == "unprivileged"
    server.make("leaver", DAEMON)
    result = server.invoke("leaver", {"mark": mark})["RetMsg"]
    assert json.loads(result) == ["/var/user", True]
    assert soon(lambda: len(processes(mark)) == 1)  # A program shows its words late.

    server.stop(number)

    assert soon(lambda: not processes(mark))
    assert list((server.data / "scratch").iterdir()) == []


@as_an_ordinary_user
def test_an_ordinary_user_cannot_have_the_walls_of_root(start: Callable[..., Platform]) -> None:
    with pytest.raises(AssertionError, match=r"cannot be had: sandbox: it takes root"):
        start("--set", "tier=best", "--set", "require_tier=sandbox")


@pytest.mark.parametrize("tier", ["basic", "unprivileged", "sandbox"])
def test_no_walls_are_less_than_any(start: Callable[..., Platform], tier: str) -> None:
    with pytest.raises(AssertionError, match=f"tier {tier} is required, but cannot be had"):
        start("--set", "tier=none", "--set", f"require_tier={tier}")
