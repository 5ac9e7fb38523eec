"""Who is refused in a crowd is told so in turn, and nobody is forgotten or told twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from huidu.pace import FEW, LONGEST_S, TICK_S, Pace


class Loop:
    """A loop whose time passes tick by tick, as a test says."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def call_later(self, delay: float, callback: Callable[[], None], /) -> None:
        assert delay == TICK_S
        self.waiting.append(callback)
        assert len(self.waiting) == 1, "one timer serves all"

    def tick(self) -> None:
        due, self.waiting = self.waiting, []
        for callback in due:
            callback()


@dataclass(eq=False)
class Client:
    """Somebody for whom there is nothing; one that is `stubborn` comes back as soon as told."""

    pace: Pace
    stubborn: bool = False
    told: int = 0
    back: list[Client] = field(default_factory=list)

    def come(self) -> None:
        if self.pace.lets(self):
            self.hear()

    def hear(self) -> None:
        self.told += 1
        if self.stubborn:
            self.back.append(self)


def crowd(count: int, *, stubborn: bool = False) -> tuple[Loop, Pace, list[Client]]:
    """So many who come at once."""
    loop = Loop()
    pace, back = Pace(loop), list[Client]()
    clients = [Client(pace, stubborn, back=back) for _ in range(count)]
    for client in clients:
        client.come()
    return loop, pace, clients


def test_few_are_told_at_once() -> None:
    loop, pace, clients = crowd(FEW)

    assert [client.told for client in clients] == [1] * FEW
    assert pace.waiting == 0
    loop.tick()
    loop.tick()
    assert not loop.waiting, "nobody came: there is nothing to look after"


def test_of_many_the_others_are_told_in_the_order_in_which_they_came() -> None:
    loop, _, clients = crowd(3 * FEW)

    assert [client.told for client in clients] == [1] * FEW + [0] * 2 * FEW
    loop.tick()
    assert [client.told for client in clients] == [1] * 2 * FEW + [0] * FEW


def test_who_comes_while_others_wait_to_be_told_does_not_overtake_them() -> None:
    loop, pace, _ = crowd(3 * FEW)
    loop.tick()
    late = Client(pace)
    late.come()

    assert late.told == 0


def test_a_crowd_that_does_not_come_back_is_told_faster_and_faster() -> None:
    loop, pace, clients = crowd(1000)
    ticks = 0
    while pace.waiting:
        loop.tick()
        ticks += 1

    assert {client.told for client in clients} == {1}
    assert ticks * TICK_S < LONGEST_S / 5


def test_a_crowd_that_always_comes_back_is_told_no_more_than_a_few_at_a_time() -> None:
    loop, _, clients = crowd(1000, stubborn=True)
    told = list[int]()
    for _ in range(400):
        back = list(clients[0].back)
        clients[0].back.clear()
        for client in back:
            client.come()
        loop.tick()
        told.append(len(clients[0].back))

    few = max(FEW, int(1000 * TICK_S / LONGEST_S))
    assert set(told[10:]) <= {few, few - 1}
    assert min(client.told for client in clients) >= max(client.told for client in clients) - 2


def test_who_has_gone_is_told_nothing() -> None:
    loop, pace, clients = crowd(FEW + 2)
    pace.forget(clients[-1])
    loop.tick()

    assert [client.told for client in clients[-2:]] == [1, 0]


@given(st.lists(st.integers(0, 40), max_size=60))
def test_everybody_is_told_once_whenever_he_comes(comers: list[int]) -> None:
    loop, clients = Loop(), list[Client]()
    pace = Pace(loop)
    for count in comers:
        for _ in range(count):
            clients.append(Client(pace))
            clients[-1].come()
        if count % 2:
            loop.tick()
        told = [client.told for client in clients]
        assert told == sorted(told, reverse=True), "the oldest first"
        assert told.count(0) == pace.waiting
    while loop.waiting:
        loop.tick()

    assert all(client.told == 1 for client in clients)
