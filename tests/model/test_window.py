"""Windows and freezes: read as written, open as the clock on the wall says, and told right."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.model.window import DAYS, Freeze, Window, closed, freeze_of, window_of

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
#: Zones that put their clocks forward and back, by an hour, by half of one, and not at all.
ZONES = tuple(
    map(
        ZoneInfo,
        (
            "UTC",
            "Asia/Shanghai",
            "Europe/Berlin",
            "America/New_York",
            "America/Santiago",
            "Australia/Lord_Howe",
            "Africa/Casablanca",
            "Asia/Kathmandu",
        ),
    )
)
#: Around what Berlin, New York and Santiago do to their clocks in 2026, and anywhere else.
CHANGES = (1774746000, 1792890000, 1772953200, 1793512800, 1775358000, 1788667200)

zones = st.sampled_from(ZONES)
moments = st.one_of(
    st.integers(946684800, 2208988800),
    st.builds(
        lambda change, off: change + off, st.sampled_from(CHANGES), st.integers(-90000, 90000)
    ),
)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    days = draw(st.sets(st.sampled_from(DAYS), min_size=1))
    begin = draw(st.integers(0, 1439))
    end = draw(st.integers(0, 1440).filter(lambda end: end != begin))
    text = f"{','.join(sorted(days))} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    return window_of(text, draw(zones))


@st.composite
def freezes(draw: st.DrawFn) -> Freeze:
    begin, zone = draw(moments), draw(zones)
    until = begin + draw(st.integers(3600, 40 * 86_400))
    ends = (
        datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")
        for at in (begin, until)
    )
    return freeze_of("/".join(ends), zone)


def wall(at: float, zone: ZoneInfo) -> datetime:
    """What clock and calendar show."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).replace(tzinfo=None)


def is_within(window: Window, at: float) -> bool:
    """Whether a moment is within the hours of a named day, found by writing them out."""
    assert isinstance(window.zone, ZoneInfo)
    shown = wall(at, window.zone)
    for ago in (0, 1):
        day = shown.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=ago)
        begin = day + timedelta(minutes=window.begin)
        end = day + timedelta(minutes=window.end + (1440 if window.end <= window.begin else 0))
        if day.weekday() in window.days and begin <= shown < end:
            return True
    return False


