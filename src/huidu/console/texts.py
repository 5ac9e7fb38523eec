"""Texts: how what others wrote is shown, so that it can be nothing but text."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

ESCAPES = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")  #: What colours a terminal.
PICTURES = 0x2400  #: Where Unicode has a picture of each control character.
DELETE = 0x7F
NARROW = "\u202f"  #: A thin space that does not break.
KEPT = "\n\t"
WITHIN = re.compile(r"(?<=[a-z])(?=[A-Z])")


def shown(value: object) -> object:
    """Return a value as a template may write it: control characters are made to be seen.

    Those that turn the direction of what follows are among them. What was made safe by a template
    is left alone, and all else is escaped after this, as everywhere.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup) or _is_plain(value):
        return value
    return "".join(map(_seen, value))


def uncoloured(line: str) -> str:
    """Return a line of a log without the sequences that colour a terminal."""
    return ESCAPES.sub("", line)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _seen(one: str) -> str:
    if one.isprintable() or one in KEPT:
        return one
    number = ord(one)
    if number < ord(" "):
        return chr(PICTURES + number)
    if number == DELETE:
        return "␡"
    if unicodedata.category(one) == "Zs":
        return one
    return f"⟨U+{number:04X}⟩"


def rounded(fraction: float) -> str:
    """Return a share in percent as it is measured: one digit after the point below ten."""
    value = fraction * 100
    digits = 2 if 0 < value < 1 else 1 if value < 10 else 0  # noqa: PLR2004 - as people read it
    return f"{value:.{digits}f} %"


def number(value: float) -> str:
    """Return a number with its thousands apart, and no digits that say nothing."""
    if value and abs(value) < 10:  # noqa: PLR2004 - small numbers need a digit more
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:,.0f}".replace(",", NARROW)


def milliseconds(value: float | None) -> str:
    """Return a duration in the unit that suits it."""
    if value is None:
        return "–"
    if value >= 1000:  # noqa: PLR2004 - from here on in seconds
        return f"{value / 1000:.2f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004


def size(count: int) -> str:
    """Return so many bytes in the unit that suits them."""
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1024:  # noqa: PLR2004 - of bytes
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GB"


def ago_s(moment: str, now: str) -> float:
    """Return how long a moment lies back, both as the API writes them; 0 for what is none."""
    try:
        return (datetime.fromisoformat(now) - datetime.fromisoformat(moment)).total_seconds()
    except ValueError:
        return 0.0


def clock(at: float, zone: str) -> str:
    """Return when in the day a moment is, in a zone."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).strftime("%H:%M:%S")


def moment(text: str, zone: str) -> str:
    """Return a moment that the gateway's actions wrote in UTC, as all others are written."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S") if at.tzinfo else text


def released(name: str) -> str:
    """Return when a release was made, of which its name begins, and what tells it from others."""
    digits = name[:14]
    if not digits.isdecimal():
        return name
    at = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 - in the zone that it was named in
    return f"{at:%Y-%m-%d %H:%M:%S} {name[14:20]}"


def short(digest: str) -> str:
    """Return the beginning of a digest, which is enough to tell it from others."""
    return digest.removeprefix("sha256:")[:12]


def hue(version: str) -> str:
    """Return which of the colours is a version's: always the same, and its neighbours' another."""
    return str(int(version) % 8) if version.isdigit() else "x"


def spaced(kind: str) -> str:
    """Return a kind of event as words."""
    return kind.replace(".", " ").replace("_", " ")


def apart(name: str) -> str:
    """Return the name of an action as words."""
    return WITHIN.sub(" ", name).lower()


def plain(value: float) -> str:
    """Return a number as a field of a form takes it."""
    return f"{value:g}"
