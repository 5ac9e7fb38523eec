"""From what a request says of code to a package that is kept."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from huidu.actions.configuration import Code as CodeAsked
from huidu.actions.functions import UpdateFunctionCode
from huidu.control.plane import Plane
from huidu.model.errors import InvalidValue, MissingParameter
from huidu.model.function import Code
from huidu.store.reading import Reading

MOST_ZIP_BYTES = 50 * 1024 * 1024
SOURCES = ("ZipFile", "Inline")
MOST_ENCODED = MOST_ZIP_BYTES * 4 // 3 + 1024


@asynccontextmanager
async def kept(plane: Plane, asked: CodeAsked | None) -> AsyncIterator[Code]:
    """Keep the package of a request while it is written down who refers to it.

    Raises the refusal that says what is wrong with it. Where the block raises, the request was
    refused, and its package goes unless somebody else has a use for it.
    """
    if asked is None or asked.zip_file is None:
        raise MissingParameter("Code", "Code.ZipFile: a zip file in base64 must be given")
    if len(asked.zip_file) > MOST_ENCODED:
        raise InvalidValue("ZipFile", f"ZipFile: larger than {MOST_ZIP_BYTES} bytes")
    async with plane.uploads.turn:
        plane.uploads.under_way += 1
    try:
        code = await asyncio.to_thread(_keep, plane, asked.zip_file)
        try:
            yield code
        except BaseException:
            await _discard(plane, code)
            raise
    finally:
        plane.uploads.under_way -= 1


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


def check_source(asked: CodeAsked | None, source: str | None) -> None:
    """Raise the refusal of code that comes from anywhere but a zip file in the request (D-40)."""
    if asked is not None and asked.image_config is not None:
        raise InvalidValue(
            "ImageType",
            "Code.ImageConfig: functions cannot be images here; send Code.ZipFile, with Runtime "
            "CustomRuntime or Type HTTP where it is a program or a server of your own",
        )
    if source not in (None, "", *SOURCES):
        raise InvalidValue(
            "CodeSource", f"CodeSource {source[:40]!r}: must be ZipFile; send Code.ZipFile"
        )
    if asked is None or asked.zip_file is not None:
        return
    for field, value in (("CosBucketName", asked.cos_bucket_name), ("DemoId", asked.demo_id)):
        if value is not None:
            raise InvalidValue("CodeSource", f"Code.{field}: not to be had here; send ZipFile")


def flat(request: UpdateFunctionCode) -> CodeAsked:
    """Return the code of a request that has its fields at its top."""
    return CodeAsked(
        zip_file=request.zip_file,
        cos_bucket_name=request.cos_bucket_name,
        cos_object_name=request.cos_object_name,
        cos_bucket_region=request.cos_bucket_region,
    )
