"""CORS: what pages of other origins may do, from a configuration and a request's headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Headers = Sequence[tuple[str, str]]

ANY = "*"
SAID = "access-control-"  #: What the headers begin with in which a server says what is allowed.
#: The answer differs with these headers of the request, so a cache must not mix them up.
VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Who may read answers, and send what; empty methods or headers mean every one."""

    origins: Sequence[str] = (ANY,)
    methods: Sequence[str] = ()
    headers: Sequence[str] = ()
    expose_headers: Sequence[str] = ()
    max_age_s: int = 0
    credentials: bool = False

    def admits(self, origin: str) -> bool:
        """Tell whether pages of an origin are among those that may."""
        return bool(origin) and (ANY in self.origins or origin in self.origins)


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a browser asks if it may ask; header names are lower-case."""
    return method == "OPTIONS" and "origin" in headers and _ASKED_METHOD in headers


def preflight(cors: Cors, headers: Mapping[str, str]) -> Headers:
    """Return the headers that answer a preflight; what is not allowed is not in them.

    The status is 204 either way: a browser goes by the headers (https://fetch.spec.whatwg.org).
    """
    origin, method = headers.get("origin", ""), headers.get(_ASKED_METHOD, "")
    asked = [name.strip() for name in headers.get(_ASKED_HEADERS, "").split(",") if name.strip()]
    if not cors.admits(origin) or not _among(method, cors.methods):
        return [("vary", VARY)]
    if not all(_among(name.lower(), [one.lower() for one in cors.headers]) for name in asked):
        return [("vary", VARY)]
    said = [*_allowed(cors, origin), (f"{SAID}allow-methods", method)]
    if asked:
        said.append((f"{SAID}allow-headers", ", ".join(asked)))
    if cors.max_age_s:
        said.append((f"{SAID}max-age", str(cors.max_age_s)))
    return [*said, ("vary", VARY)]


def answered(cors: Cors, headers: Mapping[str, str], answer: Headers) -> Headers:
    """Return the headers of an answer with what the configuration says in place of its own."""
    kept = [(name, value) for name, value in answer if not name.lower().startswith(SAID)]
    return [*kept, *sent_along(cors, headers)]


def sent_along(cors: Cors, headers: Mapping[str, str]) -> Headers:
    """Return the headers that an answer to a request carries beside its own."""
    origin = headers.get("origin", "")
    if not cors.admits(origin):
        return [("vary", "Origin")]
    said = [*_allowed(cors, origin), ("vary", "Origin")]
    if cors.expose_headers:
        said.append((f"{SAID}expose-headers", ", ".join(cors.expose_headers)))
    return said


_ASKED_METHOD = f"{SAID}request-method"
_ASKED_HEADERS = f"{SAID}request-headers"


def _allowed(cors: Cors, origin: str) -> list[tuple[str, str]]:
    """Return who may read: by name where credentials are sent, for `*` is not believed then."""
    everybody = ANY in cors.origins and not cors.credentials
    said = [(f"{SAID}allow-origin", ANY if everybody else origin)]
    if cors.credentials:
        said.append((f"{SAID}allow-credentials", "true"))
    return said


def _among(name: str, allowed: Sequence[str]) -> bool:
    return not allowed or ANY in allowed or name in allowed
