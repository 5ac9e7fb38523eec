"""Web: what a configuration says of a web function beyond what it says of every function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from huidu.model.errors import InvalidValue
from huidu.model.function import WEB, Configuration

BOOTSTRAP = "scf_bootstrap"  #: The file of the package that starts the server.
PORT = 9000
MOST_CONCURRENCY = 100
#: The documents say 10 to 7200 seconds, the SDK 1 to 1800: whatever either allows.
LEAST_IDLE_S, MOST_IDLE_S, IDLE_S = 1, 7200, 600
WEBSOCKET = "WS"

CONCURRENCY, PROTOCOL, PARAMETERS = (
    "instance_concurrency_config",
    "protocol_type",
    "protocol_params",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """How a web function is served."""

    concurrency: int = 1  #: Exchanges on one instance at a time.
    idle_s: int | None = None  #: How long a WebSocket may be silent; None where it takes none.


NOT_WEB = Web()


def is_web(configuration: Configuration) -> bool:
    """Tell whether calls are HTTP exchanges with a server."""
    return configuration.type == WEB


def web(configuration: Configuration) -> Web:
    """Return how a function is served, or raise `InvalidValue` for a setting that cannot be."""
    settings = {
        name: json.loads(text)
        for name, text in configuration.settings
        if name in (CONCURRENCY, PROTOCOL, PARAMETERS)
    }
    if not is_web(configuration):
        return _none_of(settings)
    return Web(
        concurrency=_concurrency(_fields("InstanceConcurrencyConfig", settings.get(CONCURRENCY))),
        idle_s=_idle_s(settings.get(PROTOCOL) or "", settings.get(PARAMETERS)),
    )


def _none_of(settings: Mapping[str, object]) -> Web:
    if settings.get(CONCURRENCY):
        raise InvalidValue(
            "InstanceConcurrencyConfig",
            "InstanceConcurrencyConfig: is for functions of Type HTTP; others run one call at a "
            "time in an instance",
        )
    if settings.get(PROTOCOL):
        raise InvalidValue("ProtocolType", "ProtocolType: is for functions of Type HTTP")
    return NOT_WEB


def _fields(name: str, given: object) -> Mapping[str, object]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidValue(name, f"{name}: must be an object")
    return given


def _concurrency(given: Mapping[str, object]) -> int:
    dynamic, most = given.get("DynamicEnabled"), given.get("MaxConcurrency")
    if str(dynamic or "FALSE").upper() != "FALSE":
        raise InvalidValue(
            "InstanceConcurrencyConfig",
            f"InstanceConcurrencyConfig: DynamicEnabled {str(dynamic)[:20]!r}: must be FALSE, with "
            f"MaxConcurrency 1 to {MOST_CONCURRENCY}",
        )
    if most is None:
        return 1
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MOST_CONCURRENCY:
        raise InvalidValue(
            "InstanceConcurrencyConfig",
            f"InstanceConcurrencyConfig: MaxConcurrency {str(most)[:20]}: must be 1 to "
            f"{MOST_CONCURRENCY}",
        )
    return most


def _idle_s(protocol: object, parameters: object) -> int | None:
    if not protocol:
        return None
    if protocol != WEBSOCKET:
        raise InvalidValue(
            "ProtocolType",
            f"ProtocolType {str(protocol)[:20]!r}: must be {WEBSOCKET}, or be left out",
        )
    given = _fields("ProtocolParams", parameters).get("WSParams")
    wanted = _fields("ProtocolParams", given).get("IdleTimeOut")
    if wanted is None:
        return IDLE_S
    if type(wanted) is not int or not LEAST_IDLE_S <= wanted <= MOST_IDLE_S:
        raise InvalidValue(
            "ProtocolParams",
            f"ProtocolParams: WSParams: IdleTimeOut {str(wanted)[:20]}: must be {LEAST_IDLE_S} to "
            f"{MOST_IDLE_S} seconds",
        )
    return wanted