def at(text: str, zone: ZoneInfo = SHANGHAI, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


@given(windows(), moments)
def test_a_window_is_open_for_its_whole_span_on_each_named_day(window: Window, now: int) -> None:
    assert window.is_open(now) == is_within(window, now)


@given(st.lists(windows(), max_size=3), st.lists(freezes(), max_size=3), moments)
def test_it_is_closed_outside_of_all_windows_and_within_any_freeze_and_only_then(
    some: list[Window], frozen: list[Freeze], now: int
) -> None:
    may = not some or any(is_within(one, now) for one in some)
    may = may and not any(one.begin <= now < one.until for one in frozen)

    assert (closed(now, some, frozen) == "") == may


@given(
    st.lists(windows(), max_size=3),
    st.lists(freezes(), max_size=3),
    st.lists(windows(), max_size=2),
    moments,
)
def test_when_it_opens_is_told_right(
    some: list[Window], frozen: list[Freeze], also: list[Window], now: int
) -> None:
    said = closed(now, some, frozen, also)
    assume(said and "never" not in said)
    told = re.findall(r"\w{3} (\d{4}-\d\d-\d\d \d\d:\d\d) ([+-]\d\d:\d\d)", said)
    opens = datetime.fromisoformat("".join(told[-1])).timestamp()

    assert opens > now
    assert closed(opens, some, frozen, also) == ""
    assert closed(opens - 1, some, frozen, also)
    between = [now + (opens - now) * part / 20 for part in range(20)]
    assert all(closed(moment, some, frozen, also) for moment in between)


def test_hours_and_when_they_open_are_told() -> None:
    window = window_of("mon-fri 09:00-17:00", SHANGHAI)

    assert closed(at("2026-11-27 16:59:59"), [window], []) == ""
    assert closed(at("2026-11-27 17:00"), [window], []) == (
        "outside of mon-fri 09:00-17:00; opens Mon 2026-11-30 09:00 +08:00"
    )
    assert closed(at("2026-11-30 08:59:59.9"), [window], [])
    assert closed(at("2026-11-30 09:00"), [window], []) == ""


def test_a_freeze_is_told_with_its_reason_and_when_it_opens_where_that_is_later() -> None:
    freeze = freeze_of("2026-12-24 00:00/2026-12-27 00:00 # holidays", SHANGHAI)
    then = freeze_of("2026-12-27 00:00/2026-12-27 12:00", SHANGHAI)
    now = at("2026-12-25 10:00")
    until = "frozen until Sun 2026-12-27 00:00 +08:00: holidays"

    assert closed(now, [], [freeze]) == until
    assert closed(now, [], [freeze, then]) == f"{until}; opens Sun 2026-12-27 12:00 +08:00"
    office = window_of("mon-fri 09:00-17:00", SHANGHAI)
    assert closed(now, [office], [freeze]) == f"{until}; opens Mon 2026-12-28 09:00 +08:00"
    assert closed(at("2026-12-23 23:59:59"), [], [freeze]) == ""
    assert closed(at("2026-12-27 12:00"), [], [freeze, then]) == ""


def test_two_lists_that_share_no_hour_are_told_as_such() -> None:
    mine, theirs = window_of("mon 09:00-10:00", SHANGHAI), window_of("tue 09:00-10:00", SHANGHAI)

    assert "never opens" in closed(at("2026-11-30 09:00"), [mine], [], [theirs])


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    window = window_of("fri 22:00-02:00", SHANGHAI)

    assert window.is_open(at("2026-11-28 01:59"))
    assert not window.is_open(at("2026-11-27 01:59"))
    assert not window.is_open(at("2026-11-28 22:00"))


def test_hours_that_a_clock_skips_are_not_there_and_hours_that_it_repeats_come_twice() -> None:
    """Berlin puts its clock forward from 2 to 3 on 2026-03-29, and back from 3 to 2 in October."""
    skipped = window_of("sun 02:15-02:45 Europe/Berlin", SHANGHAI)
    assert closed(at("2026-03-29 01:59", BERLIN), [skipped], []) == (
        "outside of sun 02:15-02:45 Europe/Berlin; opens Sun 2026-04-05 02:15 +02:00"
    )
    cut = window_of("sun 02:15-03:15", BERLIN)
    assert cut.opens(at("2026-03-29 01:00", BERLIN)) == at("2026-03-29 03:00", BERLIN)

    twice = [at("2026-10-25 02:30", BERLIN, fold) for fold in (0, 1)]
    assert twice[1] - twice[0] == 3600
    assert all(skipped.is_open(moment) for moment in twice)
    again = skipped.opens(at("2026-10-25 02:50", BERLIN))
    assert again == at("2026-10-25 02:15", BERLIN, 1)


def test_a_freeze_that_begins_or_ends_in_a_repeated_hour_holds_both() -> None:
    freeze = freeze_of("2026-10-25 02:30/2026-10-25 02:40 Europe/Berlin", SHANGHAI)

    assert freeze.holds(at("2026-10-25 02:30", BERLIN, 0))
    assert freeze.holds(at("2026-10-25 02:39", BERLIN, 1))
    assert not freeze.holds(at("2026-10-25 02:40", BERLIN, 1))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("daily 9:00-17:00", "mon tue wed thu fri sat sun"),
        ("mon,wed,fri 09:00-17:00", "mon wed fri"),
        (" Mon - Wed, FRI 09:00 - 17:00 ", "mon tue wed fri"),
        ("fri-mon 09:00-17:00", "fri sat sun mon"),
        ("sun 00:00-24:00", "sun"),
    ],
)
def test_days_are_a_range_or_a_list_or_all(text: str, days: str) -> None:
    assert window_of(text, SHANGHAI).days == {DAYS.index(day) for day in days.split()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no days with hours"),
        ("mon-fri", "no days with hours"),
        ("09:00-17:00", "no days with hours"),
        ("mon 9-17", "no days with hours"),
        ("mon 09:00-17:00 UTC # why", "no days with hours"),
        ("mon " * 60 + "09:00-17:00", "no days with hours"),
        ("mon-fry 09:00-17:00", "'mon-fry' is no day of mon, tue"),
        ("mon,, 09:00-17:00", "'' is no day"),
        ("monday 09:00-17:00", "'monday' is no day"),
        ("daily-fri 09:00-17:00", "is no day"),
        ("mon 24:00-25:00", "an hour is 00:00 to 23:59"),
        ("mon 09:60-17:00", "an hour is 00:00 to 23:59"),
        ("mon 09:00-24:01", "an hour is 00:00 to 23:59"),
        ("mon 09:00-09:00", "all day is daily 00:00-24:00"),
        ("mon 09:00-17:00 Mars/Olympus", "'Mars/Olympus' is no time zone"),
        ("mon 09:00-17:00 ../../etc/passwd", "is no time zone"),
        ("mon 09:00-17:00 Europe", "is no time zone"),
    ],
)
def test_a_window_that_is_none_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        window_of(text, SHANGHAI)

    assert refusal.value.code == "InvalidParameterValue.Windows"
    assert said in refusal.value.message
    assert "say mon-fri 09:00-17:00" in refusal.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-12-24/2026-12-27", "no two moments"),
        ("2026-12-24 00:00", "no two moments"),
        ("2026-12-24 00:00/2026-12-27 00:00 # " + "x" * 200, "no two moments"),
        ("2026-12-24 00:00/2026-12-32 00:00", "'2026-12-32 00:00' is no moment"),
        ("2026-12-24 00:00/2026-12-24 00:00", "must end after it begins"),
        ("0001-01-01 00:00/9999-12-31 00:00", "years are 1970 to 2999"),
        ("2026-12-24 00:00/2026-12-27 00:00 Nowhere", "'Nowhere' is no time zone"),
    ],
)
def test_a_freeze_that_is_none_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        freeze_of(text, SHANGHAI)

    assert refusal.value.code == "InvalidParameterValue.Freezes"
    assert said in refusal.value.message
    assert "say 2026-12-24 00:00/2026-12-27 00:00" in refusal.value.message


def test_no_opening_comes_before_another_one_that_was_told() -> None:
    window = window_of("daily 02:30-03:30", BERLIN)
    hours = [window.opens(at("2026-03-27 12:00", BERLIN) + hour * 3600) for hour in range(96)]

    assert all(one <= other for one, other in pairwise(hours))
