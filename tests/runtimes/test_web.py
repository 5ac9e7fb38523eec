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

from huidu.instances import wire
from huidu.instances.wire import Kind
from huidu.model.errors import InvalidValue
from huidu.model.web import PORT
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import WEB, WORKERS, Runtimes
from huidu.runtimes.workers import web_worker

OURS = Interpreter(Path(sys.executable), sys.version_info[:2])
RUNTIMES = Runtimes({"Python": [OURS]})


@pytest.mark.parametrize(
    ("text", "mode", "word"),
    [
        (None, 0, "no file scf_bootstrap"),
        ("#!/bin/sh\n", 0o644, "mode 755"),
        ("#!/bin/sh\r\n", 0o755, "LF"),
        ("echo\n", 0o755, "#!/bin/bash"),
        ("", 0o755, "#!/bin/bash"),
    ],
)
def test_a_bootstrap_is_refused_with_what_is_wrong_with_it(
    tmp_path: Path, text: str | None, mode: int, word: str
) -> None:
    path = tmp_path / "scf_bootstrap"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(web_worker.Unservable, match=word) as refused:
        web_worker.check(str(path))
    assert refused.value.status == 437


@pytest.mark.parametrize("first", ["#!/bin/sh\n", "\x7fELF"])
def test_a_script_and_a_program_will_do(tmp_path: Path, first: str) -> None:
    path = tmp_path / "scf_bootstrap"
    path.write_text(first)
    path.chmod(0o755)
    web_worker.check(str(path))


def heard(order: dict[str, object]) -> tuple[int, dict[str, object], int]:
    """Start a worker, tell it what to load, and return what it says and how it ends."""
    ours, theirs = socket.socketpair()
    command = RUNTIMES.web("Python3.10").command(theirs.fileno(), WORKERS)
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as worker:
        theirs.close()
        words = json.dumps(order).encode()
        ours.sendall(struct.pack("!BI", web_worker.LOAD, len(words)) + words)
        kind, size = struct.unpack("!BI", ours.recv(5, socket.MSG_WAITALL))
        said = json.loads(ours.recv(size, socket.MSG_WAITALL))
        return kind, said, worker.wait()


def test_it_does_not_start_a_server_on_a_port_of_the_host(tmp_path: Path) -> None:
    order = {
        "parent": os.getpid(),
        "digest": "d",
        "code": str(tmp_path),
        "bootstrap": "scf_bootstrap",
        "network": str(Path("/proc/self/ns/net").readlink()),
    }
    kind, said, status = heard(order)

    assert (kind, said["status"], status) == (web_worker.FAILED, 446, 0)
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
    for name in ("LOAD", "READY", "FAILED", "SOCKETS"):
        assert getattr(web_worker, name) == Kind[name]
    assert wire.HEADER.size == web_worker.HEADER
    assert web_worker.PORT == PORT
