"""Uploads: objects that come in parts."""

from __future__ import annotations

import asyncio

from huidu.cos import copies, document
from huidu.cos.answer import Answer, Refused, Tree, xml
from huidu.cos.buckets import time
from huidu.cos.files import check_key
from huidu.cos.work import Work, kept_headers, too_large
from huidu.store.parts import Mismatch, Overfull, Upload

MOST_PARTS = 10_000
NUMBERS, LONGEST = range(1, MOST_PARTS + 1), len(str(MOST_PARTS))
MOST_LISTED = 1000


async def begin(work: Work) -> Answer:
    """Begin an upload in parts."""
    key, bucket = check_key(work), work.asked.bucket
    await work.document()
    headers = kept_headers(work.asked)
    upload = await asyncio.to_thread(work.parts.begin, bucket, key, work.clock(), headers)
    told = {"Bucket": bucket, "Key": key, "UploadId": upload.id}
    return xml("InitiateMultipartUploadResult", told)


async def add(work: Work) -> Answer:
    """Keep a part."""
    number = _number(work.asked.query.get("partNumber", ""))
    upload = await _upload(work)
    if copies.SOURCE in work.asked.headers:
        return await copies.add(work, upload, number)
    async with work.taken() as draft:
        try:
            etag = await asyncio.to_thread(work.parts.add, work.asked.bucket, upload, number, draft)
        except Overfull:
            raise too_large(work.most_bytes) from None
    return Answer(headers={"etag": f'"{etag}"'})


async def listing(work: Work) -> Answer:
    """List the parts that are there."""
    query, upload = work.asked.query, await _upload(work)
    try:
        after = int(query.get("part-number-marker") or 0)
        most = max(1, min(int(query.get("max-parts") or MOST_LISTED), MOST_LISTED))
    except ValueError:
        raise Refused(400, "InvalidArgument", "max-parts: must be a whole number") from None
    found = await asyncio.to_thread(work.parts.list, work.asked.bucket, upload)
    rest = [part for part in found if part.number > after]
    page = rest[:most]
    told: Tree = {
        "Bucket": work.asked.bucket,
        "Key": upload.key,
        "UploadId": upload.id,
        "StorageClass": "STANDARD",
        "PartNumberMarker": str(after),
        "NextPartNumberMarker": str(page[-1].number if page else after),
        "MaxParts": str(most),
        "IsTruncated": "true" if len(rest) > most else "false",
        "Part": [
            {
                "PartNumber": str(part.number),
                "LastModified": time(part.modified_at),
                "ETag": f'"{part.etag}"',
                "Size": str(part.size_bytes),
            }
            for part in page
        ],
    }
    return xml("ListPartsResult", told)


async def end(work: Work) -> Answer:
    """Make an object of the parts that a document names."""
    upload = await _upload(work)
    asked = document.read(await work.document(), "CompleteMultipartUpload")
    chosen = [
        (_number(part.first("PartNumber")), part.first("ETag").strip('"'))
        for part in asked.each("Part")
    ]
    numbers = [number for number, _ in chosen]
    if not chosen:
        raise document.malformed("no part is named")
    if numbers != sorted(set(numbers)):
        raise Refused(400, "InvalidPartOrder", "parts must be named in the order of their numbers")
    bucket = work.asked.bucket
    try:
        facts = await asyncio.to_thread(work.parts.end, bucket, upload, chosen, work.clock())
    except Mismatch as error:
        raise Refused(
            400, "InvalidPart", f"part {error.number} is not there, or has another ETag"
        ) from None
    host = work.asked.headers["host"]
    told = {
        "Location": f"{host}/{upload.key}",
        "Bucket": bucket,
        "Key": upload.key,
        "ETag": f'"{facts.etag}"',
    }
    return xml("CompleteMultipartUploadResult", told)


async def abort(work: Work) -> Answer:
    """Forget an upload and its parts."""
    await asyncio.to_thread(work.parts.abort, work.asked.bucket, await _upload(work))
    return Answer(status=204)


async def begun(work: Work) -> Answer:
    """List the uploads that were begun and not ended."""
    found = await asyncio.to_thread(work.parts.begun, work.asked.bucket)
    prefix = work.asked.query.get("prefix", "")
    found = [upload for upload in found if upload.key.startswith(prefix)]
    told: Tree = {
        "Bucket": work.asked.bucket,
        "Prefix": prefix,
        "MaxUploads": str(MOST_LISTED),
        "IsTruncated": "true" if len(found) > MOST_LISTED else "false",
        "Upload": [
            {
                "Key": upload.key,
                "UploadId": upload.id,
                "StorageClass": "STANDARD",
                "Initiated": time(upload.begun_at),
            }
            for upload in found[:MOST_LISTED]
        ],
    }
    return xml("ListMultipartUploadsResult", told)


async def _upload(work: Work) -> Upload:
    named = work.asked.query.get("uploadId", "")
    key = check_key(work)
    return await asyncio.to_thread(work.parts.find, work.asked.bucket, named, key)


def _number(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= LONGEST and int(text) in NUMBERS:
        return int(text)
    raise Refused(400, "InvalidArgument", f"partNumber: must be 1 to {MOST_PARTS}")
