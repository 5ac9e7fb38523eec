"""Arriving: waits for code that is on its way, and makes a folder of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from huidu.model.errors import InvalidValue, NotFound
from huidu.project.files import MOST_PACKED_BYTES
from huidu.serverless.places import Stored
from huidu.store.object_file import Facts
from huidu.store.objects import Absent
from huidu.store.packages import unpack
from huidu.store.unzip import check

#: How long an upload may still be on its way when the run is asked for: the command line has sent
#: all of it then, and what is in buffers between us has to arrive.
PATIENCE_S = 120.0
LOOK_S, SELDOM_S = 0.1, 1.0  #: How often is looked, at first and in the end.


class Objects(Protocol):
    """What was uploaded."""

    def open(self, bucket: str, key: str) -> tuple[Facts, BinaryIO]: ...

    def delete(self, bucket: str, key: str) -> None: ...


async def arrived(objects: Objects, where: Stored, timer: Callable[[], float]) -> None:
    """Return once an object is there, or raise `NotFound`.

    The command line asks for a run as soon as it has written its upload to the socket, and does
    not wait for the answer: of half a megabyte the end comes later than the request.
    """
    end = timer() + (PATIENCE_S if where.ours else 0.0)
    wait_s = LOOK_S
    while not await asyncio.to_thread(_is_there, objects, where):
        if timer() >= end:
            hint = f"; it did not come within {PATIENCE_S:.0f} s" if where.ours else ""
            raise NotFound(
                "CosObject", f"{where.bucket}/{where.key[:200]}", f"{hint}; deploy again"
            )
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 1.2, SELDOM_S)


def _is_there(objects: Objects, where: Stored) -> bool:
    try:
        _, file = objects.open(where.bucket, where.key)
    except Absent:
        return False
    file.close()
    return True


def unpacked(objects: Objects, where: Stored, folder: Path) -> Path:
    """Unpack an object into a folder below this one, and return that; blocks.

    Raises `InvalidValue` for an archive that is none, or is harmful.
    """
    facts, file = objects.open(where.bucket, where.key)
    with file:
        if facts.size_bytes > MOST_PACKED_BYTES:
            raise InvalidValue(
                "",
                f"the code has {facts.size_bytes} bytes packed, at most {MOST_PACKED_BYTES}; leave "
                "out what the function does not need, with src.exclude",
            )
        zip_bytes = file.read(facts.size_bytes)
    root = folder / "code"
    unpack(zip_bytes, check(zip_bytes), root)
    return root
