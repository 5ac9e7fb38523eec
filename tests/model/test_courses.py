"""Whole rollouts, by any sights, through hours that take no time; and minds that are broken."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from huidu.model import course
from huidu.model.course import Sight
from huidu.model.judge.opinion import Opinion, Verdict, Weighed
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.rollout_terms import Gate, Terms
from huidu.model.split import WHOLE
from tests.rollouts import rollout, terms

BEGAN = 1000.0
FINE = Opinion(Verdict.FINE, "", 0.0, 0.0)
WORSE = Opinion(Verdict.WORSE, "errors", 6.0, 0.0)
NOT_YET = Opinion(Verdict.NOT_YET, "calls", 0.0, 0.0)
SUSPECT = Opinion(Verdict.NOT_YET, "suspicion", 0.0, 0.0, (Weighed("errors", math.log(4.0), 5.3),))
ASTRAY = Opinion(Verdict.ASTRAY, "calls", 0.0, 0.0)

DOUBTFUL = Opinion(Verdict.SUSPECT, "errors", 0.0, 0.0)  # of what bakes
PLANS = ("10%/5m, 50%/10m, 100%", "linear 40%/1m", "all-at-once", "evidence")

Mind = Callable[[Rollout, Sight], Step | None]
OPINIONS = (None, FINE, NOT_YET, SUSPECT, ASTRAY, WORSE, DOUBTFUL)
TERMS = some.builds(
    terms,
    some.sampled_from(PLANS),
    on_worse=some.sampled_from(["rollback", "pause"]),
    on_timeout=some.sampled_from(["pause", "promote", "rollback"]),
    step_timeout_s=some.sampled_from([0.0, 120.0, 3600.0]),
    bake_s=some.sampled_from([0.0, 300.0]),
    gates=some.lists(
        some.sampled_from(
            [Gate(1000, "approval"), Gate(5000, "approval"), Gate(WHOLE, "approval")]
        ),
        max_size=2,
        unique=True,
    ).map(tuple),
)
MOMENTS = some.lists(
    some.tuples(
        some.sampled_from([0.0, 1.0, 30.0, 60.0, 300.0, 4000.0]),  # seconds that pass before it
        some.sampled_from(OPINIONS),
        some.sampled_from(["", "", "", "guard"]),
        some.sampled_from(["", "", "freeze"]),
        some.sampled_from(["", "", "instances"]),
        some.sampled_from([None, None, None, Event.APPROVE, Event.PAUSE, Event.RESUME]),
    ),
    max_size=40,
)
Moment = tuple[float, Opinion | None, str, str, str, Event | None]


def live(mind: Mind, agreed: Terms, moments: list[Moment], first: int = 0) -> Rollout:
    """Let a rollout live through some moments, and hold what it does against what was agreed."""
    kept = replace(rollout(), terms=agreed, weight=first)
    now = BEGAN
    for passed_s, opinion, broken, closed, lacking, person in moments:
        now += passed_s
        if person is not None and kept.can(person):
            kept = kept.after(person_s(kept, person, now))
        sight = Sight(now, opinion, broken, 50.0, closed, lacking)
        step = mind(kept, sight)
        check(kept, sight, step)
        if step is not None:
            kept = kept.after(step)
            again = mind(kept, sight)
            assert again is None or again.event is not step.event, "twice at one moment"
    return kept


def person_s(kept: Rollout, event: Event, now: float) -> Step:
    gate = course.gate_before(kept, WHOLE)
    weight = gate.weight if gate and event is Event.APPROVE else 0
    return Step(event=event, at=now, who="AKID", weight=weight)


def check(kept: Rollout, sight: Sight, step: Step | None) -> None:
    """Fail where a step is not what was agreed."""
    worse = sight.opinion is WORSE
    bad = kept.owns and kept.weight > 0 and (worse or bool(sight.broken))
    if bad and kept.terms.on_worse == "rollback":
        assert step is not None, "not taken back"
        assert step.event is Event.ROLL_BACK, "not taken back"
    if step is None:
        return
    assert kept.can(step.event)
    if step.event is Event.ROLL_BACK:
        timed_out = kept.terms.on_timeout == "rollback"
        assert bad or timed_out, "taken back for nothing"
    if step.event in course.RISES:
        check_growth(kept, sight, step)


def check_growth(kept: Rollout, sight: Sight, step: Step) -> None:
    agreed, held_s = kept.terms, sight.at - kept.since
    assert kept.state in (State.RAMPING, State.WAITING), "grown while paused"
    assert not sight.closed, "grown while closed"
    assert not sight.lacking, "grown without instances"
    gates = [gate for gate in agreed.gates if kept.weight < gate.weight <= step.weight]
    assert all(gate.weight <= kept.approved for gate in gates), "grown past a gate"
    timed_out = bool(agreed.step_timeout_s) and agreed.on_timeout == "promote"
    timed_out = timed_out and step.weight == WHOLE and held_s >= agreed.step_timeout_s
    if kept.weight and not timed_out:
        assert step.weight == course.aim(kept, 50.0), "not as the plan says"
        waits = [s.wait_s for s in agreed.ramp.steps if s.weight <= kept.weight]
        assert held_s >= max(waits[-1:], default=0), "grown too early"
        assert sight.opinion is not ASTRAY, "grown while calls go astray"
        assert sight.opinion is not SUSPECT, "grown while suspected"
        assert not agreed.proof or sight.opinion is FINE, "grown without proof"


@given(TERMS, MOMENTS, some.sampled_from([0, 500, 1000]))
@settings(max_examples=150)
def test_whatever_is_seen_a_rollout_does_what_was_agreed(
    agreed: Terms, moments: list[Moment], first: int
) -> None:
    live(course.what_now, agreed, moments, first)


@given(TERMS)
@settings(max_examples=50)
def test_where_all_is_well_every_rollout_comes_to_its_end(agreed: Terms) -> None:
    moments: list[Moment] = [(300.0, FINE, "", "", "", Event.APPROVE)] * 40
    ended = live(course.what_now, agreed, moments)
    assert (ended.state, ended.weight) == (State.DONE, WHOLE)


# ---- minds that are broken in one place each


def through(seen: Callable[[Sight], Sight]) -> Mind:
    """Return a mind that does not see everything."""
    return lambda kept, sight: course.what_now(kept, seen(sight))


def never_back(kept: Rollout, sight: Sight) -> Step | None:
    step = course.what_now(kept, sight)
    return None if step is not None and step.event is Event.ROLL_BACK else step


def hasty(kept: Rollout, sight: Sight) -> Step | None:
    return course.what_now(kept, sight._replace(at=sight.at + 200))


def skips(kept: Rollout, sight: Sight) -> Step | None:
    step = course.what_now(kept, sight)
    grows = step is not None and step.event in course.RISES and kept.weight
    return replace(step, weight=WHOLE) if step and grows else step


def holds_anew(kept: Rollout, sight: Sight) -> Step | None:
    step = course.what_now(kept, sight)
    if step is None and kept.state is State.WAITING and sight.closed:
        return Step(event=Event.HOLD, at=sight.at, said=kept.said)
    return step


def grows_while_paused(kept: Rollout, sight: Sight) -> Step | None:
    running = replace(kept, state=State.RAMPING) if kept.state is State.PAUSED else kept
    return course.what_now(running, sight)


def no_gates(kept: Rollout, sight: Sight) -> Step | None:
    return course.what_now(replace(kept, approved=WHOLE), sight)


def sees_no_harm(kept: Rollout, sight: Sight) -> Step | None:
    calm = FINE if sight.opinion in (SUSPECT, ASTRAY, NOT_YET) else sight.opinion
    return course.what_now(kept, sight._replace(opinion=calm))


def waits_for_the_hour(kept: Rollout, sight: Sight) -> Step | None:
    return None if sight.closed else course.what_now(kept, sight)


BROKEN: tuple[tuple[str, Mind], ...] = (
    ("grows while closed", through(lambda sight: sight._replace(closed=""))),
    ("grows without instances", through(lambda sight: sight._replace(lacking=""))),
    ("overlooks guards", through(lambda sight: sight._replace(broken=""))),
    ("overlooks what is worse", through(lambda s: s._replace(opinion=FINE))),
    ("takes nothing back", never_back),
    ("takes nothing back at closed hours", waits_for_the_hour),
    ("does not wait", hasty),
    ("skips a share", skips),
    ("says the same again and again", holds_anew),
    ("grows while paused", grows_while_paused),
    ("knows no gates", no_gates),
    ("suspects nothing", sees_no_harm),
)


@pytest.mark.parametrize("mind", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_mind_is_found_out_that(mind: Mind) -> None:
    @settings(max_examples=3000, database=None, derandomize=True, phases=[Phase.generate])
    @given(TERMS, MOMENTS)
    def lives(agreed: Terms, moments: list[Moment]) -> None:
        live(mind, agreed, moments)

    with pytest.raises(AssertionError):
        lives()
