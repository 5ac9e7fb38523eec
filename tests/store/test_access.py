"""Who may call the gateway's APIs: what was kept is what is read, and what is said of it."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from huidu.gateway.access import Access
from huidu.model.effect import (
    KeyGone,
    KeyKept,
    LimitKept,
    PlanGone,
    PlanKept,
    StrategyGone,
    StrategyKept,
)
from huidu.model.errors import NotFound
from huidu.model.key import Key
from huidu.model.plan import UNLIMITED, Granted, Place, Plan
from huidu.model.strategy import IpStrategy, Limit
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.uses import Uses
from huidu.store.writing import Writing
from tests.fakes_store import Published

FILES = ("kept.db", "kept.db-wal", "kept.db-shm")
WHOLE = Place("service-1", "", "release")
ONE, TWO = Place("service-1", "api-1", "release"), Place("service-1", "api-2", "release")
ELSEWHERE = Place("service-2", "api-9", "test")


def key(key_id: str = "AKIDbob", **more: Any) -> Key:
    return Key(**{"id": key_id, "secret": "secret_0123", "name": "bob", **more})


def plan(plan_id: str = "usagePlan-1", **more: Any) -> Plan:
    return Plan(**{"id": plan_id, "name": "gold", "rate_per_s": 5, "quota": 100, **more})


def strategy(strategy_id: str = "IPStrategy-1", **more: Any) -> IpStrategy:
    known = {"service_id": "service-1", "name": "office", "type": "WHITE", "text": "10.0.0.0/8"}
    return IpStrategy(**{"id": strategy_id, **known, **more})


@pytest.fixture
async def catalog(database: Database, published: Published) -> Catalog:
    """A catalog with a key in a plan that is bound to two APIs."""

    def begin(writing: Writing) -> None:
        access = writing.access
        access.put_key(key())
        access.put_plan(plan())
        access.bind_key(plan(), key(), 1.0)
        for place in (ONE, TWO):
            access.bind_place(plan(), place, 2.0)
        access.put_limit(Limit(WHOLE, 50))
        access.put_limit(Limit(ONE, 9))
        access.put_strategy(strategy())
        access.bind_strategy(strategy(), bind=[ONE, TWO], unbind=())

    kept = Catalog(database, published)
    await kept.write(begin)
    published.commits.clear()
    return kept


GRANTED = Granted(plan(), frozenset({"AKIDbob"}), frozenset({ONE, TWO}))


async def test_a_load_says_all_that_was_kept(catalog: Catalog, published: Published) -> None:
    await catalog.load()

    assert published.effects == [
        KeyKept(key()),
        PlanKept(GRANTED),
        LimitKept(Limit(WHOLE, 50)),
        LimitKept(Limit(ONE, 9)),
        StrategyKept(strategy(), frozenset({ONE, TWO})),
    ]


async def test_a_change_says_what_it_changed_and_no_more(
    catalog: Catalog, published: Published
) -> None:
    def change(writing: Writing) -> None:
        access = writing.access
        access.put_key(key(enabled=False))
        access.put_plan(plan(quota=7))
        access.unbind_key(plan(), "AKIDbob")
        access.unbind_place(plan(), TWO)
        access.bound(plan(quota=7))
        access.put_limit(Limit(WHOLE, UNLIMITED))
        access.put_strategy(strategy(text="10.0.0.1"))
        access.bind_strategy(strategy(), bind=(), unbind=[TWO])

    await catalog.write(change)

    assert published.effects == [
        KeyKept(key(enabled=False)),
        PlanKept(Granted(plan(quota=7), frozenset({"AKIDbob"}), frozenset({ONE, TWO}))),
        PlanKept(Granted(plan(quota=7), frozenset(), frozenset({ONE}))),
        LimitKept(Limit(WHOLE, UNLIMITED)),
        StrategyKept(strategy(text="10.0.0.1"), frozenset({ONE, TWO})),
        StrategyKept(strategy(), frozenset({ONE})),
    ]
    assert await catalog.read(lambda r: r.access.limits()) == [Limit(ONE, 9)]


async def test_what_is_not_there_is_named(catalog: Catalog) -> None:
    for ask, code, what in (
        (lambda r: r.access.key("AKIDeve"), "InvalidAccessKeyId", "AccessKeyId [AKIDeve]"),
        (lambda r: r.access.plan("usagePlan-2"), "InvalidUsagePlan", "UsagePlan [usagePlan-2]"),
        (lambda r: r.access.strategy("service-1", "x"), "InvalidIPStrategy", "IPStrategy [x]"),
        (lambda r: r.access.strategy("service-2", "IPStrategy-1"), "InvalidIPStrategy", "IPStra"),
    ):
        with pytest.raises(NotFound) as refused:
            await catalog.read(ask)
        assert refused.value.code == f"ResourceNotFound.{code}"
        assert refused.value.message.startswith(what)


async def test_what_was_used_is_counted_by_who_counts_it_and_by_nobody_else(
    catalog: Catalog, database: Database
) -> None:
    uses = Uses(database)
    await uses.keep({"usagePlan-1": 41, "usagePlan-gone": 7})
    await catalog.write(lambda writing: writing.access.put_plan(plan(name="silver")))

    kept = await catalog.read(lambda reading: reading.access.plan("usagePlan-1"))
    assert (kept.name, kept.used) == ("silver", 41)
    assert len(await catalog.read(lambda reading: reading.access.plans())) == 1


async def test_a_plan_that_is_deleted_takes_its_bindings_along(
    catalog: Catalog, published: Published
) -> None:
    await catalog.write(lambda writing: writing.access.delete_plan(plan()))

    assert published.effects == [PlanGone("usagePlan-1")]
    assert await catalog.read(lambda reading: reading.access.plans_of("AKIDbob")) == []
    assert await catalog.read(lambda reading: reading.access.bindings()) == []
    await catalog.write(lambda writing: writing.access.delete_key(key()))
    assert published.effects[-1] == KeyGone("AKIDbob")


async def test_a_service_that_is_deleted_takes_what_is_bound_to_it_along(
    catalog: Catalog, published: Published
) -> None:
    def elsewhere(writing: Writing) -> None:
        writing.access.bind_place(plan(), ELSEWHERE, 3.0)
        writing.access.put_strategy(strategy("IPStrategy-9", service_id="service-2"))

    await catalog.write(elsewhere)
    published.commits.clear()
    await catalog.write(lambda writing: writing.access.forget_service("service-1"))

    assert published.effects == [
        StrategyGone("IPStrategy-1"),
        LimitKept(Limit(WHOLE, UNLIMITED)),
        LimitKept(Limit(ONE, UNLIMITED)),
        PlanKept(Granted(plan(), frozenset({"AKIDbob"}), frozenset({ELSEWHERE}))),
    ]
    left = await catalog.read(lambda reading: reading.access.strategies())
    assert [one.id for one in left] == ["IPStrategy-9"]


async def test_a_guard_after_a_load_is_as_it_was_before(
    catalog: Catalog, published: Published
) -> None:
    await catalog.load()
    access = Access(lambda: 0.0, lambda: 0)
    access.apply(published.effects)

    assert repr(access.limits) == "<Limits: 3 buckets, 1 plans>"


async def test_secrets_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    sqlite3.connect(file).close()
    file.chmod(0o644)  # as an earlier release left it
    opened = Database(file, durable=True)
    await opened.open("catalog")
    modes = {name: oct(stat.S_IMODE(os.stat(tmp_path / name).st_mode)) for name in FILES}  # noqa: PTH116
    await opened.close()

    assert modes == dict.fromkeys(FILES, "0o600")
