"""`huidu console`: a link that signs in to the console, once."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

import typer

from huidu.cli.client import Client, Unreachable
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, print_json
from huidu.cli.rollout.words import clean

#: Where a server listens at all addresses, a browser on the same machine finds it at these.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - nothing is bound here
BELOW = "/console/"

AskedRole = Annotated[
    str, typer.Option(help="View, release or admin: less than the key has.", metavar="ROLE")
]
Open = Annotated[bool, typer.Option("--open", help="Open it in the browser of this machine.")]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return console


def console(
    context: typer.Context,
    *,
    role: AskedRole = "",
    open_it: Open = False,
    as_json: opt.AsJson = False,
) -> None:
    """Print a link that signs in to the console, once. It is good for ten minutes."""
    client = context.obj()
    desk = Desk(client=client)
    made = desk.insist("CreateConsoleLink", Role=role or None)
    if not str(made["Path"]).startswith(BELOW):  # `@elsewhere` would be another host.
        raise desk.refuse(Unreachable(f"{client.endpoint} answers with no link to its console"))
    url = at(client.endpoint) + made["Path"]
    if as_json:
        print_json({"Url": url, "UntilTime": made["UntilTime"]})
        return
    typer.echo(clean(url))
    typer.echo(f"huidu: good once, until {clean(made['UntilTime'])}", err=True)
    if open_it and not webbrowser.open(url):
        typer.echo("huidu: no browser could be opened here", err=True)


def at(endpoint: str) -> str:
    """Return where a browser finds the API that listens at an endpoint."""
    where = urlsplit(endpoint)
    host = EVERYWHERE.get(where.hostname or "")
    if host is None:
        return endpoint.rstrip("/")
    return f"{where.scheme}://{host}" + (f":{where.port}" if where.port else "")
