"""Over HTTP: calls a function as its callers do, at its URL or through its API."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, InvalidURL
from urllib.parse import quote, urlsplit

import typer

from huidu.cli.client import TIMEOUT_S
from huidu.cli.daily.asking import REFUSED, Desk, Facts, print_json, say_next
from huidu.cli.daily.listing import where
from huidu.cli.daily.tables import clean_text
from huidu.cli.rollout.words import clean
from huidu.model.names import DEFAULT

FUNCTION_FAILED = 3
FAILED_FROM = 400
KINDS = ("http", "apigw")  #: A function URL is asked before an API.
PLAIN = "/?&=%:@!$'()*+,;~-._[]"  #: What stands in a path as it was typed.
VERSION, REQUEST = "X-Scf-Version", "X-Api-RequestId"
DESC = json.dumps({"AuthType": "NONE", "NetConfig": {"EnableExtranet": True}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What is sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""


def over_http(desk: Desk, qualifier: str, sent: Sent, *, as_json: bool) -> int:
    """Call a function and print what it answers; return with what to leave."""
    if not sent.path.startswith("/"):
        raise typer.BadParameter(f"--http {sent.method} {sent.path}: a path begins with /")
    address = _address(desk, qualifier)
    try:
        answer, body = _call(address, sent)
    except (ValueError, InvalidURL) as error:
        raise typer.BadParameter(
            f"--http {sent.method} {sent.path}: cannot be sent: {error}"
        ) from None
    except (OSError, HTTPException) as error:
        typer.echo(clean(f"huidu: no answer at {address} ({error})"), err=True)
        return REFUSED
    failed = answer.status >= FAILED_FROM
    if as_json:
        _print(answer, body)
    else:
        _show(desk, answer, body, failed=failed)
    return FUNCTION_FAILED if failed else 0


def _address(desk: Desk, qualifier: str) -> str:
    """Return where the function is called, or leave with what would give it an address."""
    found = desk.all_of("ListTriggers", "Triggers")
    fits = [
        row
        for kind in KINDS
        for row in found
        if row["Type"] == kind and row["Enable"] and qualifier in ("", row["Qualifier"])
    ]
    addresses = list(filter(None, map(where, fits)))
    if addresses:
        return addresses[0]
    _say_none(desk, qualifier, [row for row in found if row["Type"] in KINDS])
    raise typer.Exit(REFUSED)


def _say_none(desk: Desk, qualifier: str, others: list[Facts]) -> None:
    what = f"{desk.function}:{qualifier}" if qualifier else desk.function
    told = ", ".join(f"{row['Type']} {row['TriggerName']} of {row['Qualifier']}" for row in others)
    typer.echo(
        f"huidu: {what} has no URL and no API{clean(f'; there is {told}') if told else ''}",
        err=True,
    )
    make = (
        f"huidu api create-trigger --function-name {desk.function}{desk.more} --trigger-name url "
        f"--type http --qualifier '{qualifier or DEFAULT}' --trigger-desc '{DESC}'"
    )
    say_next([("give it a URL", make)], err=True)


def _call(address: str, sent: Sent) -> tuple[HTTPResponse, bytes]:
    at = urlsplit(address)
    kind = HTTPSConnection if at.scheme == "https" else HTTPConnection
    connection = kind(at.hostname or "", at.port, timeout=TIMEOUT_S)
    try:
        path = at.path.rstrip("/") + quote(sent.path, safe=PLAIN)
        body = sent.body.encode() if sent.body else None
        shown = {"User-Agent": "huidu", **sent.headers}
        headers = {name: value.encode() for name, value in shown.items()}
        connection.request(sent.method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def _print(answer: HTTPResponse, body: bytes) -> None:
    told = {
        "StatusCode": answer.status,
        "Headers": dict(answer.getheaders()),
        "Body": body.decode("utf-8", "replace"),
        "FunctionVersion": answer.headers[VERSION] or "",
        "FunctionRequestId": answer.headers[REQUEST] or "",
    }
    print_json(told)


def _show(desk: Desk, answer: HTTPResponse, body: bytes, *, failed: bool) -> None:
    """Print the body as it came, and beside it who answered."""
    sys.stdout.flush()
    if sys.stdout.isatty():
        typer.echo(clean_text(body.decode("utf-8", "replace")).rstrip("\n"))
    else:
        typer.echo(body, nl=False)
    version, request = answer.headers[VERSION], answer.headers[REQUEST]
    by = f" by version {version}" if version else ""
    told = f", request {request}" if request else ""
    typer.echo(clean(f"{desk.named}: {answer.status} {answer.reason}{by}{told}"), err=True)
    if failed and request:
        see = desk.of_function("logs", "--request", clean(request))
        say_next([("see what it printed", see)], err=True)
