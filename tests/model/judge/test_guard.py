"""Lines that are never to be crossed: how they are written, and when they are broken."""

from __future__ import annotations

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.judge.call import Call
from huidu.model.judge.guard import Window, guard_of
from huidu.model.judge.judge import Judge, Step, Tolerances, Verdict

GOOD = Call(of_candidate=True, failed=False, duration_ms=10.0, weight=0.1, memory_bytes=1 << 20)
BAD = GOOD._replace(failed=True)


@pytest.mark.parametrize(
    ("text", "kind", "limit", "share", "window_s", "least"),
    [
        ("error rate > 20 %", "error rate", 0.2, 0.2, 60, 20),
        ("error rate>0.5%", "error rate", 0.005, 0.005, 60, 20),
        ("p99 > 2 s", "p", 2000.0, 0.01, 60, 20),
        ("p99.9 > 800 ms / 5m", "p", 800.0, 0.001, 300, 20),
        ("p50 > 1.5s of 5", "p", 1500.0, 0.5, 60, 5),
        ("memory > 512 MB/30s of 100", "memory", 512 * 2.0**20, 0.0, 30, 100),
        ("  memory  >  1 GB / 1 h ", "memory", 2.0**30, 0.0, 3600, 20),
    ],
)
def test_a_guard_says_what_may_be(
    text: str, kind: str, limit: float, share: float, window_s: int, least: int
) -> None:
    guard = guard_of(text)
    assert (guard.kind, guard.window_s, guard.least_calls) == (kind, window_s, least)
    assert [guard.limit, guard.share] == pytest.approx([limit, share])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read"),
        ("errors > 20 %", "cannot be read"),
        ("error rate < 20 %", "cannot be read"),
        ("error rate > 20", "cannot be read"),
        ("p100 > 2 s", "cannot be read"),
        ("p0 > 2 s", "p0 is no quantile"),
        ("p99 > 2 MB", "p99 is in ms or s"),
        ("memory > 20 %", "memory is in MB or GB or KB"),
        ("error rate > 100 %", "can never be exceeded"),
        ("p99 > 999999 s", "can never be exceeded"),
        ("p99 > 2 s / 0s", "a window is 1 s to 3600 s long"),
        ("p99 > 2 s / 2h", "a window is 1 s to 3600 s long"),
        ("p99 > 2 s of 0", "of 1 to 100000 calls"),
    ],
)
def test_what_is_no_guard_is_refused_with_what_would_be_one(text: str, why: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        guard_of(text)
    assert why in refused.value.message
    assert "say error rate > 20 %" in refused.value.message


def broken_after(text: str, calls: list[Call], every_s: float = 0.1) -> int | None:
    """After how many calls a guard is broken."""
    window = Window(guard_of(text))
    for number, call in enumerate(calls):
        if window.hear(call, number * every_s):
            return number + 1
    return None


def test_a_guard_waits_for_twenty_calls_or_for_as_many_as_it_says() -> None:
    assert broken_after("error rate > 20 %", [BAD] * 30) == 20
    assert broken_after("error rate > 20 % of 5", [BAD] * 30) == 5


def test_just_what_is_allowed_is_allowed() -> None:
    fifth = [BAD, GOOD, GOOD, GOOD, GOOD] * 20
    assert broken_after("error rate > 20 %", fifth[1:]) is None
    assert broken_after("error rate > 20 %", [*fifth[1:], BAD, BAD]) == 101
    assert broken_after("error rate > 29 %", [GOOD] * 71 + [BAD] * 29) is None
    assert broken_after("error rate > 29 %", [GOOD] * 71 + [BAD] * 30) == 101


def test_a_quantile_is_over_the_limit_where_more_calls_than_its_rest_are() -> None:
    slow = GOOD._replace(duration_ms=2000.5)
    assert broken_after("p99 > 2 s", [GOOD] * 99 + [slow]) is None
    assert broken_after("p99 > 2 s", [GOOD] * 98 + [slow]) == 99  # 1.01 %
    assert broken_after("p50 > 2 s of 4", [slow, GOOD, slow, slow]) == 4
    assert broken_after("p99 > 2 s", [GOOD._replace(duration_ms=2000.0)] * 99) is None


def test_memory_is_over_the_limit_where_one_call_is() -> None:
    large = GOOD._replace(memory_bytes=(512 << 20) + 1)
    assert broken_after("memory > 512 MB", [GOOD] * 40 + [large]) == 41
    assert broken_after("memory > 512 MB", [GOOD] * 40) is None


def test_what_is_older_than_the_window_counts_no_more() -> None:
    window = Window(guard_of("error rate > 20 % / 60s"))
    for _ in range(20):
        window.hear(BAD, 0.0)
    assert window.broken(56.0)
    assert not window.broken(61.0)
    assert broken_after("error rate > 20 %", [BAD] * 200, every_s=4.0) is None


def test_a_guard_goes_on_where_it_stood() -> None:
    window = Window(guard_of("error rate > 20 %"))
    for number in range(19):
        assert not window.hear(BAD if number < 4 else GOOD, 1.0)
    again = Window(guard_of("error rate > 20 %"))
    again.resume(window.state)
    assert again.hear(BAD, 2.0)
    assert again.broken(2.0).endswith("(5 of 20 calls within 60 s failed)")


def test_a_broken_guard_takes_a_version_back_and_is_named_as_absolute() -> None:
    judge = Judge(Tolerances(guards=(guard_of("error rate > 20 %"),)))
    for number in range(20):  # nothing is compared: the stable version fails as well
        judge.hear(BAD._replace(of_candidate=False, weight=0.5), number)
        heard = judge.hear(BAD._replace(weight=1.0), number)
    said = judge.look(20.0, Step(0.0, 0.5))
    assert heard
    assert said.verdict is Verdict.WORSE
    assert said.reason == "absolute: error rate > 20 % (20 of 20 calls within 60 s failed)"


def test_the_stable_version_breaks_no_guard() -> None:
    judge = Judge(Tolerances(guards=(guard_of("error rate > 20 %"),)))
    for number in range(40):
        judge.hear(BAD._replace(of_candidate=False), number / 10)
    assert judge.look(5.0, Step(0.0, 0.5)).verdict is Verdict.NOT_YET
