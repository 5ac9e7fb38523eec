"""`huidu doctor`: what this machine gives, and what is missing for more."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from huidu.cli import show
from huidu.cli.trials import Trial, tried
from huidu.instances.sandbox.groups import HIERARCHIES
from huidu.instances.sandbox.table import NONE
from huidu.instances.sandbox.walls import kernel
from huidu.runtimes.table import CUSTOM, TABLE, Runtimes
from huidu.settings import Settings, Unsettled, address, from_process
from huidu.speech import log_to_stderr

SEALED, OPEN, REFUSED = 0, 1, 2
ENOUGH_BYTES = 1 << 30
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was found."""

    tier: str  #: What `tier = best` gives here.
    tiers: tuple[Trial, ...]
    settings: Mapping[str, str]  #: Those that bear on it, as a server here would take them.
    runtimes: Mapping[str, tuple[str, ...]]
    kernel: str
    landlock: int
    cgroups: str
    server: str  #: Who serves from the data directory now.
    ports: Mapping[str, str]
    disk_free_bytes: int
    concerns: tuple[str, ...]


async def examine(settings: Settings, tell: show.Tell) -> Report:
    """Look at everything. Starts some processes, ends them, and leaves nothing behind."""
    tell("languages")
    found = {row.language: tuple(row.search()) for row in TABLE}
    runtime = Runtimes(found).newest_python()
    trials = await tried(runtime, settings.network, tell)
    best = next(trial.name for trial in trials if trial.by_itself and trial.works)
    free = shutil.disk_usage(_there(Path(settings.data))).free
    server = _server(Path(settings.data))
    ports = {name: _port(name, getattr(settings, name)) for name in ("api", "gateway")}
    wanted = ("tier", "require_tier", "network", "data")
    return Report(
        tier=best,
        tiers=tuple(trials),
        settings={name: getattr(settings, name) for name in wanted},
        runtimes={
            language: tuple(f"{one} {one.path}" for one in those)
            for language, those in found.items()
            if language != CUSTOM.language  # Any program will do.
        },
        kernel=f"Linux {os.uname().release} {os.uname().machine}",
        landlock=kernel.landlock_abi(),
        cgroups=_cgroups(),
        server=server,
        ports=ports,
        disk_free_bytes=free,
        concerns=(*_concerns(settings, best, free), *(() if server else _taken(ports))),
    )


def _concerns(settings: Settings, best: str, free: int) -> list[str]:
    concerns = []
    if best == NONE:
        concerns.append("functions cannot be sealed off here: run only code that you trust")
    elif settings.tier == NONE:
        concerns.append(f"tier = none: {best} would work here, but is not put around functions")
    if free < ENOUGH_BYTES:
        concerns.append(f"{free >> 20} MB are free for {settings.data}: packages may not fit")
    newest = Path(__file__).stat().st_mtime
    if time.time() < newest - DAY_S:
        concerns.append("the clock is behind: signed requests will be refused")
    return concerns


def _taken(ports: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {state}; serve elsewhere with --{name} HOST:PORT or, if a Huidu is there, name "
        "its directory: huidu doctor --data DIR"
        for name, state in ports.items()
        if not state.endswith("free")
    ]


def _there(folder: Path) -> Path:
    """Return a folder, or the nearest above it that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _server(data: Path) -> str:
    """Tell which process serves from a data directory, if one does."""
    try:
        holder = (data / "lock").read_text().strip()
        words = Path(f"/proc/{int(holder)}/cmdline").read_bytes()
    except (OSError, ValueError):
        return ""
    return f"process {holder}" if b"huidu" in words else ""


def _port(name: str, wanted: str) -> str:
    host, port = address(name, wanted)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            return f"{wanted} {os.strerror(error.errno) if error.errno else error}"
    return f"{wanted} free"


def _cgroups() -> str:
    """Tell which version of cgroups counts memory here."""
    if (HIERARCHIES / "memory").is_dir():
        return "v1"
    return "v2" if (HIERARCHIES / "cgroup.controllers").exists() else "none"


def main(told: str) -> int:
    """Examine as the command line was told, which is JSON here; return the exit code."""
    order: dict[str, Any] = json.loads(told)
    try:
        settings = from_process(
            order["options"], Path(order["config"]) if order["config"] else None
        )
    except Unsettled as error:
        print(f"huidu: {error}", file=sys.stderr)  # noqa: T201 - it is a command
        return REFUSED
    log_to_stderr("warning")
    with show.progress() as tell:
        report = asyncio.run(examine(settings, tell))
    if order["json"]:
        print(json.dumps(asdict(report), indent=2))  # noqa: T201
    else:
        show.report(report)
    return OPEN if report.tier == NONE else SEALED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
