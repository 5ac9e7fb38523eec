"""Salt: what a server alone knows, so that nobody can try what it has hashed."""

from __future__ import annotations

import secrets
from pathlib import Path

FILE = "salt"
BYTES = 32


def salt(directory: Path) -> bytes:
    """Return the salt of a data directory; a new one where there is none that is whole."""
    file = directory / FILE
    kept = file.read_bytes() if file.exists() else b""
    if len(kept) != BYTES:
        kept = secrets.token_bytes(BYTES)
        aside = file.with_suffix(".new")
        aside.write_bytes(kept)
        aside.chmod(0o600)
        aside.replace(file)
    return kept
