"""Wrong requests: each has its code, a message that names the field, and leaves no trace."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sqlite3
import stat
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from huidu.actions.action import COMMON_ERRORS
from huidu.actions.table import BY_NAME
from huidu.cloudapi.signature import ALGORITHM, tc3_signatures
from huidu.cloudapi.wire import Request
from tests.platform import ECHO, SECRET_ID, SECRET_KEY, Platform, zipped

FUNCTION = "victim"


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A function with three versions and an alias that wrong requests are aimed at.

    It has a server to itself, for nothing else may leave a trace there.
    """
    platform = Platform.start(tmp_path_factory.mktemp("victim") / "data")
    platform.make(FUNCTION)
    for _ in range(3):
        platform.publish(FUNCTION)
    shares = [{"Version": "2", "Weight": 0.1}]
    platform.call(
        "CreateAlias",
        FunctionName=FUNCTION,
        Name="release",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": shares},
    )
    yield platform
    assert platform.stop() == 0


def kept(platform: Platform) -> str:
    """Everything that the server remembers of functions, as one digest."""
    seen = hashlib.sha256()
    store = sqlite3.connect(f"file:{platform.data / 'huidu.db'}?mode=ro", uri=True)
    for line in store.iterdump():
        seen.update(line.encode())
    store.close()
    for file in sorted((platform.data / "packages").rglob("*")):
        seen.update(str(file.relative_to(platform.data)).encode())
    return seen.hexdigest()


def packed(*entries: tuple[str, bytes, int]) -> str:
    """A zip file of (name, content, unix mode)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return base64.b64encode(out.getvalue()).decode()


def bomb() -> str:
    """A zip file that says it holds 600 MB, and does."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("index.py", "w") as entry,
    ):
        for _ in range(600):
            entry.write(bytes(1024 * 1024))
    return base64.b64encode(out.getvalue()).decode()


FILE, LINK = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
GOOD = zipped(ECHO)


def weights(*pairs: tuple[str, Any], main: str = "1") -> dict[str, Any]:
    shares = [{"Version": version, "Weight": weight} for version, weight in pairs]
    routing = {"AdditionalVersionWeights": shares}
    return {"Name": "release", "FunctionVersion": main, "RoutingConfig": routing}


def rule(**changed: str) -> dict[str, Any]:
    fields = {"Version": "2", "Key": "invoke.headers.User", "Method": "exact", "Expression": "Bob"}
    routing = {"AddtionVersionMatchs": [fields | changed]}
    return {"Name": "release", "FunctionVersion": "1", "RoutingConfig": routing}


def new(**changed: Any) -> dict[str, Any]:
    fields = {"FunctionName": "newcomer", "Code": {"ZipFile": GOOD}, "Runtime": "Python3.10"}
    return fields | changed  # what is ... is left out


def environment(**variables: str) -> dict[str, Any]:
    pairs = [{"Key": key, "Value": value} for key, value in variables.items()]
    return new(Environment={"Variables": pairs})


VALUE, SHAPE, MISSING = "InvalidParameterValue", "InvalidParameter", "MissingParameter"
GONE = "ResourceNotFound"
BOTH = {
    "AdditionalVersionWeights": [{"Version": "2", "Weight": 0.1}],
    "AddtionVersionMatchs": [
        {"Version": "2", "Key": "invoke.headers.A", "Method": "exact", "Expression": "b"}
    ],
}

