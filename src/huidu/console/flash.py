"""Flash: what a form did, told on the page that comes after it, once."""

from __future__ import annotations

import base64
import binascii

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


def write(flash: Flash) -> str:
    """Return what a cookie can hold."""
    while len(packed := base64.urlsafe_b64encode(msgspec.json.encode(flash)).decode()) > MOST:
        flash = msgspec.structs.replace(flash, text=flash.text[: len(flash.text) // 2] + "…")
    return packed


def read(cookie: str) -> Flash | None:
    """Return what a cookie holds, or None where that is nothing of ours."""
    try:
        return FLASH.decode(base64.urlsafe_b64decode(cookie)) if cookie else None
    except (binascii.Error, ValueError):
        return None
