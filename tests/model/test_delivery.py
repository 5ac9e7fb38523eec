"""Deliveries: when they are tried again, in which order, and when they are given up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.delivery import (
    DEAD,
    HOLD_S,
    LONGEST_RETRY_S,
    MOST_ERROR,
    PENDING,
    Delivery,
    Reply,
    after,
    again,
    wait_s,
)

DAY_S = 86_400.0
NEW = Delivery(id="d", webhook_id="w", sequence=1, since=1000.0)
DOWN = Reply(status=503, error="HTTP 503")
draws = st.floats(0, 1, exclude_max=True)


@given(attempts=st.integers(1, 10_000), draw=draws)
def test_a_wait_lies_between_a_half_and_the_whole_of_its_step(attempts: int, draw: float) -> None:
    whole = min(2.0 ** min(attempts - 1, 60), LONGEST_RETRY_S)

    assert whole / 2 <= wait_s(attempts, draw) <= whole


@given(draw=draws)
def test_with_the_same_luck_no_wait_is_shorter_than_the_one_before(draw: float) -> None:
    waits = [wait_s(attempts, draw) for attempts in range(1, 40)]

    assert waits == sorted(waits)


@given(draw=draws)
def test_a_delivery_is_tried_for_as_long_as_its_patience_and_no_longer(draw: float) -> None:
    delivery, now = NEW, NEW.since
    while delivery.state == PENDING:
        now = max(now, delivery.next_at)
        delivery = after(delivery, DOWN, now, draw, DAY_S)

    assert NEW.since + DAY_S - LONGEST_RETRY_S <= now <= NEW.since + DAY_S
    assert 20 <= delivery.attempts <= 70


def test_without_patience_it_is_tried_once() -> None:
    delivery = after(NEW, DOWN, NEW.since, 0.5, 0.0)

    assert (delivery.state, delivery.attempts, delivery.status) == (DEAD, 1, 503)


def test_one_that_waited_in_line_for_longer_than_its_patience_is_tried_all_the_same() -> None:
    assert NEW.attempts == 0
    late = after(NEW, DOWN, NEW.since + 2 * DAY_S, 0.5, DAY_S)

    assert (late.state, late.attempts) == (DEAD, 1)


@pytest.mark.parametrize("status", [0, 200, 408, 425, 429, 500, 503])
def test_trouble_of_the_receiver_holds_up_the_line_for_so_long(status: int) -> None:
    delivery = after(NEW, Reply(status=status, error="x"), 1000.0, 0.5, DAY_S)
    assert delivery.held_until == 1000.0 + HOLD_S

    later = after(delivery, Reply(error="x"), 1250.0, 0.5, DAY_S)
    assert later.held_until == 1000.0 + HOLD_S, "from the first failure on, not from the last"


@pytest.mark.parametrize("status", [301, 308, 400, 401, 404, 410, 422])
def test_what_is_refused_as_such_steps_aside_at_once(status: int) -> None:
    delivery = after(NEW, Reply(status=status, error="x"), 1000.0, 0.5, DAY_S)

    assert delivery.held_until == 1000.0
    assert delivery.next_at > 1000.0


@pytest.mark.parametrize(("asked", "given"), [(0.0, 1.0), (20.0, 20.0), (1e9, LONGEST_RETRY_S)])
def test_a_receiver_may_ask_for_more_time_up_to_an_hour(asked: float, given: float) -> None:
    reply = Reply(status=429, error="x", retry_after_s=asked)

    assert after(NEW, reply, 1000.0, 1.0, DAY_S).next_at == 1000.0 + given


def test_what_was_said_is_kept_cut() -> None:
    assert len(after(NEW, Reply(error="x" * 10_000), 1.0, 0.5, DAY_S).error) == MOST_ERROR


def test_one_that_is_tried_again_is_as_new_with_the_same_id() -> None:
    dead = after(NEW, DOWN, 1000.0, 0.5, 0.0)

    assert again(dead, 5000.0) == replace(NEW, since=5000.0)


def test_what_says_nothing_of_an_error_has_arrived() -> None:
    assert Reply(status=204).arrived
    assert not DOWN.arrived