#: action, parameters (of FUNCTION unless they name another), code, what the message must name.
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    # aliases: who they point at
    ("CreateAlias", {"Name": "a", "FunctionVersion": "9"}, f"{GONE}.FunctionVersion", "9"),
    ("CreateAlias", {"Name": "a", "FunctionVersion": "release"}, f"{GONE}.FunctionVersion", "rel"),
    ("CreateAlias", {"Name": "a"}, MISSING, "FunctionVersion"),
    ("CreateAlias", {"Name": "release", "FunctionVersion": "1"}, "ResourceInUse.Alias", "release"),
    ("CreateAlias", {"Name": "a b", "FunctionVersion": "1"}, f"{VALUE}.Name", "Name"),
    ("CreateAlias", {"Name": "1a", "FunctionVersion": "1"}, f"{VALUE}.Name", "Name"),
    ("CreateAlias", {"Name": "a" * 65, "FunctionVersion": "1"}, f"{VALUE}.Name", "Name"),
    ("CreateAlias", {"Name": "$DEFAULT", "FunctionVersion": "1"}, f"{VALUE}.Name", "Name"),
    ("UpdateAlias", {"Name": "nobody", "FunctionVersion": "1"}, f"{GONE}.Alias", "nobody"),
    ("UpdateAlias", {"Name": "release", "FunctionVersion": "7"}, f"{GONE}.FunctionVersion", "7"),
    # weights
    ("UpdateAlias", weights(("9", 0.5)), f"{GONE}.FunctionVersion", "9"),
    ("UpdateAlias", weights(("2", 1.5)), f"{VALUE}.AdditionalVersionWeights", "Weight"),
    ("UpdateAlias", weights(("2", -0.1)), f"{VALUE}.AdditionalVersionWeights", "Weight"),
    ("UpdateAlias", weights(("2", float("nan"))), f"{VALUE}.AdditionalVersionWeights", "Weight"),
    ("UpdateAlias", weights(("2", float("inf"))), f"{VALUE}.AdditionalVersionWeights", "Weight"),
    ("UpdateAlias", weights(("2", "much")), f"{VALUE}.AdditionalVersionWeights", "Weight"),
    ("UpdateAlias", weights(("2", None)), f"{VALUE}.AdditionalVersionWeights", "Weight"),
    ("UpdateAlias", weights(("2", 0.6), ("3", 0.6)), f"{VALUE}.AdditionalVersionWeights", "Weight"),
    ("UpdateAlias", weights(("2", 0.1), ("3", 0.1)), f"{VALUE}.RoutingConfig", "at most 1"),
    ("UpdateAlias", weights(("2", 0.1), ("2", 0.1)), f"{VALUE}.RoutingConfig", "twice"),
    ("UpdateAlias", weights(("1", 0.1)), f"{VALUE}.RoutingConfig", "main version"),
    (
        "UpdateAlias",
        {"Name": "release", "FunctionVersion": "1", "RoutingConfig": BOTH},
        f"{VALUE}.RoutingConfig",
        "RoutingConfig",
    ),
    (
        "UpdateAlias",
        {"Name": "release", "FunctionVersion": "1", "RoutingConfig": "half"},
        f"{SHAPE}.RoutingConfig",
        "RoutingConfig",
    ),
    # rules
    ("UpdateAlias", rule(Method="range", Expression="1-50"), f"{VALUE}.RoutingConfig", "Express"),
    ("UpdateAlias", rule(Method="range", Expression="[9,1]"), f"{VALUE}.RoutingConfig", "Express"),
    ("UpdateAlias", rule(Method="regex", Expression="(a"), f"{VALUE}.RoutingConfig", "Expression"),
    ("UpdateAlias", rule(Method="sounds like"), f"{VALUE}.RoutingConfig", "Method"),
    ("UpdateAlias", rule(Key="User"), f"{VALUE}.RoutingConfig", "Key"),
    ("UpdateAlias", rule(Key="invoke.headers.a b"), f"{VALUE}.RoutingConfig", "Key"),
    ("UpdateAlias", rule(Version="8"), f"{GONE}.FunctionVersion", "8"),
    # the revision that somebody read before somebody else wrote
    ("UpdateAlias", weights() | {"ExpectedRevision": 77}, "ResourceInUse", "revision 1"),
    ("UpdateAlias", weights() | {"Description": "x" * 1001}, f"{VALUE}.Description", "Description"),
    ("DeleteAlias", {"Name": "$DEFAULT"}, f"{VALUE}.Alias", "$DEFAULT"),
    ("DeleteAlias", {"Name": "nobody"}, f"{GONE}.Alias", "nobody"),
    # versions
    ("DeleteFunctionVersion", {"Qualifier": "1"}, "UnsupportedOperation.AliasBind", "release"),
    ("DeleteFunctionVersion", {"Qualifier": "2"}, "UnsupportedOperation.AliasBind", "release"),
    ("DeleteFunctionVersion", {"Qualifier": "99"}, f"{GONE}.Qualifier", "99"),
    ("DeleteFunctionVersion", {"Qualifier": "$LATEST"}, f"{VALUE}.Qualifier", "Qualifier"),
    ("DeleteFunction", {"Qualifier": "release"}, f"{VALUE}.Qualifier", "Qualifier"),
    ("GetFunction", {"Qualifier": "99"}, f"{GONE}.Version", "99"),
    ("GetFunction", {"FunctionName": "nobody"}, f"{GONE}.FunctionName", "nobody"),
    ("GetFunction", {"Namespace": "nowhere"}, f"{GONE}.Namespace", "nowhere"),
    # what a function is called, and how it is configured
    ("CreateFunction", new(FunctionName=FUNCTION), "ResourceInUse.FunctionName", FUNCTION),
    ("CreateFunction", new(FunctionName="with space"), f"{VALUE}.FunctionName", "FunctionName"),
    ("CreateFunction", new(FunctionName="x" * 61), f"{VALUE}.FunctionName", "FunctionName"),
    ("CreateFunction", new(FunctionName=...), MISSING, "FunctionName"),
    ("CreateFunction", new(Namespace="nowhere"), f"{GONE}.Namespace", "nowhere"),
    ("CreateFunction", new(Runtime="Cobol1"), f"{VALUE}.Runtime", "Runtime"),
    ("CreateFunction", new(Runtime="Python2.7"), f"{VALUE}.Runtime", "Runtime"),
    ("CreateFunction", new(Handler="index"), f"{VALUE}.Handler", "Handler"),
    ("CreateFunction", new(MemorySize=100), f"{VALUE}.MemorySize", "MemorySize"),
    ("CreateFunction", new(MemorySize="big"), f"{VALUE}.MemorySize", "MemorySize"),
    ("CreateFunction", new(MemorySize=4096), "LimitExceeded.Memory", "MemorySize"),
    ("CreateFunction", new(Timeout=0), "LimitExceeded.Timeout", "Timeout"),
    ("CreateFunction", new(Timeout=901), "LimitExceeded.Timeout", "Timeout"),
    ("CreateFunction", environment(SCF_X="1"), f"{VALUE}.EnvironmentSystemProtect", "SCF_X"),
    ("CreateFunction", environment(**{"a-b": "1"}), f"{VALUE}.Environment", "a-b"),
    ("CreateFunction", environment(BIG="x" * 4097), f"{VALUE}.EnvironmentExceededLimit", "Environ"),
    (
        "CreateFunction",
        new(Layers=[{"LayerName": "numpy", "LayerVersion": 1}]),
        f"{GONE}.Layer",
        "numpy",
    ),
    # what is in the package
    ("CreateFunction", new(Code=...), f"{MISSING}.Code", "ZipFile"),
    ("CreateFunction", new(Code={}), f"{MISSING}.Code", "ZipFile"),
    ("CreateFunction", new(Code={"DemoId": "demo-1"}), f"{VALUE}.CodeSource", "DemoId"),
    ("CreateFunction", new(Code="zip"), f"{VALUE}.Code", "Code"),
    (
        "CreateFunction",
        new(Code={"ZipFile": "not base64!"}),
        f"{VALUE}.ZipFileBase64BinasciiError",
        "ZipFile",
    ),
    (
        "CreateFunction",
        new(Code={"ZipFile": GOOD[:-3]}),
        f"{VALUE}.ZipFileBase64BinasciiError",
        "ZipFile",
    ),
    ("CreateFunction", new(Code={"ZipFile": "aGVsbG8="}), f"{VALUE}.ZipFile", "ZipFile"),
    ("CreateFunction", new(Code={"ZipFile": GOOD[:-40]}), f"{VALUE}.ZipFile", "ZipFile"),
    (
        "CreateFunction",
        new(Code={"ZipFile": packed(("../evil.py", b"", FILE))}),
        f"{VALUE}.ZipFile",
        "../evil.py",
    ),
    (
        "CreateFunction",
        new(Code={"ZipFile": packed(("/etc/evil.py", b"", FILE))}),
        f"{VALUE}.ZipFile",
        "/etc/evil.py",
    ),
    (
        "CreateFunction",
        new(Code={"ZipFile": packed(("out", b"/etc/passwd", LINK))}),
        f"{VALUE}.ZipFile",
        "out",
    ),
    (
        "CreateFunction",
        new(Code={"ZipFile": packed(("out", b"../../x", LINK))}),
        f"{VALUE}.ZipFile",
        "out",
    ),
    (
        "UpdateFunctionCode",
        {"ZipFile": packed(("../evil.py", b"", FILE))},
        f"{VALUE}.ZipFile",
        "../evil.py",
    ),
    ("UpdateFunctionCode", {"ZipFile": GOOD, "Handler": "x"}, f"{VALUE}.Handler", "Handler"),
    ("UpdateFunctionConfiguration", {"Runtime": "Python3.7"}, f"{VALUE}.Runtime", "Runtime"),
    ("UpdateFunctionConfiguration", {"MemorySize": 100}, f"{VALUE}.MemorySize", "MemorySize"),
    # calls
    ("InvokeFunction", {"Event": "{not json"}, f"{VALUE}.Param", "Event"),
    ("InvokeFunction", {"RoutingKey": "x" * 1025}, VALUE, "RoutingKey"),
    ("InvokeFunction", {"RoutingKey": "[1]"}, f"{VALUE}.Param", "RoutingKey"),
    ("InvokeFunction", {"RoutingKey": "{"}, f"{VALUE}.Param", "RoutingKey"),
    ("InvokeFunction", {"Qualifier": "99"}, f"{GONE}.Qualifier", "99"),
    ("InvokeFunction", {"Qualifier": "nobody"}, f"{GONE}.Qualifier", "nobody"),
    ("InvokeFunction", {"FunctionName": "nobody"}, f"{GONE}.FunctionName", "nobody"),
    ("InvokeFunction", {"LogType": "All"}, VALUE, "LogType"),
    (
        "InvokeFunction",
        {"Event": json.dumps("x" * (6 * 1024 * 1024 - 1))},
        f"{SHAPE}.RequestTooLarge",
        "Event",
    ),
    ("Invoke", {"ClientContext": "nope"}, f"{VALUE}.Param", "ClientContext"),
    ("Invoke", {"InvocationType": "Maybe"}, VALUE, "InvocationType"),
    (
        "Invoke",
        {"InvocationType": "Event", "ClientContext": json.dumps("x" * 131072)},
        f"{SHAPE}.RequestTooLarge",
        "ClientContext",
    ),
    # lists and logs
    ("ListFunctions", {"Order": "UP"}, f"{VALUE}.Order", "Order"),
    ("ListFunctions", {"Limit": -1}, f"{VALUE}.Limit", "Limit"),
    ("ListFunctions", {"Offset": "many"}, SHAPE, "Offset"),
    ("ListVersionByFunction", {"Order": "UP"}, f"{VALUE}.Order", "Order"),
    ("GetFunctionLogs", {"StartTime": "2026-01-01 00:00:00"}, f"{VALUE}.StartTimeOrEndTime", "End"),
    ("GetFunctionLogs", {"StartTime": "x", "EndTime": "y"}, f"{VALUE}.DateTime", "StartTime"),
    ("GetFunctionLogs", {"Limit": 10000, "Offset": 1}, "LimitExceeded.Offset", "Offset"),
    ("GetFunctionLogs", {"Filter": {"RetCode": "bad"}}, f"{VALUE}.RetCode", "RetCode"),
    ("GetRequestStatus", {"FunctionRequestId": "?"}, f"{VALUE}.FunctionRequestId", "FunctionReq"),
    # triggers
    ("CreateTrigger", {"TriggerName": "t", "Type": "kafka"}, f"{VALUE}.Type", "Type"),
    (
        "CreateTrigger",
        {"TriggerName": "t", "Type": "timer", "TriggerDesc": "often"},
        f"{VALUE}.TriggerDesc",
        "TriggerDesc",
    ),
    (
        "CreateTrigger",
        {"TriggerName": "t", "Type": "http", "Qualifier": "nobody"},
        f"{GONE}.Qualifier",
        "nobody",
    ),
    ("DeleteTrigger", {"TriggerName": "t", "Type": "timer"}, f"{GONE}.Trigger", "t"),
]


