"""Difference: where two answers are not alike, field by field, apart from what is not to count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from huidu.model.errors import InvalidValue

MOST_PATHS = 50
MOST_PATH_CHARS = 200
#: A larger answer is not taken apart: that would keep the calls of users waiting.
MOST_READ_CHARS = 64 * 1024
MOST_TOLD = 100  #: Of the differences between two answers.
MOST_MET = 2000  #: Of places that differ, in lists mostly at the same path; the rest is not read.
ROOT = "$"
ABSENT = "(absent)"
PLAIN = re.compile(r"[A-Za-z_][\w-]*")
STEP = re.compile(
    r"\.\.(?P<deep>[\w$@-]+)|\.(?P<name>[\w$@-]+|\*)|\[(?P<index>\d{1,9}|\*)\]"
    r"|\[(?P<double>\"(?:[^\"\\]|\\.)*\")\]|\['(?P<single>[^']*)'\]"
)


class Step(NamedTuple):
    """One step of a path: to a field, a place in a list, or (None) to any of them."""

    to: str | int | None
    deep: bool = False  #: Any number of steps may come before it.

    def leads(self, to: str | int) -> bool:
        """Tell whether it is the step to this field or place."""
        return self.to is None or (type(self.to) is type(to) and self.to == to)


Path = tuple[Step, ...]


def path_of(text: str) -> Path:
    """Read a path such as `$.items[*].at`, or raise `InvalidValue`.

    `$` is the whole answer, `.name` or `["any name"]` a field, `[3]` a place in a list, `.*` and
    `[*]` all of them, and `..name` a field of this name at any depth.
    """
    steps, at = [], 1
    while at < len(text) and text[0] == ROOT:
        found = STEP.match(text, at)
        if found is None:
            break
        steps.append(_step(found))
        at = found.end()
    if not text.startswith(ROOT) or at < len(text) or len(text) > MOST_PATH_CHARS:
        raise InvalidValue(
            "IgnorePaths",
            f"IgnorePaths {text[:80]!r}: must be a path such as $.requestId, $.items[*].at, "
            f'$["any name"] or $..at, of at most {MOST_PATH_CHARS} characters',
        )
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    if found["deep"] is not None:
        return Step(found["deep"], deep=True)
    if found["name"] is not None:
        return Step(None if found["name"] == "*" else found["name"])
    if found["index"] is not None:
        return Step(None if found["index"] == "*" else int(found["index"]))
    if found["single"] is not None:
        return Step(found["single"])
    try:
        return Step(json.loads(found["double"]))
    except ValueError:
        raise InvalidValue(
            "IgnorePaths", f"IgnorePaths: {found['double'][:80]} is not a JSON string"
        ) from None


@dataclass(frozen=True, slots=True)
class Difference:
    """A place at which two answers are not alike, and what each has there, as JSON.

    Places in a list are told as `[*]`: the path of a difference can be ignored as it is.
    """

    path: str
    left: str
    right: str


class Unread(Exception):
    """The answers are not the same text, and too large or too deep to be taken apart."""


def differences(left: str, right: str, ignored: Sequence[Path] = ()) -> tuple[Difference, ...]:
    """Return where two answers are not alike, at most `MOST_TOLD` places; none where they are.

    Answers are JSON texts; what is not JSON is compared as it is. 1 and 1.0 are alike, 1 and true
    are not, and the order of fields does not count. Where both answer as an API's function does
    (`statusCode` and a `body` in text), a body that is JSON is taken apart as well. Raises
    `Unread` where that is too much.
    """
    if left == right:
        return ()
    if max(len(left), len(right)) > MOST_READ_CHARS:
        raise Unread
    try:
        pair = _read(left), _read(right)
    except RecursionError:
        raise Unread from None
    if pair[0] is NOT_JSON or pair[1] is NOT_JSON:
        whole = not all(ignored)  # an empty path is `$`
        return () if whole else (Difference(ROOT, left, right),)
    found: dict[str, Difference] = {}
    for place, *values in islice(_walk(*pair, _States.of(ignored)), MOST_MET):
        path = _told(place)
        if path not in found:
            found[path] = Difference(path, *map(_text, values))
        if len(found) == MOST_TOLD:
            break
    return tuple(found.values())


class _Nothing:
    """Stands for a value where there is none."""


_ABSENT, NOT_JSON = _Nothing(), _Nothing()


class _Number(NamedTuple):
    """A number, which `true` is not like: so what is read of JSON can be compared by `==`."""

    value: float | str


def _read(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_Number)
    except ValueError:
        return NOT_JSON


def _whole(digits: str) -> _Number:
    return _Number(int(digits))


def _real(digits: str) -> _Number:
    return _Number(float(digits))


class _States(NamedTuple):
    """How far each path that is ignored has been followed."""

    at: frozenset[Path]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> _States:
        return cls(frozenset(paths))

    @property
    def arrived(self) -> bool:
        return () in self.at

    def after(self, to: str | int) -> _States:
        if not self.at:
            return self
        on = {path[1:] for path in self.at if path and path[0].leads(to)}
        return _States(frozenset(on | {path for path in self.at if path and path[0].deep}))


#: A step on the way down, and all those before it: paths are spelled only where they are told.
_Place = tuple[Any, str | int] | None


def _walk(left: object, right: object, states: _States) -> Iterator[tuple[_Place, object, object]]:
    """Yield each place at which two values are not alike. It is a loop: JSON may be deep."""
    waiting: list[tuple[_Place, object, object, _States]] = [(None, left, right, states)]
    while waiting:
        place, one, other, ways = waiting.pop()
        if one == other or ways.arrived:
            continue
        inner = _inner(one, other)
        if inner is None:
            yield place, one, other
            continue
        steps = [((place, to), *two, ways.after(to)) for to, two in inner.items()]
        waiting += reversed(steps)


Pairs = Mapping[str, tuple[object, object]] | Mapping[int, tuple[object, object]]


def _inner(one: object, other: object) -> Pairs | None:
    """Return what two values hold, pair by pair; None where they are to be compared as they are."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = {**one, **other}
        pairs = {name: (one.get(name, _ABSENT), other.get(name, _ABSENT)) for name in names}
        bodies = _bodies(one, other)
        return pairs | {"body": bodies} if bodies else pairs
    if isinstance(one, list) and isinstance(other, list):
        longer = range(max(len(one), len(other)))
        return {n: (_nth(one, n), _nth(other, n)) for n in longer}
    return None


