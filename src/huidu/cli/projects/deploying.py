"""Deploying: `huidu deploy`, after which a server has what a project says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer
from typer.core import TyperCommand

from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import INTERRUPTED, make_sure, print_json, say_next
from huidu.cli.projects import facts, progress
from huidu.cli.projects.bucket import Bucket
from huidu.cli.projects.next import after
from huidu.cli.projects.options import (
    HERE,
    Folder,
    Inputs,
    Stage,
    line,
    read_inputs,
    spelled,
    with_inputs,
)
from huidu.cli.projects.sending import Sent, sent
from huidu.cli.projects.work import Work, open_work, refuse
from huidu.cli.rollout.watching import watch
from huidu.cli.rollout.words import clean
from huidu.project.carrying import carry_out
from huidu.project.flaw import Flaw, Meanwhile
from huidu.project.installing import cache_of
from huidu.project.packages import layers_of, notes_of, package_of
from huidu.project.packing import Package, Progress
from huidu.project.plan import plan
from huidu.project.steps import Plan, Step, lines
from huidu.project.there import There

Force = Annotated[
    bool,
    typer.Option("--force", help="Undo what others have changed since. Asks, unless --yes."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and do nothing, as huidu diff.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Install anew what the code needs.")]
Watch = Annotated[bool, typer.Option("--watch", help="Follow the rollout until it has ended.")]


def command(connect: Callable[[], Client]) -> TyperCommand:
    """Return the command; it finds in its context how to connect."""
    return with_inputs("deploy", deploy)


def deploy(
    context: typer.Context,
    *,
    folder: Folder = HERE,
    stage: Stage = "",
    inputs: Inputs = None,
    force: Force = False,
    yes: opt.Yes = False,
    dry_run: DryRun = False,
    fresh: Fresh = False,
    follow: Watch = False,
    as_json: opt.AsJson = False,
) -> None:
    """Deploy the project of a folder, as its serverless.yml says.

    What is so already is left alone, and what somebody else has changed since the last deploy is
    not undone (exit code 4). --inputs.KEY=VALUE wins over the file: --inputs.traffic=0.1.
    """
    words = spelled(stage, inputs, folder)
    work = open_work(context.obj, folder, stage, read_inputs(inputs))
    made = prepare(work, fresh=fresh, force=force)
    if made.overrides and not dry_run:
        typer.echo(f"huidu: {clean(made.overrides)}", err=True)
        make_sure("Undo what others have changed?", line("deploy", *words, "--force"), yes=yes)
    if not as_json:
        for one in lines(made.plan, whole=dry_run):
            typer.echo(clean(one))
    if dry_run:
        _say_plan(work, made, words, as_json=as_json)
        return
    there, new = _carry(work, made)
    if as_json:
        told = {"Steps": [step.what for step in made.plan.steps], "SentBytes": new}
        print_json({**facts.for_programs(work.project, there), **told})
    else:
        _tell(work, there, words)
    _watch(work, made.plan, there, follow=follow, as_json=as_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A deploy that is planned, and not begun."""

    there: There
    package: Package
    plan: Plan
    layers: Mapping[str, Package]
    overrides: str = ""  #: What of others' it undoes.


def prepare(work: Work, *, fresh: bool = False, force: bool = False) -> Prepared:
    """Pack a project and plan its deploy, or say why that cannot be and leave."""
    # First of all: who waits for npm wants to know that there is a server for it.
    there, runtime = work.look(), work.runtime()
    try:
        package = _pack(work, runtime.python, fresh=fresh)
        layers, notes = layers_of(work.project), notes_of(work.project, runtime)
        digests = {name: layer.sha256 for name, layer in layers.items()}
        make = partial(plan, work.project, package.sha256, there, layers=digests)
        try:
            made, overrides = make(left=work.recall()), ""
        except Meanwhile as others:
            if not force:
                raise
            made, overrides = make(force=True), str(others)
    except Flaw as flaw:
        raise refuse(flaw) from None
    made = replace(made, notes=(*notes, *made.notes))
    return Prepared(there=there, package=package, plan=made, layers=layers, overrides=overrides)


