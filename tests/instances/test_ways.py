"""The ways that functions have through the platform's own folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from huidu.instances.sandbox.forks.ways import Ways

GROUP = 199_999

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders to a group")


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "data"
        (home / "a" / "b").mkdir(parents=True)
        for closed in (home, home / "a"):
            closed.chmod(0o700)
        yield home


def test_a_way_may_be_passed_by_the_group_and_looked_into_by_nobody(home: Path) -> None:
    Ways(home, GROUP).open(home / "a" / "b")

    for folder in (home, home / "a"):
        state = folder.stat()
        assert (state.st_uid, state.st_gid, state.st_mode & 0o777) == (0, GROUP, 0o710)


def test_a_way_is_opened_anew_for_another_group(home: Path) -> None:
    Ways(home, GROUP).open(home / "a" / "b")
    Ways(home, GROUP - 1).open(home / "a" / "b")

    assert (home / "a").stat().st_gid == GROUP - 1


def test_what_is_not_ours_is_left_closed(home: Path) -> None:
    with pytest.raises(PermissionError, match=r"cannot get to .*/a/b: .*/data is closed"):
        Ways(home / "a", GROUP).open(home / "a" / "b")

    assert home.stat().st_mode & 0o777 == 0o700
