"""`huidu mirror`: what a person and a program see."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from huidu.cli import mirror_table
from tests.cli.running import ran
from tests.platform import Platform, until

FOUND: Mapping[str, Any] = {
    "FunctionName": "shop",
    "Name": "release",
    "FunctionVersion": "2",
    "State": "mirroring",
    "Until": "2026-11-23 12:00:00",
    "MaxCalls": 10,
    "EndTime": "",
    "EndReason": "",
    "Seen": 9,
    "Mirrored": 0,
    "Same": 0,
    "Different": 0,
    "Unread": 0,
    "Differences": [],
    "OtherDifferences": 0,
    "Failures": [],
    "Skipped": [],
    "Latency": {"Pairs": 0},
}


def shown(capsys: pytest.CaptureFixture[str], **more: Any) -> str:
    mirror_table.show({**FOUND, **more})
    return capsys.readouterr().out


def huidu(platform: Platform, *words: str) -> subprocess.CompletedProcess[str]:
    return ran(platform, "mirror", *words)


def test_before_the_first_call_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys).splitlines() == [
        "shop:release to version 2: mirroring, until 2026-11-23 12:00:00 or 10 calls",
        f"9 calls seen; {mirror_table.NOTHING}",
    ]


def test_what_moves_a_cursor_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    sample = {"Live": '"\x1b[2J"', "Candidate": "牛"}
    told = shown(
        capsys,
        Mirrored=3,
        Different=2,
        Unread=1,
        Differences=[{"Path": "$.a", "Count": 2, "Samples": [sample, sample]}],
        OtherDifferences=4,
    )

    assert "\x1b" not in told
    assert "9 calls seen, 3 mirrored: 0 the same, 2 different, 1 too large to compare" in told
    assert told.count("$.a") == 1
    assert "牛" in told
    assert "see --json" in told


def test_a_mirror_from_its_mark_to_its_end(platform: Platform, name: str) -> None:
    platform.make(name)
    for _ in "12":
        platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    refused = huidu(platform, "put", name, "release", "2")
    assert refused.returncode == 1
    assert f"huidu mirror mark {name}" in refused.stderr
    assert huidu(platform, "mark", name, "--reason", "it only echoes").returncode == 0
    much = huidu(platform, "put", name, "release", "2", "--share", "2")
    assert "Share 2: must be 0.0001 to 1\n" in much.stderr
    ignored = ("--ignore", "$.pid", "--ignore", "$.version", "--until", "1h", "--reason", "new")
    assert huidu(platform, "put", name, "release", "2", *ignored).returncode == 0
    began = platform.ours("ListEvents", FunctionName=name, Kinds=["mirror.began"])["Events"]
    assert [event["After"] for event in began] == ["100 % of the calls are mirrored to version 2"]
    platform.invoke(name, {"a": 1}, Qualifier="release")
    asked = {"FunctionName": name, "Name": "release"}
    until(lambda: platform.ours("GetMirror", **asked)["Mirrored"])

    told = json.loads(huidu(platform, "show", name, "release", "--json").stdout)
    assert (told["Same"], told["Different"], told["Reason"]) == (1, 0, "new")
    last = huidu(platform, "stop", name, "release")
    assert "1 calls seen, 1 mirrored: 1 the same, 0 different" in last.stdout
    assert huidu(platform, "unmark", name).returncode == 0
    none = huidu(platform, "show", name, "release").stderr
    assert "ResourceNotFound.Mirror" in none
    assert f"Begin one:  huidu mirror put {name} release VERSION\n" in none


def test_a_refusal_of_a_mirror_says_what_to_type_next(platform: Platform, name: str) -> None:
    platform.make(name)
    platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    assert huidu(platform, "mark", name, "--reason", "it only echoes").returncode == 0
    for words, said in (
        ((name, "release", "9"), f"huidu api list-version-by-function --function-name {name}"),
        ((name, "nobody", "1"), f"huidu api list-aliases --function-name {name}"),
        (("nobody", "release", "1"), "huidu api list-functions"),
    ):
        ran = huidu(platform, "put", *words)
        assert ran.returncode == 1
        assert ran.stderr.endswith(f"See which there are:  {said}\n"), words
