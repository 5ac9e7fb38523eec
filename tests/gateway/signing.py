"""Signs requests as the cloud's documentation tells callers to; shares no line with the gateway.

After the demo of document 628/11819: `source` and a date, HMAC over their lines, base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any

DIGESTS: dict[str, Callable[..., Any]] = {
    "hmac-sha1": hashlib.sha1,
    "hmac-sha256": hashlib.sha256,
    "hmac-sha384": hashlib.sha384,
    "hmac-sha512": hashlib.sha512,
}


def signed(
    key_id: str,
    secret: str,
    at: float,
    *,
    algorithm: str = "hmac-sha1",
    names: Sequence[str] = ("x-date", "source"),
    values: Sequence[tuple[str, str]] = (("Source", "AndroidApp"),),
) -> list[tuple[str, str]]:
    """Return the headers of a request that is signed at a moment, the Authorization last."""
    date = formatdate(at, usegmt=True)
    sent = [("X-Date" if "x-date" in names else "Date", date), *values]
    lines = []
    for name in names:
        (value,) = (value for other, value in sent if other.lower() == name)
        lines.append(name + ": " + value)
    mac = hmac.new(secret.encode(), "\n".join(lines).encode(), DIGESTS[algorithm])
    signature = base64.b64encode(mac.digest()).decode()
    header = (
        f'hmac id="{key_id}", algorithm="{algorithm}", headers="{" ".join(names)}", '
        f'signature="{signature}"'
    )
    return [*sent, ("Authorization", header)]
