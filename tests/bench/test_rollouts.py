"""What simulated releases come to under each rule, in a table and in a picture."""

from __future__ import annotations

import io
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from rich.table import Table

from bench import drawn
from bench.rollouts import RULES, Case, Cell, Row, cases
from huidu.release.simulate import End, Outcome

CELL = Cell(rule="", releases=400, back=2, early=2, finish_s=421.0, detected_s=None, harmed=1500.0)
GOOD = Row(
    Case(fault="healthy", traffic="bursts", calls_per_s=10.0, releases=400),
    tuple(replace(CELL, rule=rule) for rule in RULES),
)
BAD = Row(
    Case(fault="total", traffic="incidents", calls_per_s=100.0, releases=400),
    tuple(replace(CELL, rule=rule, back=400, early=0, detected_s=1.2) for rule in RULES),
)
DONE = Outcome(end=End.FINISHED, took_s=480.0, weight=5000, calls=9, harmed=4, after_s=0.0)


def text(table: Table) -> str:
    written = io.StringIO()
    Console(file=written, width=200).print(table)
    return written.getvalue()


def test_tables_say_what_was_taken_back_how_soon_and_at_what_cost() -> None:
    assert "| bursts  |      10 |      400 | 0.5 % · 421 s |" in text(
        drawn.healthy([GOOD, BAD], markdown=True)
    )
    assert "| all calls fail, incidents | 100 % · 1 s · 1,500 |" in text(
        drawn.faulty([GOOD, BAD], markdown=True)
    )


def test_the_picture_has_a_dot_for_each_rule_and_says_all_of_it_in_words() -> None:
    root = ET.fromstring(drawn.picture([GOOD, BAD]))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    told = root.findtext(f"{space}desc") or ""

    assert len(root.findall(f"{space}circle")) == 3 * len(RULES)  # with the legend's
    assert "all calls fail, incidents, 100 calls/s: Huidu 1,500 calls, Flagger" in told


@pytest.mark.parametrize(
    ("fault", "end", "calls"),
    [
        ("total", End.FINISHED, 100 * 600 * 0.999),
        ("slow", End.FINISHED, 100 * 600),
        ("p99-doubled", End.FINISHED, 100 * 600 * 0.02),
        ("healthy", End.FINISHED, 0),
        ("total", End.BACK, 0),
    ],
)
def test_a_fault_that_got_through_does_harm_for_ten_minutes_more(
    fault: str, end: End, calls: float
) -> None:
    case = Case(fault=fault, traffic="steady", calls_per_s=100.0, releases=1)

    assert case.aftermath(replace(DONE, end=end)) == pytest.approx(calls)


def test_ten_thousand_healthy_releases_meet_the_weathers_that_there_are() -> None:
    slow = [case for case in cases(10_000, 100) if case.fault == "healthy"]

    assert sum(case.releases for case in slow if case.calls_per_s == 10) == 10_000
    assert {case.traffic for case in slow} == {"steady", "bursts", "day", "incidents"}
