"""A step of a rollout, with a crash at every moment of its write: all of it is kept, or nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from huidu.control import rolling
from huidu.control.rolling import Cause
from huidu.model.alias import Alias
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.routing import Routing, Share, Weighted
from huidu.model.split import WHOLE
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.reading import Reading
from huidu.store.told import Asking
from huidu.store.writing import Writing
from tests.fakes_store import FUNCTION, alias, begin, version
from tests.mortal import Killed, Mortal
from tests.rollouts import everything, steps

NUMBERS = count(1)
CAUSE = Cause(action="RolloutGrow", salt="new")
WEIGHTS = (0, 1000, WHOLE)

#: Every state there is, whatever was approved; the first as it begins, too.
STANDS = {
    (kept.state, kept.weight): kept
    for kept in everything().values()
    if (kept.weight or kept.state in (State.RAMPING, State.BACK)) and kept.weight in WEIGHTS
    if kept.state is not State.TAKEN_OVER or kept.weight == WHOLE
}
Write = Callable[[Catalog, Rollout, Step], Awaitable[None]]


async def as_it_is(catalog: Catalog, seen: Rollout, step: Step) -> None:
    """Write a step as the controller does: unless the rollout has moved since it was seen."""

    def change(writing: Writing) -> None:
        kept = writing.rollouts.one(seen.id)
        if kept.revision == seen.revision:
            rolling.carry_out(writing, kept, step, CAUSE)

    await catalog.write(change)


@dataclass(frozen=True)
class Seen:
    """What the store shows of a rollout and its alias. It names nobody, so twins look alike."""

    state: State
    weight: int
    revision: int
    past: tuple[Event, ...]
    routes: tuple[str, Routing | None]
    moved: int  #: How often the alias was.
    lines: tuple[str, ...]  #: Of its history, the newest first.
    told: tuple[str, ...]
    other: State | None  #: Of a rollout that came later.


def look(reading: Reading, kept: Rollout, beyond: int) -> Seen:
    there = reading.rollouts.one(kept.id)
    routed = reading.alias(FUNCTION, kept.alias)
    lines = reading.history(FUNCTION, kept.alias, 0, 100)[1]
    asking = Asking(alias=kept.alias, beyond=beyond, descending=False, limit=100)
    others = reading.rollouts.latest(FUNCTION, kept.alias)
    return Seen(
        state=there.state,
        weight=there.weight,
        revision=there.revision,
        past=tuple(one.event for one in there.past),
        routes=(routed.version, routed.routing),
        moved=routed.revision,
        lines=tuple(line.why.replace(kept.id, "it") for line in lines),
        told=tuple(one.kind for one in reading.happenings(asking)),
        other=others.state if others and others.id != kept.id else None,
    )


def agree(seen: Seen) -> bool:
    """Tell whether an alias leads where its rollout says."""
    return seen.routes == routes_of(seen.weight) if seen.state is not State.TAKEN_OVER else True


def routes_of(weight: int, candidate: str = "2") -> tuple[str, Routing | None]:
    if weight == WHOLE:
        return candidate, None
    return "1", Weighted((Share(candidate, weight),)) if weight else None


def alias_of(kept: Rollout) -> Alias:
    at, routing = routes_of(kept.weight)
    return alias(kept.alias, at=at, routing=routing)


class World:
    """A database with rollouts in it, each on an alias of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.catalog = Catalog(database, lambda _: None)
        self.told = 0  #: What was told before that is of no more interest.

    async def twins(self, kept: Rollout, how_many: int, *, rival: bool) -> Sequence[Rollout]:
        """Keep so many rollouts that stand as one does; with a rival, a later one has the alias."""
        made = [
            replace(kept, id=f"ro-{number}", alias=f"a{number}", past=())
            for _ in range(how_many)
            if (number := next(NUMBERS))
        ]

        def change(writing: Writing) -> None:
            for one in made:
                writing.add_alias(FUNCTION, alias_of(one))
                writing.rollouts.add(one)
                if rival:
                    writing.rollouts.add(rival_of(one))

        await self.catalog.write(change)
        return made

    async def take_back(self, kept: Rollout) -> Seen:
        """Roll a rollout back, from wherever it is."""

        def change(writing: Writing) -> None:
            step = Step(event=Event.ROLL_BACK, at=9e9)
            rolling.carry_out(writing, writing.rollouts.one(kept.id), step, CAUSE)

        await self.catalog.write(change)
        return await self.look(kept)

    async def look(self, kept: Rollout) -> Seen:
        return await self.catalog.read(lambda reading: look(reading, kept, self.told))


