"""Objects: buckets of files that code is uploaded to before a function is made of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from huidu.model.lifecycle import Rule, kept_s
from huidu.store.aside import Aside, locked, sync
from huidu.store.object_file import Draft, Facts, facts_of

PIECE_BYTES = 256 * 1024
BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Absent(Exception):
    """There is no such bucket, object or upload; `kind` says which of them."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Taken(Exception):
    """There is a bucket of that name."""


class NotEmpty(Exception):
    """A bucket that holds something is not removed."""


class Lifecycle(msgspec.Struct, frozen=True):
    """What a bucket was told of how long to keep things: as it was said, and what of it is obeyed.

    A rule is what `model/lifecycle.py` calls one: prefix, days to keep, days to leave open.
    """

    said: str
    rules: tuple[tuple[str, int | None, int | None], ...] = ()

    def read(self) -> Sequence[Rule]:
        """Return the rules that are obeyed."""
        return [Rule(prefix=p, expires_days=e, aborts_days=a) for p, e, a in self.rules]


LIFECYCLE = msgspec.json.Decoder(Lifecycle)


class Objects:
    """Keeps objects in buckets, each as one file under the digest of its key.

    So whatever a key says, it leads to no other place. An object is under its name whole or not
    at all. Everything here blocks; any number of threads may work over one directory, and who
    changes what is in a bucket holds a `flock` on it.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.aside = Aside(home / "aside")
        self._buckets = home / "buckets"
        self._buckets.mkdir(exist_ok=True)

    def make(self, bucket: str) -> None:
        """Make a bucket, or raise `Taken`."""
        place = self._place(bucket)
        with self.aside.lend() as mine:
            for folder in ("new", "new/objects", "new/uploads"):
                (mine / folder).mkdir()
            try:
                (mine / "new").rename(place)
            except OSError:  # A folder that holds something is replaced by none.
                if place.is_dir():
                    raise Taken(bucket) from None
                raise
        sync(self._buckets)

    def has(self, bucket: str) -> bool:
        """Tell whether there is a bucket."""
        return self._place(bucket).is_dir()

    def remove(self, bucket: str) -> None:
        """Remove a bucket, or raise `NotEmpty` or `Absent`."""
        with self.held(bucket) as place, self.aside.lend() as mine:
            if any(place.glob("*/*/*")):
                raise NotEmpty(bucket)
            place.rename(mine / "gone")
        sync(self._buckets)

    def tell(self, bucket: str, lifecycle: Lifecycle | None) -> None:
        """Keep what a bucket is told of how long to keep things; None: nothing."""
        with self.held(bucket) as place:
            file = place / "lifecycle"
            if lifecycle is None:
                file.unlink(missing_ok=True)
            else:
                self.aside.write(file, msgspec.json.encode(lifecycle))

    def told(self, bucket: str) -> Lifecycle | None:
        """Return what a bucket was told of how long to keep things."""
        with self.held(bucket) as place, suppress(FileNotFoundError):
            return LIFECYCLE.decode((place / "lifecycle").read_bytes())
        return None

    def draft(self) -> Draft:
        """Begin to write an object; whoever does closes it, whatever comes of it."""
        return Draft(self.aside)

    def keep(
        self, bucket: str, key: str, draft: Draft, at: float, headers: Mapping[str, str]
    ) -> Facts:
        """Keep what was written, in the place of what was there."""
        facts = Facts(
            key=key,
            size_bytes=draft.size_bytes,
            etag=draft.md5,
            modified_at=at,
            headers=dict(headers),
        )
        draft.seal(facts)
        with self.held(bucket):
            self.name(bucket, draft, facts)
        return facts

    def name(self, bucket: str, draft: Draft, facts: Facts) -> None:
        """Give what is sealed its name; whoever does holds the bucket."""
        place = self._file(bucket, facts.key)
        if not place.parent.is_dir():
            place.parent.mkdir(exist_ok=True)
            sync(place.parent.parent)
        draft.name(place)

    def open(self, bucket: str, key: str) -> tuple[Facts, BinaryIO]:
        """Return an object and its file, or raise `Absent`; whoever asks closes the file."""
        try:
            file = self._file(bucket, key).open("rb")
        except FileNotFoundError:
            raise Absent("object" if self.has(bucket) else "bucket") from None
        try:
            return facts_of(file), file
        except BaseException:
            file.close()
            raise

    def find(self, bucket: str, key: str) -> Facts:
        """Return what is known of an object, or raise `Absent`."""
        facts, file = self.open(bucket, key)
        file.close()
        return facts

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; it need not be there."""
        with self.held(bucket):
            self._file(bucket, key).unlink(missing_ok=True)

    def every(self, bucket: str) -> Sequence[Facts]:
        """Return what is known of all objects of a bucket, in the order of their keys."""
        if not self.has(bucket):
            raise Absent("bucket")
        found = (self._facts(place) for place in self._place(bucket).glob("objects/*/*"))
        return sorted((one for one in found if one), key=lambda one: one.key.encode())

    def buckets(self) -> Sequence[str]:
        """Return the names of all buckets."""
        return sorted(place.name for place in self._buckets.iterdir())

    def forget(self, now: float, otherwise_s: float) -> int:
        """Remove objects that have been kept for long enough; return how many.

        That is as long as their bucket says, and otherwise what is given here.
        """
        gone = 0
        for bucket in self.buckets():
            with suppress(Absent):
                lifecycle = self.told(bucket)
                rules = lifecycle.read() if lifecycle else ()
                gone += sum(
                    self._forget(bucket, facts, now - kept_s(rules, facts.key, otherwise_s))
                    for facts in self.every(bucket)
                )
        return gone

    @contextmanager
    def held(self, bucket: str) -> Iterator[Path]:
        """Hold a bucket while what is in it is changed, or raise `Absent`."""
        place = self._place(bucket)
        try:
            with locked(place):
                yield place
        except FileNotFoundError:
            if place.is_dir():
                raise
            raise Absent("bucket") from None

    def _forget(self, bucket: str, facts: Facts, before: float) -> bool:
        if facts.modified_at >= before:
            return False
        with self.held(bucket):
            place = self._file(bucket, facts.key)
            if self._facts(place) != facts:  # Somebody put another in its place.
                return False
            place.unlink()
        return True

    def _facts(self, place: Path) -> Facts | None:
        try:
            with place.open("rb") as file:
                return facts_of(file)
        except (FileNotFoundError, ValueError):
            return None

    def _place(self, bucket: str) -> Path:
        if not BUCKET.fullmatch(bucket):
            raise Absent("bucket")
        return self._buckets / bucket

    def _file(self, bucket: str, key: str) -> Path:
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        return self._place(bucket) / "objects" / digest[:2] / digest


def copied(source: BinaryIO, draft: Draft) -> None:
    """Write all of a file to a draft, a piece at a time."""
    while chunk := source.read(PIECE_BYTES):
        draft.write(chunk)
