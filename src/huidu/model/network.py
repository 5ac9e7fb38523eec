"""Network: what a function reaches of the world, decided from all who have a say in it."""

from __future__ import annotations

import json

from huidu.model.errors import InvalidValue
from huidu.model.function import Configuration

NONE, EGRESS, HOST = "none", "egress", "host"
BEST = "best"  #: As a setting: `egress` where the machine allows it, else `none`.
ENABLE, DISABLE = "ENABLE", "DISABLE"
FIELD, STATUS = "public_net_config", "PublicNetStatus"


def of_server(setting: str, hindrance: str) -> str:
    """Return what functions reach that ask for nothing else.

    `hindrance` is what keeps this machine from `egress`; nothing where that works.
    """
    if setting == BEST:
        return NONE if hindrance else EGRESS
    return setting


def of_instance(servers: str, *, online: bool) -> str:
    """Return what an instance reaches: what the server allows, or nothing."""
    return servers if online else NONE


def is_online(configuration: Configuration) -> bool:
    """Tell whether a version asks for a network: it does where it says nothing of it."""
    text = dict(configuration.settings).get(FIELD, "{}")
    read = json.loads(text)
    return not isinstance(read, dict) or read.get(STATUS, ENABLE) != DISABLE


def check(text: str) -> None:
    """Raise `InvalidValue` unless this is a `PublicNetConfig`, as JSON, that we can act on."""
    read = json.loads(text)
    status = read.get(STATUS, ENABLE) if isinstance(read, dict) else None
    if status not in (ENABLE, DISABLE):
        raise InvalidValue(
            "PublicNetConfig",
            f"PublicNetConfig {text[:80]}: must be an object whose {STATUS} is {ENABLE} or "
            f"{DISABLE}",
        )
