"""Downloads: packages, at addresses that are signed and good for a while."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import quote

from huidu.body import Receive
from huidu.cos.answer import Answer, Refused, Send, denied, refusal
from huidu.cos.app import App, Scope, say
from huidu.cos.asked import Asked, read_target
from huidu.cos.files import spanned
from huidu.cos.signature import Keys, signed_query, verify
from huidu.cos.work import Packages
from huidu.model.errors import Refusal
from huidu.model.function import Code
from huidu.model.role import Role

PATH = re.compile(r"/packages/(?P<sha256>[0-9a-f]{64})/(?P<name>[A-Za-z0-9._$-]{1,200})")
GOOD_S = 600


class Downloads:
    """An ASGI application in front of another, which gets all requests for anything else."""

    def __init__(
        self,
        packages: Packages,
        keys: Keys,
        otherwise: App,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._packages = packages
        self._keys = keys
        self._otherwise = otherwise
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        named = PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if named is None:
            await self._otherwise(scope, receive, send)
            return
        asked, request_id = read_target(scope), self._new_id()
        try:
            answer = await self._answer(asked, named["sha256"])
        except Refused as refused:
            answer = refusal(refused, asked.path, request_id)
        await say(asked, answer, {"x-cos-request-id": request_id}, send)

    async def _answer(self, asked: Asked, sha256: str) -> Answer:
        key_id = verify(asked, self._keys, self._clock())
        try:
            self._keys.check(key_id, "The download of a package", Role.RELEASE)
        except Refusal as refused:
            raise denied(refused.message) from None
        try:
            file = await asyncio.to_thread(self._packages.open, sha256)
        except Refusal as missing:
            raise Refused(404, "NoSuchKey", missing.message) from None
        size = file.seek(0, 2)
        file.seek(0)
        told = {"content-type": "application/zip", "accept-ranges": "bytes"}
        return spanned(asked, told, file, size)


def address(url: str, pair: tuple[str, str], now: float, code: Code, name: str) -> str:
    """Return where a package can be had for some minutes, at a server that listens at `url`."""
    path = f"/packages/{code.sha256}/{name}"
    return f"{url}{quote(path, safe='/$')}?{signed_query(pair, now, 'GET', path, GOOD_S)}"
