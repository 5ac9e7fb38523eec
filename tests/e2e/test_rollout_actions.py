"""The actions of rollouts, asked for what they cannot do: each says what was wrong, and is safe."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from huidu.actions.action import COMMON_ERRORS
from huidu.actions.table import ACTIONS
from tests.platform import Platform, until

NUMBERS = itertools.count(1)
FUNCTION = "actions-of-rollouts"
#: A rollout with such a gate waits at once, with no call and no instance.
SHUT = {"Gates": [{"Weight": 0.01}], "Plan": "10%/1h, 100%"}
Refused = tuple[str, str]
#: What each action says it may refuse with.
DECLARED = {action.name: action.errors for action in ACTIONS}


@dataclass
class Shop:
    """A function with three versions, whose aliases are each for one test."""

    platform: Platform
    function: str = FUNCTION

    def alias(self, at: str = "1", **more: Any) -> str:
        """Make an alias, and return its name."""
        name = f"a{next(NUMBERS)}"
        self.call("CreateAlias", Name=name, FunctionVersion=at, **more)
        return name

    def call(self, action: str, **more: Any) -> dict[str, Any]:
        """Carry out an action of the cloud's."""
        return self.platform.call(action, **{"FunctionName": self.function} | more)

    def ours(self, action: str, **more: Any) -> dict[str, Any]:
        """Carry out an action of ours."""
        return self.platform.ours(action, **{"FunctionName": self.function} | more)

    def refused(self, action: str, **more: Any) -> Refused:
        """Ask for an action that must be refused; return the code and the message."""
        ask = self.ours if "Rollout" in action or "Undo" in action else self.call
        try:
            answer = ask(action, **more)
        except TencentCloudSDKException as error:
            code = str(error.get_code())
            assert code in (*COMMON_ERRORS, *DECLARED[action]), f"{action} declares no {code}"
            return code, str(error.get_message())
        raise AssertionError(f"{action} was not refused: {answer}")

    def start(self, name: str, to: str = "2", **more: Any) -> str:
        """Begin a rollout, and return its id."""
        return str(self.ours("StartRollout", Name=name, FunctionVersion=to, **more)["RolloutId"])

    def shut(self, name: str, to: str = "2", **more: Any) -> str:
        """Begin a rollout that waits before its first share; return its id once it does."""
        made = self.start(name, to, **SHUT | more)
        until(lambda: self.get(made)["State"] == "waiting")
        return made

    def get(self, rollout_id: str) -> dict[str, Any]:
        """See how a rollout stands."""
        return self.platform.ours("GetRollout", RolloutId=rollout_id)

    def stands(self, rollout_id: str) -> tuple[str, float]:
        """Return the state of a rollout, and its share."""
        seen = self.get(rollout_id)
        return seen["State"], seen["Weight"]

    def leads(self, name: str) -> tuple[str, dict[str, float]]:
        """Return where an alias leads."""
        seen = self.call("GetAlias", Name=name)
        shares = seen["RoutingConfig"]["AdditionalVersionWeights"]
        return seen["FunctionVersion"], {one["Version"]: one["Weight"] for one in shares}

    def traces(self, name: str) -> tuple[object, ...]:
        """Return all that an action may leave behind at an alias."""
        history = self.ours("ListAliasHistory", Name=name)
        return self.leads(name), history["TotalCount"], self.told(name)

    def told(self, name: str) -> list[str]:
        """Return what was told of an alias, the first first."""
        asked = {"Alias": name, "Limit": 100}
        events = self.ours("ListEvents", **asked)["Events"]
        return [event["Kind"] for event in reversed(events)]


@pytest.fixture(scope="module")
def shop(platform: Platform) -> Iterator[Shop]:
    made = Shop(platform)
    platform.make(FUNCTION)
    for number in "123":
        platform.call("UpdateFunctionConfiguration", FunctionName=FUNCTION, Description=number)
        assert platform.publish(FUNCTION) == number
    yield made
    platform.call("DeleteFunction", FunctionName=FUNCTION)


# ---- bad input

