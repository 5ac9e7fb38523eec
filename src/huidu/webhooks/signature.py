"""Signature: how a receiver knows that a post is ours, and new."""

from __future__ import annotations

import hashlib
import hmac

SCHEME = "v1"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of `X-Huidu-Signature`: HMAC-SHA256 over `timestamp.body`."""
    told = str(timestamp).encode() + b"." + body
    return f"{SCHEME}={hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()}"
