"""Access keys: made, listed, changed and deleted; and links that sign in to the console."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import structlog

from huidu.control.keyring import Keyring
from huidu.control.plane import Catalog
from huidu.model.errors import Refusal

WRITE_S = 60.0

log = structlog.get_logger("huidu.keys")


async def keep_uses(keyring: Keyring, catalog: Catalog) -> None:
    """Write down when keys were last used, where that is not written yet."""
    used = keyring.unwritten()
    if used:
        await catalog.write(lambda writing: writing.keys.used(used))


async def keep_uses_on(keyring: Keyring, catalog: Catalog) -> NoReturn:
    """Do so now and then, until cancelled."""
    while True:
        await asyncio.sleep(WRITE_S)
        try:
            await keep_uses(keyring, catalog)
        except Refusal as error:
            log.warning("keys.uses", reason=error.message)
