"""No event is lost under kills, moves and rollbacks, and none is run twice without a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.lossless import Trouble, play

EVENTS = 1200


@pytest.mark.timeout(120)
def test_events_survive_kills_and_go_where_the_alias_leads_at_each_attempt(tmp_path: Path) -> None:
    found = play(EVENTS, tmp_path, Trouble(kill_s=2.0, servers=1, instances=10))

    assert (found.lost, found.unexplained, found.misled) == ([], [], [])
    assert sum(found.states.values()) >= EVENTS
    assert found.attempts > EVENTS
    assert found.moves > 1
