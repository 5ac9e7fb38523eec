"""Mirrors in the catalog: read back as they were kept, and gone with what they belong to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from huidu.model.comparison import NONE, Comparison, Side, Verdict
from huidu.model.difference import Difference
from huidu.model.effect import MirrorEnded, MirrorGone, MirrorKept
from huidu.model.errors import Failed, NotFound
from huidu.model.mirror import Mark, Mirror
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.mirror_tables import MIRROR
from huidu.store.reading import Reading
from huidu.store.reports import Reports
from huidu.store.told import Asking
from huidu.store.writing import Writing
from tests.fakes_store import FUNCTION, HELLO, Published, alias, begin

MARK = Mark(function_id=FUNCTION.id, who="AKID", why="it writes nothing", at=5.0)


def mirror(**more: Any) -> Mirror:
    known: dict[str, Any] = {"id": "mi-1", "function": HELLO, "function_id": FUNCTION.id}
    known |= {"alias": "release", "version": "2", "share": 0.25, "ignored": ("$.a", '$["b c"]')}
    known |= {"who": "AKID", "why": "ticket 7", "added_at": 10.0, "until": 100.0}
    return Mirror(**known | more)


def some() -> Comparison:
    live, candidate = (
        Side(request_id=name, status=200, result="1", took_ms=1.5) for name in ("l", "c")
    )
    unlike = Difference("$.牛", '"牛"', "(absent)")
    found = NONE.with_pair(live, candidate, Verdict((unlike,)))
    failed = replace(candidate, status=433)
    return found.with_pair(live, failed, Verdict((Difference("status", "200", "433"),)))


@pytest.fixture
async def catalog(database: Database, published: Published) -> Catalog:
    kept = Catalog(database, published)
    await kept.write(begin)
    await kept.write(lambda writing: writing.mirrors.put(mirror()))
    published.commits.clear()
    return kept


def put_mark(writing: Writing, mark: Mark) -> None:
    writing.mirrors.put_mark(mark)


async def find(catalog: Catalog) -> tuple[Mirror, Comparison]:
    return await catalog.read(lambda reading: reading.mirrors.find(FUNCTION, "release"))


async def told(catalog: Catalog) -> list[str]:
    happened = await catalog.read(lambda reading: reading.happenings(Asking()))
    return [one.kind for one in happened]


async def test_a_mirror_is_read_back_as_it_was_kept(catalog: Catalog) -> None:
    assert await find(catalog) == (mirror(), NONE)
    assert await catalog.read(lambda r: r.mirrors.all_of(FUNCTION)) == [mirror()]
    assert await catalog.read(lambda r: r.mirrors.all_of(FUNCTION, "1")) == []
    assert await catalog.read(lambda r: r.mirrors.count()) == 1


async def test_what_was_found_is_read_back_as_it_was_kept(
    catalog: Catalog, published: Published
) -> None:
    await Reports(catalog).keep(mirror(), some())

    assert await find(catalog) == (mirror(), some())
    assert published.effects == []
    await catalog.load()
    assert MirrorKept(mirror(), some()) in published.effects


async def test_a_mirror_that_ends_by_itself_is_told_of_once(
    catalog: Catalog, published: Published
) -> None:
    over = replace(mirror(), ended_at=50.0, end="its time is over")
    for _ in "12":
        await Reports(catalog).keep(over, some())

    assert await find(catalog) == (over, some())
    assert await told(catalog) == ["mirror.ended"]
    assert published.effects.count(MirrorEnded(over)) == 1
    assert await catalog.read(lambda r: r.mirrors.count()) == 0
    published.commits.clear()
    await catalog.load()
    assert not [one for one in published.effects if isinstance(one, MirrorKept)]


async def test_what_a_mirror_found_that_is_gone_is_nobodys(catalog: Catalog) -> None:
    other = mirror(id="mi-2", version="1")
    await catalog.write(lambda writing: writing.mirrors.put(other))
    await Reports(catalog).keep(replace(mirror(), ended_at=50.0, end="late"), some())

    assert await find(catalog) == (other, NONE)
    assert await told(catalog) == []


@pytest.mark.parametrize("what", ["mirror", "alias", "function"])
async def test_a_mirror_goes_with_what_it_belongs_to(
    catalog: Catalog, published: Published, what: str
) -> None:
    def change(writing: Writing) -> None:
        writing.mirrors.put_mark(MARK)
        if what == "mirror":
            writing.mirrors.delete(mirror())
        elif what == "alias":
            writing.delete_alias(FUNCTION, alias())
        else:
            writing.delete_function(FUNCTION)

    await catalog.write(change)

    with pytest.raises(NotFound):
        await find(catalog)
    assert (MirrorGone(FUNCTION.id, "release") in published.effects) == (what != "function")
    kept = await catalog.read(lambda reading: reading.mirrors.mark(FUNCTION.id))
    assert kept == (None if what == "function" else MARK)


async def test_a_moved_alias_keeps_its_mirror(catalog: Catalog) -> None:
    moved = alias(at="2", revision=2)
    await catalog.write(lambda writing: writing.replace_alias(FUNCTION, moved))

    assert (await find(catalog))[0] == mirror()


async def test_a_mark_is_kept_replaced_and_taken_back(catalog: Catalog) -> None:
    async def marked() -> Mark | None:
        return await catalog.read(lambda reading: reading.mirrors.mark(FUNCTION.id))

    assert await marked() is None
    for mark in (MARK, replace(MARK, why="another reason")):
        await catalog.write(partial(put_mark, mark=mark))
        assert await marked() == mark
    await catalog.write(lambda writing: writing.mirrors.delete_mark(FUNCTION.id))
    assert await marked() is None


@pytest.mark.parametrize("column", ["body", "findings", "version"])
async def test_a_damaged_mirror_keeps_nothing_else_from_being_loaded(
    catalog: Catalog, database: Database, published: Published, column: str
) -> None:
    await database.write(lambda c: c.execute(update(MIRROR).values({column: "{"})))
    await catalog.load()

    assert len(published.effects) > 3
    assert not [one for one in published.effects if isinstance(one, MirrorKept)]
    assert await catalog.read(Reading.function_ids) == {FUNCTION.id}
    assert not await catalog.read(lambda reading: reading.mirrors.all_of(FUNCTION))
    with pytest.raises(Failed, match=r"is damaged; PutMirror puts another in its place"):
        await find(catalog)
