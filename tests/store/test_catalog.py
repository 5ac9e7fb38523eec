"""What the catalog promises, whatever the database below it."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, insert, select, update
from sqlalchemy.exc import IntegrityError
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from huidu.invoke.routes import Routes
from huidu.model.alias import SPLITS, Alias
from huidu.model.effect import (
    AliasGone,
    AliasKept,
    Effect,
    FunctionGone,
    FunctionKept,
    MirrorGone,
    ProvisionChanged,
    ReservationChanged,
    TriggersChanged,
    VersionGone,
    VersionKept,
)
from huidu.model.errors import InUse, NotFound, Unavailable
from huidu.model.function import Code, Configuration, Function, FunctionName
from huidu.model.history import Change
from huidu.model.routing import Ruled, Share, Weighted
from huidu.model.rules import Rule
from huidu.model.split import WHOLE
from huidu.model.traits import NO_TRAITS
from huidu.model.trigger import Trigger
from huidu.model.version import Version
from huidu.store import rows
from huidu.store.catalog import Catalog, have_heard
from huidu.store.database import Database
from huidu.store.migrate import upgrade
from huidu.store.reading import EVERY, MOST_NAMED, Page, Reading
from huidu.store.tables import ALIAS, FUNCTION, HISTORY, PROVISION, TRIGGER, VERSION
from huidu.store.writing import Writing
from tests.fakes_store import (
    CONFIGURATION,
    HELLO,
    Published,
    alias,
    begin,
    function,
    trigger,
    version,
)
from tests.fakes_store import FUNCTION as HELLO_FUNCTION
from tests.platform import Platform, zipped


@pytest.fixture
async def catalog(database: Database, published: Published) -> Catalog:
    """A catalog that knows `hello`."""
    kept = Catalog(database, published)
    await kept.write(begin)
    published.commits.clear()
    return kept


def change(
    before: Alias | None, after: Alias | None, revision: int, action: str = "UpdateAlias"
) -> Change:
    return Change(
        function=HELLO,
        function_id=HELLO_FUNCTION.id,
        alias="release",
        revision=revision,
        at=float(revision),
        who="AKID",
        why="",
        action=action,
        before=before,
        after=after,
    )


# Writes


async def test_a_write_that_raises_keeps_nothing_and_publishes_nothing(
    catalog: Catalog, published: Published
) -> None:
    def fail(writing: Writing) -> None:
        writing.add_version(version("3"))
        writing.replace_alias(HELLO_FUNCTION, alias(at="3", revision=2))
        raise KeyError("as it happens")

    with pytest.raises(KeyError, match="as it happens"):
        await catalog.write(fail)

    assert published.commits == []
    assert await catalog.read(lambda r: r.alias(HELLO_FUNCTION, "release")) == alias()
    assert await catalog.read(lambda r: r.count_versions(HELLO_FUNCTION)) == 3


async def test_a_write_returns_what_its_change_returns(catalog: Catalog) -> None:
    assert await catalog.write(lambda writing: writing.namespace_exists("default")) is True


async def test_of_two_writers_with_the_same_old_alias_the_second_is_refused(
    catalog: Catalog, published: Published
) -> None:
    read = await catalog.read(lambda reading: reading.alias(HELLO_FUNCTION, "release"))
    first, second = (read.point(number, None, salt="") for number in ("2", "$LATEST"))
    await catalog.write(lambda writing: writing.replace_alias(HELLO_FUNCTION, first))

    with pytest.raises(InUse, match="changed meanwhile") as refused:
        await catalog.write(lambda writing: writing.replace_alias(HELLO_FUNCTION, second))

    assert refused.value.code == "ResourceInUse"
    assert published.effects == [AliasKept(first)]
    assert await catalog.read(lambda r: r.alias(HELLO_FUNCTION, "release")) == first


async def test_an_alias_that_was_deleted_meanwhile_is_not_replaced(catalog: Catalog) -> None:
    await catalog.write(lambda writing: writing.delete_alias(HELLO_FUNCTION, alias()))

    with pytest.raises(InUse):
        await catalog.write(lambda w: w.replace_alias(HELLO_FUNCTION, alias(at="2", revision=2)))


async def test_a_name_that_is_taken_stays_with_whom_it_belongs_to(catalog: Catalog) -> None:
    with pytest.raises(IntegrityError):
        await catalog.write(lambda writing: writing.add_function(function("hello", "lam-other")))

    assert (await catalog.read(lambda reading: reading.function(HELLO))).id == "lam-1"


async def test_a_numbered_version_has_no_successor(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="1"):
        await catalog.write(lambda writing: writing.replace_latest(version("1")))

    edited = version("$LATEST", description="edited")
    await catalog.write(lambda writing: writing.replace_latest(edited))
    assert await catalog.read(lambda r: r.version(HELLO_FUNCTION, "$LATEST")) == edited


async def test_each_write_says_what_it_means_to_those_who_route(
    catalog: Catalog, published: Published
) -> None:
    two, tick, tock = version("2"), trigger("tick"), trigger("tock")
    grown = replace(HELLO_FUNCTION, next_number=9)
    for step in (
        lambda w: w.replace_function(grown),
        lambda w: w.delete_version(two),
        lambda w: w.delete_alias(grown, alias()),
        lambda w: w.add_trigger(grown, tick),
        lambda w: w.add_trigger(grown, tock),
        lambda w: w.delete_trigger(grown, tick),
        lambda w: w.provision(version("1"), 3, 20.0),
        lambda w: w.provision(version("1"), 0, 20.0),
        lambda w: w.delete_function(grown),
    ):
        await catalog.write(step)

    assert published.effects == [
        FunctionKept(grown),
        VersionGone(two),
        AliasGone(alias()),
        MirrorGone(grown.id, "release"),
        TriggersChanged(grown, (tick,)),
        TriggersChanged(grown, (tick, tock)),
        TriggersChanged(grown, (tock,)),
        ProvisionChanged(version("1"), 3),
        ProvisionChanged(version("1"), 0),
        FunctionGone(grown),
    ]


async def test_effects_are_published_once_per_commit_in_its_order_before_the_write_returns(
    catalog: Catalog, published: Published
) -> None:
    committed: list[str] = []

    async def add(name: str) -> None:
        made = function(name, f"lam-{name}")

        def keep(writing: Writing) -> None:
            writing.add_function(made)
            writing.replace_function(made)
            committed.append(name)

        await catalog.write(keep)
        assert FunctionKept(made) in published.effects

    await asyncio.gather(*(add(f"many-{n}") for n in range(40)))

    def names(commit: Any) -> list[str]:
        return [effect.function.named.name for effect in commit]

    assert [names(commit) for commit in published.commits] == [[n, n] for n in committed]
    assert len(committed) == 40


async def test_the_next_write_begins_after_the_last_was_published(database: Database) -> None:
    """Whatever a change reads is what everybody is routed by."""
    seen: list[bool] = []
    routed: list[str] = []

    def publish(effects: Any) -> None:
        routed.extend(effect.alias.version for effect in effects if isinstance(effect, AliasKept))

    catalog = Catalog(database, publish)
    await catalog.write(begin)

    def move(writing: Writing) -> None:
        kept = writing.alias(HELLO_FUNCTION, "release")
        seen.append(routed[-1] == kept.version)
        writing.replace_alias(
            HELLO_FUNCTION, kept.point("2" if kept.version == "1" else "1", None, salt="")
        )

    await asyncio.gather(*(catalog.write(move) for _ in range(30)))

    assert seen == [True] * 30


# Callers that leave


async def test_a_caller_that_leaves_before_its_turn_writes_nothing(
    catalog: Catalog, published: Published
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(writing: Writing) -> None:
        begun.set()
        go_on.wait(10)

    first = asyncio.create_task(catalog.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.create_task(catalog.write(lambda w: w.add_version(version("3"))))
    await asyncio.sleep(0)
    second.cancel()
    go_on.set()
    await first

    with pytest.raises(asyncio.CancelledError):
        await second
    assert published.effects == []
    assert await catalog.read(lambda r: r.count_versions(HELLO_FUNCTION)) == 3


async def test_a_write_in_a_task_of_its_own_goes_to_its_end_when_its_caller_leaves(
    catalog: Catalog, published: Published
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(writing: Writing) -> None:
        begun.set()
        go_on.wait(10)
        writing.add_version(version("3"))

    task = asyncio.create_task(catalog.write(slow))

    async def caller() -> None:
        await asyncio.shield(task)

    calling = asyncio.create_task(caller())
    await asyncio.to_thread(begun.wait, 10)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    go_on.set()
    await task

    assert published.effects == [VersionKept(version("3"))]
    assert await catalog.read(lambda r: r.version(HELLO_FUNCTION, "3")) == version("3")


# Reads


async def test_a_read_sees_one_moment_however_long_it_takes(catalog: Catalog) -> None:
    looked, moved = threading.Event(), threading.Event()

    def twice(reading: Reading) -> tuple[Alias, Alias]:
        before = reading.alias(HELLO_FUNCTION, "release")
        looked.set()
        assert moved.wait(10)
        return before, reading.alias(HELLO_FUNCTION, "release")

    reading = asyncio.create_task(catalog.read(twice))
    await asyncio.to_thread(looked.wait, 10)
    await catalog.write(lambda w: w.replace_alias(HELLO_FUNCTION, alias(at="2", revision=2)))
    moved.set()

    assert await reading == (alias(), alias())
    assert (await catalog.read(lambda r: r.alias(HELLO_FUNCTION, "release"))).version == "2"


async def test_readers_do_not_wait_for_a_writer(catalog: Catalog) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(writing: Writing) -> None:
        writing.replace_alias(HELLO_FUNCTION, alias(at="2", revision=2))
        begun.set()
        go_on.wait(10)

    writing = asyncio.create_task(catalog.write(slow))
    await asyncio.to_thread(begun.wait, 10)

    assert (await catalog.read(lambda r: r.alias(HELLO_FUNCTION, "release"))).version == "1"
    go_on.set()
    await writing


async def test_what_is_missing_is_named(catalog: Catalog) -> None:
    for ask, code in (
        (lambda r: r.function(FunctionName("default", "nobody")), "ResourceNotFound.FunctionName"),
        (lambda r: r.function(FunctionName("nowhere", "hello")), "ResourceNotFound.Namespace"),
        (lambda r: r.version(HELLO_FUNCTION, "9"), "ResourceNotFound.FunctionVersion"),
        (lambda r: r.alias(HELLO_FUNCTION, "nobody"), "ResourceNotFound.Alias"),
    ):
        with pytest.raises(NotFound) as missing:
            await catalog.read(ask)
        assert missing.value.code == code


async def test_lists_are_in_the_order_that_is_asked_for_and_cut_into_pages(
    catalog: Catalog,
) -> None:
    def fill(writing: Writing) -> None:
        for n, name in enumerate(("beta", "alpha", "100-per", "gamma_x")):
            named = FunctionName("default", name if name[0].isalpha() else f"a{name}")
            made = Function(named=named, id=f"lam-{name}", added_at=20.0 + n, modified_at=90.0 - n)
            writing.add_function(made)
            latest = version(
                "$LATEST", function=named, function_id=made.id, description=f"the {n}% of it"
            )
            writing.add_version(latest)

    await catalog.write(fill)

    async def listed(page: Page, search: str = "", description: str = "") -> tuple[int, list[str]]:
        total, found = await catalog.read(
            lambda r: r.functions("default", page, search, description)
        )
        assert all(latest.is_latest for _, latest in found)
        return total, [made.named.name for made, _ in found]

    newest = ["gamma_x", "a100-per", "alpha", "beta", "hello"]
    assert await listed(Page()) == (5, newest)
    assert await listed(Page(offset=1, limit=2)) == (5, newest[1:3])
    assert await listed(Page(column="name", descending=False)) == (5, sorted(newest))
    assert await listed(Page(limit=0)) == (5, [])
    assert await listed(Page(), "a_x") == (1, ["gamma_x"])
    assert await listed(Page(), "", "1%") == (1, ["alpha"])
    assert await listed(Page(), "%") == (0, [])
    assert await catalog.read(lambda r: r.count_functions("default")) == 5


async def test_versions_come_with_latest_first_and_then_the_newest_number(
    catalog: Catalog,
) -> None:
    for number in ("9", "10", "11"):
        await catalog.write(partial(Writing.add_version, version=version(number)))

    found = await catalog.read(lambda reading: reading.versions(HELLO_FUNCTION))

    assert [one.number for one in found] == ["$LATEST", "11", "10", "9", "2", "1"]
    paged = Page(offset=1, limit=2, column="number")
    assert await catalog.read(lambda reading: reading.versions(HELLO_FUNCTION, paged)) == found[1:3]
    assert await catalog.read(Reading.codes) == {one.code.sha256 for one in found}


async def test_versions_come_by_a_time_and_of_the_same_time_by_the_newest_number(
    catalog: Catalog,
) -> None:
    for number, at in (("9", 5.0), ("10", 7.0), ("11", 5.0)):
        await catalog.write(
            partial(Writing.add_version, version=version(number, added_at=at, modified_at=-at))
        )

    async def listed(**wanted: Any) -> list[str]:
        page = Page(**wanted)
        found = await catalog.read(lambda reading: reading.versions(HELLO_FUNCTION, page))
        return [one.number for one in found]

    newest = ["10", "11", "9", "$LATEST", "2", "1"]
    assert await listed() == newest
    assert await listed(offset=2, limit=3) == newest[2:5]
    assert await listed(descending=False) == ["$LATEST", "2", "1", "11", "9", "10"]
    assert await listed(column="modified_at") == ["$LATEST", "2", "1", "11", "9", "10"]
    assert await listed(limit=0) == []


async def test_aliases_come_by_name_and_in_pages(catalog: Catalog) -> None:
    for name in ("beta", "canary", "alpha"):
        made = alias(name)
        await catalog.write(partial(Writing.add_alias, function=HELLO_FUNCTION, alias=made))

    def ask(reading: Reading) -> tuple[int, list[str], list[str]]:
        every, page = (
            [one.name for one in reading.aliases(HELLO_FUNCTION, wanted)]
            for wanted in (EVERY, Page(offset=1, limit=2))
        )
        return reading.count_aliases(HELLO_FUNCTION), every, page

    names = ["alpha", "beta", "canary", "release"]
    assert await catalog.read(ask) == (4, names, names[1:3])


async def test_functions_are_found_by_their_ids_however_many(catalog: Catalog) -> None:
    ids = {HELLO_FUNCTION.id, *(f"lam-no-{n}" for n in range(2 * MOST_NAMED))}

    assert await catalog.read(lambda reading: reading.functions_of(ids)) == [HELLO_FUNCTION]
    assert await catalog.read(Reading.function_ids) == {HELLO_FUNCTION.id}


async def test_the_history_of_an_alias_is_told_from_its_newest_change(catalog: Catalog) -> None:
    states = [None, alias(), alias(at="2", revision=2), alias(at="1", revision=3)]

    def write(writing: Writing) -> None:
        for n in range(1, 4):
            writing.add_change(change(states[n - 1], states[n], n))

    await catalog.write(write)

    total, page = await catalog.read(lambda r: r.history(HELLO_FUNCTION, "release", 1, 1))
    assert total == 3
    assert page == [change(states[1], states[2], 2)]
    assert await catalog.read(lambda r: r.change(HELLO_FUNCTION, "release", 3)) == change(
        states[2], states[3], 3
    )
    assert await catalog.read(lambda r: r.change(HELLO_FUNCTION, "release", 4)) is None


async def test_how_many_instances_versions_are_to_have_is_kept_and_forgotten_with_them(
    catalog: Catalog,
) -> None:
    def look(reading: Reading) -> tuple[dict[str, int], int]:
        return dict(reading.provisions(HELLO_FUNCTION)), reading.promised()

    assert await catalog.read(look) == ({}, 0)
    for step in (
        lambda w: w.provision(version("1"), 3, 20.0),
        lambda w: w.provision(version("2"), 4, 20.0),
        lambda w: w.provision(version("1"), 5, 21.0),
    ):
        await catalog.write(step)
    assert await catalog.read(look) == ({"1": 5, "2": 4}, 9)
    await catalog.write(lambda w: w.provision(version("1"), 0, 20.0))
    assert await catalog.read(look) == ({"2": 4}, 4)
    await catalog.write(lambda w: w.delete_version(version("2")))
    assert await catalog.read(look) == ({}, 0)


async def test_what_is_reserved_for_a_function_is_kept_told_at_a_start_and_promised(
    catalog: Catalog, published: Published
) -> None:
    other = function("other", "lam-other")
    await catalog.write(lambda w: w.add_function(other))
    await catalog.write(lambda w: w.add_version(version("$LATEST", function_id=other.id)))
    await catalog.write(lambda w: w.provision(version("1"), 3, 20.0))
    await catalog.write(lambda w: w.reserve(other, 300, 20.0))
    assert await catalog.read(lambda r: (r.reserved(HELLO_FUNCTION), r.reserved(other))) == (
        None,
        300,
    )

    def promised(reading: Reading) -> tuple[int, int, int]:
        return reading.promised(), reading.promised(but=other.id), reading.promised(but="lam-1")

    assert await catalog.read(promised) == (5, 3, 2)  # two of 128 MB, and three that are told
    await catalog.write(lambda w: w.reserve(HELLO_FUNCTION, 512, 20.0))
    assert await catalog.read(promised) == (6, 4, 2)  # what is provisioned is a part of that
    published.commits.clear()
    await catalog.load()
    told = [one for one in published.effects if isinstance(one, ReservationChanged)]
    assert {one.function.id: one.mb for one in told} == {"lam-1": 512, "lam-other": 300}
    await catalog.write(lambda w: w.reserve(other, None, 20.0))
    await catalog.write(lambda w: w.delete_function(HELLO_FUNCTION))
    assert await catalog.read(lambda r: (r.reserved(other), r.promised())) == (None, 0)


async def test_a_deleted_function_takes_all_that_is_its_own_but_its_history(
    catalog: Catalog, database: Database
) -> None:
    await catalog.write(lambda w: w.add_trigger(HELLO_FUNCTION, trigger()))
    await catalog.write(lambda w: w.add_change(change(None, alias(), 1, "CreateAlias")))
    await catalog.write(lambda w: w.provision(version("1"), 3, 20.0))
    await catalog.write(lambda w: w.add_function(function("other")))
    await catalog.write(lambda w: w.delete_function(HELLO_FUNCTION))

    def left(connection: Connection) -> dict[str, int]:
        tables = (FUNCTION, VERSION, ALIAS, TRIGGER, HISTORY, PROVISION)
        return {table.name: len(connection.execute(select(table)).fetchall()) for table in tables}

    assert await database.read(left) == {
        "function": 1,
        "version": 0,
        "alias": 0,
        "trigger": 0,
        "alias_history": 1,
        "provision": 0,
    }
    assert await catalog.read(lambda r: r.history(HELLO_FUNCTION, "release", 0, 20)) == (
        1,
        [change(None, alias(), 1, "CreateAlias")],
    )
    assert await catalog.read(Reading.codes) == frozenset()


# Starting again


async def test_load_publishes_all_that_is_kept_as_if_it_had_just_been_written(
    catalog: Catalog, database: Database
) -> None:
    tick = trigger()
    await catalog.write(lambda w: w.add_trigger(HELLO_FUNCTION, tick))
    await catalog.write(lambda w: w.provision(version("2"), 3, 20.0))
    again = Published()
    await Catalog(database, again).load()

    assert len(again.commits) == 1
    assert again.effects == [
        FunctionKept(HELLO_FUNCTION),
        *(VersionKept(version(number)) for number in ("$LATEST", "1", "2")),
        ProvisionChanged(version("2"), 3),
        AliasKept(alias()),
        TriggersChanged(HELLO_FUNCTION, (tick,)),
    ]


async def test_a_table_that_is_loaded_routes_as_the_one_that_saw_every_write(
    database: Database,
) -> None:
    live, loaded = Routes(lambda: 0.5), Routes(lambda: 0.5)
    catalog = Catalog(database, live.apply)
    await catalog.write(begin)
    shared = alias(revision=2, routing=Weighted((Share("2", 6_000),)), split="random")
    await catalog.write(lambda w: w.replace_alias(HELLO_FUNCTION, shared))
    await catalog.write(lambda w: w.replace_latest(version("$LATEST", code=Code("f" * 64, 1))))
    await Catalog(database, loaded.apply).load()

    for qualifier in ("release", "$LATEST", "1", "2"):
        one, other = (table.route(HELLO, qualifier, NO_TRAITS) for table in (live, loaded))
        assert (one.version, one.decision) == (other.version, other.decision)
        assert (one.alias, one.lane) == (other.alias, other.lane)
    assert loaded.route(HELLO, "release", NO_TRAITS).version.number == "2"


# Rows that somebody else has written


@pytest.mark.parametrize(
    "tampered",
    [
        {"configuration": rows.version_row(version("1", configuration=replace(
            CONFIGURATION, environment=(("KEY", "another"),)))
        )["configuration"]},
        {"configuration": json.dumps({"handler": "index.main_handler", "runtime": "Python3.10",
                                      "memory_mb": 127})},
        {"configuration": "{"},
        {"configuration": "[]"},
        {"code_sha256": "f" * 64},
        {"digest": "0" * 64},
    ],
    ids=["changed", "impossible", "cut off", "of another shape", "other code", "other digest"],
)  # fmt: skip
async def test_a_version_that_is_not_what_was_published_is_not_handed_out_as_active(
    catalog: Catalog, database: Database, tampered: dict[str, str]
) -> None:
    row = update(VERSION).where(VERSION.c.number == "1").values(tampered)
    await database.write(lambda connection: connection.execute(row))

    found = await catalog.read(lambda reading: reading.version(HELLO_FUNCTION, "1"))

    assert found.status == "PublishFailed"
    assert not found.is_active
    assert "published" in found.status_reason
    assert (await catalog.read(lambda r: r.version(HELLO_FUNCTION, "2"))).is_active
    await catalog.load()  # and the others are served all the same


# Rows and nouns

texts = st.text(max_size=20)
times = st.floats(0, 4e9)
numbers = st.integers(1, 999).map(str)
keys = st.sampled_from(
    ["invoke.headers.User", "invoke.cookies.sid", "invoke.query.v", "invoke.source_ip"]
)
rules = st.builds(
    Rule, version=st.just("2"), key=keys, method=st.just("exact"), expression=texts
) | st.builds(
    Rule,
    version=st.just("3"),
    key=keys,
    method=st.just("range"),
    expression=st.sampled_from(["[1,5]", "(1，5)", "[0,0)"]),
)
weights = st.builds(
    lambda weight, other: Weighted((Share("2", weight), Share("3", other))),
    st.integers(0, WHOLE // 2),
    st.integers(0, WHOLE // 2),
)
routings = st.none() | weights | st.lists(rules, min_size=1, max_size=4).map(tuple).map(Ruled)
aliases = st.builds(
    Alias,
    function=st.just(HELLO),
    name=st.just("release"),
    version=st.sampled_from(["1", "$LATEST", "77"]),
    routing=routings,
    split=st.sampled_from(SPLITS),
    sticky=st.just("") | keys,
    salt=texts,
    description=texts,
    revision=st.integers(1, 2**53),
    added_at=times,
    modified_at=times,
)
environments = st.dictionaries(
    st.from_regex(r"K[A-Za-z0-9_]{1,8}", fullmatch=True),
    st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"])),
).map(lambda variables: tuple(sorted(variables.items())))
configurations = st.builds(
    Configuration,
    handler=texts,
    runtime=texts,
    memory_mb=st.sampled_from([64, 128, 3072]),
    timeout_s=st.integers(1, 900),
    environment=environments.filter(lambda pairs: len(str(pairs)) < 500),
    role=texts,
    settings=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
)
versions = st.builds(
    Version,
    function=st.just(HELLO),
    function_id=st.just("lam-1"),
    number=numbers,
    code=st.builds(Code, texts, st.integers(0, 2**53)),
    configuration=configurations,
    description=texts,
    status=st.sampled_from(["Active", "PublishFailed"]),
    status_reason=texts,
    added_at=times,
    modified_at=times,
)
triggers = st.builds(
    Trigger,
    function=st.just(HELLO),
    function_id=st.just("lam-1"),
    type=texts,
    name=texts,
    qualifier=texts,
    definition=texts,
    custom_argument=texts,
    description=texts,
    enabled=st.booleans(),
    resource_id=texts,
    added_at=times,
    modified_at=times,
)
changes = st.builds(
    Change,
    function=st.just(HELLO),
    function_id=st.just("lam-1"),
    alias=st.just("release"),
    revision=st.integers(1, 2**53),
    at=times,
    who=texts,
    why=texts,
    action=texts,
    before=st.none() | aliases,
    after=st.none() | aliases,
    warning=texts,
)


@pytest.fixture(scope="module")
def tables() -> Iterator[Connection]:
    """A database in memory that holds `hello` and forgets the rest after each example."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        upgrade(connection, "catalog")
        begin_with = Writing(connection)
        begin_with.add_namespace("default", "", 1.0)
        begin_with.add_function(HELLO_FUNCTION)
        connection.commit()
        yield connection
    engine.dispose()


