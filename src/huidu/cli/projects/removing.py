"""Removing: `huidu remove`, which takes a project off the server."""

from __future__ import annotations

from collections.abc import Callable

import typer
from typer.core import TyperCommand

from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import make_sure, print_json
from huidu.cli.projects.bucket import Bucket
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
from huidu.cli.projects.sending import clean as clean_up
from huidu.cli.projects.work import Work, open_work
from huidu.cli.rollout.words import clean
from huidu.project.carrying import carry_out
from huidu.project.plan_removal import plan_removal
from huidu.project.steps import Plan, Step, lines


def command(connect: Callable[[], Client]) -> TyperCommand:
    """Return the command; it finds in its context how to connect."""
    return with_inputs("remove", remove)


def remove(
    context: typer.Context,
    *,
    folder: Folder = HERE,
    stage: Stage = "",
    inputs: Inputs = None,
    yes: opt.Yes = False,
    as_json: opt.AsJson = False,
) -> None:
    """Take a project off the server: its function with all versions, its APIs and its URLs.

    Asks before, unless --yes. Layers, and what others have in the same service, stay.
    """
    work = open_work(context.obj, folder, stage, read_inputs(inputs))
    made = plan_removal(work.project, work.look())
    told = [step.what for step in made.steps]
    if not as_json:
        for one in lines(made) if made.steps else ["nothing of it is on the server"]:
            typer.echo(clean(one))
    if made.steps:
        again = line("remove", *spelled(stage, inputs, folder))
        make_sure("All of this goes, and does not come back. Go on?", again, yes=yes)
        _carry(work, made)
    work.forget()
    if as_json:
        print_json({"FunctionName": work.project.function.name, "Removed": told})
    elif made.steps:
        typer.echo(clean(f"{work.project.function.name}: removed"))


def _carry(work: Work, made: Plan) -> None:
    steps: list[Step] = []
    try:
        carry_out(made, None, work.ask, steps.append)
        clean_up(Bucket(work.client), work.place)
    except (Refused, Unreachable) as error:
        raise work.refuse_step(steps[-1] if steps else None, error) from None
