"""Command: `huidu dev` on the command line."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from huidu.cli.client import Client
from huidu.cli.daily.asking import pairs
from huidu.cli.projects.options import HERE, Folder, Inputs, Stage, read_inputs, with_inputs

Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Where it listens, on 127.0.0.1; 0 picks one. [9100]"),
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--env", "-e", help="A variable of the function, only here.", metavar="K=V"),
]
Files = Annotated[
    list[Path] | None,
    typer.Option("--env-file", help="A file of such variables.", metavar="FILE"),
]
AsJson = Annotated[bool, typer.Option("--json", help="An object a line, for programs.")]


def command(connect: Callable[[], Client]) -> TyperCommand:
    """Return the command, which needs no server: it is one."""
    return with_inputs("dev", dev)


def dev(
    *,
    folder: Folder = HERE,
    stage: Stage = "",
    inputs: Inputs = None,
    port: Port = None,
    env: Variables = None,
    env_file: Files = None,
    as_json: AsJson = False,
) -> None:
    """Run the project of a folder here, and follow what is saved in it.

    The function, its aliases, rules, URLs and APIs are on a server of their own, as a deploy
    makes them; what is published there leads to the code that is edited here.
    """
    order = {
        "folder": str(folder.absolute()),
        "stage": stage,
        "inputs": read_inputs(inputs),
        "port": port,
        "began": time.monotonic(),
        "variables": pairs("--env", env),
        "files": [str(file.absolute()) for file in env_file or ()],
        "json": as_json,
    }
    # A process of its own kind, as `huidu serve`.
    words = [sys.executable, "-m", "huidu.cli.dev.session", json.dumps(order)]
    os.execv(sys.executable, words)  # noqa: S606