def _pack(work: Work, python: str, *, fresh: bool) -> Package:
    with progress.bar("packing", progress.LARGE_BYTES) as tell:

        def told(seen: Progress) -> None:
            tell(seen.size_bytes, seen.of_bytes)

        return package_of(
            work.project,
            cache_of(os.environ),
            say=lambda text: typer.echo(clean(text), err=True),
            tell=told,
            fresh=fresh,
            python=python,
        )


def _say_plan(work: Work, made: Prepared, words: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json(planned(work, made))
    elif made.plan.steps:
        say_next([("have it so", line("deploy", *words))])


def planned(work: Work, made: Prepared) -> dict[str, object]:
    """Return a plan for programs."""
    steps = [
        {
            "Action": step.action,
            "What": step.what,
            "Differences": [
                {"Field": one.field, "Before": one.before, "After": one.after}
                for one in step.differences
            ],
        }
        for step in made.plan.steps
    ]
    return {
        "FunctionName": work.project.function.name,
        "CodeSha256": made.package.sha256,
        "Steps": steps,
        "Notes": list(made.plan.notes),
    }


def _carry(work: Work, made: Prepared) -> tuple[There, int]:
    """Do what is planned; return what there is then, and how many bytes of code were sent."""
    begun: list[Step] = []
    try:
        with _sent(work, made) as found:
            carry_out(made.plan, made.package, work.ask, begun.append, found.code, made.layers)
    except (Refused, Unreachable, KeyboardInterrupt) as error:
        # The last step was not taken where it was refused; where its answer was lost, it may be.
        if len(begun) > isinstance(error, Refused):
            work.remember_what_was_done()
        if isinstance(error, KeyboardInterrupt):
            typer.echo("huidu: stopped; say it again to go on", err=True)
            raise typer.Exit(INTERRUPTED) from None
        raise work.refuse_step(begun[-1] if begun else None, error) from None
    there = work.look()
    try:
        work.remember(there)
    except Flaw as flaw:
        why = "so the next deploy cannot tell who came since"
        typer.echo(f"huidu: {clean(str(flaw))}; {why}", err=True)
    return there, found.sent_bytes


@contextmanager
def _sent(work: Work, made: Prepared) -> Iterator[Sent]:
    """Have the package on the server, if it needs it, for as long as the block lasts."""
    if not made.plan.sends_code:
        yield Sent(None, 0)
        return
    base = made.there.function.code_sha256 if made.there.function else ""
    whole = len(made.package.zip_bytes)
    with ExitStack() as held:
        with progress.bar("sending") as tell:
            sending = sent(made.package, base, Bucket(work.client), work.place, tell)
            found = held.enter_context(sending)
        if found.code is not None:
            rest = "; the rest was there" if found.sent_bytes < whole else ""
            told = f"sent {progress.size(found.sent_bytes)} of {progress.size(whole)}{rest}"
            typer.echo(told, err=True)
        yield found


def _tell(work: Work, there: There, words: Sequence[str]) -> None:
    typer.echo()
    for one in facts.lines(work.project, there):
        typer.echo(clean(one))
    say_next(after(work, there, words))


def _is_rolling(made: Plan, there: There, name: str) -> bool:
    """Tell whether a rollout is under way, or was when this deploy began it."""
    alias = there.function.alias(name) if there.function else None
    begun = any(step.action == "StartRollout" for step in made.steps)
    return begun or bool(alias and alias.rollout)


def _watch(work: Work, made: Plan, there: There, *, follow: bool, as_json: bool) -> None:
    """Follow the rollout that was begun, and leave with how it ends."""
    rollout, function = work.project.rollout, work.project.function
    if follow and rollout is not None and _is_rolling(made, there, rollout.alias):
        who = {"FunctionName": function.name, "Namespace": function.namespace}
        asked = {**who, "Name": rollout.alias}
        raise typer.Exit(watch(work.client, asked, as_json=as_json))
