"""What was used of quotas is written down now and then, whatever becomes of the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from huidu.gateway import usage as module
from huidu.gateway.limits import Limits
from huidu.gateway.usage import Usage
from huidu.model.plan import Place, Plan
from tests.fakes_store import Moody, soon

GOLD = Plan(id="usagePlan-1", name="gold")


class MoodyUses(Moody):
    """Keeps counts in memory, and may refuse or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, int] = {}
        self.writes = 0
        self.unforeseen: list[Exception] = []

    async def keep(self, used: Mapping[str, int]) -> None:
        self.writes += 1
        self.consider()
        if self.unforeseen:
            raise self.unforeseen.pop()
        self.kept |= used


@pytest.fixture
def limits() -> Limits:
    made = Limits()
    made.grant(GOLD, 0)
    return made


def use(limits: Limits, times: int = 1) -> None:
    for _ in range(times):
        limits.take(Place("service-1", "api-1", "test"), GOLD, 0)


async def test_what_was_used_is_kept_in_one_write(limits: Limits) -> None:
    uses = MoodyUses()
    usage = Usage(limits, uses)
    use(limits, 100)
    await usage.flush()
    await usage.flush()

    assert (uses.kept, uses.writes) == ({GOLD.id: 100}, 1)


async def test_a_write_that_is_refused_is_made_up_for(limits: Limits) -> None:
    uses = MoodyUses()
    uses.refusals = 1
    uses.unforeseen = [KeyError("a defect")]
    usage = Usage(limits, uses)
    use(limits)
    await usage.flush()
    await usage.flush()
    assert uses.kept == {}
    use(limits)
    await usage.flush()

    assert uses.kept == {GOLD.id: 2}


async def test_it_is_written_down_while_the_server_runs_and_when_it_ends(
    limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    uses = MoodyUses()
    usage = Usage(limits, uses)
    running = asyncio.create_task(usage.run())
    use(limits)
    await soon(lambda: uses.kept == {GOLD.id: 1})
    use(limits, 5)
    await usage.close(running)

    assert uses.kept == {GOLD.id: 6}
    assert running.done()
