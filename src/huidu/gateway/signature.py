"""Signature: what a caller of an API signed, read and checked without a clock of its own.

The scheme is that of key pairs: document 628/11819, its refusals 628/31717.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

WINDOW_S = 900
NONCE = "x-nonce"
DATES = ("x-date", "date")  #: The first of them that is signed says when.
GMT = "%a, %d %b %Y %H:%M:%S GMT"

#: What a signature may be made by, and what hmac calls it.
DIGESTS = {
    "hmac-sha1": "sha1",
    "hmac-sha256": "sha256",
    "hmac-sha384": "sha384",
    "hmac-sha512": "sha512",
}
MOST_NAMES = 50
SHOWN = 40

PAIR = re.compile(r'\s*([a-z]{1,20})\s*=\s*"([^"]*)"\s*')
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,100}")

UNSIGNED = "HMAC id or signature missing"
MALFORMED = "HMAC authorization format error"
MULTIPLE = "HMAC do not support multiple HTTP header"
NO_DATE = "HMAC signature cannot be verified, a valid date or x-date header is required"
BAD_DATE = (
    "HMAC signature cannot be verified, a valid x-date header is required for HMAC Authentication"
)
LATE = "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication"
WRONG = "HMAC signature does not match"

Headers = Sequence[tuple[str, str]]


class Unproven(Exception):
    """A request does not show who signed it; the message says why, as the cloud words it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a request says of who signed it, and when; nothing of it is believed yet."""

    key_id: str
    digest: str
    signed: str  #: The text that was signed, latin-1 for the bytes on the wire.
    signature: str
    at: float  #: Seconds since the epoch.
    nonce: str  #: Empty where none was signed.


def read(headers: Headers) -> Claim:
    """Read what a request says, or raise `Unproven`. Header names are lower-case.

    A name that was sent twice cannot be signed: what we check would be one of its values and
    what the function reads perhaps the other.
    """
    said = _said(headers)
    if not said.get("id") or not said.get("signature"):
        raise Unproven(UNSIGNED)
    algorithm = said.get("algorithm", "").lower()
    if algorithm not in DIGESTS:
        raise Unproven(f"HMAC algorithm {_plain(algorithm)} not supported")
    values = _values(headers, said.get("headers", "").lower().split())
    moment = next((values[name] for name in DATES if name in values), None)
    if moment is None:
        raise Unproven(NO_DATE)
    return Claim(
        key_id=said["id"],
        digest=DIGESTS[algorithm],
        signed=signing_string(list(values.items())),
        signature=said["signature"],
        at=_at(moment),
        nonce=values.get(NONCE, ""),
    )


def _said(headers: Headers) -> dict[str, str]:
    """Return the parameters of the Authorization header, in whatever order they came."""
    found = [value.strip() for name, value in headers if name == "authorization"]
    if not found:
        raise Unproven(UNSIGNED)
    if len(found) > 1:
        raise Unproven(MULTIPLE)
    scheme, _, rest = found[0].partition(" ")
    if scheme.lower() != "hmac":
        raise Unproven(MALFORMED)
    said: dict[str, str] = {}
    position = 0
    while position < len(rest):
        pair = PAIR.match(rest, position)
        if pair is None or pair[1] in said:
            raise Unproven(MALFORMED)
        said[pair[1]] = pair[2]
        position = pair.end()
        if position < len(rest):
            if rest[position] != ",":
                raise Unproven(MALFORMED)
            position += 1
    return said


def _values(headers: Headers, names: Sequence[str]) -> dict[str, str]:
    """Return the headers that were signed, in the order in which they are listed."""
    if len(names) > MOST_NAMES or len(set(names)) < len(names):
        raise Unproven(MALFORMED)
    values: dict[str, str] = {}
    for name in names:
        if not TOKEN.fullmatch(name):
            raise Unproven(MALFORMED)
        sent = [value for other, value in headers if other == name]
        if not sent:
            raise Unproven(
                NO_DATE
                if name in DATES
                else f"HMAC signature cannot be verified, a valid {name[:SHOWN]} header is required"
            )
        if len(sent) > 1:
            raise Unproven(MULTIPLE)
        values[name] = sent[0].strip(" \t")
    return values


def _at(moment: str) -> float:
    try:
        return datetime.strptime(moment, GMT).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        raise Unproven(BAD_DATE) from None


def _plain(text: str) -> str:
    """Return of what a caller sent as much as may come back to it."""
    return re.sub(r"[^a-z0-9-]", "?", text)[:SHOWN]


def signing_string(values: Headers) -> str:
    """Return what is signed: `name: value` for each header, a line for each."""
    return "\n".join(f"{name}: {value}" for name, value in values)


def check_age(claim: Claim, now: float) -> None:
    """Raise `Unproven` unless a request was signed within 900 seconds from now, either way."""
    if abs(now - claim.at) > WINDOW_S:
        raise Unproven(LATE)


def check(claim: Claim, secret: str) -> None:
    """Raise `Unproven` unless the signature was made with this secret."""
    made = hmac.digest(secret.encode(), claim.signed.encode("latin-1"), claim.digest)
    sent = claim.signature.encode("utf-8", "backslashreplace")
    if not hmac.compare_digest(sent, base64.b64encode(made)):
        raise Unproven(WRONG)
