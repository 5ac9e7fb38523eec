"""Layers in the catalog: numbers are used once, and packages stay while they are needed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from huidu.model.errors import NotFound
from huidu.model.function import Code, Layer
from huidu.model.layer import LayerVersion
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.reading import Reading
from huidu.store.writing import Writing
from tests.fakes_store import CONFIGURATION, FUNCTION, Published, begin, version

ONE, TWO = Code("1a" * 32, 10), Code("2b" * 32, 20)


@pytest.fixture
async def catalog(database: Database, published: Published) -> Catalog:
    """A catalog that knows `hello`."""
    kept = Catalog(database, published)
    await kept.write(begin)
    return kept


def layer(name: str = "words", code: Code = ONE, **more: Any) -> LayerVersion:
    known: dict[str, Any] = {"number": 0, "runtimes": ("Python3.10", "Nodejs16.13")}
    return LayerVersion(name=name, code=code, **known | more)


def forget(writing: Writing, gone: LayerVersion) -> None:
    writing.layers.delete(gone)


async def codes(catalog: Catalog) -> set[Code]:
    there = await catalog.read(Reading.codes)
    return {code for code in (ONE, TWO) if code.sha256 in there}


async def test_a_version_comes_back_as_it_was_kept(catalog: Catalog) -> None:
    wanted = layer(description="for all", license="MIT", added_at=7.0)
    made = await catalog.write(lambda writing: writing.layers.add(wanted))

    assert made == replace(wanted, number=1)
    assert await catalog.read(lambda reading: reading.layers.version("words", 1)) == made


async def test_no_number_is_used_twice(catalog: Catalog) -> None:
    for number in (1, 2):
        made = await catalog.write(lambda writing: writing.layers.add(layer()))
        assert made.number == number
    for made in await catalog.read(lambda reading: reading.layers.versions("words")):
        await catalog.write(partial(forget, gone=made))

    assert await catalog.read(lambda reading: reading.layers.count()) == 0
    with pytest.raises(NotFound, match=r"Layer \[words\]"):
        await catalog.read(lambda reading: reading.layers.versions("words"))
    assert (await catalog.write(lambda writing: writing.layers.add(layer()))).number == 3


async def test_lists_have_the_newest_first(catalog: Catalog) -> None:
    def add(writing: Writing) -> None:
        for name in ("b", "a", "b"):
            writing.layers.add(layer(name))

    await catalog.write(add)

    every = await catalog.read(lambda reading: reading.layers.every())
    assert [(one.name, one.number) for one in every] == [("a", 1), ("b", 2), ("b", 1)]
    assert await catalog.read(lambda reading: reading.layers.count()) == 2
    assert await catalog.read(lambda reading: reading.layers.count_versions("b")) == 2


async def test_what_is_not_there_is_said(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match=r"LayerVersion \[words:1\]"):
        await catalog.read(lambda reading: reading.layers.version("words", 1))


async def test_a_package_is_needed_as_long_as_a_layer_or_a_version_has_it(
    catalog: Catalog,
) -> None:
    made = await catalog.write(lambda writing: writing.layers.add(layer()))
    layered = replace(CONFIGURATION, layers=(Layer("words", 1, ONE), Layer("more", 1, TWO)))
    await catalog.write(lambda w: w.add_version(version("3", configuration=layered)))
    await catalog.write(lambda writing: writing.layers.delete(made))
    assert await codes(catalog) == {ONE, TWO}
    await catalog.write(lambda writing: writing.delete_version(version("3")))
    assert await codes(catalog) == set()


async def test_the_latest_needs_the_layers_that_it_has_now(catalog: Catalog) -> None:
    for layers in ((Layer("a", 1, ONE),), (Layer("a", 1, TWO), Layer("b", 1, TWO)), ()):
        now = version("$LATEST", configuration=replace(CONFIGURATION, layers=layers))
        await catalog.write(partial(Writing.replace_latest, version=now))
        assert await codes(catalog) == {one.code for one in layers}


async def test_a_function_that_goes_needs_nothing(catalog: Catalog) -> None:
    layered = replace(CONFIGURATION, layers=(Layer("words", 1, ONE),))
    await catalog.write(lambda w: w.add_version(version("3", configuration=layered)))
    kept = await catalog.read(lambda reading: reading.version(FUNCTION, "3"))
    assert kept.configuration.layers == layered.layers
    assert kept.is_active
    await catalog.write(lambda writing: writing.delete_function(FUNCTION))

    assert await codes(catalog) == set()
