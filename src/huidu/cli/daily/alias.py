"""Alias: `huidu alias list`, `show` and `set`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from huidu.actions import leads
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.daily import options as opt
from huidu.cli.daily import words
from huidu.cli.daily.asking import Desk, Facts, print_json, say_next
from huidu.cli.daily.moving import Terms, take_over, tell, write
from huidu.cli.daily.tables import show, table
from huidu.cli.rollout.words import clean
from huidu.model.amount import percent
from huidu.model.names import DEFAULT_NAMESPACE

BAR = 40  #: Columns of a bar.
COLOURS = ("cyan", "magenta", "yellow", "blue", "green")
Shares = Annotated[
    list[str] | None,
    typer.Argument(
        help="Which share goes elsewhere: 2@10%.", metavar="[VERSION@SHARE]...", show_default=False
    ),
]
Main = Annotated[
    str, typer.Argument(help="The version that all other calls go to.", metavar="VERSION")
]
Sticky = Annotated[
    str | None,
    typer.Option(
        help="The same caller gets the same version: header:User, cookie:sid, query:id, ip; '' "
        "for none. [as before]",
        metavar="KEY",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(help="exact (never drifts from the shares) or random. [as before]", metavar="HOW"),
]
Create = Annotated[bool, typer.Option("--create", help="Make the alias where there is none.")]


def commands(connect: Callable[[], Client]) -> typer.Typer:
    """Return the group of commands; they find in their context how to connect."""
    group = typer.Typer(
        help="Show and move aliases: who gets which version.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list")(_list)
    group.command("show")(_show)
    group.command("set")(_set)
    return group


def _list(
    context: typer.Context,
    function: opt.Function,
    *,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """List the aliases of a function, and where their calls go."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    found = desk.all_of("ListAliases", "Aliases")
    if as_json:
        print_json(found)
        return
    heads = ("alias", "calls go", "revision", "changed")
    rows = [
        (Text(row["Name"], "bold"), words.in_words(row), str(row["Revision"]), row["ModTime"])
        for row in found
    ]
    show(table(heads, rows, right=("revision",)))


def _show(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    *,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Show where the calls of an alias go."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    found = desk.insist("GetAlias")
    if as_json:
        print_json(found)
    else:
        show(*_picture(desk, found))


def _picture(desk: Desk, found: Facts) -> list[RenderableType]:
    head = Text.assemble(
        (desk.named, "bold"), (f"  revision {found['Revision']}, {found['ModTime']}", "dim")
    )
    parts: list[RenderableType] = [head]
    if found["Description"]:
        parts.append(Text(clean(found["Description"]), "dim"))
    for colour, (version, share) in zip(COLOURS * 9, leads.shares(found).items(), strict=False):
        full = round(share * BAR)
        bar = Text.assemble(("━" * full, colour), ("─" * (BAR - full), "dim"))
        parts.append(Text.assemble(f"  version {version:<8} ", bar, f" {percent(share)}"))
    rules = leads.rules(found)
    if rules:
        parts.append(Text("  but, the first that fits:"))
        parts += [Text(f"  {n}. {words.shown_rule(one)}") for n, one in enumerate(rules, 1)]
    sticky = found["Sticky"]
    said = f"sticky by {words.shown_key(sticky)}, " if sticky else ""
    parts.append(Text(f"  {said}{found['Split']} split", "dim"))
    return parts


def _set(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    main: Main,
    shares: Shares = None,
    *,
    sticky: Sticky = None,
    split: Split = None,
    create: Create = False,
    reason: opt.Reason = "",
    expected_revision: opt.Revision = None,
    take_over_: opt.TakeOver = False,
    yes: opt.Yes = False,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Move an alias: `set shop release 1 2@10%`. It is refused if somebody else was quicker."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    terms = Terms(
        reason=reason,
        expected_revision=expected_revision,
        take_over=take_over_,
        yes=yes,
        as_json=as_json,
    )
    asked: dict[str, Any] = {
        "FunctionVersion": main,
        "RoutingConfig": {"AdditionalVersionWeights": _shares(main, shares or [])},
        "Split": split,
        "Sticky": words.key(sticky) if sticky else sticky,
    }
    line = desk.line("alias set", main, *(shares or []))
    take_over(desk, terms, line)
    before = _before(desk, f"{line} --create", create=create)
    if before is None:
        desk.insist("CreateAlias", **asked, Reason=reason)
    after = write(desk, before, asked, terms) if before else desk.insist("GetAlias")
    tell(desk, before, after, as_json=as_json)


def _shares(main: str, given: list[str]) -> list[dict[str, Any]]:
    if "@" in main:
        raise typer.BadParameter(
            f"{main}: the first is the version of all other calls, without a share, as in: 1 2@10%"
        )
    try:
        return [words.share(text) for text in given]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _before(desk: Desk, line: str, *, create: bool) -> Facts | None:
    """Return an alias as it is; None where there is none and it is to be made."""
    try:
        return desk.ask("GetAlias")
    except (Refused, Unreachable) as error:
        missing = isinstance(error, Refused) and error.code == "ResourceNotFound.Alias"
        if not missing:
            raise desk.refuse(error) from None
        if create:
            return None
        leave = desk.refuse(error)
        say_next([("make it", line)], err=True)
        raise leave from None
