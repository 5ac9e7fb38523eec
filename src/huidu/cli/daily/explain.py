"""Explain: `huidu explain`, which version a call reaches, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from rich.text import Text

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, Facts, pairs, print_json
from huidu.cli.daily.names import aliases
from huidu.cli.daily.tables import show, table
from huidu.cli.rollout.words import clean
from huidu.model.amount import percent
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE

MaybeAlias = Annotated[
    str,
    typer.Argument(
        help="The alias that is called. [$DEFAULT]",
        metavar="[ALIAS]",
        autocompletion=aliases,
        show_default=False,
    ),
]
Address = Annotated[str, typer.Option("--ip", help="The caller's address.", metavar="ADDRESS")]
RoutingKey = Annotated[
    str,
    typer.Option(
        help="What a call over the API shows instead of headers: there letter case counts.",
        metavar="JSON",
    ),
]
RequestId = Annotated[
    str, typer.Option("--request-id", help="A call that there was, by its id.", metavar="ID")
]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return explain


def explain(
    context: typer.Context,
    function: opt.Function,
    alias: MaybeAlias = "",
    *,
    header: opt.Headers = None,
    cookie: opt.Cookies = None,
    query: opt.Query = None,
    address: Address = "",
    routing_key: RoutingKey = "",
    request_id: RequestId = "",
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Say which version a call reaches, and why: one that shows this, or one that there was."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    found = desk.insist(
        "ExplainRoute",
        Qualifier=alias or DEFAULT,
        RequestId=request_id,
        RoutingKey=routing_key,
        Headers=pairs("--header", header),
        Cookies=pairs("--cookie", cookie),
        Query=pairs("--query", query),
        SourceIp=address,
    )
    if as_json:
        print_json(found)
    else:
        show(_head(desk, found), Text(), table(("", "version", "what", "why"), _rows(found)))


def _head(desk: Desk, found: Facts) -> Text:
    by = f" {found['Alias']} (revision {found['AliasRevision']})" if found["Alias"] else ""
    chance = found["Probability"]
    likely = f", as {percent(chance)} of such calls do" if chance < 1 else ""
    drawn = "" if found["Draw"] is None else f"; drawn: {found['Draw']:.6f}"
    return Text.assemble(
        f"{desk.named}{clean(by)}: goes to ",
        (f"version {found['FunctionVersion']}", "bold"),
        clean(f": {found['Reason']}{likely}{drawn}"),
    )


def _rows(found: Facts) -> list[tuple[Text, str, str, str]]:
    return [
        (
            Text("=>" if one["Chosen"] else "", "green"),
            one["Version"],
            one["What"],
            one["Why"],
        )
        for one in found["Considered"]
    ]
