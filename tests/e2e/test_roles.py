"""Roles end to end: keys of other people, through the official client and at the console."""

from __future__ import annotations

import hashlib
import signal
import sqlite3
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest
from tencentcloud.apigateway.v20180808.apigateway_client import ApigatewayClient
from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.scf.v20180416.scf_client import ScfClient
from typer.testing import CliRunner

from huidu.cli.main import app
from huidu.cos.downloads import address
from huidu.model.function import Code
from tests.cli.running import environment
from tests.cos.buckets import Bucket
from tests.e2e.rolling_out import Release
from tests.platform import REGION, SECRET_ID, SECRET_KEY, Platform, zipped

SECRET = "s3cret-password"


class Person:
    """Somebody with a key, who asks through the official clients."""

    def __init__(self, server: Platform, made: dict[str, Any]) -> None:
        self.pair = made["SecretId"], made["SecretKey"]
        signs = credential.Credential(*self.pair)
        self.scf = ScfClient(signs, REGION, server.profile())
        self.ours = CommonClient("huidu", "2026-11-01", signs, REGION, server.profile())
        self.gateway = ApigatewayClient(signs, REGION, server.profile())

    def call(self, action: str, /, **told: Any) -> dict[str, Any]:
        return dict(self.scf.call_json(action, told)["Response"])

    def refusal(self, action: str, /, client: str = "scf", **told: Any) -> TencentCloudSDKException:
        with pytest.raises(TencentCloudSDKException) as refused:
            getattr(self, client).call_json(action, told)
        return refused.value


def hire(server: Platform, name: str, role: str) -> Person:
    return Person(server, server.ours("CreateKey", Name=name, Role=role))


def post(
    server: Platform, path: str, form: dict[str, str], cookie: str = ""
) -> tuple[int, str, str]:
    """Send a form to the console; return status, where it leads, and the cookie that it gives."""
    where = urlsplit(server.api)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": server.api}
    connection = HTTPConnection(where.netloc)
    connection.request("POST", path, urlencode(form), headers | {"Cookie": cookie})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    given = answer.headers.get("set-cookie", "").partition(";")[0]
    return answer.status, answer.headers.get("location", ""), given


def home(server: Platform, cookie: str) -> int:
    connection = HTTPConnection(urlsplit(server.api).netloc)
    connection.request("GET", "/console/", headers={"Cookie": cookie})
    status = connection.getresponse().status
    connection.close()
    return status


def test_who_may_view_sees_how_it_stands_and_moves_nothing(platform: Platform, name: str) -> None:
    platform.make(name, Environment={"Variables": [{"Key": "PASSWORD", "Value": SECRET}]})
    platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    viewer = hire(platform, f"viewer of {name}", "view")

    assert viewer.call("GetAlias", FunctionName=name, Name="release")["FunctionVersion"] == "1"
    told = viewer.call("GetFunction", FunctionName=name)
    assert told["Environment"]["Variables"] == [{"Key": "PASSWORD", "Value": "(hidden)"}]
    shown = platform.call("GetFunction", FunctionName=name)["Environment"]["Variables"]
    assert shown == [{"Key": "PASSWORD", "Value": SECRET}]
    moved = {"FunctionName": name, "Name": "release", "FunctionVersion": "$LATEST"}
    refused = viewer.refusal("UpdateAlias", **moved)
    assert refused.get_code() == "AuthFailure.UnauthorizedOperation"
    assert refused.get_message() == (
        f"UpdateAlias needs the role release, and viewer of {name} (API) has view; whoever has a "
        "key of the role admin can give it another: huidu keys role"
    )
    for action, client, needs in (
        ("DeleteFunction", "scf", "admin"),
        ("Invoke", "scf", "release"),
        ("GetFunctionAddress", "scf", "release"),
        ("GetFunction", "scf", "release"),
        ("CreateKey", "ours", "admin"),
        ("ListKeys", "ours", "admin"),
        ("DescribeApiKeysStatus", "gateway", "admin"),
    ):
        refused = viewer.refusal(action, client, FunctionName=name, Name="x", ShowCode="TRUE")
        assert refused.get_code() == "AuthFailure.UnauthorizedOperation", action
        assert f"needs the role {needs}," in refused.get_message()
    assert platform.call("GetAlias", FunctionName=name, Name="release")["FunctionVersion"] == "1"


