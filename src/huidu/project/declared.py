"""Declared: what a project's file says that there should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from huidu.model.function import EVENT, Code, Configuration
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE
from huidu.model.ramp import Ramp

SCF, EXPRESS, KOA, FLASK, HTTP = "scf", "express", "koa", "flask", "http"
COMPONENTS = (EXPRESS, FLASK, HTTP, KOA, SCF)
#: What an alias is to lead to, instead of a number: the version that the deploy publishes or,
#: where there is nothing new, the one that was published last.
PUBLISHED = "published"
#: What a layer holds: the server alone knows.
ELSEWHERE = Code("", 0)
BUILT = 0  #: The version of a layer that is made of a folder, until it is known.


@dataclass(frozen=True, slots=True)
class Notice:
    """A key that has no effect here though it has one in the cloud."""

    line: int
    key: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which files are packed."""

    folder: Path
    exclude: tuple[str, ...] = ()  #: As the components read it: from the folder on.
    include: tuple[Path, ...] = ()  #: Files from elsewhere, put beside the others.
    install: bool = True  #: Whether what the code needs is put into the package.


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """The function that the code becomes."""

    name: str
    namespace: str = DEFAULT_NAMESPACE
    configuration: Configuration
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    built: tuple[tuple[str, Path], ...] = ()  #: Layers that are made of folders, by name.
    entry_file: str = ""  #: What exports the application, where a component starts its server.


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter that a path declares: a header, one of the query, or a part of the path."""

    name: str
    position: str = "QUERY"
    required: bool = False
    type: str = "string"
    default: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A path of a service of the gateway. `method` is ANY for all."""

    path: str = "/"
    method: str = "ANY"
    name: str = "index"
    description: str = ""
    timeout_s: int = 15
    cors: bool = False
    qualifier: str = DEFAULT
    integrated: bool = True
    base64: bool = False
    #: Bodies go as base64 only where a header (Accept, Content_Type) has one of these values.
    base64_rules: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The service of the gateway before the function."""

    service_id: str = ""
    service_name: str = "serverless"
    description: str = ""
    protocol: str = "http"
    environment: str = "release"
    endpoints: tuple[Endpoint, ...] = (Endpoint(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A trigger that calls by the clock."""

    name: str
    cron: str
    enabled: bool = True
    argument: str = ""
    qualifier: str = DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A URL of the function's own."""

    name: str
    intranet: bool = True
    extranet: bool = True
    cors: str = ""  #: `CorsConfig` as the API has it, in JSON; empty where nothing is said.
    enabled: bool = True
    qualifier: str = DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Calls that meet the expression get the version."""

    version: str
    key: str
    method: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """An alias as it should be; ours, like rules and rollouts."""

    name: str
    version: str = PUBLISHED
    weights: tuple[tuple[str, float], ...] = ()
    rules: tuple[Rule, ...] = ()
    sticky: str = ""
    split: str = "exact"
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How an alias goes to what a deploy publishes, instead of at once."""

    alias: str
    plan: Ramp
    guards: tuple[str, ...] = ()
    bake_s: float | None = None
    on_worse: str = "rollback"
    budget_failures: int | None = None
    budget_keys: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the components' `publish` and `traffic` ask for.

    `latest` is the share of `$LATEST` in `$DEFAULT`; the rest is that of the version published
    last. None leaves `$DEFAULT` alone. Where aliases follow what is published it is the share of
    that in them, and `$DEFAULT` is left alone.
    """

    publish: bool = False
    latest: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project's file, read and found sound."""

    file: Path
    component: str
    name: str
    app: str
    stage: str
    org: str
    source: Source
    function: Function
    gateway: Gateway | None = None
    timers: tuple[Timer, ...] = ()
    urls: tuple[Url, ...] = ()
    traffic: Traffic = field(default_factory=Traffic)
    aliases: tuple[Alias, ...] = ()
    rollout: Rollout | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def publishes(self) -> bool:
        """Whether a deploy makes a version of what it deployed."""
        wanted = any(PUBLISHED in named(alias) for alias in self.aliases)
        return self.traffic.publish or wanted or self.rollout is not None


def follows(alias: Alias) -> bool:
    """Tell whether an alias just goes to whatever is published."""
    return alias.version == PUBLISHED and not alias.weights and not alias.rules


def named(alias: Alias) -> frozenset[str]:
    """Return every version that an alias should lead to, as it is named in the file."""
    weighted = {version for version, _ in alias.weights}
    return frozenset({alias.version, *weighted, *(rule.version for rule in alias.rules)})


def is_event(function: Function) -> bool:
    """Tell whether calls are events, and not exchanges of HTTP."""
    return function.configuration.type == EVENT