def rival_of(ended: Rollout) -> Rollout:
    """Return a rollout that began once another one had ended, and has not moved its alias yet."""
    begun = replace(ended, id=f"{ended.id}-next", stable="2", candidate="3", ended_at=0.0)
    return replace(begun, state=State.RAMPING, weight=0, began_at=ended.ended_at + 1, revision=1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = Database(tmp_path / "kept.db", durable=False)
    await database.open("catalog")
    made = World(database)
    await made.catalog.write(begin)
    await made.catalog.write(lambda writing: writing.add_version(version("3")))
    yield made
    await database.close()


def every_step() -> Iterator[tuple[Rollout, Step, bool]]:
    """Every step from every state; a rollback of a finished one with a later one as well."""
    done = STANDS[State.DONE, WHOLE]
    yield done, Step(event=Event.ROLL_BACK, at=done.ended_at + 9, who="AKID"), True
    for kept in STANDS.values():
        for step in steps(kept):
            if step.weight in WEIGHTS and kept.can(step.event):
                yield kept, step, False


async def crash(world: World, write: Write, kept: Rollout, step: Step, *, rival: bool) -> None:
    """Crash a write at every moment there is, and hold what is kept then against the laws."""
    world.told = await world.catalog.read(Reading.last_happening)
    (ideal,) = await world.twins(kept, 1, rival=rival)
    before = await world.look(ideal)
    unhurt = Mortal(world.database, lambda _: None)
    await write(unhurt.catalog, ideal, step)
    after = await world.look(ideal)
    expect(kept, step, before, after, rival=rival)
    twins = await world.twins(kept, unhurt.moments, rival=rival)
    for dies_at, twin in enumerate(twins, 1):
        mortal = Mortal(world.database, lambda _: None, dies_at)
        with pytest.raises(Killed):
            await write(mortal.catalog, twin, step)
        found = await world.look(twin)
        assert found in (before, after), f"{step.event} from {kept.state}, moment {dies_at}"
        assert agree(found), f"{step.event} from {kept.state}, moment {dies_at}"
        if dies_at % 3:
            await write(world.catalog, twin, step)  # who begins anew may have seen nothing of it
            assert await world.look(twin) == after, f"{step.event} from {kept.state}, again"
        else:
            back = await world.take_back(twin)
            assert (back.state, back.weight, back.routes) == (State.BACK, 0, ("1", None))


def expect(kept: Rollout, step: Step, before: Seen, after: Seen, *, rival: bool) -> None:
    """Hold what a step without a crash writes against what it means."""
    meant = kept.after(step)
    assert (after.state, after.weight, after.revision) == (
        meant.state,
        meant.weight,
        kept.revision + 1,
    )
    assert agree(after)
    assert after.past == (*before.past, step.event), "not written down, or twice"
    moved = after.routes != before.routes
    assert after.moved == before.moved + moved
    lines = [f"rollout it: {step.event}" + (f": {step.said}" if step.said else "")] * moved
    assert list(after.lines) == [*lines, *before.lines], "not in the history of the alias"
    told = ["rollout.taken_over"] * rival + ["alias.moved"] * moved + [rolling.TOLD[step.event]]
    assert sorted(after.told) == sorted([*before.told, *told]), "not told"
    assert after.other is (State.TAKEN_OVER if rival else None)


async def explore(world: World, write: Write) -> None:
    """Crash each step from each state at each moment."""
    for kept, step, rival in every_step():
        await crash(world, write, kept, step, rival=rival)


@pytest.mark.timeout(60)
async def test_whenever_it_crashes_all_of_a_step_is_kept_or_nothing_and_it_can_be_taken_back(
    world: World,
) -> None:
    await explore(world, as_it_is)


# ---- writes that are broken in one place each


async def in_two_transactions(catalog: Catalog, seen: Rollout, step: Step) -> None:
    """Writes the rollout, and then its alias."""

    def first(writing: Writing) -> bool:
        kept = writing.rollouts.one(seen.id)
        if kept.revision != seen.revision:
            return False
        after = kept.after(step)
        if not kept.owns:
            rolling.take_over(writing, FUNCTION, kept.alias, step, CAUSE)
        writing.rollouts.replace(after)
        rolling.tell(writing, after, rolling.TOLD[step.event], step, CAUSE, before="")
        return True

    def second(writing: Writing) -> None:
        move = rolling.move_of(writing, seen, step, "new")
        if move is not None:
            writing.replace_alias(FUNCTION, move.after)
            rolling.keep_note(writing, seen.after(step), step, CAUSE, move)

    if await catalog.write(first):
        await catalog.write(second)


async def alias_first(catalog: Catalog, seen: Rollout, step: Step) -> None:
    """Moves the alias, and then writes down why."""

    def first(writing: Writing) -> None:
        kept = writing.rollouts.one(seen.id)
        move = rolling.move_of(writing, kept, step, "new") if kept.can(step.event) else None
        if move is not None and kept.revision == seen.revision:
            if not kept.owns:
                rolling.take_over(writing, FUNCTION, kept.alias, step, CAUSE)
            writing.replace_alias(FUNCTION, move.after)
            rolling.keep_note(writing, kept.after(step), step, CAUSE, move)

    await catalog.write(first)
    await as_it_is(catalog, seen, step)


async def without_looking(catalog: Catalog, seen: Rollout, step: Step) -> None:
    """Takes the step from wherever the rollout is by now, so that it may be taken twice."""

    def change(writing: Writing) -> None:
        kept = writing.rollouts.one(seen.id)
        if kept.can(step.event) and not (step.event is Event.GROW and kept.weight >= step.weight):
            rolling.carry_out(writing, kept, step, CAUSE)

    await catalog.write(change)


async def without_a_line(catalog: Catalog, seen: Rollout, step: Step) -> None:
    """Forgets the history of the alias."""

    def change(writing: Writing) -> None:
        kept = writing.rollouts.one(seen.id)
        if kept.revision == seen.revision:
            move = rolling.move_of(writing, kept, step, "new")
            writing.rollouts.replace(kept.after(step))
            if move is not None:
                writing.replace_alias(FUNCTION, move.after)

    await catalog.write(change)


async def without_ending_the_other(catalog: Catalog, seen: Rollout, step: Step) -> None:
    """Takes a finished one back under the eyes of the one that has the alias now."""

    def change(writing: Writing) -> None:
        kept = writing.rollouts.one(seen.id)
        if kept.revision == seen.revision:
            move, after = rolling.move_of(writing, kept, step, "new"), kept.after(step)
            writing.rollouts.replace(after)
            if move is not None:
                writing.replace_alias(FUNCTION, move.after)
                rolling.keep_note(writing, after, step, CAUSE, move)
            rolling.tell(writing, after, rolling.TOLD[step.event], step, CAUSE, before="")

    await catalog.write(change)


BROKEN: tuple[tuple[Write, str], ...] = (
    (in_two_transactions, "moment"),
    (alias_first, "moment"),
    (without_looking, "again"),
    (without_a_line, "not in the history"),
    (without_ending_the_other, "not told"),
)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("write", "found"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
async def test_a_write_is_found_out(world: World, write: Write, found: str) -> None:
    with pytest.raises(AssertionError, match=found):
        await explore(world, write)
