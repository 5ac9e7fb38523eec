"""The door to the buckets: requests whose host names one are answered as COS answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog

from huidu import body as bodies
from huidu.body import Receive
from huidu.cos import buckets, copies, files, uploads
from huidu.cos.answer import Answer, Refused, Send, denied, refusal
from huidu.cos.asked import Asked, read
from huidu.cos.signature import Keys, verify
from huidu.cos.work import CHUNK_BYTES, Packages, Work, full_disk_refused
from huidu.model.errors import Refusal
from huidu.model.role import Role
from huidu.store.objects import Absent, NotEmpty, Objects, Taken
from huidu.store.parts import Parts

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Operation = Callable[[Work], Awaitable[Answer]]

BUCKET, OBJECT = "bucket", "object"
#: What is done: by method, what it is done to, and the parameter that says so, if one does.
OPERATIONS: Mapping[tuple[str, str, str], Operation] = {
    ("PUT", BUCKET, ""): buckets.make,
    ("HEAD", BUCKET, ""): buckets.look,
    ("GET", BUCKET, ""): buckets.listing,
    ("DELETE", BUCKET, ""): buckets.remove,
    ("POST", BUCKET, "delete"): buckets.delete_several,
    ("PUT", BUCKET, "lifecycle"): buckets.tell_lifecycle,
    ("GET", BUCKET, "lifecycle"): buckets.show_lifecycle,
    ("DELETE", BUCKET, "lifecycle"): buckets.forget_lifecycle,
    ("GET", BUCKET, "uploads"): uploads.begun,
    ("PUT", OBJECT, ""): files.put,
    ("HEAD", OBJECT, ""): files.look,
    ("GET", OBJECT, ""): files.get,
    ("DELETE", OBJECT, ""): files.delete,
    ("POST", OBJECT, "uploads"): uploads.begin,
    ("PUT", OBJECT, "uploadId"): uploads.add,
    ("GET", OBJECT, "uploadId"): uploads.listing,
    ("POST", OBJECT, "uploadId"): uploads.end,
    ("DELETE", OBJECT, "uploadId"): uploads.abort,
}
#: Parameters that make a request another one; those with no row above are not to be had here.
ELSE = (
    *("accelerate", "acl", "append", "cors", "domain", "encryption", "intelligenttiering"),
    *("inventory", "location", "logging", "object-lock", "origin", "policy", "referer"),
    *("replication", "restore", "retention", "select", "tagging", "versioning", "versions"),
    *("website",),
)
WORDS = (*dict.fromkeys(word for *_, word in OPERATIONS if word), *ELSE)
#: Beside these, what says more of what is done.
ACTS = (*WORDS, "partNumber")

ABSENT: Mapping[str, tuple[str, str]] = {
    BUCKET: ("NoSuchBucket", "there is no such bucket"),
    OBJECT: ("NoSuchKey", "there is no such object"),
    "upload": ("NoSuchUpload", "there is no such upload; it was ended, or begun for another key"),
}

#: How COS spells what its clients look for.
SPELLED = {
    "content-range": "Content-Range",
    "content-type": "Content-Type",
    "etag": "ETag",
    "last-modified": "Last-Modified",
}
KEEP = frozenset(name.encode() for name in SPELLED.values())

log = structlog.get_logger("huidu.cos")


class Cos:
    """An ASGI application in front of another, which gets all requests that name no bucket."""

    def __init__(
        self,
        objects: Objects,
        parts: Parts,
        packages: Packages,
        keys: Keys,
        appid: str,
        otherwise: App,
        *,
        most_bytes: int,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._objects = objects
        self._parts = parts
        self._packages = packages
        self._keys = keys
        self._appid = appid
        self._otherwise = otherwise
        self._most_bytes = most_bytes
        self._clock = clock
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        asked = read(scope) if scope["type"] == "http" else None
        if asked is None:
            await self._otherwise(scope, receive, send)
            return
        request_id, heard = self._new_id(), _Heard(receive)
        try:
            answer = await self._answer(asked, heard)
        except Refused as refused:
            log.info("refused", code=refused.code, message=refused.message[:400])
            answer = refusal(refused, asked.path, request_id)
        except Exception:
            log.exception("failed", method=asked.method, request_id=request_id)
            ours = Refused(
                500, "InternalError", f"an error of ours; the log has it as {request_id}"
            )
            answer = refusal(ours, asked.path, request_id)
        more = {"x-cos-request-id": request_id}
        if not heard.all and asked.method in ("PUT", "POST"):
            await bodies.pass_over(asked.declared, heard)
            more["connection"] = "close"
        await say(asked, answer, more, send)

    async def _answer(self, asked: Asked, receive: Receive) -> Answer:
        key_id = verify(asked, self._keys, self._clock(), ACTS, copies.ACTS)
        try:  # what is there is the code of functions
            self._keys.check(key_id, "A request to a bucket", Role.ADMIN)
        except Refusal as refused:
            raise denied(refused.message) from None
        if asked.appid != self._appid:
            raise denied(f"the bucket must be one of ours; their names end in -{self._appid}")
        word = next((word for word in WORDS if word in asked.query), "")
        kind = OBJECT if asked.key else BUCKET
        operation = OPERATIONS.get((asked.method, kind, word))
        if operation is None:
            what = f"{asked.method} of a {kind}" + (f" with ?{word}" if word else "")
            raise Refused(501, "NotImplemented", f"{what} cannot be done here")
        work = Work(
            asked=asked,
            receive=receive,
            objects=self._objects,
            parts=self._parts,
            packages=self._packages,
            most_bytes=self._most_bytes,
            clock=self._clock,
        )
        try:
            # Once begun, a write goes to its end, whoever is still there to hear of it.
            with full_disk_refused():
                return await asyncio.shield(asyncio.ensure_future(operation(work)))
        except Absent as absent:
            raise Refused(404, *ABSENT[absent.kind]) from None
        except Taken:
            raise Refused(409, "BucketAlreadyOwnedByYou", "the bucket is yours already") from None
        except NotEmpty:
            raise Refused(409, "BucketNotEmpty", "remove what is in the bucket first") from None


class Spelled(bytes):
    """The name of a header that stays as it is.

    uvicorn would have it in lower case, and the official client in Python finds only `ETag`.
    """

    __slots__ = ()

    def lower(self) -> bytes:
        """Return it as it is, where nothing is to be recognized by it."""
        return self if self in KEEP else bytes(self).lower()


class _Heard:
    """Receives, and knows whether there is more to come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.all = False

    async def __call__(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self.all = not message.get("more_body", False)
        return message


async def say(asked: Asked, answer: Answer, more: Mapping[str, str], send: Send) -> None:
    """Send an answer, with some more headers; closes the file that it is from."""
    span = answer.span
    size = span.size_bytes if span else len(answer.body)
    told = {"content-length": str(size), **answer.headers, "server": "tencent-cos", **more}
    if answer.status == 204:  # noqa: PLR2004 - no content
        del told["content-length"]
    headers = [
        (Spelled(SPELLED.get(name, name).encode()), value.encode()) for name, value in told.items()
    ]
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    try:
        await send(start)
        while span is not None and size and asked.method != "HEAD":
            chunk = await asyncio.to_thread(span.file.read, min(size, CHUNK_BYTES))
            size -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if not chunk:
                break
    finally:
        if span is not None:
            span.file.close()
    body = b"" if asked.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})
