"""Settings: what an operator may choose, and where the choice comes from."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from huidu.model import names
from huidu.model.errors import InvalidValue
from huidu.model.quota import Quota
from huidu.model.standing import most_provisioned
from huidu.model.window import Freeze, Window, freeze_of, window_of

FILE = "huidu.toml"
PREFIX = "HUIDU_"
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,252})?")
NONE = "none"
PORT = re.compile(r"[0-9]{1,5}")
LEAST_WAITING = 100  #: With less room to wait, one process alone answers at the gateway.
CORES_EACH = 4  #: For so many cores, one more process answers at the gateway.
T = TypeVar("T")
ALIKE = 0.7  #: From when on a variable is taken for a setting that somebody misspelt.


class Unsettled(Exception):
    """A setting has a value that cannot be; the message names it and says what can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each field is an option of `huidu serve`, a `HUIDU_*` variable and a key of `huidu.toml`."""

    data: str = "./.huidu"  #: Where everything is kept.
    api: str = "127.0.0.1:9000"  #: Where the API listens; port 0 picks a free one.
    gateway: str = "127.0.0.1:9001"  #: Where functions are called over HTTP.
    gateway_processes: int = 1  #: That answer there; 0: as the processor's cores allow.
    zone: str = "Asia/Shanghai"  #: The time zone of times in requests and answers.
    default_qualifier: str = names.DEFAULT  #: What `Invoke` calls where no qualifier is given.
    max_additional_versions: int = 1  #: Beside the main one of an alias: 1 to 3.
    max_functions: int = 10_000  #: In a namespace.
    max_versions: int = 1000  #: Of a function.
    max_aliases: int = 100  #: Of a function.
    max_services: int = 1000  #: Of the gateway.
    max_apis: int = 100  #: Of a service.
    max_instances: int = 200  #: On this machine, over all functions.
    max_mirrors: int = 4  #: Instances beside these, for copies of calls; 0: none are made.
    max_waiting: int = 1000  #: Calls that may wait for an instance of one version.
    max_connections: int = 16_384  #: To the gateway at once; the API has room for an eighth.
    idle_s: float = 60.0  #: How long an instance that nobody calls is kept.
    max_age_s: float = 6 * 3600.0  #: How old an instance may be; inf for no limit.
    warm_s: float = 3.0  #: How long a move of an alias waits for instances of who is new to it.
    max_unpacked_mb: int = 10_240  #: Of unpacked code, what is in use not counted out.
    max_object_mb: int = 64  #: Of one object that is uploaded for a package to be made of.
    keep_objects_s: float = 86_400.0  #: How long one is kept where its bucket says nothing.
    keep_records_s: float = 15 * 86_400.0  #: How long the record of a call is kept.
    keep_events_s: float = 400 * 86_400.0  #: How long what happened is kept.
    webhook_allow: str = "none"  #: What webhooks may reach though it is refused, as CIDRs.
    webhook_retry_s: float = 86_400.0  #: How long a delivery is tried before it is given up.
    webhook_timeout_s: float = 10.0  #: How long a receiver may take to answer.
    release_windows: str = "none"  #: When rollouts may give more calls, divided by semicolons.
    release_freezes: str = "none"  #: When they may not, likewise.
    keep_logs_s: float = 15 * 86_400.0  #: How long what a function prints is kept.
    max_logs_mb: int = 2048  #: Of what functions print, on the disk; the oldest goes first.
    max_log_kb_s: int = 512  #: What one function may print per second in the long run, to be kept.
    max_queued: int = 100_000  #: Asynchronous events of one function that may wait.
    event_retry_s: float = 60.0  #: Between attempts at one that failed by its function's doing.
    max_dead: int = 10_000  #: Of a function, those that were given up and are kept.
    keep_dead_s: float = 14 * 86_400.0  #: How long.
    tier: str = "best"  #: What is put around functions: best for what works here, or its name.
    require_tier: str = "none"  #: Do not start with less than this around functions.
    network: str = "best"  #: What functions reach in a sandbox: egress, none, host, or best.
    network_allow: str = "none"  #: What functions reach beside the internet, as CIDRs.
    trusted_proxies: str = "none"  #: Whose X-Forwarded-For and -Proto are believed, as CIDRs.
    otlp_endpoint: str = "none"  #: The collector that is told of calls, as http://HOST:4318.
    otlp_headers: str = "none"  #: What the collector is sent with it, as name=value, name=value.
    otlp_signals: str = "traces, metrics, logs"  #: What it is told.
    trace_ratio: float = 1.0  #: How many of the traces that begin here are kept, 0 to 1.
    console_hosts: str = "none"  #: Names under which the console is opened beside localhost.
    console_idle_s: float = 3600.0  #: How long somebody stays signed in who does nothing.
    console_session_s: float = 43_200.0  #: How long at most.
    log_level: str = "info"  #: debug, info, warning or error.

    def __post_init__(self) -> None:
        if not self.data:
            raise Unsettled("data: must name a directory, as in ./.huidu")
        for name in ("api", "gateway"):
            address(name, getattr(self, name))
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:  # OSError: the name of a folder of zones
            raise Unsettled(f"zone {self.zone!r}: no such time zone; say Asia/Shanghai") from error
        if self.default_qualifier not in (names.DEFAULT, names.LATEST):
            raise Unsettled(f"default_qualifier: must be {names.DEFAULT} or {names.LATEST}")
        if self.log_level not in LEVELS:
            raise Unsettled(f"log_level {self.log_level!r}: must be one of {', '.join(LEVELS)}")
        self._check_sandbox()
        self.proxies()
        self.hosts()
        self.windows()
        self.freezes()
        self._check_export()
        for name, least in LEAST.items():
            if not getattr(self, name) >= least:  # not a number is not either
                raise Unsettled(f"{name} {getattr(self, name)}: must be {least} or more")
        if self.gateway_processes > 1 and self.max_waiting < LEAST_WAITING:
            raise Unsettled(
                f"gateway_processes {self.gateway_processes}: with max_waiting {self.max_waiting} "
                f"there can be one; calls wait for what another process has: say {LEAST_WAITING} "
                "or more"
            )
        try:
            self.quota()
        except ValueError as error:
            raise Unsettled(str(error)) from error

    def processes(self) -> int:
        """Return how many processes answer at the gateway: most cores are for functions."""
        if self.max_waiting < LEAST_WAITING:
            return 1
        return self.gateway_processes or 1 + len(os.sched_getaffinity(0)) // CORES_EACH

    def _check_sandbox(self) -> None:
        tiers = ", ".join(TIERS)
        if self.tier not in ("best", *TIERS):
            raise Unsettled(f"tier {self.tier!r}: must be best or one of {tiers}")
        if self.require_tier not in TIERS:
            raise Unsettled(f"require_tier {self.require_tier!r}: must be one of {tiers}")
        if self.network not in NETWORKS:
            raise Unsettled(f"network {self.network!r}: must be {', '.join(NETWORKS)}")
        self.allowed()
        self.webhooks_allowed()

    def _check_export(self) -> None:
        endpoint = urlsplit(self.otlp_endpoint)
        if self.otlp_endpoint != NONE and not (
            endpoint.scheme in ("http", "https") and endpoint.hostname and not endpoint.query
        ):
            raise Unsettled(
                f"otlp_endpoint {self.otlp_endpoint!r}: must read http://HOST:PORT, or {NONE}"
            )
        if not self.trace_ratio <= 1:
            raise Unsettled(f"trace_ratio {self.trace_ratio}: must be 0 to 1")
        unknown = self.signals() - set(SIGNALS)
        if unknown:
            raise Unsettled(
                f"otlp_signals: {', '.join(sorted(unknown))}: must be of {', '.join(SIGNALS)}"
            )
        self.sent_along()

    def signals(self) -> frozenset[str]:
        """Return what `otlp_signals` names."""
        return frozenset(self.otlp_signals.replace(",", " ").split())

    def sent_along(self) -> Mapping[str, str]:
        """Return the headers that `otlp_headers` names, as OpenTelemetry's variable writes them."""
        text = "" if self.otlp_headers == NONE else self.otlp_headers
        found: dict[str, str] = {}
        for one in filter(None, map(str.strip, text.split(","))):
            name, _, value = one.partition("=")
            if not HEADER.fullmatch(name.strip()) or not value.strip():
                raise Unsettled("otlp_headers: must read name=value, name=value, or none")
            found[name.strip()] = unquote(value.strip())
        return found

    def allowed(self) -> tuple[IPv4Network, ...]:
        """Return what `network_allow` names."""
        try:
            words = self.network_allow.replace(",", " ").split()
            return tuple(IPv4Network(word) for word in words if word != "none")
        except ValueError as error:
            raise Unsettled(
                f"network_allow: {error}; name IPv4 networks, as in 10.0.8.0/24, 192.168.1.5"
            ) from error

    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return what `trusted_proxies` names."""
        return self._networks("trusted_proxies", "127.0.0.1, 10.0.0.0/8, fd00::/8")

    def webhooks_allowed(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return what `webhook_allow` names."""
        return self._networks("webhook_allow", "127.0.0.1, fd00:1::/64")

    def hosts(self) -> tuple[str, ...]:
        """Return what `console_hosts` names."""
        words = self.console_hosts.replace(",", " ").lower().split()
        for word in words:
            if not HOST.fullmatch(word):
                raise Unsettled(
                    f"console_hosts {word!r}: is no name of a host; say huidu.example.com, without "
                    "https:// and without a port"
                )
        return tuple(word for word in words if word != NONE)

    def windows(self) -> tuple[Window, ...]:
        """Return what `release_windows` names."""
        return self._hours("release_windows", window_of)

    def freezes(self) -> tuple[Freeze, ...]:
        """Return what `release_freezes` names."""
        return self._hours("release_freezes", freeze_of)

    def _hours(self, name: str, read: Callable[[str, tzinfo], T]) -> tuple[T, ...]:
        text, zone = str(getattr(self, name)), ZoneInfo(self.zone)
        words = [] if text == NONE else [one.strip() for one in text.split(";")]
        try:
            return tuple(read(word, zone) for word in words if word)
        except InvalidValue as error:
            raise Unsettled(f"{name}: {error.message}") from error

    def _networks(self, name: str, such_as: str) -> tuple[IPv4Network | IPv6Network, ...]:
        try:
            words = str(getattr(self, name)).replace(",", " ").split()
            return tuple(ip_network(word) for word in words if word != "none")
        except ValueError as error:
            raise Unsettled(f"{name}: {error}; name networks, as in {such_as}") from error

    def quota(self) -> Quota:
        """Return how many there may be of each thing."""
        return Quota(
            functions=self.max_functions,
            versions=self.max_versions,
            aliases=self.max_aliases,
            services=self.max_services,
            apis=self.max_apis,
            additional_versions=self.max_additional_versions,
            provisioned=most_provisioned(self.max_instances),
        )


