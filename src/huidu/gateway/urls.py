"""URLs: what a function URL demands of a request before it reaches the function."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from huidu.gateway import cors
from huidu.gateway.cors import Cors
from huidu.model.trigger import Trigger

PREFIX = "/url/"
#: `<appid>-<urlid>.<anything>`: the host form of a URL (D-46); the AppId may be any number.
HOST = re.compile(r"[0-9]+-([0-9a-z]{12})\.[^:]+(?::[0-9]*)?", re.IGNORECASE)

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request leads: the id of a URL, the path below it, and the part of the path above."""

    url_id: str
    path: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a URL demands."""

    from_inside: bool  #: Whether it answers clients with an address of a private network.
    from_outside: bool
    cors: Cors | None


def address_of(path: str, host: str) -> Address | None:
    """Return where a request leads, by its host or its path, or None where it is no URL's."""
    if found := HOST.fullmatch(host):
        return Address(found[1].lower(), path, "")
    if not path.startswith(PREFIX):
        return None
    url_id, _, rest = path.removeprefix(PREFIX).partition("/")
    return Address(url_id, f"/{rest}", f"{PREFIX}{url_id}")


@lru_cache(maxsize=4096)
def demands(definition: str) -> Demands:
    """Read what a URL's definition demands; it was checked when it was made."""
    said = json.loads(definition)
    net, pages = said.get("NetConfig", {}), said.get("CorsConfig", {})
    allowed = Cors(
        origins=tuple(pages.get("Origins", ("*",))),
        methods=tuple(pages.get("Methods", ())),
        headers=tuple(pages.get("Headers", ())),
        expose_headers=tuple(pages.get("ExposeHeaders", ())),
        max_age_s=pages.get("MaxAge", 0),
        credentials=pages.get("Credentials", False),
    )
    return Demands(
        from_inside=net.get("EnableIntranet", True),
        from_outside=net.get("EnableExtranet", True),
        cors=allowed if pages.get("Enable") else None,
    )


def refusal(trigger: Trigger, source_ip: str) -> str:
    """Return why a client may not call a URL from where it is, or nothing."""
    asked = demands(trigger.definition)
    inside = is_inside(source_ip)
    if inside and not asked.from_inside:
        return "this URL is closed to private networks (EnableIntranet)"
    if not inside and not asked.from_outside:
        return "this URL is closed to the internet (EnableExtranet)"
    return ""


@lru_cache(maxsize=4096)
def is_inside(source_ip: str) -> bool:
    """Tell whether an address is of a private network or of this machine; nobody's is not."""
    try:
        address = ip_address(source_ip)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_private


def preflight(trigger: Trigger, method: str, headers: Mapping[str, str]) -> Headers | None:
    """Return the headers that answer a preflight, or None where the function is to be asked."""
    allowed = demands(trigger.definition).cors
    if allowed is None or not cors.is_preflight(method, headers):
        return None
    return cors.preflight(allowed, headers)


def dressing(trigger: Trigger, headers: Headers) -> Callable[[Headers], Headers]:
    """Return what makes the headers of an answer those that the URL has."""
    allowed = demands(trigger.definition).cors
    if allowed is None:
        return lambda answer: answer
    asked = dict(headers)
    return lambda answer: cors.answered(allowed, asked, answer)
