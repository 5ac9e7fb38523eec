"""What is wrong with a project, its surroundings or a command: said clearly, and nothing is done.

One row each: what is typed, what is in the folder, what is in the environment; then with what the
command leaves, and what it says.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.typing_here import Here

CODE = "def main_handler(event, context):\n    return 1\n"
GOOD = "component: scf\nname: {name}\ninputs:\n  name: {name}\n  runtime: Python3.10\n"
ALIASES = "aliases: {release: {}}\n"
TIMER = "  events: [timer: {parameters: {cronExpression: '61 * * * *', enable: true}}]\n"


@dataclass(frozen=True)
class Case:
    """Something wrong."""

    code: int
    says: str
    line: str = "huidu deploy"
    file: str = GOOD
    files: Mapping[str, str | bytes] = field(default_factory=lambda: {"index.py": CODE})
    around: Mapping[str, str] = field(default_factory=dict)


CASES = {
    "no file": Case(2, "no serverless.yml in /", file=""),
    "another name of it": Case(
        2, "there is serverles.yml", file="", files={"serverles.yml": GOOD, "index.py": CODE}
    ),
    "no such folder": Case(2, "there is no folder /nowhere", line="huidu deploy -C /nowhere"),
    "bad YAML": Case(2, "serverless.yml:7: is not YAML: expected", file=GOOD + "a: [b\nc: d\n"),
    "tabs": Case(2, "indent with spaces, not with tabs", file=GOOD + "\tsrc: .\n"),
    "unknown key": Case(
        2, "serverless.yml:6: inputs.memorysize: no such key", file=GOOD + "  memorysize: 128\n"
    ),
    "key twice": Case(2, "serverless.yml:6: name: is given twice", file=GOOD + "name: other\n"),
    "missing variable": Case(
        2, "the environment variable TOKEN is not set", file=GOOD + "  role: ${env:TOKEN}\n"
    ),
    "unknown variable": Case(2, "did you mean stage?", file=GOOD + "  role: ${stge}\n"),
    "unknown component": Case(
        2, "'exprss' is no component to be had here; did you mean express?",
        file=GOOD.replace("scf", "exprss", 1),
    ),
    "unknown runtime": Case(
        2, "did you mean Python3.10?", file=GOOD.replace("Python3.10", "Pyton3.10")
    ),
    "no number": Case(2, "timeout: 'soon'; must be a number", file=GOOD + "  timeout: soon\n"),
    "too little memory": Case(2, "inputs.memorySize: ", file=GOOD + "  memorySize: 1\n"),
    "src missing": Case(2, "the folder './src' is not there", file=GOOD + "  src: ./src\n"),
    "nothing to pack": Case(2, "there is no file to pack", files={}),
    "no handler": Case(2, "is a function in index.py, and there is no such", files={"a.py": ""}),
    "packages without a lock": Case(
        2, "say npm install", file=GOOD.replace("Python3.10", "Nodejs18.15"),
        files={"index.js": "", "package.json": '{"dependencies": {"a": "1"}}'},
    ),
    "wrong traffic": Case(
        2, "--inputs.traffic: 2; traffic must be a number between 0 and 1",
        line="huidu deploy --inputs.traffic=2",
    ),
    "misspelt input": Case(
        2, "--inputs.trafic: no such key; did you mean traffic?",
        line="huidu deploy --inputs.trafic=0.1",
    ),
    "input without a name": Case(2, "must read KEY=VALUE", line="huidu deploy --inputs..=1"),
    "unknown option": Case(2, "No such option: --traffic", line="huidu deploy --traffic 0.1"),
    "too many words": Case(2, "unexpected extra argument", line="huidu deploy shop"),
    "template that there is not": Case(2, "did you mean python?", line="huidu init pyton a"),
    "folder that is not empty": Case(
        2, "has index.py, serverless.yml already", line="huidu init python"
    ),
    "one version to compare": Case(2, "name two versions", line="huidu diff shop 1"),
    "expression of a timer": Case(2, "cronExpression: ", file=GOOD + TIMER),
    "rule of no alias": Case(
        2, "no alias 'relase' in this file; did you mean release?",
        file=GOOD + ALIASES + "rules: [{alias: relase, key: invoke.headers.A, expression: b}]\n",
    ),
    "plan of a rollout": Case(2, "rollout.plan: ", file=GOOD + ALIASES + "rollout: {plan: 10x}\n"),
    "version that there is not": Case(
        2, "aliases.release: version 9 is not on the server; nothing is published",
        file=GOOD + "aliases: {release: {version: 9}}\n",
    ),
    "guarded API": Case(
        2, "usage plans are not deployed",
        file=GOOD.replace("scf", "flask", 1) + "  apigatewayConf: {usagePlan: {id: a}}\n",
    ),
    "layer that there is not": Case(
        1, "ResourceNotFound.Layer", file=GOOD + "  layers: [{name: none-such, version: 3}]\n"
    ),
    "layer without a version": Case(
        2, "say version: 1 or, of a folder", file=GOOD + "  layers: [{name: some}]\n"
    ),
    "folder of a layer": Case(
        2, "the folder './none' is not there", file=GOOD + "  layers: [{name: a, src: ./none}]\n"
    ),
    "service that there is not": Case(
        2, "there is no service service-none",
        file=GOOD.replace("scf", "flask", 1) + "  entryFile: index.py\n  serviceId: service-none\n",
    ),
    "server down": Case(
        1, "no Huidu server answers at http://127.0.0.1:", around={"HUIDU_ENDPOINT": "{closed}"}
    ),
    "something else there": Case(
        1, "what answers there is something else", around={"HUIDU_ENDPOINT": "{gateway}"}
    ),
    "wrong key": Case(
        1, "AuthFailure.SignatureFailure", around={"TENCENTCLOUD_SECRET_KEY": "another"}
    ),
    "unknown key pair": Case(
        1, "AuthFailure.SecretIdNotFound", around={"TENCENTCLOUD_SECRET_ID": "another"}
    ),
}  # fmt: skip


@pytest.fixture
def closed() -> str:
    """Where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def lay_out(case: Case, name: str) -> None:
    if case.file:
        Path("serverless.yml").write_text(case.file.replace("{name}", name))
    for file, text in case.files.items():
        Path(file).write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize("wrong", CASES)
