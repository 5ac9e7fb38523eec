"""What Prometheus reads of a release while it goes on, and once it is over."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from bench.counted import ALIAS, NAME, kept
from huidu.model.rollup import HOUR, MINUTE, SECOND
from tests.platform import Platform, until

FAILS = """
def main_handler(event, context):
    if event == "fail" and context["function_version"] == "2":
        raise ValueError("told to")
"""
SHARED = {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.5}]}


def told(platform: Platform, metric: str, name: str, **labels: str) -> dict[str, float]:
    """What a metric says, by version."""
    found = platform.metrics(metric, function=name, **labels)
    return {version: value for (version, _), value in found.items()}


def test_each_version_of_a_release_is_told_by_itself_until_it_is_deleted(
    platform: Platform, name: str
) -> None:
    platform.make(name, FAILS)
    for _ in range(2):
        platform.publish(name)
    platform.call(
        "CreateAlias", FunctionName=name, Name="release", FunctionVersion="1", RoutingConfig=SHARED
    )
    for _ in range(10):
        platform.invoke(name, "fail", Qualifier="release")
    platform.invoke(name, "fail", Qualifier="2")

    through = {"alias": "release"}
    assert told(platform, "huidu_invocations_total", name, status="430", **through) == {"2": 5}
    assert told(platform, "huidu_invocations_total", name, status="200", **through) == {"1": 5}
    errors = told(platform, "huidu_errors_total", name, **{"class": "user"}, **through)
    assert errors == {"1": 0, "2": 5}
    assert told(platform, "huidu_duration_seconds_count", name, **through) == {"1": 5, "2": 5}
    cold = told(platform, "huidu_cold_starts_total", name, **through)
    assert set(cold) == {"1", "2"}
    assert told(platform, "huidu_concurrent_executions", name, **through) == {"1": 0, "2": 0}
    assert told(platform, "huidu_invocations_total", name, alias="", status="430") == {"2": 1}

    platform.call("DeleteAlias", FunctionName=name, Name="release")
    assert told(platform, "huidu_invocations_total", name) == {"2": 1}
    platform.call("DeleteFunction", FunctionName=name, Qualifier="2")
    assert told(platform, "huidu_invocations_total", name) == {}


def test_a_call_of_a_version_that_there_is_not_is_its_functions(
    platform: Platform, name: str
) -> None:
    platform.make(name)
    refused = platform.refusal("InvokeFunction", FunctionName=name, Qualifier="9")
    assert refused.get_code() == "ResourceNotFound.Qualifier"

    assert told(platform, "huidu_errors_total", name, **{"class": "caller"}) == {"": 1}
    assert told(platform, "huidu_invocations_total", name, status="442") == {"": 1}


def test_what_was_kept_is_there_after_a_kill_and_is_gone_on_with(
    start: Callable[..., Platform],
) -> None:
    platform = start()
    platform.make(NAME)
    version = platform.publish(NAME)
    platform.call("CreateAlias", FunctionName=NAME, Name=ALIAS, FunctionVersion=version)

    def counted(period_s: int) -> int:
        return asyncio.run(kept(platform.data, period_s)).total()

    for _ in range(20):
        platform.invoke(NAME, Qualifier=ALIAS)
    until(lambda: counted(SECOND) == 20)
    platform.stop(signal.SIGKILL)
    again = platform.again()
    for _ in range(5):
        again.invoke(NAME, Qualifier=ALIAS)
    assert again.stop() == 0

    assert [counted(period_s) for period_s in (SECOND, MINUTE, HOUR)] == [25, 25, 25]