VALUE = "InvalidParameterValue"
WRONG: list[tuple[Mapping[str, Any], str, str]] = [
    ({"Plan": "fast"}, f"{VALUE}.Plan", "Plan 'fast'"),
    ({"Plan": ""}, f"{VALUE}.Plan", "Plan ''"),
    ({"Plan": "10%/5m, 5%/5m"}, f"{VALUE}.Plan", "larger than the one before"),
    ({"Proof": False}, f"{VALUE}.Proof", "Proof false"),
    ({"Plan": "all-at-once", "Proof": True}, f"{VALUE}.Proof", "Proof true"),
    ({"OnWorse": "cry"}, f"{VALUE}.OnWorse", "OnWorse 'cry': must be rollback, pause"),
    ({"OnTimeout": "cry"}, f"{VALUE}.OnTimeout", "OnTimeout 'cry': must be pause, promote, r"),
    ({"BakeTime": -1}, f"{VALUE}.BakeTime", "BakeTime -1: must be 0 to 2592000 seconds"),
    ({"BakeTime": 1e9}, f"{VALUE}.BakeTime", "BakeTime 1e+09"),
    ({"StepTimeout": -0.5}, f"{VALUE}.StepTimeout", "StepTimeout -0.5"),
    ({"UndoTime": 1e300}, f"{VALUE}.UndoTime", "UndoTime 1e+300"),
    ({"BakeErrorRate": 1.5}, f"{VALUE}.BakeErrorRate", "BakeErrorRate 1.5"),
    ({"Budget": {"Failures": -1}}, f"{VALUE}.Budget", "Budget.Failures -1"),
    ({"Budget": {"Keys": 100_001}}, f"{VALUE}.Budget", "Budget.Keys 100001"),
    ({"Budget": {"Keys": 5}}, f"{VALUE}.Budget", "Budget.Keys 5: alias "),
    ({"Gates": [{"Weight": 0}]}, f"{VALUE}.Gates", "Gates.Weight 0"),
    ({"Gates": [{"Weight": 1.01}]}, f"{VALUE}.Gates", "Gates.Weight 1.01"),
    ({"Gates": [{"Weight": -1}]}, f"{VALUE}.Gates", "Gates.Weight -1"),
    ({"Gates": [{"Weight": 0.00001}]}, f"{VALUE}.Gates", "Gates.Weight 1e-05"),
    ({"Gates": [{"Weight": 0.5, "Kind": "x"}]}, f"{VALUE}.Gates", "Gates.Kind 'x'"),
    ({"Gates": [{"Weight": 0.5, "Kind": "webhook"}]}, f"{VALUE}.Gates", "Gates.Url"),
    ({"Gates": [{"Weight": 0.5, "Url": "http://x"}]}, f"{VALUE}.Gates", "Gates.Url"),
    ({"Gates": [{"Weight": 0.5}] * 21}, f"{VALUE}.Gates", "Gates: 21, at most 20"),
    (
        {"Gates": [{"Weight": 0.5, "Kind": "webhook", "Url": "gopher://x"}]},
        f"{VALUE}.Url",
        "gopher://x",
    ),
    ({"Windows": ["whenever"]}, f"{VALUE}.Windows", "whenever"),
    ({"Windows": ["mon-fri 09:00-17:00"] * 51}, f"{VALUE}.Windows", "Windows: 51, at most 50"),
    ({"Freezes": ["never"]}, f"{VALUE}.Freezes", "never"),
    ({"Guards": ["looks bad"]}, f"{VALUE}.Guards", "looks bad"),
    ({"Metrics": [{"Name": ""}]}, f"{VALUE}.Metrics", "Metrics"),
    ({"Metrics": [{"Name": "memory"}] * 2}, f"{VALUE}.Metrics", "memory"),
    ({"Gates": [{"Weight": 0.5, "Secret": "x"}]}, f"{VALUE}.Gates", "Gates.Secret"),
    ({"FunctionVersion": "2 "}, f"{VALUE}.FunctionVersion", "FunctionVersion '2 '"),
    ({"Tolerance": {"FalseAlarm": 0}}, f"{VALUE}.Tolerance", "Tolerance.FalseAlarm 0"),
    ({"Tolerance": {"ErrorRatio": 0.5}}, f"{VALUE}.Tolerance", "Tolerance.ErrorRatio 0.5"),
    ({"Tolerance": {"LeastCalls": 0}}, f"{VALUE}.Tolerance", "Tolerance.LeastCalls 0"),
    ({"Tolerance": {"SlackMs": 1e9}}, f"{VALUE}.Tolerance", "Tolerance.SlackMs 1e+09"),
    ({"FunctionVersion": "1"}, f"{VALUE}.FunctionVersion", "leads there already"),
    ({"FunctionVersion": "$LATEST"}, f"{VALUE}.FunctionVersion", "number of a published version"),
    ({"FunctionVersion": ""}, f"{VALUE}.FunctionVersion", "FunctionVersion ''"),
    ({"FunctionVersion": "99"}, "ResourceNotFound.FunctionVersion", "99"),
    ({"Name": "nobody"}, "ResourceNotFound.Alias", "nobody"),
    ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName", "nobody"),
    ({"Namespace": "nowhere"}, "ResourceNotFound", "nowhere"),
    ({"Plan": 7}, "InvalidParameter", "Plan"),
    ({"Gates": "x"}, "InvalidParameter", "Gates"),
    ({"BakeTime": "long"}, "InvalidParameter", "BakeTime"),
    ({"Budget": {"Failures": 1.5}}, "InvalidParameter", "Failures"),
]


