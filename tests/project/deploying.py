"""A project in a folder, deployed to a real server as a command of ours will do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from huidu.actions.table import ACTIONS
from huidu.cli.client import Client
from huidu.cloudapi.keys import Pair
from huidu.project.carrying import carry_out
from huidu.project.declared import Project
from huidu.project.looking import look, look_for_runtime
from huidu.project.packages import package_of
from huidu.project.packing import Package
from huidu.project.plan import plan
from huidu.project.plan_removal import plan_removal
from huidu.project.reading import read
from huidu.project.steps import Plan, lines
from huidu.project.there import Left, left_by
from tests.platform import SECRET_ID, SECRET_KEY, Platform

ACTION = {(action.service, action.name): action for action in ACTIONS}


def asking(platform: Platform) -> Callable[[str, str, Mapping[str, object]], Mapping[str, Any]]:
    """Return what asks a server, as our command line does."""
    endpoint = platform.api
    client = Client(endpoint=endpoint, pair=Pair(SECRET_ID, SECRET_KEY))
    return lambda service, action, asked: client.call(ACTION[service, action], asked)


@dataclass
class Deploying:
    """One project, and the server that it goes to."""

    folder: Path
    platform: Platform
    left: Left | None = None
    told: list[str] = field(default_factory=list)

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.folder / name.replace("_", ".", 1)).write_text(text)

    def read(self, **inputs: str) -> Project:
        return read(self.folder, {}, inputs=inputs)

    def package(self, project: Project) -> Package:
        python = look_for_runtime(project, asking(self.platform)).python
        return package_of(project, self.folder / ".huidu", say=self.told.append, python=python)

    def plan(self, **inputs: str) -> Plan:
        project = self.read(**inputs)
        there = look(project, asking(self.platform))
        return plan(project, self.package(project).sha256, there, self.left)

    def deploy(self, **inputs: str) -> list[str]:
        """Deploy, and return what a person would read."""
        project = self.read(**inputs)
        made = self.plan(**inputs)
        carry_out(made, self.package(project), asking(self.platform), lambda step: None)
        self.left = left_by(look(project, asking(self.platform)))
        return list(lines(made))

    def remove(self) -> list[str]:
        """Take the project off the server, and return what a person would read."""
        project = self.read()
        made = plan_removal(project, look(project, asking(self.platform)))
        carry_out(made, None, asking(self.platform), lambda step: None)
        self.left = None
        return list(lines(made))

    def invoke(self, qualifier: str = "$DEFAULT", **more: Any) -> dict[str, Any]:
        name = self.read().function.name
        return self.platform.invoke(name, Qualifier=qualifier, **more)

    def url(self, environment: str = "release") -> str:
        project = self.read()
        service = look(project, asking(self.platform)).service
        assert service is not None
        return f"{self.platform.gateway}/{service.id}/{environment}"


def fetch(
    url: str, body: bytes | None = None, **headers: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Ask over HTTP; return status, headers and body, whatever the status."""
    try:
        with urlopen(Request(url, body, headers)) as answer:  # noqa: S310 - loopback
            return answer.status, answer.headers.items(), answer.read()
    except HTTPError as answer:
        with answer:
            return answer.code, answer.headers.items(), answer.read()