@pytest.mark.parametrize(
    ("action", "parameters", "code", "named"),
    WRONG,
    ids=[f"{n}-{row[0]}-{row[2]}" for n, row in enumerate(WRONG)],
)
def test_a_wrong_request_is_refused_by_its_code_and_leaves_no_trace(
    victim: Platform, action: str, parameters: Mapping[str, Any], code: str, named: str
) -> None:
    before = kept(victim)
    sent = {"FunctionName": FUNCTION} | dict(parameters)
    refusal = victim.refusal(action, **{key: sent[key] for key in sent if sent[key] is not ...})

    assert refusal.get_code() == code, refusal
    assert code in {*BY_NAME["2018-04-16", action].errors, *COMMON_ERRORS}
    assert named in refusal.get_message()
    assert kept(victim) == before


def test_a_bomb_is_refused_and_leaves_no_trace(victim: Platform) -> None:
    before = kept(victim)
    refusal = victim.refusal("CreateFunction", **new(Code={"ZipFile": bomb()}))

    assert refusal.get_code() == "InvalidParameterValue.ZipFile"
    assert kept(victim) == before


Change = Callable[[dict[str, str]], object]


def send(
    platform: Platform,
    body: bytes,
    *,
    action: str = "ListFunctions",
    version: str = "2018-04-16",
    age_s: int = 0,
    secret: str = SECRET_KEY,
    who: str = SECRET_ID,
    spoil: Change | None = None,
) -> dict[str, Any]:
    """Send a request that no official client would, and return the answer."""
    now = int(time.time()) - age_s
    date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    headers = {
        "host": platform.api.removeprefix("http://"),
        "content-type": "application/json",
        "x-tc-action": action,
        "x-tc-version": version,
        "x-tc-timestamp": str(now),
    }
    request = Request(method="POST", path="/", headers=headers, body=body)
    signature = next(iter(tc3_signatures(request, "content-type;host", date, "scf", secret)))
    headers["authorization"] = (
        f"{ALGORITHM} Credential={who}/{date}/scf/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={signature}"
    )
    if spoil:
        spoil(headers)
    connection = HTTPConnection(platform.api.removeprefix("http://"), timeout=30)
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    answer: dict[str, Any] = json.loads(response.read())["Response"]
    connection.close()
    assert answer["RequestId"]
    return answer


