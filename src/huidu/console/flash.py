"""Flash: what a form did, told on the page that comes after it, once."""

from __future__ import annotations

import base64
import binascii
import hmac

import msgspec

COOKIE = "huidu_said"
LASTS_S = 60
MOST = 2000  #: Of a cookie's value; browsers take 4096.


class Undo(msgspec.Struct, frozen=True):
    """What takes it back: a path to post to, and the fields."""

    path: str
    fields: dict[str, str] = {}


class Flash(msgspec.Struct, frozen=True):
    """What is told: a sentence, whether it went well, and how it is undone."""

    text: str
    went_well: bool = True
    undo: Undo | None = None


FLASH = msgspec.json.Decoder(Flash)


def write(flash: Flash, secret: str) -> str:
    """Return what a cookie can hold; `secret` is of the session, and is not in it.

    Another server of this host can write our cookies, and must put no button under our words.
    """
    while len(packed := base64.urlsafe_b64encode(msgspec.json.encode(flash)).decode()) > MOST:
        flash = msgspec.structs.replace(flash, text=flash.text[: len(flash.text) // 2] + "…")
    return f"{_seal(packed, secret)}.{packed}"


def read(cookie: str, secret: str) -> Flash | None:
    """Return what a cookie holds, or None where that is nothing of this session's."""
    seal, _, packed = cookie.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(packed, secret).encode()):
        return None
    try:
        return FLASH.decode(base64.urlsafe_b64decode(packed))
    except (binascii.Error, ValueError):
        return None


def _seal(packed: str, secret: str) -> str:
    return hmac.digest(secret.encode(), b"huidu console said " + packed.encode(), "sha256").hex()
