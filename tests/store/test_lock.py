"""One directory, one server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from huidu.store.lock import Held, Lock

HOLDER = """
import sys
from pathlib import Path
from huidu.store.lock import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a directory."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)], stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_whoever_comes_second_is_told_who_came_first(tmp_path: Path) -> None:
    with holding(tmp_path) as first:
        with pytest.raises(Held, match=rf"in use by process {first.pid};.*--data"):
            Lock(tmp_path)
        with pytest.raises(Held, match=str(first.pid)):
            Lock(tmp_path)


def test_a_directory_is_free_as_soon_as_its_holder_is_killed(tmp_path: Path) -> None:
    with holding(tmp_path) as first:
        first.kill()
        first.wait()
        with Lock(tmp_path):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_directory_is_free_as_soon_as_its_holder_lets_go(tmp_path: Path) -> None:
    with Lock(tmp_path), pytest.raises(Held, match=str(os.getpid())):
        Lock(tmp_path)
    with Lock(tmp_path):
        pass


def test_the_holder_of_two_directories_keeps_both(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with Lock(tmp_path), Lock(tmp_path / "other"), pytest.raises(Held):
        Lock(tmp_path / "other")


def test_a_program_that_the_holder_started_holds_nothing(tmp_path: Path) -> None:
    """Instances outlive a server that is killed, for a moment; the next one may start at once."""
    lock = Lock(tmp_path)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lock.__exit__()
        with Lock(tmp_path):
            pass
        child.kill()


def test_a_lock_that_names_nobody_is_held_all_the_same(tmp_path: Path) -> None:
    with Lock(tmp_path):
        (tmp_path / "lock").write_bytes(b"")
        with pytest.raises(Held, match="process unknown"):
            Lock(tmp_path)


def test_what_a_longer_number_left_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("99999999999999999999\n")
    with Lock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
