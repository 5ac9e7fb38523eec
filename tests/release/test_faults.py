"""Faults, by name or as shares of calls that fail."""

from __future__ import annotations

import pytest

from huidu.model.errors import InvalidValue
from huidu.release.faults import FAULTS, Fault, fault_of


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        *FAULTS.items(),
        ("0.1%->5%", Fault(stable=0.001, failing=0.05)),
        ("1 % -> 20%", Fault(stable=0.01, failing=0.2)),
        ("0%->100% after 90s", Fault(stable=0.0, failing=1.0, after_s=90.0)),
        ("1%->2% after 5m", Fault(stable=0.01, failing=0.02, after_s=300.0)),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert fault_of(text) == fault


@pytest.mark.parametrize("text", ["", "broken", "1%", "5->6%", "1%->101%", "1%->2% after 5"])
def test_what_is_no_fault_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"one-to-twenty, .* 0\.1%->5% after 300s"):
        fault_of(text)


def test_a_version_is_harmless_that_neither_fails_more_nor_is_slower() -> None:
    assert {name for name, fault in FAULTS.items() if fault.is_harmless} == {
        "healthy",
        "cold",
        "noise",
        "crashes",
        "poison",
        "one-percent",
    }


def test_over_records_a_fault_adds_to_what_failed_anyway() -> None:
    left = fault_of("1%->5%").beyond_what_fails_anyway()

    assert left.stable == 0
    assert left.failing == pytest.approx(0.04)
