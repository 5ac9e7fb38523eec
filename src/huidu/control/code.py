"""From what a request says of code to a package that is kept."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from huidu.actions.configuration import Code as CodeAsked
from huidu.actions.functions import UpdateFunctionCode
from huidu.control.plane import Plane
from huidu.model.errors import InvalidValue, MissingParameter, NotFound
from huidu.model.function import Code
from huidu.store.objects import Absent
from huidu.store.reading import Reading

MOST_ZIP_BYTES = 50 * 1024 * 1024
SOURCES = ("ZipFile", "Inline", "Cos")
SHA256 = "x-cos-meta-sha256"  #: Ours: what an object's bytes must have, to become a package.
MOST_ENCODED = MOST_ZIP_BYTES * 4 // 3 + 1024


@asynccontextmanager
async def kept(plane: Plane, asked: CodeAsked | None) -> AsyncIterator[Code]:
    """Keep the package of a request while it is written down who refers to it.

    Raises the refusal that says what is wrong with it. Where the block raises, the request was
    refused, and its package goes unless somebody else has a use for it.
    """
    keep = _keeping(plane, asked)
    async with plane.uploads.turn:
        plane.uploads.under_way += 1
    try:
        code = await asyncio.to_thread(keep)
        try:
            yield code
        except BaseException:
            await _discard(plane, code)
            raise
    finally:
        plane.uploads.under_way -= 1


def _keeping(plane: Plane, asked: CodeAsked | None) -> Callable[[], Code]:
    """Return what keeps the package, wherever it comes from; it blocks."""
    if asked is not None and asked.zip_file is not None:
        if len(asked.zip_file) > MOST_ENCODED:
            raise InvalidValue("ZipFile", f"ZipFile: larger than {MOST_ZIP_BYTES} bytes")
        return partial(_keep, plane, asked.zip_file)
    if asked is None or (asked.cos_bucket_name is None and asked.cos_object_name is None):
        raise MissingParameter(
            "Code",
            "Code.ZipFile: a zip file in base64 must be given, or CosBucketName and CosObjectName",
        )
    if not asked.cos_bucket_name:
        raise InvalidValue("CosBucketName", "CosBucketName: must be given with CosObjectName")
    key = (asked.cos_object_name or "").removeprefix("/")
    if not key:
        raise InvalidValue("CosObjectName", "CosObjectName: must be given with CosBucketName")
    return partial(_fetch, plane, asked.cos_bucket_name, key)


async def _discard(plane: Plane, code: Code) -> None:
    """Remove a package, unless a version refers to it or another upload may be about to.

    What is left because of that goes when unused packages are tidied up.
    """
    async with plane.uploads.turn:
        if plane.uploads.under_way > 1:
            return
        used = await plane.catalog.read(Reading.codes)
        if code.sha256 not in used:
            await asyncio.to_thread(plane.packages.discard, code)


def _keep(plane: Plane, text: str) -> Code:
    try:
        zip_bytes = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidValue(
            "ZipFileBase64BinasciiError", f"ZipFile: not base64: {error}; encode the zip file anew"
        ) from None
    return plane.packages.keep(zip_bytes)


def _fetch(plane: Plane, named: str, key: str) -> Code:
    """Keep what was uploaded as a package. Buckets are named without the account's number, too."""
    mine = f"-{plane.account.appid}"
    bucket = named if named.endswith(mine) else named + mine
    try:
        facts, file = plane.objects.open(bucket, key)
    except Absent as absent:
        if absent.kind == "bucket":
            raise InvalidValue(
                "CosBucketName", f"CosBucketName {named[:80]!r}: there is no bucket {bucket[:80]!r}"
            ) from None
        raise NotFound("CosObject", key[:200], f"; upload it to the bucket {bucket}") from None
    with file:
        if facts.size_bytes > MOST_ZIP_BYTES:
            raise InvalidValue(
                "CosObjectName",
                f"CosObjectName {key[:200]!r}: {facts.size_bytes} bytes, and a package has at most "
                f"{MOST_ZIP_BYTES}",
            )
        zip_bytes = file.read(facts.size_bytes)
    said = facts.headers.get(SHA256)
    if said and hashlib.sha256(zip_bytes).hexdigest() != said.lower():
        raise InvalidValue(
            "CosObjectName",
            f"CosObjectName {key[:200]!r}: its SHA-256 is not what {SHA256} says; upload it again",
        )
    try:
        return plane.packages.keep(zip_bytes)
    except InvalidValue as refused:
        said = refused.message.removeprefix("ZipFile: ")
        raise InvalidValue(
            refused.code.partition(".")[2], f"CosObjectName {key[:200]!r}: {said}"
        ) from None


def check_source(asked: CodeAsked | None, source: str | None) -> None:
    """Raise the refusal of code that is no zip file, in the request or in a bucket (D-40)."""
    if asked is not None and asked.image_config is not None:
        raise InvalidValue(
            "ImageType",
            "Code.ImageConfig: functions cannot be images here; send Code.ZipFile, with Runtime "
            "CustomRuntime or Type HTTP where it is a program or a server of your own",
        )
    if source not in (None, "", *SOURCES):
        raise InvalidValue(
            "CodeSource", f"CodeSource {source[:40]!r}: must be one of {', '.join(SOURCES)}"
        )
    if asked is not None and asked.zip_file is None and asked.demo_id is not None:
        raise InvalidValue("CodeSource", "Code.DemoId: not to be had here; send ZipFile")


def flat(request: UpdateFunctionCode) -> CodeAsked:
    """Return the code of a request that has its fields at its top."""
    return CodeAsked(
        zip_file=request.zip_file,
        cos_bucket_name=request.cos_bucket_name,
        cos_object_name=request.cos_object_name,
        cos_bucket_region=request.cos_bucket_region,
    )
