"""Fields: the keys of a mapping in a project's file, each taken by its type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from huidu.model.errors import Refusal
from huidu.project.flaw import Flaw, instead, nearest
from huidu.project.tree import Node

T = TypeVar("T")


class Fields:
    """What stands under a key. Who takes a field says thereby that there is such a key.

    `done` refuses what nobody took. What is missing or of the wrong type is refused at once, by
    the name of the key and its line.
    """

    def __init__(self, node: Node, path: str = "") -> None:
        if not isinstance(node.value, Mapping):
            raise node.flaw(path, f"{_shown(node)}; must be a mapping of keys and values")
        self.node = node
        self.path = path
        self._members = node.value
        self._taken: set[str] = set()

    def under(self, name: str) -> str:
        """Return the whole name of a key."""
        return f"{self.path}.{name}" if self.path else name

    def flaw(self, name: str, why: str) -> Flaw:
        """Return what is wrong with a key, with its own line where it is there."""
        node = self._members.get(name) or self.node
        return node.flaw(self.under(name), why)

    def take(self, name: str) -> Node | None:
        """Take a key of any type; None where it is not there, or says nothing."""
        self._taken.add(name)
        node = self._members.get(name)
        return None if node is None or node.value is None else node

    def has(self, name: str) -> bool:
        """Tell whether a key is there and says something."""
        return self.take(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """Take a text; a number is one too."""
        node = self.take(name)
        if node is None:
            return default
        if isinstance(node.value, (tuple, Mapping, bool)):
            raise self.flaw(name, f"{_shown(node)}; must be a text")
        return str(node.value)

    def needed(self, name: str, example: str) -> str:
        """Take a text that must be there."""
        text = self.text(name)
        if text:
            return text
        meant = nearest(name, self._members.keys() - self._taken)
        if meant:
            raise self.flaw(meant, f"no such key; did you mean {name}?")
        raise self.node.flaw(self.under(name), f"is missing; say for example {name}: {example}")

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Take one of a few words."""
        text = self.text(name, default)
        if text not in choices:
            raise self.flaw(name, f"{text[:60]!r}; {instead(text, choices)}")
        return text

    def flag(self, name: str, *, default: bool) -> bool:
        """Take true or false, which may be quoted: a variable is always a text."""
        node = self.take(name)
        if node is None:
            return default
        said = str(node.value).lower()
        if said not in {"true", "false"}:
            raise self.flaw(name, f"{_shown(node)}; must be true or false")
        return said == "true"

    def number(self, name: str) -> float | None:
        """Take a number, which may be quoted."""
        node = self.take(name)
        if node is None:
            return None
        try:
            if isinstance(node.value, (str, int, float)) and not isinstance(node.value, bool):
                return float(node.value)
        except (ValueError, OverflowError):
            pass
        raise self.flaw(name, f"{_shown(node)}; must be a number")

    def whole(self, name: str, default: int) -> int:
        """Take a whole number, which may be quoted."""
        number = self.number(name)
        if number is None:
            return default
        if number != number or not number.is_integer():  # noqa: PLR0124 - nan is not itself
            raise self.flaw(name, f"{number:g}; must be a whole number")
        return int(number)

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of texts; one text is a list of one."""
        node = self.take(name)
        if node is None:
            return ()
        parts = node.value if isinstance(node.value, tuple) else (node,)
        for part in parts:
            if part.value is None or isinstance(part.value, (tuple, Mapping)):
                raise part.flaw(self.under(name), f"{_shown(part)}; must be a list of texts")
        return tuple(str(part.value) for part in parts)

    def block(self, name: str) -> Fields | None:
        """Take a mapping, whose own keys are to be taken from what is returned."""
        node = self.take(name)
        return None if node is None else Fields(node, self.under(name))

    def blocks(self, name: str) -> Iterator[Fields]:
        """Take a list of mappings."""
        node = self.take(name)
        if node is None:
            return
        if not isinstance(node.value, tuple):
            raise self.flaw(name, f"{_shown(node)}; must be a list")
        for at, one in enumerate(node.value):
            yield Fields(one, f"{self.under(name)}[{at}]")

    def each(self) -> Iterator[str]:
        """Return every key that is there: for mappings whose keys are names of the user's."""
        yield from self._members

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """Take a mapping of texts, by name; a list of `key` and `value` is the same."""
        node = self.take(name)
        if node is None:
            return ()
        if isinstance(node.value, tuple):
            rows = list(self.blocks(name))
            return tuple((row.needed("key", "NAME"), row.text("value")) for row in rows)
        inner = Fields(node, self.under(name))
        return tuple((key, _as_text(inner, key)) for key in inner.each())

    def checked(self, name: str, check: Callable[[], T]) -> T:
        """Return what a check returns; what it refuses is told as a flaw of this key."""
        try:
            return check()
        except Refusal as refusal:
            raise self.flaw(name, refusal.message) from None

    def done(self) -> None:
        """Refuse the keys that nobody took."""
        for name, node in self._members.items():
            if name not in self._taken:
                known = self._taken - {name}
                raise node.flaw(self.under(name), f"no such key; {instead(name, known)}")


def _as_text(fields: Fields, key: str) -> str:
    node = fields.take(key)
    if node is not None and isinstance(node.value, bool):
        return str(node.value).lower()
    return fields.text(key)


def _shown(node: Node) -> str:
    """Return what stands there, for somebody who expected something else."""
    if isinstance(node.value, Mapping):
        return "is a mapping"
    if isinstance(node.value, tuple):
        return "is a list"
    return "is empty" if node.value is None else f"{str(node.value)[:60]!r}"