@pytest.fixture(scope="module")
def unmoved(shop: Shop) -> str:
    """An alias that no rollout ever moves."""
    return shop.alias()


@pytest.mark.parametrize(("asked", "code", "said"), WRONG, ids=[str(row[0])[:60] for row in WRONG])
def test_a_rollout_that_cannot_be_is_refused_with_what_was_wrong_and_leaves_no_trace(
    shop: Shop, unmoved: str, asked: Mapping[str, Any], code: str, said: str
) -> None:
    known = {"Name": unmoved, "FunctionVersion": "2"}
    got, message = shop.refused("StartRollout", **{**known, **asked})

    assert got.startswith(code)
    assert said in message
    assert shop.ours("ListRollouts", Name=unmoved)["TotalCount"] == 0
    assert shop.told(unmoved) == ["alias.created"]


NAMED = ("Get", "Pause", "Resume", "Approve", "Promote", "Rollback", "Watch")


@pytest.mark.parametrize("action", NAMED)
def test_what_is_not_there_is_not_found_and_what_is_not_named_is_asked_for(
    shop: Shop, unmoved: str, action: str
) -> None:
    asked = f"{action}Rollout"
    rows: list[tuple[dict[str, Any], str, str]] = [
        ({"RolloutId": "ro-none"}, "ResourceNotFound.Rollout", "ro-none"),
        ({"RolloutId": "x" * 5000}, "ResourceNotFound.Rollout", "x" * 80),
        ({}, "MissingParameter.RolloutId", "FunctionName and Name"),
        ({"Name": unmoved}, "ResourceNotFound.Rollout", "no rollout of this alias"),
        ({"FunctionName": "nobody", "Name": "x"}, "ResourceNotFound.FunctionName", "nobody"),
    ]
    for more, code, said in rows:
        got, message = shop.refused(asked, **more)
        assert (got, said in message) == (code, True), (more, got, message)


# ---- one at a time


def test_of_two_that_begin_at_once_one_does_and_the_other_is_told_who_holds_the_alias(
    shop: Shop,
) -> None:
    name = shop.alias()

    def begin(number: int) -> str | Refused:
        try:
            return shop.start(name, str(2 + number % 2), Owner=f"team-{number}", **SHUT)
        except TencentCloudSDKException as error:
            return str(error.get_code()), str(error.get_message())

    with ThreadPoolExecutor(4) as together:
        answers = [*together.map(begin, range(4))]

    (winner,) = [one for one in answers if isinstance(one, str)]
    owner = shop.get(winner)["Owner"]
    for code, message in (one for one in answers if not isinstance(one, str)):
        assert code == "ResourceInUse.Rollout"
        assert f"is moved by rollout {winner} of {owner}" in message
    assert shop.told(name).count("rollout.started") == 1
    assert shop.ours("ListRollouts", Name=name)["TotalCount"] == 1