@contextmanager
def scratch(tables: Connection) -> Iterator[Writing]:
    try:
        yield Writing(tables)
    finally:
        tables.rollback()


@given(kept=aliases)
@settings(deadline=None)
def test_an_alias_survives_its_row(tables: Connection, kept: Alias) -> None:
    with scratch(tables) as writing:
        writing.add_alias(HELLO_FUNCTION, kept)
        assert writing.alias(HELLO_FUNCTION, "release") == kept


@given(kept=versions)
@settings(deadline=None)
def test_a_version_survives_its_row_with_its_digest(tables: Connection, kept: Version) -> None:
    with scratch(tables) as writing:
        writing.add_version(kept)
        assert writing.version(HELLO_FUNCTION, kept.number) == kept


@given(kept=triggers)
@settings(deadline=None)
def test_a_trigger_survives_its_row(tables: Connection, kept: Trigger) -> None:
    with scratch(tables) as writing:
        writing.add_trigger(HELLO_FUNCTION, kept)
        assert writing.triggers(HELLO_FUNCTION) == [kept]


@given(kept=changes)
@settings(max_examples=60, deadline=None)
def test_a_change_survives_its_row(tables: Connection, kept: Change) -> None:
    with scratch(tables) as writing:
        writing.add_change(kept)
        assert writing.history(HELLO_FUNCTION, "release", 0, 1) == (1, [kept])


