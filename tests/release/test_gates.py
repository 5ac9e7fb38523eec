"""Gates that are webhooks: asked until they say yes, and holding up nothing but the next share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from huidu.model import course
from huidu.model.course import Shut, Sight
from huidu.model.findings import Findings, Side
from huidu.model.judge.judge import Opinion, Verdict
from huidu.model.ramp import ramp_of
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.rollout_terms import APPROVAL, PROMOTE, WEBHOOK, Gate, Terms
from huidu.release.gates import Asker
from huidu.webhooks.asking import Asking
from huidu.webhooks.post import Post
from tests.fakes import Clock
from tests.fakes_store import HELLO
from tests.webhooks.receiver import Receiver, receiving

LOCAL = (ip_network("127.0.0.0/8"),)
SECRET = "s" * 16
FOUND = Findings(candidate=Side(calls=40, failures=1, cold=2), calls_per_s=5.0, verdict="fine")


def rollout(*gates: Gate, state: State = State.RAMPING, weight: int = 0, **more: Any) -> Rollout:
    return Rollout(
        id="ro-1",
        function=HELLO,
        function_id="lam-1",
        alias="release",
        stable="1",
        candidate="2",
        terms=Terms(ramp=ramp_of("25%/1m, 50%/1m, 100%"), proof=False, gates=gates, **more),
        state=state,
        weight=weight,
    )


class Asked:
    """An asker with a clock of its own, the gate that it asks, and how often it woke us."""

    def __init__(self, asker: Asker, clock: Clock, gate: Gate, woken: asyncio.Event) -> None:
        self.asker, self.clock, self.gate, self.woken = asker, clock, gate, woken

    def tend(self, gate: Gate | None) -> Step | None:
        shut = Shut(gate, 2500) if gate else None
        return self.asker.tend(shut, rollout(self.gate), FOUND)

    async def answered(self) -> Step | None:
        """Ask if it is time to, wait for the answer, and return what follows."""
        self.tend(self.gate)
        async with asyncio.timeout(20):
            await self.woken.wait()
        self.woken.clear()
        return self.tend(self.gate)


@asynccontextmanager
async def asking(url: str, secret: str = "", timeout_s: float = 10.0) -> AsyncIterator[Asked]:
    clock, woken, post = Clock(), asyncio.Event(), Post(LOCAL, timeout_s)
    asker = Asker(Asking(post, clock.time), clock.time, woken.set)
    try:
        yield Asked(asker, clock, Gate(5000, WEBHOOK, url, secret), woken)
    finally:
        await asker.close()
        await post.close()


def host(receiver: Receiver) -> str:
    return receiver.url.split("/")[2]


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_any_2xx_approves_the_share_of_the_gate(status: int) -> None:
    with receiving(answer=lambda number: status) as receiver:
        async with asking(receiver.url) as asked:
            step = await asked.answered()

    assert step == Step(
        event=Event.APPROVE, at=1000.0, weight=5000, said=f"{host(receiver)} answered {status}"
    )
    assert len(receiver.got) == 1


async def test_a_gate_is_told_what_it_decides_about_and_with_its_secret_that_it_is_us() -> None:
    with receiving() as receiver:
        async with asking(receiver.url, SECRET) as asked:
            await asked.answered()

    got = receiver.got[0]
    assert got.is_signed_by(SECRET)
    assert (got.kind, got.delivery) == ("rollout.gate", "ro-1-5000")
    assert got.event["Kind"] == "rollout.gate"
    about = ("RolloutId", "FunctionName", "Alias", "FromVersion", "ToVersion", "State")
    assert [got.event[name] for name in about] == ["ro-1", "hello", "release", "1", "2", "ramping"]
    weights = ("Weight", "NextWeight", "GateWeight")
    assert [got.event[name] for name in weights] == [0, 0.25, 0.5]
    assert got.event["Evidence"]["Candidate"] == {"Calls": 40, "Failures": 1, "Cold": 2}
    assert SECRET not in got.body.decode()
    assert SECRET not in repr(asked.gate)


async def test_without_a_secret_nothing_is_signed() -> None:
    with receiving() as receiver:
        async with asking(receiver.url) as asked:
            await asked.answered()

    assert "X-Huidu-Signature" not in receiver.got[0].headers


@pytest.mark.parametrize("status", [302, 403, 410, 500, 503])
async def test_any_other_answer_is_asked_again_after_30_s(status: int) -> None:
    with receiving(answer=lambda number: status if number == 0 else 200, body=b"no") as receiver:
        async with asking(receiver.url) as asked:
            assert await asked.answered() is None
            assert asked.asker.said == f"HTTP {status}: no"
            asked.clock.move(29)
            asked.tend(asked.gate)
            await asyncio.sleep(0.02)
            assert len(receiver.got) == 1
            asked.clock.move(1)
            assert await asked.answered() is not None


@pytest.mark.parametrize(("wanted", "waits_s"), [("1", 1), ("120", 120), ("86400", 600)])
async def test_a_receiver_may_say_when_to_ask_again_within_ten_minutes(
    wanted: str, waits_s: int
) -> None:
    with receiving(answer=lambda number: 503, more={"Retry-After": wanted}) as receiver:
        async with asking(receiver.url) as asked:
            await asked.answered()
            asked.clock.move(waits_s - 0.5)
            asked.tend(asked.gate)
            await asyncio.sleep(0.02)
            assert len(receiver.got) == 1
            asked.clock.move(0.5)
            await asked.answered()
            assert len(receiver.got) == 2


async def test_a_clock_that_is_put_back_does_not_keep_a_gate_from_being_asked() -> None:
    with receiving(answer=lambda number: 503) as receiver:
        async with asking(receiver.url) as asked:
            await asked.answered()
            asked.clock.now -= 3600
            await asked.answered()
            assert len(receiver.got) == 2


async def test_a_receiver_that_words_it_anew_each_time_makes_news_every_five_minutes_only() -> None:
    with receiving(answer=lambda number: 503) as receiver:
        async with asking(receiver.url) as asked:
            told = []
            for number in range(12):
                receiver.body = f"{number} of 12".encode()
                await asked.answered()
                told.append(asked.asker.said)
                asked.clock.move(30)

    assert told == ["HTTP 503: 0 of 12"] * 10 + ["HTTP 503: 10 of 12"] * 2


async def test_a_receiver_that_hangs_holds_up_nobody_and_is_asked_again() -> None:
    hang = threading.Event()
    with receiving(hang=hang) as receiver:
        async with asking(receiver.url, timeout_s=0.2) as asked:
            assert asked.tend(asked.gate) is None
            assert await asked.answered() is None
            assert asked.asker.said == "no answer within 0.2 s"
            hang.set()
            asked.clock.move(30)
            assert await asked.answered() is not None


async def test_an_address_that_webhooks_may_not_reach_is_no_yes() -> None:
    clock, woken, post = Clock(), asyncio.Event(), Post((), 5.0)
    with receiving() as receiver:
        gate = Gate(5000, WEBHOOK, receiver.url.replace("127.0.0.1", "localhost"))
        asked = Asked(Asker(Asking(post, clock.time), clock.time, woken.set), clock, gate, woken)
        assert await asked.answered() is None
        assert "is the machine itself" in asked.asker.said
        assert receiver.got == []
    await asked.asker.close()
    await post.close()


async def test_trouble_of_our_own_is_no_yes_either() -> None:
    async def broken(gate: Gate, mark: str, question: bytes) -> Any:
        raise RuntimeError(mark)

    clock, woken, gate = Clock(), asyncio.Event(), Gate(5000, WEBHOOK, "http://h/")
    asked = Asked(Asker(broken, clock.time, woken.set), clock, gate, woken)

    assert await asked.answered() is None
    assert asked.asker.said == "RuntimeError"


async def test_what_is_not_waited_for_any_more_is_not_asked_and_its_answer_is_not_heard() -> None:
    hang = threading.Event()
    with receiving(hang=hang) as receiver:
        async with asking(receiver.url) as asked:
            asked.tend(asked.gate)
            await asyncio.to_thread(receiver.wait, 1)
            assert asked.tend(None) is None
            hang.set()
            await asyncio.sleep(0.05)
            assert not asked.woken.is_set()
            assert asked.tend(asked.gate) is None, "it comes back, and is asked when it is time to"
            assert len(receiver.got) == 1
            asked.clock.move(30)
            assert await asked.answered() is not None


async def test_the_next_gate_is_asked_at_once_and_nothing_of_the_last_one_counts_for_it() -> None:
    with receiving(answer=lambda number: 503) as receiver:
        async with asking(receiver.url) as asked:
            await asked.answered()
            asked.gate = replace(asked.gate, weight=10_000)
            asked.tend(asked.gate)
            assert asked.asker.said == ""
            await asked.answered()
            assert [one.delivery for one in receiver.got] == ["ro-1-5000", "ro-1-10000"]


HOOK = Gate(2500, WEBHOOK, "https://ci.example.com/token/x?key=y")
PERSON = Gate(2500, APPROVAL)
WORSE = Opinion(Verdict.WORSE, "errors", 10.0, 0.0)


def test_a_gate_holds_the_share_that_it_is_for_and_tells_whom_it_waits_for_and_no_more() -> None:
    held = course.what_now(rollout(HOOK), Sight(at=1.0))
    assert held is not None
    assert held.event is Event.HOLD
    assert held.said == "waits for ci.example.com to say yes before 25 % of the calls"
    again = course.what_now(rollout(HOOK), Sight(at=1.0, answered="HTTP 503: not yet"))
    assert again is not None
    assert again.said == f"{held.said}; last: HTTP 503: not yet"

    waiting = rollout(HOOK).after(held)
    assert course.what_now(waiting, Sight(at=2.0)) is None
    assert course.gate_now(waiting, Sight(at=2.0)) == (HOOK, 2500)
    approved = waiting.after(Step(event=Event.APPROVE, at=3.0, weight=2500))
    assert course.gate_now(approved, Sight(at=3.0)) is None
    grown = course.what_now(approved, Sight(at=3.0))
    assert grown is not None
    assert (grown.event, grown.weight) == (Event.GROW, 2500)


def test_a_webhook_is_asked_only_at_hours_at_which_the_share_may_grow() -> None:
    closed = Sight(at=1.0, closed="outside of mon 09:00-10:00")

    assert course.gate_now(rollout(HOOK), closed) is None
    held = course.what_now(rollout(HOOK), closed)
    assert held is not None
    assert held.said == closed.closed


def test_a_person_may_approve_at_any_hour() -> None:
    closed = Sight(at=1.0, closed="frozen")

    held = course.what_now(rollout(PERSON), closed)
    assert held is not None
    assert held.said == "waits for an approval before 25 % of the calls"
    assert course.gate_now(rollout(PERSON), Sight(at=1.0)) is None


def test_a_promotion_for_want_of_an_answer_is_held_as_any_other_share() -> None:
    """With no call to judge by, the share of a proof is never due: only the timeout moves it."""
    ready = rollout(weight=2500, on_timeout=PROMOTE, step_timeout_s=10.0)
    gated = replace(
        ready, terms=replace(ready.terms, proof=True, gates=(replace(HOOK, weight=10_000),))
    )
    ready = replace(ready, terms=replace(ready.terms, proof=True))

    def event(one: Rollout, **seen: Any) -> Event | None:
        step = course.what_now(one, Sight(at=1000.0, **seen))
        return step.event if step else None

    assert event(ready) is Event.PROMOTE
    assert event(ready, closed="frozen") is Event.HOLD
    assert event(ready, lacking="waits for instances") is Event.HOLD
    assert event(gated) is Event.HOLD
    assert course.gate_now(gated, Sight(at=1000.0)) == (gated.terms.gates[0], 10_000)
    assert course.gate_now(gated, Sight(at=5.0)) is None, "nothing is due"


@pytest.mark.parametrize("state", [State.RAMPING, State.WAITING, State.PAUSED, State.BAKING])
def test_neither_a_gate_nor_an_hour_holds_a_rollback(state: State) -> None:
    weight = 10_000 if state is State.BAKING else 2500
    one = rollout(replace(HOOK, weight=5000), state=state, weight=weight)
    bad = Sight(at=1.0, opinion=WORSE, broken="errors" if weight == 10_000 else "", closed="frozen")

    step = course.what_now(one, bad)
    assert step is not None
    assert step.event is Event.ROLL_BACK
    assert course.gate_now(one, bad._replace(closed="")) is None


def test_no_hour_holds_the_end_of_the_bake() -> None:
    baking = rollout(state=State.BAKING, weight=10_000, bake_s=60.0)

    step = course.what_now(baking, Sight(at=61.0, closed="frozen"))
    assert step is not None
    assert step.event is Event.FINISH
