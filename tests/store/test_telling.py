"""What happened is kept with the change that it tells of, and for whom it is on its way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from huidu.model import delivery as deliveries
from huidu.model.delivery import DEAD, HOLD_S, PENDING, Reply, after
from huidu.model.effect import Effect, Happened, WebhookGone, WebhookKept
from huidu.model.errors import NotFound, Unavailable
from huidu.model.happening import Happening
from huidu.model.webhook import Webhook
from huidu.store import telling
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.outbox import Outbox
from huidu.store.told import Asking
from huidu.store.writing import Writing

DAY_S = 86_400.0
HOOK = Webhook(id="w", name="hook", url="http://h/", secret="s" * 16)
OTHER = replace(HOOK, id="o", name="other", kinds=("webhook.*",))
DOWN = Reply(status=500, error="HTTP 500")
REFUSED = Reply(status=400, error="HTTP 400")


class Seen:
    """A catalog over a real database, and the effects that it published."""

    def __init__(self, catalog: Catalog, effects: list[Effect]) -> None:
        self.catalog, self.effects = catalog, effects
        self.outbox = Outbox(catalog)

    async def tell(self, *kinds: str, at: float = 10.0, **more: Any) -> list[Happening]:
        made = [Happening(kind=kind, at=at, **more) for kind in kinds]
        return await self.catalog.write(lambda w: [w.tell(one) for one in made])

    async def hook(self, webhook: Webhook = HOOK) -> None:
        await self.catalog.write(lambda writing: writing.add_webhook(webhook))

    async def due(self, now: float = 100.0) -> int | None:
        line = await self.outbox.line("w", now)
        assert line is not None
        return line.due[1].sequence if line.due else None

    async def next_at(self, now: float) -> float | None:
        line = await self.outbox.line("w", now)
        assert line is not None
        return line.next_at

    async def fail(self, reply: Reply, now: float, patience_s: float = DAY_S) -> None:
        line = await self.outbox.line("w", now)
        assert line is not None
        assert line.due is not None
        late = after(line.due[0], reply, now, 0.0, patience_s)
        await self.outbox.put_back(line.webhook, late, now)

    async def count(self, state: str, webhook_id: str = "w") -> int:
        return await self.catalog.read(lambda r: r.count_deliveries(webhook_id, state))

    async def kinds(self, **asked: Any) -> list[str]:
        asking = Asking(**{"descending": False, "limit": 100} | asked)
        return [one.kind for one in await self.catalog.read(lambda r: r.happenings(asking))]


@pytest.fixture
def seen(database: Database) -> Seen:
    effects: list[Effect] = []
    return Seen(Catalog(database, effects.extend), effects)


async def test_what_happened_comes_with_a_delivery_for_each_webhook_that_wants_it(
    seen: Seen,
) -> None:
    await seen.hook()
    await seen.hook(OTHER)
    await seen.tell("alias.moved", "alias.moved")

    assert await seen.count(PENDING) == 2
    assert await seen.count(PENDING, "o") == 0
    assert seen.effects == [WebhookKept("w"), WebhookKept("o"), *[Happened("alias.moved")] * 2]


async def test_a_write_that_fails_tells_nothing(seen: Seen) -> None:
    await seen.hook()

    def change(writing: Writing) -> None:
        writing.tell(Happening(kind="alias.moved", at=1.0))
        raise NotFound("Alias", "x")

    with pytest.raises(NotFound):
        await seen.catalog.write(change)
    assert await seen.kinds() == []
    assert await seen.count(PENDING) == 0


async def test_what_is_known_is_published_when_a_server_starts(seen: Seen) -> None:
    await seen.hook()
    seen.effects.clear()
    await seen.catalog.load()

    assert seen.effects == [WebhookKept("w")]


async def test_one_that_waits_for_its_next_try_holds_up_those_behind_it(seen: Seen) -> None:
    await seen.hook()
    await seen.tell("alias.moved", "alias.moved")
    assert await seen.due() == 1
    await seen.fail(DOWN, 100.0)

    assert await seen.due(100.1) is None
    assert await seen.next_at(100.1) == 100.5
    assert await seen.due(100.5) == 1


async def test_one_that_fails_for_long_steps_aside(seen: Seen) -> None:
    await seen.hook()
    await seen.tell("alias.moved", "alias.moved")
    now = 100.0
    while now < 100.0 + HOLD_S:
        await seen.fail(DOWN, now)
        now = await seen.next_at(now) or now
    await seen.fail(DOWN, now)

    assert await seen.due(now) == 2


async def test_one_that_is_refused_lets_the_others_pass_and_is_tried_again(seen: Seen) -> None:
    await seen.hook()
    await seen.tell("alias.moved", "alias.moved")
    await seen.fail(REFUSED, 100.0)
    assert await seen.due(100.0) == 2
    line = await seen.outbox.line("w", 100.0)
    assert line is not None
    assert line.due is not None
    await seen.outbox.arrived(line.due[0], 100.0)

    assert await seen.due(100.1) is None
    assert await seen.next_at(100.1) == 100.5
    assert await seen.due(100.6) == 1


async def test_the_first_that_is_given_up_is_told_to_the_others_and_no_more(seen: Seen) -> None:
    await seen.hook()
    await seen.hook(OTHER)
    await seen.tell("alias.moved", "alias.moved")
    for _ in "12":
        await seen.fail(DOWN, 100.0, patience_s=0.0)

    assert await seen.kinds(kinds=("webhook.*",)) == ["webhook.dead"]
    assert (await seen.count(DEAD), await seen.count(PENDING, "o")) == (2, 1)
    told = (await seen.catalog.read(lambda r: r.happenings(Asking())))[0]
    assert (told.subject, told.why) == ("hook", "HTTP 500")


async def test_after_one_arrived_the_next_that_is_given_up_is_told_again(seen: Seen) -> None:
    await seen.hook()
    await seen.tell("alias.moved", "alias.moved", "alias.moved")
    await seen.fail(DOWN, 100.0, patience_s=0.0)
    line = await seen.outbox.line("w", 100.0)
    assert line is not None
    assert line.due is not None
    await seen.outbox.arrived(line.due[0], 100.0)
    await seen.fail(DOWN, 100.0, patience_s=0.0)

    assert await seen.kinds(kinds=("webhook.dead",)) == ["webhook.dead"] * 2


async def test_two_dead_webhooks_do_not_tell_of_each_other_for_ever(seen: Seen) -> None:
    await seen.hook()
    await seen.hook(replace(HOOK, id="o", name="other"))
    await seen.tell("alias.moved")
    for _ in range(20):
        for webhook_id in ("w", "o"):
            line = await seen.outbox.line(webhook_id, 100.0)
            if line and line.due:
                dead = after(line.due[0], DOWN, 100.0, 0.0, 0.0)
                await seen.outbox.put_back(line.webhook, dead, 100.0)

    assert len(await seen.kinds()) == 3


async def test_a_line_that_is_too_long_gives_up_its_oldest(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_PENDING", 3)
    monkeypatch.setattr(telling, "MOST_DEAD", 2)
    await seen.hook()
    await seen.tell(*["alias.moved"] * 10)

    assert (await seen.count(PENDING), await seen.count(DEAD)) == (3, 2)
    dead = await seen.catalog.read(lambda r: r.deliveries(HOOK, DEAD, 0, 10))
    assert [one.sequence for one, _ in dead] == sorted(one.sequence for one, _ in dead)
    assert "3 others were waiting" in dead[0][0].error
    assert deliveries.MOST_PENDING == 10_000


async def test_a_delivery_that_was_taken_away_is_not_put_back(seen: Seen) -> None:
    await seen.hook()
    await seen.tell("alias.moved")
    line = await seen.outbox.line("w", 1.0)
    assert line is not None
    assert line.due is not None
    await seen.catalog.write(lambda writing: writing.delete_webhook(HOOK))
    await seen.outbox.put_back(line.webhook, line.due[0], 1.0)
    await seen.outbox.arrived(line.due[0], 1.0)

    assert seen.effects[-1] == WebhookGone("w")
    assert await seen.outbox.line("w", 1.0) is None
    assert await seen.count(PENDING) == 0


async def test_what_is_old_is_forgotten_with_its_dead_letters(seen: Seen) -> None:
    await seen.hook()
    await seen.tell("alias.moved", at=10.0)
    await seen.tell("alias.moved", at=20.0)
    await seen.catalog.write(lambda writing: writing.forget_happenings(15.0))

    assert await seen.count(PENDING) == 1
    assert await seen.due() == 2


async def test_a_throttle_that_began_and_did_not_end_is_open(seen: Seen) -> None:
    await seen.tell("throttle.began", function="a")
    await seen.tell("throttle.began", "throttle.ended", function="b")
    await seen.tell("throttle.began", "throttle.ended", "throttle.began", function="c")
    found = await seen.outbox.open_throttles()

    assert [(one.function, one.sequence) for one in found] == [("a", 1), ("c", 6)]


async def test_what_nobody_else_writes_is_told_by_itself(seen: Seen) -> None:
    await seen.outbox.tell(Happening(kind="throttle.began", at=1.0))

    assert await seen.kinds() == ["throttle.began"]


async def test_what_arrives_at_once_is_written_together(seen: Seen) -> None:
    await seen.hook()
    await seen.tell(*["alias.moved"] * 10)
    waiting = await seen.catalog.read(lambda r: r.deliveries(HOOK, PENDING, 0, 10))
    await asyncio.gather(*(seen.outbox.arrived(one, 5.0) for one, _ in waiting))

    assert await seen.count(PENDING) == 0


async def test_where_what_arrived_cannot_be_written_each_hears_of_it(seen: Seen) -> None:
    await seen.hook()
    await seen.tell(*["alias.moved"] * 3)
    waiting = await seen.catalog.read(lambda r: r.deliveries(HOOK, PENDING, 0, 10))
    broken = Outbox(Catalog(BrokenDatabase(), lambda effects: None))  # type: ignore[arg-type]
    found = await asyncio.gather(
        *(broken.arrived(one, 5.0) for one, _ in waiting), return_exceptions=True
    )

    assert [type(one) for one in found] == [Unavailable] * 3


class BrokenDatabase:
    async def write(self, change: object) -> None:
        raise Unavailable("Storage", "no room")
