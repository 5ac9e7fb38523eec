"""Deployed: a lane is told of as long as all of it is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from huidu.model.effect import (
    AliasGone,
    AliasKept,
    Effect,
    FunctionGone,
    FunctionKept,
    TriggersChanged,
    VersionGone,
    VersionKept,
)
from huidu.model.function import FunctionName
from huidu.model.tally import Lane
from huidu.observe.deployed import Deployed
from tests.fakes_store import FUNCTION, HELLO, alias, version

ALL: list[Effect] = [
    FunctionKept(FUNCTION),
    VersionKept(version("1")),
    VersionKept(version("2")),
    AliasKept(alias()),
    TriggersChanged(FUNCTION, ()),
]


def named(deployed: Deployed, *through: str) -> FunctionName | None:
    return deployed.named(Lane(FUNCTION.id, *through))


@pytest.fixture
def deployed() -> Deployed:
    made = Deployed()
    made.apply(ALL)
    return made


def test_what_is_there_has_a_name(deployed: Deployed) -> None:
    assert named(deployed, "release", "1") == HELLO
    assert named(deployed, "", "2") == HELLO
    assert named(deployed, "", "") == HELLO


@pytest.mark.parametrize(
    "gone", [VersionGone(version("1")), AliasGone(alias()), FunctionGone(FUNCTION)]
)
def test_what_is_gone_has_none(deployed: Deployed, gone: Effect) -> None:
    deployed.apply([gone])

    assert named(deployed, "release", "1") is None


def test_a_function_made_anew_is_another(deployed: Deployed) -> None:
    anew = replace(FUNCTION, id="lam-9")
    deployed.apply([FunctionGone(FUNCTION), FunctionKept(anew)])
    deployed.apply([VersionKept(version("1", function_id="lam-9")), AliasKept(alias())])

    assert named(deployed, "release", "1") is None
    assert deployed.named(Lane("lam-9", "release", "1")) == HELLO


def test_what_stays_may_be_kept_again(deployed: Deployed) -> None:
    deployed.apply([FunctionKept(FUNCTION)])

    assert named(deployed, "release", "1") == HELLO
