"""A project's life on the command line: begun, deployed, moved, and taken off again."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from huidu.cli.main import app
from huidu.project.templates import TEMPLATES
from tests.cli.running import environment
from tests.platform import Platform
from tests.project.deploying import fetch

HINT = re.compile(r"^  to [^:]+: +((?:huidu|cd) .+)$", re.MULTILINE)


class Here:
    """A person in a folder, who types."""

    def __init__(self, server: Platform) -> None:
        self.server = server

    def run(self, line: str, stdin: str = "") -> Result:
        words = shlex.split(line)[1:]
        around = environment(self.server)
        return CliRunner(env=around).invoke(app, words, input=stdin)

    def well(self, line: str) -> str:
        ran = self.run(line)
        assert ran.exit_code == 0, f"{line}\n{ran.output}"
        return ran.stdout

    def told(self, line: str, code: int) -> str:
        ran = self.run(line)
        assert ran.exit_code == code, f"{line}\n{ran.output}"
        return ran.output

    def follow(self, told: str) -> list[str]:
        """Type each command that was printed as the next one, and return them."""
        found = HINT.findall(told)
        for line in found:
            if line.startswith("cd "):
                os.chdir(line.removeprefix("cd "))
            else:
                self.well(line)
        return found


@pytest.fixture
def here(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Here(platform)


def test_what_there_is_to_begin_with_is_shown_and_the_next_command_works(here: Here) -> None:
    told = here.well("huidu init")
    assert all(f"\n{name} " in told for name in TEMPLATES)
    here.follow(told)
    assert Path("my-project/serverless.yml").is_file()
    listed = json.loads(here.well("huidu init --json"))
    assert [one["Template"] for one in listed] == [*TEMPLATES]
    made = json.loads(here.well("huidu init nodejs again --json"))
    assert made["Files"] == ["index.js", "serverless.yml"]


def test_the_life_of_a_project(here: Here, name: str) -> None:
    told = here.well(f"huidu init python {name}")
    assert here.follow(told) == [f"cd {name}", "huidu diff", "huidu deploy"]
    told = here.well("huidu deploy")
    function = f"{name}-dev"
    assert told.startswith("nothing to change: the server has what the project says\n")
    assert f"\n{function}: Python3.10, 128 MB, 10 s, stage dev\n" in told
    url = re.findall(r"^  at +(http\S+)$", told, re.MULTILINE)[0]
    assert fetch(url)[2] == b"Hello from version 1\n"
    assert f"huidu invoke {function} --http GET /" in here.follow(told)

    edit("index.py", "Hello", "Hi")
    assert "~ code of" in here.well("huidu diff")
    assert here.told("huidu diff --exit-code", 4)
    assert fetch(url)[2].startswith(b"Hello"), "to look changes nothing"
    told = here.well("huidu deploy --inputs.traffic=0.1")
    assert "    calls: 1 100 % -> 1 90 %, the new version 10 %\n" in told
    assert "\n  release   1 90 %, 2 10 %\n" in told
    said = [fetch(url)[2] for _ in range(20)]
    assert {b"Hello from version 1\n", b"Hi from version 2\n"} == {*said}
    assert here.follow(told)[1:3] == [
        "huidu deploy --inputs.traffic=1.0",
        "huidu deploy --inputs.traffic=0",
    ]
    assert fetch(url)[2] == b"Hi from version 2\n"
    told = here.well("huidu deploy --inputs.traffic=0")
    assert here.well(re.findall(r"to go back: (huidu .+)", told)[0])
    assert fetch(url)[2] == b"Hello from version 1\n"

    facts = json.loads(here.well("huidu info --json"))
    assert (facts["LastVersion"], facts["Aliases"]["release"]) == ("2", {"1": 1.0})
    assert facts["Urls"] == [url]
    assert "no terminal to ask on" in here.told("huidu remove", 2)
    assert f"{function}: removed" in here.well("huidu remove --yes")
    assert not [*Path(".huidu/deployed").iterdir()]
    assert "nothing of it is on the server" in here.well("huidu remove --yes")
    told = here.well("huidu info")
    assert f"{function}: nothing is deployed in stage dev\n" in told
    assert here.follow(told) == ["huidu deploy"]


def edit(file: str, before: str, after: str) -> None:
    text = Path(file).read_text()
    assert before in text
    Path(file).write_text(text.replace(before, after))


def test_what_somebody_else_has_changed_is_undone_only_on_purpose(here: Here, name: str) -> None:
    here.well(f"huidu init python . --name {name}")
    here.well("huidu deploy")
    here.well(f'huidu alias set {name}-dev release "$LATEST" --reason hurry')

    told = here.told("huidu deploy", 4)
    assert "alias release is at revision 2 and was at 1, moved by AKIDtests at " in told
    assert "(hurry)" in told
    assert "deploy with --force" in told
    assert "somebody else has changed this" in here.well("huidu diff")
    assert "huidu deploy --force --yes" in here.told("huidu deploy --force", 2)
    here.well("huidu deploy --force --yes")
    assert json.loads(here.well("huidu info --json"))["Aliases"]["release"] == {"1": 1.0}
    assert here.well("huidu deploy").startswith("nothing to change")


def test_what_would_be_done_is_told_to_programs_and_not_done(here: Here, name: str) -> None:
    here.well(f"huidu init custom . --name {name}")
    made = json.loads(here.well("huidu deploy --dry-run --json"))
    assert [one["Action"] for one in made["Steps"]] == [
        *("CreateFunction", "PublishVersion", "CreateAlias", "CreateTrigger"),
    ]
    assert here.follow(here.well("huidu deploy --dry-run --stage prod")) == [
        "huidu deploy --stage prod"
    ]
    assert json.loads(here.well("huidu diff --json"))["Steps"] == made["Steps"]
    assert not json.loads(here.well("huidu info --json"))["Deployed"]
    done = json.loads(here.well("huidu deploy --stage prod --json"))
    assert (done["Stage"], done["LastVersion"], done["Deployed"]) == ("prod", "1", True)


def test_a_rollout_is_begun_and_can_be_followed(here: Here, name: str) -> None:
    here.well(f"huidu init python . --name {name}")
    with Path("serverless.yml").open("a") as file:
        file.write("rollout: {plan: '50%/1s, 100%'}\n")
    here.well("huidu deploy")
    edit("index.py", "Hello", "Hi")
    told = here.well("huidu deploy")
    assert "* rollout of alias release\n" in told
    assert f"huidu rollout show {name}-dev release" in here.follow(told)

    told = here.told("huidu deploy --watch", 1)
    assert "ResourceInUse.Rollout" in told


def test_a_deploy_that_is_refused_is_gone_on_with(here: Here, name: str) -> None:
    here.well(f"huidu init python . --name {name}")
    edit("serverless.yml", "  timeout: 10\n", "  timeout: 10\n  layers: [{name: none, version: 9}]\n")
    told = here.told("huidu deploy", 1)
    assert f"huidu: stopped at: function {name}-dev\n" in told
    assert "ResourceNotFound.Layer" in told
    assert not json.loads(here.well("huidu info --json"))["Deployed"]
    edit("serverless.yml", "  layers: [{name: none, version: 9}]\n", "")
    here.well("huidu deploy")
