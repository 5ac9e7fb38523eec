"""What a commit costs is a matter of what it changed, however many functions there are."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.filled import ALIASES, VERSIONS, fill
from huidu.gateway.access import Access
from huidu.gateway.services import Services
from huidu.instances.shares import Shares
from huidu.invoke.routes import Routes
from huidu.invoke.terms import Terms
from huidu.model.budget import Allowance, Budget
from huidu.model.effect import (
    AliasKept,
    Effect,
    FunctionGone,
    FunctionKept,
    RetryTargetKept,
    ServiceGone,
    ServiceKept,
    TriggersChanged,
    VersionGone,
    VersionKept,
)
from huidu.model.function import Function, FunctionName
from huidu.model.retry import FIRST
from huidu.model.routing import Share, Weighted
from huidu.model.service import Served
from huidu.observe.deployed import Deployed
from huidu.store.catalog import AT_ONCE, Catalog, have_heard
from huidu.store.database import Database
from huidu.store.reading import Reading
from huidu.triggers import url
from huidu.triggers.timer import Timers
from huidu.triggers.url import Urls
from tests.effort import effort
from tests.fakes_store import Published, alias, trigger, version

FEW, MANY = 10, 400
HUNDREDS = 300
CONFIGURATIONS = 4  #: That the versions of a filled function have.
SLACK_BYTES = 256
Part = Callable[[Sequence[Effect]], None]


class NoFirings:
    """Firings that nobody asks for: no timer runs here."""

    async def fired(self) -> dict[tuple[str, str], float]:
        raise AssertionError

    async def fire(self, firings: object) -> int:
        raise AssertionError


def timers() -> Timers:
    return Timers(NoFirings(), lambda: None, time.time, UTC, lambda: "")


def shares() -> Part:
    books = Shares(10)

    def apply(effects: Sequence[Effect]) -> None:
        books.apply(effects)

    return apply


PARTS: dict[str, Callable[[], Part]] = {
    "routes": lambda: Routes(lambda: 0.5).apply,
    "deployed": lambda: Deployed().apply,
    "urls": lambda: Urls().apply,
    "services": lambda: Services().apply,
    "terms": lambda: Terms().apply,
    "timers": lambda: timers().apply,
    "shares": shares,
    "access": lambda: Access(time.time, time.monotonic_ns).apply,
}


def named(number: int) -> Function:
    return Function(named=FunctionName("default", f"function-{number}"), id=f"lam-{number}")


def born(number: int) -> list[Effect]:
    """Return the effects of one function with all that it may have."""
    function = named(number)
    mine: dict[str, Any] = {"function": function.named, "function_id": function.id}
    lead = replace(alias(routing=Weighted((Share("2", 1000),))), function=function.named)
    bound = (
        trigger(**mine),
        trigger("url", type=url.TYPE, definition="{}", resource_id=f"url-{number}", **mine),
    )
    return [
        FunctionKept(function),
        *(VersionKept(version(n, **mine)) for n in ("$LATEST", "1", "2")),
        AliasKept(lead),
        TriggersChanged(function, bound),
        RetryTargetKept(function.id, "release", FIRST),
        ServiceKept(Served(f"service-{number}", {})),
    ]


def gone(number: int) -> list[Effect]:
    function = named(number)
    mine: dict[str, Any] = {"function": function.named, "function_id": function.id}
    return [
        VersionGone(version("2", **mine)),
        FunctionGone(function),
        ServiceGone(f"service-{number}"),
    ]


def told(make: Callable[[], Part], functions: int) -> Part:
    part = make()
    for number in range(functions):
        part(born(number))
    return part


@pytest.mark.parametrize("part", PARTS)
def test_a_commit_costs_no_more_where_there_are_more_functions(part: str) -> None:
    few, many = (told(PARTS[part], functions) for functions in (FEW, MANY))
    again, away = born(5), gone(5)

    def come_and_go(apply: Part) -> Callable[[], None]:
        def work() -> None:
            apply(again)
            apply(away)
            apply(again)

        return work

    for apply in (few, many):  # once before, so that no table is enlarged just now
        come_and_go(apply)()
    with_few, with_many = effort(come_and_go(few)), effort(come_and_go(many))

    assert with_many.steps == with_few.steps
    assert with_many.peak_bytes <= with_few.peak_bytes + SLACK_BYTES


def test_what_a_rollout_may_spend_is_set_at_its_alias_alone() -> None:
    def allowing(functions: int) -> Callable[[], None]:
        routes = Routes(lambda: 0.5)
        for number in range(functions):
            routes.apply(born(number))
        allowance = Allowance(Budget(), "1", "2")
        return lambda: routes.allow("lam-5", "release", allowance)

    assert effort(allowing(MANY)).steps == effort(allowing(FEW)).steps


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of some hundred functions."""
    data = tmp_path_factory.mktemp("many")
    fill(data, HUNDREDS, real=0)
    return data / "huidu.db"