def _nth(values: Sequence[object], n: int) -> object:
    return values[n] if n < len(values) else _ABSENT


def _bodies(one: Mapping[str, object], other: Mapping[str, object]) -> tuple[object, object] | None:
    """Return the bodies of two answers of an API's function, where both are objects or lists."""
    read = []
    for answer in (one, other):
        body = answer.get("body")
        if "statusCode" not in answer or not isinstance(body, str) or answer.get("isBase64Encoded"):
            return None
        read.append(_read(body))
    first, second = read
    alike = type(first) is type(second) and isinstance(first, dict | list)
    return (first, second) if alike else None


def _told(place: _Place) -> str:
    """Return a place as a path, with `[*]` for each place in a list."""
    steps = []
    while place is not None:
        place, to = place
        steps.append(_spelled(to))
    return ROOT + "".join(reversed(steps))


def _spelled(to: str | int) -> str:
    if isinstance(to, int):
        return "[*]"
    return f".{to}" if PLAIN.fullmatch(to) else f"[{json.dumps(to)}]"


def _text(value: object) -> str:
    if value is _ABSENT:
        return ABSENT
    try:
        return json.dumps(_plain(value), ensure_ascii=False)
    except RecursionError:
        return "(too deep)"


def _plain(value: object) -> object:
    if isinstance(value, _Number):
        return value.value
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value
