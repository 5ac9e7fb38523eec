"""The courier: lanes, and what it does where its own store says no."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from huidu.model.delivery import DEAD, Delivery, Reply
from huidu.model.effect import Happened, ServiceGone, WebhookGone, WebhookKept
from huidu.model.errors import Unavailable
from huidu.model.happening import Happening
from huidu.model.webhook import Webhook
from huidu.webhooks import courier as couriers
from huidu.webhooks.courier import Courier

HOOK = Webhook(id="w", name="hook", url="http://h/", secret="s" * 16)
TOLD = Happening(kind="alias.moved", at=1.0, sequence=1)


@dataclass(frozen=True)
class Line:
    webhook: Webhook
    pending: int
    due: tuple[Delivery, Happening] | None
    next_at: float | None = None


class Outbox:
    """One webhook with a few deliveries; its disk may be full, or its reading broken."""

    def __init__(self, count: int = 1) -> None:
        self.waiting = [
            Delivery(id=f"d{n}", webhook_id="w", sequence=n, since=0.0) for n in range(count)
        ]
        self.dead: list[Delivery] = []
        self.full = 0
        self.broken = 0

    async def line(self, webhook_id: str, now: float) -> Line | None:
        if self.broken:
            self.broken -= 1
            raise Unavailable("Storage", "cannot be read")
        due = (self.waiting[0], TOLD) if self.waiting else None
        return Line(HOOK, len(self.waiting), due) if webhook_id == "w" else None

    async def arrived(self, delivery: Delivery, at: float) -> None:
        self._write()
        self.waiting.remove(delivery)

    async def put_back(self, webhook: Webhook, delivery: Delivery, at: float) -> None:
        self._write()
        self.waiting = [one for one in self.waiting if one.id != delivery.id]
        (self.dead if delivery.state == DEAD else self.waiting).append(delivery)

    def _write(self) -> None:
        if self.full:
            self.full -= 1
            raise Unavailable("Storage", "no room")


class Post:
    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.posted: list[str] = []

    def check(self, url: str) -> str:
        return url

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        self.posted.append(headers["X-Huidu-Delivery"])
        return self.replies.pop(0) if self.replies else Reply(status=200)


@asynccontextmanager
async def running(outbox: Outbox, post: Post, patience_s: float = 60.0) -> AsyncIterator[Courier]:
    courier = Courier(outbox, post, patience_s=patience_s, clock=lambda: 0.0, draw=lambda: 0.5)
    courier.apply([WebhookKept("w"), WebhookKept("gone"), ServiceGone("x")])
    task = asyncio.create_task(courier.run())
    yield courier
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def soon(outbox: Outbox) -> None:
    async with asyncio.timeout(10):
        while outbox.waiting:  # noqa: ASYNC110 - the fake has no event to wait for
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(couriers, "AGAIN_S", 0.01)


async def test_what_waits_is_delivered_in_order() -> None:
    outbox, post = Outbox(3), Post()
    async with running(outbox, post) as courier:
        await soon(outbox)

    assert post.posted == ["d0", "d1", "d2"]
    assert courier.results == {("hook", "delivered"): 3}


async def test_a_disk_that_is_full_has_nothing_posted_twice() -> None:
    outbox, post = Outbox(1), Post()
    outbox.full = 3
    async with running(outbox, post):
        await soon(outbox)

    assert post.posted == ["d0"]


async def test_a_store_that_cannot_be_read_is_asked_again() -> None:
    outbox, post = Outbox(1), Post()
    outbox.broken = 2
    async with running(outbox, post):
        await soon(outbox)

    assert post.posted == ["d0"]


async def test_what_is_given_up_is_counted_as_dead() -> None:
    outbox, post = Outbox(1), Post(Reply(status=500, error="HTTP 500"))
    async with running(outbox, post, patience_s=0.0) as courier:
        await soon(outbox)

    assert courier.results == {("hook", "dead"): 1}
    assert [one.error for one in outbox.dead] == ["HTTP 500"]


async def test_a_lane_that_sleeps_is_woken_by_what_happens() -> None:
    outbox, post = Outbox(0), Post()
    async with running(outbox, post) as courier:
        for _ in range(20):
            await asyncio.sleep(0)
        assert courier.pending == {"hook": 0}
        outbox.waiting = Outbox(1).waiting
        courier.apply([Happened("alias.moved")])
        await soon(outbox)

    assert post.posted == ["d0"]


async def test_a_webhook_that_goes_before_its_lane_begins_takes_no_other_along() -> None:
    outbox, post = Outbox(0), Post()
    async with running(outbox, post) as courier:
        await asyncio.sleep(0)  # its lane is made, and has not had its turn
        courier.apply([WebhookGone("gone")])
        for _ in range(20):
            await asyncio.sleep(0)
        outbox.waiting = Outbox(1).waiting
        courier.apply([Happened("alias.moved")])
        await soon(outbox)

    assert post.posted == ["d0"]


async def test_a_webhook_that_is_deleted_has_no_lane_any_more() -> None:
    outbox, post = Outbox(0), Post()
    async with running(outbox, post) as courier:
        for _ in range(20):
            await asyncio.sleep(0)
        courier.results["hook", "delivered"] = 3
        courier.apply([WebhookGone("w")])
        for _ in range(20):
            await asyncio.sleep(0)
        assert courier.pending == {}
        assert not courier.results
