"""Work: what the operations of the store work with, and how they take a body."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from typing import BinaryIO, Protocol

from huidu import body as bodies
from huidu.body import Receive
from huidu.cos.answer import Refused
from huidu.cos.asked import Asked
from huidu.store.object_file import Draft, Facts
from huidu.store.objects import Objects
from huidu.store.parts import Parts

MOST_DOCUMENT_BYTES = 1024 * 1024
CHUNK_BYTES = 256 * 1024
#: Of the headers that an upload comes with, those that belong to the object.
KEPT = ("cache-control", "content-disposition", "content-encoding", "content-type", "expires")
META = "x-cos-meta-"
MOST_KEPT_BYTES = 8192
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Packages(Protocol):
    """Where the packages are."""

    def open(self, sha256: str) -> BinaryIO:
        """Return the zip file of a package, or raise a refusal. Blocks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an operation works with."""

    asked: Asked
    receive: Receive
    objects: Objects
    parts: Parts
    packages: Packages
    most_bytes: int  #: Of one object.
    clock: Callable[[], float]

    async def document(self) -> bytes:
        """Return the whole body of a request whose body is small."""
        declared = self.asked.declared
        body = await bodies.read(declared, self.receive, MOST_DOCUMENT_BYTES)
        if body is None:
            raise Refused(400, "MaxMessageLengthExceeded", f"at most {MOST_DOCUMENT_BYTES} bytes")
        _check_digest(self.asked, hashlib.md5(body, usedforsecurity=False).hexdigest())
        return body

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Draft]:
        """Lend the body of a request as a draft, once all of it is there."""
        if not bodies.fits(self.asked.declared, self.most_bytes):
            raise too_large(self.most_bytes)
        draft = await asyncio.to_thread(self.objects.draft)
        try:
            await self._take(draft)
            _check_digest(self.asked, draft.md5)
            yield draft
        finally:
            await asyncio.to_thread(draft.close)

    async def _take(self, draft: Draft) -> None:
        pending, more = bytearray(), True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "IncompleteBody", "the connection was closed amid the body")
            pending += message.get("body", b"")
            more = message.get("more_body", False)
            if draft.size_bytes + len(pending) > self.most_bytes:
                raise too_large(self.most_bytes)
            if len(pending) >= CHUNK_BYTES or not more:
                await asyncio.to_thread(draft.write, bytes(pending))
                pending.clear()


class full_disk_refused:  # noqa: N801 - it reads as what it does, like `suppress`
    """Refuses what there is no room for on the disk."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Say what happened in COS's words."""
        if isinstance(error, OSError) and error.errno in FULL:
            raise Refused(
                503, "ServiceUnavailable", "the disk that keeps the objects is full"
            ) from None


def too_large(most_bytes: int) -> Refused:
    """Return the refusal of an object."""
    return Refused(
        400, "EntityTooLarge", f"an object has at most {most_bytes} bytes (max_object_mb)"
    )


def kept_headers(asked: Asked) -> Mapping[str, str]:
    """Return what of the headers of an upload is sent back with the object."""
    kept = {
        name: value.encode("utf-8", "replace").decode()
        for name, value in asked.headers.items()
        if value and (name in KEPT or name.startswith(META))
    }
    if sum(len(name) + len(value.encode()) for name, value in kept.items()) > MOST_KEPT_BYTES:
        raise Refused(400, "MetadataTooLarge", f"at most {MOST_KEPT_BYTES} bytes of headers")
    return kept


def shown_headers(facts: Facts) -> Mapping[str, str]:
    """Return the headers that tell of an object."""
    usual = {"content-type": "application/octet-stream"}
    return (
        usual
        | facts.headers
        | {
            "etag": f'"{facts.etag}"',
            "last-modified": formatdate(facts.modified_at, usegmt=True),
            "accept-ranges": "bytes",
        }
    )


def _check_digest(asked: Asked, md5: str) -> None:
    said = asked.headers.get("content-md5", "").strip()
    if said and said != base64.b64encode(bytes.fromhex(md5)).decode():
        raise Refused(400, "BadDigest", "the body does not have the MD5 that Content-MD5 says")