@pytest.fixture(scope="module")
def owned(shop: Shop) -> tuple[str, str]:
    """An alias that a rollout owns, and its id."""
    name = shop.alias()
    shop.call("UpdateAlias", Name=name, FunctionVersion="1", Description="there is a past")
    return name, shop.shut(name, Owner="ann")


MOVES: list[tuple[str, dict[str, Any]]] = [
    ("UpdateAlias", {"FunctionVersion": "3"}),
    ("UpdateAlias", {"FunctionVersion": "1", "Description": "only words"}),
    ("UndoAlias", {}),
    ("UndoAlias", {"Revision": 2}),
    ("DeleteAlias", {}),
    ("StartRollout", {"FunctionVersion": "3"}),
]


@pytest.mark.parametrize(("action", "more"), MOVES)
def test_an_alias_that_a_rollout_owns_is_moved_by_nobody_else_and_nothing_is_left_of_the_try(
    shop: Shop, owned: tuple[str, str], action: str, more: dict[str, Any]
) -> None:
    name, rollout = owned
    before = shop.traces(name)
    code, message = shop.refused(action, Name=name, **more)

    assert code == "ResourceInUse.Rollout"
    assert f"rollout {rollout} of ann (waiting, 0 % to version 2)" in message
    assert f"huidu rollout back {rollout}" in message
    assert ("TakeOver: true" in message) == (action in {"UpdateAlias", "UndoAlias"})
    assert shop.traces(name) == before
    assert shop.stands(rollout) == ("waiting", 0)


def test_a_release_of_a_service_does_not_move_it_either_and_releases_nothing(
    shop: Shop, owned: tuple[str, str]
) -> None:
    name, rollout = owned
    service = shop.platform.gateway_call("CreateService", ServiceName="s", Protocol="http")
    service_id = service["ServiceId"]
    api = shop.platform.gateway_call(
        "CreateApi",
        ServiceId=service_id,
        ServiceType="SCF",
        ServiceTimeout=5,
        Protocol="HTTP",
        ApiName="one",
        AuthType="NONE",
        RequestConfig={"Path": "/one", "Method": "GET"},
        ServiceScfFunctionName=shop.function,
        ServiceScfFunctionNamespace="default",
        ServiceScfFunctionQualifier=name,
    )
    change = {"FunctionName": shop.function, "Name": name, "FunctionVersion": "3"}
    asked = {"ServiceId": service_id, "EnvironmentName": "release", "ReleaseDesc": "r"}
    before = shop.traces(name)

    refused = shop.platform.gateway_refusal("ReleaseService", AliasChanges=[change], **asked)
    assert refused.get_code() == "ResourceInUse.Rollout"
    assert rollout in str(refused.get_message())
    assert shop.traces(name) == before
    shop.platform.gateway_call("ReleaseService", **asked)  # without moving it, it may

    there = shop.alias()
    also = {**change, "Name": there}
    refused = shop.platform.gateway_refusal("ReleaseService", AliasChanges=[also, change], **asked)
    assert refused.get_code() == "ResourceInUse.Rollout"
    assert shop.leads(there) == ("1", {})

    shop.platform.gateway_call("UnReleaseService", ServiceId=service_id, EnvironmentName="release")
    api_id = api["Result"]["ApiId"]
    shop.platform.gateway_call("DeleteApi", ServiceId=service_id, ApiId=api_id)
    shop.platform.gateway_call("DeleteService", ServiceId=service_id)


TAKING: list[tuple[str, dict[str, Any], str]] = [
    ("UpdateAlias", {"FunctionVersion": "3", "Reason": "now"}, "3"),
    ("UndoAlias", {"Reason": "now"}, "3"),
]


