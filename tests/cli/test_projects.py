"""A project's life on the command line: begun, deployed, moved, and taken off again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from huidu.actions.action import Action
from huidu.cli.client import TIMEOUT_S, Client, Refused, Unreachable
from huidu.cli.projects.deploying import deploy
from huidu.cli.projects.work import runtime_of
from huidu.cloudapi.keys import Pair
from huidu.project.reading import read
from huidu.project.templates import TEMPLATES
from huidu.project.there import RuntimeThere
from tests.cli.typing_here import Here, edit
from tests.platform import SECRET_ID, SECRET_KEY
from tests.project.deploying import fetch
from tests.project.test_installing import requirements, wheel

#: As an official file is: nothing is said of aliases.
OFFICIAL = "component: scf\nname: {name}\ninputs: {{name: {name}, runtime: Python3.10}}\n"


def test_what_there_is_to_begin_with_is_shown_and_the_next_command_works(here: Here) -> None:
    told = here.well("huidu init")
    assert all(f"\n{name} " in told for name in TEMPLATES)
    here.follow(told)
    assert Path("my-project/serverless.yml").is_file()
    listed = json.loads(here.well("huidu init --json"))
    assert [one["Template"] for one in listed] == [*TEMPLATES]
    made = json.loads(here.well("huidu init nodejs again --json"))
    assert made["Files"] == [".gitignore", "index.js", "serverless.yml"]


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


def test_traffic_is_the_share_of_the_edited_code_as_the_components_have_it(
    here: Here, name: str
) -> None:
    Path("index.py").write_text("def main_handler(event, context): return 1\n")
    Path("serverless.yml").write_text(OFFICIAL.format(name=name))
    told = here.well("huidu deploy --inputs.traffic=0.1")
    assert "note: traffic has no effect: nothing was ever published" in told
    here.well("huidu deploy --inputs.publish --inputs.traffic=0")
    edit("index.py", "return 1", "return 2")

    told = here.well("huidu deploy --inputs.traffic=0.1")
    assert "\n  $LATEST   code " in told
    assert "changed since version 1\n  $DEFAULT  $LATEST 10 %, 1 90 %\n" in told
    facts = json.loads(here.well("huidu deploy --inputs.traffic=1.0 --json"))
    assert (facts["Traffic"], facts["LastVersion"]) == (1.0, "1")
    told = here.well("huidu deploy --inputs.traffic=0")
    assert "\n  $DEFAULT  all to 1\n" in told


def test_what_is_needed_is_installed_for_the_version_that_the_server_has(
    here: Here, name: str
) -> None:
    told = json.loads(here.well("huidu api get-runtime --runtime Python3.99"))
    version = told["Version"]
    assert told["Note"] == f"Python3.99 is not on this machine; runs on Python {version}"
    wheel(Path("wheels").resolve(), f"cp{version.replace('.', '')}-none-any")
    requirements(Path.cwd())
    code = "import mine\ndef main_handler(event, context): return mine.VALUE\n"
    Path("index.py").write_text(code)
    Path("serverless.yml").write_text(OFFICIAL.format(name=name).replace("3.10", "3.99"))
    note = f"Python3.99 runs on Python {version} here"

    assert here.well("huidu diff").count(f"  note: {note}\n") == 1
    assert json.loads(here.well("huidu deploy --dry-run --json"))["Notes"] == [note]
    assert here.well("huidu deploy").count(note) == 1
    assert here.server.invoke(name)["RetMsg"] == "42"


def test_what_runs_a_runtime_is_told_by_its_server_or_not_at_all(here: Here, name: str) -> None:
    for asked, code in [
        ({"Runtime": "Go1"}, "InvalidParameterValue.Runtime"),
        ({"Runtime": "Python3.10", "Type": "Web"}, "InvalidParameterValue.Type"),
        ({}, "MissingParameter"),
    ]:
        with pytest.raises(TencentCloudSDKException) as refused:
            here.server.ours("GetRuntime", **asked)
        assert refused.value.code == code

    def older(service: str, action: str, asked: Mapping[str, object]) -> Mapping[str, Any]:
        raise Refused("InvalidAction", f"{service} {action} {asked}")

    Path("index.py").touch()
    Path("serverless.yml").write_text(OFFICIAL.format(name=name))
    assert runtime_of(read(Path.cwd(), {}), older) == RuntimeThere()


def test_what_somebody_else_has_changed_is_undone_only_on_purpose(here: Here, name: str) -> None:
    here.well(f"huidu init python . --name {name}")
    here.well("huidu deploy")
    here.well(f'huidu alias set {name}-dev release "$LATEST" --reason hurry')

    told = here.told("huidu deploy", 4)
    assert re.search(r"alias release is at revision 2 and was at 1, moved by \S+ .*at ", told)
    assert "(hurry)" in told
    assert "deploy with --force" in told
    assert "this has changed since the last deploy" in here.well("huidu diff")
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
        file.write("rollout: {plan: '50%/1s, 100%', bake: 1s}\n")
    here.well("huidu deploy")
    edit("index.py", "Hello", "Hi")
    assert "* rollout of alias release\n" in here.well("huidu deploy --watch")
    assert "  release   all to 2\n" in here.well("huidu info")

    edit("serverless.yml", "50%/1s", "50%/1h")
    edit("index.py", "Hi", "Hey")
    told = here.well("huidu deploy")
    assert f"huidu rollout show {name}-dev release" in here.follow(told)
    told = here.well("huidu deploy")
    assert "note: a rollout to version 3 is under way" in told
    edit("index.py", "Hey", "Ho")
    assert "moves alias release to version 3; wait for it, or end it" in here.told(
        "huidu deploy --watch", 4
    )
    assert json.loads(here.well("huidu info --json"))["LastVersion"] == "3", "nothing is half done"


def test_a_deploy_that_is_refused_is_gone_on_with(here: Here, name: str) -> None:
    here.well(f"huidu init python . --name {name}")
    edit(
        "serverless.yml", "  timeout: 10\n", "  timeout: 10\n  layers: [{name: none, version: 9}]\n"
    )
    told = here.told("huidu deploy", 1)
    assert f"huidu: stopped at: function {name}-dev\n" in told
    assert "ResourceNotFound.Layer" in told
    assert not json.loads(here.well("huidu info --json"))["Deployed"]
    edit("serverless.yml", "  layers: [{name: none, version: 9}]\n", "")
    here.well("huidu deploy")


class Lossy(Client):
    """Loses the answer to what changes code, which is changed all the same."""

    def call(
        self,
        action: Action[Any, Any],
        parameters: Mapping[str, object],
        timeout_s: float = TIMEOUT_S,
    ) -> dict[str, Any]:
        answer = Client.call(self, action, parameters, timeout_s)
        if action.name == "UpdateFunctionCode":
            raise Unreachable("the answer is lost")
        return answer


def test_a_step_whose_answer_was_lost_is_not_taken_for_somebody_elses(
    here: Here, name: str
) -> None:
    here.well(f"huidu init python . --name {name}")
    here.well("huidu deploy")
    edit("index.py", "Hello", "Hi")
    edit("serverless.yml", "timeout: 10", "timeout: 9")
    lossy = Lossy(endpoint=here.server.api, pair=Pair(SECRET_ID, SECRET_KEY))
    with pytest.raises(typer.Exit):
        deploy(cast("typer.Context", SimpleNamespace(obj=lambda: lossy)))

    told = here.well("huidu deploy")
    assert f"~ configuration of {name}-dev\n" in told
    assert "~ code of" not in told


def test_a_layer_is_made_of_a_folder_and_published_where_it_is_new(here: Here, name: str) -> None:
    Path("shared").mkdir()
    Path("shared/words.py").write_text("WORD = 'one'\n")
    Path("index.py").write_text(
        "import words\n\ndef main_handler(event, context): return words.WORD\n"
    )
    layers = f"  exclude: [shared]\n  layers: [{{name: {name}, src: ./shared}}]\n"
    yml = f"component: scf\nname: {name}\ninputs:\n  name: {name}\n  runtime: Python3.10\n"
    Path("serverless.yml").write_text(yml + layers)

    assert here.well("huidu deploy").startswith(f"+ version of layer {name}\n+ function {name}\n")
    assert here.well(f"huidu invoke {name}") == '"one"\n'
    assert here.well("huidu deploy").startswith("nothing to change")
    Path("shared/words.py").write_text("WORD = 'two'\n")
    told = here.well("huidu diff")
    assert f"    layers: {name}:1 -> {name}:the new version\n" in told
    here.well("huidu deploy")
    assert here.well(f"huidu invoke {name}") == '"two"\n'
    assert here.well("huidu deploy").startswith("nothing to change")
