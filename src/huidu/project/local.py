"""Local: what a project becomes where it is developed, with the routing that it has elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from huidu.model.errors import Refusal
from huidu.model.function import environment_of
from huidu.model.names import DEFAULT, LATEST, is_number, names_version
from huidu.project.declared import (
    PUBLISHED,
    Alias,
    Endpoint,
    Function,
    Project,
    Timer,
    Traffic,
    Url,
    named,
)
from huidu.project.flaw import Flaw

Entrance = TypeVar("Entrance", Endpoint, Timer, Url)


@dataclass(frozen=True, slots=True)
class Local:
    """A project for a server where nothing is published but what stands in for other versions."""

    project: Project
    #: The versions that the file names by their numbers, and those that stand in for them here.
    stand_ins: Mapping[str, str]


def localized(project: Project, variables: Mapping[str, str]) -> Local:
    """Return a project as it is developed: calls that what is published gets go to `$LATEST`.

    So the code that is edited answers at every address, by the weights and rules that there are.
    What only says how a version gets its calls (`traffic`, `publish`, `rollout`) is left out, and
    an alias that somebody made by hand elsewhere is made here. `variables` are put into the
    function's environment; raises `Flaw` where they cannot be.
    """
    called = {one.qualifier for one in _entrances(project)}
    numbers = {version for alias in project.aliases for version in named(alias)} | called
    ordered = sorted(filter(is_number, numbers), key=int)
    stand_ins = {number: str(place) for place, number in enumerate(ordered, 1)}

    def led(entrance: Entrance) -> Entrance:
        there = stand_ins.get(entrance.qualifier, entrance.qualifier)
        return replace(entrance, qualifier=there)

    gateway = project.gateway
    if gateway is not None:
        gateway = replace(gateway, endpoints=tuple(map(led, gateway.endpoints)))
    known = {alias.name for alias in project.aliases} | {DEFAULT}
    others = sorted(one for one in called if one not in known and not names_version(one))
    there = replace(
        project,
        function=_with(project.function, variables),
        gateway=gateway,
        timers=tuple(map(led, project.timers)),
        urls=tuple(map(led, project.urls)),
        traffic=Traffic(),
        aliases=(
            *(_alias(alias, stand_ins) for alias in project.aliases),
            *(Alias(name=name, version=LATEST) for name in others),
        ),
        rollout=None,
    )
    return Local(there, stand_ins)


def _entrances(project: Project) -> Iterator[Endpoint | Timer | Url]:
    yield from project.gateway.endpoints if project.gateway else ()
    yield from project.timers
    yield from project.urls


def _with(function: Function, variables: Mapping[str, str]) -> Function:
    there = function.configuration
    environment = environment_of({**dict(there.environment), **variables})
    try:
        return replace(function, configuration=replace(there, environment=environment))
    except Refusal as refusal:
        raise Flaw(f"--env: {refusal.message}") from None


def _alias(alias: Alias, stand_ins: Mapping[str, str]) -> Alias:
    def here(version: str) -> str:
        return LATEST if version == PUBLISHED else stand_ins.get(version, version)

    main = here(alias.version)
    return replace(
        alias,
        version=main,
        # One version twice is one version: what it gets together is the rest.
        weights=tuple((here(v), share) for v, share in alias.weights if here(v) != main),
        rules=tuple(replace(rule, version=here(rule.version)) for rule in alias.rules),
    )
