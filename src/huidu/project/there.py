"""There: what a server has of a project's function at the moment, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huidu.model.function import Configuration
from huidu.model.names import DEFAULT, LATEST
from huidu.model.routing import weight_of
from huidu.model.split import WHOLE
from huidu.project.declared import Endpoint, Rule

PYTHON = "Python"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionThere:
    """A published version. Versions of equal digest are equal in code and configuration."""

    number: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasThere:
    """An alias as it is. `moved` says who moved it last, when and why, where that is known."""

    name: str
    version: str
    revision: int
    weights: tuple[tuple[str, float], ...] = ()
    rules: tuple[Rule, ...] = ()
    sticky: str = ""
    split: str = "exact"
    description: str = ""
    moved: str = ""
    by: str = ""  #: The rollout that it was, if it was one.
    rollout: str = ""  #: The rollout that moves it just now,
    rolling_to: str = ""  #: and the version that it moves it to.

    @property
    def shares(self) -> Mapping[str, float]:
        """Which share of the calls each version has that it names, the main one first."""
        given = sum(weight_of(share) for _, share in self.weights)
        return {self.version: (WHOLE - given) / WHOLE, **dict(self.weights)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerThere:
    """A trigger of the function; `definition` is its JSON as it is read back."""

    name: str
    type: str
    definition: str
    enabled: bool
    qualifier: str
    argument: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionThere:
    """The function: its `$LATEST`, and what was published of it, the oldest first."""

    configuration: Configuration
    code_sha256: str
    digest: str
    description: str = ""
    versions: tuple[VersionThere, ...] = ()
    aliases: tuple[AliasThere, ...] = ()
    triggers: tuple[TriggerThere, ...] = ()

    @property
    def last(self) -> VersionThere | None:
        """The version that was published last."""
        return self.versions[-1] if self.versions else None

    @property
    def share_of_latest(self) -> float:
        """The share of `$LATEST` in `$DEFAULT`, which the components call traffic."""
        alias = self.alias(DEFAULT)
        return alias.shares.get(LATEST, 0.0) if alias else 1.0

    def alias(self, name: str) -> AliasThere | None:
        """Return the alias of a name."""
        return next((alias for alias in self.aliases if alias.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiThere:
    """An API of the service as it is edited, and the function that it calls."""

    id: str
    function: str
    namespace: str
    endpoint: Endpoint
    modified: str = ""  #: When, as the API writes it: of two such texts the greater one is later.


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceThere:
    """The service of the gateway; `online` is the released version of each environment."""

    id: str
    name: str
    protocol: str
    description: str = ""
    apis: tuple[ApiThere, ...] = ()
    online: tuple[tuple[str, str], ...] = ()
    urls: tuple[tuple[str, str], ...] = ()  #: By environment, of those that are online;
    since: tuple[tuple[str, str], ...] = ()  #: and since when what is there is.


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerThere:
    """The newest version of a layer."""

    name: str
    number: int
    sha256: str
    runtimes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeThere:
    """What runs the function; nothing is said of it where its server does not tell."""

    language: str = ""
    version: str = ""
    note: str = ""  #: A sentence, where that is not what its runtime is called.

    @property
    def python(self) -> str:
        """The version of Python; empty for another language."""
        return self.version if self.language == PYTHON else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """All that a plan has to know. None stands for what is not there."""

    function: FunctionThere | None = None
    service: ServiceThere | None = None
    layers: tuple[LayerThere, ...] = ()  #: Of those that the project makes of folders.


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What the last deploy of a project left behind: by it is known who came since."""

    digest: str  #: Of `$LATEST`.
    revisions: tuple[tuple[str, int], ...] = ()  #: Of each alias.
    online: tuple[tuple[str, str], ...] = ()


def left_by(there: There) -> Left | None:
    """Return what is to be remembered of a server after a deploy."""
    if there.function is None:
        return None
    return Left(
        digest=there.function.digest,
        revisions=tuple((alias.name, alias.revision) for alias in there.function.aliases),
        online=there.service.online if there.service else (),
    )
