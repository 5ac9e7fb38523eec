"""The whole life of a project in a terminal: begun, developed, deployed, moved, and taken back."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import urlsplit

import pytest

from huidu.cli.dev.session import main
from tests.cli.running import ran, running
from tests.cli.terminals import Terminal, terminal
from tests.cli.typing_here import Here, edit
from tests.platform import until
from tests.project.deploying import fetch

PATIENCE_S = 60  #: Of a machine on which everything else is tested as well.
#: What stands before a command that is to ask the server of `huidu dev`.
HINT = re.compile(r"^  more +(HUIDU\S+ HUIDU\S+) (huidu .+)$", re.MULTILINE)


def told(dev: Popen[str], event: str) -> dict[str, Any]:
    """Return the next event of a kind; notes of a machine that is busy may come before it."""
    assert dev.stdout is not None
    for line in dev.stdout:
        if (found := dict(json.loads(line)))["Event"] == event:
            return found
    raise AssertionError(event)


def says(dev: Terminal, *texts: str) -> None:
    """Wait until all of these stand on the screen."""
    until(lambda: all(text in dev.seen() for text in texts), PATIENCE_S)


@pytest.mark.timeout(150)
def test_the_life_of_a_project_from_its_first_line_to_the_way_back(here: Here, name: str) -> None:
    here.well(f"huidu init python {name}")
    os.chdir(name)
    with terminal(here.server, 90, "dev", "--port", "0", "--env", "MOOD=sunny") as dev:
        follow_what_is_saved(here, dev)
        dev.type("q\n")
        assert dev.wait() == 0
        assert dev.seen().endswith(" ended\n")

    function = f"{name}-dev"
    deployed = here.well("huidu deploy")
    here.follow(deployed)
    url = re.findall(r"^  at +(http\S+)$", deployed, re.MULTILINE)[0]
    assert fetch(url)[2] == b"Hi from version 1\n"
    edit("index.py", "Hi", "Good day")
    here.follow(here.well("huidu deploy --inputs.traffic=0"))
    assert "nothing has changed since version 2" in here.told(f"huidu publish {function}", 0)
    here.follow(here.well(f"huidu alias set {function} release 1 2@50%"))
    assert "from version" in here.well(f"huidu invoke {function}:release")
    with terminal(here.server, 90, "top", function) as top:
        says(top, "release", "calls/s", "Ctrl-C leaves")
        top.process.send_signal(signal.SIGINT)
        assert top.wait() == 130
    here.well(f"huidu rollback {function} release")
    assert fetch(url)[2] == b"Hi from version 1\n"


def follow_what_is_saved(here: Here, dev: Terminal) -> None:
    says(dev, "ready in")
    url = re.findall(r"^  open +(\S+)$", dev.seen(), re.MULTILINE)[0]
    assert fetch(url)[2] == b"Hello from version $LATEST\n"
    says(dev, "| called with ", "GET / 200 in ", " by $LATEST@release")

    edit("index.py", "Hello", "Hi")
    until(lambda: fetch(f"{url}again?n=1")[2].startswith(b"Hi"), PATIENCE_S)
    # Without its name, where it was saved as the folders began to be watched anew.
    says(dev, "reloaded in ", "GET /again?n=1 200 in ")
    around, line = HINT.findall(dev.seen())[0]
    given = dict(pair.split("=", 1) for pair in shlex.split(around))
    assert "release" in here.run(line, **given).stdout
    variables = here.run(line.replace("ls", "invoke"), **given)
    assert variables.exit_code == 0, variables.output

    edit("index.py", "return {", "return {]")
    says(dev, "index.py:3: SyntaxError: ", "calls are answered with this error")
    assert fetch(url)[0] == 437
    edit("index.py", "return {]", "return {")
    until(lambda: fetch(url)[0] == 200, PATIENCE_S)
    edit("serverless.yml", "timeout: 10", "timeuot: 10")
    says(dev, "serverless.yml:9: inputs.timeuot: ", "did you mean timeout?")
    assert fetch(url)[0] == 200, "what was there goes on answering"
    edit("serverless.yml", "timeuot: 10", "timeout: 11")
    says(dev, "~ configuration of ")

    second = ran(here.server, "dev")
    assert (second.returncode, "is in use by process" in second.stderr) == (1, True)


@pytest.mark.timeout(150)
def test_programs_are_told_in_json_and_nothing_is_left(here: Here, name: str) -> None:
    here.well(f"huidu init nodejs {name}")
    edit(f"{name}/serverless.yml", "timeout: 10", "timeuot: 10")
    with running(here.server, "dev", "-C", name, "--port", "0", "--json") as dev:
        refused = told(dev, "refused")
        assert (refused["File"], refused["Line"]) == ("serverless.yml", 9)
        edit(f"{name}/serverless.yml", "timeuot: 10", "timeout: 10")
        ready = told(dev, "ready")
        assert fetch(ready["Url"])[2] == b"Hello from version $LATEST\n"
        call = told(dev, "call")
        assert (call["Method"], call["Path"], call["Status"]) == ("GET", "/", 200)
        assert (call["Version"], call["Alias"]) == ("$LATEST", "release")
        assert call["Printed"][0].startswith("called with")
        dev.send_signal(signal.SIGTERM)
        assert told(dev, "ended")
        assert dev.wait(PATIENCE_S) == 0
    at = urlsplit(ready["Url"])
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind((at.hostname, at.port))
    assert Path(name, ".huidu/dev/.gitignore").read_text() == "*\n"


def test_what_keeps_it_from_beginning_is_said(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    order = {"folder": ".", "stage": "", "port": None, "began": 0.0, "json": False}
    nothing: dict[str, object] = {"variables": {}, "files": [], "inputs": {}}

    assert main(json.dumps(order | nothing)) == 1
    assert "no serverless.yml in" in capsys.readouterr().err
