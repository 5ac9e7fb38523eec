"""Options: what `huidu rollout` can be asked on the command line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import typer

from huidu.cli.rollout import terms

Target = Annotated[
    list[str],
    typer.Argument(
        help="A function and its alias, for their latest rollout; or the id of a rollout.",
        metavar="FUNCTION ALIAS | ID",
    ),
]
Function = Annotated[str, typer.Argument(help="The name of a function.", metavar="FUNCTION")]
Alias = Annotated[str, typer.Argument(help="Its alias that callers hold on to.", metavar="ALIAS")]
Version = Annotated[
    str, typer.Argument(help="The version that is to have all its calls.", metavar="VERSION")
]
OnlyFunction = Annotated[
    str, typer.Argument(help="Only of this function.", metavar="[FUNCTION]", show_default=False)
]
OnlyAlias = Annotated[
    str, typer.Argument(help="Only of this alias.", metavar="[ALIAS]", show_default=False)
]
Namespace = Annotated[str, typer.Option(help="The namespace of the function.", metavar="NAME")]
OnlyNamespace = Annotated[str, typer.Option(help="Only of this namespace.", metavar="NAME")]
Reason = Annotated[str, typer.Option(help="Why, for the history.", metavar="TEXT")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")]
Watch = Annotated[bool, typer.Option("--watch", help="Watch it, once it has begun.")]
States = Annotated[
    list[str] | None,
    typer.Option("--state", help="Only in this state: ramping, paused, ...", metavar="STATE"),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
Steps = Annotated[int, typer.Option(min=0, help="The latest so many steps.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """An option of `start`: how it is read, and where the request has it.

    What is not given is left to the server.
    """

    flag: str
    field: str  #: `Budget.Failures` for a field within one.
    help: str
    metavar: str = "TEXT"
    read: Callable[[str], Any] = str
    many: bool = False


TERMS = (
    Term(
        flag="--plan",
        field="Plan",
        help="evidence; '10%/5m, 30%/10m, 100%'; 'linear 10%/1m'; all-at-once; or a preset such "
        "as Canary10Percent5Minutes. One with times goes by them, also without any call; see "
        "--proof. [evidence]",
        metavar="PLAN",
    ),
    Term(
        flag="--proof",
        field="Proof",
        help="Whether each share waits until it is proved that the version does no more harm than "
        "is tolerated. [yes for evidence, no for other plans]",
        metavar="yes|no",
        read=terms.yes_or_no,
    ),
    Term(
        flag="--budget-failures",
        field="Budget.Failures",
        help="So many of its calls may fail. [any number]",
        metavar="COUNT",
        read=terms.whole_number,
    ),
    Term(
        flag="--budget-keys",
        field="Budget.Keys",
        help="So many sticky callers may meet it. [any number]",
        metavar="COUNT",
        read=terms.whole_number,
    ),
    Term(
        flag="--guard",
        field="Guards",
        help="A limit beside the judge: 'error rate > 20 %', 'p99 > 2 s'.",
        metavar="RULE",
        many=True,
    ),
    Term(
        flag="--metric",
        field="Metrics",
        help="What is compared beside errors and durations: memory; init; or a number that the "
        "function reports, as in orders=stats.orders,direction=higher,ratio=1.2.",
        metavar="NAME=FIELD",
        read=terms.metric,
        many=True,
    ),
    Term(
        flag="--gate",
        field="Gates",
        help="What must say yes before a share: 50%=approval, or 50%=https://...",
        metavar="SHARE=WHAT",
        read=terms.gate,
        many=True,
    ),
    Term(
        flag="--gate-secret",
        field="Secret",
        help="The file with the key by which what is posted to gates is signed.",
        metavar="FILE",
        read=terms.secret,
    ),
    Term(
        flag="--window",
        field="Windows",
        help="When the share may grow: 'mon-fri 09:00-17:00', 'daily 22:00-02:00 UTC'. [always]",
        metavar="WHEN",
        many=True,
    ),
    Term(
        flag="--freeze",
        field="Freezes",
        help="When it may not: '2026-12-24 00:00/2026-12-27 00:00'.",
        metavar="FROM/TO",
        many=True,
    ),
    Term(
        flag="--bake",
        field="BakeTime",
        help="Watched so long once it has all. [10m]",
        metavar="DURATION",
        read=terms.seconds,
    ),
    Term(
        flag="--bake-error-rate",
        field="BakeErrorRate",
        help="Taken back where more fail while it has all; 0% for never. [25%]",
        metavar="SHARE",
        read=terms.share,
    ),
    Term(
        flag="--step-timeout",
        field="StepTimeout",
        help="How long to wait for proof at one share; 0 for ever. [1h]",
        metavar="DURATION",
        read=terms.seconds,
    ),
    Term(
        flag="--on-timeout",
        field="OnTimeout",
        help="Then pause, promote or rollback. [pause]",
        metavar="WHAT",
    ),
    Term(
        flag="--on-worse",
        field="OnWorse",
        help="Where it is worse: rollback or pause. [rollback]",
        metavar="WHAT",
    ),
    Term(
        flag="--undo",
        field="UndoTime",
        help="The version before is kept warm so long. [30m]",
        metavar="DURATION",
        read=terms.seconds,
    ),
    Term(
        flag="--tolerance",
        field="Tolerance",
        help=f"What the judge tolerates: {', '.join(terms.tolerance_names())}.",
        metavar="NAME=VALUE",
        read=terms.tolerance,
        many=True,
    ),
    Term(
        flag="--owner",
        field="Owner",
        help="Who answers for it. [the key]",
        metavar="NAME",
    ),
)


def with_terms(run: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has an option for each term beside its own, in `**given`."""
    mine = inspect.signature(run, eval_str=True).parameters
    kept = [one for one in mine.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [_option(term) for term in TERMS]

    @wraps(run)
    def command(**given: Any) -> None:  # noqa: ANN401 - as they are in the signature
        run(**given)

    command.__signature__ = inspect.Signature([*kept, *options])  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in (*kept, *options)}
    return command


def _option(term: Term) -> inspect.Parameter:
    option = typer.Option(term.flag, help=term.help, metavar=term.metavar)
    kind: Any = list[str] | None if term.many else str | None
    return inspect.Parameter(
        _name(term),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind, option],
    )


def _name(term: Term) -> str:
    return term.flag.removeprefix("--").replace("-", "_")


def asked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the terms that are given, as the API takes them."""
    made: dict[str, Any] = {}
    for term in TERMS:
        value = given[_name(term)]
        if not value:
            continue
        outer, _, inner = term.field.partition(".")
        try:
            read = [term.read(one) for one in value] if term.many else term.read(value)
        except ValueError as error:
            raise typer.BadParameter(f"{term.flag} {error}") from None
        if inner:
            made.setdefault(outer, {})[inner] = read
        else:
            made[outer] = dict(read) if outer == "Tolerance" else read
    return _signed(made)


def _signed(made: dict[str, Any]) -> dict[str, Any]:
    """Give each gate that is a webhook the key that was given for all of them."""
    key = made.pop("Secret", None)
    gates = [gate for gate in made.get("Gates", ()) if gate["Kind"] == terms.WEBHOOK]
    if key and not gates:
        raise typer.BadParameter("--gate-secret: no --gate is a webhook that could be signed")
    if key:
        for gate in gates:
            gate["Secret"] = key
    return made