def no_signature(headers: dict[str, str]) -> None:
    del headers["authorization"]


def other_signature(headers: dict[str, str]) -> None:
    headers["authorization"] = headers["authorization"][:-1] + "x"


PROTOCOL: list[tuple[bytes, dict[str, Any], str]] = [
    (b"{}", {"action": "FlyToTheMoon"}, "InvalidAction"),
    (b"{}", {"version": "1999-01-01"}, "NoSuchVersion"),
    (b"{}", {"action": ""}, "MissingParameter"),
    (b"{}", {"age_s": 301}, "AuthFailure.SignatureExpire"),
    (b"{}", {"age_s": -301}, "AuthFailure.SignatureExpire"),
    (b"{}", {"secret": "wrong"}, "AuthFailure.SignatureFailure"),
    (b"{}", {"who": "AKIDnobody"}, "AuthFailure.SecretIdNotFound"),
    (b"{}", {"spoil": no_signature}, "AuthFailure.InvalidAuthorization"),
    (b"{}", {"spoil": other_signature}, "AuthFailure.SignatureFailure"),
    (b"not json", {}, "InvalidParameter"),
    (b"[1, 2]", {}, "InvalidParameter"),
    (b"\xff\xfe", {}, "InvalidParameter"),
    (b"[" * 100_000, {}, "InvalidParameter"),
    (b'{"Limit": [1]}', {}, "InvalidParameter"),
    (b" " * (10 * 1024 * 1024 + 1), {}, "RequestSizeLimitExceeded"),
]


