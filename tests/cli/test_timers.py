"""`huidu timers`: what calls functions by the clock, and when it does next."""

from __future__ import annotations

import json

from tests.cli.test_daily import refused, well
from tests.platform import Platform


def test_timers_are_listed_with_what_they_call_and_when(platform: Platform, name: str) -> None:
    platform.make(name)
    for timer, more in (("day", {"Missed": "once"}), ("off", {"Enable": "CLOSE"})):
        platform.call(
            "CreateTrigger",
            FunctionName=name,
            TriggerName=timer,
            Type="timer",
            TriggerDesc="0 30 9 * * * *",
            Qualifier="$DEFAULT",
            **more,
        )
    rows = well(platform, "timers", "list", name).splitlines()[1:]

    day, off = sorted(rows)
    assert day.split()[:2] == [name, "day"]
    assert "$DEFAULT  0 30 9 * * * *  once    never" in day
    assert day.endswith(" 09:30:00+08:00")
    assert off.endswith("closed")
    every = json.loads(well(platform, "timers", "list", "--json"))
    assert {"day", "off"} == {one["TriggerName"] for one in every if one["FunctionName"] == name}

    coming = well(platform, "timers", "next", name).splitlines()
    assert [line.split()[0] for line in coming if "closed" not in line] == ["day"] * 5
    assert "off  closed" in coming
    assert len(well(platform, "timers", "next", name, "day", "--count", "2").splitlines()) == 2
    platform.call("DeleteFunction", FunctionName=name)


def test_an_expression_is_tried_without_a_timer(platform: Platform) -> None:
    told = well(platform, "timers", "next", "--cron", "0 0 0 1 1 * 2027-2028")
    assert told.split("\n")[:2] == ["2027-01-01 00:00:00+08:00", "2028-01-01 00:00:00+08:00"]
    asked = json.loads(well(platform, "timers", "next", "--cron", "0 9 * * *", "--json"))
    assert asked["Timers"][0]["Cron"] == "0 9 * * *"

    assert "seven fields" in refused(platform, "timers", "next", "--cron", "soon")
    assert "--cron" in refused(platform, "timers", "next", code=2)


def test_where_there_is_no_timer_it_is_said(platform: Platform, name: str) -> None:
    platform.make(name)

    assert well(platform, "timers", "list", name) == ""
    assert "huidu ls" in refused(platform, "timers", "next", "nobody-at-all")
    platform.call("DeleteFunction", FunctionName=name)
