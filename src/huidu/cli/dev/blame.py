"""Blame: where in a project's own files something went wrong, as told by a runtime."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: Where a function finds its code, and how Python and Node.js name a line in it.
CODE = "/var/user/"
PLACE = re.compile(r'/var/user/(?P<file>[^\s"\':()]+)(?:", line |:)(?P<line>[0-9]+)')
MODULES = "node_modules/"
ALONE = re.compile(r"\S+:[0-9]+")
WRONG = re.compile(r"(?:^|: )(?P<what>[A-Z][A-Za-z]*(?:Error|Exception|Exit|Interrupt)\b.*)")


@dataclass(frozen=True, slots=True)
class Blame:
    """What went wrong: in one line, where, and all that was told of it."""

    what: str
    file: str = ""
    line: int = 0
    told: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The place as editors and terminals know it."""
        return f"{self.file}:{self.line}" if self.line else self.file


def blamed(text: str, source: Path | None = None) -> Blame:
    """Read what a runtime told: a line that says what, then what led to it.

    With `source`, the folder that is packed, only what lies there is to blame: what was installed
    is somebody else's.
    """
    first, _, rest = text.partition("\n")
    last = rest.strip().rpartition("\n")[2]
    # A server that ended says at its end why.
    found = WRONG.search(first) or WRONG.match(last)
    what = (found["what"] if found else first).replace(CODE, "")
    lines = (line.replace(CODE, "") for line in rest.splitlines())
    told = tuple(line for line in lines if line.strip() and not _again(line, what))
    places = [one for one in PLACE.finditer(rest) if MODULES not in one["file"]]
    if source is not None:
        places = [one for one in places if (source / one["file"]).is_file()]
    if not places:
        return Blame(what, told=told)
    # Python tells the innermost last, Node.js first.
    place = places[-1] if '", line ' in rest else places[0]
    return Blame(what, place["file"], int(place["line"]), told)


def _again(line: str, what: str) -> bool:
    """Tell whether a line says nothing that the first one has not said."""
    return line.strip() == what or line.startswith("Traceback (") or bool(ALONE.fullmatch(line))
