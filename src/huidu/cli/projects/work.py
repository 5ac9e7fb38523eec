"""Work: what commands do with the project of a folder and the server that it goes to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from huidu.actions.table import ACTIONS
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.daily.asking import Desk
from huidu.cli.daily.tables import clean_text
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.project.declared import Project
from huidu.project.flaw import Flaw, Meanwhile
from huidu.project.looking import Ask, look, look_for_runtime
from huidu.project.reading import read
from huidu.project.remembering import file_of, forget, keep, recall
from huidu.project.steps import Step
from huidu.project.there import Left, RuntimeThere, There, left_by

#: With what a command leaves: what somebody else has done, a file or a folder that is wrong.
IN_THE_WAY, WRONG = 4, 2
ACTION = {(action.service, action.name): action for action in ACTIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A project that was read, and its server."""

    project: Project
    client: Client

    @property
    def desk(self) -> Desk:
        """Where what the server refuses is told."""
        function = self.project.function
        return Desk(client=self.client, function=function.name, namespace=function.namespace)

    @property
    def _file(self) -> Path:
        project = self.project
        folder, name = project.file.parent, project.function.name
        namespace = project.function.namespace
        spaced = name if namespace == DEFAULT_NAMESPACE else f"{namespace}_{name}"
        return file_of(folder, self.client.endpoint, project.stage, spaced)

    def ask(self, service: str, action: str, asked: Mapping[str, object]) -> Mapping[str, Any]:
        """Ask for an action."""
        return self.client.call(ACTION[service, action], asked)

    @property
    def place(self) -> str:
        """What the names of its packages begin with, on their way to the server."""
        return f"{self.project.function.namespace}/{self.project.function.name}/"

    def look(self) -> There:
        """Return what there is on the server, or say why that is not known and leave."""
        try:
            return look(self.project, self.ask)
        except (Refused, Unreachable) as error:
            raise self.desk.refuse(error) from None

    def runtime(self) -> RuntimeThere:
        """Return what will run the function, or say why that is not known and leave."""
        try:
            return runtime_of(self.project, self.ask)
        except Unreachable as error:
            raise self.desk.refuse(error) from None

    def recall(self) -> Left | None:
        """Return what the last deploy from this folder left."""
        return recall(self._file)

    def remember(self, there: There) -> None:
        """Keep what a deploy leaves."""
        left = left_by(there)
        if left is None:
            forget(self._file)
        else:
            keep(self._file, left)

    def remember_what_was_done(self) -> None:
        """Keep what a deploy leaves that was not ended, if the server can still be asked."""
        with suppress(Refused, Unreachable, Flaw):
            self.remember(look(self.project, self.ask))

    def forget(self) -> None:
        """Keep nothing of deploys any more."""
        forget(self._file)

    def refuse_step(self, step: Step | None, error: Exception) -> typer.Exit:
        """Say at which step a server said no, and what to type next; return what to leave with."""
        alias = str(step.parameters.get("Name", "")) if step else ""
        function = self.project.function
        if step is not None:
            typer.echo(f"huidu: stopped at: {clean_text(step.what)}", err=True)
        desk = Desk(
            client=self.client, function=function.name, namespace=function.namespace, alias=alias
        )
        return desk.refuse(error)


def runtime_of(project: Project, ask: Ask) -> RuntimeThere:
    """Return what will run a project's function; raises `Unreachable`.

    Nothing where the server does not tell, as an older one, or the cloud: then it is what its
    runtime is called. What is wrong with that is said by the server when it is to make it.
    """
    try:
        return look_for_runtime(project, ask)
    except Refused:
        return RuntimeThere()


def open_work(
    connect: Callable[[], Client], folder: Path, stage: str, inputs: Mapping[str, str]
) -> Work:
    """Read the project of a folder, or say what is wrong with it and leave."""
    try:
        project = read(folder.resolve(), os.environ, stage=stage, inputs=inputs)
    except Flaw as flaw:
        raise refuse(flaw) from None
    return Work(project=project, client=connect())


def refuse(flaw: Flaw) -> typer.Exit:
    """Say what is wrong with a project; return what to leave with."""
    typer.echo(f"huidu: {clean_text(str(flaw))}", err=True)
    return typer.Exit(IN_THE_WAY if isinstance(flaw, Meanwhile) else WRONG)
