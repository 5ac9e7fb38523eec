"""Versions made of a few lines of source, and calls of them."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.blueprint import Blueprint
from huidu.instances.instance import Instance
from huidu.instances.starting import Launcher, start
from huidu.model.function import WEB, Code, Configuration, FunctionName
from huidu.model.invocation import EMPTY_EVENT, Invocation
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.runtimes import nodejs
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import PYTHON, Installed, Runtimes

Begin = Callable[[Version], Awaitable[Instance]]

NAMED = FunctionName("default", "hello")
REQUEST = "5c1b5a3c-0000-4000-8000-00000000000a"
OURS = Interpreter(
    Path(getattr(sys, "_base_executable", "") or sys.executable), sys.version_info[:2]
)
RUNTIME = f"Python{OURS}"
NODES = nodejs.search()
NODE = f"Nodejs{NODES[0]}" if NODES else "Nodejs18.15"
RUNTIMES = Runtimes({"Python": [OURS], "Node.js": NODES})


@dataclass(frozen=True)
class Shelf:
    """A place for code: each source in a folder of its own."""

    folder: Path

    def put(self, source: str, file: str = "index.py") -> Code:
        code = Code(hashlib.sha256(f"{file}:{source}".encode()).hexdigest(), len(source))
        path = self.unpacked(code) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return code

    def unpacked(self, code: Code) -> Path:
        return self.folder / code.sha256

    def version(
        self, source: str, *, number: str = "1", file: str = "index.py", **configuration: Any
    ) -> Version:
        wanted = {"handler": "index.main_handler", "runtime": RUNTIME, **configuration}
        return Version(
            function=NAMED,
            function_id="f-1",
            number=number,
            code=self.put(source, file),
            configuration=Configuration(**wanted),
        )

    def script(self, source: str, *, file: str = "index.js", **configuration: Any) -> Version:
        """A version in JavaScript."""
        return self.version(source, file=file, **{"runtime": NODE, **configuration})

    def blueprint(self, version: Version, runtimes: Runtimes = RUNTIMES) -> Blueprint:
        find = runtimes.web if version.configuration.type == WEB else runtimes.find
        runtime = find(version.configuration.runtime)
        return Blueprint(version=version, code=self.unpacked(version.code), runtime=runtime)


needs_node = pytest.mark.skipif(not NODES, reason="this machine has no Node.js 14 or newer")


#: A worker that hears what it is to load, and says something of its own.
LIAR = """
import json, os, struct, sys
LOAD, READY, FAILED, CALL, RESULT, ERROR = range(0xA1, 0xA7)
fd = int(sys.argv[1])
def hear():
    kind, size = struct.unpack("!BI", os.read(fd, 5))
    return os.read(fd, size)
def say(kind, body): os.write(fd, struct.pack("!BI", kind, len(body)) + body)
order = json.loads(hear())
{line}
"""


def lying(line: str) -> Runtimes:
    """Runtimes whose workers say what they should not."""
    command = (str(OURS.path), "-I", "-S", "-c", LIAR.format(line=line))
    runtime = replace(PYTHON, command=lambda _, channel, *__: (*command, str(channel)))

    class Lying(Runtimes):
        def find(self, name: str) -> Installed:
            return Installed(runtime, OURS)

    return Lying({})


def handler(*lines: str) -> str:
    """A function of these lines."""
    return "\n    ".join(["def main_handler(event, context):", *lines])


def task(version: Version, event: bytes = EMPTY_EVENT, **call: Any) -> Task:
    invocation = Invocation(
        **{
            "request_id": REQUEST,
            "function": NAMED,
            "qualifier": version.number,
            "event": event,
            **call,
        }
    )
    return Task(invocation=invocation, version=version)


@asynccontextmanager
async def beginning(shelf: Shelf, launcher: Launcher) -> AsyncIterator[Begin]:
    """Lend what starts instances of versions, which are stopped in the end."""
    running: list[Instance] = []

    async def begin(version: Version) -> Instance:
        running.append(await start(shelf.blueprint(version), launcher))
        return running[-1]

    yield begin
    for one in running:
        await one.stop()


def is_running(pid: int) -> bool:
    """Tell whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def soon(done: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something that other processes do; tell whether it came to be."""
    until = time.monotonic() + seconds
    while not (seen := done()) and time.monotonic() < until:
        time.sleep(0.005)
    return seen
