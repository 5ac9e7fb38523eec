"""Every action in its good case, through the typed models of the official SDK."""

from __future__ import annotations

import base64
import io
import json
import socket
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.scf.v20180416 import models

from huidu.actions.action import SCF
from huidu.actions.table import ACTIONS
from tests.platform import Platform, until, zipped

ZONE = ZoneInfo("Asia/Shanghai")
ALSO_TYPED = ("test_async_events.py", "test_reserved.py")  #: Where the others are asked for.
CODE = """
import os

def main_handler(event, context):
    print("a line")
    if event.get("fail"):
        raise ValueError("told to")
    return {"said": event, "key": os.environ.get("KEY"), "version": context["function_version"]}
"""


class Client:
    """The official client: takes fields, fills the typed request, returns the typed response."""

    def __init__(self, platform: Platform, function: str) -> None:
        self.platform, self.function = platform, function

    def __call__(self, action: str, **asked: Any) -> Any:
        request = getattr(models, f"{action}Request")()
        named = {"FunctionName": self.function} if hasattr(request, "_FunctionName") else {}
        request.from_json_string(json.dumps(named | asked))
        return getattr(self.platform.client(), action)(request)

    def code(self, action: str, **asked: Any) -> str:
        """Call what must be refused, and return the code."""
        with pytest.raises(TencentCloudSDKException) as refused:
            self(action, **asked)
        return str(refused.value.get_code())


def has(answer: object, *names: str) -> None:
    """Every field is there and is not null."""
    told = vars(answer)
    assert [name for name in names if told[f"_{name}"] is None] == []


def moment(text: str) -> datetime:
    """Read a time as the API writes it; it is now, give or take."""
    read = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    assert abs((datetime.now(ZONE) - read).total_seconds()) < 120
    return read


@pytest.fixture
def scf(platform: Platform, name: str) -> Iterator[Client]:
    """A client and a function with versions 1 and 2."""
    client = Client(platform, name)
    client("CreateFunction", Code={"ZipFile": zipped(CODE)}, Runtime="Python3.10")
    for description in ("one", "two"):
        client("PublishVersion", Description=description)
    yield client
    platform.call("DeleteFunction", FunctionName=name)


def test_create_function_with_everything(platform: Platform, name: str) -> None:
    scf = Client(platform, name)
    made = scf(
        "CreateFunction",
        Code={"ZipFile": zipped({"app.py": CODE})},
        Handler="app.main_handler",
        Runtime="Python3.10",
        Description="a function",
        MemorySize=256,
        Timeout=9,
        InitTimeout=30,
        Namespace="default",
        Role="a-role",
        Type="Event",
        CodeSource="ZipFile",
        Environment={"Variables": [{"Key": "KEY", "Value": "value"}]},
        VpcConfig={"VpcId": "vpc-1", "SubnetId": "subnet-1"},
        PublicNetConfig={"PublicNetStatus": "ENABLE", "EipConfig": {"EipStatus": "DISABLE"}},
        DeadLetterConfig={"Type": "CMQ-QUEUE", "Name": "dead", "FilterType": ""},
        CfsConfig={"CfsInsList": []},
        Layers=[],
        Tags=[{"Key": "team", "Value": "shop"}],
        AsyncRunEnable="FALSE",
        TraceEnable="FALSE",
    )
    assert made.RequestId
    told = scf("GetFunction")

    assert (told.FunctionName, told.Namespace, told.Handler) == (
        name,
        "default",
        "app.main_handler",
    )
    assert (told.Runtime, told.Description, told.Type) == ("Python3.10", "a function", "Event")
    assert (told.MemorySize, told.Timeout, told.InitTimeout) == (256, 9, 30)
    assert told.Role == "a-role"
    assert [(v.Key, v.Value) for v in told.Environment.Variables] == [("KEY", "value")]
    assert [(tag.Key, tag.Value) for tag in told.Tags] == [("team", "shop")]
    assert (told.VpcConfig.VpcId, told.VpcConfig.SubnetId) == ("vpc-1", "subnet-1")
    assert told.PublicNetConfig.PublicNetStatus == "ENABLE"
    assert (told.DeadLetterConfig.Type, told.DeadLetterConfig.Name) == ("CMQ-QUEUE", "dead")
    assert told.CfsConfig.CfsInsList == []
    assert json.loads(scf("InvokeFunction").Result.RetMsg)["key"] == "value"
    scf("DeleteFunction")


