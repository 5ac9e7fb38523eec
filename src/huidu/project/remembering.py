"""Remembering: what the last deploy left on a server, kept in the project's folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

from huidu.project.flaw import Flaw
from huidu.project.there import Left

FOLDER = ".huidu"
MOST_PART = 70  #: Characters; the name of a file has at most 255 bytes.
UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def file_of(folder: Path, endpoint: str, stage: str, function: str) -> Path:
    """Return where a deploy is remembered: one file for each server, stage and function."""
    server = endpoint.partition("://")[2] or endpoint
    parts = (UNFIT.sub("-", part)[:MOST_PART] for part in (server, stage, function))
    return folder / FOLDER / "deployed" / f"{'_'.join(parts)}.json"


def recall(file: Path) -> Left | None:
    """Return what was kept, or None where nothing was, or nothing that can be read."""
    try:
        told = json.loads(file.read_text("utf-8"))
        return Left(
            digest=str(told["digest"]),
            revisions=tuple((str(name), int(number)) for name, number in told["revisions"]),
            online=tuple((str(name), str(version)) for name, version in told["online"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        # Whoever deploys from elsewhere has no such file either: it is a help, not a lock.
        return None


def forget(file: Path) -> None:
    """Keep nothing any more, as after a removal."""
    file.unlink(missing_ok=True)


def keep(file: Path, left: Left) -> None:
    """Keep what a deploy left, whole or not at all."""
    told = {"digest": left.digest, "revisions": left.revisions, "online": left.online}
    aside = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)  # It may be a link, which came with the project.
        with aside.open("x", encoding="utf-8") as made:
            made.write(json.dumps(told, indent=2) + "\n")
        aside.replace(file)
    except OSError as wrong:
        raise Flaw(f"cannot be written: {wrong.strerror}", file=str(file)) from None
