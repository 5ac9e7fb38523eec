"""Sending: brings a package to a server, in parts if it is large, and only what is new of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from huidu.cli.client import Refused, Unreachable
from huidu.cli.projects.bucket import NAME, NO_STORE, Bucket
from huidu.project.packing import Package
from huidu.project.pieces import END, Entry, Piece, directory_of, entries, pieces

MB = 1 << 20
INLINE_BYTES = 10 * MB  #: What is less goes with the request that needs it,
SMALL_BYTES = MB  #: and what is less than this always does: nothing would be saved.
TAIL_BYTES = 64 << 10  #: Of a package, in which the directory of most is.
META = "x-cos-meta-sha256"
#: What keeps from tidying up, and is no reason to say that what was done before was not: the server
#: forgets within a day what stays.
UNTIDY = (Refused, Unreachable)
#: How much has arrived so far, of how many bytes.
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the server finds a package; None where it goes with the request that needs it."""

    code: Mapping[str, object] | None
    sent_bytes: int


@contextmanager
def sent(package: Package, base: str, bucket: Bucket, folder: str, tell: Tell) -> Iterator[Sent]:
    """Send a package for the length of a block, in which the server makes a function of it.

    `base` is the digest of the package that the server has of the function, or empty. What is under
    `folder` in the bucket is this function's alone: what an upload that broke off has left there is
    gone on with, or removed. Raises `Refused` or `Unreachable`.
    """
    size = len(package.zip_bytes)
    if size <= SMALL_BYTES or (size <= INLINE_BYTES and not base):
        yield Sent(None, size)
        return
    there = _objects(bucket, folder)
    if there is None:
        yield Sent(None, size)
        return
    key = f"{folder}{package.sha256}.zip"
    new = 0 if there.get(key) == size else _Upload(package, bucket, key, tell).send(base, folder)
    try:
        yield Sent({"CosBucketName": NAME, "CosObjectName": key}, new)
    finally:
        with suppress(*UNTIDY):
            for one in {*there, key}:
                bucket.delete(one)


def _objects(bucket: Bucket, folder: str) -> Mapping[str, int] | None:
    """Return what is there already; None where nothing can be, as behind a proxy of one host."""
    try:
        return bucket.objects(folder)
    except Refused as refused:
        if refused.code != NO_STORE:
            raise
        return None


class _Upload:
    """One upload of one package."""

    def __init__(self, package: Package, bucket: Bucket, key: str, tell: Tell) -> None:
        self._held = package.zip_bytes
        self._sha256 = package.sha256
        self._bucket = bucket
        self._key = key
        self._tell = tell

    def send(self, base: str, folder: str) -> int:
        """Send it, and return how many bytes of it were sent."""
        found = pieces(self._held, _entries_of(self._bucket, base) if base else ())
        try:
            return self._send(found, base, folder)
        except Refused as refused:
            if refused.code != "NoSuchUpload":
                raise
            # Another deploy of the same code has ended it, or of other code has taken it away.
            return self._send(found, base, folder)

    def _send(self, found: Sequence[Piece], base: str, folder: str) -> int:
        upload_id = self._go_on_with(folder)
        there = self._bucket.parts(self._key, upload_id) if upload_id else {}
        upload_id = upload_id or self._bucket.begin(self._key, {META: self._sha256})
        etags, new, done = [], 0, 0
        for number, piece in enumerate(found, 1):
            held = self._held[piece.start : piece.start + piece.size_bytes]
            etag = hashlib.md5(held, usedforsecurity=False).hexdigest()
            if there.get(number) != etag and not self._copied(piece, upload_id, number, base, etag):
                self._bucket.put(self._key, upload_id, number, held)
                new += len(held)
            etags.append(etag)
            done += len(held)
            self._tell(done, len(self._held))
        self._bucket.end(self._key, upload_id, etags)
        return new

    def _go_on_with(self, folder: str) -> str:
        """Return the upload of this package that broke off, if any; forget those of others."""
        mine = ""
        for key, upload_id in self._bucket.uploads(folder):
            if key == self._key and not mine:
                mine = upload_id
            else:
                self._bucket.abort(key, upload_id)
        return mine

    def _copied(self, piece: Piece, upload_id: str, number: int, base: str, etag: str) -> bool:
        """Have the server take a piece from what it has, and tell whether that is what it is."""
        if piece.source is None:
            return False
        end = piece.source + piece.size_bytes
        try:
            came = self._bucket.copy(self._key, upload_id, number, base, piece.source, end)
        except Refused as refused:
            if refused.code == "NoSuchUpload":
                raise
            return False
        return came == etag


def _entries_of(bucket: Bucket, sha256: str) -> Sequence[Entry]:
    """Return what is in a package that the server has; nothing where that cannot be had."""
    came = bucket.package(sha256, f"bytes=-{TAIL_BYTES}")
    place = directory_of(came[0], came[1]) if came else None
    if came is None or place is None:
        return ()
    tail, whole = came
    start, size = place
    if size + END.size <= len(tail):
        return entries(tail[-END.size - size : -END.size], start)
    again = bucket.package(sha256, f"bytes={start}-{start + size - 1}")
    return entries(again[0], start) if again and again[1] == whole else ()


def clean(bucket: Bucket, folder: str) -> None:
    """Remove what uploads that broke off have left, as far as it can be."""
    with suppress(*UNTIDY):
        for key in _objects(bucket, folder) or ():
            bucket.delete(key)
        for key, upload_id in bucket.uploads(folder):
            bucket.abort(key, upload_id)
