"""A person in a folder, who types commands."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from typer.testing import CliRunner, Result

from huidu.cli.main import app
from tests.cli.running import environment
from tests.platform import Platform

HINT = re.compile(r"^  to [^:]+: +((?:huidu|cd) .+)$", re.MULTILINE)


class Here:
    """A person in a folder, who types."""

    def __init__(self, server: Platform) -> None:
        self.server = server

    def run(self, line: str, **around: str) -> Result:
        words = shlex.split(line)[1:]
        return CliRunner(env=environment(self.server) | around).invoke(app, words)

    def well(self, line: str) -> str:
        ran = self.run(line)
        assert ran.exit_code == 0, f"{line}\n{ran.output}"
        return ran.stdout

    def told(self, line: str, code: int) -> str:
        ran = self.run(line)
        assert ran.exit_code == code, f"{line}\n{ran.output}"
        return ran.output

    def follow(self, told: str) -> list[str]:
        """Type each command that was printed as the next one, and return them."""
        found = HINT.findall(told)
        for line in found:
            if line.startswith("cd "):
                os.chdir(line.removeprefix("cd "))
            else:
                self.well(line)
        return found


def edit(file: str, before: str, after: str) -> None:
    text = Path(file).read_text()
    assert before in text
    Path(file).write_text(text.replace(before, after))
