"""Salt: what a server alone knows, so that nobody can try what it has hashed or made of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

FILE = "salt"
KEYS = "keys.seed"  #: What the secrets of access keys are made with.
BYTES = 32


def salt(directory: Path, name: str = FILE) -> bytes:
    """Return the salt of a data directory; a new one where there is none that is whole."""
    file = directory / name
    kept = file.read_bytes() if file.exists() else b""
    if len(kept) != BYTES:
        kept = secrets.token_bytes(BYTES)
        aside = file.with_suffix(".new")
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(kept)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(file)
    return kept
