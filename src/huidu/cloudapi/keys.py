"""The root key: the key pair of a server that is in a file of its own."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FILE = "credentials"
ID, KEY = "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"


PLAIN = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Unreadable(Exception):
    """There is no key pair where one should be; the message says where, and what would do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A public id and the secret that goes with it."""

    secret_id: str
    secret_key: str = field(repr=False)


def read(directory: Path) -> Pair | None:
    """Return the key pair of a data directory, or None where there is none yet.

    Raises `Unreadable` where there is a file and no pair in it.
    """
    file = directory / FILE
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None
    kept = dict(line.split("=", 1) for line in lines if "=" in line)
    if not (kept.get(ID) and kept.get(KEY)):
        raise Unreadable(f"{file}: must hold the lines {ID}=... and {KEY}=...")
    return Pair(kept[ID], kept[KEY])


def settle(directory: Path, environment: Mapping[str, str]) -> Pair:
    """Return the key pair of a data directory.

    On the first start it is the one in the environment or else a new one, and is written down,
    readable by nobody else; later starts read it.
    """
    kept = read(directory)
    if kept is not None:
        return kept
    if environment.get(ID) and environment.get(KEY):
        pair = Pair(environment[ID], environment[KEY])
        if not PLAIN.fullmatch(pair.secret_id) or not pair.secret_key.isprintable():
            raise Unreadable(f"{ID}: 1 to 128 letters, digits and ._-; {KEY}: on one line")
    else:
        pair = Pair(f"AKID{secrets.token_hex(16)}", secrets.token_urlsafe(32))
    aside = directory / f"{FILE}.new"
    aside.unlink(missing_ok=True)
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(f"{ID}={pair.secret_id}\n{KEY}={pair.secret_key}\n")
        out.flush()
        os.fsync(out.fileno())
    aside.rename(directory / FILE)
    return pair
