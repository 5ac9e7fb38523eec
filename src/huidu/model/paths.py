"""Paths: which API of a released version answers a path and a method (documents 628/11939, 39486).

Both sides are compared as `readable` writes them: decoded, but for a `/` and a `%` that were sent
as `%2F` and `%25`, and for bytes that are not UTF-8. So an encoded slash never divides a path, and
what was sent can be told from what is read. Letter case counts; `//`, `.` and `..` stay as sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import re2  # linear in the length of the path, whatever the expression

from huidu.model.service import ANY, QUIET, Api

EXACT, FIRST = "=", "^~"
PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
#: Characters that make an expression of a path; `.` and `-` are in ordinary ones.
EXPRESSIVE = re.compile(r"[*+?()\[\]{}|\\^$]")
ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")
DIVIDED = re.compile(r"/|\\|%2F")
UNREADABLE = re.compile("[\udc80-\udcff]")
NOTHING: Mapping[str, str] = {}


def readable(raw: bytes) -> str:
    """Return a path as it is compared, and as events show it; `unescaped` gives a segment whole."""
    if b"%" in raw:
        raw = ESCAPES.sub(_read_escapes, raw)
    text = raw.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text
    return UNREADABLE.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", text)


def _read_escapes(found: re.Match[bytes]) -> bytes:
    read = bytes.fromhex(found[0].replace(b"%", b"").decode())
    return read.replace(b"%", b"%25").replace(b"/", b"%2F")


def unescaped(text: str) -> str:
    """Return what a readable segment stands for: `%2F` and `%25` are read as well."""
    return text.replace("%2F", "/").replace("%25", "%") if "%" in text else text


def climbs(path: str) -> bool:
    r"""Tell whether a readable path has a `.` or `..` by which a server may come to another path.

    Servers that resolve these, and many do, would answer for a path that was never matched, and
    whose API may have another guard. Some read `%2F`, `\` and `%5C` as `/`. Clients of the web
    resolve them before they ask.
    """
    return any(part.partition(";")[0] in (".", "..") for part in DIVIDED.split(path))


class Missing(Enum):
    """Why no API answers."""

    PATH = "path"
    METHOD = "method"  #: Others than the one that was asked for are there.


@dataclass(frozen=True, slots=True)
class Match:
    """An API, and what stands in its path for each `{name}`."""

    api: Api
    parameters: Mapping[str, str]


Methods = Mapping[str, Api]


class Paths:
    """The APIs of one released version, read once.

    In this order, as documented: `=/x` is the whole path; `^~/x` begins it, and keeps expressions
    from being tried; expressions and `{name}` match it whole, those with more fixed text first;
    anything else begins it, the longest first. An API whose method is another is passed over.
    """

    def __init__(self, apis: Iterable[Api]) -> None:
        by_path: dict[str, dict[str, Api]] = {}
        for api in apis:
            by_path.setdefault(api.path, {})[api.method] = api
        exact, first, plain = {}, {}, {}
        expressions: list[_Expression] = []
        for path, methods in by_path.items():
            if path.startswith(EXACT):
                exact[_literal(path.removeprefix(EXACT))] = methods
            elif path.startswith(FIRST):
                first[_literal(path.removeprefix(FIRST))] = methods
            elif (expression := expression_of(path)) is not None:
                expressions.append(_Expression(path, *expression, _beginning(path), methods))
            else:
                plain[_literal(path)] = methods
        self._exact: Mapping[str, Methods] = exact
        self._first = sorted(first.items(), key=_longest)
        self._expressions = sorted(expressions, key=_Expression.rank)
        self._plain = sorted(plain.items(), key=_longest)

    def find(self, path: str, method: str) -> Match | Missing:
        """Return which API answers a readable path; any that the path has, for the method `ANY`."""
        missing = Missing.PATH
        for methods, parameters in self._candidates(path):
            api = methods.get(method) or methods.get(ANY)
            if api is None and method == ANY:
                api = next(iter(methods.values()))
            if api is not None:
                return Match(api, parameters)
            missing = Missing.METHOD
        return missing

    def _candidates(self, path: str) -> Iterator[tuple[Methods, Mapping[str, str]]]:
        methods = self._exact.get(path)
        if methods is not None:
            yield methods, NOTHING
        stops = False
        for prefix, methods in self._first:
            if path.startswith(prefix):
                stops = True
                yield methods, NOTHING
        for expression in () if stops else self._expressions:
            parameters = expression.read(path)
            if parameters is not None:
                yield expression.methods, parameters
        for prefix, methods in self._plain:
            if path.startswith(prefix):
                yield methods, NOTHING


def expression_of(path: str) -> tuple[object, tuple[str, ...]] | None:
    """Return a path with `{name}` or an expression in it as RE2 has it, and its names, in order.

    None for an ordinary path, and for what cannot be read: that is taken as it stands.
    """
    names = tuple(PARAMETER.findall(path))
    pieces = PARAMETER.split(path)[::2]
    expressive = any(EXPRESSIVE.search(piece) for piece in pieces)
    if not names and not expressive:
        return None
    parts = pieces if expressive else [re2.escape(_literal(piece)) for piece in pieces]
    pattern = parts[0]
    for number, part in enumerate(parts[1:]):
        pattern += f"(?P<segment{number}>[^/]+){part}"
    try:
        return re2.compile(pattern, QUIET), names
    except (re2.error, UnicodeEncodeError):
        return None


@dataclass(frozen=True, slots=True)
class _Expression:
    """An API's path that is more than text."""

    path: str
    pattern: object
    names: tuple[str, ...]
    beginning: (
        str  #: What every path begins with that could match; looked at first, for it is quick.
    )
    methods: Methods

    def rank(self) -> tuple[int, str]:
        """More fixed text goes first; of as much, that which begins with more of it."""
        return -len(PARAMETER.sub("", self.path)), PARAMETER.sub("\U0010ffff", self.path)

    def read(self, path: str) -> Mapping[str, str] | None:
        """Return what stands for each name, or None where the path is another."""
        if not path.startswith(self.beginning):
            return None
        found = self.pattern.fullmatch(path)  # type: ignore[attr-defined]
        if found is None:
            return None
        return {
            name: unescaped(found.group(f"segment{number}"))
            for number, name in enumerate(self.names)
        }


def _beginning(path: str) -> str:
    """Return the text before the first `{name}`; of an expression, nothing is sure to be text."""
    if EXPRESSIVE.search(PARAMETER.sub("", path)):
        return ""
    return _literal(PARAMETER.split(path, maxsplit=1)[0])


def _literal(path: str) -> str:
    return readable(path.encode("utf-8", "replace"))


def _longest(entry: tuple[str, Methods]) -> int:
    return -len(entry[0])
