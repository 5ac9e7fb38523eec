"""Python: found where it really is, and its worker as it is spoken to over the wire."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from huidu.instances import wire
from huidu.instances.wire import Frame, Kind, Reader
from huidu.model.invocation import MOST_RESULT_BYTES
from huidu.runtimes import python
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import WORKERS
from huidu.runtimes.workers import python_wire, python_worker

OWN = Interpreter(
    Path(getattr(sys, "_base_executable", "") or sys.executable), sys.version_info[:2]
)
NONCE = bytes(range(16))


def program(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


def says(version: tuple[int, int], path: str) -> str:
    return f"echo \"({version}, '{path}')\""


def test_shims_that_lead_nowhere_are_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims" / "python3.9", "exit 127")
    program(tmp_path / "shims" / "python3.10", "sleep 60")
    program(tmp_path / "shims" / "python3.12", "echo hello")
    program(tmp_path / "shims" / "python3", says((3, 14), "/real/3.14"))
    program(tmp_path / "bin" / "python3.9", says((3, 9), "/real/3.9"))
    (tmp_path / "bin" / "python3.13").write_text("not a program")
    path = f"{tmp_path / 'shims'}:{tmp_path / 'nowhere'}:{tmp_path / 'bin'}"

    found = python.search(path, patience_s=0.5)

    assert [one for one in found if one != OWN] == [
        Interpreter(Path("/real/3.14"), (3, 14)),
        Interpreter(Path("/real/3.9"), (3, 9)),
    ]
    assert OWN in found


def test_a_folder_of_path_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """One of another user is such a one; root reads those, so here is a name that is too long."""
    found = python.search(f"{tmp_path / ('x' * 300)}:{tmp_path / 'nowhere'}")

    assert [one.version for one in found] == [sys.version_info[:2]]


def test_our_own_interpreter_is_known_without_asking(tmp_path: Path) -> None:
    program(tmp_path / f"python{OWN}", says(OWN.version, "/other"))
    program(tmp_path / "python3.7", says((3, 7), "/old"))
    program(tmp_path / "python3", says((3, 6), "/older"))
    (tmp_path / "python3.99").symlink_to(tmp_path / "python3")

    assert python.search(str(tmp_path)) == [OWN]


def test_the_worker_and_the_platform_mean_the_same_by_their_frames() -> None:
    worker = {**vars(python_wire), "MOST_RESULT": python_worker.MOST_RESULT}

    spoken = set(Kind) - {Kind.SOCKETS}  # it is for workers of web functions
    assert {kind.name: worker[kind.name] for kind in spoken} == {kind.name: kind for kind in spoken}
    assert worker["HEADER"] == wire.HEADER.size
    assert worker["NONCE"] == wire.NONCE_BYTES
    assert worker["SIZE"] == wire.LENGTH.size
    assert worker["FIGURES"].format == wire.FIGURES.format
    assert worker["MOST_RESULT"] == MOST_RESULT_BYTES


def test_the_worker_is_written_for_the_oldest_python() -> None:
    for file in WORKERS.glob("*.py"):
        ast.parse(file.read_text(), feature_version=python.OLDEST)


class Worker:
    """A worker, spoken to by hand."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._reader = Reader()

    def ask(self, frame: bytes) -> Frame:
        self._end.sendall(frame)
        while not (frames := self._reader.feed(self._end.recv(65536))):
            pass
        return frames[0]

    def load(self, code: Path, handler: str = "index.main_handler", **order: Any) -> Frame:
        words = {
            "parent": os.getpid(),
            "digest": "d1",
            "code": str(code),
            "layers": [],
            "handler": handler,
            "context": {"function_version": "1"},
            **order,
        }
        return self.ask(wire.pack(Frame(Kind.LOAD, json.dumps(words).encode())))

    def call(self, event: bytes = b"{}", **context: str) -> Any:
        frame = self.ask(wire.call(NONCE, json.dumps(context).encode(), event))
        reply = wire.reply(frame.body)
        assert (frame.kind, reply.nonce) == (Kind.RESULT, NONCE)
        return json.loads(reply.words)


@contextmanager
def worker(interpreter: Interpreter = OWN) -> Iterator[Worker]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        process = subprocess.Popen(
            python.command(interpreter, theirs.fileno(), WORKERS),
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={},
        )
        theirs.close()
        yield Worker(ours)
    assert process.wait(5) == 0, "it ends when the platform hangs up"


def code(folder: Path, files: Mapping[str, str]) -> Path:
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return folder


ECHO = "def main_handler(event, context): return [event, context]"


