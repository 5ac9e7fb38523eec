"""Queue: `huidu queue`: calls that nobody waits for, and those that were given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, Facts, make_sure, print_json, say_next
from huidu.cli.daily.tables import clean_text, show, table
from huidu.model.names import DEFAULT_NAMESPACE

Connect = Callable[[], Client]
MOST_SHOWN = 60  #: Characters of an error in a row.
Id = Annotated[str, typer.Argument(help="The id that the call was given.", metavar="ID")]
Ids = Annotated[
    list[str] | None,
    typer.Argument(help="Ids of calls that were given up.", metavar="[ID]...", show_default=False),
]
OfVersion = Annotated[
    str | None,
    typer.Option("--version", help="Those that this version ran last.", metavar="VERSION"),
]
All = Annotated[bool, typer.Option("--all", help="All of the function.")]
To = Annotated[
    str,
    typer.Option("--to", help="Another alias or version. [as they were sent]", metavar="QUALIFIER"),
]
State = Annotated[
    str,
    typer.Option("--state", help="RUNNING, FINISHED, ABORTED or FAILED. [all]", metavar="STATE"),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="At most so many.")]
Graceful = Annotated[bool, typer.Option("--graceful", help="Send SIGTERM, and let it finish.")]
MaybeAlias = Annotated[str, typer.Argument(help="An alias.", metavar="[ALIAS]", show_default=False)]
Times = Annotated[
    int | None, typer.Option("--times", help="Tries after the first: 0 to 2.", metavar="N")
]
For = Annotated[
    int | None, typer.Option("--for", help="Seconds for which one is tried.", metavar="S")
]
On = Annotated[
    str | None,
    typer.Option("--on", help="current or first: the version that retries go to.", metavar="WHICH"),
]


def commands(connect: Connect) -> typer.Typer:
    """Return the group of commands; each finds in its context how to connect."""
    group = typer.Typer(
        help="Show, end and play again calls that nobody waits for.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for name, command in (
        ("ls", _list),
        ("show", _show),
        ("stop", _stop),
        ("dead", _dead),
        ("redrive", _redrive),
        ("discard", _discard),
        ("retry", _retry),
    ):
        group.command(name)(command)
    return group


def _list(
    context: typer.Context,
    function: opt.Function,
    *,
    state: State = "",
    limit: Limit = 20,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """List asynchronous calls of a function, the latest first."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    found = desk.insist("ListAsyncEvents", Status=[state] if state else None, Limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one["InvokeRequestId"],
            one["Status"],
            one["Qualifier"],
            one["InvokeType"],
            one["StartTime"],
            one["EndTime"],
        )
        for one in found["EventList"]
    ]
    show(table(("id", "state", "version", "from", "accepted", "ended"), rows))
    if found["TotalCount"] > len(rows):
        typer.echo(f"{found['TotalCount'] - len(rows)} more; say --limit", err=True)


def _show(context: typer.Context, request_id: Id, *, as_json: opt.AsJson = False) -> None:
    """Show an asynchronous call: each attempt with its version, why that, and what came of it."""
    desk = Desk(client=context.obj())
    found = _event(desk, request_id)
    if as_json:
        print_json(found)
        return
    named = f"{found['FunctionName']}:{found['Qualifier']}"
    typer.echo(f"{found['InvokeRequestId']}  {named}  {found['State']}{_when(found)}")
    heads = ("try", "began", "version", "why", "status", "ms", "then")
    show(table(heads, [_attempt(one) for one in found["Attempts"]], right=("try", "ms")))
    if found["ErrMsg"]:
        typer.echo(f"\n{clean_text(found['ErrMsg']).rstrip()}")
    if found["Log"]:
        typer.echo(f"\n{clean_text(found['Log']).rstrip()}")
    of = Desk(client=desk.client, function=found["FunctionName"], namespace=found["Namespace"])
    if found["State"] == "dead":
        say_next(
            [
                ("play it again", of.of_function("queue redrive", request_id)),
                ("throw it away", of.of_function("queue discard", request_id, "--yes")),
            ]
        )
    elif found["Status"] == "RUNNING":
        say_next([("end it", f"huidu queue stop {request_id}")])


def _event(desk: Desk, request_id: str) -> Facts:
    return desk.insist("GetAsyncEvent", InvokeRequestId=request_id, Namespace=None)


def _when(found: Facts) -> str:
    if found["NextTime"]:
        return f", again at {found['NextTime']}"
    return f" at {found['EndTime']}" if found["EndTime"] else ""


def _attempt(one: Facts) -> Sequence[str]:
    through = f"{one['Alias']}@{one['AliasRevision']}: " if one["Alias"] else ""
    return (
        str(one["RetryNum"]),
        one["StartTime"],
        one["FunctionVersion"],
        f"{through}{one['RoutingReason']}",
        str(one["StatusCode"] or ""),
        f"{one['Duration']:.1f}",
        one["Then"] or one["ErrMsg"],
    )


