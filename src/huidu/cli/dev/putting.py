"""Putting: from what is in a folder to what a server has, the same way as a deploy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huidu.cli.client import Client
from huidu.cli.projects.bucket import Bucket
from huidu.cli.projects.facts import addresses
from huidu.cli.projects.sending import sent
from huidu.cli.projects.work import ACTION, runtime_of
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.project.carrying import carry_out
from huidu.project.declared import Project
from huidu.project.local import localized
from huidu.project.looking import look
from huidu.project.packages import layers_of, notes_of, package_of
from huidu.project.packing import Memory, Package
from huidu.project.plan import plan
from huidu.project.plan_removal import plan_removal
from huidu.project.reading import read
from huidu.project.steps import SCF, Plan, Step
from huidu.project.there import FunctionThere, There
from huidu.project.variables import read_environment

#: What changes nothing of where a function is called.
INNER = frozenset({"UpdateFunctionCode", "UpdateFunctionConfiguration"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What a server has of a folder now. Times in ms, by what they were spent on."""

    project: Project
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    addresses: tuple[str, ...]  #: The paths on the server, the most important first.
    stand_ins: Mapping[str, str]
    spent_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be developed: a folder, and what was said on the command line."""

    folder: Path
    stage: str
    environment: Mapping[str, str]
    variables: Mapping[str, str]
    files: tuple[Path, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> Project:
        """Read the project; raises `Flaw`."""
        return read(self.folder, self.environment, stage=self.stage, inputs=self.inputs)

    def local_variables(self) -> Mapping[str, str]:
        """Return what the function has in its environment here and nowhere else."""
        found: dict[str, str] = {}
        for file in self.files:
            found |= read_environment(file)
        return found | dict(self.variables)


class Putter:
    """Puts a folder on a server again and again. Blocks; used by one thread at a time."""

    def __init__(self, wish: Wish, client: Client, cache: Path, say: Callable[[str], None]) -> None:
        self._wish = wish
        self._client = client
        self._cache = cache
        self._say = say
        self._memory = Memory()
        self._layers: Mapping[str, Package] = {}
        self._last: Put | None = None

    def put(self) -> Put:
        """Have the server have what the folder has; raises `Flaw`, `Refused` or `Unreachable`."""
        began = time.monotonic()
        local = localized(self._wish.read(), self._wish.local_variables())
        project = local.project
        runtime = runtime_of(project, self._ask)
        package = package_of(
            project, self._cache, say=self._say, memory=self._memory, python=runtime.python
        )
        self._layers = layers_of(project)
        packed = time.monotonic()
        there = self._cleared(project, look(project, self._ask))
        there = self._stood_in(project, package, there, len(local.stand_ins))
        made = self._plan(project, package, there)
        self._carry(project, made, package, there)
        paths = self._last.addresses if self._last else ()
        if not self._last or any(step.action not in INNER for step in made.steps):
            paths = tuple(_addresses(project, look(project, self._ask)))
        done = time.monotonic()
        self._last = Put(
            project=project,
            steps=made.steps,
            notes=(*notes_of(project, runtime), *made.notes),
            addresses=paths,
            stand_ins=local.stand_ins,
            spent_ms={"pack": (packed - began) * 1000, "put": (done - packed) * 1000},
        )
        return self._last

    def _ask(self, service: str, action: str, asked: Mapping[str, object]) -> Mapping[str, Any]:
        return self._client.call(ACTION[service, action], asked)

    def _plan(self, project: Project, package: Package, there: There) -> Plan:
        digests = {name: layer.sha256 for name, layer in self._layers.items()}
        return plan(project, package.sha256, there, layers=digests)

    def _carry(self, project: Project, made: Plan, package: Package, there: There) -> None:
        """Carry out a plan; of a large package only what is new is sent."""
        if not made.sends_code:
            carry_out(made, package, self._ask, silent, layers=self._layers)
            return
        base = there.function.code_sha256 if there.function else ""
        place = f"{'/'.join(_who(project))}/"
        with sent(package, base, Bucket(self._client), place, lambda done, whole: None) as found:
            carry_out(made, package, self._ask, silent, found.code, self._layers)

    def _cleared(self, project: Project, there: There) -> There:
        """Take away what is in the way: what cannot be changed here can be made anew."""
        was = self._last.project if self._last else project
        if _who(was) != _who(project):
            carry_out(plan_removal(was, look(was, self._ask)), None, self._ask, silent)
        configuration = project.function.configuration
        if there.function is None or _fixed(there.function) == (
            configuration.runtime,
            configuration.type,
        ):
            return there
        self._say("the runtime or the type is another one, so the function is made anew")
        carry_out(plan_removal(project, there), None, self._ask, silent)
        return look(project, self._ask)

    def _stood_in(self, project: Project, package: Package, there: There, count: int) -> There:
        """Have as many versions as the file names by numbers: aliases may lead to them."""
        have = len(there.function.versions) if there.function else 0
        if have >= count:
            return there
        alone = replace(project, aliases=(), timers=(), urls=(), gateway=None)
        self._carry(alone, self._plan(alone, package, there), package, there)
        who = {"FunctionName": project.function.name, "Namespace": project.function.namespace}
        for _ in range(count - have):
            self._ask(SCF, "PublishVersion", {**who, "Description": "Made by huidu dev"})
        return look(project, self._ask)


def silent(_: Step) -> None:
    """Tell nobody."""


def _who(project: Project) -> tuple[str, str]:
    return project.function.namespace, project.function.name


def _fixed(there: FunctionThere) -> tuple[str, str]:
    return there.configuration.runtime, there.configuration.type


def _addresses(project: Project, there: There) -> Iterator[str]:
    for url in addresses(project, there):
        yield urlsplit(url).path.rstrip("/")


def called(project: Project) -> str:
    """Return a function as a person names it."""
    namespace, name = _who(project)
    return name if namespace == DEFAULT_NAMESPACE else f"{namespace}/{name}"
