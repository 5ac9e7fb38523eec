"""Invoking: `huidu invoke`, which calls a function and prints what it answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import Desk, Facts, pairs, print_json, say_next
from huidu.cli.daily.over_http import Sent, over_http
from huidu.cli.daily.tables import clean_text
from huidu.cli.rollout.words import clean
from huidu.model.names import DEFAULT_NAMESPACE

FUNCTION_FAILED = 3
MB = 1 << 20

Event = Annotated[
    str,
    typer.Option("--event", "-e", help="The event: JSON; - reads standard input.", metavar="JSON"),
]
File = Annotated[
    str,
    typer.Option(
        "--file", "-f", help="A file with the event; - reads standard input.", metavar="FILE"
    ),
]
Http = Annotated[
    tuple[str, str],
    typer.Option(
        "--http",
        help="Call it over HTTP, through its function URL or API: GET /path?a=b.",
        metavar="METHOD PATH",
    ),
]
Log = Annotated[bool, typer.Option("--log", help="Show what it printed, at most 4 KB.")]
Later = Annotated[bool, typer.Option("--async", help="Have it run later; nothing is waited for.")]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return invoke


def invoke(
    context: typer.Context,
    target: opt.Called,
    *,
    event: Event = "",
    file: File = "",
    http: Http = ("", ""),
    header: opt.Headers = None,
    log: Log = False,
    later: Later = False,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Call a function and print its answer.

    --header is what rules and stickiness see; the answer goes to standard output, all else beside
    it. Exit code 0 where the function succeeded, 3 where it failed (over HTTP: from status 400 on),
    1 where it was not called.
    """
    function, _, qualifier = target.partition(":")
    if not function:
        raise typer.BadParameter("name a function, as in shop or shop:release")
    desk = Desk(client=context.obj(), function=function, namespace=namespace)
    shown = pairs("--header", header)
    body = _event(event, file)
    if any(http):
        if later or log:
            raise typer.BadParameter("--http answers at once, and its log is read by: huidu logs")
        sent = Sent(method=http[0].upper(), path=http[1], headers=shown, body=body)
        raise typer.Exit(over_http(desk, qualifier, sent, as_json=as_json))
    _check_json(body, "--file" if file else "--event")
    if later:
        _later(desk, qualifier, body, shown, as_json=as_json)
    else:
        _now(desk, qualifier, body, shown, tail=log, as_json=as_json)


def _event(event: str, file: str) -> str:
    """Return the event, from wherever it is to come."""
    if event and file:
        raise typer.BadParameter("--event and --file: give one of them")
    if "-" in (event, file):
        return sys.stdin.read()
    if not file:
        return event
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text in UTF-8"
        raise typer.BadParameter(f"--file {file}: {why}") from None


def _check_json(text: str, option: str) -> None:
    try:
        json.loads(text or "{}")
    except ValueError as error:
        raise typer.BadParameter(
            f"{option}: not JSON: {error}; a text is written in quotes of its own: '\"text\"'"
        ) from None


def _key(shown: Mapping[str, str]) -> str | None:
    """Return headers as a call over the API shows them to rules."""
    return json.dumps(shown, ensure_ascii=False) if shown else None


def _now(
    desk: Desk, qualifier: str, event: str, shown: Mapping[str, str], *, tail: bool, as_json: bool
) -> None:
    answer = desk.insist(
        "InvokeFunction",
        Qualifier=qualifier or None,
        Event=event or None,
        RoutingKey=_key(shown),
        LogType="Tail" if tail else None,
    )
    result = answer["Result"]
    if as_json:
        print_json(result)
    else:
        _show(desk, result, tail=tail)
    if result["InvokeResult"]:
        raise typer.Exit(FUNCTION_FAILED)


def _show(desk: Desk, result: Facts, *, tail: bool) -> None:
    failed = bool(result["InvokeResult"])
    if tail and result["Log"]:
        typer.echo(clean_text(result["Log"]).rstrip("\n"), err=True)
    if not failed:
        answer = result["RetMsg"]
        typer.echo(clean_text(answer) if sys.stdout.isatty() else answer)
    typer.echo(_told(desk, result), err=True)
    if failed:
        said = clean_text(result["ErrMsg"]).rstrip("\n")
        typer.echo(f"huidu: the function failed: {said}", err=True)
        see = desk.of_function("logs", "--request", result["FunctionRequestId"])
        say_next([("see what it printed", see)], err=True)


def _told(desk: Desk, result: Facts) -> str:
    """Say in a line who answered, and what it took."""
    through = f" through {result['Alias']}" if result["Alias"] else ""
    took = f"{result['Duration']:.1f} ms, {result['MemUsage'] / MB:.0f} MB"
    said = (
        f"{desk.named} version {result['FunctionVersion'] or '?'}{through}: {result['StatusCode']} "
        f"in {took}, request {result['FunctionRequestId']}"
    )
    return clean(said)


def _later(
    desk: Desk, qualifier: str, event: str, shown: Mapping[str, str], *, as_json: bool
) -> None:
    asked: dict[str, Any] = {"Qualifier": qualifier or None, "RoutingKey": _key(shown)}
    answer = desk.insist("Invoke", InvocationType="Event", ClientContext=event or "{}", **asked)
    result = answer["Result"]
    if as_json:
        print_json(result)
        return
    request_id = result["FunctionRequestId"]
    typer.echo(clean(f"{desk.named}: will be run, request {request_id}"))
    say_next([("see what it prints", desk.of_function("logs", "-f", "--request", request_id))])
