"""Objects in buckets: whole or not at all, nowhere else, and not for ever."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.store.object_file import Facts, facts_of
from huidu.store.objects import Absent, Lifecycle, NotEmpty, Objects, Taken, copied
from huidu.store.parts import Mismatch, Overfull, Parts, Upload

BUCKET, NOW, DAY_S = "code-1250000000", 1_700_000_000.0, 86_400.0


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    made = Objects(tmp_path / "objects")
    made.make(BUCKET)
    return made


@pytest.fixture
def parts(objects: Objects) -> Parts:
    return Parts(objects, most_bytes=100)


def put(objects: Objects, key: str, body: bytes, at: float = NOW) -> Facts:
    draft = objects.draft()
    try:
        draft.write(body)
        return objects.keep(BUCKET, key, draft, at, {"content-type": "text/plain"})
    finally:
        draft.close()


def get(objects: Objects, key: str) -> bytes:
    facts, file = objects.open(BUCKET, key)
    with file:
        return file.read(facts.size_bytes)


def add(objects: Objects, parts: Parts, upload: Upload, number: int, body: bytes) -> str:
    draft = objects.draft()
    try:
        draft.write(body)
        return parts.add(BUCKET, upload, number, draft)
    finally:
        draft.close()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_is_there_with_what_is_known_of_it(objects: Objects) -> None:
    facts = put(objects, "a/b.zip", b"hello")

    assert facts.etag == "5d41402abc4b2a76b9719d911017c592"
    assert objects.find(BUCKET, "a/b.zip") == facts
    assert get(objects, "a/b.zip") == b"hello"
    assert (facts.size_bytes, facts.modified_at, facts.headers) == (
        5,
        NOW,
        {"content-type": "text/plain"},
    )


def test_the_last_that_is_put_is_there(objects: Objects) -> None:
    put(objects, "a", b"one")
    put(objects, "a", b"two")

    assert get(objects, "a") == b"two"
    assert [facts.key for facts in objects.every(BUCKET)] == ["a"]


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "/etc/passwd", "..", "a\0b", "a/../../b", "x" * 850]
)
def test_a_key_leads_to_no_other_place(objects: Objects, tmp_path: Path, key: str) -> None:
    before = files(tmp_path)
    put(objects, key, b"x")

    (new,) = set(files(tmp_path)) - set(before)
    assert new.is_relative_to(tmp_path / "objects" / "buckets" / BUCKET / "objects")
    assert [facts.key for facts in objects.every(BUCKET)] == [key]


@pytest.mark.parametrize("bucket", ["..", "", "a/b", "/etc", "A", "a" * 64, "a\0"])
def test_no_bucket_has_such_a_name(objects: Objects, bucket: str) -> None:
    for ask in (objects.make, objects.has, objects.every, objects.remove):
        with pytest.raises(Absent):
            ask(bucket)


@given(body=st.binary(max_size=200), key=st.text(min_size=1, max_size=20))
def test_any_bytes_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, key: str
) -> None:
    mine = Objects(tmp_path_factory.mktemp("any"))
    mine.make(BUCKET)
    put(mine, key, body)

    assert get(mine, key) == body


def test_what_is_not_given_a_name_leaves_nothing(objects: Objects, tmp_path: Path) -> None:
    draft = objects.draft()
    draft.write(b"half")
    draft.close()

    assert files(tmp_path) == []


def test_what_a_killed_server_left_half_written_is_gone_at_the_next_start(
    objects: Objects, tmp_path: Path
) -> None:
    (left := tmp_path / "objects" / "aside" / "left").mkdir()
    (left / "draft").write_bytes(b"half")
    Objects(tmp_path / "objects")

    assert files(tmp_path) == []


@pytest.mark.parametrize("body", [b"", b"short", b"x" * 100, b'{"key": "a"}' + b"\0" * 12])
def test_a_file_that_is_not_ours_is_no_object(body: bytes) -> None:
    file = io.BytesIO(body)
    file.name = "a file"  # as of one on a disk
    with pytest.raises(ValueError, match="a file"):
        facts_of(file)


def test_a_file_that_was_cut_short_is_in_no_list(objects: Objects, tmp_path: Path) -> None:
    put(objects, "a", b"hello")
    (kept,) = files(tmp_path / "objects" / "buckets")
    os.truncate(kept, 20)

    assert objects.every(BUCKET) == []
    with pytest.raises(ValueError, match="objects"):
        objects.open(BUCKET, "a")


def test_a_bucket_is_made_once_and_removed_when_it_is_empty(objects: Objects) -> None:
    put(objects, "a", b"x")
    with pytest.raises(Taken):
        objects.make(BUCKET)
    with pytest.raises(NotEmpty):
        objects.remove(BUCKET)
    objects.delete(BUCKET, "a")
    objects.delete(BUCKET, "a")
    objects.remove(BUCKET)

    assert not objects.has(BUCKET)
    assert objects.buckets() == []
    for ask in (objects.every, objects.remove, objects.told):
        with pytest.raises(Absent, match="bucket"):
            ask(BUCKET)


def test_what_is_not_there_says_what_it_is(objects: Objects) -> None:
    with pytest.raises(Absent, match="object"):
        objects.open(BUCKET, "none")
    with pytest.raises(Absent, match="bucket"):
        objects.find("other-1250000000", "none")
    with pytest.raises(Absent, match="bucket"):
        objects.delete("other-1250000000", "none")


def test_many_who_put_one_object_leave_one_whole(objects: Objects) -> None:
    bodies = [bytes([n]) * 100_000 for n in range(8)]
    threads = [threading.Thread(target=put, args=(objects, "a", body)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert get(objects, "a") in bodies


def test_objects_go_when_their_time_is_over(objects: Objects) -> None:
    put(objects, "old", b"x", NOW - 2 * DAY_S)
    put(objects, "new", b"x", NOW)

    assert objects.forget(NOW, DAY_S) == 1
    assert [facts.key for facts in objects.every(BUCKET)] == ["new"]


def test_a_bucket_says_how_long_it_keeps_things(objects: Objects) -> None:
    for key in ("tmp/a", "a"):
        put(objects, key, b"x", NOW - 2 * DAY_S)
    objects.tell(BUCKET, Lifecycle("<said/>", (("", 10, None), ("tmp/", 1, None))))
    told = objects.told(BUCKET)

    assert told is not None
    assert told.said == "<said/>"
    assert objects.forget(NOW, 60.0) == 1
    assert [facts.key for facts in objects.every(BUCKET)] == ["a"]
    objects.tell(BUCKET, None)
    objects.tell(BUCKET, None)
    assert objects.told(BUCKET) is None
    assert objects.forget(NOW, 60.0) == 1


def test_parts_make_an_object_in_the_order_of_their_numbers(
    objects: Objects, parts: Parts, tmp_path: Path
) -> None:
    upload = parts.begin(BUCKET, "a", NOW, {"x-cos-meta-who": "me"})
    two = add(objects, parts, upload, 2, b"two")
    add(objects, parts, upload, 1, b"another")
    one = add(objects, parts, upload, 1, b"one ")
    add(objects, parts, upload, 3, b"left out")

    assert [part.number for part in parts.list(BUCKET, upload)] == [1, 2, 3]
    assert parts.begun(BUCKET) == [upload]
    facts = parts.end(BUCKET, upload, [(1, one), (2, two)], NOW)
    assert get(objects, "a") == b"one two"
    whole = hashlib.md5(bytes.fromhex(one) + bytes.fromhex(two), usedforsecurity=False)
    assert facts.etag == f"{whole.hexdigest()}-2"
    assert facts.headers == {"x-cos-meta-who": "me"}
    assert parts.begun(BUCKET) == []
    assert len(files(tmp_path)) == 1


def test_a_part_that_is_not_there_makes_no_object(objects: Objects, parts: Parts) -> None:
    upload = parts.begin(BUCKET, "a", NOW, {})
    one = add(objects, parts, upload, 1, b"one")
    for chosen in ([(1, one), (2, one)], [(1, "0" * 32)], [(1, "../about")]):
        with pytest.raises(Mismatch):
            parts.end(BUCKET, upload, chosen, NOW)

    assert [part.etag for part in parts.list(BUCKET, upload)] == [one]
    with pytest.raises(Absent, match="object"):
        objects.find(BUCKET, "a")


def test_an_upload_that_was_given_up_is_gone(objects: Objects, parts: Parts) -> None:
    upload = parts.begin(BUCKET, "a", NOW, {})
    one = add(objects, parts, upload, 1, b"one")
    with pytest.raises(NotEmpty):
        objects.remove(BUCKET)
    parts.abort(BUCKET, upload)

    with pytest.raises(Absent, match="upload"):
        parts.abort(BUCKET, upload)
    with pytest.raises(Absent, match="upload"):
        add(objects, parts, upload, 2, b"two")
    with pytest.raises(Absent, match="upload"):
        parts.end(BUCKET, upload, [(1, one)], NOW)
    objects.remove(BUCKET)


def test_an_upload_is_of_one_key(parts: Parts) -> None:
    upload = parts.begin(BUCKET, "a", NOW, {})

    assert parts.find(BUCKET, upload.id, "a") == upload
    for upload_id, key in ((upload.id, "b"), ("0" * 32, "a"), ("../x", "a"), ("", "a")):
        with pytest.raises(Absent, match="upload"):
            parts.find(BUCKET, upload_id, key)


def test_all_parts_together_are_no_larger_than_an_object(objects: Objects, parts: Parts) -> None:
    upload = parts.begin(BUCKET, "a", NOW, {})
    add(objects, parts, upload, 1, b"x" * 60)
    with pytest.raises(Overfull):
        add(objects, parts, upload, 2, b"x" * 41)
    add(objects, parts, upload, 1, b"y" * 100)

    assert [part.size_bytes for part in parts.list(BUCKET, upload)] == [100]


def test_uploads_that_nobody_ends_are_ended(parts: Parts, objects: Objects) -> None:
    parts.begin(BUCKET, "old", NOW - 2 * DAY_S, {})
    new = parts.begin(BUCKET, "new", NOW, {})
    objects.tell(BUCKET, Lifecycle("", (("", None, 7),)))
    assert parts.forget(NOW, DAY_S) == 0
    objects.tell(BUCKET, None)

    assert parts.forget(NOW, DAY_S) == 1
    assert parts.begun(BUCKET) == [new]


def test_a_file_is_copied_in_pieces(objects: Objects) -> None:
    draft = objects.draft()
    copied(io.BytesIO(b"x" * 600_000), draft)

    assert draft.size_bytes == 600_000
    draft.close()