def test_get_function_tells_what_clients_read(scf: Client) -> None:
    """Section 1.5: the fields that the known clients rely on."""
    told = scf("GetFunction", ShowCode="TRUE")

    has(
        told,
        *("FunctionId", "FunctionName", "Namespace", "Status", "StatusDesc", "StatusReasons"),
        *("AvailableStatus", "FunctionVersion", "Qualifier", "CodeInfo", "CodeSize", "CodeResult"),
        *("CodeError", "ErrNo", "Handler", "Runtime", "Timeout", "InitTimeout", "MemorySize"),
        *("Environment", "Layers", "Triggers", "Type", "Role", "Tags", "ModTime", "AddTime"),
        *("UseGpu", "L5Enable", "AsyncRunEnable", "TraceEnable", "Description", "RequestId"),
    )
    assert told.FunctionId.startswith("lam-")
    assert (told.Status, told.AvailableStatus) == ("Active", "Available")
    assert (told.FunctionVersion, told.Qualifier) == ("$LATEST", "$LATEST")
    assert (told.CodeResult, told.CodeError, told.ErrNo) == ("success", "", 0)
    assert told.CodeInfo == CODE
    assert told.CodeSize > 0
    assert (told.MemorySize, told.Timeout, told.InitTimeout) == (128, 3, 65)
    assert (told.Environment.Variables, told.Layers, told.Triggers, told.Tags) == ([], [], [], [])
    assert moment(told.AddTime) <= moment(told.ModTime)
    # What is not set is there, and null.
    raw = json.loads(told.to_json_string())
    for field in ("VpcConfig", "PublicNetConfig", "DeadLetterConfig", "CfsConfig"):
        assert field in raw


def test_get_function_of_a_version_and_of_an_alias(scf: Client) -> None:
    scf("CreateAlias", Name="release", FunctionVersion="2")
    by_version, by_alias = (scf("GetFunction", Qualifier=which) for which in ("2", "release"))

    assert (by_version.FunctionVersion, by_version.Qualifier) == ("2", "2")
    assert (by_alias.FunctionVersion, by_alias.Qualifier) == ("2", "release")
    assert by_version.Description == "two"
    assert by_version.CodeInfo == ""
    assert scf.code("GetFunction", Qualifier="9") == "ResourceNotFound.Version"
    assert scf.code("GetFunction", Qualifier="nobody") == "ResourceNotFound.Version"
    assert scf.code("GetFunction", FunctionName="nobody") == "ResourceNotFound.FunctionName"


def test_show_code_only_shows_what_can_be_shown(scf: Client) -> None:
    scf("UpdateFunctionCode", ZipFile=zipped("#" * (1024 * 1024 + 1)))
    assert scf("GetFunction", ShowCode="TRUE").CodeInfo == ""
    scf("UpdateFunctionCode", ZipFile=zipped({"other.py": "pass"}))
    assert scf("GetFunction", ShowCode="TRUE").CodeInfo == ""


@pytest.mark.parametrize("nested", [True, False])
def test_update_function_code_may_publish_at_once(scf: Client, nested: bool) -> None:  # noqa: FBT001 - a case
    code = {"ZipFile": zipped({"app.py": CODE.replace("a line", "another line")})}
    more = {"Code": code} if nested else code
    assert scf("UpdateFunctionCode", Handler="app.main_handler", Publish="TRUE", **more).RequestId

    assert scf("GetFunction").Handler == "app.main_handler"
    assert scf("ListVersionByFunction").FunctionVersion == ["$LATEST", "3", "2", "1"]
    log = scf("InvokeFunction", Qualifier="3", LogType="Tail").Result.Log
    assert "another line" in log
    assert "a line" in scf("InvokeFunction", Qualifier="2", LogType="Tail").Result.Log


