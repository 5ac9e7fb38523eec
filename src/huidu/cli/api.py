"""`huidu api`: one command for each action, made from the table of actions."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin

import msgspec
import typer
from msgspec import Meta
from typer.core import TyperGroup

from huidu.actions.action import APIGATEWAY, CAM, HUIDU, MONITOR, SCF, SLS, Action
from huidu.actions.table import ACTIONS
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.harmless import json_text

Connect = Callable[[], Client]
#: The exit code where the call went well and the function did not.
FUNCTION_FAILED = 3
WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
#: Under which title the actions of a service are listed, here and in the reference.
SERVICES = {
    SCF: "The cloud's actions",
    APIGATEWAY: "The cloud's actions for its API gateway",
    MONITOR: "The cloud's monitoring",
    SLS: "The cloud's platform for the Serverless command line",
    CAM: "The cloud's accounts",
    HUIDU: "Huidu's own actions",
}


class Listed(TyperGroup):
    """The commands, by service; an action may also be spelled as the cloud does, `UpdateAlias`."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer's own are private
        return super().get_command(ctx, kebab(cmd_name))

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """List them as click does, under a title for each service."""
        for service, title in SERVICES.items():
            names = [kebab(action.name) for action in ACTIONS if action.service == service]
            told = [(name, self.commands[name].get_short_help_str(200)) for name in names]
            with formatter.section(title):
                formatter.write_dl(told)


def commands(connect: Connect) -> typer.Typer:
    """Return the group of commands; `connect` is asked for a client when one of them runs."""
    group = typer.Typer(
        help="Any action of the API; nested fields are given as JSON, '-' reads standard input.",
        cls=Listed,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for action in ACTIONS:
        told = f"{action.summary} ({action.service} {action.version})"
        name, short = kebab(action.name), action.summary  # Else the list of them cuts it off.
        group.command(name, help=told, short_help=short)(_command(action, connect))
    return group


def kebab(name: str) -> str:
    """Return `update-alias` for `UpdateAlias`."""
    return WORD.sub("-", name).lower()


def _command(action: Action[Any, Any], connect: Connect) -> Callable[..., None]:
    fields = msgspec.structs.fields(action.request)

    def run(**given: str | None) -> None:
        parameters = {
            field.encode_name: _value(field, given[field.name])
            for field in fields
            if given[field.name] is not None
        }
        try:
            answer = connect().call(action, parameters)
        except (Refused, Unreachable) as error:
            typer.echo(f"huidu: {error}", err=True)
            raise typer.Exit(1) from None
        typer.echo(json_text(answer, 2))
        result = answer.get("Result")
        if isinstance(result, dict) and result.get("InvokeResult"):
            raise typer.Exit(FUNCTION_FAILED)

    # Typer makes options of a function's parameters, so the fields become parameters.
    options = [_option(field) for field in fields]
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _option(field: msgspec.structs.FieldInfo) -> inspect.Parameter:
    option = typer.Option(
        f"--{kebab(field.encode_name)}",
        help=describe(field.type),
        metavar="JSON" if is_nested(field.type) else "TEXT",
    )
    kind: Any = str if field.required else str | None
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if field.required else None,
        annotation=Annotated[kind, option],
    )


def _value(field: msgspec.structs.FieldInfo, text: str | None) -> object:
    """Return what goes over the wire; a value of `-` is read from standard input."""
    if text == "-":
        text = sys.stdin.read()
    if text is None or not is_nested(field.type):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"--{kebab(field.encode_name)}: not JSON: {error}") from None


def describe(kind: Any) -> str:  # noqa: ANN401 - a type form has no type
    """Return what a field's declaration says of it."""
    if get_origin(kind) is Annotated:
        notes = [note.description for note in get_args(kind)[1:] if isinstance(note, Meta)]
        return " ".join(filter(None, notes)) or describe(get_args(kind)[0])
    return " ".join(filter(None, map(describe, get_args(kind))))


def is_nested(kind: Any) -> bool:  # noqa: ANN401 - see above
    """Tell whether a field holds more than one text or number."""
    if get_origin(kind) is Annotated:
        return is_nested(get_args(kind)[0])
    if get_origin(kind) in (list, dict) or kind is Any:
        return True
    if isinstance(kind, type):
        return issubclass(kind, msgspec.Struct)
    return any(map(is_nested, get_args(kind)))
