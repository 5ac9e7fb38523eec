"""Publishing: `huidu publish`, which freezes `$LATEST` as the next version."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

import typer

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, Facts, print_json, say_next
from huidu.cli.rollout.words import clean
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE, LATEST


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return publish


def publish(
    context: typer.Context,
    function: opt.Function,
    *,
    description: str = typer.Option("", "--description", "-m", help="What is new.", metavar="TEXT"),
    again: bool = typer.Option(False, "--again", help="Publish it even if it is unchanged."),  # noqa: FBT003
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Freeze $LATEST as the next version. What is published unchanged already is only named."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    found = desk.all_of("ListVersionByFunction", "Versions")
    same = _same(found)
    if same and not again:
        _say_same(desk, same, as_json=as_json)
        return
    made = desk.insist("PublishVersion", Description=description)
    if as_json:
        print_json({**made, "Unchanged": False})
        return
    typer.echo(clean(f"{desk.named}: version {made['FunctionVersion']} is published"))
    _say_next(desk, found, made["FunctionVersion"])


def _same(found: Sequence[Facts]) -> Facts | None:
    """Return the newest version that is what `$LATEST` is."""
    latest = next(row["Digest"] for row in found if row["Version"] == LATEST)
    same = [row for row in found if row["Version"] != LATEST and row["Digest"] == latest]
    return max(same, key=lambda row: int(row["Version"]), default=None)


def _say_same(desk: Desk, same: Facts, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {"FunctionVersion": same["Version"], "Digest": same["Digest"], "Unchanged": True}
        )
        return
    typer.echo(f"{desk.named}: nothing has changed since version {clean(same['Version'])}")
    say_next([("publish it all the same", f"{desk.of_function('publish')} --again")])


def _say_next(desk: Desk, before: Sequence[Facts], version: str) -> None:
    """Say what is usually done with a version that is new."""
    commands = []
    numbers = [int(row["Version"]) for row in before if row["Version"].isdigit()]
    if numbers:
        commands.append(("see what is new", desk.of_function("diff", str(max(numbers)), version)))
    call = f"huidu invoke {shlex.quote(f'{desk.function}:{version}')}{desk.more}"
    commands.append(("call it", call))
    named = [row["Name"] for row in desk.all_of("ListAliases", "Aliases") if row["Name"] != DEFAULT]
    if named:
        commands.append(("release it", desk.of_function("rollout start", named[0], version)))
    else:
        more = desk.of_function("alias set", "release", version, "--create")
        commands.append(("give callers a name for it", more))
    say_next(commands)
