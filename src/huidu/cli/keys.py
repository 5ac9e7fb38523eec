"""`huidu keys`: who may ask for what."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Annotated

import typer
from rich.text import Text

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, Facts, make_sure, print_json, say_next
from huidu.cli.daily.tables import Cell, show, table
from huidu.cli.rollout.words import clean
from huidu.cloudapi.keys import ID, KEY

Named = Annotated[str, typer.Argument(help="The name of a key, or its id.", metavar="KEY")]
NewName = Annotated[str, typer.Argument(help="Whose it is.", metavar="NAME")]
ToRole = Annotated[str, typer.Argument(help="View, release or admin.", metavar="ROLE")]
WithRole = Annotated[str, typer.Option(help="View, release or admin.", metavar="ROLE")]


def commands(connect: Callable[[], Client]) -> typer.Typer:
    """Return the group of commands; each finds in its context how to connect."""
    group = typer.Typer(
        help="Who may ask for what: access keys and their roles.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for name, work in (
        ("list", list_all),
        ("add", add),
        ("role", give_role),
        ("rename", rename),
        ("disable", disable),
        ("enable", enable),
        ("remove", remove),
    ):
        group.command(name)(work)
    return group


def list_all(context: typer.Context, *, as_json: opt.AsJson = False) -> None:
    """List the access keys, without secrets."""
    found = Desk(client=context.obj()).insist("ListKeys")["Keys"]
    if as_json:
        print_json(found)
        return
    heads = ("name", "role", "", "id", "made", "by", "last used")
    show(table(heads, [_row(row) for row in found]))


def _row(row: Facts) -> list[Cell]:
    state = "root" if row["Root"] else "" if row["Enabled"] else "disabled"
    return [
        Text(clean(row["Name"]), "bold"),
        row["Role"],
        Text(state, "yellow"),
        row["SecretId"],
        row["AddTime"],
        row["AddedBy"],
        row["UsedTime"],
    ]


def add(
    context: typer.Context, name: NewName, *, role: WithRole = "view", as_json: opt.AsJson = False
) -> None:
    """Make an access key. Its secret is printed this once, to standard output alone."""
    made = Desk(client=context.obj()).insist("CreateKey", Name=name, Role=role)
    if as_json:
        print_json(made)
        return
    # A shell is to read this, so whoever answered says nothing to it but the two values.
    typer.echo(f"export {ID}={shlex.quote(clean(made['SecretId']))}")
    typer.echo(f"export {KEY}={shlex.quote(clean(made['SecretKey']))}")
    typer.echo(
        clean(
            f"huidu: {made['Name']} has a key of role {made['Role']}; the secret is shown this once"
        ),
        err=True,
    )


def give_role(context: typer.Context, key: Named, role: ToRole) -> None:
    """Give a key another role, from its next request on."""
    _update(context, key, Role=role)
    typer.echo(f"{key}: has the role {role}")


def rename(context: typer.Context, key: Named, name: NewName) -> None:
    """Give a key another name; what was written down stays as it was."""
    _update(context, key, Name=name)
    typer.echo(f"{key}: is called {name}")


def disable(context: typer.Context, key: Named) -> None:
    """Have a key, and all that is signed in with it, be of no use from now on."""
    _update(context, key, Enabled=False)
    typer.echo(f"{key}: is disabled")
    say_next([("take that back", f"huidu keys enable {key}")])


def enable(context: typer.Context, key: Named) -> None:
    """Let a disabled key be used again."""
    _update(context, key, Enabled=True)
    typer.echo(f"{key}: is enabled")


def remove(context: typer.Context, key: Named, *, yes: opt.Yes = False) -> None:
    """Delete a key for good, with the sessions that were begun with it."""
    make_sure(f"delete the access key {key}?", f"huidu keys remove {key}", yes=yes)
    Desk(client=context.obj()).insist("DeleteKey", Key=key)
    typer.echo(f"{key}: is deleted")


def _update(context: typer.Context, key: str, **changes: object) -> None:
    Desk(client=context.obj()).insist("UpdateKey", Key=key, **changes)
