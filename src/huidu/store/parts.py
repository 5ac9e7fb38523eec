"""Parts: objects that come in several pieces, in any order, until somebody says that it is all."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from huidu.model.lifecycle import open_s
from huidu.store.object_file import Draft, Facts
from huidu.store.objects import Absent, Objects, copied

UPLOAD = re.compile(r"[0-9a-f]{32}")
ETAG = re.compile(r"[0-9a-f]{32}")
PART = re.compile(rf"(?P<number>[0-9]{{5}})-(?P<etag>{ETAG.pattern})")
ABOUT = "about"


class Mismatch(Exception):
    """A part that is named is not there, or is another by now; `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Overfull(Exception):
    """All parts together are larger than an object may be."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload in parts that was begun."""

    id: str
    key: str
    begun_at: float
    headers: dict[str, str] = {}


BEGUN = msgspec.json.Decoder(Upload)


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is there."""

    number: int
    etag: str
    size_bytes: int
    modified_at: float


class Parts:
    """Keeps the parts of objects until they are whole. Everything here blocks, as `Objects` do."""

    def __init__(self, objects: Objects, most_bytes: int) -> None:
        self._objects = objects
        self._most_bytes = most_bytes

    def begin(self, bucket: str, key: str, at: float, headers: Mapping[str, str]) -> Upload:
        """Begin an upload."""
        upload = Upload(id=secrets.token_hex(16), key=key, begun_at=at, headers=dict(headers))
        with self._objects.held(bucket) as place, self._objects.aside.lend() as mine:
            (mine / "new").mkdir()
            self._objects.aside.write(mine / "new" / ABOUT, msgspec.json.encode(upload))
            (mine / "new").rename(place / "uploads" / upload.id)
        return upload

    def find(self, bucket: str, upload_id: str, key: str) -> Upload:
        """Return an upload of this key, or raise `Absent`."""
        with self._objects.held(bucket) as place:
            return self._about(place, upload_id, key)

    def add(self, bucket: str, upload: Upload, number: int, draft: Draft) -> str:
        """Keep a part, in the place of an earlier one of its number; return its ETag.

        Raises `Overfull` where it is one too many.
        """
        draft.seal()
        with self._objects.held(bucket) as place:
            self._about(place, upload.id, upload.key)
            there = _parts(folder := place / "uploads" / upload.id)
            others = sum(part.size_bytes for part in there if part.number != number)
            if others + draft.size_bytes > self._most_bytes:
                raise Overfull
            draft.name(_file(folder, number, draft.md5))
            for part in there:
                if part.number == number and part.etag != draft.md5:
                    _file(folder, number, part.etag).unlink()
        return draft.md5

    def list(self, bucket: str, upload: Upload) -> Sequence[Part]:
        """Return the parts that are there, in order."""
        with self._objects.held(bucket) as place:
            self._about(place, upload.id, upload.key)
            return _parts(place / "uploads" / upload.id)

    def begun(self, bucket: str) -> Sequence[Upload]:
        """Return the uploads that were begun and not ended, in the order of their keys."""
        found = []
        with self._objects.held(bucket) as place:
            for folder in (place / "uploads").iterdir():
                with suppress(Absent):
                    found.append(self._about(place, folder.name, None))
        return sorted(found, key=lambda upload: (upload.key.encode(), upload.begun_at))

    def end(
        self, bucket: str, upload: Upload, chosen: Sequence[tuple[int, str]], at: float
    ) -> Facts:
        """Make an object of these parts, by number and ETag; raises `Mismatch` or `Absent`."""
        draft = self._objects.draft()
        try:
            whole = hashlib.md5(usedforsecurity=False)
            with self._objects.held(bucket) as place:
                folder = place / "uploads" / upload.id
            for number, etag in chosen:
                if not ETAG.fullmatch(etag):  # It becomes a part of a path.
                    raise Mismatch(number)
                try:
                    with _file(folder, number, etag).open("rb") as part:
                        copied(part, draft)
                except FileNotFoundError:
                    self.find(bucket, upload.id, upload.key)
                    raise Mismatch(number) from None
                whole.update(bytes.fromhex(etag))
            facts = Facts(
                key=upload.key,
                size_bytes=draft.size_bytes,
                etag=f"{whole.hexdigest()}-{len(chosen)}",
                modified_at=at,
                headers=upload.headers,
            )
            draft.seal(facts)
            with self._objects.held(bucket) as place:
                self._about(place, upload.id, upload.key)
                self._objects.name(bucket, draft, facts)
                self._objects.aside.discard(place / "uploads" / upload.id)
        finally:
            draft.close()
        return facts

    def abort(self, bucket: str, upload: Upload) -> None:
        """Forget an upload and its parts."""
        with self._objects.held(bucket) as place:
            self._about(place, upload.id, upload.key)
            self._objects.aside.discard(place / "uploads" / upload.id)

    def forget(self, now: float, otherwise_s: float) -> int:
        """Forget uploads that nobody has ended for long enough; return how many."""
        gone = 0
        for bucket in self._objects.buckets():
            with suppress(Absent):
                lifecycle = self._objects.told(bucket)
                rules = lifecycle.read() if lifecycle else ()
                for upload in self.begun(bucket):
                    if upload.begun_at < now - open_s(rules, upload.key, otherwise_s):
                        self.abort(bucket, upload)
                        gone += 1
        return gone

    def _about(self, place: Path, upload_id: str, key: str | None) -> Upload:
        if not UPLOAD.fullmatch(upload_id):
            raise Absent("upload")
        try:
            text = (place / "uploads" / upload_id / ABOUT).read_bytes()
        except FileNotFoundError:
            raise Absent("upload") from None
        upload = BEGUN.decode(text)
        if key not in (None, upload.key):
            raise Absent("upload")
        return upload


def _file(folder: Path, number: int, etag: str) -> Path:
    return folder / f"{number:05}-{etag}"


def _parts(folder: Path) -> Sequence[Part]:
    found = []
    for file in sorted(folder.iterdir()):
        if read := PART.fullmatch(file.name):
            facts = file.stat()
            found.append(Part(int(read["number"]), read["etag"], facts.st_size, facts.st_mtime))
    return found
