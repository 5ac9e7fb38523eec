"""Amount: shares and spans of time as people say them."""

from __future__ import annotations

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def percent(fraction: float) -> str:
    """Return a share in percent, with as many digits as it has, up to four."""
    return f"{fraction * 100:.4g} %"


def duration(seconds: float) -> str:
    """Return so many seconds as people say them."""
    whole = max(0, round(seconds))
    for unit_s, unit, below_s, below in (
        (DAY_S, "d", HOUR_S, "h"),
        (HOUR_S, "h", MINUTE_S, "min"),
        (MINUTE_S, "min", 1, "s"),
    ):
        if whole >= unit_s:
            rest = whole % unit_s // below_s
            return f"{whole // unit_s} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{whole} s"
