"""Showing: `huidu info`, what is deployed of a project."""

from __future__ import annotations

from collections.abc import Callable

import typer
from typer.core import TyperCommand

from huidu.cli.client import Client
from huidu.cli.daily import options as opt
from huidu.cli.daily.asking import print_json, say_next
from huidu.cli.projects import facts
from huidu.cli.projects.next import after
from huidu.cli.projects.options import (
    HERE,
    Folder,
    Inputs,
    Stage,
    read_inputs,
    spelled,
    with_inputs,
)
from huidu.cli.projects.work import open_work
from huidu.cli.rollout.words import clean


def command(connect: Callable[[], Client]) -> TyperCommand:
    """Return the command; it finds in its context how to connect."""
    return with_inputs("info", info)


def info(
    context: typer.Context,
    *,
    folder: Folder = HERE,
    stage: Stage = "",
    inputs: Inputs = None,
    as_json: opt.AsJson = False,
) -> None:
    """Show what is deployed of a project: where it answers, and who gets which version."""
    work = open_work(context.obj, folder, stage, read_inputs(inputs))
    there = work.look()
    if as_json:
        print_json(facts.for_programs(work.project, there))
        return
    for line in facts.lines(work.project, there):
        typer.echo(clean(line))
    say_next(after(work, there, spelled(stage, inputs, folder)))