@pytest.mark.parametrize(("action", "more", "leads"), TAKING)
def test_whoever_takes_over_ends_the_rollout_and_that_is_written_down(
    shop: Shop, action: str, more: dict[str, Any], leads: str
) -> None:
    name = shop.alias("3")
    shop.call("UpdateAlias", Name=name, FunctionVersion="1")
    rollout = shop.shut(name)
    ask = shop.ours if action == "UndoAlias" else shop.call
    ask(action, Name=name, TakeOver=True, **more)

    seen = shop.get(rollout)
    assert (seen["State"], seen["Said"]) == ("taken over", "now")
    assert seen["EndTime"]
    assert (seen["Steps"][-1]["Event"], bool(seen["Steps"][-1]["Who"])) == ("take over", True)
    assert shop.leads(name) == (leads, {})
    assert "rollout.taken_over" in shop.told(name)
    newest = shop.ours("ListAliasHistory", Name=name)["Changes"][0]
    assert (newest["Action"], newest["Reason"]) == (action, "now")
    shop.call("UpdateAlias", Name=name, FunctionVersion="1")  # nobody holds it any more


def test_taking_over_an_alias_that_nobody_owns_is_a_plain_move(shop: Shop) -> None:
    name = shop.alias()
    shop.call("UpdateAlias", Name=name, FunctionVersion="2", TakeOver=True)
    assert shop.leads(name) == ("2", {})
    assert "rollout.taken_over" not in shop.told(name)


def test_a_taking_over_that_fails_takes_nothing_over(shop: Shop) -> None:
    name = shop.alias()
    rollout = shop.shut(name)
    before = shop.traces(name)
    code, _ = shop.refused("UpdateAlias", Name=name, FunctionVersion="99", TakeOver=True)
    assert code == "ResourceNotFound.FunctionVersion"
    asked = {"FunctionVersion": "3", "ExpectedRevision": 9, "TakeOver": True}
    assert shop.refused("UpdateAlias", Name=name, **asked)[0] == "ResourceInUse"
    assert shop.traces(name) == before
    assert shop.stands(rollout) == ("waiting", 0)


# ---- what it needs


def test_versions_that_a_rollout_needs_are_not_deleted_while_it_goes_on(
    platform: Platform, name: str
) -> None:
    platform.make(name)
    for number in "12":
        platform.call("UpdateFunctionConfiguration", FunctionName=name, Description=number)
        platform.publish(name)
    own = Shop(platform, name)
    released = own.alias()
    rollout = own.shut(released)
    # What has no calls yet is not named by the alias: only the rollout knows that it is needed.
    code, message = own.refused("DeleteFunctionVersion", Qualifier="2")
    assert code == "FailedOperation.DeleteFunction"
    assert f"Qualifier 2: rollout {rollout} of alias {released} is waiting" in message
    code, _ = own.refused("DeleteFunctionVersion", Qualifier="1")  # the alias itself needs it
    assert code == "UnsupportedOperation.AliasBind"
    own.ours("RollbackRollout", RolloutId=rollout, Wait=0)
    own.call("DeleteFunctionVersion", Qualifier="2")
    assert own.get(rollout)["State"] == "rolled back"


def test_a_function_may_be_deleted_and_its_rollouts_are_gone_with_it(
    platform: Platform, name: str
) -> None:
    platform.make(name)
    for number in "12":
        platform.call("UpdateFunctionConfiguration", FunctionName=name, Description=number)
        platform.publish(name)
    own = Shop(platform, name)
    rollout = own.shut(own.alias())
    seen = own.get(rollout)["Seen"]
    with ThreadPoolExecutor(1) as beside:
        watching = beside.submit(own.refused, "WatchRollout", RolloutId=rollout, After=seen, Wait=9)
        own.call("DeleteFunction")
        assert watching.result(8)[0] == "ResourceNotFound.Rollout"

    assert own.refused("GetRollout", RolloutId=rollout)[0] == "ResourceNotFound.Rollout"
    assert platform.ours("ListRollouts", FunctionName=name)["TotalCount"] == 0
    platform.make(name)  # another one of the name has nothing of it
    assert own.refused("GetRollout", Name="$DEFAULT")[0] == "ResourceNotFound.Rollout"


