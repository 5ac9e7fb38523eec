"""Rollouts are kept as they are, one at a time of an alias, and a damaged one harms no other."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import update

from huidu.model.budget import Budget
from huidu.model.effect import RolloutKept
from huidu.model.errors import Failed, InUse, NotFound
from huidu.model.function import Function
from huidu.model.judge.guard import guard_of
from huidu.model.judge.measure import Measure
from huidu.model.judge.tolerances import Tolerances
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.rollout_terms import Gate
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.reading import Reading
from huidu.store.rollout_tables import ROLLOUT
from huidu.store.rollouts import Wanted
from huidu.store.writing import Writing
from tests.fakes_store import FUNCTION, Published, begin, function
from tests.rollouts import everything, rollout

FULL = rollout(
    "10%/5m, 50%/10m, 100%",
    tolerances=Tolerances(
        alpha=0.02, guards=(guard_of("p99 > 2 s"),), measures=(Measure(name="memory"),)
    ),
    budget=Budget(failures=3, keys=7),
    gates=(Gate(1000, "approval"), Gate(5000, "webhook", "https://ci.example/go")),
    windows=("mon-fri 09:00-17:00",),
    freezes=("2026-12-24 00:00/2026-12-27 00:00",),
    on_worse="pause",
    on_timeout="rollback",
    at={"reason": "because — 因为", "owner": "ann"},
)


@pytest.fixture
async def catalog(database: Database, published: Published) -> Catalog:
    kept = Catalog(database, published)
    await kept.write(begin)
    published.commits.clear()
    return kept


async def put(catalog: Catalog, *made: Rollout) -> None:
    def change(writing: Writing) -> None:
        for one in made:
            writing.rollouts.add(one)

    await catalog.write(change)


def replace_in(after: Rollout, writing: Writing) -> None:
    writing.rollouts.replace(after)


async def test_every_rollout_that_there_can_be_is_read_as_it_was_kept(catalog: Catalog) -> None:
    every = [
        replace(one, id=f"ro-{n}", alias=f"a{n}")
        for n, one in enumerate(everything(begin=FULL).values())
    ]
    await put(catalog, *every)

    def ask(reading: Reading) -> list[Rollout]:
        return [reading.rollouts.one(one.id) for one in every]

    assert await catalog.read(ask) == every


async def test_a_rollout_takes_the_place_of_the_one_before_and_of_no_other(
    catalog: Catalog, published: Published
) -> None:
    await put(catalog, FULL)
    paused = FULL.after(Step(event=Event.PAUSE, at=5.0))
    await catalog.write(lambda writing: writing.rollouts.replace(paused))
    assert published.effects == [RolloutKept(FULL), RolloutKept(paused)]

    for late in (paused, replace(paused, revision=9), replace(paused, id="ro-9")):
        change = partial(replace_in, late)
        with pytest.raises(InUse, match="was moved meanwhile; read it again"):
            await catalog.write(change)
    assert await catalog.read(lambda reading: reading.rollouts.one("ro-1")) == paused
    assert len(published.effects) == 2


async def test_what_was_found_out_and_why_it_was_taken_back_outlive_its_steps(
    catalog: Catalog, published: Published
) -> None:
    await put(catalog, FULL)
    await catalog.write(lambda writing: writing.rollouts.save({"ro-1": "{}", "ro-gone": "{}"}))
    await catalog.write(lambda writing: writing.rollouts.tell_why("ro-1", "why"))
    after = FULL.after(Step(event=Event.ROLL_BACK, at=5.0))
    await catalog.write(lambda writing: writing.rollouts.replace(after))

    def ask(reading: Reading) -> tuple[str, str, str, str]:
        kept = reading.rollouts
        return kept.evidence("ro-1"), kept.report("ro-1"), kept.evidence("x"), kept.report("x")

    assert await catalog.read(ask) == ("{}", "why", "", "")
    assert published.effects == [RolloutKept(FULL), RolloutKept(after)]


async def test_an_alias_has_the_rollout_that_owns_it_and_else_the_one_begun_last(
    catalog: Catalog,
) -> None:
    ended = Step(event=Event.ROLL_BACK, at=9.0)
    first = replace(FULL, id="ro-a", began_at=30.0).after(ended)
    second = replace(FULL, id="ro-b", began_at=40.0).after(ended)
    await put(catalog, first, second, replace(FULL, id="ro-x", alias="another"))

    def ask(reading: Reading) -> tuple[Rollout | None, Rollout | None]:
        kept = reading.rollouts
        return kept.owner(FUNCTION, "release"), kept.latest(FUNCTION, "release")

    assert await catalog.read(ask) == (None, second)
    mine = replace(FULL, id="ro-c", began_at=20.0)  # the clock was set back meanwhile
    await put(catalog, mine)
    assert await catalog.read(ask) == (mine, mine)


async def test_rollouts_are_gone_with_their_function(catalog: Catalog) -> None:
    await put(catalog, FULL)
    await catalog.write(lambda writing: writing.delete_function(FUNCTION))
    with pytest.raises(NotFound, match="see ListRollouts"):
        await catalog.read(lambda reading: reading.rollouts.one("ro-1"))


async def test_those_that_go_on_and_those_that_ended_lately_are_alive(catalog: Catalog) -> None:
    going = replace(FULL, id="ro-going")
    ended = [
        replace(FULL, id=f"ro-{at:g}", alias=f"a{at:g}").after(Step(event=Event.ROLL_BACK, at=at))
        for at in (99.0, 100.0, 200.0)
    ]
    await put(catalog, going, *ended)
    found = await catalog.read(lambda reading: reading.rollouts.alive(100.0))
    assert {one.id for one in found} == {"ro-going", "ro-100", "ro-200"}


DAMAGE = [
    {"terms": "{"},
    {"body": "[]"},
    {"state": "asleep"},
    {"terms": '{"ramp": {"text": "evidence"}, "on_worse": "cry"}'},
]


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
async def test_a_damaged_rollout_is_left_where_it_is_and_the_others_go_on(
    database: Database, catalog: Catalog, damage: dict[str, str]
) -> None:
    await put(catalog, FULL, replace(FULL, id="ro-2", alias="another"))
    hurt = update(ROLLOUT).where(ROLLOUT.c.id == "ro-1").values(damage)
    await database.write(lambda connection: connection.execute(hurt).rowcount)

    def ask(reading: Reading) -> tuple[list[list[str]], list[Rollout | None]]:
        kept = reading.rollouts
        several = [kept.alive(0.0), kept.owning(FUNCTION), kept.some(Wanted())[1]]
        singles = [kept.owner(FUNCTION, "release"), kept.latest(FUNCTION, "release")]
        return [[one.id for one in some] for some in several], singles

    assert await catalog.read(ask) == ([["ro-2"]] * 3, [None, None])
    with pytest.raises(Failed, match=r"ro-1 of alias release is damaged .* with UpdateAlias"):
        await catalog.read(lambda reading: reading.rollouts.one("ro-1"))


async def test_a_page_of_rollouts_is_narrowed_by_whatever_was_named(catalog: Catalog) -> None:
    other = function("other")
    rows = [
        ("ro-1", FUNCTION, "release", State.DONE),
        ("ro-2", FUNCTION, "release", State.PAUSED),
        ("ro-3", FUNCTION, "canary", State.PAUSED),
        ("ro-4", other, "release", State.BACK),
    ]
    await catalog.write(lambda writing: writing.add_function(other))
    await put(catalog, *(of(n, *row) for n, row in enumerate(rows)))

    async def ids(**wanted: object) -> list[str]:
        asked = Wanted(**wanted)  # type: ignore[arg-type]
        _, found = await catalog.read(lambda reading: reading.rollouts.some(asked))
        return [one.id for one in found]

    assert await ids() == ["ro-4", "ro-3", "ro-2", "ro-1"]
    assert await ids(function="hello", alias="release") == ["ro-2", "ro-1"]
    assert await ids(states=("paused", "rolled back")) == ["ro-4", "ro-3", "ro-2"]
    assert await ids(namespace="elsewhere") == []
    assert await ids(limit=2, offset=1) == ["ro-3", "ro-2"]
    total, _ = await catalog.read(lambda reading: reading.rollouts.some(Wanted(limit=1)))
    assert total == 4


def of(number: int, rollout_id: str, of_function: Function, alias: str, state: State) -> Rollout:
    return replace(
        FULL,
        id=rollout_id,
        function=of_function.named,
        function_id=of_function.id,
        alias=alias,
        state=state,
        began_at=float(number),
    )
