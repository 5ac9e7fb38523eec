"""Signature: how a receiver knows that a post is ours, and new."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

SCHEME = "v1"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of `X-Huidu-Signature`: HMAC-SHA256 over `timestamp.body`."""
    told = str(timestamp).encode() + b"." + body
    return f"{SCHEME}={hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()}"


def headers(
    kind: str, delivery: str, secret: str, timestamp: int, body: bytes
) -> Mapping[str, str]:
    """Return what a post says of itself; without a secret it is not signed."""
    told = {
        "Content-Type": "application/json",
        "User-Agent": "Huidu",
        "X-Huidu-Event": kind,
        "X-Huidu-Delivery": delivery,
        "X-Huidu-Timestamp": str(timestamp),
    }
    signed = {"X-Huidu-Signature": signature(secret, timestamp, body)} if secret else {}
    return told | signed
