"""Copies: parts of an upload that are stretches of what is kept here already."""

from __future__ import annotations

import asyncio
import re
from typing import BinaryIO
from urllib.parse import unquote

from huidu.cos.answer import Answer, Refused, denied, xml
from huidu.cos.asked import HOST
from huidu.cos.buckets import time
from huidu.cos.work import CHUNK_BYTES, Work, too_large
from huidu.model.errors import Refusal
from huidu.store.object_file import Draft
from huidu.store.parts import Overfull, Upload

SOURCE, RANGE = "x-cos-copy-source", "x-cos-copy-source-range"
#: Headers that say what is done, and must be signed like the parameters that do.
ACTS = (SOURCE, RANGE)
STRETCH = re.compile(r"bytes=(?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})")
#: Ours: a package that a function or a layer is made of, by its digest.
PACKAGE = re.compile(r"packages/(?P<sha256>[0-9a-f]{64})")


async def add(work: Work, upload: Upload, number: int) -> Answer:
    """Keep a part that is a stretch of an object, or of a package."""
    await work.document()
    file, size = await asyncio.to_thread(_opened, work)
    with file:
        first, end = _stretch(work.asked.headers.get(RANGE, ""), size)
        if end - first > work.most_bytes:
            raise too_large(work.most_bytes)
        draft = await asyncio.to_thread(work.objects.draft)
        try:
            await asyncio.to_thread(_copy, file, first, end, draft)
            bucket = work.asked.bucket
            etag = await asyncio.to_thread(work.parts.add, bucket, upload, number, draft)
        except Overfull:
            raise too_large(work.most_bytes) from None
        finally:
            await asyncio.to_thread(draft.close)
    return xml("CopyPartResult", {"ETag": f'"{etag}"', "LastModified": time(work.clock())})


def _opened(work: Work) -> tuple[BinaryIO, int]:
    """Return the file that is copied from, and how much of it may be."""
    said = work.asked.headers[SOURCE]
    package = PACKAGE.fullmatch(said.removeprefix("/"))
    if package:
        try:
            file = work.packages.open(package["sha256"])
        except Refusal as missing:
            raise Refused(404, "NoSuchKey", missing.message) from None
        return file, file.seek(0, 2)
    host, _, key = said.partition("/")
    named = HOST.fullmatch(host.lower())
    if named is None or not key:
        why = "must read BUCKET-APPID.cos.REGION.myqcloud.com/KEY, or packages/SHA256"
        raise Refused(400, "InvalidArgument", f"{SOURCE}: {why}")
    if named["appid"] != work.asked.appid:
        raise denied(f"{SOURCE}: the bucket must be one of ours")
    facts, file = work.objects.open(named["bucket"], unquote(key))
    return file, facts.size_bytes


def _stretch(said: str, size: int) -> tuple[int, int]:
    """Return where it begins and ends; all of it where nothing is said."""
    if not said:
        return 0, size
    read = STRETCH.fullmatch(said.strip())
    if read is None or not int(read["first"]) <= int(read["last"]) < size:
        why = f"must read bytes=FIRST-LAST, within the {size} bytes that there are"
        raise Refused(416, "InvalidRange", f"{RANGE}: {why}")
    return int(read["first"]), int(read["last"]) + 1


def _copy(file: BinaryIO, first: int, end: int, draft: Draft) -> None:
    file.seek(first)
    left = end - first
    while left and (chunk := file.read(min(left, CHUNK_BYTES))):
        draft.write(chunk)
        left -= len(chunk)
