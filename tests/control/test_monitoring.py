"""Periods of the cloud's monitoring begin where people expect them to."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from huidu.control.monitoring import PERIODS, floor

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
MOMENTS = some.floats(0, 4e9)


@given(MOMENTS, some.sampled_from(PERIODS))
def test_a_moment_lies_in_the_period_that_is_said_to_hold_it(moment: float, period_s: int) -> None:
    begun = floor(moment, period_s, SHANGHAI)

    assert begun <= moment < begun + period_s
    assert floor(begun, period_s, SHANGHAI) == begun


@pytest.mark.parametrize("zone", [SHANGHAI, NEW_YORK])
def test_a_day_begins_at_midnight_of_the_zone(zone: ZoneInfo) -> None:
    noon = datetime(2026, 7, 1, 12, 30, tzinfo=zone)
    begun = datetime.fromtimestamp(floor(noon.timestamp(), 86_400, zone), zone)

    assert begun == noon.replace(hour=0, minute=0)
