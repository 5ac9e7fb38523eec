"""Pieces: what is taken from the package before, and what is sent."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from huidu.project.files import Item
from huidu.project.packing import pack
from huidu.project.pieces import (
    END,
    LEAST_COPY_BYTES,
    PART_BYTES,
    Entry,
    Piece,
    directory_of,
    entries,
    pieces,
)

LARGE = bytes(range(256)) * 512
NAMES = st.sampled_from(["a", "b/c", "d", "e.py", "商"])


def zipped(files: Mapping[str, bytes]) -> bytes:
    items = [Item(name=name, size_bytes=len(text), text=text) for name, text in files.items()]
    return pack(items).zip_bytes


def stored(files: Mapping[str, bytes]) -> bytes:
    """A zip that is as large as what is in it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return held.getvalue()


def entries_of(zip_bytes: bytes) -> Sequence[Entry]:
    place = directory_of(zip_bytes[-END.size :], len(zip_bytes))
    assert place is not None
    start, size = place
    return entries(zip_bytes[start : start + size], start)


def put_together(made: bytes, base: bytes, found: Sequence[Piece]) -> bytes:
    parts = (
        made[one.start : one.start + one.size_bytes]
        if one.source is None
        else base[one.source : one.source + one.size_bytes]
        for one in found
    )
    return b"".join(parts)


def test_of_a_package_with_one_changed_file_little_is_sent() -> None:
    files = {f"{number:02}": bytes([number]) * 100_000 for number in range(20)}
    base = stored(files)
    made = stored(files | {"07": b"other" * 10})

    found = pieces(made, entries_of(base))
    assert put_together(made, base, found) == made
    assert [one.source is None for one in found] == [False, True, False, True]
    assert sum(one.size_bytes for one in found if one.source is None) < 3000


@given(old=st.dictionaries(NAMES, st.binary(max_size=9)), new=st.dictionaries(NAMES, st.binary()))
def test_whatever_was_there_before_the_package_is_what_it_should_be(
    old: Mapping[str, bytes], new: Mapping[str, bytes]
) -> None:
    base, made = (zipped({"large": LARGE, **files}) for files in (old, new))

    found = pieces(made, entries_of(base))
    assert put_together(made, base, found) == made
    ends = [one.start + one.size_bytes for one in found]
    assert [one.start for one in found] == [0, *ends[:-1]]
    assert ends[-1] == len(made)


def test_what_is_sent_is_cut_and_what_is_too_short_to_ask_for_is_sent() -> None:
    base = stored({"a": bytes(LEAST_COPY_BYTES - 1000), "b": bytes(9)})
    made = stored({"a": bytes(LEAST_COPY_BYTES - 1000), "b": bytes(2 * PART_BYTES)})

    found = pieces(made, entries_of(base))
    assert [one.source for one in found] == [None, None, None]
    assert max(one.size_bytes for one in found) == PART_BYTES


def test_a_zip_that_is_none_or_has_a_comment_says_nothing() -> None:
    held = io.BytesIO(stored({"a": b"1"}))
    with zipfile.ZipFile(held, "a") as archive:
        archive.comment = b"mine"
    commented = held.getvalue()

    assert directory_of(commented[-END.size :], len(commented)) is None
    assert directory_of(b"short", 5) is None
    assert entries(bytes(100), 7) == ()
