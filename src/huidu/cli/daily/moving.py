"""Moving: writes an alias anew, and says what it was and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from huidu.cli.client import Refused, Unreachable
from huidu.cli.daily.asking import Desk, Facts, make_sure, print_json, say_next
from huidu.cli.daily.words import in_words
from huidu.cli.rollout.words import clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an alias is moved, whatever it is moved to."""

    reason: str = ""
    expected_revision: int | None = None
    take_over: bool = False
    yes: bool = False
    as_json: bool = False


def take_over(desk: Desk, terms: Terms, line: str) -> None:
    """Make sure that somebody means to end a rollout: it does not come back."""
    if terms.take_over:
        question = f"This ends the rollout that moves {desk.named}, if there is one. Go on?"
        make_sure(question, f"{line} --take-over", yes=terms.yes)


def write(desk: Desk, before: Facts, asked: Mapping[str, Any], terms: Terms) -> Facts:
    """Write an alias that nobody has written since it was read; return what it is then.

    What is not asked for stays, but for the routing: without one all calls go to the main version.
    """
    expected = terms.expected_revision
    try:
        desk.ask(
            "UpdateAlias",
            **asked,
            ExpectedRevision=before["Revision"] if expected is None else expected,
            Reason=terms.reason,
            TakeOver=terms.take_over or None,
        )
        return desk.ask("GetAlias")
    except (Refused, Unreachable) as error:
        raise desk.refuse(error) from None


def tell(desk: Desk, before: Facts | None, after: Facts, *, as_json: bool) -> None:
    """Say what an alias was and what it is, and how to go back."""
    if as_json:
        print_json({"Before": before, "After": after})
        return
    for line in changed(desk, before, after):
        typer.echo(line)
    see = ("see it", desk.line("alias show"))
    say_next([("go back", desk.line("undo")), see] if before else [see])


def changed(desk: Desk, before: Facts | None, after: Facts) -> Sequence[str]:
    """Return lines that say what an alias was and what it is."""
    begin = f"{desk.named}: "
    arrow = "->".rjust(len(begin) - 1)
    return [
        f"{begin}{in_words(before)}",
        clean(f"{arrow} {in_words(after)} (revision {after['Revision']})"),
    ]
