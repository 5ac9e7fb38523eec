"""Who signed a request to a bucket: `q-sign`, in the header or in the address, checked and made.

https://cloud.tencent.com/document/product/436/7778
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote, urlencode

from huidu.cos.answer import Refused, denied
from huidu.cos.asked import Asked
from huidu.model.role import Role

TIMES = re.compile(r"(?P<start>[0-9]{1,11});(?P<end>[0-9]{1,11})")
ALGORITHM = "sha1"
UNRESERVED = "-_.~"
AHEAD_S = 300  #: How much the clock of whoever signed may be ahead of ours.
FIELDS = (
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
)


class Secrets(Protocol):
    """The secrets that were given out."""

    def secret(self, secret_id: str) -> str | None: ...


class Keys(Secrets, Protocol):
    """The same, and what whoever has one may do."""

    def check(self, secret_id: str, what: str, needs: Role) -> object:
        """Raise `AuthFailure` where who has a key may not do what needs a role."""
        ...


def verify(
    asked: Asked, keys: Secrets, now: float, acts: Sequence[str] = (), heads: Sequence[str] = ()
) -> str:
    """Return the id of whoever signed, or raise `Refused`.

    A parameter of `acts` or a header of `heads` decides what is done, so it counts only where it is
    signed: COS itself would have an address that was made to upload an object also begin an upload
    in parts.
    """
    claim = _claim(asked)
    _check_time(claim["q-sign-time"], now)
    _check_time(claim["q-key-time"], now)
    secret = keys.secret(claim["q-ak"])
    if secret is None:
        raise Refused(403, "InvalidAccessKeyId", f"SecretId {claim['q-ak'][:80]!r} is not known")
    headers, parameters = (_names(claim[name]) for name in ("q-header-list", "q-url-param-list"))
    for name in acts:
        if name in asked.query and _spelled(name).lower() not in parameters:
            raise denied(f"the parameter {name} decides what is done, and must be signed")
    for name in heads:
        if name in asked.headers and name not in headers:
            raise denied(f"the header {name} decides what is done, and must be signed")
    told = _chosen(asked.headers, headers), _chosen(asked.query, parameters)
    text = canonical(asked.method, asked.path, *told)
    good = signature(secret, claim["q-key-time"], claim["q-sign-time"], text)
    if not hmac.compare_digest(good.encode(), claim["q-signature"].encode("utf-8", "replace")):
        raise Refused(
            403,
            "SignatureDoesNotMatch",
            "the signature does not fit the request, which was read as "
            + repr(text.encode("utf-8", "replace").decode()),
        )
    if asked.headers.get("x-cos-security-token") or asked.query.get("x-cos-security-token"):
        raise denied("x-cos-security-token: no temporary credentials are given out here")
    return claim["q-ak"]


def canonical(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """Return what of a request is signed, as one text."""
    return f"{method.lower()}\n{path}\n{_joined(query)}\n{_joined(headers)}\n"


def signature(secret: str, key_time: str, sign_time: str, text: str) -> str:
    """Return the signature of a text that `canonical` made."""
    key = hmac.digest(secret.encode(), key_time.encode(), ALGORITHM).hex()
    digest = hashlib.sha1(text.encode("utf-8", "surrogateescape"), usedforsecurity=False)
    signed = f"{ALGORITHM}\n{sign_time}\n{digest.hexdigest()}\n"
    return hmac.digest(key.encode(), signed.encode(), ALGORITHM).hex()


def signed_query(pair: tuple[str, str], now: float, method: str, path: str, good_s: int) -> str:
    """Return the query that lets whoever has it do one thing to one object, for so long."""
    secret_id, secret = pair
    times = f"{int(now)};{int(now) + good_s}"
    signed = signature(secret, times, times, canonical(method, path, {}, {}))
    values = (ALGORITHM, secret_id, times, times, "", "", signed)
    return urlencode(dict(zip(FIELDS, values, strict=True)), safe=";")


def _claim(asked: Asked) -> Mapping[str, str]:
    said = asked.headers.get("authorization", "").strip()
    pairs = (pair.partition("=") for pair in said.split("&"))
    claim = {name.strip(): value for name, _, value in pairs} if said else asked.query
    if "q-signature" not in claim:
        raise denied("the request is not signed")
    for name in FIELDS:
        if name not in claim:
            raise denied(f"{name}: must be there")
    if claim["q-sign-algorithm"] != ALGORITHM:
        raise denied(f"q-sign-algorithm: must be {ALGORITHM}")
    return claim


def _check_time(times: str, now: float) -> None:
    read = TIMES.fullmatch(times)
    if read is None:
        raise denied("q-sign-time and q-key-time: must read START;END, in seconds since 1970")
    if now >= int(read["end"]):
        raise denied(f"Request has expired: it was good until {read['end']}, and it is {now:.0f}")
    if now < int(read["start"]) - AHEAD_S:
        raise Refused(
            403, "RequestTimeTooSkewed", f"it is good from {read['start']} on, and it is {now:.0f}"
        )


def _names(told: str) -> frozenset[str]:
    return frozenset(filter(None, told.lower().split(";")))


def _chosen(there: Mapping[str, str], names: frozenset[str]) -> Mapping[str, str]:
    return {name: value for name, value in there.items() if _spelled(name).lower() in names}


def _joined(pairs: Mapping[str, str]) -> str:
    spelled = sorted((_spelled(name).lower(), _spelled(value)) for name, value in pairs.items())
    return "&".join(f"{name}={value}" for name, value in spelled)


def _spelled(text: str) -> str:
    return quote(text, safe=UNRESERVED, errors="surrogateescape")