# ---- where a rollout begins


def test_an_alias_with_rules_is_refused_and_told_to_clear_them(shop: Shop) -> None:
    rule = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
    name = shop.alias(RoutingConfig={"AddtionVersionMatchs": [rule]})
    code, message = shop.refused("StartRollout", Name=name, FunctionVersion="2")
    assert code == "InvalidParameterValue.RoutingConfig"
    assert "routes by rules" in message


@pytest.mark.parametrize(
    ("version", "weight", "code", "said"),
    [
        ("3", 0.1, "InvalidParameterValue.RoutingConfig", "version 3 has 0.1 of the calls"),
        ("2", 1, "InvalidParameterValue.FunctionVersion", "has all calls of alias"),
    ],
)
def test_an_alias_that_is_shared_otherwise_is_refused(
    shop: Shop, version: str, weight: float, code: str, said: str
) -> None:
    weights = [{"Version": version, "Weight": weight}]
    name = shop.alias(RoutingConfig={"AdditionalVersionWeights": weights})
    got, message = shop.refused("StartRollout", Name=name, FunctionVersion="2")
    assert (got, said in message) == (code, True)


def test_a_share_that_was_given_by_hand_is_gone_on_from(shop: Shop) -> None:
    weights = [{"Version": "2", "Weight": 0.1}]
    name = shop.alias(RoutingConfig={"AdditionalVersionWeights": weights})
    rollout = shop.start(name, Plan="10%/1s, 50%/1h, 100%", Gates=[{"Weight": 0.05}])
    assert shop.stands(rollout) == ("ramping", 0.1)
    until(lambda: shop.stands(rollout) == ("ramping", 0.5), 20)
    assert shop.leads(name) == ("1", {"2": 0.5})
    assert [step["Weight"] for step in shop.get(rollout)["Steps"]] == [0.5]
    shop.ours("RollbackRollout", RolloutId=rollout, Wait=0)
    assert shop.leads(name) == ("1", {})


# ---- steps that a person takes


def test_a_step_that_is_impossible_says_what_is_possible_and_leaves_no_trace(shop: Shop) -> None:
    name = shop.alias()
    rollout = shop.shut(name)
    before = shop.traces(name), shop.get(rollout)["Revision"]
    code, message = shop.refused("ResumeRollout", RolloutId=rollout)
    assert code == "FailedOperation.Rollout"
    assert f"Rollout {rollout} of alias {name} is waiting: it cannot resume; possible: " in message
    assert (shop.traces(name), shop.get(rollout)["Revision"]) == before

    shop.ours("PauseRollout", RolloutId=rollout)
    assert shop.refused("PauseRollout", RolloutId=rollout)[0] == "FailedOperation.Rollout"
    shop.ours("RollbackRollout", RolloutId=rollout, Wait=0)
    for action in ("Pause", "Resume", "Approve", "Promote"):
        code, message = shop.refused(f"{action}Rollout", RolloutId=rollout)
        assert code == "FailedOperation.Rollout"
        assert message.endswith("possible: roll back") or "nothing" in message


def test_where_nothing_asks_for_an_approval_there_is_none_to_be_given(shop: Shop) -> None:
    rollout = shop.start(shop.alias(), Plan="10%/1h, 100%", Gates=[{"Weight": 0.05}, {"Weight": 1}])
    until(lambda: shop.stands(rollout) == ("waiting", 0))
    shop.ours("ApproveRollout", RolloutId=rollout, Reason="so be it")
    until(lambda: shop.stands(rollout) == ("ramping", 0.1), 20)
    shop.ours("ApproveRollout", RolloutId=rollout)  # ahead of time
    code, message = shop.refused("ApproveRollout", RolloutId=rollout)
    assert code == "FailedOperation.Rollout"
    assert "nothing that asks for an approval" in message
    shop.ours("RollbackRollout", RolloutId=rollout, Wait=0)


