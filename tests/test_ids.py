"""Ids: of a form that everybody reads, and never twice the same."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

from huidu.ids import AT_ONCE, BYTES, Ids


def test_an_id_is_a_random_uuid_as_uuid_itself_writes_it() -> None:
    new_id = Ids()

    for _ in range(3 * AT_ONCE):
        text = new_id()
        read = uuid.UUID(text)
        assert str(read) == text
        assert (read.version, read.variant) == (4, uuid.RFC_4122)


def test_every_bit_that_the_form_leaves_free_is_drawn() -> None:
    ones = [uuid.UUID(text) for text in made(b"\xff")]
    noughts = [uuid.UUID(text) for text in made(b"\0")]

    assert {(one.int ^ other.int).bit_count() for one in ones for other in noughts} == {122}


def test_threads_that_ask_at_once_get_no_id_twice() -> None:
    new_id = Ids()
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(lambda: [new_id() for _ in range(2000)]) for _ in range(8)]
        ids = [one for some in asked for one in some.result(30)]

    assert len(set(ids)) == len(ids) == 16_000


def made(byte: bytes) -> list[str]:
    ids = Ids(lambda count: byte * count)
    return [ids() for _ in range(BYTES)]
