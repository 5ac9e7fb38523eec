"""What tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.typing_here import Here
from tests.platform import Platform


@pytest.fixture
def here(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """A person in an empty folder, with a server."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Here(platform)
