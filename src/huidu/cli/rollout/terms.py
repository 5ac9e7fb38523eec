"""Terms: what a rollout is asked for on the command line, as the API takes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from huidu.actions.rollout_terms import MetricTerms, Tolerance

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
UNITS_S: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")
METRIC_OPTIONS = tuple(
    field.name
    for field in msgspec.structs.fields(MetricTerms)
    if field.name not in ("name", "field")
)
APPROVAL, WEBHOOK = "approval", "webhook"
#: How tolerances are written that are no plain numbers.
DURATIONS = frozenset({"dwell", "last-step"})
SHARES = frozenset({"false-alarm", "miss", "error-margin", "max-extra"})
WHOLE_NUMBERS = frozenset({"least-errors", "least-calls"})


def seconds(text: str) -> float:
    """Return the seconds of `90s`, `10m`, `2h`, `1d`; 0 needs no unit."""
    found = DURATION.fullmatch(text.strip())
    if found is not None:
        return round(float(found[1]) * UNITS_S[found[2]], 6)
    if text.strip() == "0":
        return 0.0
    raise ValueError(f"{text!r}: must be a duration, as in 90s, 10m or 2h")


def share(text: str) -> float:
    """Return the share that is written as `10%` or as `0.1`."""
    found = SHARE.fullmatch(text.strip())
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r}: must be a share, as in 10% or 0.1")
    return round(value, 9)


def gate(text: str) -> dict[str, Any]:
    """Return the gate of `50%=approval` or `50%=https://...`."""
    weight, equals, asked = text.partition("=")
    asked = asked.strip()
    if not equals or not (asked == APPROVAL or asked.startswith(("http://", "https://"))):
        raise ValueError(f"{text!r}: must read SHARE=approval or SHARE=URL, as in 50%=approval")
    if asked == APPROVAL:
        return {"Weight": share(weight), "Kind": APPROVAL}
    return {"Weight": share(weight), "Kind": WEBHOOK, "Url": asked}


def metric(text: str) -> dict[str, Any]:
    """Return the metric of `memory`, or of `NAME=FIELD`, with what else is said after commas."""
    first, *more = (part.strip() for part in text.split(","))
    name, _, field = first.partition("=")
    told: dict[str, Any] = {"Name": name, "Field": field}
    for part in more:
        option, equals, value = part.partition("=")
        if not equals or option not in METRIC_OPTIONS:
            raise ValueError(
                f"{text!r}: after the name may come {', '.join(METRIC_OPTIONS)}, as in "
                "memory,ratio=1.5"
            )
        told[option.title()] = value if option == "direction" else _number(text, value, float)
    return told


def whole_number(text: str) -> int:
    """Return a whole number."""
    return int(_number(text, text, int))


def yes_or_no(text: str) -> bool:
    """Return what `yes` or `no` means."""
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r}: must be yes or no")
    return text == "yes"


def secret(text: str) -> str:
    """Return what a file holds: a key on the command line would be everybody's to see."""
    try:
        return Path(text).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{text!r}: no key can be read there ({error})") from None


def tolerance_names() -> Sequence[str]:
    """Return which tolerances there are, as they are written here."""
    return [field.name.replace("_", "-") for field in msgspec.structs.fields(Tolerance)]


def tolerance(text: str) -> tuple[str, float]:
    """Return which tolerance `NAME=VALUE` sets, as the API spells it, and to what."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or name not in tolerance_names():
        raise ValueError(
            f"{text!r}: must read NAME=VALUE, as in slower=1.5; names: "
            + ", ".join(tolerance_names())
        )
    spelled = name.title().replace("-", "")
    if name in WHOLE_NUMBERS:
        return spelled, _number(text, value, int)
    if name in DURATIONS:
        return spelled, seconds(value)
    if name in SHARES:
        return spelled, share(value)
    return spelled, _number(text, value, float)


def _number(text: str, value: str, kind: Callable[[str], float]) -> float:
    try:
        return kind(value)
    except ValueError:
        whole = "a whole number" if kind is int else "a number"
        raise ValueError(f"{text!r}: must be {whole}") from None
