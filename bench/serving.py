"""Serving: a real server in a process of its own, on free ports, over an empty directory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huidu.cli.client import Client
from huidu.cloudapi.keys import Pair

PAIR = Pair("AKIDbench", "bench-secret")
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that is up."""

    pid: int
    client: Client
    gateway: str
    data: Path
    log: Path


@contextmanager
def server(*options: str, program: str = "huidu") -> Iterator[Served]:
    """Start a server with these options beside the default settings, and end it as one should."""
    with (
        tempfile.TemporaryDirectory(prefix="huidu-bench-") as folder,
        over(Path(folder), *options, program=program) as served,
    ):
        yield served


@contextmanager
def over(folder: Path, *options: str, program: str = "huidu") -> Iterator[Served]:
    """Do the same over a directory that is there, so that another server can go on with it.

    `program` is a module that takes what `huidu` does.
    """
    data, log = folder / "data", folder / "log"
    with log.open("a") as errors:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", program, "serve", "--data", str(data)),
                *("--api", "127.0.0.1:0", "--gateway", "127.0.0.1:0", *options),
            ],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={
                **os.environ,
                "TENCENTCLOUD_SECRET_ID": PAIR.secret_id,
                "TENCENTCLOUD_SECRET_KEY": PAIR.secret_key,
            },
        )
    if process.stdout is None:
        raise RuntimeError("no pipe")
    with process.stdout:
        said = dict(word.split("=", 1) for word in process.stdout.readline().split()[2:])
        try:
            if not said:
                raise RuntimeError(f"the server did not start: {log.read_text()}")
            yield Served(
                pid=process.pid,
                client=Client(endpoint=said["api"], pair=PAIR),
                gateway=said["gateway"],
                data=data,
                log=log,
            )
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
