"""RoutingKey: what a caller of the cloud API shows of itself, as a JSON object in a string."""

from __future__ import annotations

import json
from functools import lru_cache

from huidu.model.errors import InvalidValue
from huidu.model.traits import NO_TRAITS, Traits

MOST_BYTES = 1024


class Number(str):
    """A number of the JSON text, spelled as it was sent."""

    __slots__ = ()


def traits_of(text: str, source_ip: str | None) -> Traits:
    """Return the traits of a call from its `RoutingKey`, or raise `InvalidValue` (D-26, D-32)."""
    if not text:
        return _from(source_ip)
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise InvalidValue("", f"RoutingKey: {size} bytes, at most {MOST_BYTES} are allowed")
    try:
        entries = json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise InvalidValue("Param", f"RoutingKey: not JSON: {error}") from None
    if not isinstance(entries, dict):
        raise InvalidValue("Param", 'RoutingKey: must be a JSON object, as in {"User":"Bob"}')
    shown = {key: _text(value) for key, value in entries.items()}
    return Traits(
        headers={key: value for key, value in shown.items() if value is not None},
        source_ip=source_ip,
    )


@lru_cache(maxsize=1024)
def _from(source_ip: str | None) -> Traits:
    return NO_TRAITS if source_ip is None else Traits(source_ip=source_ip)


def _text(value: object) -> str | None:
    """What a rule sees of a value: texts and numbers as they are; lists and objects not at all."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
