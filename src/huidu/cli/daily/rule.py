"""Rule: `huidu rule list`, `add`, `remove` and `clear`: by what calls show, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from huidu.actions import leads
from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily import words
from huidu.cli.daily.asking import REFUSED, Desk, Facts, print_json, say_next
from huidu.cli.daily.moving import Terms, take_over, tell, write
from huidu.cli.daily.tables import show, table
from huidu.model.names import DEFAULT_NAMESPACE

Rule = Annotated[
    list[str],
    typer.Argument(
        help="'header:User=Bob -> 2'. KEY is header:NAME, cookie:NAME, query:NAME or ip; beside = "
        "there are ^= (begins with), ~ (an RE2 expression), 'in a,b' and 'in [1,50]'.",
        metavar="'KEY=VALUE -> VERSION'",
    ),
]
Which = Annotated[
    list[str], typer.Argument(help="Its number, or the rule as it is listed.", metavar="RULE")
]
First = Annotated[bool, typer.Option("--first", help="Before the rules that there are.")]


def commands(connect: Callable[[], Client]) -> typer.Typer:
    """Return the group of commands; they find in their context how to connect."""
    group = typer.Typer(
        help="Send some calls of an alias elsewhere by what they show.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for name, run in (("list", _list), ("add", _add), ("remove", _remove), ("clear", _clear)):
        group.command(name)(run)
    return group


def _list(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    *,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """List the rules of an alias, in the order in which they are held against a call."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    found = desk.insist("GetAlias")
    rules = leads.rules(found)
    if as_json:
        print_json(rules)
    elif not rules:
        typer.echo(f"huidu: {desk.named} has no rules: {words.in_words(found)}", err=True)
        say_next([("add one", desk.line("rule add", "header:User=Bob -> 2"))], err=True)
    else:
        rows = [(str(n), words.shown_rule(one)) for n, one in enumerate(rules, 1)]
        rows.append(("", f"the rest -> {found['FunctionVersion']}"))
        show(table(("", "rule"), rows))


def _add(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    rule: Rule,
    *,
    first: First = False,
    reason: opt.Reason = "",
    expected_revision: opt.Revision = None,
    take_over_: opt.TakeOver = False,
    yes: opt.Yes = False,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Add a rule to an alias, behind those that there are. The first that fits decides."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    try:
        made = words.rule(" ".join(rule))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    terms = Terms(
        reason=reason,
        expected_revision=expected_revision,
        take_over=take_over_,
        yes=yes,
        as_json=as_json,
    )
    take_over(desk, terms, desk.line("rule add", " ".join(rule)))
    before = desk.insist("GetAlias")
    if leads.weights(before):
        typer.echo(
            f"huidu: {desk.named}: {words.in_words(before)}; calls are shared by rules or by "
            "weights, not by both",
            err=True,
        )
        line = desk.line("alias set", before["FunctionVersion"])
        say_next([("end the weights", line)], err=True)
        raise typer.Exit(REFUSED)
    kept = leads.rules(before)
    _write(desk, before, [made, *kept] if first else [*kept, made], terms)


def _remove(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    which: Which,
    *,
    reason: opt.Reason = "",
    expected_revision: opt.Revision = None,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Remove a rule of an alias, by its number or by its words."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    before = desk.insist("GetAlias")
    rules = list(leads.rules(before))
    del rules[_place(desk, rules, " ".join(which))]
    terms = Terms(reason=reason, expected_revision=expected_revision, as_json=as_json)
    _write(desk, before, rules, terms)


def _place(desk: Desk, rules: Sequence[Facts], which: str) -> int:
    """Return which rule is meant, or leave."""
    if which.isdigit() and 0 < int(which) <= len(rules):
        return int(which) - 1
    try:
        return list(rules).index(words.rule(which))
    except ValueError:
        typer.echo(f"huidu: {desk.named} has no rule {which}", err=True)
        say_next([("see its rules", desk.line("rule list"))], err=True)
        raise typer.Exit(REFUSED) from None


def _clear(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    *,
    reason: opt.Reason = "",
    expected_revision: opt.Revision = None,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Remove all rules of an alias: all its calls go to its main version."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    before = desk.insist("GetAlias")
    if not leads.rules(before):
        if as_json:
            print_json({"Before": before, "After": before})
        else:
            typer.echo(f"{desk.named} has no rules: {words.in_words(before)}")
        return
    terms = Terms(reason=reason, expected_revision=expected_revision, as_json=as_json)
    _write(desk, before, [], terms)


def _write(desk: Desk, before: Facts, rules: Sequence[Facts], terms: Terms) -> None:
    asked = {
        "FunctionVersion": before["FunctionVersion"],
        "RoutingConfig": {"AddtionVersionMatchs": list(rules)},
    }
    tell(desk, before, write(desk, before, asked, terms), as_json=terms.as_json)
