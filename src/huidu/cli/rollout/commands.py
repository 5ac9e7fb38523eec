"""Commands: `huidu rollout start`, `show`, `watch`, `list`, `pause`, ..., `simulate`."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer

from huidu.actions.rollouts import RolledBack, RolloutFacts
from huidu.cli.client import Client
from huidu.cli.harmless import json_text
from huidu.cli.rollout import options as opt
from huidu.cli.rollout import words
from huidu.cli.rollout.asking import insist, named
from huidu.cli.rollout.listing import show_list, show_one
from huidu.cli.rollout.watching import say_next, watch
from huidu.cli.simulating import simulate
from huidu.model import amount
from huidu.model.names import DEFAULT_NAMESPACE

STEPS, LIMIT = 20, 20


def commands(connect: Callable[[], Client]) -> typer.Typer:
    """Return the group of commands; `connect` is asked for a client when one of them runs."""
    group = typer.Typer(
        help="Release a version step by step, by evidence; take it back.",
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"obj": connect},
    )
    group.callback()(_show_what_can_be_shown)
    group.command("start")(opt.with_terms(_start))
    for name, run in (("show", _show), ("watch", _watch), ("list", _list)):
        group.command(name)(run)
    for verb, action, told in STEPS_BY_HAND:
        group.command(verb, help=told)(_by_hand(verb, action))
    group.command("promote")(_promote)
    group.command("back")(_back)
    group.command("simulate")(simulate)
    return group


def _show_what_can_be_shown() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):  # A terminal may know no bars, nor Chinese.
        sys.stdout.reconfigure(errors="replace")


STEPS_BY_HAND = (
    (
        "pause",
        "PauseRollout",
        "Hold the share where it is. What is worse is taken back all the same.",
    ),
    ("resume", "ResumeRollout", "Let a paused rollout go on."),
    (
        "approve",
        "ApproveRollout",
        "Approve what a rollout waits for, or is going to wait for next.",
    ),
)


def _start(
    context: typer.Context,
    function: opt.Function,
    alias: opt.Alias,
    version: opt.Version,
    *,
    watching: opt.Watch = False,
    reason: opt.Reason = "",
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
    **given: Any,  # noqa: ANN401 - as they are in the table of terms
) -> None:
    """Begin: a version takes over an alias, by itself from then on."""
    which = {"FunctionName": function, "Name": alias, "Namespace": namespace}
    asked = {**which, "FunctionVersion": version, "Reason": reason, **opt.asked(given)}
    facts, came = insist(context.obj(), "StartRollout", asked, RolloutFacts)
    if watching:
        which = {"RolloutId": facts.rollout_id}
        raise typer.Exit(watch(context.obj(), which, as_json=as_json))
    if as_json:
        _print(came)
        return
    typer.echo(f"{words.title(facts)}: {facts.rollout_id} has begun, by plan {facts.plan}")
    say_next(facts)


def _show(
    context: typer.Context,
    target: opt.Target,
    *,
    steps: opt.Steps = STEPS,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """See how a rollout stands, and why it was taken back."""
    which = named(target, namespace)
    facts, came = insist(context.obj(), "GetRollout", which, RolloutFacts)
    if as_json:
        _print(came)
    else:
        show_one(facts, steps)


def _watch(
    context: typer.Context,
    target: opt.Target,
    *,
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """See how a rollout goes, until it has ended or needs somebody.

    Exit code 0 where it has finished, 3 where the version was taken back, 4 where the alias was
    taken over by hand or the platform has paused it, 130 after Ctrl-C.
    """
    raise typer.Exit(watch(context.obj(), named(target, namespace), as_json=as_json))


def _list(
    context: typer.Context,
    function: opt.OnlyFunction = "",
    alias: opt.OnlyAlias = "",
    *,
    states: opt.States = None,
    limit: opt.Limit = LIMIT,
    namespace: opt.OnlyNamespace = "",
    as_json: opt.AsJson = False,
) -> None:
    """List rollouts, the latest first."""
    asked = {
        "FunctionName": function,
        "Name": alias,
        "Namespace": namespace,
        "States": states or [],
    }
    show_list(context.obj(), asked, limit, as_json=as_json)


def _by_hand(verb: str, action: str) -> Callable[..., None]:
    """Return the command of a step that is taken by hand, and asks for nothing but which."""

    def run(
        context: typer.Context,
        target: opt.Target,
        *,
        reason: opt.Reason = "",
        namespace: opt.Namespace = DEFAULT_NAMESPACE,
        as_json: opt.AsJson = False,
    ) -> None:
        which = named(target, namespace)
        _take(context, action, which, reason, as_json=as_json)

    run.__name__ = verb
    return run


def _take(
    context: typer.Context, action: str, which: Mapping[str, Any], reason: str, *, as_json: bool
) -> None:
    facts, came = insist(context.obj(), action, {**which, "Reason": reason}, RolloutFacts)
    if as_json:
        _print(came)
        return
    typer.echo(words.outcome(facts))
    say_next(facts)


def _promote(
    context: typer.Context,
    target: opt.Target,
    *,
    yes: opt.Yes = False,
    reason: opt.Reason = "",
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Give the version all calls now, whatever has been found out. Asks, unless --yes."""
    which = named(target, namespace)
    if not yes:
        facts, _ = insist(context.obj(), "GetRollout", which, RolloutFacts)
        _ask_whether(facts)
    _take(context, "PromoteRollout", which, reason, as_json=as_json)


def _ask_whether(facts: RolloutFacts) -> None:
    """Leave, unless somebody says that all calls are to go to the version now."""
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            f"no terminal to ask on whether it is meant: {words.command(facts, 'promote')} --yes"
        )
    found = facts.evidence
    seen = f"; so far {words.side(facts.to_version, found.candidate)}" if found else ""
    share = amount.percent(facts.weight)
    typer.echo(
        f"{words.title(facts)}: version {facts.to_version} has {share} of the calls{seen}.",
        err=True,
    )
    awaited = words.awaits(facts)
    if awaited:
        typer.echo(f"Its next share waits for {awaited}.", err=True)
    if not typer.confirm("Give it all calls now?", err=True):
        typer.echo("huidu: nothing was changed", err=True)
        raise typer.Exit(1)


def _back(
    context: typer.Context,
    target: opt.Target,
    *,
    reason: opt.Reason = "",
    namespace: opt.Namespace = DEFAULT_NAMESPACE,
    as_json: opt.AsJson = False,
) -> None:
    """Take the version back, at once, in whatever state it is."""
    which = {**named(target, namespace), "Reason": reason}
    answer, came = insist(context.obj(), "RollbackRollout", which, RolledBack)
    if as_json:
        _print(came)
        return
    for line in words.taken_back(answer):
        typer.echo(line)
    say_next(answer.rollout)


def _print(came: Mapping[str, Any]) -> None:
    typer.echo(json_text(came, 2))
