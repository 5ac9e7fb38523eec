"""Options: what the short commands can be told, and how the shell completes it."""

from __future__ import annotations

from typing import Annotated

import typer

from huidu.cli.daily.names import aliases, functions, qualified, versions

Function = Annotated[
    str,
    typer.Argument(
        help="The name of a function.",
        metavar="FUNCTION",
        autocompletion=functions,
        show_default=False,
    ),
]
MaybeFunction = Annotated[
    str,
    typer.Argument(
        help="The name of a function. [all]",
        metavar="[FUNCTION]",
        autocompletion=functions,
        show_default=False,
    ),
]
Called = Annotated[
    str,
    typer.Argument(
        help="A function, and one of its versions or aliases. [$DEFAULT]",
        metavar="FUNCTION[:QUALIFIER]",
        autocompletion=qualified,
    ),
]
Alias = Annotated[
    str,
    typer.Argument(help="The name of one of its aliases.", metavar="ALIAS", autocompletion=aliases),
]
Version = Annotated[
    str,
    typer.Argument(
        help="A version or an alias of it.",
        metavar="VERSION",
        autocompletion=versions,
        show_default=False,
    ),
]
Namespace = Annotated[str, typer.Option(help="The namespace of the function.", metavar="NAME")]
Reason = Annotated[str, typer.Option(help="Why, for the history.", metavar="TEXT")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")]
Revision = Annotated[
    int | None,
    typer.Option(
        "--expected-revision",
        help="Refuse unless the alias still has this revision. [as it is read]",
        metavar="NUMBER",
    ),
]
TakeOver = Annotated[
    bool,
    typer.Option("--take-over", help="End the rollout that moves the alias. Asks, unless --yes."),
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", help="A header: User=Bob, or 'User: Bob'.", metavar="K=V"),
]
Cookies = Annotated[list[str] | None, typer.Option("--cookie", help="A cookie.", metavar="K=V")]
Query = Annotated[
    list[str] | None, typer.Option("--query", help="A parameter of the query.", metavar="K=V")
]