#: The strongest first; `huidu doctor` tells what each is and needs.
TIERS = ("gvisor", "sandbox", "unprivileged", "bwrap", "basic", "none")
NETWORKS = ("best", "egress", "none", "host")
SIGNALS = ("traces", "metrics", "logs")
LEVELS = ("debug", "info", "warning", "error")
LEAST: Mapping[str, float] = {
    "gateway_processes": 0,
    "max_functions": 1,
    "max_versions": 1,
    "max_aliases": 1,
    "max_services": 1,
    "max_apis": 1,
    "max_instances": 1,
    "max_mirrors": 0,
    "max_waiting": 0,
    "max_connections": 8,
    "idle_s": 0,
    "max_age_s": 1,
    "warm_s": 0,
    "max_unpacked_mb": 1,
    "max_object_mb": 1,
    "keep_objects_s": 60,
    "keep_records_s": 0,
    "keep_events_s": 0,
    "webhook_retry_s": 0,
    "webhook_timeout_s": 0.01,
    "keep_logs_s": 1,
    "max_logs_mb": 16,
    "max_log_kb_s": 1,
    "max_queued": 1,
    "event_retry_s": 0,
    "max_dead": 0,
    "keep_dead_s": 0,
    "trace_ratio": 0,
    "console_idle_s": 60,
    "console_session_s": 60,
}
#: `HUIDU_ENDPOINT` and `HUIDU_GATEWAY_URL` are for clients, and may well be set beside a server.
CLIENTS = ("endpoint", "gateway_url")
WORDS: Mapping[type[Any], str] = {str: "a text", int: "a whole number", float: "a number"}
KINDS: Mapping[str, type[Any]] = {field.name: type(field.default) for field in fields(Settings)}