def test_who_may_release_moves_calls_and_makes_nothing(platform: Platform, name: str) -> None:
    platform.make(name)
    who = f"wei of {name}"
    wei = hire(platform, who, "release")
    wei.call("PublishVersion", FunctionName=name)
    wei.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    assert wei.call("Invoke", FunctionName=name, Qualifier="release")["Result"]["RetMsg"]

    history = platform.ours("ListAliasHistory", FunctionName=name, Name="release")["Changes"]
    assert [change["Who"] for change in history] == [f"{who} (API)"]
    for asked in (who, f"{who} (API)"):
        told = platform.ours("ListEvents", Who=asked)["Events"]
        assert {event["Kind"] for event in told} == {"version.published", "alias.created"}
    for action in ("UpdateFunctionCode", "UpdateFunctionConfiguration", "DeleteFunction"):
        refused = wei.refusal(action, FunctionName=name, ZipFile=zipped(""))
        assert "needs the role admin" in refused.get_message()


def test_code_is_for_who_may_see_it(platform: Platform, name: str) -> None:
    """However it is asked for: a bucket and an address of a package are no other doors."""
    viewer, wei = hire(platform, f"li {name}", "view"), hire(platform, f"wei {name}", "release")
    platform.make(name)
    told = wei.call("GetFunctionAddress", FunctionName=name)
    with urlopen(told["Url"]) as package:  # noqa: S310 - it is our own server
        assert hashlib.sha256(package.read()).hexdigest() == told["CodeSha256"]

    code = Code(told["CodeSha256"], 1)
    for person, status in ((viewer, 403), (wei, 200)):
        asked = urlsplit(address(platform.api, person.pair, time.time(), code, "a.zip"))
        connection = HTTPConnection(asked.netloc)
        connection.request("GET", f"{asked.path}?{asked.query}")
        assert connection.getresponse().status == status
        connection.close()
        refused = Bucket(platform.api, f"b-{name}", person.pair).ask("PUT")
        assert (refused.status, refused.code) == (403, "AccessDenied")
        assert b"needs the role admin" in refused.body


def test_a_change_of_a_key_holds_from_its_answer_on_and_is_told(
    platform: Platform, name: str
) -> None:
    who = f"wei of {name}"
    wei = hire(platform, who, "admin")
    wei.call("ListFunctions")
    for changes, works in (
        ({"Role": "view"}, "ListFunctions"),
        ({"Enabled": False}, ""),
        ({"Enabled": True}, "ListFunctions"),
        ({"Role": "release"}, "ListFunctions"),
    ):
        platform.ours("UpdateKey", Key=who, **changes)
        assert wei.refusal("DeleteFunction", FunctionName="x")
        if works:
            wei.call(works)
        else:
            refused = wei.refusal("ListFunctions")
            assert refused.get_code() == "AuthFailure.SecretIdNotFound"
            assert f"access key {who} ({wei.pair[0]}) is disabled" in refused.get_message()
    platform.ours("DeleteKey", Key=wei.pair[0])

    assert wei.refusal("ListFunctions").get_code() == "AuthFailure.SecretIdNotFound"
    told = platform.ours("ListEvents", Kinds=["key.*"], Limit=100)["Events"]
    mine = [(e["Kind"], e["Before"], e["After"]) for e in told if e["Subject"] == who]
    assert mine[-1] == ("key.created", "", f"{who}: admin")
    assert mine[-2] == ("key.changed", f"{who}: admin", f"{who}: view")
    assert mine[-3] == ("key.changed", f"{who}: view", f"{who}: view, disabled")
    assert mine[0] == ("key.deleted", f"{who}: release", "")


@pytest.mark.parametrize(
    ("action", "told", "code"),
    [
        ("CreateKey", {"Name": "root"}, "InvalidParameterValue"),
        ("CreateKey", {"Name": "a b (console)"}, "InvalidParameterValue"),
        ("CreateKey", {"Name": "a", "Role": "god"}, "InvalidParameterValue"),
        ("CreateKey", {}, "MissingParameter"),
        ("UpdateKey", {"Key": "root", "Role": "view"}, "UnsupportedOperation.RootKey"),
        ("DeleteKey", {"Key": SECRET_ID}, "UnsupportedOperation.RootKey"),
        ("UpdateKey", {"Key": "nobody", "Enabled": False}, "ResourceNotFound.AccessKey"),
        ("CreateConsoleLink", {"Role": "everything"}, "InvalidParameterValue"),
    ],
)
def test_what_cannot_be_is_refused(
    platform: Platform, action: str, told: dict[str, Any], code: str
) -> None:
    with pytest.raises(TencentCloudSDKException) as refused:
        platform.ours(action, **told)

    assert refused.value.get_code() == code