def test_what_is_wrong_is_said_and_nothing_is_done(
    wrong: str, here: Here, name: str, closed: str
) -> None:
    case = CASES[wrong]
    lay_out(case, name)
    told = {"closed": closed, "gateway": here.server.gateway}
    around = {key: value.format(**told) for key, value in case.around.items()}

    ran = here.run(case.line, **around)
    assert ran.exit_code == case.code, ran.output
    assert isinstance(ran.exception, SystemExit)
    assert case.says in ran.stderr
    assert here.server.call("ListFunctions", SearchKey=name)["TotalCount"] == 0


def test_a_package_that_is_too_large_or_leads_elsewhere_is_refused(here: Here, name: str) -> None:
    lay_out(Case(0, ""), name)
    Path("out").symlink_to("/etc")
    assert "out: is a link to '/etc', out of the folder" in here.told("huidu deploy", 2)
    Path("out").unlink()
    with Path("large").open("w") as file:
        file.truncate(501 << 20)
    told = here.told("huidu deploy", 2)
    assert "the package has 501.0 MB unpacked, at most 500" in told
    assert "the largest files: large (501.0 MB), index.py" in told


def test_a_command_that_knows_no_server_says_how_to_name_one(here: Here, name: str) -> None:
    lay_out(Case(0, ""), name)
    ran = here.run("huidu deploy", HUIDU_ENDPOINT="", HUIDU_DATA="nowhere")
    assert "nowhere is not the data directory of a server; start one" in str(ran.exception)
