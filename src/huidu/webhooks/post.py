"""Posts to receivers, of which none is trusted: not with time, nor memory, nor our network."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

from huidu.model.delivery import Reply
from huidu.webhooks.addresses import Network, check_url, refusal

MOST_READ_BYTES = 1024  #: Of an answer: enough of an error for a person to see what it is.
MOST_SHOWN = 200
FIRST_REFUSED = 300


class Forbidden(OSError):
    """The address may not be connected to; the message says why."""


class Post:
    """One HTTP client for all receivers.

    An address is checked as its socket is made, so that what is checked is what is connected to,
    whatever a name means a moment later. No redirect is followed, no cookie kept, no proxy of the
    environment asked, and no connection used twice.
    """

    def __init__(self, allow: Sequence[Network], timeout_s: float) -> None:
        self._allow = allow
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0, force_close=True, use_dns_cache=False, socket_factory=self._socket
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _socket(self, told: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = told
        why = refusal(str(where[0]), self._allow)
        if why:
            raise Forbidden(why)
        return socket.socket(family, kind, protocol)

    def check(self, url: str) -> str:
        """Return a URL that may be posted to as far as it tells, or raise `InvalidValue`."""
        return check_url(url, self._allow)

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post, and return what came of it; never raises for what a receiver does."""
        began = time.perf_counter()
        try:
            asked = self._open().post(url, data=body, headers=headers, allow_redirects=False)
            async with asked as answer:
                reply = await _reply(answer)
        except TimeoutError:
            reply = Reply(error=f"no answer within {self._timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ssl.CertificateError, ValueError) as error:
            reply = Reply(error=_told(error))
        took_ms = (time.perf_counter() - began) * 1000
        return Reply(
            status=reply.status,
            error=reply.error,
            retry_after_s=reply.retry_after_s,
            took_ms=round(took_ms, 1),
        )

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()


async def _reply(answer: aiohttp.ClientResponse) -> Reply:
    if answer.ok and answer.status < FIRST_REFUSED:
        return Reply(status=answer.status)
    after = answer.headers.get("Retry-After", "")
    wait = float(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0.0  # noqa: PLR2004
    return Reply(
        status=answer.status, error=await _error(answer, answer.status), retry_after_s=wait
    )


async def _error(answer: aiohttp.ClientResponse, status: int) -> str:
    """Return the status and the beginning of the body, in one line."""
    where = answer.headers.get("Location", "")
    if where:
        return f"HTTP {status} to {where[:MOST_SHOWN]!r}; redirects are not followed"
    try:
        body = await answer.content.read(MOST_READ_BYTES)
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
        body = b""
    text = " ".join(body.decode("utf-8", "replace").split())[:MOST_SHOWN]
    shown = "".join(one if one.isprintable() else "\ufffd" for one in text)
    return f"HTTP {status}: {shown}" if shown else f"HTTP {status}"


def _told(error: Exception) -> str:
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return f"{inner}" or type(inner).__name__