def test_update_function_configuration_changes_what_is_named_and_keeps_the_rest(
    scf: Client,
) -> None:
    scf(
        "UpdateFunctionConfiguration",
        Description="changed",
        MemorySize=512,
        Timeout=7,
        Environment={"Variables": [{"Key": "KEY", "Value": "changed"}]},
        Publish="TRUE",
    )
    scf("UpdateFunctionConfiguration", Timeout=8, Runtime="Python3.10")
    told = scf("GetFunction")

    assert (told.Description, told.MemorySize, told.Timeout) == ("changed", 512, 8)
    assert scf("GetFunction", Qualifier="3").Timeout == 7
    assert json.loads(scf("InvokeFunction").Result.RetMsg)["key"] == "changed"
    assert json.loads(scf("InvokeFunction", Qualifier="2").Result.RetMsg)["key"] is None
    # One variable without a name is how clients say: none.
    scf("UpdateFunctionConfiguration", Environment={"Variables": [{"Key": "", "Value": ""}]})
    assert scf("GetFunction").Environment.Variables == []
    assert scf.code("UpdateFunctionConfiguration", Runtime="Python3.9") == (
        "InvalidParameterValue.Runtime"
    )


def test_list_functions(scf: Client, platform: Platform) -> None:
    for suffix in ("a", "b"):
        platform.make(f"{scf.function}-{suffix}", Description=f"list {scf.function}")

    def names(**asked: Any) -> list[str]:
        listed = scf("ListFunctions", SearchKey=scf.function, Limit=100, **asked)
        assert listed.TotalCount == 3
        return [line.FunctionName for line in listed.Functions]

    every = [scf.function, f"{scf.function}-a", f"{scf.function}-b"]
    assert sorted(names()) == every
    assert names(Orderby="FunctionName", Order="ASC") == every
    assert names(Orderby="FunctionName", Order="DESC") == every[::-1]
    assert names(Orderby="AddTime", Order="ASC")[0] == scf.function
    by_name = {"SearchKey": scf.function, "Orderby": "FunctionName", "Order": "ASC"}
    page = scf("ListFunctions", **by_name, Offset=1, Limit=1)
    assert ([line.FunctionName for line in page.Functions], page.TotalCount) == (every[1:2], 3)
    described = scf("ListFunctions", Description=f"list {scf.function}")
    assert described.TotalCount == 2
    line = described.Functions[0]
    has(
        line,
        *("FunctionName", "FunctionId", "Namespace", "Runtime", "Status", "StatusDesc"),
        *("StatusReasons", "Description", "Type", "Tags", "AddTime", "ModTime"),
        *("TotalProvisionedConcurrencyMem", "AsyncRunEnable", "TraceEnable"),
    )
    assert (line.Status, line.Runtime, line.Type) == ("Active", "Python3.10", "Event")
    moment(line.AddTime)
    for suffix in ("a", "b"):
        scf("DeleteFunction", FunctionName=f"{scf.function}-{suffix}")


def test_publish_version(scf: Client) -> None:
    made = scf("PublishVersion", Description="three")

    has(
        made,
        *("FunctionVersion", "CodeSize", "MemorySize", "Description", "Handler", "Timeout"),
        *("Runtime", "Namespace", "RequestId"),
    )
    assert (made.FunctionVersion, made.Description) == ("3", "three")
    assert (made.MemorySize, made.Timeout, made.Handler) == (128, 3, "index.main_handler")
    assert (made.Runtime, made.Namespace) == ("Python3.10", "default")
    assert made.CodeSize == scf("GetFunction").CodeSize


def test_a_number_is_never_given_twice(scf: Client) -> None:
    scf("DeleteFunctionVersion", Qualifier="2")
    assert scf("PublishVersion").FunctionVersion == "3"
    scf("DeleteFunction")
    scf("CreateFunction", Code={"ZipFile": zipped(CODE)}, Runtime="Python3.10")
    assert scf("PublishVersion").FunctionVersion == "1"  # but a new function begins anew


def test_list_version_by_function(scf: Client) -> None:
    listed = scf("ListVersionByFunction")

    assert listed.FunctionVersion == ["$LATEST", "2", "1"]
    assert listed.TotalCount == 3
    assert [line.Version for line in listed.Versions] == listed.FunctionVersion
    assert [line.Description for line in listed.Versions] == ["", "two", "one"]
    for line in listed.Versions:
        has(line, "Version", "Description", "AddTime", "ModTime", "Status")
        assert line.Status == "Active"
        moment(line.AddTime)
    oldest = scf("ListVersionByFunction", OrderBy="AddTime", Order="ASC", Limit=2)
    assert oldest.FunctionVersion == ["$LATEST", "1"]
    assert scf("ListVersionByFunction", Offset=2).FunctionVersion == ["1"]
    assert scf.code("ListVersionByFunction", Order="UP") == "InvalidParameterValue.Order"
    assert scf.code("ListVersionByFunction", OrderBy="Name") == "InvalidParameterValue"