def _stop(
    context: typer.Context,
    request_id: Id,
    *,
    graceful: Graceful = False,
) -> None:
    """End an asynchronous call that waits or runs; it is tried no more."""
    desk = Desk(client=context.obj())
    found = _event(desk, request_id)
    of = Desk(client=desk.client, function=found["FunctionName"], namespace=found["Namespace"])
    of.insist("TerminateAsyncEvent", InvokeRequestId=request_id, GraceShutdown=graceful)
    typer.echo(f"{request_id} {'is told to end' if graceful else 'is ended'}")
    say_next([("see what came of it", f"huidu queue show {request_id}")])


def _dead(
    context: typer.Context,
    function: opt.MaybeFunction = "",
    *,
    version: OfVersion = None,
    limit: Limit = 20,
    namespace: opt.Namespace = "",
    as_json: opt.AsJson = False,
) -> None:
    """List calls that were given up, the latest first, and how many there are of each version."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    found = desk.insist("ListDeadEvents", FunctionVersion=version, Limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one["InvokeRequestId"],
            f"{one['FunctionName']}:{one['FunctionVersion'] or '-'}",
            str(one["StatusCode"]),
            str(one["Attempts"]),
            one["EndTime"],
            one["ErrMsg"].splitlines()[0][:MOST_SHOWN] if one["ErrMsg"] else one["Reason"],
        )
        for one in found["Events"]
    ]
    show(table(("id", "ran", "status", "tries", "given up", "error"), rows, right=("tries",)))
    for of in found["Versions"]:
        typer.echo(f"{of['Count']} of {of['FunctionName']}:{of['FunctionVersion'] or '-'}")
    if rows:
        first = found["Versions"][0]
        mine = Desk(
            client=desk.client, function=first["FunctionName"], namespace=first["Namespace"]
        )
        again = mine.of_function("queue redrive", "--version", first["FunctionVersion"])
        say_next([("see one", f"huidu queue show {rows[0][0]}"), ("play them again", again)])


def _chosen(desk: Desk, verb: str, ids: Sequence[str], version: str | None, *, every: bool) -> None:
    """Leave, unless it was said which are meant."""
    if not ids and version is None and not every:
        line = desk.of_function(verb)
        raise typer.BadParameter(
            f"which? name ids, or a version, or all: {line} ID | --version VERSION | --all"
        )


def _redrive(
    context: typer.Context,
    function: opt.Function,
    ids: Ids = None,
    *,
    version: OfVersion = None,
    every: All = False,
    to: To = "",
    reason: opt.Reason = "",
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Play calls again that were given up: each once, where its alias leads now."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    _chosen(desk, "queue redrive", ids or (), version, every=every)
    answer = desk.insist(
        "RedriveEvents",
        InvokeRequestIds=ids or None,
        FunctionVersion=version,
        Qualifier=to or None,
        Reason=reason,
    )
    _tell(desk, "played again", answer, as_json=as_json)


def _discard(
    context: typer.Context,
    function: opt.Function,
    ids: Ids = None,
    *,
    version: OfVersion = None,
    every: All = False,
    reason: opt.Reason = "",
    yes: opt.Yes = False,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Throw calls away that were given up. What was sent with them is gone then."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    _chosen(desk, "queue discard", ids or (), version, every=every)
    make_sure(f"Throw away what {function} was sent?", desk.of_function("queue discard"), yes=yes)
    answer = desk.insist(
        "DiscardEvents", InvokeRequestIds=ids or None, FunctionVersion=version, Reason=reason
    )
    _tell(desk, "thrown away", answer, as_json=as_json)


def _tell(desk: Desk, what: str, answer: Facts, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    skipped = f", {answer['Skipped']} were not given up any more" if answer["Skipped"] else ""
    typer.echo(f"{desk.named}: {answer['Count']} {what}{skipped}")
    say_next([("see what comes of it", desk.of_function("queue ls"))])


def _retry(
    context: typer.Context,
    function: opt.Function,
    alias: MaybeAlias = "",
    *,
    times: Times = None,
    seconds: For = None,
    on: On = None,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Show or set how asynchronous calls are tried again, and for an alias, by which version."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    if on is not None:
        if not alias:
            raise typer.BadParameter("--on is for an alias: name it behind the function")
        desk.insist("UpdateAliasRetry", Name=alias, RetryOn=on)
    given = {
        "RetryConfig": None if times is None else [{"RetryNum": times}],
        "MsgTTL": seconds,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    if changed:
        desk.insist("UpdateFunctionEventInvokeConfig", AsyncTriggerConfig=changed)
    config = desk.insist("GetFunctionEventInvokeConfig")["AsyncTriggerConfig"]
    told = {"RetryNum": config["RetryConfig"][0]["RetryNum"], "MsgTTL": config["MsgTTL"]}
    if alias:
        told["RetryOn"] = desk.insist("GetAliasRetry", Name=alias)["RetryOn"]
    if as_json:
        print_json(told)
        return
    typer.echo(
        f"{desk.named}: {told['RetryNum']} tries after the first, within {told['MsgTTL']} seconds"
    )
    if alias:
        goes = (
            "the version that it leads to then"
            if told["RetryOn"] == "current"
            else ("the version that had the call first")
        )
        typer.echo(f"{desk.named}:{alias}: a retry goes to {goes}")
