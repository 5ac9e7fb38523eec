"""What was used of a quota survives `kill -9`, but for what was counted since the last write."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from huidu.gateway.guard import Passed
from huidu.model.plan import Plan
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.writing import Writing
from tests.gateway.guarding import HERE, Gate, key

ROOT = Path(__file__).parents[2]
QUOTA = 1_000_000
#: The part of a server that counts: calls come all the time, and it says how many were let in,
#: and how many of them are written down.
COUNTING = """
import asyncio, sys
from pathlib import Path
from huidu.gateway import usage
from huidu.gateway.guard import Passed
from huidu.gateway.usage import Usage
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.uses import Uses
from tests.gateway.guarding import Gate

usage.EVERY_S = 0.2

class Telling(Uses):
    async def keep(self, used):
        await super().keep(used)
        print("kept", *used.values(), flush=True)

async def main():
    database = Database(Path(sys.argv[1]), durable=True)
    await database.open("catalog")
    gate = Gate(ready=False)
    await Catalog(database, gate.access.apply).load()
    running = asyncio.create_task(Usage(gate.access.limits, Telling(database)).run())
    let_in = 0
    while True:
        await asyncio.sleep(0.005)
        print("coming", let_in + 10, flush=True)
        let_in += sum(isinstance(gate.by_bob(), Passed) for _ in range(10))

asyncio.run(main())
"""


async def prepare(file: Path) -> None:
    plan = Plan(id="usagePlan-1", name="gold", quota=QUOTA)

    def begin(writing: Writing) -> None:
        writing.access.put_key(key())
        writing.access.put_plan(plan)
        writing.access.bind_key(plan, key(), 0.0)
        writing.access.bind_place(plan, HERE, 0.0)

    database = Database(file, durable=True)
    await database.open("catalog")
    await Catalog(database, lambda effects: None).write(begin)
    await database.close()


async def left(file: Path) -> int:
    """Return what a new server's guard has left of the quota, once one call was let in."""
    database = Database(file, durable=True)
    await database.open("catalog")
    gate = Gate(ready=False)
    await Catalog(database, gate.access.apply).load()
    await database.close()
    passed = gate.by_bob()
    assert isinstance(passed, Passed)
    return int(dict(passed.headers)["x-usageplan-quota"].partition("/")[0])


def count_and_die(file: Path) -> tuple[int, int]:
    """Let calls in until some were written down twice, and some more; return both counts."""
    kept: list[int] = []
    coming = since = 0
    with subprocess.Popen(
        [sys.executable, "-c", COUNTING, str(file)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            what, count = line.split()
            if what == "kept":
                kept.append(int(count))
            else:
                coming = int(count)
                since += len(kept) > 1
            if since > 20:
                process.kill()
    return kept[-1], coming


@pytest.mark.timeout(60)
def test_a_killed_server_forgets_of_quotas_what_it_had_not_written_down(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    asyncio.run(prepare(file))
    before = 0
    for _ in range(2):
        kept, coming = count_and_die(file)
        used = QUOTA - asyncio.run(left(file)) - 1

        assert before < kept <= used <= before + coming
        before = used