def test_delete_function_version_and_delete_function(scf: Client) -> None:
    assert scf("DeleteFunctionVersion", Qualifier="1").RequestId
    assert scf("DeleteFunction", Qualifier="2").RequestId
    assert scf("ListVersionByFunction").FunctionVersion == ["$LATEST"]
    for wrong in ("$LATEST", "$DEFAULT", "release"):
        code = scf.code("DeleteFunctionVersion", Qualifier=wrong)
        assert code == "InvalidParameterValue.Qualifier"
    assert scf.code("DeleteFunction", Qualifier="9") == "ResourceNotFound.Qualifier"

    assert scf("DeleteFunction").RequestId
    assert scf.code("GetFunction") == "ResourceNotFound.FunctionName"
    assert scf.code("DeleteFunction") == "ResourceNotFound.FunctionName"
    scf("CreateFunction", Code={"ZipFile": zipped(CODE)}, Runtime="Python3.10")


def test_a_forced_deletion_ends_what_runs(scf: Client) -> None:
    scf("UpdateFunctionCode", ZipFile=zipped("import time\ndef main_handler(e, c): time.sleep(30)"))
    scf("UpdateFunctionConfiguration", Timeout=60)
    number = scf("PublishVersion").FunctionVersion
    request_id = scf("Invoke", InvocationType="Event", Qualifier=number).Result.FunctionRequestId
    time.sleep(0.5)
    began = time.monotonic()
    scf("DeleteFunctionVersion", Qualifier=number, ForceDelete="true")

    assert time.monotonic() - began < 10
    (log,) = until(lambda: scf("GetFunctionLogs", FunctionRequestId=request_id).Data)
    assert log.RetCode != 0


def test_the_five_alias_actions(scf: Client) -> None:
    shares = {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.1}]}
    rule = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
    assert scf(
        "CreateAlias", Name="release", FunctionVersion="1", RoutingConfig=shares, Description="d"
    ).RequestId
    told = scf("GetAlias", Name="release")
    has(told, "Name", "FunctionVersion", "RoutingConfig", "Description", "AddTime", "ModTime")
    assert (told.Name, told.FunctionVersion, told.Description) == ("release", "1", "d")
    (share,) = told.RoutingConfig.AdditionalVersionWeights
    assert (share.Version, share.Weight) == ("2", 0.1)
    assert told.RoutingConfig.AddtionVersionMatchs == []

    ruled = {"AddtionVersionMatchs": [rule]}
    assert scf("UpdateAlias", Name="release", FunctionVersion="1", RoutingConfig=ruled).RequestId
    told = scf("GetAlias", Name="release")
    (match,) = told.RoutingConfig.AddtionVersionMatchs
    assert {field: getattr(match, field) for field in rule} == rule
    assert told.RoutingConfig.AdditionalVersionWeights == []
    assert told.Description == "d"
    moment(told.ModTime)

    listed = scf("ListAliases", Offset="0", Limit="20")
    assert [alias.Name for alias in listed.Aliases] == ["$DEFAULT", "release"]
    assert listed.TotalCount == 2
    for alias in listed.Aliases:
        has(alias, "Name", "FunctionVersion", "RoutingConfig", "Description", "AddTime", "ModTime")
    by_version = scf("ListAliases", FunctionVersion="2")
    assert [alias.Name for alias in by_version.Aliases] == ["release"]
    assert [alias.Name for alias in scf("ListAliases", Limit="1", Offset="1").Aliases] == [
        "release"
    ]

    assert scf("DeleteAlias", Name="release").RequestId
    assert scf.code("GetAlias", Name="release") == "ResourceNotFound.Alias"
    assert scf.code("DeleteAlias", Name="$DEFAULT") == "InvalidParameterValue.Alias"


RESULT = (
    *("RetMsg", "ErrMsg", "Log", "MemUsage", "Duration", "BillDuration"),
    *("FunctionRequestId", "InvokeResult"),
)


