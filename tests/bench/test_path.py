"""`make bench ARGS=stages`: each stage has a budget, which is where everybody reads it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bench.path import command
from bench.path.budgets import BUDGETS, STEP, TRIP, Budget, over
from bench.path.command import UNITS, Measured, measure, rows, show
from bench.path.stages import STAGES

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## The hot path$(.*?)^## ", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| ([a-z ,]+) \|.*\| ([0-9.]+) (steps|trips) \|$", re.MULTILINE)
FILE = re.compile(r"`(?:src/huidu/)?([a-z_/]+\.py)`")


def documented() -> str:
    found = SECTION.search((ROOT / "ARCHITECTURE.md").read_text())
    assert found
    return found[1]


def took(budget: Budget) -> float:
    """Return what a stage takes that is just within its budget."""
    return budget.most * {STEP: 1.0, TRIP: 10.0}[budget.unit]


@pytest.fixture
def measured() -> Measured:
    return Measured(
        yards={STEP: [1.0, 2.0, 1.0], TRIP: [10.0, 20.0, 10.0]},
        stages={name: [took(one), 2 * took(one), took(one)] for name, one in BUDGETS.items()},
    )


def printed(measured: Measured, **more: bool) -> Iterator[str]:
    out = io.StringIO()
    show(measured, Console(file=out, width=120), **more)
    yield from out.getvalue().splitlines()


def test_the_architecture_names_every_stage_with_its_budget() -> None:
    said = {name: (float(most), unit) for name, most, unit in ROW.findall(documented())}

    assert said == {name: (one.most, UNITS[one.unit]) for name, one in BUDGETS.items()}
    assert [*said] == [*BUDGETS], "in the order of a call"


def test_every_file_that_it_names_is_there() -> None:
    named = FILE.findall(documented())

    assert named
    assert not [
        one for one in named if not any((ROOT / at / one).is_file() for at in ("", "src/huidu"))
    ]


def test_every_stage_is_measured() -> None:
    assert [*STAGES] == [*BUDGETS]


def test_a_stage_is_within_its_budget_on_a_machine_that_slows_down(measured: Measured) -> None:
    assert not [name for name in STAGES if over(name, measured.ratio(name))]
    assert not [line for line in printed(measured) if "over" in line]


def test_a_stage_over_its_budget_is_named(measured: Measured) -> None:
    measured.stages["route"][:] = [3 * one for one in measured.stages["route"]]

    told = [line for line in printed(measured) if "over" in line]
    assert len(told) == 2, "in the table, and below"
    assert all(line.strip().startswith("route") for line in told)


def test_the_parts_are_summed_up_round_by_round(measured: Measured) -> None:
    parts = sum(one.most for one in BUDGETS.values() if one.whole)

    assert measured.put_together() == pytest.approx([parts, 2 * parts, parts])
    assert rows(measured)[-1][0] == "whole, as the sum"


def test_a_page_gets_a_table_of_its_own_kind(measured: Measured) -> None:
    lines = [line for line in printed(measured, markdown=True) if line.startswith("|")]

    assert len(lines) == len(STAGES) + 1


@pytest.mark.timeout(60)
def test_every_stage_goes_through_with_a_call() -> None:
    found = measure(rounds=1, batches=1, tier="none")

    assert all(us[0] > 0 for us in found.stages.values())
    assert all(us[0] > 0 for us in found.yards.values())
    assert command.NAME == "stages"
