"""Short commands for daily work, against a real server: what they do, and what they say next."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import zipfile
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from typer.testing import CliRunner, Result

from huidu.cli.main import app
from tests.cli.running import environment
from tests.cli.terminals import terminal
from tests.e2e.rolling_out import BAD, GOOD, Release
from tests.forked import mother
from tests.platform import Platform, until, zipped

HINT = re.compile(r"^  to [^:]+: +(huidu .+)$", re.MULTILINE)
SECOND = """
def main_handler(event, context):
    print("seen", event)
    if event.get("bad"):
        raise ValueError("sold out")
    return {"sold": event}
"""


def huidu(server: Platform, *words: str, stdin: str = "") -> Result:
    """Run a command here: to begin a process takes longer than all that it does."""
    return CliRunner(env=environment(server)).invoke(app, list(words), input=stdin)


def well(server: Platform, *words: str, stdin: str = "") -> str:
    ran = huidu(server, *words, stdin=stdin)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def refused(server: Platform, *words: str, code: int = 1) -> str:
    ran = huidu(server, *words)
    assert ran.exit_code == code, ran.output
    assert isinstance(ran.exception, SystemExit)
    return str(ran.stderr)


def hints(told: str) -> list[str]:
    return HINT.findall(told)


def follow(server: Platform, told: str) -> None:
    """Type each command that was printed as the next one."""
    found = hints(told)
    assert found, told
    for line in found:
        ran = huidu(server, *shlex.split(line)[1:])
        assert ran.exit_code == 0, f"{line}\n{ran.output}"


@pytest.fixture
def shop(platform: Platform, name: str) -> str:
    """A function with two versions, and an alias that leads to the first."""
    platform.make(name, GOOD)
    platform.publish(name)
    platform.call("UpdateFunctionCode", FunctionName=name, ZipFile=zipped(SECOND))
    platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    return name


def stands(server: Platform, function: str) -> str:
    return well(server, "alias", "list", function).split("release  ")[1].split("   ")[0].strip()


def test_what_is_published_unchanged_is_named_and_no_new_version(
    platform: Platform, shop: str
) -> None:
    told = well(platform, "publish", shop)
    assert "nothing has changed since version 2" in told
    follow(platform, told)
    assert json.loads(well(platform, "publish", shop, "--json"))["Unchanged"]

    platform.call("UpdateFunctionCode", FunctionName=shop, ZipFile=zipped(GOOD + "# new\n"))
    told = well(platform, "publish", shop, "-m", "the third")

    assert f"{shop}: version 4 is published" in told
    assert f"huidu rollout start {shop} release 4" in hints(told)
    follow(platform, told)
    assert "the third" in well(platform, "ls", shop)
    well(platform, "rollback", shop, "release")


def test_the_first_version_is_followed_to_an_alias(platform: Platform, name: str) -> None:
    platform.make(name)
    told = well(platform, "publish", name)

    follow(platform, told)
    assert stands(platform, name).startswith("all calls to version 1")


def test_a_function_is_called_and_answers_on_standard_output(platform: Platform, shop: str) -> None:
    ran = huidu(platform, "invoke", f"{shop}:2", "--event", '{"a": 1}', "--log")

    assert (ran.exit_code, json.loads(ran.stdout)) == (0, {"sold": {"a": 1}})
    assert "seen {'a': 1}" in ran.stderr
    assert f"{shop} version 2: 200 in " in ran.stderr
    assert "through release" in huidu(platform, "invoke", f"{shop}:release").stderr
    told = well(platform, "invoke", f"{shop}:2", "-e", "-", "--json", stdin='{"b": 2}')
    assert json.loads(told)["FunctionVersion"] == "2"


def test_an_event_comes_from_a_file_or_standard_input(
    platform: Platform, shop: str, tmp_path: Path
) -> None:
    file = tmp_path / "event.json"
    file.write_text('{"from": "file"}')

    assert '"file"' in well(platform, "invoke", f"{shop}:2", "--file", str(file))
    assert '"pipe"' in well(platform, "invoke", f"{shop}:2", "--file", "-", stdin='{"from":"pipe"}')
    file.write_bytes(b"\xff")
    assert "UTF-8" in refused(platform, "invoke", shop, "--file", str(file), code=2)
    assert "No such file" in refused(platform, "invoke", shop, "--file", "/nowhere", code=2)
    assert "not JSON" in refused(platform, "invoke", shop, "--event", "{a}", code=2)
    assert "give one of" in refused(platform, "invoke", shop, "-e", "1", "-f", "x", code=2)


def test_a_function_that_fails_is_3_and_leads_to_its_log(platform: Platform, shop: str) -> None:
    told = refused(platform, "invoke", f"{shop}:2", "-e", '{"bad": 1}', code=3)

    assert "the function failed: ValueError: sold out" in told
    follow(platform, told)
    (line,) = hints(told)
    assert "seen {'bad': 1}" in well(platform, *shlex.split(line)[1:])


def test_headers_of_a_call_are_what_rules_see(platform: Platform, shop: str) -> None:
    well(platform, "rule", "add", shop, "release", "header:User=Bob", "to", "2")

    answers = [
        huidu(platform, "invoke", f"{shop}:release", "-H", shown).stderr
        for shown in ("User=Bob", "User: Bob", "User=Eve")
    ]
    for number, answer in zip("221", answers, strict=True):
        assert f"{shop} version {number} through release" in answer
    assert "NAME=VALUE" in refused(platform, "invoke", shop, "-H", "=x", code=2)


def test_a_call_to_come_is_acknowledged_with_its_id(platform: Platform, shop: str) -> None:
    told = well(platform, "invoke", f"{shop}:2", "--async", "-e", '{"later": 1}')

    (line,) = hints(told)
    words = [word for word in shlex.split(line)[1:] if word != "-f"]
    until(lambda: "later" in huidu(platform, *words).stdout)


def test_a_function_without_a_url_is_told_how_to_have_one_and_is_called_there(
    platform: Platform, shop: str
) -> None:
    target = f"{shop}:release"
    told = refused(platform, "invoke", target, "--http", "GET", "/x")
    follow(platform, told)

    ran = huidu(platform, "invoke", target, "--http", "get", "/x?a=1", "-H", "User: Bob")
    assert (ran.exit_code, json.loads(ran.stdout)) == (0, {"version": "1"})
    assert f"{shop}: 200 OK by version 1, request " in ran.stderr
    whole = json.loads(well(platform, "invoke", shop, "--http", "GET", "/", "--json"))
    assert (whole["StatusCode"], whole["FunctionVersion"]) == (200, "1")
    assert well(platform, "invoke", shop, "--http", "GET", "/a b/茶", "-H", "User=茶")
    wrong = ("invoke", shop, "--http", "GET", "/", "-H", "User=a\nb")
    assert "cannot be sent" in refused(platform, *wrong, code=2)
    assert "begins with /" in refused(platform, "invoke", shop, "--http", "GET", "x", code=2)

    platform.call("UpdateFunctionCode", FunctionName=shop, ZipFile=zipped(BAD), Publish="TRUE")
    well(platform, "alias", "set", shop, "release", "3")
    told = refused(platform, "invoke", shop, "--http", "POST", "/", "-e", "text", code=3)
    follow(platform, told)


def test_an_alias_is_moved_and_what_it_was_and_is_are_told(platform: Platform, shop: str) -> None:
    told = well(platform, "alias", "set", shop, "release", "1", "2@10%", "--reason", "ticket 12")

    assert f"{shop} release: all calls to version 1\n" in told
    assert "-> 10 % to version 2, the rest to version 1 (revision 2)" in told
    assert "version 2        ━━━━──" in well(platform, "alias", "show", shop, "release")
    follow(platform, told)
    assert stands(platform, shop) == "all calls to version 1"
    assert "ticket 12" in well(platform, "history", shop, "release")

    options = ("--sticky", "cookie:sid", "--split", "random", "--expected-revision", "3")
    told = well(platform, "alias", "set", shop, "release", "1", "2@0.2", *options)
    assert "sticky by cookie:sid; random split" in told
    told = well(platform, "alias", "set", shop, "release", "1", "2@20%", "--sticky", "", "--json")
    assert json.loads(told)["After"]["Sticky"] == ""
    shown = json.loads(well(platform, "alias", "show", shop, "release", "--json"))
    assert shown == json.loads(told)["After"]


def test_what_is_printed_can_be_typed_whatever_an_alias_is_called(
    platform: Platform, shop: str
) -> None:
    told = well(platform, "alias", "set", shop, "$DEFAULT", "1")

    assert f"huidu undo {shop} '$DEFAULT'" in hints(told)
    follow(platform, told)


def test_whoever_was_slower_is_refused_and_led_to_what_there_is(
    platform: Platform, shop: str
) -> None:
    move = ("alias", "set", shop, "release", "2", "--expected-revision")
    told = refused(platform, *move, "7")

    assert "is at revision 1 now" in told
    follow(platform, told)
    well(platform, *move, "1")


def test_an_alias_that_is_missing_is_made_only_on_request(platform: Platform, shop: str) -> None:
    told = refused(platform, "alias", "set", shop, "beta", "1", "2@50%")

    assert hints(told)[-1] == f"huidu alias set {shop} beta 1 2@50% --create"
    follow(platform, told)
    told = refused(platform, "alias", "set", shop, "release", "9")
    follow(platform, told)
    for words, said in (
        (("2@10%", "1"), "without a share"),
        (("1", "2@x"), "2@10%"),
        (("1", "2@10"), "2@10%"),
    ):
        assert said in refused(platform, "alias", "set", shop, "release", *words, code=2)


def test_rules_are_added_listed_removed_and_cleared(platform: Platform, shop: str) -> None:
    told = well(platform, "rule", "add", shop, "release", "header:User=Bob -> 2")
    assert "-> header:User = Bob -> 2, the rest to version 1 (revision 2)" in told
    well(platform, "rule", "add", shop, "release", "cookie:b in [1,9] -> 2", "--first")
    listed = well(platform, "rule", "list", shop, "release")
    assert re.search(r"1 +cookie:b in \[1,9\] -> 2\n2 +header:User = Bob -> 2\n +the rest", listed)
    assert "1. cookie:b in [1,9] -> 2" in well(platform, "alias", "show", shop, "release")

    well(platform, "rule", "remove", shop, "release", "1")
    told = refused(platform, "rule", "remove", shop, "release", "2")
    follow(platform, told)
    well(platform, "rule", "remove", shop, "release", "header:User=Bob -> 2")
    none = huidu(platform, "rule", "list", shop, "release").stderr
    assert "has no rules" in none
    assert f"huidu rule add {shop} release 'header:User=Bob -> 2'" in none
    assert "has no rules" in well(platform, "rule", "clear", shop, "release")
    follow(platform, told := well(platform, "rule", "add", shop, "release", "ip in 1.1.1.1 to 2"))
    assert stands(platform, shop) == "all calls to version 1"
    well(platform, "undo", shop, "release")
    assert json.loads(well(platform, "rule", "list", shop, "release", "--json"))
    well(platform, "rule", "clear", shop, "release")
    assert stands(platform, shop) == "all calls to version 1"
    assert "KEY=VALUE" in refused(platform, "rule", "add", shop, "release", "Bob", code=2)


def test_a_rule_beside_weights_is_refused_with_what_to_do(platform: Platform, shop: str) -> None:
    well(platform, "alias", "set", shop, "release", "1", "2@10%")
    told = refused(platform, "rule", "add", shop, "release", "header:User=Bob -> 2")

    follow(platform, told)
    well(platform, "rule", "add", shop, "release", "header:User=Bob -> 2")


def test_a_rollback_without_a_rollout_goes_by_the_history(platform: Platform, shop: str) -> None:
    well(platform, "alias", "set", shop, "release", "1", "2@10%")
    told = well(platform, "rollback", shop, "release", "--reason", "ticket 13")
    assert f"{shop} release: taken back from version 2 to version 1\n" in told
    assert "rollback from version 2: ticket 13" in well(platform, "history", shop, "release")

    well(platform, "alias", "set", shop, "release", "2")
    told = well(platform, "rollback", shop, "release")
    assert "to version 1, which had all calls at revision 3" in told
    follow(platform, told)  # the first of it goes forward again
    assert stands(platform, shop) == "all calls to version 2"
    assert json.loads(well(platform, "rollback", shop, "release", "--json"))["By"] == "history"
    told = refused(platform, "rollback", shop, "release")
    assert "its history knows no other version" in told
    follow(platform, told)


def test_a_rollback_takes_back_a_rollout_that_runs_and_one_that_has_finished(
    platform: Platform, name: str
) -> None:
    release = Release.make(platform, name)
    release.start(Plan="10%/1h, 100%")
    until(lambda: release.weight() > 0)
    told = refused(platform, "alias", "set", name, "release", "2")
    assert hints(told) == [f"huidu rollout show {name} release", f"huidu rollback {name} release"]
    follow(platform, told)
    assert release.stands()[0] == "rolled back"

    release.start(Plan="all-at-once", BakeTime=0)
    until(lambda: release.stands()[0] == "finished", 30)
    told = well(platform, "rollback", name, "release", "--reason", "after all")
    assert f"{name} release: taken back to version 1. After " in told
    follow(platform, told)
    assert release.weight() == 0
    refused(platform, "rollback", name, "release")


def test_taking_over_from_a_rollout_asks_first(platform: Platform, name: str) -> None:
    release = Release.make(platform, name)
    release.start(Plan="10%/1h, 100%")
    until(lambda: release.weight() > 0)
    move = ("alias", "set", name, "release", "2", "--take-over")

    told = refused(platform, *move, code=2)
    assert "no terminal to ask on" in told
    with terminal(platform, 100, *move) as opened:
        until(lambda: "Go on? [y/N]" in opened.seen(), 30)
        opened.type("n\n")
        assert opened.wait() == 1
        assert "nothing was changed" in opened.seen()
    assert release.stands()[0] == "ramping"
    well(platform, *move, "--yes")
    assert release.stands()[0] == "taken over"


def test_a_call_is_explained_before_and_after_it_was_made(platform: Platform, shop: str) -> None:
    well(platform, "rule", "add", shop, "release", "header:User=Bob -> 2")

    told = well(platform, "explain", shop, "release", "--header", "User=Bob")
    assert f"{shop} release (revision 2): goes to version 2" in told
    assert "=>" in told
    assert "version 1" in well(platform, "explain", shop, "release", "--cookie", "a=b")
    shown = ("--routing-key", '{"user": "Bob"}')  # letter case counts there
    assert "goes to version 1" in well(platform, "explain", shop, "release", *shown)
    called = json.loads(well(platform, "invoke", f"{shop}:release", "--json"))
    asked = ("explain", shop, "--request-id", called["FunctionRequestId"])
    assert "goes to version 1" in well(platform, *asked)
    assert json.loads(well(platform, *asked, "--json"))["AliasRevision"] == 2
    follow(platform, refused(platform, "explain", shop, "nowhere"))


def packed(files: dict[str, tuple[int, bytes]]) -> str:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, (mode, content) in files.items():
            entry = zipfile.ZipInfo(path)
            entry.create_system, entry.external_attr = 3, mode << 16
            archive.writestr(entry, content)
    return b64encode(out.getvalue()).decode()


def test_two_versions_are_compared_file_by_file_and_field_by_field(
    platform: Platform, name: str
) -> None:
    plain, run, link = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777
    first = {
        "index.py": (plain, GOOD.encode()),
        "old.txt": (plain, b"old\n"),
        "lib/data.bin": (plain, b"\0\1"),
        "run.sh": (plain, b"#!/bin/sh\n"),
        "here": (link, b"index.py"),
    }
    second = first | {
        "index.py": (plain, GOOD.encode() + b"# \x1b[31mred\n"),
        "lib/data.bin": (plain, b"\0\2"),
        "run.sh": (run, b"#!/bin/sh\n"),
        "new.txt": (plain, b"new"),
        "here": (link, b"run.sh"),
    }
    del second["old.txt"]
    platform.make(name, Code={"ZipFile": packed(first)})
    platform.publish(name)
    platform.call("UpdateFunctionCode", FunctionName=name, ZipFile=packed(second))
    variables = {"Variables": [{"Key": "STOCK", "Value": "x"}]}
    platform.call(
        "UpdateFunctionConfiguration", FunctionName=name, MemorySize=256, Environment=variables
    )
    platform.publish(name)

    told = well(platform, "diff", name, "1", "2")
    assert f"{name}: version 1 -> 2: 6 files and 2 fields of the configuration" in told
    assert "-MemorySize: 128\n+MemorySize: 256\n+Environment.STOCK: x\n" in told
    assert "  changed lib/data.bin (2 -> 2 bytes)\n  (not a text" in told
    assert "  mode run.sh (444 -> 555)\n" in told
    assert "-old\n" in told
    assert "+new\n\\ No newline" in told
    assert "\x1b" not in told
    brief = well(platform, "diff", name, "1", "2", "--stat")
    assert "+new" not in brief
    assert "field Environment.STOCK" in brief
    assert huidu(platform, "diff", name, "1", "2", "--exit-code").exit_code == 4
    same = huidu(platform, "diff", name, "2", "$LATEST", "--exit-code")
    assert same.exit_code == 0
    assert "the same code and the same configuration" in same.stdout
    whole = json.loads(well(platform, "diff", name, "1", "$DEFAULT", "--json"))
    assert [(one["Path"], one["Change"]) for one in whole["Files"]] == [
        ("here", "changed"),
        ("index.py", "changed"),
        ("lib/data.bin", "changed"),
        ("new.txt", "added"),
        ("old.txt", "removed"),
        ("run.sh", "mode"),
    ]
    follow(platform, refused(platform, "diff", name, "1", "7"))


def test_functions_and_what_each_has_are_listed(platform: Platform, shop: str) -> None:
    assert shop in well(platform, "ls")
    assert shop in {one["FunctionName"] for one in json.loads(well(platform, "ls", "--json"))}
    told = well(platform, "ls", shop)
    assert re.search(r"^1 .*release", told, re.MULTILINE)
    told = well(platform, "ls", shop, "--json")
    assert set(json.loads(told)) == {"Versions", "Aliases", "Triggers"}


def test_a_function_that_is_misspelled_is_led_to_the_right_one(
    platform: Platform, shop: str
) -> None:
    told = refused(platform, "publish", f"{shop}x")

    assert f"huidu ls {shop}" in told
    follow(platform, told)
    assert "ResourceNotFound.Namespace" in refused(platform, "ls", "--namespace", "none")


def test_no_server_is_1_and_says_how_to_start_one(platform: Platform) -> None:
    env = environment(platform) | {"HUIDU_ENDPOINT": "http://127.0.0.1:1"}
    ran = CliRunner(env=env).invoke(app, ["ls"])

    assert ran.exit_code == 1
    assert "no Huidu server answers" in ran.stderr


def test_top_shows_who_answered_once(platform: Platform, shop: str) -> None:
    well(platform, "alias", "set", shop, "release", "1", "2@50%")
    for _ in range(4):
        platform.invoke(shop, Qualifier="release")
    huidu(platform, "invoke", f"{shop}:2", "-e", '{"bad": 1}')

    def seen() -> dict[tuple[str, str], tuple[int, int]]:
        told = json.loads(well(platform, "top", shop, "--once", "--json", "--window", "60"))
        lanes = told["Lanes"]
        assert all(sum(one["BySecond"]) == one["Calls"] for one in lanes)
        return {(e["Alias"], e["FunctionVersion"]): (e["Calls"], e["Errors"]) for e in lanes}

    expected = {("release", "1"): (2, 0), ("release", "2"): (2, 0), ("", "2"): (1, 1)}
    until(lambda: seen() == expected)
    told = well(platform, "top", shop, "-w", "60")
    assert re.search(r"release +2 +50 % +0\.0 +━+─* .* ms", told)
    assert "1 (100 %)" in told
    assert shop in well(platform, "top", "--once")
    assert "release" in well(platform, "top", shop, "release", "--once")
    follow(platform, refused(platform, "top", f"{shop}x"))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Window": 0}, "InvalidParameterValue.Window"),
        ({"Window": 301}, "InvalidParameterValue.Window"),
        ({"FunctionName": "nobody"}, "ResourceNotFound.FunctionName"),
        ({"Namespace": "nowhere"}, "ResourceNotFound.Namespace"),
    ],
)
def test_traffic_that_cannot_be_told_is_refused(
    platform: Platform, asked: dict[str, object], code: str
) -> None:
    with pytest.raises(TencentCloudSDKException) as refusal:
        platform.ours("GetTraffic", **asked)

    assert refusal.value.code == code


def test_top_moves_in_a_terminal_until_it_is_interrupted(platform: Platform, shop: str) -> None:
    with terminal(platform, 110, "top", shop) as opened:
        until(lambda: "Ctrl-C leaves" in opened.seen(), 30)
        assert re.search(r"release +1 +100 % +0 +─+", opened.seen())
        platform.invoke(shop, Qualifier="release")
        until(lambda: re.search(r"release +1 +100 % +0\.1 +━+", opened.seen()), 30)
        assert "\x1b[1;35m" in opened.written()  # the colour of version 1
        opened.process.send_signal(signal.SIGINT)
        assert opened.wait() == 130
    with terminal(platform, 110, "top", shop, NO_COLOR="1") as opened:
        until(lambda: "Ctrl-C leaves" in opened.seen(), 30)
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", opened.written())


def test_a_diff_has_colours_in_a_terminal_and_none_where_they_are_not_wanted(
    platform: Platform, shop: str
) -> None:
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with terminal(platform, 100, "diff", shop, "1", "2", **more) as opened:
            assert opened.wait() == 0
            assert ("\x1b[32m+" in opened.written()) is coloured
            assert "sold out" in opened.seen()


COMPLETE = """
eval "$(huidu completion bash)"
offer() {
  COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=(); _huidu_completion huidu
  echo "${COMPREPLY[*]}"
}
"""


def test_a_shell_is_offered_commands_functions_and_aliases(platform: Platform, shop: str) -> None:
    asked = ("ro", f"publish {shop[:-1]}", f"alias show {shop} re", f"diff {shop} 1 ''")
    lines = [f"offer huidu {words}" for words in asked]
    broken = "HUIDU_ENDPOINT=http://127.0.0.1:1 offer huidu publish ''"
    path = f"{mother().folder}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", "\n".join([COMPLETE, *lines, broken])],
        env=environment(platform) | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = [line.split() for line in ran.stdout.split("\n")]

    assert told[0] == ["rollout", "rollback"]
    assert shop in told[1]
    assert told[2] == ["release"]
    assert set(told[3]) == {"1", "2", "release"}
    assert told[4] == []
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("shell", "words", "offered"),
    [
        ("zsh", "alias show {} re", '"release"'),
        ("zsh", "ru", '"rule":"Send some calls'),
        ("fish", "invoke {}:re", "{}:release"),
    ],
)
def test_other_shells_are_offered_the_same(
    platform: Platform, shop: str, shell: str, words: str, offered: str
) -> None:
    asked = {"_HUIDU_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    asked["_TYPER_COMPLETE_ARGS"] = f"huidu {words.format(shop)}"
    ran = CliRunner(env=environment(platform) | asked).invoke(app, [], prog_name="huidu")

    assert offered.format(shop) in ran.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_its_script(platform: Platform, shell: str) -> None:
    assert "_HUIDU_COMPLETE" in well(platform, "completion", shell)
