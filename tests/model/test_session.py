"""Sessions: how long they last."""

from __future__ import annotations

from huidu.model.role import Role
from huidu.model.session import Session, Terms

TERMS = Terms(idle_s=100.0, most_s=1000.0)


def session(began_at: float, used_at: float) -> Session:
    return Session(id="", key_id="", seal="", role=Role.VIEW, began_at=began_at, used_at=used_at)


def test_a_session_ends_when_nothing_comes_of_it() -> None:
    assert session(0.0, 50.0).lasts_until(TERMS) == 150.0


def test_a_session_ends_at_last_whatever_comes() -> None:
    assert session(0.0, 990.0).lasts_until(TERMS) == 1000.0