@pytest.mark.parametrize(
    ("action", "field"), [("Invoke", "ClientContext"), ("InvokeFunction", "Event")]
)
def test_both_ways_to_invoke_tell_the_same(scf: Client, action: str, field: str) -> None:
    answer = scf(action, Qualifier="2", LogType="Tail", **{field: '{"a":1}'})
    result = answer.Result

    has(result, *RESULT)
    assert json.loads(result.RetMsg) == {"said": {"a": 1}, "key": None, "version": "2"}
    assert (result.ErrMsg, result.InvokeResult) == ("", 0)
    assert result.FunctionRequestId == answer.RequestId
    assert "a line\n" in result.Log
    assert result.MemUsage > 1024 * 1024  # in bytes here
    assert result.Duration > 0
    assert result.BillDuration >= result.Duration
    assert scf(action, **{field: "{}"}).Result.Log == ""

    failed = scf(action, **{field: '{"fail":true}'}).Result
    has(failed, *RESULT)
    assert failed.InvokeResult == -1
    assert "told to" in failed.ErrMsg
    payload = json.loads(failed.RetMsg)
    assert (payload["errorCode"], payload["statusCode"]) == (-1, 430)
    assert payload["requestId"] == failed.FunctionRequestId
    assert scf.code(action, Qualifier="9") == "ResourceNotFound.Qualifier"
    assert scf.code(action, FunctionName="nobody") == "ResourceNotFound.FunctionName"


def test_get_function_logs(scf: Client) -> None:
    good = scf("InvokeFunction", Qualifier="1").Result.FunctionRequestId
    bad = scf("InvokeFunction", Qualifier="2", Event='{"fail":1}').Result.FunctionRequestId

    def ids(**asked: Any) -> list[str]:
        found = scf("GetFunctionLogs", **asked)
        assert found.TotalCount == len(found.Data)
        return [log.RequestId for log in found.Data]

    assert ids() == [bad, good]
    assert ids(Order="asc", OrderBy="start_time") == [good, bad]
    assert ids(Qualifier="1") == [good]
    assert ids(FunctionRequestId=bad) == [bad]
    for code, wanted in (
        ("not0", [bad]),
        ("is0", [good]),
        ("UserCodeException", [bad]),
        ("TimeLimitExceeded", []),
        ("ResourceLimitExceeded", []),
    ):
        assert ids(Filter={"RetCode": code}) == wanted
    page = scf("GetFunctionLogs", Limit=1, Offset=1)
    assert ([log.RequestId for log in page.Data], page.TotalCount) == ([good], 2)

    for log in scf("GetFunctionLogs").Data:
        has(
            log,
            *("FunctionName", "RetMsg", "RequestId", "StartTime", "RetCode", "InvokeFinished"),
            *("Duration", "BillDuration", "MemUsage", "Log", "Level", "Source", "RetryNum"),
        )
        assert log.FunctionName == scf.function
        assert (log.RetCode == 0) == (log.RequestId == good)
        assert (log.InvokeFinished, log.RetryNum, vars(log)["_Source"]) == (1, 0, "api")
        assert vars(log)["_Level"] == ("INFO" if log.RequestId == good else "ERROR")
        assert f"START RequestId: {log.RequestId}" in log.Log
        moment(log.StartTime)


@pytest.mark.parametrize(
    ("hours", "seconds", "found"), [(-1, 0, True), (-24, 0, True), (-24, -1, None), (-48, 0, False)]
)
def test_logs_are_searched_in_a_window_of_at_most_one_day(
    scf: Client,
    hours: int,
    seconds: int,
    found: bool | None,  # noqa: FBT001 - a case
) -> None:
    scf("InvokeFunction")
    now = datetime.now(ZONE)
    start = now + timedelta(hours=hours, seconds=seconds)
    end = now if found is not False else now + timedelta(hours=-24)
    window = {
        "StartTime": start.strftime("%Y-%m-%d %H:%M:%S"),
        "EndTime": end.strftime("%Y-%m-%d %H:%M:%S"),
    }

    if found is None:
        code = scf.code("GetFunctionLogs", **window)
        assert code == "InvalidParameterValue.StartTimeOrEndTime"
    else:
        assert scf("GetFunctionLogs", **window).TotalCount == int(found)


