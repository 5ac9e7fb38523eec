"""Reserved concurrency, through the official SDK, with real floods."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tencentcloud.scf.v20180416 import models

from tests.platform import Platform, until

#: Takes as long as it is told to, and says when it began and ended.
SLOW = """
import time
def main_handler(event, context):
    began = time.time()
    time.sleep(event.get("takes", 0))
    return [began, time.time()]
"""


@pytest.fixture
def slow(platform: Platform, name: str) -> Iterator[str]:
    platform.make(name, SLOW, MemorySize=128)
    yield name
    platform.call("DeleteFunction", FunctionName=name)


def reserve(platform: Platform, name: str, mb: int) -> None:
    request = models.PutReservedConcurrencyConfigRequest()
    request.FunctionName, request.ReservedConcurrencyMem = name, mb
    platform.client().PutReservedConcurrencyConfig(request)


def reserved(platform: Platform, name: str) -> int | None:
    request = models.GetReservedConcurrencyConfigRequest()
    request.FunctionName = name
    answer = platform.client().GetReservedConcurrencyConfig(request)
    return answer.ReservedMem  # type: ignore[no-any-return]


def flood(platform: Platform, name: str, calls: int, takes: float) -> list[tuple[float, float]]:
    """Call a function so often at once; return when each call ran."""
    with ThreadPoolExecutor(calls) as callers:
        ran = list(callers.map(lambda _: platform.invoke(name, {"takes": takes}), range(calls)))
    return [(began, ended) for began, ended in (json.loads(one["RetMsg"]) for one in ran)]


def at_once(ran: list[tuple[float, float]]) -> int:
    """How many calls ran at once, at most."""
    return max(sum(began <= moment < ended for began, ended in ran) for moment, _ in ran)


def test_what_is_reserved_is_read_back_and_can_be_taken_back(platform: Platform, slow: str) -> None:
    assert reserved(platform, slow) is None
    reserve(platform, slow, 1280)
    reserve(platform, slow, 640)
    assert reserved(platform, slow) == 640
    gauge = platform.metrics("huidu_reserved_concurrency_mb", function=slow)
    assert gauge == {("", "reserved"): 640, ("", "used"): 0}
    told = platform.ours("ListEvents", FunctionName=slow, Kinds=["reservation.changed"])["Events"]
    assert [(one["Before"], one["After"]) for one in told] == [
        ("1280 MB reserved", "640 MB reserved"),
        ("shared", "1280 MB reserved"),
    ]

    for _ in range(2):  # once more does no harm
        platform.call("DeleteReservedConcurrencyConfig", FunctionName=slow)
    assert reserved(platform, slow) is None
    assert platform.metrics("huidu_reserved_concurrency_mb", function=slow) == {}


def test_a_function_runs_no_more_at_once_than_is_reserved_over_all_its_versions(
    platform: Platform, slow: str
) -> None:
    platform.publish(slow)
    reserve(platform, slow, 256)

    with ThreadPoolExecutor(2) as both:
        newest = both.submit(flood, platform, slow, 4, 0.2)
        first = both.submit(
            lambda: [platform.invoke(slow, {"takes": 0.2}, Qualifier="1") for _ in range(3)]
        )
        ran = newest.result() + [
            (began, ended) for began, ended in (json.loads(one["RetMsg"]) for one in first.result())
        ]
    assert len(ran) == 7
    assert at_once(ran) == 2


def test_a_function_of_which_nothing_may_run_is_stopped_at_once_and_goes_on_when_it_may(
    platform: Platform, slow: str
) -> None:
    platform.invoke(slow)
    reserve(platform, slow, 0)
    refused = platform.invoke(slow)
    assert refused["InvokeResult"] == -1
    assert json.loads(refused["RetMsg"])["statusCode"] == 432
    assert "reserved concurrency is 0" in refused["ErrMsg"]
    until(lambda: platform.metrics("huidu_instances", function=slow, state="idle") == {})

    platform.call("DeleteReservedConcurrencyConfig", FunctionName=slow)
    assert platform.invoke(slow)["InvokeResult"] == 0


def test_a_version_that_is_too_large_for_what_is_reserved_is_refused_and_does_not_hang(
    platform: Platform, slow: str
) -> None:
    platform.publish(slow)
    platform.call("UpdateFunctionConfiguration", FunctionName=slow, MemorySize=64)
    reserve(platform, slow, 64)

    assert platform.invoke(slow)["InvokeResult"] == 0
    refused = platform.invoke(slow, Qualifier="1")
    assert json.loads(refused["RetMsg"])["statusCode"] == 432
    assert "64 MB, and an instance has 128 MB" in refused["ErrMsg"]


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({"ReservedConcurrencyMem": -1}, "InvalidParameterValue", "must be 0"),
        ({"ReservedConcurrencyMem": 127}, "InvalidParameterValue", "128 MB"),
        (
            {"ReservedConcurrencyMem": 10**7},
            "LimitExceeded.FunctionReservedConcurrencyMemory",
            "at most",
        ),
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName", "nobody"),
    ],
)
def test_what_cannot_be_reserved_is_refused(
    platform: Platform, slow: str, asked: dict[str, Any], code: str, said: str
) -> None:
    right = {"FunctionName": slow, "ReservedConcurrencyMem": 128}
    refused = platform.refusal("PutReservedConcurrencyConfig", **right | asked)

    assert refused.get_code() == code
    assert said in refused.get_message()
    assert reserved(platform, slow) is None


def test_no_more_is_provisioned_than_is_reserved(platform: Platform, slow: str) -> None:
    platform.publish(slow)
    wanted = {"FunctionName": slow, "Qualifier": "1", "VersionProvisionedConcurrencyNum": 2}
    reserve(platform, slow, 128)
    refused = platform.refusal("PutProvisionedConcurrencyConfig", **wanted)
    assert refused.get_code() == "FailedOperation.ProvisionedExceedReserved"
    reserve(platform, slow, 256)
    platform.call("PutProvisionedConcurrencyConfig", **wanted)
    refused = platform.refusal(
        "PutReservedConcurrencyConfig", FunctionName=slow, ReservedConcurrencyMem=0
    )
    assert refused.get_code() == "FailedOperation.ProvisionedExceedReserved"
    assert reserved(platform, slow) == 256


def test_a_flood_starves_nobody_and_what_is_reserved_is_there_at_once(
    start: Callable[..., Platform],
) -> None:
    """Of six instances one function would take all: another has its share, a third its own."""
    platform = start("--set", "max_instances=6")
    for made in ("flood", "guest", "owner"):
        platform.make(made, SLOW, MemorySize=128)
    reserve(platform, "owner", 256)

    with ThreadPoolExecutor(40) as callers:
        waves = [callers.submit(platform.invoke, "flood", {"takes": 0.25}) for _ in range(30)]
        until(lambda: sum(platform.metrics("huidu_instances", function="flood").values()) >= 4)
        until(lambda: sum(platform.metrics("huidu_waiting_calls", function="flood").values()) > 5)
        assert sum(platform.metrics("huidu_instances").values()) == 4  # two are another's
        own = [callers.submit(platform.invoke, "owner", {"takes": 0.25}) for _ in range(2)]
        ran = [json.loads(one.result()["RetMsg"]) for one in own]
        assert at_once([(a, b) for a, b in ran]) == 2
        guests = [callers.submit(platform.invoke, "guest", {"takes": 0.25}) for _ in range(6)]
        shared = [json.loads(one.result()["RetMsg"]) for one in guests]
        ended = time.time()
        assert at_once([(a, b) for a, b in shared]) == 2  # half of what is not reserved
        floods = [json.loads(one.result()["RetMsg"]) for one in waves]
    assert any(b > ended for _, b in floods), "the flood ended before its guests"
    assert at_once([(a, b) for a, b in floods]) == 4
