"""Comparing: `huidu diff` of a project, what a deploy would change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import typer

from huidu.cli.client import Client
from huidu.cli.daily.asking import print_json, say_next
from huidu.cli.projects.deploying import planned, prepare
from huidu.cli.projects.work import open_work
from huidu.cli.rollout.words import clean
from huidu.project.steps import lines


def compare(
    connect: Callable[[], Client],
    folder: Path,
    stage: str,
    inputs: Mapping[str, str],
    line: str,
    *,
    as_json: bool,
) -> bool:
    """Print what a deploy would change, and tell whether it is anything; `line` would deploy it."""
    work = open_work(connect, folder, stage, inputs)
    made = prepare(work, force=True)
    if as_json:
        print_json({**planned(work, made), "Meanwhile": made.overrides})
        return bool(made.plan.steps)
    for one in lines(made.plan):
        typer.echo(clean(one))
    if made.overrides:
        typer.echo(f"  note: {clean(made.overrides)}")
    elif made.plan.steps:
        say_next([("have it so", line)])
    return bool(made.plan.steps)