def test_a_rollback_is_taken_twice_without_harm(shop: Shop) -> None:
    name = shop.alias()
    rollout = shop.shut(name)
    first = shop.ours("RollbackRollout", RolloutId=rollout, Reason="bad", Wait=-5)
    assert not first["Switched"]["Moved"]
    moves = shop.ours("ListAliasHistory", Name=name)["TotalCount"]
    second = shop.ours("RollbackRollout", RolloutId=rollout, Wait=0)
    assert second["Rollout"]["State"] == "rolled back"
    assert shop.ours("ListAliasHistory", Name=name)["TotalCount"] == moves
    assert shop.leads(name) == ("1", {})


def test_whatever_meets_a_rollback_at_the_same_moment_the_candidate_has_no_call_afterwards(
    shop: Shop,
) -> None:
    names = [shop.alias() for _ in range(4)]
    made = [shop.shut(name) for name in names]
    actions = ("Promote", "Pause", "Rollback", "Approve", "Resume")

    def take(row: tuple[str, str]) -> str:
        rollout, action = row
        try:
            shop.ours(f"{action}Rollout", RolloutId=rollout)
        except TencentCloudSDKException as error:
            return str(error.get_code())
        return ""

    with ThreadPoolExecutor(5) as together:
        rows = [(rollout, action) for rollout in made for action in actions]
        codes = dict(zip(rows, together.map(take, rows), strict=True))

    for name, rollout in zip(names, made, strict=True):
        assert codes[rollout, "Rollback"] == ""
        assert {codes[rollout, action] for action in actions} <= {"", "FailedOperation.Rollout"}
        seen = shop.get(rollout)
        assert (seen["State"], seen["Weight"]) == ("rolled back", 0)
        assert shop.leads(name) == ("1", {})
        assert len(seen["Steps"]) == seen["Revision"] - 1  # each was taken once
        assert [step["Event"] for step in seen["Steps"]].count("roll back") == 1


def finished(shop: Shop, name: str, to: str = "2") -> str:
    """Take a rollout to its end, and return its id."""
    rollout = shop.start(name, to, Plan="all-at-once", BakeTime=0)
    until(lambda: shop.get(rollout)["State"] == "finished", 20)
    return rollout


def test_an_older_rollout_taken_back_ends_the_newer_one_that_builds_on_it(shop: Shop) -> None:
    name = shop.alias()
    older = finished(shop, name)
    newer = shop.shut(name, "3")

    done = shop.ours("RollbackRollout", RolloutId=older, Reason="found late", Wait=0)
    assert done["Switched"]["Moved"]
    assert shop.leads(name) == ("1", {})
    assert shop.stands(older) == ("rolled back", 0)
    seen = shop.get(newer)
    assert seen["State"] == "taken over"
    assert seen["Said"] == f"rollback of rollout {older}: found late"
    assert shop.told(name)[-3:].count("rollout.taken_over") == 1


def test_an_older_rollout_whose_version_has_no_calls_any_more_disturbs_nobody(shop: Shop) -> None:
    name = shop.alias()
    older = finished(shop, name)
    shop.call("UpdateAlias", Name=name, FunctionVersion="3")
    newer = shop.shut(name, "1")

    done = shop.ours("RollbackRollout", RolloutId=older, Wait=0)
    assert not done["Switched"]["Moved"]
    assert shop.leads(name) == ("3", {})  # and not back to version 1, which nobody asked for
    assert shop.stands(newer) == ("waiting", 0)


def test_a_version_that_was_taken_back_is_not_brought_by_another_rollout(shop: Shop) -> None:
    name = shop.alias()
    older = shop.shut(name)
    shop.ours("RollbackRollout", RolloutId=older, Wait=0)
    newer = shop.shut(name)
    shop.ours("RollbackRollout", RolloutId=older, Wait=0)
    assert shop.stands(newer) == ("taken over", 0)