def everywhere() -> list[Interpreter]:
    """Every Python on PATH, and those that pyenv keeps beside it."""
    kept = sorted(Path.home().glob(".pyenv/versions/3.*/bin"))
    return list(python.search(os.pathsep.join([*os.get_exec_path(), *map(str, kept)])))


def test_the_worker_runs_on_every_python_of_this_machine(tmp_path: Path) -> None:
    source = (
        "import asyncio, sys\n"
        "async def main_handler(event, context):\n"
        "    await asyncio.sleep(0)\n"
        "    if event == 'fail': 1 / 0\n"
        "    return [event, context, sys.version_info[:2]]"
    )
    for interpreter in everywhere():
        with worker(interpreter) as running:
            ready = running.load(code(tmp_path, {"index.py": source}))
            assert ready.kind is Kind.READY, interpreter
            assert json.loads(ready.body)["digest"] == "d1"
            assert running.call('"é"'.encode(), request_id="r") == [
                "é",
                {"function_version": "1", "request_id": "r"},
                list(interpreter.version),
            ]
            failed = running.ask(wire.call(NONCE, b"{}", b'"fail"'))
            words = json.loads(wire.reply(failed.body).words)
            assert (failed.kind, words["message"]) == (
                Kind.ERROR,
                "ZeroDivisionError: division by zero",
            )
            assert words["stack"].count("File ") == 1


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"index.py": ECHO}, "index.main_handler"),
        ({"src/index.py": ECHO}, "src/index.main_handler"),
        ({"src/deep/index.py": ECHO}, "src/deep/index.main_handler"),
        ({"index/__init__.py": ECHO}, "index.main_handler"),
        ({"my-file.py": ECHO}, "my-file.main_handler"),
        ({"index.py": "from other import main_handler", "other.py": ECHO}, "index.main_handler"),
        (
            {"src/index.py": "from .other import main_handler", "src/other.py": ECHO},
            "src/index.main_handler",
        ),
        ({"json.py": ECHO}, "json.main_handler"),
        ({"json.py": f"import re, typing\n{ECHO}"}, "json.main_handler"),
    ],
)
def test_a_handler_is_found_where_its_name_says(
    tmp_path: Path, files: dict[str, str], handler: str
) -> None:
    with worker() as running:
        assert running.load(code(tmp_path, files), handler).kind is Kind.READY
        assert running.call(b"1") == [1, {"function_version": "1"}]


def test_a_function_stands_in_its_own_folder_and_finds_its_layers(tmp_path: Path) -> None:
    source = (
        "import os, sys, data\n"
        "from pathlib import Path\n"
        "def main_handler(event, context):\n"
        "    return [os.getcwd(), sys.path[:2], data.X, Path('a.txt').read_text(), sys.argv[1:]]"
    )
    home, layer = (
        code(tmp_path / "code", {"index.py": source}),
        code(tmp_path / "opt", {"data.py": "X = 1"}),
    )
    (home / "a.txt").write_text("beside it")

    with worker() as running:
        running.load(home, layers=[str(layer)])
        assert running.call() == [str(home), [str(home), str(layer)], 1, "beside it", []]
    assert sorted(path.name for path in home.iterdir()) == ["a.txt", "index.py"]


def test_a_context_is_made_anew_for_each_call(tmp_path: Path) -> None:
    source = "def main_handler(event, context):\n    context['mine'] = 1\n    return len(context)"

    with worker() as running:
        running.load(code(tmp_path, {"index.py": source}))
        assert [running.call(), running.call()] == [2, 2]


def test_a_process_has_the_limits_of_an_instance(tmp_path: Path) -> None:
    source = (
        "import os, resource, signal\n"
        "def main_handler(event, context):\n"
        "    limit = resource.getrlimit\n"
        "    return [limit(resource.RLIMIT_CORE), limit(resource.RLIMIT_NOFILE), "
        "os.readlink('/proc/self/fd/0')]"
    )

    with worker() as running:
        running.load(code(tmp_path, {"index.py": source}))
        assert running.call() == [[0, 0], [1024, 1024], "/dev/null"]


def test_a_worker_that_is_not_its_platforms_child_does_not_stay(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            python.command(OWN, theirs.fileno(), WORKERS), pass_fds=[theirs.fileno()], env={}
        )
        theirs.close()
        words = {"parent": 1, "digest": "", "code": "/", "layers": [], "handler": "", "context": {}}
        ours.sendall(wire.pack(Frame(Kind.LOAD, json.dumps(words).encode())))

        assert process.wait(5) == 1
