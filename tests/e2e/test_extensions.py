"""What Huidu adds: history, undo, locking, stickiness, exact splits, and reasons."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests.platform import ROOT_ASKED, Platform

BOB = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}


def shared(*pairs: tuple[str, float]) -> dict[str, Any]:
    """RoutingConfig with these weights."""
    shares = [{"Version": version, "Weight": weight} for version, weight in pairs]
    return {"RoutingConfig": {"AdditionalVersionWeights": shares}}


RULED = {"RoutingConfig": {"AddtionVersionMatchs": [BOB]}}


class Released:
    """A function with versions and an alias `release`, moved and asked by the official SDK."""

    def __init__(self, platform: Platform, name: str, versions: int = 3) -> None:
        self.platform, self.name = platform, name
        platform.make(name)
        for _ in range(versions):
            platform.publish(name)
        self.scf("CreateAlias", FunctionVersion="1", Description="first", Reason="begin")

    def scf(self, action: str, **asked: Any) -> dict[str, Any]:
        return self.platform.call(action, FunctionName=self.name, Name="release", **asked)

    def ours(self, action: str, **asked: Any) -> dict[str, Any]:
        return self.platform.ours(action, FunctionName=self.name, Name="release", **asked)

    def move(self, main: str, **more: Any) -> None:
        self.scf("UpdateAlias", FunctionVersion=main, **more)

    def refused(self, action: str, **asked: Any) -> TencentCloudSDKException:
        call = self.scf if action in ("UpdateAlias", "GetAlias", "DeleteAlias") else self.ours
        with pytest.raises(TencentCloudSDKException) as refusal:
            call(action, **asked)
        return refusal.value

    def explain(self, **asked: Any) -> dict[str, Any]:
        known = {"FunctionName": self.name, "Qualifier": "release"}
        return self.platform.ours("ExplainRoute", **known | asked)

    def invoke(self, calls: int = 1, **more: Any) -> list[dict[str, Any]]:
        return [self.platform.invoke(self.name, Qualifier="release", **more) for _ in range(calls)]

    def counts(self, calls: int, **more: Any) -> Counter[str]:
        return Counter(answer["FunctionVersion"] for answer in self.invoke(calls, **more))

    def state(self) -> dict[str, Any]:
        answer = self.scf("GetAlias")
        return {key: value for key, value in answer.items() if key not in ("RequestId", "ModTime")}


@pytest.fixture
def released(platform: Platform, name: str) -> Iterator[Released]:
    made = Released(platform, name)
    yield made
    platform.call("DeleteFunction", FunctionName=name)


# History, undo, locking


def test_the_history_tells_who_moved_an_alias_when_why_and_from_what(released: Released) -> None:
    released.move("1", **shared(("2", 0.1)), Reason="canary")
    released.move("2", Reason="all of it")
    told = released.ours("ListAliasHistory")

    assert told["TotalCount"] == 3
    assert [change["Revision"] for change in told["Changes"]] == [3, 2, 1]
    assert [change["Action"] for change in told["Changes"]] == [
        "UpdateAlias",
        "UpdateAlias",
        "CreateAlias",
    ]
    assert [change["Reason"] for change in told["Changes"]] == ["all of it", "canary", "begin"]
    assert {change["Who"] for change in told["Changes"]} == {ROOT_ASKED}
    assert all(len(change["Time"]) == 19 for change in told["Changes"])
    newest, canary, first = told["Changes"]
    assert first["Before"] is None
    assert first["After"] == canary["Before"]
    assert canary["After"] == newest["Before"]
    assert canary["After"]["RoutingConfig"]["AdditionalVersionWeights"] == [
        {"Version": "2", "Weight": 0.1}
    ]
    assert newest["After"] == {"ModTime": newest["Time"]} | released.state()

    page = released.ours("ListAliasHistory", Offset=1, Limit=1)
    assert (page["TotalCount"], page["Changes"]) == (3, [canary])


def test_a_deleted_alias_keeps_its_history_and_a_new_one_goes_on_with_it(
    released: Released,
) -> None:
    released.scf("DeleteAlias", Reason="no use for it")
    (gone, *_) = released.ours("ListAliasHistory")["Changes"]
    assert (gone["Action"], gone["Reason"], gone["After"]) == ("DeleteAlias", "no use for it", None)
    assert gone["Before"]["FunctionVersion"] == "1"
    assert gone["Revision"] == 2

    released.scf("CreateAlias", FunctionVersion="2")
    assert released.ours("ListAliasHistory")["TotalCount"] == 3
    refused = released.platform.ours
    with pytest.raises(TencentCloudSDKException) as never:
        refused("ListAliasHistory", FunctionName=released.name, Name="nobody")
    assert never.value.get_code() == "ResourceNotFound.Alias"


def test_default_has_a_history_from_the_functions_first_moment(released: Released) -> None:
    told = released.platform.ours("ListAliasHistory", FunctionName=released.name, Name="$DEFAULT")

    assert [change["Action"] for change in told["Changes"]] == ["CreateFunction"]


def test_undo_brings_back_what_was_before_and_can_itself_be_undone(released: Released) -> None:
    released.move("1", **shared(("2", 0.3)), Sticky="invoke.headers.User", Description="shared")
    before = released.state()
    released.move("3", Sticky="", Description="")
    undone = released.ours("UndoAlias", Reason="errors")["Alias"]

    assert {key: undone[key] for key in before} == before | {"Revision": 4}
    assert released.state() == before | {"Revision": 4}
    newest = released.ours("ListAliasHistory")["Changes"][0]
    assert (newest["Action"], newest["Reason"]) == ("UndoAlias", "errors")
    released.ours("UndoAlias")
    assert released.state()["FunctionVersion"] == "3"
    assert released.ours("ListAliasHistory")["Changes"][0]["Reason"] == "undo of revision 4"
    assert released.counts(5) == {"3": 5}


def test_undo_may_go_back_before_any_change_but_the_first(released: Released) -> None:
    for version in ("2", "3", "$LATEST"):
        released.move(version)
    assert released.ours("UndoAlias", Revision=3)["Alias"]["FunctionVersion"] == "2"

    first = released.refused("UndoAlias", Revision=1)
    assert first.get_code() == "FailedOperation.UpdateAlias"
    assert "nothing before" in first.get_message()
    missing = released.refused("UndoAlias", Revision=99)
    assert missing.get_code() == "ResourceNotFound.AliasRevision"
    assert released.state()["FunctionVersion"] == "2"


def test_undo_is_refused_where_its_version_is_gone(released: Released) -> None:
    released.move("2")
    released.platform.call("DeleteFunctionVersion", FunctionName=released.name, Qualifier="1")

    refused = released.refused("UndoAlias")
    assert refused.get_code() == "ResourceNotFound.FunctionVersion"
    assert released.state()["FunctionVersion"] == "2"


def test_of_two_who_expect_the_same_revision_the_second_hears_what_is_there_now(
    released: Released,
) -> None:
    released.move("1", **shared(("2", 0.1)), ExpectedRevision=1)

    loser = released.refused("UpdateAlias", FunctionVersion="3", ExpectedRevision=1)
    assert loser.get_code() == "ResourceInUse"
    assert "revision 2" in loser.get_message()
    assert "10 % to version 2, the rest to version 1" in loser.get_message()
    loser = released.refused("UndoAlias", ExpectedRevision=1)
    assert loser.get_code() == "ResourceInUse"
    released.move("1", **RULED, ExpectedRevision=2)
    loser = released.refused("UpdateAlias", FunctionVersion="3", ExpectedRevision=2)
    assert "invoke.headers.User exact Bob to version 2" in loser.get_message()
    released.move("3", ExpectedRevision=3)
    loser = released.refused("UpdateAlias", FunctionVersion="1", ExpectedRevision=3)
    assert "all calls to version 3" in loser.get_message()
    assert released.state()["Revision"] == 4


# Splits


def test_an_exact_split_is_exact_from_the_first_call_to_the_last(released: Released) -> None:
    released.move("1", **shared(("2", 0.25)))
    for calls in range(1, 7):
        got = released.counts(4)
        assert got == {"1": 3, "2": 1}, f"stretch {calls}"


def test_a_random_split_is_asked_for_and_given_back(released: Released) -> None:
    released.move("1", **shared(("2", 0.5)), Split="random")
    assert released.state()["Split"] == "random"
    counts = released.counts(60)
    assert set(counts) == {"1", "2"}
    assert {answer["Reason"] for answer in [released.explain()]} == {"weight, random"}

    released.move("1", **shared(("2", 0.5)))
    assert released.state()["Split"] == "random"  # left out: as before
    released.move("1", **shared(("2", 0.5)), Split="")
    assert released.state()["Split"] == "exact"
    refused = released.refused("UpdateAlias", FunctionVersion="1", Split="fair")
    assert refused.get_code() == "InvalidParameterValue.RoutingConfig"


def test_with_a_sticky_key_everybody_stays_where_they_are(released: Released) -> None:
    released.move("1", **shared(("2", 0.5)), Sticky="invoke.headers.User")

    def by_user() -> dict[str, str]:
        found = {}
        for user in map(str, range(20)):
            counts = released.counts(2, RoutingKey=json.dumps({"User": user}))
            (found[user],) = counts
        return found

    half = by_user()
    assert set(half.values()) == {"1", "2"}
    released.move("1", **shared(("2", 0.9)))
    most = by_user()
    assert all(most[user] == "2" for user, version in half.items() if version == "2")
    assert released.counts(10) == {"1": 1, "2": 9}  # whoever shows no key is split exactly

    released.move("1", **shared(("2", 0.9)), Sticky="")
    assert released.state()["Sticky"] == ""
    refused = released.refused("UpdateAlias", FunctionVersion="1", Sticky="everything")
    assert refused.get_code() == "InvalidParameterValue.RoutingConfig"
    assert "Sticky" in refused.get_message()


def test_more_than_two_versions_are_refused_unless_the_server_was_told(released: Released) -> None:
    refused = released.refused("UpdateAlias", FunctionVersion="1", **shared(("2", 0.1), ("3", 0.1)))

    assert refused.get_code() == "InvalidParameterValue.RoutingConfig"
    assert "max_additional_versions" in refused.get_message()


def test_a_server_that_was_told_splits_between_three(start: Callable[..., Platform]) -> None:
    released = Released(start("--set", "max_additional_versions=2"), "three")
    released.move("1", **shared(("2", 0.25), ("3", 0.25)))

    assert released.counts(80) == {"1": 40, "2": 20, "3": 20}
    considered = released.explain()["Considered"]
    assert {one["Version"] for one in considered} == {"1", "2", "3"}
    rules = [BOB, BOB | {"Version": "3", "Expression": "Eve"}]
    released.move("1", RoutingConfig={"AddtionVersionMatchs": rules})
    for user, version in (("Bob", "2"), ("Eve", "3"), ("Ann", "1")):
        assert released.counts(1, RoutingKey=json.dumps({"User": user})) == {version: 1}
    refused = released.refused(
        "UpdateAlias", FunctionVersion="1", **shared(("2", 0.1), ("3", 0.1), ("$LATEST", 0.1))
    )
    assert refused.get_code() == "InvalidParameterValue.RoutingConfig"


# Reasons


def chosen(explanation: dict[str, Any]) -> list[str]:
    return [one["Version"] for one in explanation["Considered"] if one["Chosen"]]


def test_a_call_that_might_come_is_explained_and_moves_nothing(released: Released) -> None:
    released.move("1", **shared(("2", 0.5)))
    for _ in range(7):
        released.explain()
    assert released.counts(2) == {"1": 1, "2": 1}

    told = released.explain()
    assert (told["Alias"], told["AliasRevision"], told["Reason"]) == ("release", 2, "weight")
    assert told["FunctionVersion"] in ("1", "2")
    assert 0 <= told["Draw"] < 1
    assert told["Probability"] == 0.5
    assert told["Phases"]
    assert chosen(told) == [told["FunctionVersion"]]


@pytest.mark.parametrize(
    ("key", "shown", "version"),
    [
        ("invoke.headers.User", {"RoutingKey": '{"User":"Bob"}'}, "2"),
        ("invoke.headers.User", {"RoutingKey": '{"user":"Bob"}'}, "1"),
        ("invoke.headers.User", {"Headers": {"uSER": "Bob"}}, "2"),
        ("invoke.cookies.sid", {"Cookies": {"sid": "Bob"}}, "2"),
        ("invoke.query.who", {"Query": {"who": "Bob"}}, "2"),
        ("invoke.source_ip", {"SourceIp": "Bob"}, "2"),
        ("invoke.source_ip", {}, "1"),
        ("invoke.headers.User", {}, "1"),
    ],
)
def test_what_a_call_would_show_decides_by_rule(
    released: Released, key: str, shown: dict[str, Any], version: str
) -> None:
    released.move("1", RoutingConfig={"AddtionVersionMatchs": [BOB | {"Key": key}]})

    told = released.explain(**shown)
    assert told["FunctionVersion"] == version
    assert told["Reason"] == ("rule 1" if version == "2" else "no rule met")
    assert (told["Probability"], told["Draw"]) == (1, None)
    assert chosen(told) == [version]
    rule = told["Considered"][0]
    assert rule["What"] == f"rule 1: {key} exact Bob"
    assert rule["Why"] == (
        "the call shows 'Bob'" if version == "2" else "the call does not show it"
    )


def test_a_call_that_has_been_is_explained_by_what_it_met(released: Released) -> None:
    released.move("1", **shared(("2", 0.5)))
    answers = released.invoke(6)
    released.move("3")  # and by now all is different

    for answer in answers:
        told = released.explain(RequestId=answer["FunctionRequestId"])
        assert told["FunctionVersion"] == answer["FunctionVersion"]
        assert chosen(told) == [answer["FunctionVersion"]]
        assert (told["AliasRevision"], told["Reason"]) == (2, "weight")
    told = released.explain(RequestId=released.invoke()[0]["FunctionRequestId"])
    assert (told["FunctionVersion"], told["Reason"], told["AliasRevision"]) == (
        "3",
        "main version",
        3,
    )


def test_a_call_by_rule_that_has_been_is_explained_though_what_it_showed_is_not_kept(
    released: Released,
) -> None:
    released.move("1", **RULED)
    (bob,) = released.invoke(RoutingKey='{"User":"Bob"}')
    (ann,) = released.invoke(RoutingKey='{"User":"Ann"}')

    told = released.explain(RequestId=bob["FunctionRequestId"])
    assert (told["FunctionVersion"], told["Reason"]) == ("2", "rule 1")
    assert [one["Why"] for one in told["Considered"]] == ["met", "a rule was met"]
    told = released.explain(RequestId=ann["FunctionRequestId"])
    assert (told["FunctionVersion"], told["Reason"]) == ("1", "no rule met")
    assert "not kept" in told["Considered"][0]["Why"]


def test_a_call_by_version_had_no_choice(released: Released) -> None:
    request_id = released.platform.invoke(released.name, Qualifier="2")["FunctionRequestId"]

    for told in (released.explain(RequestId=request_id), released.explain(Qualifier="2")):
        assert (told["FunctionVersion"], told["Alias"]) == ("2", "")
        assert told["Reason"] == "called by version"
        assert chosen(told) == ["2"]


def test_a_call_is_explained_by_the_alias_that_it_met_and_not_by_its_namesake(
    released: Released,
) -> None:
    """An alias that is made anew counts its revisions anew."""
    released.move("1", **shared(("2", 1)))
    (by_weight,) = released.invoke()
    released.scf("DeleteAlias")
    released.scf("CreateAlias", FunctionVersion="3")
    released.move("3", **RULED)
    (by_rule,) = released.invoke()

    told = released.explain(RequestId=by_weight["FunctionRequestId"])
    assert (told["FunctionVersion"], told["Reason"]) == ("2", "weight")
    assert {one["Version"] for one in told["Considered"]} == {"1", "2"}
    told = released.explain(RequestId=by_rule["FunctionRequestId"])
    assert (told["FunctionVersion"], told["Reason"]) == ("3", "no rule met")
    assert {one["Version"] for one in told["Considered"]} == {"2", "3"}


def test_a_function_that_was_made_anew_knows_nothing_of_the_calls_of_the_old_one(
    platform: Platform, name: str
) -> None:
    old = Released(platform, name)
    old.move("1", **shared(("2", 1)))
    (by_weight,) = old.invoke()
    platform.call("DeleteFunction", FunctionName=name)
    new = Released(platform, name)
    new.move("3", **RULED)

    with pytest.raises(TencentCloudSDKException, match="RequestId"):
        new.explain(RequestId=by_weight["FunctionRequestId"])
    platform.call("DeleteFunction", FunctionName=name)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"RequestId": "00000000-0000-4000-8000-000000000000"}, "ResourceNotFound.RequestId"),
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName"),
        ({"FunctionName": "nobody", "RequestId": "x"}, "ResourceNotFound.FunctionName"),
        ({"Qualifier": "nobody"}, "ResourceNotFound.Qualifier"),
        ({"RoutingKey": "{"}, "InvalidParameterValue.Param"),
        ({"Headers": ["User"]}, "InvalidParameter"),
    ],
)
def test_what_nobody_can_explain_is_refused(
    released: Released, asked: dict[str, Any], code: str
) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        released.explain(**asked)

    assert refused.value.get_code() == code


def test_a_call_that_was_refused_has_no_version_to_explain(released: Released) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        released.platform.invoke(released.name, Qualifier="nobody")
    request_id = refused.value.get_request_id()

    with pytest.raises(TencentCloudSDKException) as unknown:
        released.explain(RequestId=request_id)
    assert unknown.value.get_code() == "ResourceNotFound.RequestId"