def test_a_call_that_the_budget_keeps_away_is_explained_and_so_is_one_that_might_come(
    shop: Shop,
) -> None:
    name = shop.alias(Sticky="invoke.headers.User")
    rollout = shop.start(name, Plan="50%/1h, 100%", Budget={"Keys": 1})
    until(lambda: shop.stands(rollout) == ("ramping", 0.5), 20)

    def call(user: str) -> tuple[str, str]:
        asked = {"Qualifier": name, "RoutingKey": json.dumps({"User": user})}
        result = shop.call("InvokeFunction", **asked)["Result"]
        return json.loads(result["RetMsg"])["version"], result["FunctionRequestId"]

    def explained(**asked: str) -> tuple[object, ...]:
        told = shop.ours("ExplainRoute", Qualifier=name, **asked)
        chosen = [one["Version"] for one in told["Considered"] if one["Chosen"]]
        return told["FunctionVersion"], told["Reason"], told["Probability"], chosen

    users = [f"user-{number}" for number in range(12)]
    weighed = {user: explained(RoutingKey=json.dumps({"User": user}))[0] for user in users}
    first, second = [user for user in users if weighed[user] == "2"][:2]
    assert call(first)[0] == "2"
    away = ("1", "budget used up", 1.0, ["1"])
    assert explained(RoutingKey=json.dumps({"User": second})) == away
    version, request_id = call(second)
    assert version == "1"
    assert explained(RequestId=request_id) == away
    assert call(first)[0] == "2"  # who has met it stays
    assert shop.get(rollout)["Budget"] == {"Failures": 0, "Keys": 1}
    shop.ours("RollbackRollout", RolloutId=rollout, Wait=0)
    assert call(first)[0] == "1"


# ---- lists


def test_rollouts_are_listed_the_latest_first_page_by_page_and_narrowed(shop: Shop) -> None:
    name = shop.alias()
    made: list[str] = []
    for _ in range(3):
        made.insert(0, shop.shut(name))
        shop.ours("RollbackRollout", RolloutId=made[0], Wait=0)
    made.insert(0, shop.shut(name, Owner="bob"))

    def ids(**more: Any) -> list[str]:
        found = shop.ours("ListRollouts", Name=name, **more)["Rollouts"]
        return [one["RolloutId"] for one in found]

    assert ids() == made
    assert ids(Limit=2) + ids(Limit=2, Offset=2) == made
    assert ids(Offset=9) == []
    assert ids(States=["waiting", "paused"]) == made[:1]
    assert ids(States=["rolled back"]) == made[1:]
    assert ids(Namespace="elsewhere") == []
    assert shop.ours("ListRollouts", Name=name, Limit=1)["TotalCount"] == 4
    (line,) = shop.ours("ListRollouts", Name=name, States=["waiting"])["Rollouts"]
    assert (line["Owner"], line["FromVersion"], line["ToVersion"]) == ("bob", "1", "2")
    assert shop.ours("GetRollout", Name=name)["RolloutId"] == made[0]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"States": ["asleep"]}, "InvalidParameterValue.States"),
        ({"Limit": -1}, "InvalidParameterValue.Limit"),
        ({"Offset": -1}, "InvalidParameterValue.Offset"),
        ({"Limit": "x"}, "InvalidParameter"),
    ],
)
def test_a_list_that_cannot_be_is_refused(shop: Shop, more: dict[str, Any], code: str) -> None:
    assert shop.refused("ListRollouts", **more)[0].startswith(code)


def test_whoever_watches_with_another_mark_is_answered_at_once(shop: Shop) -> None:
    rollout = shop.shut(shop.alias())
    seen = shop.ours("WatchRollout", RolloutId=rollout, After="bogus", Wait=20)
    assert seen["RolloutId"] == rollout
    again = shop.ours("WatchRollout", RolloutId=rollout, After=seen["Seen"], Wait=20)
    assert again["Seen"] != seen["Seen"]
    shop.ours("RollbackRollout", RolloutId=rollout, Wait=0)
    ended = shop.ours("WatchRollout", RolloutId=rollout, After=again["Seen"], Wait=20)
    assert ended["State"] == "rolled back"
