"""Timers: `huidu timers`, what calls functions by the clock, and when it does next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.text import Text

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, Facts, print_json, say_next
from huidu.cli.daily.tables import Cell, show, table
from huidu.model.names import DEFAULT_NAMESPACE

Timer = Annotated[str, typer.Argument(help="The name of a timer. [all]", metavar="[TIMER]")]
Cron = Annotated[str, typer.Option(help="Try this expression instead.", metavar="EXPRESSION")]
Count = Annotated[int, typer.Option(help="How many firings of each.", metavar="NUMBER")]


def commands(connect: Callable[[], Client]) -> typer.Typer:
    """Return the group; its commands find in their context how to connect."""
    group = typer.Typer(help="Show timers: what they call, and when they fire.")
    group.command("list")(list_timers)
    group.command("next")(show_next)
    return group


def list_timers(
    context: typer.Context,
    function: opt.MaybeFunction = "",
    *,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """List timers: what they call, when they fired last, and when they fire next."""
    desk = Desk(client=context.obj(), namespace=namespace)
    functions = [function] if function else _functions(desk)
    found = [
        {"FunctionName": name, **timer}
        for name in functions
        for timer in _asked(desk, FunctionName=name, Count=1)["Timers"]
    ]
    if as_json:
        print_json(found)
    elif not found:
        typer.echo("huidu: there is no timer", err=True)
        say_next([("make one", "huidu api create-trigger --help")], err=True)
    else:
        heads = ("function", "timer", "calls", "cron", "missed", "last", "next")
        show(table(heads, [_row(timer) for timer in found]))


def _functions(desk: Desk) -> list[str]:
    found = desk.all_of("ListFunctions", "Functions", Orderby="FunctionName", Order="ASC")
    return [row["FunctionName"] for row in found]


def _asked(desk: Desk, **asked: object) -> Facts:
    return desk.insist("GetNextFirings", **asked)


def _row(timer: Facts) -> tuple[Cell, ...]:
    following: Cell = (timer["NextTimes"] or ["never"])[0]
    return (
        timer["FunctionName"],
        Text(timer["TriggerName"], "bold"),
        timer["Qualifier"],
        timer["Cron"],
        timer["Missed"],
        timer["LastTime"] or "never",
        following if timer["Enable"] else Text("closed", "yellow"),
    )


def show_next(
    context: typer.Context,
    function: opt.MaybeFunction = "",
    timer: Timer = "",
    *,
    cron: Cron = "",
    count: Count = 5,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Show when timers fire next, or when an expression would."""
    if bool(function) == bool(cron):
        raise typer.BadParameter("name a function, or an expression with --cron '0 0 9 * * * *'")
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    told = desk.insist("GetNextFirings", TriggerName=timer, Cron=cron, Count=count)
    if as_json:
        print_json(told)
        return
    for one in told["Timers"]:
        times = one["NextTimes"] if one["Enable"] else ["closed"]
        for time in times or ["never"]:
            typer.echo(f"{one['TriggerName']}  {time}".strip())
