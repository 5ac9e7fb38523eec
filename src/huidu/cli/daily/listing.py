"""Listing: `huidu ls`, what there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import typer
from rich.text import Text

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, Facts, print_json, say_next
from huidu.cli.daily.tables import Cell, show, table
from huidu.cli.daily.words import in_words
from huidu.model.names import DEFAULT_NAMESPACE, LATEST

SHORT_DIGEST = 12


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return ls


def ls(
    context: typer.Context,
    function: opt.MaybeFunction = "",
    *,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """List functions, or what one function has: versions, aliases, and where it is called."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    if function:
        _one(desk, as_json=as_json)
    else:
        _all(desk, as_json=as_json)


def _all(desk: Desk, *, as_json: bool) -> None:
    found = desk.all_of("ListFunctions", "Functions", Orderby="FunctionName", Order="ASC")
    if as_json:
        print_json(found)
    elif not found:
        typer.echo("huidu: there is no function yet", err=True)
        say_next([("make one", "huidu init python my-project")], err=True)
    else:
        heads = ("function", "runtime", "status", "changed", "description")
        rows = [
            (row["FunctionName"], _runtime(row), _status(row), row["ModTime"], row["Description"])
            for row in found
        ]
        show(table(heads, rows))


def _runtime(row: Facts) -> str:
    return f"{row['Runtime']} {row['Type']}" if row["Type"] != "Event" else str(row["Runtime"])


def _status(row: Facts) -> Text:
    return Text(row["Status"], "green" if row["Status"] == "Active" else "yellow")


def _one(desk: Desk, *, as_json: bool) -> None:
    versions = desk.all_of("ListVersionByFunction", "Versions")
    aliases = desk.all_of("ListAliases", "Aliases")
    called = desk.all_of("ListTriggers", "Triggers")
    if as_json:
        print_json({"Versions": versions, "Aliases": aliases, "Triggers": called})
        return
    heads = ("version", "published", "digest", "through", "description")
    show(
        table(heads, [_version(row, aliases) for row in versions]),
        Text(),
        table(("alias", "calls go"), [(row["Name"], in_words(row)) for row in aliases]),
    )
    if called:
        rows = [
            (f"{row['Type']} {row['TriggerName']}", row["Qualifier"], where(row)) for row in called
        ]
        show(Text(), table(("trigger", "calls", "at"), rows))


def _version(row: Facts, aliases: Sequence[Facts]) -> Sequence[Cell]:
    number = row["Version"]
    when = "" if number == LATEST else row["AddTime"]
    through = ", ".join(one["Name"] for one in aliases if _reaches(one, number))
    return (Text(number, "bold"), when, row["Digest"][:SHORT_DIGEST], through, row["Description"])


def _reaches(alias: Facts, version: str) -> bool:
    routing = alias["RoutingConfig"]
    rows = [*routing["AdditionalVersionWeights"], *routing["AddtionVersionMatchs"]]
    return version in {alias["FunctionVersion"], *(row["Version"] for row in rows)}


def where(trigger: Facts) -> str:
    """Return where a trigger is called over HTTP, or when a timer calls; empty if neither."""
    try:
        told = json.loads(trigger["TriggerDesc"])
    except ValueError:
        return str(trigger["TriggerDesc"])
    if not isinstance(told, dict):
        return ""
    net, service = told.get("NetConfig", {}), told.get("service", {})
    return str(
        net.get("ExtranetUrl")
        or net.get("IntranetUrl")
        or service.get("subDomain")
        or told.get("cron", "")
    )
