"""Descriptors that come to us stay ours, and programs get those that were placed for them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from huidu.instances.descriptors import keep_to_ourselves, receive, spawn


def listed(tmp_path: Path, placed: dict[int, int]) -> list[str]:
    """Return the descriptors of a program that we start."""
    out = tmp_path / "out"
    with out.open("wb") as file:
        streams = {1: file.fileno(), 2: file.fileno()}
        pid = spawn(("/bin/ls", "/proc/self/fd"), {**placed, **streams})
    assert os.waitpid(pid, 0)[1] == 0
    return out.read_text().split()


def test_what_is_handed_to_us_is_not_handed_on(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Path(os.devnull).open("rb") as nothing:
        socket.send_fds(theirs, [b"two"], [nothing.fileno()] * 2)
        data, fds = receive(ours, 10, 8)

        assert data == b"two"
        assert [os.get_inheritable(fd) for fd in fds] == [False, False]
        assert not {*map(str, fds)} & {*listed(tmp_path, {0: nothing.fileno()})}
        for fd in fds:
            os.close(fd)


def test_a_channel_without_descriptors_is_read_as_ever() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"none")
        assert receive(ours, 10, 8) == (b"none", [])
        theirs.shutdown(socket.SHUT_WR)
        assert receive(ours, 10, 8) == (b"", [])


def test_a_program_has_what_is_placed_at_its_number_and_no_more(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    high = os.dup2(writing, 200)
    try:
        keep_to_ourselves()
        # 3 is the folder that it lists.
        assert listed(tmp_path, {0: reading, 5: high, 7: high}) == [*"012357"]
    finally:
        for fd in (reading, writing, high):
            os.close(fd)


def test_a_program_that_is_not_there_is_not_started() -> None:
    with pytest.raises(FileNotFoundError):
        spawn(("/nowhere",), {})
