"""The courier: carries what happened to webhooks, each in a lane of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from huidu.model.delivery import DEAD, Delivery, Reply, after
from huidu.model.effect import Effect, Happened, WebhookGone, WebhookKept
from huidu.model.errors import Refusal
from huidu.model.happening import Happening, body
from huidu.model.webhook import Webhook
from huidu.webhooks.signature import headers

AGAIN_S, LONGEST_AGAIN_S = 1.0, 60.0  #: Where our own store says no.
DELIVERED, FAILED, GIVEN_UP = "delivered", "failed", "dead"

log = structlog.get_logger("huidu.webhooks")


class Poster(Protocol):
    """Who speaks to receivers."""

    def check(self, url: str) -> str: ...

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply: ...


class Line(Protocol):
    """What a webhook is to be told next, and when."""

    @property
    def webhook(self) -> Webhook: ...
    @property
    def pending(self) -> int: ...
    @property
    def due(self) -> tuple[Delivery, Happening] | None: ...
    @property
    def next_at(self) -> float | None: ...


class Outbox(Protocol):
    """Where that is kept."""

    async def line(self, webhook_id: str, now: float) -> Line | None: ...

    async def arrived(self, delivery: Delivery, at: float) -> None: ...

    async def put_back(self, webhook: Webhook, delivery: Delivery, at: float) -> None: ...


class Courier:
    """Tells each webhook what it waits for, one thing at a time.

    A lane for each webhook, so that one that hangs holds up no other. What arrived is forgotten
    only after the receiver has said so: after a crash in between it is posted once more.
    """

    def __init__(
        self,
        outbox: Outbox,
        post: Poster,
        *,
        patience_s: float,
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._post = post
        self._patience_s = patience_s
        self._clock = clock
        self._draw = draw
        self._wakes: dict[str, asyncio.Event] = {}
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.pending: dict[str, int] = {}  #: How many wait, by the name of the webhook.
        self.results: Counter[tuple[str, str]] = Counter()  #: By name and result.

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over what a commit means, without waiting."""
        for effect in effects:
            match effect:
                case WebhookKept(webhook_id):
                    self._wakes.setdefault(webhook_id, asyncio.Event()).set()
                case WebhookGone(webhook_id):
                    self._wakes.pop(webhook_id, None)
                case Happened():
                    for wake in self._wakes.values():
                        wake.set()
                case _:
                    continue
            self._changed.set()

    async def run(self) -> None:
        """Have a lane for each webhook there is, until cancelled."""
        try:
            while True:
                self._changed.clear()
                for webhook_id in self._wakes.keys() - self._lanes.keys():
                    begun = self._lane(webhook_id, self._wakes[webhook_id])
                    self._lanes[webhook_id] = asyncio.create_task(begun)
                for webhook_id in self._lanes.keys() - self._wakes.keys():
                    await _end(self._lanes.pop(webhook_id))
                await self._changed.wait()
        finally:
            for lane in self._lanes.values():
                await _end(lane)

    async def _lane(self, webhook_id: str, wake: asyncio.Event) -> None:
        name, again_s = "", AGAIN_S
        try:
            while True:
                wake.clear()
                try:
                    line = await self._outbox.line(webhook_id, self._clock())
                    if line is None:
                        return
                    self._count(name, line)
                    name = line.webhook.name
                    await self._next(line, wake)
                    again_s = AGAIN_S
                except Exception:  # whatever it was, the lane must not end while there is more
                    log.exception("webhook.lane", webhook=name)
                    await asyncio.sleep(again_s)
                    again_s = min(2 * again_s, LONGEST_AGAIN_S)
        finally:
            self.pending.pop(name, None)
            if webhook_id not in self._wakes:  # it is gone, and so are its numbers
                for result in (DELIVERED, FAILED, GIVEN_UP):
                    self.results.pop((name, result), None)

    def _count(self, name: str, line: Line) -> None:
        if name != line.webhook.name:  # it was given another one
            self.pending.pop(name, None)
        self.pending[line.webhook.name] = line.pending

    async def _next(self, line: Line, wake: asyncio.Event) -> None:
        """Carry what is due, or wait until something is."""
        if line.due is not None:
            await self._carry(line.webhook, *line.due)
            return
        wait_s = None if line.next_at is None else max(0.0, line.next_at - self._clock())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await wake.wait()

    async def _carry(self, webhook: Webhook, delivery: Delivery, told: Happening) -> None:
        reply = await self.knock(webhook, delivery.id, told)
        now = self._clock()
        if reply.arrived:
            self.results[webhook.name, DELIVERED] += 1
            await self._settle(lambda: self._outbox.arrived(delivery, now))
            return
        later = after(delivery, reply, now, self._draw(), self._patience_s)
        result = GIVEN_UP if later.state == DEAD else FAILED
        self.results[webhook.name, result] += 1
        log.warning(
            "webhook.failed",
            webhook=webhook.name,
            sequence=told.sequence,
            result=result,
            attempts=later.attempts,
            reason=reply.error,
        )
        await self._settle(lambda: self._outbox.put_back(webhook, later, now))

    async def _settle(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write what came of a try, however long the disk is full: it is not posted again for it.

        Shielded, for a commit that has begun must also be published.
        """
        wait_s = AGAIN_S
        while True:
            try:
                await asyncio.shield(asyncio.ensure_future(write()))
            except Refusal as refusal:
                log.warning("webhook.unsettled", reason=refusal.message)
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_AGAIN_S)
            else:
                return

    def check_url(self, url: str) -> str:
        """Return a URL that may be posted to, or raise `InvalidValue`."""
        return self._post.check(url)

    async def knock(self, webhook: Webhook, delivery_id: str, told: Happening) -> Reply:
        """Post one happening once, signed as of now."""
        now, sent = int(self._clock()), body(told)
        said = headers(told.kind, delivery_id, webhook.secret, now, sent)
        return await self._post(webhook.url, sent, said)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
