"""Harmless: what others have said, without what a terminal would obey."""

from __future__ import annotations

import json
import re
from typing import Any

#: What JSON leaves as it is: other controls, what turns lines around, and what nobody can write.
OBEYED = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(told: object, indent: int | None = None) -> str:
    """Return JSON for programs: what a terminal would obey in it is escaped."""
    text = json.dumps(told, indent=indent, ensure_ascii=False)
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_lines(text: str, instead: str = " ") -> str:
    """Return a text of one or several lines with something else for what would be obeyed."""
    return "".join(one if one.isprintable() or one in "\n\t" else instead for one in text)


def scrubbed(came: Any) -> Any:  # noqa: ANN401 - of an answer nothing more is known
    """Return an answer with all its texts as they can be shown; each is of one line then."""
    if isinstance(came, str):
        return "".join(one if one.isprintable() else " " for one in came)
    if isinstance(came, list):
        return [scrubbed(one) for one in came]
    if isinstance(came, dict):
        return {name: scrubbed(one) for name, one in came.items()}
    return came
