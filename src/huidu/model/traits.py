"""Traits: what a call shows of itself to the router, and the keys that read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Final

from huidu.model.errors import InvalidValue

USER_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
NOTHING: Mapping[str, str] = {}


class Traits:
    """What rules and stickiness may look at; never changed, and made for every call there is.

    `headers` are the entries of `RoutingKey` for a call over the cloud API, where letter case
    counts, and the request's headers for a call over HTTP, with lower-case names and
    `folded=True` (decision D-29).
    """

    __slots__ = ("cookies", "folded", "headers", "query", "source_ip")

    def __init__(
        self,
        *,
        headers: Mapping[str, str] = NOTHING,
        cookies: Mapping[str, str] = NOTHING,
        query: Mapping[str, str] = NOTHING,
        source_ip: str | None = None,
        folded: bool = False,
    ) -> None:
        self.headers: Final = headers
        self.cookies: Final = cookies
        self.query: Final = query
        self.source_ip: Final = source_ip
        self.folded: Final = folded

    @property
    def empty(self) -> bool:
        """Whether nothing is shown."""
        return not (self.headers or self.cookies or self.query or self.source_ip)


NO_TRAITS = Traits()

Reader = Callable[[Traits, str], str | None]


def header(traits: Traits, name: str) -> str | None:
    """An HTTP header, or an entry of `RoutingKey`."""
    return traits.headers.get(name.lower() if traits.folded else name)


def cookie(traits: Traits, name: str) -> str | None:
    """A cookie of the HTTP request."""
    return traits.cookies.get(name)


def query(traits: Traits, name: str) -> str | None:
    """A parameter of the query string; the first where it is repeated."""
    return traits.query.get(name)


def source_ip(traits: Traits, name: str) -> str | None:
    """The caller's address."""
    return traits.source_ip


#: Where a key may look. A new place is one function and one row.
PLACES: Mapping[str, Reader] = {
    "invoke.headers": header,
    "invoke.cookies": cookie,
    "invoke.query": query,
}
WHOLE: Mapping[str, Reader] = {
    "invoke.source_ip": source_ip,
}
SPELLINGS = ", ".join([*(f"{place}.<name>" for place in PLACES), *WHOLE])


@dataclass(frozen=True, slots=True)
class Key:
    """A place and a name in it: `invoke.headers.User`, `invoke.cookies.sid`, `invoke.source_ip`."""

    text: str
    called: InitVar[str] = "Key"  #: The field that it was sent in, for the refusal.
    _reader: Reader = field(init=False, repr=False, compare=False)
    _name: str = field(init=False, repr=False, compare=False)

    def __post_init__(self, called: str) -> None:
        place, name = ".".join(self.text.split(".")[:2]), ".".join(self.text.split(".")[2:])
        reader = WHOLE.get(self.text)
        if reader is None:
            reader = PLACES.get(place)
            if reader is None or not USER_KEY.fullmatch(name):
                raise InvalidValue(
                    "RoutingConfig",
                    f"{called} {self.text[:100]!r}: must be one of {SPELLINGS}, the name being "
                    "1 to 64 letters, digits, '_', '.' and '-'",
                )
        object.__setattr__(self, "_reader", reader)
        object.__setattr__(self, "_name", name)

    def read(self, traits: Traits) -> str | None:
        """Return the value that a call shows under this key, or None."""
        return self._reader(traits, self._name)