def address(name: str, text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, or raise `Unsettled`."""
    host, _, port = text.rpartition(":")
    if not host or not PORT.fullmatch(port) or int(port) > 65535:  # noqa: PLR2004 - the largest port
        raise Unsettled(f"{name} {text!r}: must read HOST:PORT, as in 127.0.0.1:9000")
    return host.strip("[]"), int(port)


def settle(
    options: Mapping[str, Any], environment: Mapping[str, str], file: Path | None
) -> Settings:
    """Return the settings: the command line over the environment over the file over the defaults.

    Raises `Unsettled` for a key that is not known and for a value that cannot be. A variable that
    is not known may be somebody else's (Kubernetes sets `HUIDU_PORT` beside a service of that
    name), so of these only what looks like a setting is refused.
    """
    chosen = _from_file(file)
    for variable in environment:
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name not in (*KINDS, *CLIENTS) and meant(name):
            raise Unsettled(f"{variable} is no setting{meant(name)}")
    for name in KINDS:
        if PREFIX + name.upper() in environment:
            chosen[name] = environment[PREFIX + name.upper()]
    chosen |= {name: value for name, value in options.items() if value is not None}
    return Settings(**{name: _as(name, value) for name, value in chosen.items()})


def _from_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE)
    if file is None and not path.exists():
        return {}
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Unsettled(f"{path}: {error}") from error
    for name in read:
        if name not in KINDS:
            there = meant(name) or f"; there are {', '.join(sorted(KINDS))}"
            raise Unsettled(f"{path}: {name} is no setting{there}")
    return read


def meant(name: str) -> str:
    """Return a question for whoever wrote a name that is almost that of a setting, or nothing."""
    near = difflib.get_close_matches(name, KINDS, 1, ALIKE)
    return f"; did you mean {near[0]}?" if near else ""


def _as(name: str, value: object) -> Any:  # noqa: ANN401 - of the type of the setting
    """Return a value in the type of its setting; the environment knows only texts."""
    kind = KINDS[name]
    texts = kind is not str and isinstance(value, str)
    whole = kind is float and isinstance(value, int) and not isinstance(value, bool)
    try:
        if type(value) is kind or texts or whole:
            return kind(value)
    except (ValueError, OverflowError):
        pass
    raise Unsettled(f"{name} {value!r}: must be {WORDS[kind]}")


def from_process(options: Mapping[str, Any], file: Path | None) -> Settings:
    """Return the settings of this process."""
    return settle(options, os.environ, file)
