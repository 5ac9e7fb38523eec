"""Layers: several folders seen as one in `/opt`, the later over the earlier."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.blueprint import Blueprint
from huidu.instances.outcomes import StartFailed
from huidu.instances.sandbox.forks.launcher import SandboxLauncher
from huidu.instances.sandbox.table import Ground
from huidu.instances.sandbox.tier import TooWeak, choose
from huidu.instances.starting import Launcher, start
from huidu.model.version import Version
from huidu.settings import TIERS
from tests.instances.making import OURS, Shelf, handler, task


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    tmp_path.chmod(0o755)
    return Shelf(tmp_path / "code")


@pytest.fixture
async def box() -> AsyncIterator[SandboxLauncher]:
    if os.geteuid() != 0:
        pytest.skip("it takes root")
    launcher = SandboxLauncher(OURS.path)
    yield launcher
    await launcher.close()


def layer(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    return folder


def layered(shelf: Shelf, version: Version, *layers: Path) -> Blueprint:
    return replace(shelf.blueprint(version), layers=layers)


async def result(blueprint: Blueprint, launcher: Launcher) -> Any:
    instance = await start(blueprint, launcher)
    try:
        outcome = await instance.run(task(blueprint.version))
    finally:
        await instance.stop()
    assert outcome.succeeded, outcome
    return json.loads(outcome.result)


IMPORTS = "import one_py, five_py, both\n" + handler("return [one_py.X, five_py.X, both.X]")


@pytest.fixture(params=TIERS)
async def cage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Launcher]:
    """What starts instances in each tier that can be had here."""
    (scratch := tmp_path / "scratch").mkdir(mode=0o755)
    try:
        launcher, closing, _ = await choose(
            request.param, "none", Ground(OURS.path, scratch, "none")
        )
    except TooWeak as error:
        pytest.skip(str(error))
    yield launcher
    if closing is not None:
        await closing.close()


async def test_the_later_layer_wins(cage: Launcher, shelf: Shelf, tmp_path: Path) -> None:
    names = ["one", "two", "three", "four", "five"]
    layers = [
        layer(
            tmp_path / f"{name}, a:b",
            **{f"{name}_py.py": f"X = '{name}'"},
            **{"both.py": f"X = '{name}'", f"bin__{name}": "#!/bin/sh\necho $0"},
        )
        for name in names
    ]
    version = shelf.version(IMPORTS)

    assert await result(layered(shelf, version, *layers), cage) == ["one", "five", "five"]


async def test_what_layers_hold_is_found_and_cannot_be_changed(
    box: SandboxLauncher, shelf: Shelf, tmp_path: Path
) -> None:
    one = layer(tmp_path / "one", a="1", deep__b="1", bin__tool="#!/bin/sh\necho tool")
    two = layer(tmp_path / "two", c="2", deep__b="2")
    source = "import os, subprocess, pathlib\n" + handler(
        "try: pathlib.Path('/opt/new').touch()",
        "except OSError as error: refused = error.strerror",
        "return [sorted(os.listdir('/opt')), pathlib.Path('/opt/deep/b').read_text(), refused,",
        "    subprocess.run('tool', capture_output=True, text=True).stdout]",
    )
    version = shelf.version(source)

    assert await result(layered(shelf, version, one, two), box) == [
        ["a", "bin", "c", "deep"],
        "2",
        "Read-only file system",
        "tool\n",
    ]
    assert await result(layered(shelf, version, two, one), box) == [
        ["a", "bin", "c", "deep"],
        "1",
        "Read-only file system",
        "tool\n",
    ]
    assert not (two / "new").exists()


async def test_a_layer_that_is_not_there_is_told(
    box: SandboxLauncher, shelf: Shelf, tmp_path: Path
) -> None:
    version = shelf.version(handler("return 1"))
    there = layer(tmp_path / "there", a="1")

    with pytest.raises(StartFailed, match=r"mount overlay on .*/opt: No such file"):
        await start(layered(shelf, version, there, tmp_path / "gone"), box)
