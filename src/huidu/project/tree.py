"""Tree: what a YAML file holds, each part with the line that it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as Composed

from huidu.project.flaw import Flaw

Scalar: TypeAlias = str | int | float | bool | None
MOST_BYTES = 1 << 20
MOST_DEPTH = 40
MOST_PARTS = 20_000  #: With what anchors repeat: ten lines of YAML can name a billion parts.
TAG = "tag:yaml.org,2002:"
TEXTS = frozenset({"str", "timestamp"})  #: A date is what somebody wrote, not a moment.
KNOWN = TEXTS | {"null", "bool", "int", "float"}


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a file: a value, a list or a mapping. `line` counts from 1."""

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    file: str
    line: int

    def flaw(self, key: str, why: str) -> Flaw:
        """Return what is wrong with this part of the file."""
        # An option of the command line is its own name.
        return Flaw(why, file=self.file, line=self.line, key=key if self.line else "")


def tree_of(text: str, file: str) -> Node:
    """Read a YAML file (1.2, as the official command line reads it), or raise `Flaw`.

    JSON is YAML. Unlike other readers this one refuses a key that is given twice.
    """
    if len(text.encode()) > MOST_BYTES:
        raise Flaw(f"over {MOST_BYTES} bytes; a project needs no more", file=file)
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as wrong:
        raise _no_yaml(wrong, file) from None
    except (YAMLError, RecursionError) as wrong:
        why = str(wrong).splitlines()[0] if isinstance(wrong, YAMLError) else "nested too deeply"
        raise Flaw(f"is not YAML: {why}", file=file) from None
    if root is None:
        raise Flaw("is empty; it must say at least component and name", file=file)
    return _Reader(file).read(root, 0)


def node_of(value: object, file: str) -> Node:
    """Return what a program says instead of a file, all of it in line 1; or raise `Flaw`."""
    return _Told(file).read(value, 0)


class _Told:
    """Turns values of JSON into nodes, and counts them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._parts = 0

    def read(self, value: object, depth: int) -> Node:
        self._parts += 1
        if depth > MOST_DEPTH or self._parts > MOST_PARTS:
            raise Flaw("too many parts, or nested too deeply", file=self._file, line=1)
        if isinstance(value, Mapping):
            members = {str(name): self.read(one, depth + 1) for name, one in value.items()}
            return Node(members, self._file, 1)
        if isinstance(value, list):
            return Node(tuple(self.read(one, depth + 1) for one in value), self._file, 1)
        plain = value is None or isinstance(value, (str, int, float))
        return Node(value if plain else str(value), self._file, 1)  # type: ignore[arg-type]


def _no_yaml(wrong: MarkedYAMLError, file: str) -> Flaw:
    mark = wrong.problem_mark or wrong.context_mark
    begun = ""
    if wrong.context and wrong.context_mark and wrong.problem_mark:
        begun = f" ({wrong.context} that begins in line {wrong.context_mark.line + 1})"
    tab = "; indent with spaces, not with tabs" if "'\\t'" in (wrong.problem or "") else ""
    line = mark.line + 1 if mark else 0
    problem = str(wrong.problem).removeprefix("but ")
    return Flaw(f"is not YAML: {problem}{begun}{tab}", file=file, line=line)


class _Reader:
    """Turns what was composed into nodes, and counts them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._parts = 0

    def read(self, node: Composed, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._parts += 1
        if depth > MOST_DEPTH or self._parts > MOST_PARTS:
            raise Flaw("too many parts, or nested too deeply", file=self._file, line=line)
        if isinstance(node, MappingNode):
            return Node(self._members(node, depth), self._file, line)
        if isinstance(node, SequenceNode):
            return Node(tuple(self.read(one, depth + 1) for one in node.value), self._file, line)
        return Node(self._scalar(node), self._file, line)

    def _members(self, mapping: MappingNode, depth: int) -> Mapping[str, Node]:
        members: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in mapping.value:
            if key.tag == f"{TAG}merge":
                for one in self._merged(value, depth):
                    merged = {**one, **merged}
                continue
            name = self._key(key)
            if name in members:
                first = members[name].line
                line = key.start_mark.line + 1
                why = f"is given twice, first in line {first}; keep one of them"
                raise Flaw(why, file=self._file, line=line, key=name)
            read = self.read(value, depth + 1)
            members[name] = replace(read, line=key.start_mark.line + 1)
        return {**merged, **members}

    def _merged(self, value: Composed, depth: int) -> Iterator[Mapping[str, Node]]:
        for one in value.value if isinstance(value, SequenceNode) else (value,):
            read = self.read(one, depth + 1)
            if not isinstance(read.value, Mapping):
                raise read.flaw("<<", "only a mapping can be merged, as in <<: *defaults")
            yield read.value

    def _key(self, key: Composed) -> str:
        if not isinstance(key, ScalarNode):
            line = key.start_mark.line + 1
            raise Flaw("a key must be a text", file=self._file, line=line)
        return str(key.value)

    def _scalar(self, node: Composed) -> Scalar:
        text = str(node.value)
        tag = str(node.tag)
        kind = tag.removeprefix(TAG)
        if not tag.startswith(TAG) or kind not in KNOWN:
            line = node.start_mark.line + 1
            why = f"the tag {tag} is not known here; write the value plainly"
            raise Flaw(why, file=self._file, line=line)
        try:
            if kind in TEXTS:
                text.encode()
            if "\0" not in text:
                return scalar_of(text, kind)
        except ValueError:  # among them a text that is half a character, which nobody can send
            pass
        line = node.start_mark.line + 1
        raise Flaw(f"{text[:40]!r} is no {kind} that can be sent", file=self._file, line=line)


def scalar_of(text: str, kind: str) -> Scalar:
    """Return what a scalar of a kind of YAML's means."""
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        plain = text.replace("_", "").lower()
        return int(plain, 0 if plain.lstrip("+-").startswith(("0x", "0o", "0b")) else 10)
    if kind == "float":
        plain = text.replace("_", "").lower()
        return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
    return text