@given(tags=st.lists(st.tuples(texts, texts), max_size=4).map(tuple), number=st.integers(1, 2**53))
@settings(deadline=None)
def test_a_function_survives_its_row(
    tables: Connection, tags: tuple[tuple[str, str], ...], number: int
) -> None:
    kept = replace(HELLO_FUNCTION, tags=tags, next_number=number)
    with scratch(tables) as writing:
        writing.replace_function(kept)
        assert writing.function(HELLO) == kept


# A disk that is full


@contextmanager
def no_file_may_grow(beyond: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def largest_in(folder: Path) -> int:
    return max(file.stat().st_size for file in folder.iterdir())


async def test_a_full_disk_is_refused_keeps_nothing_and_is_no_hindrance_once_there_is_room(
    catalog: Catalog, published: Published, tmp_path: Path
) -> None:
    largest = largest_in(tmp_path)
    three = version("3", description="x" * 200_000)
    with no_file_may_grow(beyond=largest):
        for _ in range(3):
            with pytest.raises(Unavailable, match="kept nothing") as full:
                await catalog.write(lambda writing: writing.add_version(three))
            assert full.value.code == "ResourceUnavailable.Storage"
        found = await catalog.read(lambda reading: reading.versions(HELLO_FUNCTION))
        assert [one.number for one in found] == ["$LATEST", "2", "1"]
    assert published.effects == []

    await catalog.write(lambda writing: writing.add_version(three))
    assert published.effects == [VersionKept(three)]


def test_a_server_whose_disk_is_full_refuses_writes_and_goes_on_answering(
    start: Callable[..., Platform],
) -> None:
    server = start()
    server.make("full")
    wal = server.data / "huidu.db-wal"
    pid, free = server.process.pid, resource.RLIM_INFINITY
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (wal.stat().st_size, free))
    code = {"ZipFile": zipped("def main_handler(event, context): return 2")}
    refused = []
    for _ in range(3):
        with pytest.raises(TencentCloudSDKException) as error:
            server.call("UpdateFunctionCode", FunctionName="full", Code=code)
        refused.append(error.value.get_code())
        assert server.invoke("full")["FunctionVersion"] == "$LATEST"
        assert json.loads(server.invoke("full")["RetMsg"])["version"] == "$LATEST"

    assert refused == ["ResourceUnavailable.Storage"] * 3
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (free, free))
    server.call("UpdateFunctionCode", FunctionName="full", Code=code)
    assert server.invoke("full")["RetMsg"] == "2"
    assert server.call("GetFunctionLogs", FunctionName="full")["TotalCount"] >= 1
    assert server.stop(signal.SIGTERM) == 0


async def test_what_cannot_be_read_is_refused_and_the_next_reader_is_not(
    database: Database, catalog: Catalog
) -> None:
    with pytest.raises(Unavailable, match="could not be read") as refused:
        await database.read(lambda connection: connection.exec_driver_sql("SELECT * FROM nothing"))

    assert refused.value.code == "ResourceUnavailable.Storage"
    assert await catalog.read(lambda reading: reading.namespace_exists("default"))


async def test_a_closed_database_takes_no_more_work(tmp_path: Path) -> None:
    kept = Database(tmp_path / "closed.db", durable=False)
    await kept.open("catalog")
    await kept.close()

    with pytest.raises(RuntimeError):
        await kept.read(lambda connection: connection.execute(insert(VERSION)))


async def test_what_goes_wrong_in_one_part_keeps_no_other_from_hearing_of_a_commit(
    database: Database, published: Published
) -> None:
    def broken(_: Sequence[Effect]) -> None:
        raise ZeroDivisionError

    catalog = Catalog(database, partial(have_heard, (broken, published)))
    with pytest.raises(ExceptionGroup, match="not taken over by all"):
        await catalog.write(begin)

    assert published.effects
    assert await catalog.read(Reading.function_ids) == {HELLO_FUNCTION.id}
