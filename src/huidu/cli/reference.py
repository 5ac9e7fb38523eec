"""`huidu reference`: the reference of the API, written from the table of actions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import msgspec
import typer

from huidu.actions.action import COMMON_ERRORS, Action
from huidu.actions.apis import ApiSettings
from huidu.actions.configuration import HEEDED, Settings
from huidu.actions.services import ServiceSettings
from huidu.actions.table import ACTIONS
from huidu.cli.api import SERVICES, describe, kebab

HEAD = """# Reference: actions

Written from the table of actions by `make reference`; a test holds it against the code.

Every action is a `POST /` (or `GET /`) of the API listener, as the cloud API has it: its name and
version in `X-TC-Action` and `X-TC-Version`, its parameters as a JSON object, signed by
TC3-HMAC-SHA256 (or the older HmacSHA1 and HmacSHA256). On the command line an action is a command
and a field an option: `huidu api get-alias --function-name hello --name release`.

Each action needs a role that the key has: `view`, `release` or `admin`, where each may all that the
one before may ([keys](keys.md)).

*Ours* is what Huidu adds to the cloud's API. Where no default is given, a field may be left out.

Other actions of the cloud's API gateway are refused by name, with `UnsupportedOperation`.

Any action may refuse with: {common}.
"""
PLAIN = {str: "text", int: "integer", float: "number", bool: "boolean", Any: "any JSON"}
NAME = re.compile(r"(?<!`)(\$[A-Z]+)\b(?!`)")
#: The fields that are kept and given back, and no more.
KEPT: Mapping[type[msgspec.Struct], frozenset[str]] = {
    Settings: frozenset(Settings.__struct_fields__) - HEEDED,
    ServiceSettings: frozenset(ServiceSettings.__struct_fields__),
    ApiSettings: frozenset(ApiSettings.__struct_fields__),
}


def command(connect: object) -> Callable[[], None]:
    """Return the command, which asks no server."""

    def print_reference() -> None:
        """Print the reference of the API in Markdown."""
        typer.echo(reference(), nl=False)

    return print_reference


def reference() -> str:
    """Return the whole page in Markdown."""
    common = ", ".join(f"`{code}`" for code in COMMON_ERRORS)
    parts = [HEAD.format(common=common), *_contents()]
    parts += [_section(action) for service in SERVICES for action in _of(service)]
    parts += ["\n## Objects\n\nWhat the fields of requests and answers hold.\n"]
    asked = _objects(action.request for action in ACTIONS)
    every = asked | _objects(action.answer for action in ACTIONS)
    for kind in sorted(every, key=lambda kind: kind.__name__):
        parts.append(_object(kind, asked=kind in asked))
    return "".join(parts)


def _of(service: str) -> Sequence[Action[Any, Any]]:
    return [action for action in ACTIONS if action.service == service]


def _contents() -> Iterator[str]:
    for service, title in SERVICES.items():
        actions = _of(service)
        yield f"\n{title}, `{service}` {actions[0].version}:\n\n| action | what it does |\n"
        yield "| --- | --- |\n"
        for action in actions:
            yield f"| {_link(action.name)} | {_text(action.summary)} |\n"


def _section(action: Action[Any, Any]) -> str:
    fields = msgspec.structs.fields(action.request)
    mine = (names for kind, names in KEPT.items() if issubclass(action.request, kind))
    kept = next(mine, frozenset())
    lines = [
        f"\n## {action.name}\n",
        _says(action),
        *_table(field for field in fields if field.name not in kept),
    ]
    if kept:
        names = ", ".join(f"`{field.encode_name}`" for field in fields if field.name in kept)
        lines.append(f"\nKept and given back, without effect: {names}.")
    answer = ", ".join(map(_named, msgspec.structs.fields(action.answer)))
    lines.append(f"\nAnswers: {answer or 'nothing but the id of the request'}.\n")
    codes = ", ".join(f"`{code}`" for code in sorted({*action.errors}))
    lines.append(f"Refuses with: {codes}.\n")
    return "\n".join(lines)


def _says(action: Action[Any, Any]) -> str:
    where = f"`{action.service}` {action.version}; `huidu api {kebab(action.name)}`"
    return f"{_text(action.summary)} {where}; role `{action.needs.word}`.\n"


def _table(fields: Iterable[msgspec.structs.FieldInfo]) -> Iterator[str]:
    yield "| field | holds | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for field in fields:
        default = "*required*" if field.required else _default(field)
        holds, meaning = _holds(field.type), _text(describe(field.type))
        yield f"| `{field.encode_name}` | {holds} | {default} | {meaning} |"


def _default(field: msgspec.structs.FieldInfo) -> str:
    shown = field.default not in (msgspec.NODEFAULT, None, "")
    return f"`{field.default}`" if shown else ""


def _object(kind: type[msgspec.Struct], *, asked: bool) -> str:
    """Describe an object: what to send in full, what is read back by its names."""
    doc = _text(" ".join((kind.__doc__ or "").split()))
    fields = msgspec.structs.fields(kind)
    lines = _table(fields) if asked else [f"Holds: {', '.join(map(_named, fields))}."]
    return "\n".join([f"\n### {kind.__name__}\n", f"{doc}\n", *lines, ""])


def _objects(roots: Iterable[type[msgspec.Struct]]) -> frozenset[type[msgspec.Struct]]:
    """Return every object that a field of these holds, or a field of those."""
    waiting, found = list(roots), set[type[msgspec.Struct]]()
    while waiting:
        inner = {one for f in msgspec.structs.fields(waiting.pop()) for one in _structs(f.type)}
        waiting += inner - found
        found |= inner
    return frozenset(found)


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:  # noqa: ANN401 - a type form has no type
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for argument in get_args(kind):
        yield from _structs(argument)


def _named(field: msgspec.structs.FieldInfo) -> str:
    inner = next(_structs(field.type), None)
    return f"`{field.encode_name}`" + (f" ({_holds(field.type)})" if inner else "")


def _holds(kind: Any) -> str:  # noqa: ANN401 - see above
    """Say in words what a field holds; objects are links."""
    if get_origin(kind) is Annotated:
        return _holds(get_args(kind)[0])
    if get_origin(kind) is list:
        return f"list of {_holds(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return "object of texts"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _link(kind.__name__)
    if kind in PLAIN:
        return PLAIN[kind]
    return " or ".join(_holds(one) for one in get_args(kind) if one is not NoneType)


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _text(text: str) -> str:
    """Return a text for a cell: names like `$LATEST` as code, and no bar."""
    return NAME.sub(r"`\1`", text).replace("|", "\\|")
