"""`huidu mirror`: have a candidate answer live calls a second time, and see how it differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from huidu.actions.action import HUIDU_VERSION
from huidu.actions.table import BY_NAME
from huidu.cli import mirror_table
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.harmless import json_text
from huidu.model.names import DEFAULT_NAMESPACE

Connect = Callable[[], Client]
Function = Annotated[str, typer.Argument(help="The name of the function.")]
Alias = Annotated[str, typer.Argument(help="The alias whose calls are mirrored.")]
Version = Annotated[str, typer.Argument(help="The number of the version that is tried.")]
Namespace = Annotated[str, typer.Option(help="The namespace of the function.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Share = Annotated[float, typer.Option(help="Of the calls, 0.0001 to 1.")]
Ignore = Annotated[
    list[str] | None, typer.Option(help="What may differ: $.requestId, $.items[*].at, $..at")
]
PerSecond = Annotated[int, typer.Option(help="At most so many copies a second.")]
Calls = Annotated[int, typer.Option(help="End after so many copies.")]
Until = Annotated[str, typer.Option(help="End then: 30m, 2h, 3d, or 'YYYY-MM-DD HH:MM:SS'.")]
Why = Annotated[str, typer.Option(help="Why, for whoever reads the events.")]
Safe = Annotated[str, typer.Option(help="Why a second call does no harm: what it writes.")]


def commands(connect: Connect) -> typer.Typer:
    """Return the group of commands; `connect` is asked for a client when one of them runs."""
    group = typer.Typer(
        help="Let a version answer live calls unseen, and compare, before any user meets it.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for name, command in (
        ("mark", _mark),
        ("unmark", _unmark),
        ("put", _put),
        ("show", _show),
        ("stop", _stop),
    ):
        group.command(name)(command(connect))
    return group


def _mark(connect: Connect) -> Callable[..., None]:
    def mark(function: Function, reason: Safe, namespace: Namespace = DEFAULT_NAMESPACE) -> None:
        """Say that a function may be called twice where its caller called it once."""
        named = {"FunctionName": function, "Namespace": namespace}
        _ask(connect(), "MarkMirrorSafe", named | {"Reason": reason})
        typer.echo(f"{function} may be mirrored; next: huidu mirror put {function} ALIAS VERSION")

    return mark


def _unmark(connect: Connect) -> Callable[..., None]:
    def unmark(
        function: Function, reason: Why = "", namespace: Namespace = DEFAULT_NAMESPACE
    ) -> None:
        """Say that it may not; its mirrors end."""
        named = {"FunctionName": function, "Namespace": namespace}
        _ask(connect(), "UnmarkMirrorSafe", named | {"Reason": reason})
        typer.echo(f"{function} is mirrored no more")

    return unmark


def _put(connect: Connect) -> Callable[..., None]:
    def put(  # each is an option
        function: Function,
        alias: Alias,
        version: Version,
        share: Share = 1.0,
        ignore: Ignore = None,
        per_second: PerSecond = 10,
        calls: Calls = 1000,
        until: Until = "1d",
        reason: Why = "",
        namespace: Namespace = DEFAULT_NAMESPACE,
    ) -> None:
        """Mirror calls of an alias to a version, in the place of the mirror it has."""
        asked = {
            "FunctionName": function,
            "Namespace": namespace,
            "Name": alias,
            "FunctionVersion": version,
            "Share": share,
            "IgnorePaths": ignore or [],
            "MostPerSecond": per_second,
            "MaxCalls": calls,
            "Until": until,
            "Reason": reason,
        }
        made = _ask(connect(), "PutMirror", asked)
        typer.echo(
            f"calls of {function}:{alias} are mirrored to version {version} until {made['Until']}, "
            f"{calls} at most; see huidu mirror show {function} {alias}"
        )

    return put


def _show(connect: Connect) -> Callable[..., None]:
    def show(
        function: Function,
        alias: Alias,
        namespace: Namespace = DEFAULT_NAMESPACE,
        as_json: Json = False,  # noqa: FBT002
    ) -> None:
        """Show what a mirror found: differences by place, failures, how long both took."""
        named = {"FunctionName": function, "Namespace": namespace, "Name": alias}
        found = _ask(connect(), "GetMirror", named)
        if as_json:
            typer.echo(json_text(found, 2))
        else:
            mirror_table.show(found)

    return show


def _stop(connect: Connect) -> Callable[..., None]:
    def stop(function: Function, alias: Alias, namespace: Namespace = DEFAULT_NAMESPACE) -> None:
        """Show what a mirror found, then end it and forget that."""
        named = {"FunctionName": function, "Namespace": namespace, "Name": alias}
        client = connect()
        found = _ask(client, "GetMirror", named)
        _ask(client, "DeleteMirror", named)
        mirror_table.show(found)
        typer.echo("The mirror is gone, with what it found.")

    return stop


def _ask(client: Client, action: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer, or say why there is none and leave."""
    try:
        return client.call(BY_NAME[HUIDU_VERSION, action], asked)
    except (Refused, Unreachable) as error:
        typer.echo(f"huidu: {error}", err=True)
        for line in _advice(asked, error.code if isinstance(error, Refused) else ""):
            typer.echo(line, err=True)
        raise typer.Exit(1) from None


def _advice(asked: Mapping[str, Any], code: str) -> list[str]:
    """Return what to type next."""
    function = asked["FunctionName"]
    named = f"--function-name {function}"
    begin = f"huidu mirror put {function} {asked.get('Name', 'ALIAS')} VERSION"
    to_type = {
        "ResourceNotFound.FunctionName": "huidu api list-functions",
        "ResourceNotFound.Alias": f"huidu api list-aliases {named}",
        "ResourceNotFound.FunctionVersion": f"huidu api list-version-by-function {named}",
        "ResourceNotFound.Mirror": begin,
    }
    what = "Begin one" if code == "ResourceNotFound.Mirror" else "See which there are"
    return [f"{what}:  {to_type[code]}"] if code in to_type else []