@pytest.mark.parametrize(("body", "changed", "code"), PROTOCOL, ids=[p[2] for p in PROTOCOL])
def test_what_no_official_client_would_send_is_refused_too(
    victim: Platform, body: bytes, changed: dict[str, Any], code: str
) -> None:
    before = kept(victim)
    answer = send(victim, body, **changed)

    assert answer["Error"]["Code"] == code
    assert answer["Error"]["Message"]
    assert kept(victim) == before


def test_a_request_that_says_it_is_too_large_is_refused_before_it_is_sent(
    victim: Platform,
) -> None:
    connection = HTTPConnection(victim.api.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    answer = json.loads(connection.getresponse().read())
    connection.close()

    assert answer["Response"]["Error"]["Code"] == "RequestSizeLimitExceeded"


def test_unknown_parameters_are_tolerated(victim: Platform) -> None:
    answer = victim.call("GetFunction", FunctionName=FUNCTION, ShowTriggers="TRUE", DiskSize=512)

    assert answer["FunctionName"] == FUNCTION


def test_nothing_was_made_that_should_not_be(victim: Platform) -> None:
    names = [f["FunctionName"] for f in victim.call("ListFunctions", Limit=100)["Functions"]]

    assert "newcomer" not in names
    assert not Path("/etc/evil.py").exists()
