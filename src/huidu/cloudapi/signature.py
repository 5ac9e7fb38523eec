"""Who signed a request: both signatures of the cloud API (TC3 and v1), checked and never made."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import NamedTuple, Protocol

from huidu.cloudapi.wire import Head, Request, octets
from huidu.model.errors import AuthFailure

WINDOW_SECONDS = 300
ALGORITHM = "TC3-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
MUST_BE_SIGNED = ("content-type", "host")

#: The services that a TC3 signature may be made out to: ours, and those whose API we speak. What
#: is asked of which is told by action and version; the host that a request is sent to is signed.
SERVICES = frozenset({"apigateway", "cam", "cos", "huidu", "monitor", "scf", "sls"})

Headers = Sequence[tuple[str, str]]

#: v1's SignatureMethod, and what hmac calls it.
DIGESTS = {"HmacSHA1": "sha1", "HmacSHA256": "sha256"}

SECRET_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
PORT = re.compile(r":[0-9]+$")
NONCE = re.compile(r"[0-9]{1,20}")
#: What stands in Authorization before its last comma, and what stands behind it.
SIGNER = re.compile(
    rf"{ALGORITHM} +Credential=(?P<secret_id>{SECRET_ID.pattern})"
    r"/(?P<date>[0-9-]{10})/(?P<service>[][A-Za-z0-9_:-]{1,64})/tc3_request"
    r", *SignedHeaders=(?P<headers>[^,\s]+)"
)
SIGNATURE = re.compile(r" *Signature=([^,\s]+)")
LONGEST_KEPT = 500  #: Characters of a signer that is remembered, whoever it may be.
DAY_S = 86_400


class Keys(Protocol):
    """The secrets that were given out."""

    def secret(self, secret_id: str) -> str | None: ...


class Signer(NamedTuple):
    """What a client's Authorization says, the same from one request to the next for a day."""

    secret_id: str
    date: str
    service: str
    signed: str  #: The names of the headers that are signed, as they are listed.
    names: Sequence[str]  #: The same in lower case, each for itself.


class Claim(NamedTuple):
    """What a request says of who signed it and when; nothing of it is believed yet."""

    secret_id: str
    timestamp: int
    signature: str
    expected: Callable[[str], Iterable[str]]  #: From the secret to each signature that would do.


def verify(
    request: Request,
    head: Head,
    keys: Keys,
    now: float,
    services: Collection[str] = SERVICES,
) -> str:
    """Return the secret id of whoever signed the request, or raise `AuthFailure`.

    What is cheap comes first (decision D-53): shape, age, secret id; only then is the body
    hashed. A v1 signature is weaker than TC3: it does not cover where a value ends and the next
    name begins.
    """
    if head.flat is None:
        claim = claim_tc3(request, head, services)
    else:
        claim = claim_v1(request, head, head.flat)
    if abs(now - claim.timestamp) > WINDOW_SECONDS:
        raise AuthFailure(
            "SignatureExpire",
            f"the request was signed at {claim.timestamp} and the time here is {now:.0f}: "
            f"more than {WINDOW_SECONDS} seconds apart",
        )
    secret = keys.secret(claim.secret_id)
    if secret is None:
        raise AuthFailure("SecretIdNotFound", f"SecretId {claim.secret_id!r} is not known")
    for good in claim.expected(secret):
        if _same(claim.signature, good):
            break
    else:
        raise AuthFailure("SignatureFailure", "the signature does not fit the request")
    if head.token:
        raise AuthFailure("TokenFailure", "Token: no temporary credentials are given out here")
    return claim.secret_id


