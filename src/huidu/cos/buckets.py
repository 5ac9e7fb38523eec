"""Buckets: made, listed, told how long to keep things, and removed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from huidu.cos import document
from huidu.cos.answer import Answer, Refused, Tree, xml
from huidu.cos.work import Work
from huidu.store.object_file import Facts
from huidu.store.objects import Absent, Lifecycle

MOST_LISTED = 1000
MOST_DAYS = 36_500


async def make(work: Work) -> Answer:
    """Make a bucket."""
    await work.document()
    await asyncio.to_thread(work.objects.make, work.asked.bucket)
    return Answer()


async def look(work: Work) -> Answer:
    """Tell that there is a bucket."""
    if not await asyncio.to_thread(work.objects.has, work.asked.bucket):
        raise Absent("bucket")
    return Answer()


async def remove(work: Work) -> Answer:
    """Remove a bucket that is empty."""
    await asyncio.to_thread(work.objects.remove, work.asked.bucket)
    return Answer(status=204)


async def listing(work: Work) -> Answer:
    """List objects by their keys."""
    query = work.asked.query
    try:
        most = min(int(query.get("max-keys") or MOST_LISTED), MOST_LISTED)
    except ValueError:
        raise Refused(400, "InvalidArgument", "max-keys: must be a whole number") from None
    found = await asyncio.to_thread(work.objects.every, work.asked.bucket)
    prefix, marker = query.get("prefix", ""), query.get("marker", "")
    page = _page(found, prefix, marker, query.get("delimiter", ""), max(0, most))
    tree: dict[str, str | Tree | Sequence[Tree]] = {
        "Name": work.asked.bucket,
        "Prefix": prefix,
        "Marker": marker,
        "MaxKeys": str(most),
        "IsTruncated": "true" if page.next else "false",
        "Contents": [_line(one) for one in page.objects],
        "CommonPrefixes": [{"Prefix": one} for one in page.folders],
    }
    if page.next:
        tree["NextMarker"] = page.next
    return xml("ListBucketResult", tree)


@dataclass
class _Page:
    objects: list[Facts] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    next: str = ""


def _page(found: Sequence[Facts], prefix: str, marker: str, delimiter: str, most: int) -> _Page:
    page, last = _Page(), ""
    for one in found:
        if not one.key.startswith(prefix):
            continue
        folder = _folder(one.key, prefix, delimiter)
        shown = folder or one.key
        if shown.encode() <= marker.encode() or shown == last:
            continue
        if len(page.objects) + len(page.folders) >= most:
            page.next = last
            break
        if folder:
            page.folders.append(folder)
        else:
            page.objects.append(one)
        last = shown
    return page


def _folder(key: str, prefix: str, delimiter: str) -> str:
    """Return the folder that a key is in, below a prefix, or nothing where it is in none."""
    if not delimiter:
        return ""
    name, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + name + found if found else ""


def _line(one: Facts) -> Tree:
    return {
        "Key": one.key,
        "LastModified": time(one.modified_at),
        "ETag": f'"{one.etag}"',
        "Size": str(one.size_bytes),
        "StorageClass": "STANDARD",
    }


def time(at: float) -> str:
    """Return a time as COS writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def delete_several(work: Work) -> Answer:
    """Remove the objects that a document names."""
    asked = document.read(await work.document(), "Delete")
    keys = [one.first("Key") for one in asked.each("Object")]
    if len(keys) > MOST_LISTED:
        raise document.malformed(f"at most {MOST_LISTED} objects at once")
    for key in keys:
        await asyncio.to_thread(work.objects.delete, work.asked.bucket, key.removeprefix("/"))
    quiet = asked.first("Quiet") == "true"
    return xml("DeleteResult", {"Deleted": [] if quiet else [{"Key": key} for key in keys]})


async def tell_lifecycle(work: Work) -> Answer:
    """Keep how long a bucket keeps things."""
    body = await work.document()
    asked = document.read(body, "LifecycleConfiguration")
    rules = tuple(
        rule
        for one in asked.each("Rule")
        if one.first("Status") == "Enabled" and (rule := _rule(one)) is not None
    )
    told = Lifecycle(_said(body), rules)
    await asyncio.to_thread(work.objects.tell, work.asked.bucket, told)
    return Answer()


def _said(body: bytes) -> str:
    """Return a document as it is told again, which is without what stands before its root."""
    begin = body.find(b"<LifecycleConfiguration")
    if begin < 0:
        raise document.malformed("it must be UTF-8, and its names without a prefix")
    return body[begin:].decode("utf-8", "replace")


def _rule(one: document.Element) -> tuple[str, int | None, int | None] | None:
    """Return what of a rule is obeyed; a rule for objects with a label is about none of ours."""
    if next(one.each("Filter", "Tag"), None) or next(one.each("Filter", "And", "Tag"), None):
        return None
    prefixes = (("Filter", "Prefix"), ("Filter", "And", "Prefix"), ("Prefix",))
    prefix = next(filter(None, (one.first(*path) for path in prefixes)), "")
    expires = one.first("Expiration", "Days")
    aborts = one.first("AbortIncompleteMultipartUpload", "DaysAfterInitiation")
    return prefix, _days(expires), _days(aborts)


def _days(text: str) -> int | None:
    if not text:
        return None
    with suppress(ValueError):
        if 0 < int(text) <= MOST_DAYS:
            return int(text)
    raise document.malformed(f"{text[:20]!r} days: must be a whole number from 1 to {MOST_DAYS}")


async def show_lifecycle(work: Work) -> Answer:
    """Tell how long a bucket keeps things, as it was told."""
    told = await asyncio.to_thread(work.objects.told, work.asked.bucket)
    if told is None:
        raise Refused(404, "NoSuchLifecycleConfiguration", "the bucket was told nothing")
    return Answer(headers={"content-type": "application/xml"}, body=told.said.encode())


async def forget_lifecycle(work: Work) -> Answer:
    """Have a bucket keep things as long as usual."""
    await asyncio.to_thread(work.objects.tell, work.asked.bucket, None)
    return Answer(status=204)
