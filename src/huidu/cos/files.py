"""Files: objects uploaded whole, read and removed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import BinaryIO

from huidu.cos.answer import Answer, Refused, Span
from huidu.cos.asked import Asked
from huidu.cos.work import Work, kept_headers, shown_headers

MOST_KEY_BYTES = 850
#: Headers that would have an upload do something else, or in another way.
ELSE = (
    "x-cos-copy-source",
    "x-cos-forbid-overwrite",
    "x-cos-server-side-encryption",
    "x-cos-server-side-encryption-customer-algorithm",
)
RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")


def check_key(work: Work) -> str:
    """Return the key that is asked for, or raise `Refused`."""
    key = work.asked.key
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise Refused(400, "InvalidURI", "the key of an object must be UTF-8") from None
    if size > MOST_KEY_BYTES:
        raise Refused(400, "KeyTooLong", f"the key of an object has at most {MOST_KEY_BYTES} bytes")
    return key


async def put(work: Work) -> Answer:
    """Keep an object."""
    key, headers = check_key(work), kept_headers(work.asked)
    for name in ELSE:
        if name in work.asked.headers:
            raise Refused(501, "NotImplemented", f"{name}: cannot be asked for here")
    if not await asyncio.to_thread(work.objects.has, work.asked.bucket):
        raise Refused(404, "NoSuchBucket", "there is no such bucket; PUT it first")
    async with work.taken() as draft:
        facts = await asyncio.to_thread(
            work.objects.keep, work.asked.bucket, key, draft, work.clock(), headers
        )
    return Answer(headers={"etag": f'"{facts.etag}"'})


async def look(work: Work) -> Answer:
    """Tell of an object."""
    facts = await asyncio.to_thread(work.objects.find, work.asked.bucket, work.asked.key)
    told = shown_headers(facts)
    return Answer(headers={**told, "content-length": str(facts.size_bytes)})


async def get(work: Work) -> Answer:
    """Return an object, or one stretch of it."""
    facts, file = await asyncio.to_thread(work.objects.open, work.asked.bucket, work.asked.key)
    return spanned(work.asked, shown_headers(facts), file, facts.size_bytes)


def spanned(asked: Asked, told: Mapping[str, str], file: BinaryIO, size: int) -> Answer:
    """Return a file as an answer, or the stretch of it that is asked for."""
    try:
        stretch = _stretch(asked.headers.get("range", ""), size)
    except BaseException:
        file.close()
        raise
    if stretch is None:
        return Answer(headers=told, span=Span(file, size))
    first, end = stretch
    file.seek(first)
    told = {**told, "content-range": f"bytes {first}-{end - 1}/{size}"}
    return Answer(status=206, headers=told, span=Span(file, end - first))


async def delete(work: Work) -> Answer:
    """Remove an object; it need not be there."""
    await asyncio.to_thread(work.objects.delete, work.asked.bucket, work.asked.key)
    return Answer(status=204)


def _stretch(said: str, size: int) -> tuple[int, int] | None:
    """Return where a range begins and ends; None where all is wanted, as for what is no range."""
    read = RANGE.fullmatch(said.strip())
    if read is None or not (read["first"] or read["last"]):
        return None
    if read["first"]:
        first, end = int(read["first"]), min(size, int(read["last"] or size) + 1)
    else:
        first, end = max(0, size - int(read["last"])), size
    if first >= end:
        raise Refused(416, "InvalidRange", f"the object has {size} bytes")
    return first, end
