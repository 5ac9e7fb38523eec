"""The records of a zip archive are read as they are meant, and refused when they do not fit."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.store.unzip import CENTRAL, END, END64, LOCATOR, check


def zipped(contents: Mapping[str, bytes], *, system: int = 3, mode: int = 0) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = system, mode << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


GOOD = zipped({"index.py": b"x", "lib/": b"", "lib/a.py": b"y" * 300})
PLAIN = zipped({"index.py": b"x"})
SIZE, START = END.unpack(PLAIN[-END.size :])[-3:-1]
FILES, ROWS = PLAIN[:START], PLAIN[START:][:SIZE]


def end(count: int, size: int, start: int, note: bytes = b"") -> bytes:
    return END.pack(b"PK\5\6", 0, 0, count, count, size, start, len(note)) + note


UNSET = end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def zip64(rows: bytes = ROWS, old: bytes = UNSET, **wrong: int) -> bytes:
    """An archive with the records of zip64, in which some numbers may be other than they are."""
    said = {"length": 44, "count": 1, "size": len(rows), "place": START + len(rows)} | wrong
    numbers = (0, 0, said["count"], said["count"], said["size"], START)
    new = END64.pack(b"PK\6\6", said["length"], *numbers)
    return FILES + rows + new + LOCATOR.pack(b"PK\6\7", said["place"]) + old


def refused(zip_bytes: bytes) -> str:
    with pytest.raises(InvalidValue, match=r"^ZipFile: ") as no:
        check(zip_bytes)
    return no.value.message


@pytest.mark.parametrize(
    "zip_bytes",
    [
        b"",
        b"PK",
        b"PK\3\4",
        b"PK\5\6",
        b"def main_handler(event, context): ...\n",
        b"\x1f\x8b" + bytes(100_000),
        b"PK\5\6" * 40_000,
    ],
)
def test_what_is_no_zip_archive_is_refused(zip_bytes: bytes) -> None:
    assert "not a zip archive" in refused(zip_bytes)


def test_an_archive_without_files_is_refused() -> None:
    assert "holds no file" in refused(zipped({}))
    assert "holds no file" in refused(zipped({"d/": b""}))
    assert "holds no file" in refused(zipped({"./": b""}))


def test_names_may_begin_with_the_root() -> None:
    found = check(zipped({"./": b"", "./index.py": b"x", "./lib/": b"", "./lib/a": b"y"}))

    assert [entry.path for entry in found.entries] == ["index.py", "lib", "lib/a"]


@pytest.mark.parametrize(("system", "mode"), [(0, 0o120777), (10, 0o100755), (3, 0xFFFF)])
def test_what_packers_that_know_no_modes_put_in_their_place_is_passed_over(
    system: int, mode: int
) -> None:
    found = check(zipped({"lib/": b"", "index.py": b"x"}, system=system, mode=mode)).entries

    assert [(entry.path, entry.executable) for entry in found] == [
        ("lib", False),
        ("index.py", False),
    ]


def test_an_archive_cut_anywhere_is_refused() -> None:
    whole = zipped({"a.py": Path(__file__).read_bytes()} | {f"{n}": b"x" for n in range(9)})

    assert check(whole)
    for length in range(0, len(whole), 50):
        refused(whole[:length])
        refused(whole[length + 1 :])
        refused(whole[:length] + whole[length + 50 :])


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ((1, 0, 1, 1, 0, 0), "one part of several"),
        ((0, 1, 1, 1, 0, 0), "one part of several"),
        ((0, 0, 0, 1, 0, 0), "one part of several"),
        ((0, 0, 1, 1, 1, 0), "lacks bytes"),
        ((0, 0, 1, 1, 0, 1), "lacks bytes"),
        ((0, 0, 1, 1, -1, 1), "damaged"),
        ((0, 0, 1, 1, 1, -1), "damaged"),
        ((0, 0, 0, 0, 0, 0), "more than it counts"),
        ((0, 0, 2, 2, 0, 0), "damaged"),
    ],
)
def test_an_end_that_does_not_fit_is_refused(numbers: tuple[int, ...], why: str) -> None:
    *counts, size, start = numbers
    wrong = END.pack(b"PK\5\6", *counts, SIZE + size, START + start, 0)

    assert why in refused(FILES + ROWS + wrong)


def test_a_directory_that_is_none_is_refused() -> None:
    assert "damaged" in refused(FILES + b"PK\7\7" + ROWS[4:] + end(1, SIZE, START))
    assert "damaged" in refused(FILES + ROWS[:-1] + end(1, SIZE - 1, START))


def test_bytes_around_an_archive_are_refused() -> None:
    assert "has others before" in refused(b"#!/bin/sh\n" + GOOD)
    assert "not a zip archive" in refused(GOOD + b"\n")


def test_a_note_at_the_end_is_no_matter_even_if_it_looks_like_an_end() -> None:
    for note in (b"built by hand", b"PK\5\6" + bytes(30), b"x" * 65_535):
        assert check(FILES + ROWS + end(1, SIZE, START, note=note))


def test_the_records_of_zip64_are_read() -> None:
    row = list(CENTRAL.unpack_from(ROWS))
    size, packed = (row[place].to_bytes(8, "little") for place in (6, 5))
    extra = b"\7\0\2\0??" + b"\1\0\x10\0" + size + packed
    row[5:7], row[8] = [0xFFFFFFFF] * 2, len(extra)

    assert check(zip64()) == check(PLAIN)
    assert check(zip64(CENTRAL.pack(*row) + ROWS[CENTRAL.size :] + extra)) == check(PLAIN)


def test_an_archive_written_as_a_stream_is_read() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        written.seekable = lambda: False  # type: ignore[method-assign]
        with archive.open("index.py", "w", force_zip64=True) as file:
            file.write(b"x" * 99)

    assert check(written.getvalue()).size_bytes == 99


def test_records_of_zip64_that_are_not_where_they_should_be_are_refused() -> None:
    for place in (0, START + SIZE + 1, START + SIZE + END64.size, 2**63):
        assert "damaged" in refused(zip64(place=place))
    for length in (0, 45, 2**64 - 1):
        assert "damaged" in refused(zip64(length=length))


def test_a_crowd_that_only_zip64_admits_is_refused() -> None:
    assert "120000 entries; a package has at most 20000" in refused(zip64(count=120_000))


def test_two_ends_that_disagree_are_refused() -> None:
    for old in (end(2, SIZE, START), end(1, SIZE - 1, START), end(1, SIZE, START - 1)):
        assert "damaged" in refused(zip64(old=old))
    assert check(zip64(old=end(1, SIZE, START)))


@given(at=st.integers(0, len(GOOD) - 1), more=st.binary(min_size=1, max_size=40))
def test_damage_is_refused_or_does_no_harm(at: int, more: bytes) -> None:
    """Whatever is written into it, an archive is a listing of plain paths or is refused."""
    for rest in (GOOD[at:], GOOD[at + 1 :], GOOD[at + len(more) :]):
        try:
            found = check(GOOD[:at] + more + rest)
        except InvalidValue:
            continue
        for entry in found.entries:
            assert {"", ".", ".."}.isdisjoint(entry.path.split("/"))
        placed = sorted(found.entries, key=lambda entry: entry.head)
        assert all(one.end <= other.head for one, other in pairwise(placed))