@pytest.fixture
async def database(filled: Path) -> AsyncIterator[Database]:
    opened = Database(filled, durable=False)
    yield opened
    await opened.close()


@pytest.fixture
async def published(database: Database) -> Published:
    """What a start publishes."""
    published = Published()
    await Catalog(database, published).load()
    return published


async def test_a_start_publishes_all_that_there_is_some_at_a_time(
    published: Published,
) -> None:
    kinds = Counter(type(effect) for effect in published.effects)
    assert kinds == {
        FunctionKept: HUNDREDS,
        VersionKept: HUNDREDS * VERSIONS,
        AliasKept: HUNDREDS * ALIASES,
        TriggersChanged: HUNDREDS,
    }
    assert max(map(len, published.commits)) <= AT_ONCE < len(published.effects)


async def test_a_start_reads_of_each_function_what_asking_for_it_alone_does(
    database: Database, published: Published
) -> None:
    def one_by_one(reading: Reading) -> list[Effect]:
        effects: list[Effect] = []
        for function in reading.functions_of(reading.function_ids()):
            effects.append(FunctionKept(function))
            effects += [VersionKept(version) for version in reading.versions(function)]
            effects += [AliasKept(alias) for alias in reading.aliases(function)]
            effects.append(TriggersChanged(function, tuple(reading.triggers(function))))
        return effects

    asked = await Catalog(database, published).read(one_by_one)
    assert sorted(map(repr, published.effects)) == sorted(map(repr, asked))


async def test_what_many_rows_say_alike_is_one_object(published: Published) -> None:
    versions = [one.version for one in published.effects if isinstance(one, VersionKept)]
    triggers = [one.triggers[0] for one in published.effects if isinstance(one, TriggersChanged)]
    assert all(version.is_active for version in versions)
    assert len({id(version.configuration) for version in versions}) == HUNDREDS * CONFIGURATIONS
    assert len({id(version.function_id) for version in versions}) == HUNDREDS
    assert len({id(version.status) for version in versions}) == 1
    assert len({id(trigger.definition) for trigger in triggers}) == 1


async def test_an_idle_function_takes_less_than_20_kb(database: Database) -> None:
    tables = [make() for make in PARTS.values()]
    heard = Catalog(database, partial(have_heard, tables))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await heard.load()
        each = (tracemalloc.get_traced_memory()[0] - before) / HUNDREDS
    finally:
        tracemalloc.stop()

    assert each < 20_000


def test_a_function_that_goes_takes_its_shared_aliases_out_of_the_list() -> None:
    routes = Routes(lambda: 0.5)
    for number in range(2):
        routes.apply(born(number))
    assert [one.function.name for one in routes.shared()] == ["function-0", "function-1"]

    routes.apply([AliasKept(replace(alias(), function=named(0).named))])
    assert [one.function.name for one in routes.shared()] == ["function-1"]
    routes.apply(gone(1))
    assert not list(routes.shared())
