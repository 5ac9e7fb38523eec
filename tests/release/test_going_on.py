"""A server that dies at any moment of a rollout: the next one goes on, and takes no step twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from huidu.model.traits import NO_TRAITS
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.reading import Reading
from huidu.store.told import Asking
from tests.fakes import Clock
from tests.fakes_store import FUNCTION, HELLO
from tests.release.carried import Server, agrees, start

#: The steps of a rollout, ten minutes apart: two shares, and the end of the baking.
ALL = ["grow", "grow", "finish"]


async def told_of(database: Database) -> tuple[list[str], list[str], list[str]]:
    """Return the steps, the lines of the history, and the events, the first first."""

    def ask(reading: Reading) -> tuple[list[str], list[str], list[str]]:
        kept = reading.rollouts.one("ro-1")
        lines = reading.history(FUNCTION, "release", 0, 100)[1]
        events = reading.happenings(Asking(alias="release", descending=False, limit=100))
        return (
            [str(one.event) for one in kept.past],
            [f"{line.action} {line.revision}" for line in reversed(lines)],
            [one.kind for one in events if one.kind.startswith("rollout.")],
        )

    return await Catalog(database, lambda _: None).read(ask)


async def live_and_die(database: Database, dies_at: int) -> int:
    """Carry a rollout on by a server that dies, and by the next one; return the first's moments."""
    clock = Clock()
    await start(database, clock)
    first = Server(database, clock, dies_at)
    await first.carry_on()
    await agrees(database)
    second = Server(database, clock)
    await second.carry_on()
    await agrees(database)
    steps, lines, events = await told_of(database)
    assert steps == ALL
    assert lines == ["RolloutGrow 2", "RolloutGrow 3"]
    assert events == ["rollout.grew", "rollout.grew", "rollout.finished"]
    assert second.routes.route(HELLO, "release", NO_TRAITS).version.number == "2"
    return first.life.moments


@pytest.mark.timeout(60)
async def test_whenever_a_server_dies_the_next_one_takes_the_remaining_steps_once_each(
    tmp_path: Path,
) -> None:
    blank = tmp_path / "blank.db"
    made = Database(blank, durable=False)
    await made.open("catalog")
    await made.close()

    async def fresh(dies_at: int) -> int:
        file = tmp_path / f"{dies_at}.db"
        file.write_bytes(blank.read_bytes())
        database = Database(file, durable=False)
        try:
            return await live_and_die(database, dies_at)
        finally:
            await database.close()

    moments = await fresh(0)
    assert moments > len(ALL) * 5
    for dies_at in range(1, moments):
        await fresh(dies_at)
