"""An alias moves to versions that are warm: no call is the first to start an instance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.platform import ECHO, Platform, until, zipped

SLOW = f"import time; time.sleep(0.7)\n{ECHO}"
BOB = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}


class Moved:
    """A function with versions, an alias `release`, and what the log says of its calls."""

    def __init__(self, platform: Platform, name: str, *sources: str) -> None:
        self.platform, self.name = platform, name
        platform.make(name, sources[0])
        platform.publish(name)
        for source in sources[1:]:
            platform.call("UpdateFunctionCode", FunctionName=name, ZipFile=zipped(source))
            platform.publish(name)

    def alias(self, action: str, main: str, **routing: Any) -> None:
        asked = {"FunctionName": self.name, "Name": "release", "FunctionVersion": main}
        config = {"RoutingConfig": routing} if routing else {}
        self.platform.call(action, **asked, **config)

    def cold(self, **more: Any) -> bool:
        """Whether a call of the alias had to wait for an instance to be started."""
        began = time.monotonic()
        answer = self.platform.invoke(self.name, Qualifier="release", **more)
        assert answer["InvokeResult"] == 0
        return time.monotonic() - began > 0.6

    @property
    def warning(self) -> str:
        told = self.platform.ours("ListAliasHistory", FunctionName=self.name, Name="release")
        return str(told["Changes"][0]["Warning"])


@pytest.fixture
def moved(platform: Platform, name: str) -> Iterator[Moved]:
    yield Moved(platform, name, ECHO, SLOW, SLOW)
    platform.call("DeleteFunction", FunctionName=name)


def running(platform: Platform, name: str) -> set[str]:
    """The versions that have an instance ready."""
    found = platform.metrics("huidu_instances", function=name, state="idle")
    return {version for (version, _), count in found.items() if count}


def test_a_version_that_is_new_to_an_alias_is_ready_when_the_move_is_answered(
    moved: Moved,
) -> None:
    assert running(moved.platform, moved.name) == set()
    moved.alias("CreateAlias", "2")
    assert running(moved.platform, moved.name) == {"2"}
    assert not moved.cold()

    moved.alias("UpdateAlias", "2", AdditionalVersionWeights=[{"Version": "3", "Weight": 0.001}])
    assert running(moved.platform, moved.name) == {"2", "3"}
    assert moved.warning == ""


def test_a_version_of_weight_0_is_not_started_and_one_that_a_rule_reaches_is(
    moved: Moved,
) -> None:
    moved.alias("CreateAlias", "1", AdditionalVersionWeights=[{"Version": "3", "Weight": 0}])
    assert running(moved.platform, moved.name) == {"1"}

    moved.alias("UpdateAlias", "1", AddtionVersionMatchs=[BOB])
    assert running(moved.platform, moved.name) == {"1", "2"}


def test_what_undo_brings_back_is_warm_too(moved: Moved) -> None:
    moved.alias("CreateAlias", "3")
    moved.alias("UpdateAlias", "1")
    until(lambda: running(moved.platform, moved.name) >= {"1"})
    moved.platform.call("DeleteFunctionVersion", FunctionName=moved.name, Qualifier="2")

    moved.platform.ours("UndoAlias", FunctionName=moved.name, Name="release")

    assert "3" in running(moved.platform, moved.name)
    assert not moved.cold()


def test_a_rollback_does_not_wait_for_a_version_that_has_an_instance(moved: Moved) -> None:
    """Version 2 takes 0.7 s to start another: the two moves together take less."""
    moved.alias("CreateAlias", "2")
    moved.alias("UpdateAlias", "1")
    began = time.monotonic()
    moved.alias("UpdateAlias", "2")
    moved.platform.ours("UndoAlias", FunctionName=moved.name, Name="release")
    warm = time.monotonic() - began
    began = time.monotonic()
    moved.alias("UpdateAlias", "3")
    cold = time.monotonic() - began

    assert warm < cold


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("import nowhere", (), "version 2 was not warm: "),
        (SLOW, ("--set", "warm_s=0.1"), "version 2 was not warm: not ready after 0.1 s"),
    ],
)
def test_what_goes_wrong_with_the_warming_is_told_and_refuses_nothing(
    start: Callable[..., Platform], source: str, options: tuple[str, ...], said: str
) -> None:
    platform = start(*options)
    moved = Moved(platform, "moved", ECHO, source)
    moved.alias("CreateAlias", "1")

    moved.alias("UpdateAlias", "2")

    assert said in moved.warning
    assert platform.call("GetAlias", FunctionName="moved", Name="release")["FunctionVersion"] == "2"
    assert "alias.cold" in platform.log.read_text()


def test_where_nobody_is_to_wait_nothing_is_started(start: Callable[..., Platform]) -> None:
    platform = start("--set", "warm_s=0")
    moved = Moved(platform, "moved", ECHO)

    moved.alias("CreateAlias", "1")

    assert running(platform, "moved") == set()
    assert moved.warning == ""


def test_a_move_that_is_refused_starts_nothing(moved: Moved) -> None:
    moved.alias("CreateAlias", "1")
    refused = moved.platform.refusal(
        "UpdateAlias",
        FunctionName=moved.name,
        Name="release",
        FunctionVersion="2",
        ExpectedRevision=7,
    )

    assert refused.get_code() == "ResourceInUse"
    assert running(moved.platform, moved.name) == {"1"}
