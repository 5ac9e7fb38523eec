"""Service: what the gateway serves; its APIs are edited here, and callers meet released ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from huidu.model.function import FunctionName

#: In this order they are listed; there are no others (document 628/11809).
TEST, PREPUB, RELEASE = "test", "prepub", "release"
ENVIRONMENTS = (TEST, PREPUB, RELEASE)

ANY = "ANY"
#: What an API may be asked for by (document 628, front end).
METHODS = (ANY, "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE")
NO_AUTH, SECRET = "NONE", "SECRET"
HEADER, QUERY, PATH = "HEADER", "QUERY", "PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a request that an API declares; only these are in the event by name."""

    name: str
    position: str  #: `HEADER`, `QUERY` or `PATH`.
    required: bool = False
    default: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What an API calls. The qualifier is kept as a name, so that an alias moves without us."""

    function: FunctionName
    qualifier: str
    integrated: bool = False  #: Whether the function says status, headers and body itself.
    web: bool = False  #: Whether the function is of Type HTTP, as the API was told.


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A path and a method of a service, and what is called there."""

    id: str
    service_id: str
    name: str
    path: str  #: As configured: `/user`, `=/user`, `^~/user`, `/user/{id}`, ...
    method: str
    backend: Backend
    timeout_s: int
    auth: str = NO_AUTH
    cors: bool = False
    parameters: tuple[Parameter, ...] = ()
    constants: tuple[Parameter, ...] = ()
    base64: bool = False  #: Whether the function gets bodies in base64,
    base64_rules: tuple[tuple[str, tuple[str, ...]], ...] = ()  #: and for which headers only.
    description: str = ""
    settings: tuple[tuple[str, str], ...] = ()  #: What is kept and given back, each as JSON text.
    added_at: float = 0.0
    modified_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A released version: the APIs of a service as they were at one moment. Nothing changes it."""

    service_id: str
    name: str
    description: str
    apis: tuple[Api, ...]
    protocol: str
    released_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """APIs that are released together, under addresses of their own."""

    id: str
    name: str
    protocol: str  #: `http`, `https` or `http&https`.
    description: str = ""
    net_types: tuple[str, ...] = ("OUTER",)
    settings: tuple[tuple[str, str], ...] = ()  #: What is kept and given back, each as JSON text.
    online: Mapping[str, str] = field(default_factory=dict)  #: By environment, what is released.
    added_at: float = 0.0
    modified_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Served:
    """A service as callers meet it: what is released in each environment that is online."""

    service_id: str
    releases: Mapping[str, Release]