def test_get_request_status(scf: Client) -> None:
    request_id = scf("InvokeFunction").Result.FunctionRequestId
    told = scf("GetRequestStatus", FunctionRequestId=request_id)

    assert told.TotalCount == 1
    (row,) = told.Data
    has(
        row,
        *("FunctionName", "RetMsg", "RequestId", "StartTime", "RetCode", "Duration", "MemUsage"),
        "RetryNum",
    )
    assert (row.FunctionName, row.RequestId, row.RetCode) == (scf.function, request_id, 0)
    assert 1 < row.MemUsage < 1000  # in MB here


def test_the_five_trigger_actions(scf: Client) -> None:
    made = scf(
        "CreateTrigger",
        TriggerName="nightly",
        Type="timer",
        TriggerDesc="0 0 3 * * * *",
        Qualifier="$DEFAULT",
        Enable="OPEN",
    ).TriggerInfo
    has(
        made,
        *("Enable", "Qualifier", "TriggerName", "Type", "TriggerDesc", "AvailableStatus"),
        *("CustomArgument", "AddTime", "ModTime", "Description"),
    )
    assert scf("ListTriggers").Triggers[0].TriggerName == "nightly"
    named = {"TriggerName": "nightly", "Type": "timer"}
    assert scf("UpdateTrigger", **named, TriggerDesc="0 0 4 * * * *", Enable="OPEN").RequestId
    assert scf("UpdateTriggerStatus", **named, Enable="CLOSE").RequestId
    (kept,) = scf("ListTriggers").Triggers
    assert (kept.Enable, kept.TriggerDesc) == (0, '{"cron": "0 0 4 * * * *"}')
    assert scf("DeleteTrigger", TriggerName="nightly", Type="timer").RequestId
    assert scf("ListTriggers").TotalCount == 0


# What is refused where only the whole house can refuse it


@pytest.mark.parametrize(
    ("action", "asked", "code"),
    [
        ("CreateFunction", {"Type": "Web"}, "InvalidParameterValue.Type"),
        ("CreateFunction", {"AsyncRunEnable": "TRUE"}, "UnsupportedOperation.AsyncRunEnable"),
        (
            "CreateFunction",
            {"Layers": [{"LayerName": "numpy", "LayerVersion": 1}]},
            "ResourceNotFound.Layer",
        ),
        ("ListFunctions", {"Namespace": "nowhere"}, "ResourceNotFound.Namespace"),
        ("GetFunctionLogs", {"FunctionName": ""}, "InvalidParameter"),
        (
            "GetFunction",
            {"FunctionName": ""},
            "InvalidParameter.FunctionNameOrResourceIdRequired",
        ),
        (
            "UpdateAlias",
            {"Name": "$DEFAULT", "FunctionVersion": "release"},
            "ResourceNotFound.FunctionVersion",
        ),
    ],
)
def test_what_cannot_be_had_is_refused(
    scf: Client, action: str, asked: dict[str, Any], code: str
) -> None:
    new = {"FunctionName": f"{scf.function}-new", "Code": {"ZipFile": zipped(CODE)}}
    known = new if action == "CreateFunction" else {}

    assert scf.code(action, **known | asked) == code


def test_a_version_that_somebody_tampered_with_is_told_and_takes_no_calls(
    start: Callable[..., Platform],
) -> None:
    server = start()
    scf = Client(server, "tampered")
    scf("CreateFunction", Code={"ZipFile": zipped(CODE)}, Runtime="Python3.10")
    for _ in range(2):
        scf("PublishVersion")
    scf("CreateAlias", Name="release", FunctionVersion="1")
    server.stop()
    with sqlite3.connect(server.data / "huidu.db") as kept:
        kept.execute("UPDATE version SET code_sha256 = ? WHERE number != '2'", ("f" * 64,))
    kept.close()
    scf = Client(start(data=server.data), "tampered")

    told = scf("GetFunction", Qualifier="1")
    assert told.Status == "PublishFailed"
    assert [reason.ErrorCode for reason in told.StatusReasons] == ["PublishFailed"]
    assert "is not the published" in told.StatusDesc
    assert scf("ListFunctions").Functions[0].Status == "PublishFailed"
    assert scf.code("InvokeFunction", Qualifier="release") == "FailedOperation.FunctionStatusError"
    assert scf.code("PublishVersion") == "FailedOperation.PublishVersion"
    moved = {"Name": "release", "FunctionVersion": "$LATEST"}
    assert scf.code("UpdateAlias", **moved) == "FailedOperation.UpdateAlias"
    # Whoever watches the alias sees the calls that it cost.
    (log,) = scf("GetFunctionLogs", Qualifier="release").Data
    assert log.RetCode != 0
    assert scf("InvokeFunction", Qualifier="2").Result.InvokeResult == 0


