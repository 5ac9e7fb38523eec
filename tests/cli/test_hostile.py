"""A server that answers whatever it likes: nothing of it is obeyed, and nothing breaks."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from huidu.cli import client
from huidu.cli.client import Client, Unreachable
from huidu.cli.main import Unknown
from huidu.cli.projects.bucket import Bucket
from huidu.cloudapi.keys import Pair
from tests.cli.hostile import OBEYED, Hostile, obeyed

WEIGHT = {"Version": f"2{OBEYED}", "Weight": 0.1}
RULE = {"Version": f"3{OBEYED}", "Key": OBEYED, "Method": "exact", "Expression": OBEYED}
ALIAS = {
    **dict.fromkeys(("Name", "FunctionVersion", "ModTime", "Description"), OBEYED),
    "Revision": OBEYED,
    "Sticky": OBEYED,
    "Split": OBEYED,
    "Action": OBEYED,
    "RoutingConfig": {"AdditionalVersionWeights": [WEIGHT], "AddtionVersionMatchs": [RULE]},
}
FUNCTION = dict.fromkeys(
    ("FunctionName", "Runtime", "Type", "Status", "ModTime", "Description"), OBEYED
)
VERSION = dict.fromkeys(("AddTime", "Digest", "Description"), OBEYED) | {"Version": "$LATEST"}
TRIGGER = dict.fromkeys(("Type", "TriggerName", "Qualifier", "TriggerDesc"), OBEYED)
CALL = {
    **dict.fromkeys(("Log", "RetMsg", "ErrMsg", "Alias", "FunctionVersion"), OBEYED),
    "FunctionRequestId": OBEYED,
    "StatusCode": OBEYED,
    "Duration": 1,
    "MemUsage": 1,
}
EVENT = dict.fromkeys(
    (
        *("Time", "Kind", "Before", "After", "Namespace", "FunctionName", "Alias"),
        *("FunctionVersion", "Subject", "Who", "Reason", "Id"),
    ),
    OBEYED,
)
LINE = dict.fromkeys(
    ("Time", "Text", "Level", "FunctionVersion", "Alias", "RequestId", "FunctionName"), OBEYED
) | {"Kind": "printed", "StatusCode": 200}
ROUTE = {
    "Alias": OBEYED,
    "AliasRevision": 1,
    "Probability": 1,
    "Draw": None,
    "Reason": OBEYED,
    "FunctionVersion": OBEYED,
    "Considered": [dict.fromkeys(("Version", "What", "Why"), OBEYED) | {"Chosen": True}],
}
FILE = {
    "Path": OBEYED,
    "Change": "changed",
    "BeforeSize": 1,
    "AfterSize": OBEYED,
    "Text": True,
    "Before": f"{OBEYED}\n",
    "After": "b\n",
}
COMPARED = {
    "FromVersion": OBEYED,
    "ToVersion": OBEYED,
    "Files": [FILE],
    "OtherFiles": 0,
    "Configuration": [{"Name": OBEYED, "Before": '"\x9b"', "After": ""}],
}
KEY = dict.fromkeys(("Name", "Role", "SecretId", "AddTime", "AddedBy", "UsedTime"), OBEYED)
CHANGE = {
    **dict.fromkeys(("Time", "Who", "Action", "Reason", "Warning"), OBEYED),
    "Revision": 1,
    "Before": ALIAS,
    "After": ALIAS,
}
MANY = {
    "Functions": [FUNCTION],
    "Versions": [VERSION],
    "Aliases": [ALIAS],
    "TotalCount": 1,
    "Triggers": [TRIGGER],
    "FunctionVersion": OBEYED,
    "Events": [EVENT],
    "NextCursor": "",
    "Lines": [LINE],
    "Cursor": "",
    "TailCursor": "",
    "Changes": [CHANGE],
    "Keys": [KEY | {"Root": False, "Enabled": True}],
    "SecretId": OBEYED,
    "SecretKey": OBEYED,
    "Name": OBEYED,
    "Role": OBEYED,
    "Path": f"/console/enter?token={OBEYED}",
    "UntilTime": OBEYED,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with Hostile().up() as up:
        yield up


def refusal(code: object, message: object) -> dict[str, Any]:
    return {"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "x"}}


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ls", MANY),
        ("ls --json", MANY),
        ("ls shop", MANY),
        ("api list-functions", MANY),
        ("alias list shop", MANY),
        ("alias show shop release", ALIAS),
        ("rule list shop release", ALIAS),
        ("publish shop --again", MANY),
        ("invoke shop --log", {"Result": CALL | {"InvokeResult": 1}}),
        ("invoke shop --async", {"Result": CALL}),
        ("invoke shop --json", {"Result": CALL | {"InvokeResult": 0}}),
        ("events", MANY),
        ("events --json", MANY),
        ("logs shop", MANY),
        ("logs shop --json", MANY),
        ("explain shop", ROUTE),
        ("history shop release", MANY),
        ("diff shop 1 2", COMPARED),
        ("keys list", MANY),
        ("keys add wei", MANY),
        ("console", MANY),
    ],
)
def test_nothing_that_a_server_says_is_obeyed_by_the_terminal(
    server: Hostile, line: str, answer: object
) -> None:
    server.answers({"Response": answer})

    ran = server.run(*line.split())

    assert ran.exception is None or isinstance(ran.exception, SystemExit), repr(ran.exception)
    assert "31m" in ran.output
    assert obeyed(ran.output) == set()


@pytest.mark.parametrize("line", ["ls", "api list-functions", "logs", "events", "rollout list"])
def test_nor_is_a_refusal_or_a_line_of_status(server: Hostile, line: str) -> None:
    server.answers(refusal(f"Code{OBEYED}", f"why{OBEYED}"))
    ran = server.run(*line.split())
    assert (ran.exit_code, obeyed(ran.output)) == (1, set())
    assert "Code" in ran.output

    server.says = b"\x1b[31m200 \xc2\x9b31m\r\n\r\n"
    ran = server.run(*line.split())
    assert (ran.exit_code, obeyed(ran.output)) == (1, set())


@pytest.mark.parametrize(
    "body",
    [
        *([], 5, {"Response": 5}, {"Response": None}, {"Response": {"Error": "x"}}),
        *(b"[" * 100_000, b"\xff", b"{", refusal(5, 7), refusal([], {})),
    ],
)
def test_an_answer_of_another_shape_is_told_and_no_traceback(server: Hostile, body: object) -> None:
    server.answers(body)

    ran = server.run("ls")

    assert isinstance(ran.exception, SystemExit)
    assert ran.output.startswith("huidu: ")


def test_an_answer_that_does_not_end_is_not_read_to_its_end(
    server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MOST_ANSWER_BYTES", 1 << 20)
    server.says = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (3 << 20)
    assert "more than 1 MB" in server.run("ls").output

    server.answers(b"{}" * 9)
    server.says = server.says[:-1]
    assert "IncompleteRead" in server.run("ls").output


def test_a_key_that_a_shell_is_to_read_runs_nothing(server: Hostile, tmp_path: Path) -> None:
    said = f"$(touch {tmp_path}/ran)\n`touch {tmp_path}/ran`; touch {tmp_path}/ran"
    server.answers({"Response": {"SecretId": said, "SecretKey": said, "Name": "x", "Role": "x"}})

    lines = server.run("keys", "add", "wei").stdout

    told = subprocess.check_output(["/bin/sh", "-c", lines + "env"], text=True)
    assert f"TENCENTCLOUD_SECRET_KEY={shlex.quote(said)[1:20]}" in told
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("path", ["@evil.example/console/", ".evil.example/", "//x", ""])
def test_a_link_to_the_console_leads_to_the_server_that_was_asked(
    server: Hostile, path: str
) -> None:
    server.answers({"Response": {"Path": path, "UntilTime": "x"}})

    ran = server.run("console")

    assert (ran.exit_code, ran.stdout) == (1, "")


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:x", "http://[::1", "http://a b", "ftp://a", "http://a@b", "a:1"]
)
def test_an_endpoint_that_is_none_is_refused_by_its_name(server: Hostile, endpoint: str) -> None:
    asked = Hostile.__new__(Hostile)
    asked.endpoint = endpoint

    ran = asked.run("ls")

    assert isinstance(ran.exception, Unknown)
    assert "HUIDU_ENDPOINT" in str(ran.exception)


def listed(inner: str) -> bytes:
    return f"<ListPartsResult><IsTruncated>true</IsTruncated>{inner}</ListPartsResult>".encode()


@pytest.mark.parametrize(
    "body", [b"", b"<x/>", b"<!DOCTYPE x>", listed("<Part><PartNumber>x</PartNumber></Part>")]
)
def test_what_is_no_bucket_is_told(server: Hostile, body: bytes) -> None:
    server.answers(body)
    bucket = Bucket(Client(endpoint=server.endpoint, pair=Pair("a", "b")))

    with pytest.raises(Unreachable, match="what answers there is no bucket"):
        bucket.parts("key", "upload")


def test_a_list_of_parts_that_never_ends_is_read_once(server: Hostile) -> None:
    server.answers(listed("<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"))
    bucket = Bucket(Client(endpoint=server.endpoint, pair=Pair("a", "b")))

    assert bucket.parts("key", "upload") == {1: "x"}
