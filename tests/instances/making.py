"""Versions made of a few lines of source, and calls of them."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huidu.instances.blueprint import Blueprint
from huidu.model.function import Code, Configuration, FunctionName
from huidu.model.invocation import EMPTY_EVENT, Invocation
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import Runtimes

NAMED = FunctionName("default", "hello")
REQUEST = "5c1b5a3c-0000-4000-8000-00000000000a"
OURS = Interpreter(
    Path(getattr(sys, "_base_executable", "") or sys.executable), sys.version_info[:2]
)
RUNTIME = f"Python{OURS}"
RUNTIMES = Runtimes({"Python": [OURS]})


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

    def blueprint(self, version: Version) -> Blueprint:
        runtime = RUNTIMES.find(version.configuration.runtime)
        return Blueprint(version=version, code=self.unpacked(version.code), runtime=runtime)


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
    while not done() and time.monotonic() < until:
        time.sleep(0.005)
    return done()
