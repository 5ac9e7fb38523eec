"""The worker of web functions: what it says of a bootstrap, and where it does not begin at all."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from huidu.instances.wire import Kind
from huidu.model.errors import InvalidValue
from huidu.model.web import PORT
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import WEB, WORKERS, Runtimes
from huidu.runtimes.workers import web_worker

OURS = Interpreter(Path(sys.executable), sys.version_info[:2])
RUNTIMES = Runtimes({"Python": [OURS]})


def heard(order: dict[str, object]) -> tuple[int, dict[str, object], int]:
    """Start a worker, tell it what to load, and return what it says and how it ends."""
    ours, theirs = socket.socketpair()
    command = RUNTIMES.web("Python3.10").command(theirs.fileno(), WORKERS)
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as worker:
        theirs.close()
        words = json.dumps(order).encode()
        ours.sendall(struct.pack("!BI", Kind.LOAD, len(words)) + words)
        kind, size = struct.unpack("!BI", ours.recv(5, socket.MSG_WAITALL))
        said = json.loads(ours.recv(size, socket.MSG_WAITALL))
        return kind, said, worker.wait()


def ordered(code: Path, network: str) -> dict[str, object]:
    """Return what a worker is told to load."""
    return {
        "parent": os.getpid(),
        "digest": "d",
        "code": str(code),
        "bootstrap": "scf_bootstrap",
        "environment": {},
        "network": network,
    }


@pytest.mark.parametrize(
    ("text", "mode", "word"),
    [
        (None, 0, "no file scf_bootstrap"),
        ("#!/bin/sh\n", 0o644, "mode 755"),
        ("#!/bin/sh\r\n", 0o755, "line ends of Windows"),
        ("#!/bin/nothing\n", 0o755, "asks for the interpreter '/bin/nothing'"),
        ("echo\n", 0o755, "a line as #!/bin/sh"),
        ("", 0o755, "a line as #!/bin/sh"),
    ],
)
def test_a_bootstrap_is_refused_with_what_is_wrong_with_it(
    tmp_path: Path, text: str | None, mode: int, word: str
) -> None:
    path = tmp_path / "scf_bootstrap"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    kind, said, status = heard(ordered(tmp_path, "of an instance"))

    assert (kind, said["status"], status) == (Kind.FAILED, 437, 0)
    assert word in str(said["message"])


def test_no_parent_is_told_where_what_is_around_the_worker_ends_it(tmp_path: Path) -> None:
    kind, said, _ = heard({**ordered(tmp_path, "of an instance"), "parent": 0})

    assert (kind, said["status"]) == (Kind.FAILED, 437)


def test_it_does_not_start_a_server_on_a_port_of_the_host(tmp_path: Path) -> None:
    kind, said, status = heard(ordered(tmp_path, str(Path("/proc/self/ns/net").readlink())))

    assert (kind, said["status"], status) == (Kind.FAILED, 446, 0)
    assert "set tier to best" in str(said["message"])


def test_whatever_the_runtime_it_runs_on_our_python() -> None:
    installed = RUNTIMES.web("Python3.7")

    assert installed.interpreter.path == OURS.path
    assert installed.runtime.worker == WEB.worker == "web_worker"
    assert RUNTIMES.web("Python3.7") is installed
    variables = installed.runtime.variables([Path("/var/user")])
    assert variables["PYTHONUNBUFFERED"] == "1"
    assert variables["PYTHONPATH"] == "/var/user"
    with pytest.raises(InvalidValue):
        RUNTIMES.web("Go1")


def test_the_worker_and_the_platform_mean_the_same_by_their_frames() -> None:
    assert web_worker.SOCKETS == Kind.SOCKETS
    assert web_worker.PORT == PORT