def test_an_error_of_ours_is_told_by_its_id_and_is_in_the_log_by_that(
    scf: Client, platform: Platform
) -> None:
    function_id = scf("GetFunction").FunctionId
    with sqlite3.connect(platform.data / "huidu.db") as kept:
        broken = "UPDATE alias SET body = 'a secret' WHERE function_id = ?"
        kept.execute(broken, (function_id,))
    kept.close()
    with pytest.raises(TencentCloudSDKException) as refused:
        scf("GetAlias", Name="$DEFAULT")

    assert refused.value.get_code() == "InternalError"
    assert refused.value.get_request_id() in refused.value.get_message()
    assert "secret" not in refused.value.get_message()
    assert refused.value.get_request_id() in platform.log.read_text()


def _speak(platform: Platform, *parts: bytes) -> bytes:
    """Say something to the API's port, and hear what it says until it hangs up."""
    host, port = platform.api.removeprefix("http://").split(":")
    heard = b""
    with socket.create_connection((host, int(port)), timeout=20) as wire:
        for part in parts:
            wire.sendall(part)
        wire.shutdown(socket.SHUT_WR)
        while more := wire.recv(65536):
            heard += more
    return heard


def test_a_body_in_chunks_may_not_grow_without_end(platform: Platform) -> None:
    top = (
        b"POST / HTTP/1.1\r\nHost: h\r\nX-TC-Action: GetAlias\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"

    heard = _speak(platform, top, *[chunk] * 11, b"0\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200 OK")
    assert b"RequestSizeLimitExceeded" in heard


def test_a_client_that_leaves_while_it_sends_disturbs_nobody(platform: Platform) -> None:
    _speak(platform, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nonly this")

    assert platform.call("ListFunctions")["TotalCount"] >= 0


# Flows of known tools


def _active(scf: Client, **asked: Any) -> bool:
    return bool(scf("GetFunction", **asked).Status == "Active")


def test_the_component_toolkit_deploys_publishes_and_shares_traffic(
    platform: Platform, name: str
) -> None:
    """It asks whether there is a function, polls after every write, and moves `$DEFAULT`."""
    scf = Client(platform, name)
    assert scf.code("GetFunction") == "ResourceNotFound.FunctionName"
    scf("CreateFunction", Code={"ZipFile": zipped(CODE)}, Runtime="Python3.10", Timeout=10)
    until(lambda: _active(scf, ShowCode="TRUE"))
    scf("PublishVersion", Description="published by the component")
    until(lambda: _active(scf, Qualifier="1"))
    last = scf("ListVersionByFunction", Limit=100, Offset=0).FunctionVersion[1]
    assert last == "1"

    scf("UpdateFunctionCode", ZipFile=zipped(CODE + "\n# changed"), Handler="index.main_handler")
    until(lambda: _active(scf))
    scf("UpdateFunctionConfiguration", Timeout=11, Layers=[{"LayerName": "", "LayerVersion": 0}])
    until(lambda: _active(scf))
    for weight in (0.8, 0.2, 0):
        shares = {"AdditionalVersionWeights": [{"Version": last, "Weight": weight}]}
        scf("UpdateAlias", Name="$DEFAULT", FunctionVersion="$LATEST", RoutingConfig=shares)
        told = scf("GetAlias", Name="$DEFAULT").RoutingConfig.AdditionalVersionWeights
        assert [share.Weight for share in told] == [weight]
    with pytest.raises(TencentCloudSDKException, match=r"is not found \(未找到指定的别名\)"):
        scf("GetAlias", Name="release")
    scf("CreateAlias", Name="release", FunctionVersion=last)
    assert json.loads(scf("InvokeFunction", Qualifier="release").Result.RetMsg)["version"] == "1"
    scf("DeleteFunction")


def test_the_cloudbase_tool_moves_default_by_ranges(scf: Client) -> None:
    """It sends half-open ranges, an empty one among them, and reads them back as text."""
    key = "invoke.headers.X-Tcb-Route-Key"

    def ranges(*pairs: tuple[str, str]) -> dict[str, Any]:
        matches = [
            {"Version": version, "Key": key, "Method": "range", "Expression": expression}
            for version, expression in pairs
        ]
        return {"RoutingConfig": {"AddtionVersionMatchs": matches}}

    scf("UpdateAlias", Name="$DEFAULT", FunctionVersion="$LATEST", **ranges(("1", "[0,30)")))
    for value, version in (("0", "1"), ("29", "1"), ("30", "$LATEST"), ("99", "$LATEST")):
        key_sent = json.dumps({"X-Tcb-Route-Key": value})
        result = scf("InvokeFunction", RoutingKey=key_sent).Result
        assert json.loads(result.RetMsg)["version"] == version
    scf("UpdateAlias", Name="$DEFAULT", FunctionVersion="$LATEST", **ranges(("1", "[0,0)")))
    (match,) = scf("GetAlias", Name="$DEFAULT").RoutingConfig.AddtionVersionMatchs
    assert match.Expression == "[0,0)"


def test_a_package_may_hold_folders_and_data(scf: Client) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("lib/__init__.py", "")
        archive.writestr("lib/words.py", "WORD = 'found'")
        archive.writestr("data.txt", "für 鲍勃")
        archive.writestr(
            "index.py",
            "from lib.words import WORD\n"
            "def main_handler(e, c): return WORD + ' ' + open('data.txt', encoding='utf-8').read()",
        )
    scf("UpdateFunctionCode", ZipFile=base64.b64encode(out.getvalue()).decode())

    assert json.loads(scf("InvokeFunction").Result.RetMsg) == "found für 鲍勃"


def test_provisioned_concurrency_is_put_read_and_taken_back(scf: Client) -> None:
    put = {"Qualifier": "1", "VersionProvisionedConcurrencyNum": 1}
    assert scf("PutProvisionedConcurrencyConfig", **put).RequestId
    told = scf("GetProvisionedConcurrencyConfig")
    assert told.UnallocatedConcurrencyNum > 0
    (one,) = told.Allocated
    assert (one.Qualifier, one.AllocatedProvisionedConcurrencyNum) == ("1", 1)
    assert one.Status in ("Done", "InProgress")
    has(one, "AvailableProvisionedConcurrencyNum", "StatusReason", "TriggerActions")
    assert scf("DeleteProvisionedConcurrencyConfig", Qualifier="1").RequestId
    assert scf("GetProvisionedConcurrencyConfig", Qualifier="1").Allocated == []


def test_layers_are_published_read_listed_and_deleted(scf: Client) -> None:
    content, runtimes = {"ZipFile": zipped({"shared.py": "X = 1"})}, ["Python3.10"]
    named = {"LayerName": f"l-{scf.function}"}
    made = scf("PublishLayerVersion", **named, CompatibleRuntimes=runtimes, Content=content)
    assert made.LayerVersion == 1
    told = scf("GetLayerVersion", **named, LayerVersion=1)
    assert (told.LayerName, told.CompatibleRuntimes) == (named["LayerName"], runtimes)
    moment(told.AddTime)
    has(told, "CodeSha256", "Location", "Description", "LicenseInfo", "LayerVersion", "Status")
    listed = scf("ListLayers", SearchKey=named["LayerName"])
    assert (listed.TotalCount, listed.Layers[0].LayerVersion) == (1, 1)
    assert scf("ListLayerVersions", **named).LayerVersions[0].CompatibleRuntimes == runtimes
    assert scf("DeleteLayerVersion", **named, LayerVersion=1).RequestId
    assert scf.code("GetLayerVersion", **named, LayerVersion=1) == "ResourceNotFound.LayerVersion"


def test_the_address_of_code_is_told(scf: Client) -> None:
    told = scf("GetFunctionAddress", Qualifier="1")
    assert told.Url.startswith(scf.platform.api)
    assert len(told.CodeSha256) == 64
    assert scf.code("GetFunctionAddress", Qualifier="9") == "ResourceNotFound.FunctionVersion"


@pytest.mark.parametrize("action", [a.name for a in ACTIONS if a.service == SCF])
def test_every_action_of_the_cloud_is_asked_for_through_its_typed_model(action: str) -> None:
    files = (Path(__file__), *map(Path(__file__).with_name, ALSO_TYPED))
    text = "".join(file.read_text("utf-8") for file in files)

    assert f'"{action}"' in text or f"models.{action}Request" in text
