"""Variables: what `${...}` stands for in a project's file, and the files of variables beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from huidu.project.flaw import Flaw, instead
from huidu.project.tree import Node, Scalar

VARIABLE = re.compile(r"\$(?P<kept>\$)?\{(?P<name>[^{}]*)\}")
OF_ENVIRONMENT = re.compile(
    r"env[:.](?P<name>[A-Za-z_][\w.-]*)\s*(?P<given>,\s*(?P<default>.*))?", re.DOTALL
)
LINE = re.compile(r"\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*?)\s*")


def resolve(node: Node, key: str, environment: Mapping[str, str], own: Mapping[str, str]) -> Node:
    """Return a part of a file with every `${...}` replaced, or raise `Flaw`.

    `${env:X}`, `${env:X, a default}`, and those of `own`. `$${...}` stands for `${...}` itself.
    A value of the environment is taken as it is: what it holds is not looked through again.
    """
    if isinstance(node.value, tuple):
        ones = enumerate(node.value)
        whole = tuple(resolve(one, f"{key}[{at}]", environment, own) for at, one in ones)
        return replace(node, value=whole)
    if isinstance(node.value, Mapping):
        members = {
            name: resolve(one, f"{key}.{name}" if key else name, environment, own)
            for name, one in node.value.items()
        }
        return replace(node, value=members)
    if isinstance(node.value, str) and "${" in node.value:
        return replace(node, value=_text(node, node.value, key, environment, own))
    return node


def _text(
    node: Node, text: str, key: str, environment: Mapping[str, str], own: Mapping[str, str]
) -> Scalar:
    def value(found: re.Match[str]) -> str:
        if found["kept"]:
            return found[0][1:]
        name = found["name"].strip()
        of_environment = OF_ENVIRONMENT.fullmatch(name)
        if of_environment:
            return _of_environment(node, key, of_environment, environment)
        if name in own:
            return own[name]
        known = ("env:NAME", *own)
        raise node.flaw(key, f"{found[0]} is no variable; {instead(name, known)}")

    return VARIABLE.sub(value, text)


def _of_environment(
    node: Node, key: str, found: re.Match[str], environment: Mapping[str, str]
) -> str:
    value = environment.get(found["name"])
    if value is not None:
        return value
    if found["given"]:
        return str(found["default"]).strip().strip("'\"")
    near = instead(found["name"], environment) if environment else ""
    hint = f" ({near})" if near.startswith("did") else ""
    raise node.flaw(
        key,
        f"the environment variable {found['name']} is not set{hint}; set it, put it into .env, or "
        f"give a default: ${{env:{found['name']}, a default}}",
    )


def environment_file(folder: Path, stage: str) -> Path | None:
    """Return the file of variables that holds for a folder, if any.

    One file, the first that is there, in the order of the official command line.
    """
    above = (folder, folder.parent, folder.parent.parent)
    names = [(here / f".env.{stage}", here / ".env") for here in above]
    names[2] = names[2][::-1]  # its order is the other way round there, whatever the reason
    return next((file for pair in names for file in pair if file.is_file()), None)


def read_environment(file: Path) -> Mapping[str, str]:
    r"""Read a file of lines `NAME=VALUE`; what is no such line counts as a comment.

    Values may be quoted; in double quotes `\n` is a new line. `#` begins a comment only at the
    beginning of a line, so a password may hold one.
    """
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        raise Flaw(f"cannot be read: {wrong}", file=str(file)) from None
    found = {}
    for line in text.splitlines():
        pair = LINE.fullmatch(line)
        if pair and not line.lstrip().startswith("#"):
            found[pair[1]] = _unquoted(pair[2])
    return found


def _unquoted(value: str) -> str:
    for quote in "\"'":
        if len(value) > 1 and value.startswith(quote) and value.endswith(quote):
            inner = value[1:-1]
            return inner.replace("\\n", "\n") if quote == '"' else inner
    return value
