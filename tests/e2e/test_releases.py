"""Releases through the official SDK: what is released stays as it was, whatever happens."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.gatewaying import ENVIRONMENTS, api, definition, online, release, service
from tests.platform import Platform, until

VALUE = "InvalidParameterValue"
VERSION = re.compile(r"20\d{12}[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def history(platform: Platform, home: str, environment: str, **more: Any) -> dict[str, Any]:
    asked = {"ServiceId": home, "EnvironmentName": environment} | more
    told = platform.gateway_call("DescribeServiceEnvironmentReleaseHistory", **asked)
    return dict(told["Result"])


def test_each_environment_has_its_own_version_and_may_have_any(
    platform: Platform, name: str
) -> None:
    platform.make(name)
    home = service(platform)
    made = api(platform, home, name)
    versions = {}
    for environment in ("release", "prepub", "test"):
        versions[environment] = release(platform, home, environment, ReleaseDesc=environment)
        assert VERSION.fullmatch(versions[environment])
        change = definition(home, name, f"/{environment}", ApiId=made)
        platform.gateway_call("ModifyApi", **change)
    assert len(set(versions.values())) == 3
    assert online(platform, home) == versions
    told = platform.gateway_call("DescribeServiceReleaseVersion", ServiceId=home)["Result"]
    assert told["TotalCount"] == 3
    assert [one["VersionDesc"] for one in told["VersionList"]] == ["test", "prepub", "release"]
    described = platform.gateway_call("DescribeService", ServiceId=home)
    assert described["AvailableEnvironments"] == list(ENVIRONMENTS)
    facts = platform.gateway_call("DescribeApi", ServiceId=home, ApiId=made)["Result"]
    assert facts["Environments"] == list(ENVIRONMENTS)

    answer = platform.gateway_call(
        "UpdateService",
        ServiceId=home,
        EnvironmentName="test",
        VersionName=versions["release"],
        UpdateDesc="back",
    )
    assert answer["Result"] is True
    assert online(platform, home) == versions | {"test": versions["release"]}
    platform.gateway_call("UnReleaseService", ServiceId=home, EnvironmentName="test")
    told = platform.gateway_call("DescribeServiceEnvironmentList", ServiceId=home)["Result"]
    assert told["TotalCount"] == 3
    test = told["EnvironmentList"][0]
    assert (test["EnvironmentName"], test["Status"]) == ("test", 0)
    assert test["VersionName"] == versions["release"]
    assert test["Url"] == f"{platform.gateway}/{home}/test"

    lines = history(platform, home, "test")["VersionList"]
    assert [(one["Action"], one["VersionName"], one["VersionDesc"]) for one in lines] == [
        ("UnReleaseService", versions["release"], "release"),
        ("UpdateService", versions["release"], "back"),
        ("ReleaseService", versions["test"], "test"),
    ]
    assert all(one["ReleaseTime"].endswith("Z") and one["Who"] for one in lines)
    assert platform.gateway_call("DescribeServiceSubDomains", ServiceId=home)["Result"] == {
        "TotalCount": 0,
        "DomainSet": [],
    }


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("ReleaseService", {"EnvironmentName": "dev"}, f"{VALUE}.InvalidEnv", "test"),
    ("ReleaseService", {"EnvironmentName": "Release"}, f"{VALUE}.InvalidEnv", "取值范围为"),
    ("ReleaseService", {"ReleaseDesc": None}, "MissingParameter", "ReleaseDesc"),
    ("ReleaseService", {"ReleaseDesc": "x" * 1001}, f"{VALUE}.LengthExceeded", "ReleaseDesc"),
    ("ReleaseService", {"ServiceId": "service-0"}, "ResourceNotFound.InvalidService", "service-0"),
    ("ReleaseService", {"ExpectedVersion": "x"}, "ResourceInUse", "nothing online"),
    ("UnReleaseService", {}, f"{VALUE}.InvalidEnvStatus", "not online"),
    ("UnReleaseService", {"EnvironmentName": "dev"}, f"{VALUE}.InvalidEnv", "dev"),
    ("UpdateService", {"VersionName": "2026"}, "ResourceNotFound.ReleaseVersion", "2026"),
    ("UpdateService", {}, "MissingParameter", "VersionName"),
    (
        "DescribeServiceEnvironmentReleaseHistory",
        {"EnvironmentName": "x"},
        f"{VALUE}.InvalidEnv",
        "x",
    ),
]


@pytest.mark.parametrize(("action", "more", "code", "named"), WRONG)
def test_a_wrong_release_is_refused_by_its_code_and_changes_nothing(
    platform: Platform, name: str, action: str, more: dict[str, Any], code: str, named: str
) -> None:
    platform.make(name)
    home = service(platform)
    api(platform, home, name)
    sent = {"ServiceId": home, "EnvironmentName": "release"}
    sent |= {"ReleaseDesc": "x"} if action == "ReleaseService" else {}
    sent = {key: value for key, value in (sent | more).items() if value is not None}
    refused = platform.gateway_refusal(action, **sent)

    assert (refused.get_code(), named in refused.get_message()) == (code, True), refused
    assert online(platform, home) == {}
    told = platform.gateway_call("DescribeServiceReleaseVersion", ServiceId=home)
    assert told["Result"]["TotalCount"] == 0


def test_a_release_names_the_api_whose_function_is_gone(platform: Platform, name: str) -> None:
    platform.make(name)
    platform.make(f"{name}-stays")
    home = service(platform)
    api(platform, home, f"{name}-stays", "/stays")
    gone = api(platform, home, name, "/gone")
    before = release(platform, home)
    platform.call("DeleteFunction", FunctionName=name)  # goes through, as in the cloud

    for action, more in (
        ("ReleaseService", {"ReleaseDesc": "x"}),
        ("UpdateService", {"VersionName": before}),
    ):
        refused = platform.gateway_refusal(action, ServiceId=home, EnvironmentName="test", **more)
        assert refused.get_code() == f"{VALUE}.InvalidScfConfig"
        assert gone in refused.get_message()
        assert name in refused.get_message()
    assert online(platform, home) == {"release": before}


def test_what_is_online_keeps_its_alias_and_its_version(platform: Platform, name: str) -> None:
    platform.make(name)
    for _ in range(2):
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="gray", FunctionVersion="2")
    home = service(platform)
    by_alias = api(platform, home, name, "/a", ServiceScfFunctionQualifier="gray")
    by_number = api(platform, home, name, "/n", ServiceScfFunctionQualifier="1")
    release(platform, home, "prepub")
    for made in (by_alias, by_number):
        platform.gateway_call("DeleteApi", ServiceId=home, ApiId=made)

    refused = platform.refusal("DeleteAlias", FunctionName=name, Name="gray")
    assert refused.get_code() == "FailedOperation.DeleteAlias"
    for word in (by_alias, home, "prepub"):
        assert word in refused.get_message()
    refused = platform.refusal("DeleteFunctionVersion", FunctionName=name, Qualifier="1")
    assert refused.get_code() == "FailedOperation.DeleteFunction"
    for word in (by_number, home, "prepub"):
        assert word in refused.get_message()
    refused = platform.refusal("DeleteFunction", FunctionName=name, Qualifier="1")
    assert refused.get_code() == "FailedOperation.DeleteFunction"

    platform.gateway_call("UnReleaseService", ServiceId=home, EnvironmentName="prepub")
    platform.call("DeleteAlias", FunctionName=name, Name="gray")
    platform.call("DeleteFunctionVersion", FunctionName=name, Qualifier="1")


def test_history_and_versions_are_cut_into_pages_that_hold_everything_once(
    platform: Platform, name: str
) -> None:
    platform.make(name)
    home = service(platform)
    api(platform, home, name)
    made = [release(platform, home, ReleaseDesc=str(number)) for number in range(45)][::-1]
    assert len(set(made)) == 45  # though many are of the same second

    seen = []
    for offset in range(0, 60, 20):
        page = history(platform, home, "release", Offset=offset, Limit=20)
        assert page["TotalCount"] == 45
        seen += [one["VersionName"] for one in page["VersionList"]]
    assert seen == made
    told = platform.gateway_call(
        "DescribeServiceReleaseVersion", ServiceId=home, Limit=100, Offset="3"
    )["Result"]
    assert [one["VersionName"] for one in told["VersionList"]] == made[3:]
    assert history(platform, home, "test")["VersionList"] == []


def test_of_two_who_release_at_once_both_are_kept_and_the_last_is_online(
    platform: Platform, name: str
) -> None:
    platform.make(name)
    home = service(platform)
    api(platform, home, name)

    def work(number: int) -> list[str]:
        return [release(platform, home, ReleaseDesc=f"{number}-{n}") for n in range(10)]

    with ThreadPoolExecutor(4) as threads:
        made = [one for mine in threads.map(work, range(4)) for one in mine]
    assert len(set(made)) == 40
    told = history(platform, home, "release", Limit=100)
    assert {one["VersionName"] for one in told["VersionList"]} == set(made)
    assert online(platform, home) == {"release": told["VersionList"][0]["VersionName"]}


def test_of_two_who_expect_the_same_version_one_is_refused(platform: Platform, name: str) -> None:
    platform.make(name)
    home = service(platform)
    api(platform, home, name)
    first = release(platform, home, ExpectedVersion="")

    def work(_: int) -> str:
        try:
            return release(platform, home, ExpectedVersion=first)
        except TencentCloudSDKException as error:
            return str(error.get_code())

    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(work, range(4)))
    assert said.count("ResourceInUse") == 3
    (won,) = set(said) - {"ResourceInUse"}
    assert online(platform, home) == {"release": won}


def test_a_killed_server_has_kept_every_release_that_it_acknowledged(
    start: Callable[..., Platform],
) -> None:
    platform = start("--set", "warm_s=0")
    platform.make("fn")
    platform.publish("fn")
    platform.call("CreateAlias", FunctionName="fn", Name="gray", FunctionVersion="1")
    home = service(platform)
    api(platform, home, "fn", ServiceScfFunctionQualifier="gray")
    for turn in range(3):
        sure: list[str] = []

        def work(platform: Platform = platform, sure: list[str] = sure, turn: int = turn) -> None:
            for number in range(500):
                change = {
                    "FunctionName": "fn",
                    "Name": "gray",
                    "FunctionVersion": "1",
                    "Description": f"{turn}-{number}",
                }
                try:
                    sure.append(release(platform, home, AliasChanges=[change]))
                except Exception:  # noqa: BLE001 - whatever it is, the server is gone
                    return

        writer = threading.Thread(target=work)
        writer.start()
        until(sure.__len__, 30)
        threading.Event().wait(0.3 + turn * 0.2)
        assert platform.stop(signal.SIGKILL) == -signal.SIGKILL
        writer.join()
        platform = start("--set", "warm_s=0", data=platform.data)
        kept = history(platform, home, "release", Limit=100)["VersionList"]
        now = online(platform, home)["release"]
        assert now == kept[0]["VersionName"]
        assert sure[-1] in [one["VersionName"] for one in kept[:2]]  # or one whose answer was lost
        alias = platform.call("GetAlias", FunctionName="fn", Name="gray")
        ahead = 0 if now == sure[-1] else 1
        assert alias["Description"] == f"{turn}-{len(sure) - 1 + ahead}"  # never without the other


def composed(platform: Platform, name: str) -> str:
    """Return a service behind which is a function with an alias gray at version 1 of 2."""
    platform.make(name)
    for _ in range(2):
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="gray", FunctionVersion="1")
    home = service(platform)
    api(platform, home, name, ServiceScfFunctionQualifier="gray")
    return home


def test_a_composite_release_moves_aliases_at_the_moment_of_the_release(
    platform: Platform, name: str
) -> None:
    home = composed(platform, name)
    weights = {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.1}]}
    change = {"FunctionName": name, "Name": "gray", "FunctionVersion": "1"}
    made = release(
        platform,
        home,
        AliasChanges=[change | {"RoutingConfig": weights, "ExpectedRevision": 1, "Reason": "go"}],
    )
    alias = platform.call("GetAlias", FunctionName=name, Name="gray")
    assert alias["RoutingConfig"]["AdditionalVersionWeights"] == [{"Version": "2", "Weight": 0.1}]
    assert alias["Revision"] == 2
    (line,) = history(platform, home, "release")["VersionList"]
    assert line["Moved"] == [f"gray of default/{name}: 10 % to version 2, the rest to version 1"]
    last = platform.ours("ListAliasHistory", FunctionName=name, Name="gray")["Changes"][0]
    assert (last["Action"], last["Reason"]) == ("ReleaseService", "go")

    platform.gateway_call(
        "UpdateService",
        ServiceId=home,
        EnvironmentName="release",
        VersionName=made,
        ExpectedVersion=made,
        AliasChanges=[change],
    )
    alias = platform.call("GetAlias", FunctionName=name, Name="gray")
    assert alias["RoutingConfig"]["AdditionalVersionWeights"] == []
    last = platform.ours("ListAliasHistory", FunctionName=name, Name="gray")["Changes"][0]
    assert last["Action"] == "UpdateService"
    assert home in last["Reason"]


HALF: list[tuple[list[dict[str, Any]], str, str]] = [
    ([{"ExpectedRevision": 7}], "ResourceInUse", "ExpectedRevision"),
    ([{"FunctionVersion": "9"}], "ResourceNotFound.FunctionVersion", "9"),
    ([{"Name": "nobody"}], "ResourceNotFound.Alias", "nobody"),
    ([{}, {}], f"{VALUE}.AliasChanges", "twice"),
    ([{}, {"FunctionName": "other"}], f"{VALUE}.AliasChanges", "other"),
    ([{"RoutingConfig": "x"}], "InvalidParameter.RoutingConfig", "RoutingConfig"),
    ([{}, {"Name": "$DEFAULT", "ExpectedRevision": 9}], "ResourceInUse", "$DEFAULT"),
]


@pytest.mark.parametrize(("changes", "code", "named"), HALF)
def test_a_composite_release_of_which_a_part_fails_does_nothing(
    platform: Platform, name: str, changes: list[dict[str, Any]], code: str, named: str
) -> None:
    home = composed(platform, name)
    known = {"FunctionName": name, "Name": "gray", "FunctionVersion": "2"}
    refused = platform.gateway_refusal(
        "ReleaseService",
        ServiceId=home,
        EnvironmentName="release",
        ReleaseDesc="x",
        AliasChanges=[known | change for change in changes],
    )

    assert (refused.get_code(), named in refused.get_message()) == (code, True), refused
    assert online(platform, home) == {}
    told = platform.gateway_call("DescribeServiceReleaseVersion", ServiceId=home)
    assert told["Result"]["TotalCount"] == 0
    alias = platform.call("GetAlias", FunctionName=name, Name="gray")
    assert (alias["FunctionVersion"], alias["Revision"]) == ("1", 1)
    assert history(platform, home, "release")["TotalCount"] == 0
