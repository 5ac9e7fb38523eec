"""Service: what the gateway serves; its APIs are edited here, and callers meet released ones."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import re2  # linear in the length of the path, whatever the expression

from huidu.model.errors import InvalidValue
from huidu.model.function import FunctionName

#: In this order they are listed; there are no others (document 628/11809).
TEST, PREPUB, RELEASE = "test", "prepub", "release"
ENVIRONMENTS = (TEST, PREPUB, RELEASE)

ANY = "ANY"
#: What an API may be asked for by (document 628, front end).
METHODS = (ANY, "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE")
NO_AUTH, SECRET = "NONE", "SECRET"
HEADER, QUERY, PATH = "HEADER", "QUERY", "PATH"
HTTP, HTTPS, BOTH = "http", "https", "http&https"
PROTOCOLS = (HTTP, HTTPS, BOTH)
NET_TYPES = ("OUTER", "INNER")

MOST_NAME, MOST_API_NAME, MOST_PATH, MOST_TEXT = 50, 60, 1024, 1000
MOST_STEPS = 4000  #: Of an expression: each is looked at for each letter of a path, at worst.
MOST_TIMEOUT_S = 1800
MOST_BASE64_RULES = 10
BASE64_NAMES = ("Accept", "Content_Type")

ID_LETTERS = string.ascii_lowercase + string.digits
ID_LENGTH = 8
PATH_FORM = re.compile(r"(?:=|\^~)?/[^\s#]*")
LITERAL = ("=", "^~")  #: With one of these before it, a path is nothing but text.
QUERY_FORM = re.compile(r"\?\w+=")
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  #: What HTTP takes for the name of a header,
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  #: and what it takes for no part of a value.
QUANTIFIER = re.compile(r"(?<=[\])\w.])\{\d+(?:,\d*)?\}")
#: What is no expression is told to whoever sent it, and not to the log.
QUIET = re2.Options()
QUIET.log_errors = False
QUIET.max_mem = 1 << 20  #: Bytes; what is taken here must be what can be read once it is released.


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a request that an API declares; only these are in the event by name."""

    name: str
    position: str  #: `HEADER`, `QUERY` or `PATH`.
    type: str = "string"  #: What its value is said to be; not held against it.
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
    trigger: str = ""  #: The name that it has as a trigger, where `CreateTrigger` made it.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where a released version meets callers, or met them last."""

    service_id: str
    name: str
    release: str  #: The version that is there; offline, the one that was there last.
    online: bool
    changed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A line of the history of an environment: what was done to it, by whom and why."""

    service_id: str
    environment: str
    release: str
    action: str
    description: str
    who: str
    at: float
    moved: tuple[str, ...] = ()  #: The aliases that moved with it, each in words.


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """An API of what is online, and where that is."""

    service_id: str
    environment: str
    api_id: str


@dataclass(frozen=True, slots=True)
class Served:
    """A service as callers meet it: what is released in each environment that is online."""

    service_id: str
    releases: Mapping[str, Release]


def new_id(kind: str, draw: Callable[[], float]) -> str:
    """Return an id as the cloud makes them: `service-` or `api-`, and eight letters or digits."""
    drawn = (ID_LETTERS[int(draw() * len(ID_LETTERS))] for _ in range(ID_LENGTH))
    return f"{kind}-{''.join(drawn)}"


def check_environment(name: str) -> str:
    """Return the name of an environment, or raise `InvalidValue`."""
    if name not in ENVIRONMENTS:
        hint = "; what others call dev is test" if name.lower() == "dev" else ""
        raise InvalidValue(
            "InvalidEnv",
            f"EnvironmentName {name[:40]!r}: must be one of release, prepub, test "
            f"(取值范围为（release, prepub, test）){hint}",
        )
    return name


def check_method(method: str) -> str:
    """Return a method in upper case, or raise `InvalidValue`."""
    if method.upper() not in METHODS:
        raise InvalidValue(
            "InvalidMethod", f"Method {method[:40]!r}: must be one of {', '.join(METHODS)}"
        )
    return method.upper()


def check_path(path: str) -> str:
    """Return the path of an API, or raise `InvalidValue`."""
    if not PATH_FORM.fullmatch(path) or len(path) > MOST_PATH or not path.isprintable():
        raise _bad_path(path, f"/user, =/user, ^~/user or /user/{{id}}, up to {MOST_PATH} letters")
    if QUERY_FORM.search(path):
        raise _bad_path(path, "a query is no part of a path; declare its parameters")
    if path.startswith(LITERAL):
        return path
    names, expression = placeholders(path), PLACEHOLDER.sub("([^/]+)", path)
    if re.search(r"[{}]", QUANTIFIER.sub("", expression)):
        raise _bad_path(path, "a parameter reads {name}: letters, digits, - and _")
    if len(set(names)) < len(names):
        raise _bad_path(path, "a parameter is named twice")
    try:
        size = re2.compile(expression, QUIET).programsize
    except re2.error as error:
        raise _bad_path(path, f"is no expression that RE2 knows: {error}") from None
    if size > MOST_STEPS:
        raise _bad_path(path, f"is an expression of {size} steps, at most {MOST_STEPS} are allowed")
    return path


def _bad_path(path: str, right: str) -> InvalidValue:
    return InvalidValue("InvalidApiRequestConfig", f"Path {path[:80]!r}: {right}")


def placeholders(path: str) -> tuple[str, ...]:
    """Return the names of the parameters that a path holds."""
    return () if path.startswith(LITERAL) else tuple(PLACEHOLDER.findall(path))


def sub_domain(service_id: str, appid: str, region: str) -> str:
    """Return the host by which a service is known; its region is spelled as the gateway does."""
    short = SHORT_REGIONS.get(region, region)
    return f"{service_id}-{appid}.{short}.apigw.tencentcs.com"


#: Document 628/11787.
SHORT_REGIONS = {
    "ap-beijing": "bj",
    "ap-chengdu": "cd",
    "ap-chongqing": "cq",
    "ap-guangzhou": "gz",
    "ap-hongkong": "hk",
    "ap-nanjing": "nj",
    "ap-shanghai": "sh",
    "ap-singapore": "sg",
}