class Replays:
    """Remembers the v1 requests that may still be in their window, and lets none in twice.

    Not for every house: a retry of the official SDKs is the same request again. Of more than
    `most` requests in a window the oldest are forgotten. Only verified requests belong here.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._until: dict[tuple[str, ...], int] = {}  # oldest first

    def __repr__(self) -> str:
        return f"<Replays: {len(self._until)} of at most {self._most} requests>"

    def admit(self, head: Head, now: float) -> None:
        """Let a request in, or raise `AuthFailure`. TC3 has no nonce and always gets in."""
        if head.flat is None:
            return
        names = ("SecretId", "Nonce", "Timestamp", "Signature")
        request = tuple(head.flat.get(name, "") for name in names)
        if request in self._until:
            raise AuthFailure(
                "SignatureFailure",
                f"Nonce {request[1]} of Timestamp {request[2]} was used before",
            )
        self._make_room(now)
        self._until[request] = (head.timestamp or 0) + WINDOW_SECONDS

    def _make_room(self, now: float) -> None:
        while self._until:
            oldest, until = next(iter(self._until.items()))
            if until >= now and len(self._until) < self._most:
                return
            del self._until[oldest]


def claim_tc3(request: Request, head: Head, services: Collection[str]) -> Claim:
    """Read the Authorization header, or raise `AuthFailure` for its shape."""
    said = request.headers.get("authorization", "")
    if said in ("", "SKIP"):
        raise _malformed("the request is not signed")
    # A signature has no comma in it, so the last one is that before it.
    top, _, last = said.rpartition(",")
    signer = _signer(top) if len(top) <= LONGEST_KEPT else _signer.__wrapped__(top)
    made = SIGNATURE.fullmatch(last)
    if signer is None or made is None:
        raise _malformed(
            f"Authorization must read {ALGORITHM} Credential=<SecretId>/<date>/<service>/"
            "tc3_request, SignedHeaders=content-type;host, Signature=<hex>"
        )
    seconds = _seconds(head)
    date, service, names = signer.date, signer.service, signer.names
    if date != _date(seconds // DAY_S):
        raise _malformed(f"Credential: {date} is not the UTC date of X-TC-Timestamp {seconds}")
    # The SDK for Node.js takes the first label of its endpoint for it: 127 of 127.0.0.1.
    if service not in services and service != request.headers.get("host", "").partition(".")[0]:
        raise _malformed(f"Credential: service {service!r} is not one of {sorted(services)}")
    for name in (*MUST_BE_SIGNED, *names):
        if name not in names or name not in request.headers:
            raise _malformed(f"SignedHeaders: {name[:80]!r} must be listed, and must be sent")
    return Claim(
        secret_id=signer.secret_id,
        timestamp=seconds,
        signature=made[1],
        expected=partial(tc3_signatures, request, signer.signed, date, service),
    )


@lru_cache(maxsize=1024)
def _signer(top: str) -> Signer | None:
    read = SIGNER.fullmatch(top)
    if read is None:
        return None
    signed = read["headers"]
    names = tuple(signed.lower().split(";"))
    return Signer(read["secret_id"], read["date"], read["service"], signed, names)


@lru_cache(maxsize=8)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).strftime("%Y-%m-%d")


def tc3_signatures(
    request: Request, signed: str, date: str, service: str, secret: str
) -> Iterator[str]:
    """Yield each TC3 signature that fits the request, likely ones first."""
    payload = request.body if request.method == "POST" else b""
    if request.headers.get("x-tc-content-sha256") == UNSIGNED_PAYLOAD:
        payload = UNSIGNED_PAYLOAD.encode()
    query = request.query if request.method == "GET" else ""
    top = f"{request.method}\n{request.path}\n{query}\n"
    bottom = f"\n{signed}\n{hashlib.sha256(payload).hexdigest()}"
    scope = f"{request.headers['x-tc-timestamp']}\n{date}/{service}/tc3_request"
    seal = _seal(secret, date, service)
    values = [(name, request.headers[name].strip()) for name in signed.lower().split(";")]
    yield _signature(seal, scope, top, values, bottom)
    for headers in _otherwise(values):
        yield _signature(seal, scope, top, headers, bottom)


def _signature(seal: hmac.HMAC, scope: str, top: str, headers: Headers, bottom: str) -> str:
    lines = "".join([f"{name}:{value}\n" for name, value in headers])
    hashed = hashlib.sha256(octets(f"{top}{lines}{bottom}")).hexdigest()
    sealed = seal.copy()
    sealed.update(f"{ALGORITHM}\n{scope}\n{hashed}".encode())
    return sealed.hexdigest()


def _otherwise(values: Headers) -> Iterator[Headers]:
    """Yield each other way in which clients sign these headers.

    Where x-tc-action is signed, some sign it as they send it, others, as the documentation asks,
    in lower case. And the SDK for Node.js signs the host without the port that it sends.
    """
    folded = _changed(values, "x-tc-action", str.lower)
    spelled = [values, folded] if folded != values else [values]
    yield from spelled[1:]
    for headers in spelled:
        bare = _changed(headers, "host", partial(PORT.sub, ""))
        if bare != headers:
            yield bare


def _changed(headers: Headers, name: str, change: Callable[[str], str]) -> Headers:
    return [(key, change(value) if key == name else value) for key, value in headers]


@lru_cache(maxsize=1024)
def _seal(secret: str, date: str, service: str) -> hmac.HMAC:
    """Return what signs a day's requests to one service, for copies: begun, it costs a third."""
    key = f"TC3{secret}".encode()
    for step in (date, service, "tc3_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")


def claim_v1(request: Request, head: Head, flat: Mapping[str, str]) -> Claim:
    """Read the parameters that sign a v1 request, or raise `AuthFailure` for their shape."""
    secret_id, signature = flat.get("SecretId", ""), flat.get("Signature", "")
    method = flat.get("SignatureMethod", "HmacSHA1")
    if not secret_id and not signature:
        raise _malformed("the request is not signed")
    if not SECRET_ID.fullmatch(secret_id):
        raise _malformed(f"SecretId: must match {SECRET_ID.pattern}")
    if not NONCE.fullmatch(flat.get("Nonce", "")):
        raise _malformed("Nonce: must be a whole number")
    if method not in DIGESTS:
        raise _malformed(f"SignatureMethod: must be one of {', '.join(DIGESTS)}")
    if "host" not in request.headers:
        raise _malformed("the request has no Host header")
    if any("_" in name for name in flat):
        # To v1 it is the same character as the dot, which divides names: A_B could become A.B.
        raise _malformed(f"v1 cannot sign a parameter with _ in its name; sign with {ALGORITHM}")
    return Claim(
        secret_id=secret_id,
        timestamp=_seconds(head),
        signature=signature,
        expected=partial(v1_signatures, request, flat, DIGESTS[method]),
    )


def v1_signatures(
    request: Request, flat: Mapping[str, str], digest: str, secret: str
) -> Iterator[str]:
    """Yield the one v1 signature that fits the request."""
    pairs = "&".join(f"{name}={flat[name]}" for name in sorted(flat) if name != "Signature")
    line = octets(f"{request.method}{request.headers['host']}{request.path}?")
    yield base64.b64encode(hmac.digest(secret.encode(), line + pairs.encode(), digest)).decode()


def _seconds(head: Head) -> int:
    if head.timestamp is None:
        raise _malformed("the timestamp must be there, a whole number of seconds since 1970")
    return head.timestamp


def _malformed(message: str) -> AuthFailure:
    return AuthFailure("InvalidAuthorization", message)


def _same(signature: str, good: str) -> bool:
    # As bytes, since compare_digest takes no text beyond ASCII.
    return hmac.compare_digest(signature.encode("utf-8", "backslashreplace"), good.encode())
