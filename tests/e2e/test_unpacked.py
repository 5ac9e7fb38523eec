"""Unpacked code takes no more room than it may, and what runs keeps its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.platform import ECHO, Platform, until, zipped


def trees(platform: Platform) -> set[str]:
    """The packages that lie unpacked."""
    return {place.name for place in (platform.data / "packages" / "tree").glob("*/*/")}


def large(platform: Platform, name: str) -> str:
    """Make a function of half a megabyte; return the digest of its package."""
    files: dict[str, str | bytes] = {"index.py": ECHO, "data": os.urandom(500_000)}
    platform.call(
        "CreateFunction",
        FunctionName=name,
        Code={"ZipFile": zipped(files)},
        Runtime="Python3.10",
    )
    return str(platform.call("GetFunction", FunctionName=name)["CodeSha256"])


def test_code_that_nobody_runs_makes_room_and_comes_back_when_it_is_called(
    start: Callable[..., Platform],
) -> None:
    platform = start("--set", "max_unpacked_mb=1", "--set", "idle_s=0.1")
    names = ["one", "two", "three", "four"]
    codes = [large(platform, name) for name in names]
    assert trees(platform) == set()

    for name in names:
        platform.invoke(name)
        until(lambda name=name: not platform.metrics("huidu_instances", function=name))
    assert trees(platform) == set(codes[2:])
    assert platform.invoke("one")["InvokeResult"] == 0
    assert trees(platform) == {codes[3], codes[0]}
    zips = [place.stem for place in Path(platform.data).glob("packages/zip/*/*.zip")]
    assert sorted(zips) == sorted(codes)


def test_code_that_is_run_stays_however_little_room_there_is(
    start: Callable[..., Platform],
) -> None:
    platform = start("--set", "max_unpacked_mb=1")
    names = ["one", "two", "three", "four"]
    codes = [large(platform, name) for name in names]

    for name in names:
        platform.invoke(name)

    assert trees(platform) == set(codes)
    assert all(platform.invoke(name)["InvokeResult"] == 0 for name in names)
