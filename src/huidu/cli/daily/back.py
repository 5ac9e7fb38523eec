"""Back: `huidu rollback`, `huidu undo` and `huidu history`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
import typer

from huidu.actions.last_good import MARK, Target, last_good
from huidu.actions.rollouts import RolledBack
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import MOST, REFUSED, Desk, Facts, print_json, say_next
from huidu.cli.daily.moving import Terms, changed, take_over, tell, write
from huidu.cli.daily.tables import show, table
from huidu.cli.daily.words import in_words
from huidu.cli.harmless import scrubbed
from huidu.cli.rollout.words import clean, taken_back
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.model.rollout import OWNING, State

Connect = Callable[[], Client]
LIMIT = 20
MOST_CHANGES = 1000  #: So far back a rollback looks.
Before = Annotated[
    int | None,
    typer.Option("--revision", help="The change to go back before. [the newest]", metavar="NUMBER"),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]


def rollback(connect: Connect) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return _rollback


def undo(connect: Connect) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return _undo


def history(connect: Connect) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return _history


def _rollback(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    *,
    reason: opt.Reason = "",
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Take back what an alias was given last.

    What a rollout gave it is taken back at once, whether the rollout runs or has finished. Else all
    calls go to the version that had them last before, and was not itself taken back. Exit code 1
    where there is nothing to go back to.
    """
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    present = desk.insist("GetAlias")
    rollout = _rollout(desk, present)
    if rollout is not None:
        _by_rollout(desk, rollout, reason, as_json=as_json)
        return
    there_are = {row["Version"] for row in desk.all_of("ListVersionByFunction", "Versions")}
    target = last_good(present, _changes(desk), there_are)
    if target is None:
        typer.echo(
            f"huidu: {desk.named}: {in_words(present)}; its history knows no other version that "
            "had them all and was not taken back",
            err=True,
        )
        see = ("see its history", desk.line("history"))
        say_next([see, ("see which versions there are", desk.of_function("ls"))], err=True)
        raise typer.Exit(REFUSED)
    _by_history(desk, present, target, Terms(reason=reason, as_json=as_json))


def _rollout(desk: Desk, present: Facts) -> Facts | None:
    """Return the rollout that gave an alias what it has, or None where none did."""
    try:
        found = desk.ask("GetRollout")
    except (Refused, Unreachable) as error:
        if isinstance(error, Refused) and error.code == "ResourceNotFound.Rollout":
            return None
        raise desk.refuse(error) from None
    if found["State"] in OWNING:
        return found
    stays = present["FunctionVersion"] == found["ToVersion"]
    return found if found["State"] == State.DONE and stays else None


def _by_rollout(desk: Desk, rollout: Facts, reason: str, *, as_json: bool) -> None:
    came = desk.insist("RollbackRollout", RolloutId=rollout["RolloutId"], Reason=reason)
    if as_json:
        print_json({"By": "rollout", **came})
        return
    answer = msgspec.convert(scrubbed(came), RolledBack, strict=False)
    for line in taken_back(answer):
        typer.echo(line)
    see = ("see why and what failed", desk.line("rollout show"))
    say_next([see, ("see its history", desk.line("history"))])


def _by_history(desk: Desk, present: Facts, target: Target, terms: Terms) -> None:
    bad = ", ".join(target.bad)
    why = f"{MARK}{target.bad[0]}" + (f": {terms.reason}" if terms.reason else "")
    asked = {"FunctionVersion": target.version, "RoutingConfig": {}}
    after = write(desk, present, asked, Terms(reason=why))
    if terms.as_json:
        print_json({"By": "history", "Before": present, "After": after})
        return
    since = f", which had all calls at revision {target.revision}" if target.revision else ""
    told = f"taken back from version {bad} to version {target.version}{since}"
    typer.echo(clean(f"{desk.named}: {told}"))
    for line in changed(desk, present, after):
        typer.echo(line)
    compare = desk.of_function("diff", target.version, target.bad[0])
    say_next([("go forward again", desk.line("undo")), ("see what differs", compare)])


def _changes(desk: Desk, most: int = MOST_CHANGES) -> list[Facts]:
    found: list[Facts] = []
    while len(found) < most:
        limit = min(MOST, most - len(found))
        page = desk.insist("ListAliasHistory", Offset=len(found), Limit=limit)
        found += page["Changes"]
        if not page["Changes"] or len(found) >= page["TotalCount"]:
            break
    return found


def _undo(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    *,
    revision: Before = None,
    reason: opt.Reason = "",
    expected_revision: opt.Revision = None,
    take_over_: opt.TakeOver = False,
    yes: opt.Yes = False,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Bring an alias back to what it was before a change. That is a change, too."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    terms = Terms(take_over=take_over_, yes=yes)
    more = ("--revision", str(revision)) if revision else ()
    take_over(desk, terms, desk.line("undo", *more))
    before = desk.insist("GetAlias")
    expected = before["Revision"] if expected_revision is None else expected_revision
    answer = desk.insist(
        "UndoAlias",
        Revision=revision,
        ExpectedRevision=expected,
        Reason=reason,
        TakeOver=take_over_ or None,
    )
    tell(desk, before, answer["Alias"], as_json=as_json)


def _history(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    *,
    limit: Limit = LIMIT,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Show who moved an alias, when and why, the newest change first."""
    desk = Desk(client=context.obj(), function=function, namespace=namespace, alias=alias)
    found = _changes(desk, limit)
    if as_json:
        print_json(found)
        return
    heads = ("revision", "time", "who", "what", "calls go", "why")
    show(table(heads, list(map(_row, found)), right=("revision",)))
    if found and found[0]["After"] and found[0]["Before"]:
        say_next([("go back before the newest", desk.line("undo"))])


def _row(change: Facts) -> Sequence[str]:
    went = in_words(change["After"]) if change["After"] else "deleted"
    why = "; ".join(filter(None, (change["Reason"], change["Warning"])))
    what = change["Action"]
    return (str(change["Revision"]), change["Time"], change["Who"], what, went, why)
