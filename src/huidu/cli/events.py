"""`huidu events`: what happened, as a person reads it, and as it happens."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.cells import cell_len, chop_cells

from huidu.actions.events import LIST_EVENTS
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.harmless import json_text

LOOK_S = 0.5
MOST = 100
INTERRUPTED = 130
HANG = 2  #: Columns before what goes on in another row.
#: How families are told apart where somebody looks on.
COLOURS: Mapping[str, str] = {
    "alias": "cyan",
    "mirror": "cyan",
    "rollout": "cyan",
    "service": "cyan",
    "throttle": "yellow",
    "webhook": "red",
}

Event = Mapping[str, Any]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; `connect` is asked for a client when it runs."""

    def events(
        follow: Annotated[  # noqa: FBT002
            bool, typer.Option("-f", "--follow", help="Go on as they happen.")
        ] = False,
        function: Annotated[str, typer.Option(help="Only of functions of this name.")] = "",
        namespace: Annotated[str, typer.Option(help="Only of this namespace.")] = "",
        alias: Annotated[str, typer.Option(help="Only of this alias.")] = "",
        kind: Annotated[
            list[str] | None, typer.Option(help="Only these: alias.moved, alias.*, ...")
        ] = None,
        since: Annotated[
            str, typer.Option(help="Not before: 90s, 15m, 1h, 7d ago, or 'YYYY-MM-DD HH:MM:SS'.")
        ] = "",
        limit: Annotated[int, typer.Option(help="At most so many; all, with --since.")] = 20,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one a line.")] = False,  # noqa: FBT002
    ) -> None:
        """Show what happened: moves of aliases, releases, throttling, with who and why."""
        asked = {
            "FunctionName": function,
            "Namespace": namespace,
            "Alias": alias,
            "Kinds": kind or [],
            "Since": since,
        }
        narrowed = {name: value for name, value in asked.items() if value}
        _run(
            connect(),
            narrowed,
            _as_json if as_json else _as_line,
            None if since else limit,
            follow=follow,
        )

    return events


def _run(
    client: Client,
    narrowed: Mapping[str, Any],
    tell: Callable[[Event], None],
    limit: int | None,
    *,
    follow: bool,
) -> None:
    try:
        cursor = "0"
        for event in reversed(list(_newest(client, narrowed, limit))):
            tell(event)
            cursor = event["Id"]
        if cursor == "0" and not follow:
            typer.echo(f"huidu: {_nothing(narrowed)}", err=True)
        if follow:
            _follow(client, {**narrowed, "Cursor": cursor, "Order": "ASC"}, tell)
    except (Refused, Unreachable) as error:
        typer.echo(f"huidu: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # whoever read has enough; let Python's last flush go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _nothing(narrowed: Mapping[str, Any]) -> str:
    """Return what to do where nothing happened."""
    if narrowed:
        return "no event is like that; ask for less, or look at all of them: huidu events"
    return "nothing has happened yet; make a function: huidu api create-function --help"


def _newest(client: Client, narrowed: Mapping[str, Any], limit: int | None) -> Iterator[Event]:
    """Yield events, the newest first: so many, or all there are."""
    left, cursor = limit, ""
    while left is None or left > 0:
        page = client.call(
            LIST_EVENTS, {**narrowed, "Cursor": cursor, "Limit": min(left or MOST, MOST)}
        )
        yield from page["Events"]
        left = None if left is None else left - len(page["Events"])
        cursor = page["NextCursor"]
        if not cursor:
            return


def _follow(client: Client, asked: dict[str, Any], tell: Callable[[Event], None]) -> None:
    """Tell what happens from now on, until interrupted; a server that restarts is waited for."""
    lost = False
    while True:
        try:
            page = client.call(LIST_EVENTS, {**asked, "Limit": MOST})
        except Unreachable as error:
            if not lost:
                typer.echo(f"huidu: {error}; trying again", err=True)
            lost = True
        else:
            lost = False
            asked["Cursor"] = page["NextCursor"]
            for event in page["Events"]:
                tell(event)
            if len(page["Events"]) == MOST:
                continue
        time.sleep(LOOK_S)


def _as_json(event: Event) -> None:
    print(json_text(event), flush=True)  # noqa: T201 - it is a command


def _as_line(event: Event) -> None:
    # Colours go only to a terminal (by itself), and not where its user wants none.
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    typer.echo(line(event, columns), color=False if os.environ.get("NO_COLOR") else None)


def line(event: Event, columns: int | None = None) -> str:
    """Return one event in one line: when, what, of what, from what to what, by whom and why.

    Where there are only so many `columns` and it does not fit, it goes on in rows below.
    """
    kind = str(event["Kind"])
    told = " -> ".join(filter(None, (event["Before"], event["After"])))
    parts: list[tuple[str, dict[str, Any]]] = [
        (event["Time"], {"dim": True}),
        (f"{kind:<17}", {"fg": COLOURS.get(kind.partition(".")[0])}),
        (_subject(event), {"bold": True}),
        (told, {}),
        (_cause(event), {"dim": True}),
    ]
    said = [(_clean(words), how) for words, how in parts if words]
    if columns is None or cell_len("  ".join(words for words, _ in said)) <= columns:
        return "  ".join(typer.style(words, **how) for words, how in said)
    return _in_rows(said, columns)


def _in_rows(said: Sequence[tuple[str, dict[str, Any]]], columns: int) -> str:
    """Return an event in rows: no word is cut that fits a row of its own."""
    rows: list[str] = []
    left = 0
    for words, how in said:
        if cell_len(words) + 2 <= left:
            rows[-1] += "  " + typer.style(words, **how)
            left -= cell_len(words) + 2
            continue
        cut = _wrapped(words, max(2, columns - HANG))
        margin = " " * HANG if rows else ""
        rows += [margin + typer.style(cut[0], **how)]
        rows += [" " * HANG + typer.style(row, **how) for row in cut[1:]]
        left = columns - HANG - cell_len(cut[-1])
    return "\n".join(rows)


def _wrapped(text: str, columns: int) -> list[str]:
    """Return a text in rows, cut between words where that can be."""
    rows = [""]
    for word in text.split(" "):
        for piece in chop_cells(word, columns):
            longer = f"{rows[-1]} {piece}".lstrip()
            if cell_len(longer) <= columns:
                rows[-1] = longer
            else:
                rows.append(piece)
    return rows


def _subject(event: Event) -> str:
    named = f"{event['Namespace']}/{event['FunctionName']}" if event["FunctionName"] else ""
    which = event["Alias"] or event["FunctionVersion"]
    return " ".join(filter(None, (f"{named}:{which}" if which else named, event["Subject"])))


def _cause(event: Event) -> str:
    who = f"by {event['Who']}" if event["Who"] else ""
    return ": ".join(filter(None, (who, event["Reason"])))


def _clean(words: str) -> str:
    """Return words without what would move a terminal's cursor: reasons are anybody's text."""
    return "".join(one if one.isprintable() else " " for one in words)
