"""Runs `tccli`, unmodified, for one line of words after the other: starting it anew costs more."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from tccli.main import main


class Kept(io.BytesIO):
    """What was written, also after it was closed: `tccli` wraps it for each answer it prints."""

    def close(self) -> None: ...


def run(words: list[str]) -> dict[str, object]:
    """Do what the command of these words does, and tell how it ended and what it wrote."""
    sys.argv = ["tccli", *words]
    said, complained = Kept(), io.StringIO()
    with redirect_stdout(io.TextIOWrapper(said)), redirect_stderr(complained):
        code = main()
    return {"code": code, "said": said.getvalue().decode(), "complained": complained.getvalue()}


for line in sys.stdin:
    sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
    sys.stdout.flush()
