"""What a rollout does next, row by row; and whole rollouts, through hours that a test makes up."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from huidu.model import course
from huidu.model.budget import Budget
from huidu.model.course import Sight
from huidu.model.errors import InvalidValue
from huidu.model.judge.judge import Step as Stand
from huidu.model.judge.opinion import Opinion, Verdict, Weighed
from huidu.model.rollout import OWNING, Event, Rollout, State, Step
from huidu.model.rollout_terms import Gate
from huidu.model.split import WHOLE
from tests.rollouts import FIVE_MINUTES_S, TEN_MINUTES_S, rollout, terms

BEGAN = 1000.0
FINE = Opinion(Verdict.FINE, "", 0.0, 0.0)
WORSE = Opinion(Verdict.WORSE, "errors", 6.0, 0.0)
NOT_YET = Opinion(Verdict.NOT_YET, "calls", 0.0, 0.0)
SUSPECT = Opinion(Verdict.NOT_YET, "suspicion", 0.0, 0.0, (Weighed("errors", math.log(4.0), 5.3),))
CALM = Weighed("latency", 0.0, 5.3)
ASTRAY = Opinion(Verdict.ASTRAY, "calls", 0.0, 0.0)
HOURS = {"state": State.RAMPING, "weight": 1000, "since": BEGAN}
BAKED = {"state": State.BAKING, "weight": WHOLE, "since": BEGAN, "full_at": BEGAN}


def next_of(kept: Rollout, after_s: float = 0.0, **seen: Any) -> Step | None:
    """Return what comes next, so long after the present weight was reached."""
    return course.what_now(kept, Sight(at=kept.since + after_s, **seen))


def event_of(kept: Rollout, after_s: float = 0.0, **seen: Any) -> Event | None:
    step = next_of(kept, after_s, **seen)
    return step.event if step else None


def at(weight: int, plan: str = "10%/5m, 50%/10m, 100%", **more: Any) -> Rollout:
    return rollout(plan, at={**HOURS, "weight": weight}, **more)


# ---- plans


def test_the_first_share_comes_at_once() -> None:
    step = next_of(rollout())
    assert step == Step(event=Event.GROW, at=BEGAN, weight=1000, said="begun")


PLANS = [
    ("10%/5m, 50%/10m, 100%", [(1000, 300), (5000, 600), (WHOLE, 0)]),
    ("10%/5m, 50%/10m", [(1000, 300), (5000, 600), (WHOLE, 0)]),
    ("linear 40%/1m", [(4000, 60), (8000, 60), (WHOLE, 0)]),
    ("all-at-once", [(WHOLE, 0)]),
    ("Canary10Percent5Minutes", [(1000, 300), (WHOLE, 0)]),
    ("CodeDeployDefault.LambdaCanary10Percent30Minutes", [(1000, 1800), (WHOLE, 0)]),
    ("Linear50PercentEvery1Minute", [(5000, 60), (WHOLE, 0)]),
    ("AllAtOnce", [(WHOLE, 0)]),
]


@pytest.mark.parametrize(("plan", "expected"), PLANS, ids=[plan for plan, _ in PLANS])
def test_a_plan_is_gone_through_share_by_share_each_held_as_long_as_it_says(
    plan: str, expected: list[tuple[int, int]]
) -> None:
    kept, gone = rollout(plan), list[tuple[int, int]]()
    while kept.state is not State.BAKING:
        held_s = 0
        while (step := next_of(kept, held_s)) is None:
            held_s += 1
        if gone:
            gone[-1] = (gone[-1][0], held_s)
        kept = kept.after(step)
        gone.append((kept.weight, 0))
    assert gone == expected


def test_a_share_is_held_to_the_second() -> None:
    assert event_of(at(1000), FIVE_MINUTES_S - 0.01) is None
    assert event_of(at(1000), FIVE_MINUTES_S) is Event.GROW
    assert event_of(at(5000), TEN_MINUTES_S - 0.01) is None
    assert event_of(at(5000), TEN_MINUTES_S) is Event.GROW


def test_a_resumed_rollout_holds_its_share_anew() -> None:
    paused = at(1000).after(Step(event=Event.PAUSE, at=BEGAN + 299))
    resumed = paused.after(Step(event=Event.RESUME, at=BEGAN + 9999))
    assert event_of(resumed, FIVE_MINUTES_S - 1) is None
    assert event_of(resumed, FIVE_MINUTES_S) is Event.GROW


@pytest.mark.parametrize(
    ("weight", "aim"), [(500, 1000), (1000, 5000), (2000, 5000), (6000, WHOLE)]
)
def test_a_share_that_an_alias_had_by_hand_is_gone_on_from(weight: int, aim: int) -> None:
    assert course.aim(at(weight), 0.0) == aim


def test_a_share_by_hand_between_two_steps_is_held_like_the_one_below() -> None:
    assert course.waits_s(at(500)) == 0
    assert course.waits_s(at(2000)) == FIVE_MINUTES_S
    assert course.waits_s(at(6000)) == TEN_MINUTES_S


@pytest.mark.parametrize(
    ("weight", "calls_per_s", "aim"),
    [
        (0, 0.0, 2500),
        (0, 10.0, 2500),
        (0, 50.0, 1000),
        (0, 1e6, 100),
        (100, 50.0, 500),
        (1000, 50.0, 5000),
        (5000, 50.0, WHOLE),
        (7000, 50.0, WHOLE),
    ],
)
def test_evidence_begins_with_five_calls_a_second_and_grows_fivefold_to_a_half_then_to_all(
    weight: int, calls_per_s: float, aim: int
) -> None:
    assert course.aim(at(weight, "evidence"), calls_per_s) == aim


def test_the_judge_is_told_what_comes_next_and_since_when_it_looks() -> None:
    kept = replace(at(1000, "evidence"), since=BEGAN + 90)
    assert course.stands(kept, 50.0) == Stand(began=90.0, next_weight=0.5, is_last=False)
    kept = replace(at(5000, "evidence"), since=BEGAN + 90)
    assert course.stands(kept, 50.0) == Stand(began=90.0, next_weight=1.0, is_last=True)


# ---- proof


@pytest.mark.parametrize("opinion", [None, NOT_YET, SUSPECT, ASTRAY])
@pytest.mark.parametrize("plan", ["evidence", "10%/5m, 50%/10m"])
def test_with_proof_a_share_grows_when_it_is_proved_and_not_before(
    plan: str, opinion: Opinion | None
) -> None:
    kept = at(1000, plan, proof=True, step_timeout_s=0)
    assert event_of(kept, 86_400, opinion=opinion) is None
    step = next_of(kept, 86_400, opinion=FINE)
    assert step is not None
    assert (step.event, step.weight, step.said) == (Event.GROW, 5000, "proved to be no worse")


def test_an_opinion_from_before_the_present_share_gives_it_no_other() -> None:
    grown = at(1000, "evidence").after(Step(event=Event.GROW, at=BEGAN + 60, weight=5000))
    assert event_of(grown, 0, opinion=FINE) is None
    assert event_of(grown, 59, opinion=FINE) is None
    assert event_of(grown, 60, opinion=FINE) is Event.GROW


def test_with_proof_and_times_both_are_waited_for() -> None:
    kept = at(1000, proof=True)
    assert event_of(kept, FIVE_MINUTES_S - 1, opinion=FINE) is None
    assert event_of(kept, FIVE_MINUTES_S, opinion=FINE) is Event.GROW


@pytest.mark.parametrize("opinion", [None, FINE, NOT_YET])
def test_without_proof_a_share_grows_by_time_while_nothing_speaks_against_it(
    opinion: Opinion | None,
) -> None:
    assert event_of(at(1000), FIVE_MINUTES_S, opinion=opinion) is Event.GROW


@pytest.mark.parametrize(
    "opinion",
    [SUSPECT, SUSPECT._replace(evidence=(CALM, *SUSPECT.evidence)), ASTRAY],
    ids=["the first metric", "another metric", "astray"],
)
def test_without_proof_a_suspicion_or_calls_that_go_astray_hold_it(opinion: Opinion) -> None:
    assert event_of(at(1000), FIVE_MINUTES_S, opinion=opinion) is None


def test_a_little_less_than_a_suspicion_holds_nothing_nor_what_is_not_comparable() -> None:
    unequal = Weighed("orders", 9.0, 5.3, is_equal=False)
    nearly = NOT_YET._replace(evidence=(Weighed("errors", math.log(3.99), 5.3), unequal))
    assert event_of(at(1000), FIVE_MINUTES_S, opinion=nearly) is Event.GROW


@pytest.mark.parametrize(
    ("plan", "proof"), [("evidence", False), ("all-at-once", True), ("100%/1h", True)]
)
def test_a_plan_that_cannot_go_with_proof_or_without_is_refused(plan: str, proof: bool) -> None:  # noqa: FBT001 - a row
    with pytest.raises(InvalidValue, match=f"^Proof {str(proof).lower()}: ") as refused:
        terms(plan, proof=proof)
    assert refused.value.code == "InvalidParameterValue.Proof"


def test_a_budget_of_callers_asks_for_a_plan_that_shares_the_calls() -> None:
    with pytest.raises(InvalidValue, match=r"^Budget.Keys 5: counts while two versions share"):
        terms("AllAtOnce", budget=Budget(keys=5))
    assert terms("10%/5m", budget=Budget(keys=5)).budget.keys == 5


# ---- what holds a share


HOOK = Gate(5000, "webhook", "http://x/y")
HELD = [
    ({"closed": "outside of mon-fri 09:00-17:00"}, (), "outside of mon-fri 09:00-17:00"),
    ({"lacking": "waits for 3 instances"}, (), "waits for 3 instances"),
    ({"closed": "freeze", "lacking": "instances"}, (), "freeze"),
    ({}, (Gate(5000, "approval"),), "waits for an approval before 50 % of the calls"),
    ({}, (Gate(2000, "approval"),), "waits for an approval before 20 % of the calls"),
    ({"closed": "freeze"}, (Gate(5000, "approval"),), "waits for an approval before 50 % of the "),
    ({}, (HOOK,), "waits for x to say yes before 50 % of"),
    ({"answered": "503"}, (HOOK,), "waits for x to say yes before 50 % of the calls; last: 503"),
    ({"closed": "freeze", "answered": "503"}, (HOOK,), "freeze"),
]


@pytest.mark.parametrize(("seen", "gates", "said"), HELD)
def test_a_share_that_is_due_is_held_and_says_why_and_says_it_once(
    seen: dict[str, str], gates: tuple[Gate, ...], said: str
) -> None:
    kept = at(1000, gates=gates)
    assert next_of(kept, FIVE_MINUTES_S - 1, **seen) is None
    step = next_of(kept, FIVE_MINUTES_S, **seen)
    assert step is not None
    assert step.event is Event.HOLD
    assert step.said.startswith(said)
    waiting = kept.after(step)
    assert (waiting.state, waiting.weight) == (State.WAITING, 1000)
    assert next_of(waiting, FIVE_MINUTES_S + 1, **seen) is None


def test_a_share_that_is_held_for_another_reason_says_so() -> None:
    waiting = at(1000).after(Step(event=Event.HOLD, at=BEGAN + 300, said="freeze"))
    step = next_of(waiting, 301, lacking="instances")
    assert step is not None
    assert (step.event, step.said) == (Event.HOLD, "instances")


def test_the_first_share_is_held_as_well() -> None:
    assert event_of(rollout(), closed="freeze") is Event.HOLD
    assert event_of(rollout(), lacking="instances") is Event.HOLD
    assert event_of(rollout(gates=(Gate(1000, "approval"),))) is Event.HOLD


def test_what_is_held_grows_as_soon_as_nothing_holds_it() -> None:
    waiting = at(1000).after(Step(event=Event.HOLD, at=BEGAN + 300, said="freeze"))
    step = next_of(waiting, 301)
    assert step is not None
    assert (step.event, step.weight) == (Event.GROW, 5000)


def test_gates_open_one_after_the_other() -> None:
    kept = at(
        1000,
        gates=(Gate(WHOLE, "approval"), Gate(3000, "webhook", "http://x"), Gate(5000, "approval")),
    )
    opened = list[int]()
    while gate := course.gate_before(kept, WHOLE):
        opened.append(gate.weight)
        kept = kept.after(Step(event=Event.APPROVE, at=BEGAN, weight=gate.weight))
    assert opened == [3000, 5000, WHOLE]


def test_a_gate_beyond_the_next_share_holds_nothing_yet() -> None:
    assert event_of(at(1000, gates=(Gate(5001, "approval"),)), FIVE_MINUTES_S) is Event.GROW


def test_an_approval_ahead_of_time_counts() -> None:
    kept = at(1000, gates=(Gate(5000, "approval"),))
    approved = kept.after(Step(event=Event.APPROVE, at=BEGAN, weight=5000))
    assert event_of(approved, FIVE_MINUTES_S) is Event.GROW


def test_a_gate_at_a_share_that_an_alias_had_by_hand_is_behind_it() -> None:
    assert event_of(at(1000, gates=(Gate(500, "approval"),)), FIVE_MINUTES_S) is Event.GROW
    assert event_of(at(1000, gates=(Gate(1000, "approval"),)), FIVE_MINUTES_S) is Event.GROW


# ---- what speaks against the candidate


AGAINST = [
    ({"opinion": WORSE}, "worse than version 1: errors"),
    ({"broken": "error rate 0.3 > 0.2"}, "error rate 0.3 > 0.2"),
    ({"broken": "p99", "opinion": WORSE}, "p99"),
    (
        {"opinion": WORSE, "closed": "freeze", "lacking": "instances"},
        "worse than version 1: errors",
    ),
]
COMPARED = (State.RAMPING, State.WAITING, State.PAUSED)


@pytest.mark.parametrize(("seen", "said"), AGAINST)
@pytest.mark.parametrize("state", COMPARED)
def test_what_is_worse_is_taken_back_at_once_in_whatever_state_and_at_whatever_hour(
    state: State, seen: dict[str, Any], said: str
) -> None:
    kept = replace(at(1000, gates=(Gate(5000, "approval"),)), state=state)
    assert next_of(kept, **seen) == Step(event=Event.ROLL_BACK, at=BEGAN, said=said)


def test_while_it_bakes_it_is_still_taken_back() -> None:
    kept = rollout(at=BAKED)
    assert event_of(kept, 1, broken="budget") is Event.ROLL_BACK
    assert event_of(kept, 1, opinion=WORSE) is Event.ROLL_BACK
    crossed = Opinion(Verdict.WORSE, "absolute: error rate above 0.2", 0.0, 0.0)
    step = next_of(kept, 1, opinion=crossed)
    assert step is not None
    assert step.said == "absolute: error rate above 0.2"  # not worse than another version


def test_what_bakes_and_is_bad_is_taken_back_rather_than_finished() -> None:
    assert event_of(rollout(at=BAKED), 600, broken="error rate") is Event.ROLL_BACK


@pytest.mark.parametrize("state", sorted(OWNING))
def test_nothing_speaks_against_a_candidate_without_calls(state: State) -> None:
    kept = replace(rollout(), state=state)
    step = next_of(kept, opinion=WORSE, broken="budget")
    assert step is None or step.event is not Event.ROLL_BACK


@pytest.mark.parametrize("state", sorted(set(State) - OWNING))
def test_what_has_ended_does_nothing_more(state: State) -> None:
    kept = replace(rollout(at=BAKED), state=state)
    for seen in ({"broken": "x"}, {"opinion": WORSE}, {}):
        assert next_of(kept, 1e9, **seen) is None


def test_where_it_is_only_to_be_paused_the_worse_is_paused_once_and_a_resumed_one_again() -> None:
    kept = at(1000, on_worse="pause")
    step = next_of(kept, opinion=WORSE)
    assert step == Step(event=Event.PAUSE, at=BEGAN, said="worse than version 1: errors")
    paused = kept.after(step)
    assert next_of(paused, 1, opinion=WORSE) is None
    resumed = paused.after(Step(event=Event.RESUME, at=BEGAN + 2))
    assert event_of(resumed, 1, opinion=WORSE) is Event.PAUSE


@pytest.mark.parametrize(
    ("on_worse", "seen"),
    [
        ("pause", {"broken": "budget"}),
        ("pause", {"opinion": WORSE}),
        ("rollback", {"opinion": Opinion(Verdict.SUSPECT, "errors", 0.0, 0.0)}),
    ],
)
def test_what_bakes_and_cannot_be_paused_or_is_only_suspect_is_told_of_once_and_bakes_on(
    on_worse: str, seen: dict[str, Any]
) -> None:
    kept = rollout(at=BAKED, on_worse=on_worse)
    step = next_of(kept, 1, **seen)
    assert step is not None
    assert step.event is Event.SUSPECT
    told = kept.after(step)
    assert (told.state, told.weight) == (State.BAKING, WHOLE)
    assert next_of(told, 2, **seen) is None
    assert event_of(told, 600, **seen) is Event.FINISH


# ---- pauses, baking, time running out


def test_what_is_paused_does_nothing_by_itself() -> None:
    paused = replace(at(1000, step_timeout_s=60), state=State.PAUSED)
    for seen in ({}, {"opinion": FINE}, {"opinion": ASTRAY}, {"closed": "freeze"}):
        assert next_of(paused, 1e9, **seen) is None


def test_what_has_baked_long_enough_is_finished_even_in_a_freeze() -> None:
    kept = rollout(at=BAKED, bake_s=600.0)
    assert next_of(kept, 599) is None
    assert next_of(kept, 600, closed="freeze") == Step(
        event=Event.FINISH, at=BEGAN + 600, said="baked"
    )


def test_without_a_bake_time_it_is_finished_at_once() -> None:
    assert event_of(rollout(at=BAKED, bake_s=0.0)) is Event.FINISH


@pytest.mark.parametrize(
    ("on_timeout", "event", "weight"),
    [
        ("pause", Event.PAUSE, 1000),
        ("promote", Event.PROMOTE, WHOLE),
        ("rollback", Event.ROLL_BACK, 0),
    ],
)
def test_where_nothing_is_found_out_for_too_long_it_does_as_it_was_told(
    on_timeout: str, event: Event, weight: int
) -> None:
    kept = at(1000, "evidence", step_timeout_s=600.0, on_timeout=on_timeout)
    assert next_of(kept, 599, opinion=NOT_YET) is None
    step = next_of(kept, 600, opinion=NOT_YET)
    assert step is not None
    assert (step.event, step.said) == (event, "no answer after 600 s (waits for calls)")
    assert kept.after(step).weight == weight


def test_the_time_that_a_plan_holds_a_share_is_not_counted_as_without_an_answer() -> None:
    kept = at(1000, proof=True, step_timeout_s=600.0)
    assert next_of(kept, FIVE_MINUTES_S + 599, opinion=NOT_YET) is None
    assert event_of(kept, FIVE_MINUTES_S + 600, opinion=NOT_YET) is Event.PAUSE


def test_without_a_limit_it_waits_for_an_answer_for_ever() -> None:
    assert next_of(at(1000, "evidence", step_timeout_s=0.0), 1e9, opinion=NOT_YET) is None


def test_what_waits_for_a_person_does_not_run_out_of_time() -> None:
    kept = at(1000, gates=(Gate(5000, "approval"),), step_timeout_s=600.0)
    waiting = kept.after(Step(event=Event.HOLD, at=BEGAN, said=""))
    step = next_of(waiting, 1e6)
    assert step is not None
    assert step.event is Event.HOLD


@pytest.mark.parametrize(
    ("seen", "gates"),
    [({"closed": "freeze"}, ()), ({"lacking": "x"}, ()), ({}, (Gate(WHOLE, "approval"),))],
)
def test_time_that_runs_out_opens_no_gate_and_no_closed_hour(
    seen: dict[str, str], gates: tuple[Gate, ...]
) -> None:
    kept = at(1000, "evidence", step_timeout_s=60.0, on_timeout="promote", gates=gates)
    step = next_of(kept, 61, opinion=NOT_YET, **seen)
    assert step is not None
    assert step.event is Event.HOLD
    assert next_of(kept.after(step), 62, opinion=NOT_YET, **seen) is None