def test_no_two_keys_have_one_name_and_a_link_gives_no_more_than_its_key(
    platform: Platform, name: str
) -> None:
    viewer = hire(platform, f"Wei of {name}", "view")
    with pytest.raises(TencentCloudSDKException) as refused:
        hire(platform, f"wei of {name}", "admin")

    assert refused.value.get_code() == "ResourceInUse.AccessKey"
    more = viewer.refusal("CreateConsoleLink", "ours", Role="admin")
    assert "A session of the role admin needs the role admin" in more.get_message()


def test_keys_and_who_is_signed_in_survive_a_kill_and_no_secret_is_in_the_catalog(
    start: Callable[..., Platform],
) -> None:
    server = start("--set", "tier=none")
    wei = hire(server, "wei", "release")
    pair = {"secret_id": wei.pair[0], "secret_key": wei.pair[1]}
    status, back, cookie = post(server, "/console/sign-in", pair)
    assert (status, back) == (303, "/console/")
    link = server.ours("CreateConsoleLink", Role="view")["Path"]
    server.stop(signal.SIGKILL)

    kept = " ".join(sqlite3.connect(server.data / "huidu.db").iterdump())
    for secret in (wei.pair[1], SECRET_KEY, cookie.partition("=")[2], link.partition("=")[2]):
        assert secret not in kept
    assert (server.data / "keys.seed").stat().st_mode & 0o077 == 0

    again = start("--set", "tier=none", data=server.data)
    assert Person(again, {"SecretId": wei.pair[0], "SecretKey": wei.pair[1]}).call("ListFunctions")
    assert home(again, cookie) == 200
    entered, _, by_link = post(again, "/console/enter", {"token": link.partition("=")[2]})
    assert (entered, home(again, by_link)) == (303, 200)
    once = post(again, "/console/enter", {"token": link.partition("=")[2]})
    assert once[1].startswith("/console/sign-in?reason=link")
    again.ours("UpdateKey", Key="wei", Enabled=False)
    assert (home(again, cookie), home(again, by_link)) == (303, 200)


def test_the_command_line_hands_out_keys_and_links(platform: Platform, name: str) -> None:
    def huidu(*words: str, **more: str) -> Any:
        return CliRunner(env=environment(platform) | more).invoke(app, list(words))

    who = f"wei-{name}"
    made = huidu("keys", "add", who, "--role", "view")
    pair = dict(line.removeprefix("export ").split("=", 1) for line in made.stdout.splitlines())
    assert f"{who} has a key of role view" in made.stderr
    assert huidu("ls", **pair).exit_code == 0
    refused = huidu("keys", "list", **pair)
    assert (refused.exit_code, "needs the role admin" in refused.stderr) == (1, True)
    assert "huidu env" not in refused.stderr

    assert huidu("keys", "role", who, "admin").exit_code == 0
    listed = huidu("keys", "list", **pair).stdout
    assert next(line.split()[:2] for line in listed.splitlines() if who in line) == [who, "admin"]
    assert pair["TENCENTCLOUD_SECRET_KEY"] not in listed
    url = huidu("console", "--role", "view", **pair)
    assert url.stdout.startswith(f"{platform.api}/console/enter?token=")
    assert "good once, until" in url.stderr

    assert "huidu keys enable" in huidu("keys", "disable", who).stdout
    assert huidu("ls", **pair).exit_code == 1
    assert huidu("keys", "enable", who).exit_code == 0
    assert huidu("keys", "rename", who, f"{who}-2").exit_code == 0
    assert huidu("keys", "remove", f"{who}-2").exit_code == 2
    assert huidu("keys", "remove", f"{who}-2", "--yes").exit_code == 0
    assert "huidu keys list" in huidu("keys", "remove", f"{who}-2", "--yes").stderr
    assert huidu("ls", **pair).exit_code == 1


def test_where_a_gate_asks_is_shown_to_who_may_release(platform: Platform, name: str) -> None:
    release = Release.make(platform, name)
    gates = [
        {"Weight": 0.1, "Kind": "approval"},
        {"Weight": 0.5, "Kind": "webhook", "Url": "http://hooks.example/s3cret"},
    ]
    release.start(Gates=gates)
    asked = {"FunctionName": name, "Name": "release"}

    shown = [
        hire(platform, f"{role} of {name}", role).ours.call_json("GetRollout", asked)["Response"]
        for role in ("view", "release")
    ]
    release.do("Rollback")

    assert [one["Gates"][1]["Url"] for one in shown] == ["(hidden)", gates[1]["Url"]]
    assert [one["Gates"][0]["Url"] for one in shown] == ["", ""]
