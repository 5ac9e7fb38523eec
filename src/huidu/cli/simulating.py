"""Simulating: what `huidu rollout simulate` can be asked on the command line."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from huidu.cli.rollout.terms import yes_or_no

Plan = Annotated[
    str,
    typer.Option(
        help="evidence, a preset, or steps as in '10%/5m, 30%/10m, 100%'.", metavar="PLAN"
    ),
]
Wrong = Annotated[
    str,
    typer.Option(
        "--fault",
        help="What is wrong with the new version: healthy, total, late, p99-doubled, ..., or "
        "shares that fail, as in '0.1%->5%' or '0.1%->5% after 300s'.",
        metavar="FAULT",
    ),
]
Kind = Annotated[str, typer.Option(help="steady, bursts, day, tide or incidents.", metavar="KIND")]
Rate = Annotated[float, typer.Option(help="Calls a second.", metavar="NUMBER")]
Count = Annotated[int, typer.Option(help="How many releases.", min=1, metavar="COUNT")]
Proof = Annotated[
    str | None,
    typer.Option(
        help="Whether each share waits until it is proved that the version does no more harm than "
        "is tolerated. [yes for evidence, no for other plans]",
        metavar="yes|no",
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed plays the same releases.")]
Minutes = Annotated[
    int, typer.Option(help="A release that takes longer is left open.", min=1, metavar="COUNT")
]
Records = Annotated[
    str | None,
    typer.Option(help="Meet the traffic that this function had.", metavar="FUNCTION"),
]
Alias = Annotated[str | None, typer.Option(help="Only what came through it.", metavar="NAME")]
Since = Annotated[
    str, typer.Option(help="How long ago that traffic began: 90m, 24h, 7d.", metavar="AGO")
]
Namespace = Annotated[str, typer.Option(help="Of the function.", metavar="NAME")]
Jobs = Annotated[
    int, typer.Option(help="Processes; as many as there are processors by default.", min=0)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def simulate(
    *,
    plan: Plan = "evidence",
    proof: Proof = None,
    fault: Wrong = "healthy",
    traffic: Kind = "steady",
    rate: Rate = 100.0,
    releases: Count = 100,
    seed: Seed = 0,
    minutes: Minutes = 60,
    from_records: Records = None,
    alias: Alias = None,
    since: Since = "24h",
    namespace: Namespace = "default",
    jobs: Jobs = 0,
    as_json: AsJson = False,
) -> None:
    """Try a plan on releases that are played, with a clock that runs fast.

    Nothing is called. Each release is decided by what decides real ones; what its versions do
    is drawn by chance, or with --from-records by what was counted of a function.
    """
    order = dict(locals())  # the options by name, and nothing else yet
    order["proof"] = _read(proof)
    # A process of its own: no other command is to load what draws tables.
    words = [sys.executable, "-m", "huidu.cli.simulate", json.dumps(order)]
    os.execv(sys.executable, words)  # noqa: S606


def _read(proof: str | None) -> bool | None:
    try:
        return yes_or_no(proof) if proof else None
    except ValueError as error:
        raise typer.BadParameter(f"--proof {error}") from None
