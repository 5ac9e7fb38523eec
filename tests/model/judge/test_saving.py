"""What a judge knows outlives its server, and whatever else is read is told apart from it."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huidu.model.judge.call import Call
from huidu.model.judge.guard import guard_of
from huidu.model.judge.judge import Judge, Opinion, Step, Tolerances
from huidu.model.judge.measure import Measure
from huidu.model.judge.saving import Damaged
from huidu.model.judge.votes import BOTH, NONE, Ballot, Vote, Votes
from huidu.model.judge.watch import Limits, Watch

GUARDS = (guard_of("error rate > 30 % of 5"), guard_of("memory > 100 MB"))
TOLERANCES = Tolerances(
    measures=(Measure(name="memory"), Measure(name="cart", field="cart", direction="higher")),
    guards=GUARDS,
    dwell_s=5.0,
    least_calls=3,
    epoch_s=7.0,
)


class Heard(NamedTuple):
    call: Call


class Moved(NamedTuple):
    pass


calls = st.builds(
    Call,
    of_candidate=st.booleans(),
    failed=st.sampled_from((False, False, False, True)),
    duration_ms=st.floats(0, 1e5),
    weight=st.sampled_from((0.05, 0.25, 0.5, 1.0)),
    compares=st.booleans(),
    vote=st.sampled_from((BOTH, BOTH, NONE, Vote(worse=False), Vote(first=False))),
    values=st.tuples(st.none() | st.floats(-1e3, 1e3), st.none() | st.floats(-1e3, 1e3)),
    memory_bytes=st.integers(0, 1 << 30),
)
#: Each with how long after the one before it happens.
happenings = st.lists(
    st.tuples(
        st.one_of(calls.map(Heard), calls.map(Heard), st.just(Moved())),
        st.sampled_from((0.0, 0.01, 0.3, 1.5, 8.0)),
    ),
    max_size=60,
)


def lived(judge: Judge, happened: list[tuple[Heard | Moved, float]], now: float) -> list[Opinion]:
    """What a judge says after each happening."""
    said = []
    for happening, later in happened:
        now += later
        if isinstance(happening, Moved):
            judge.step(now)
        else:
            judge.hear(happening.call, now)
        said.append(judge.bounded(judge.look(now, Step(now - 6, 0.5))))
    return said


@given(before=happenings, after=happenings, learned=st.lists(st.floats(0, 1e3), max_size=30))
@settings(max_examples=30, deadline=None)
def test_a_judge_that_was_saved_says_what_it_would_have_said(
    before: list[tuple[Heard | Moved, float]],
    after: list[tuple[Heard | Moved, float]],
    learned: list[float],
) -> None:
    judge = Judge(TOLERANCES)
    for duration_ms in learned:
        judge.learn(duration_ms, (None, duration_ms))
    judge.begin()
    lived(judge, before, 0.0)
    now = sum(later for _, later in before)
    if after and isinstance(after[0][0], Heard):  # something is heard and not yet worked out
        judge.hear(after[0][0].call, now)
    again = Judge.restored(judge.saved(), TOLERANCES)

    assert again.stable_failures == pytest.approx(judge.stable_failures)
    assert lived(again, after, now) == lived(judge, after, now)
    assert again.saved() == judge.saved()


@given(before=st.lists(calls, max_size=30), after=st.lists(calls, max_size=30))
@settings(max_examples=20, deadline=None)
def test_so_does_a_watch(before: list[Call], after: list[Call]) -> None:
    limits = Limits(epoch_s=3.0, guards=GUARDS)
    watch = Watch(0.02, limits, began=100.0)
    for number, call in enumerate(before):
        watch.hear(call, 100 + number)
    again = Watch.restored(watch.saved(), limits)
    for number, call in enumerate(after, 100 + len(before)):
        assert again.hear(call, number) == watch.hear(call, number)
        assert again.look(number) == watch.look(number)


ballots = st.builds(
    Ballot,
    of_candidate=st.booleans(),
    failed=st.booleans(),
    first_attempt=st.sampled_from((True, True, True, False)),
    key=st.integers(0, 9).map(lambda key: key * 476_000_000),
    crashed=st.just(""),  # instances end with the server
)


@given(before=st.lists(ballots, max_size=50), after=st.lists(ballots, max_size=50))
@settings(max_examples=50, deadline=None)
def test_nobody_votes_again_after_a_restart(before: list[Ballot], after: list[Ballot]) -> None:
    votes = Votes()
    for second, ballot in enumerate(before):
        votes.of(ballot, second)
    again = Votes.restored(votes.saved())
    for second, ballot in enumerate(after, len(before)):
        assert again.of(ballot, second) == votes.of(ballot, second)


def test_what_is_saved_stays_small_however_long_a_rollout_takes() -> None:
    judge = Judge(TOLERANCES)
    for minute in range(200):
        for number in range(20):
            value = 1.0 + (minute * 37 + number * 101) % 977
            call = Call(number % 2 == 0, number == 7, value, 0.5, values=(value, -value))
            judge.hear(call, minute * 60.0)
        judge.look(minute * 60.0, Step(0.0, 1.0))
    votes = Votes()
    for key in range(1, 6000):
        votes.of(Ballot(of_candidate=True, failed=True, key=key), 0.0)

    assert len(judge.saved()) < 60_000
    assert len(votes.saved()) < 90_000


SAVED = Judge().saved()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "7",
        "{}",
        '{"kind":"judge"}',
        SAVED[:-9],
        SAVED.replace("0.0", "0.5", 1),
        SAVED.replace('"form":1', '"form":2'),
        "[" * 100_000,
        Watch().saved(),
        b"\xff\xfe\x00",
    ],
    ids=range(12),
)
def test_text_that_cannot_be_trusted_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="saved judge"):
        Judge.restored(text)


def test_what_was_whole_and_is_of_another_make_is_refused() -> None:
    whole = json.loads(SAVED)
    assert whole["kind"] == "judge"
    with pytest.raises(Damaged, match="metric"):
        Judge.restored(SAVED, Tolerances(error_ratio=1.5))
    with pytest.raises(Damaged, match="gauge"):
        Judge.restored(SAVED, Tolerances(slower=1.3))
    with pytest.raises(Damaged):
        Judge.restored(SAVED, TOLERANCES)
    with pytest.raises(Damaged, match="watch"):
        Watch.restored(Watch().saved(), Limits(suspect=0.02))
    with pytest.raises(Damaged, match="guard"):
        Judge.restored(
            Judge(Tolerances(guards=(guard_of("p99 > 2 s"),))).saved(),
            Tolerances(guards=(guard_of("p99 > 3 s"),)),
        )


def test_how_sure_a_judge_is_to_be_may_change_meanwhile() -> None:
    again = Judge.restored(SAVED, Tolerances(alpha=0.05, bake_s=60.0))
    assert again.tolerances.alpha == 0.05
