"""How moments are written in requests and answers (D-12)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from huidu.model.errors import InvalidValue

FORM = "%Y-%m-%d %H:%M:%S"
AGO = re.compile(r"([0-9]{1,9})([smhd])")
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def show(at: float, zone: tzinfo) -> str:
    """Return a moment (seconds since the epoch) as `YYYY-MM-DD HH:MM:SS` in the zone."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime(FORM)


def iso(at: float) -> str:
    """Return a moment as the gateway's actions write it: `2020-02-26T06:10:01Z`, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def show_ms(at: float, zone: tzinfo) -> str:
    """Return a moment with its milliseconds, as `YYYY-MM-DD HH:MM:SS.mmm` in the zone."""
    there = datetime.fromtimestamp(at, UTC).astimezone(zone)
    return f"{there.strftime(FORM)}.{there.microsecond // 1000:03}"


def show_us(at: float, zone: tzinfo) -> str:
    """Return a moment with its microseconds, as `YYYY-MM-DD HH:MM:SS.ffffff` in the zone."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime(f"{FORM}.%f")


def read(field: str, text: str, zone: tzinfo) -> float:
    """Return the moment that a text names in the zone, or raise `InvalidValue`."""
    try:
        return datetime.strptime(text, FORM).replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        raise InvalidValue(
            "DateTime", f"{field} {text[:40]!r}: must read YYYY-MM-DD HH:MM:SS"
        ) from None


def moment(field: str, text: str, zone: tzinfo, now: float) -> float | None:
    """Return the moment that a text names in the zone or by how long ago it was; None for none.

    Raises `InvalidValue`.
    """
    if not text:
        return None
    if ago := AGO.fullmatch(text):
        return now - int(ago[1]) * UNITS_S[ago[2]]
    try:
        return read(field, text, zone)
    except InvalidValue as error:
        wrong = f"{error.message}, or how long ago: 90s, 10m, 2h, 3d"
        raise InvalidValue("DateTime", wrong) from None
