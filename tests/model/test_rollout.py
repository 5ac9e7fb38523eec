"""The steps of a rollout: every one, from every state that can be reached; and what breaks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from huidu.model.errors import Failed
from huidu.model.rollout import BY_ITSELF, MOST_PAST, OWNING, STEPS, Event, Rollout, State, Step
from huidu.model.split import WHOLE
from tests.rollouts import Machine, everything, possible, real, rollout, steps

ENDED = set(State) - OWNING
Law = Callable[[Machine], None]


def rollback_is_legal_in_every_state_and_leaves_the_candidate_no_call(machine: Machine) -> None:
    for kept in everything(machine).values():
        taken = [after for step, after in possible(kept, machine) if is_back(step)]
        assert [(one.state, one.weight) for one in taken] == [(State.BACK, 0)], kept.state


def no_state_is_without_a_way_out(machine: Machine) -> None:
    for kept in everything(machine).values():
        if kept.owns:
            assert {after.state for _, after in possible(kept, machine)} & ENDED, kept.state
            assert ends_forwards(kept, machine), kept.state


def ends_forwards(kept: Rollout, machine: Machine) -> bool:
    """Tell whether a rollout can still come to its goal."""
    return any(one.state is State.DONE for one in everything(machine, kept).values())


def what_is_not_in_the_table_is_refused_and_told_what_is_possible(machine: Machine) -> None:
    for kept in everything(machine).values():
        before = replace(kept)
        legal = [event for state, event in STEPS if state is kept.state]
        for step in steps(kept):
            if step.event in legal:
                continue
            with pytest.raises(Failed) as refused:
                machine(kept, step)
            said = refused.value.message
            assert f"is {kept.state}: it cannot {step.event}; possible: " in said
            told = said.partition("possible: ")[2].split(", ")
            assert told == [str(event) for event in legal if event not in BY_ITSELF]
            assert refused.value.code == "FailedOperation.Rollout"
            assert kept == before


def every_step_of_the_table_is_taken(machine: Machine) -> None:
    reached = everything(machine)
    assert {state for state, _, _ in reached} == set(State)
    taken = {
        (kept.state, step.event) for kept in reached.values() for step, _ in possible(kept, machine)
    }
    assert taken == set(STEPS)


def the_weight_never_falls_but_to_nothing(machine: Machine) -> None:
    for kept in everything(machine).values():
        for step, after in possible(kept, machine):
            growing = step.event in (Event.GROW, Event.PROMOTE)
            if is_back(step):
                assert after.weight == 0
            else:
                assert after.weight >= kept.weight, step
                assert growing or after.weight == kept.weight, step
            assert after.approved >= kept.approved


def no_step_is_taken_twice(machine: Machine) -> None:
    for kept in everything(machine).values():
        for step, after in possible(kept, machine):
            assert after.revision == kept.revision + 1, step
            assert len(after.past) == len(kept.past) + 1, step
            assert (after.past[-1].event, after.past[-1].weight) == (step.event, after.weight)
            assert after.past[:-1] == kept.past


def who_has_all_calls_bakes_or_is_done(machine: Machine) -> None:
    for kept in everything(machine).values():
        if kept.state in (State.BAKING, State.DONE):
            assert kept.weight == WHOLE
            assert kept.full_at
        elif kept.owns:
            assert kept.weight < WHOLE
        assert bool(kept.ended_at) == (not kept.owns)


def whoever_owns_an_alias_can_be_taken_over(machine: Machine) -> None:
    for kept in everything(machine).values():
        over = [after for step, after in possible(kept, machine) if step.event is Event.TAKE_OVER]
        states = [after.state for after in over]
        assert states == ([State.TAKEN_OVER] if kept.owns else []), kept.state
        assert [after.weight for after in over] == [kept.weight for _ in over]


def what_was_approved_counts_in_every_state_in_which_there_is_something_ahead(
    machine: Machine,
) -> None:
    for kept in everything(machine).values():
        if kept.owns and kept.weight < WHOLE:
            approved = [after for step, after in possible(kept, machine) if step.weight == WHOLE]
            assert WHOLE in {after.approved for after in approved}, kept.state


def what_is_kept_of_its_past_is_bounded(machine: Machine) -> None:
    kept = rollout()
    for number in range(MOST_PAST + 50):
        event = Event.RESUME if kept.state is State.PAUSED else Event.PAUSE
        kept = machine(kept, Step(event=event, at=2000.0 + number, said=str(number)))
    assert len(kept.past) <= MOST_PAST
    assert kept.past[0].said == "0"
    assert [int(one.said) for one in kept.past[1:]] == list(range(51, MOST_PAST + 50))
    assert kept.revision == MOST_PAST + 51


def is_back(step: Step) -> bool:
    return step.event is Event.ROLL_BACK


LAWS: tuple[Law, ...] = (
    rollback_is_legal_in_every_state_and_leaves_the_candidate_no_call,
    no_state_is_without_a_way_out,
    what_is_not_in_the_table_is_refused_and_told_what_is_possible,
    every_step_of_the_table_is_taken,
    the_weight_never_falls_but_to_nothing,
    no_step_is_taken_twice,
    who_has_all_calls_bakes_or_is_done,
    whoever_owns_an_alias_can_be_taken_over,
    what_was_approved_counts_in_every_state_in_which_there_is_something_ahead,
    what_is_kept_of_its_past_is_bounded,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_it_is_a_law_that(law: Law) -> None:
    law(real)


# ---- machines that are broken in one place each, and the law that finds it


def without(state: State, event: Event) -> Machine:
    """Return a machine whose table lacks a row."""

    def machine(kept: Rollout, step: Step) -> Rollout:
        if (kept.state, step.event) == (state, event):
            raise Failed("Rollout", kept.after(step).said)
        return kept.after(step)

    return machine


def leading(state: State, event: Event, to: State) -> Machine:
    """Return a machine whose table has another row."""

    def machine(kept: Rollout, step: Step) -> Rollout:
        if (kept.state, step.event) == (state, event):
            ended = 0.0 if to in OWNING else step.at
            return replace(kept, state=to, ended_at=ended, revision=kept.revision + 1)
        return kept.after(step)

    return machine


def leaves_a_little(kept: Rollout, step: Step) -> Rollout:
    after = kept.after(step)
    return replace(after, weight=min(kept.weight, 1)) if is_back(step) else after


def falls_when_paused(kept: Rollout, step: Step) -> Rollout:
    after = kept.after(step)
    return replace(after, weight=after.weight // 2) if step.event is Event.PAUSE else after


def grows_when_resumed(kept: Rollout, step: Step) -> Rollout:
    after = kept.after(step)
    if step.event is Event.RESUME:
        return replace(after, weight=min(WHOLE - 1, after.weight + 1000) // 1000 * 1000)
    return after


def forgets_its_revision(kept: Rollout, step: Step) -> Rollout:
    after = kept.after(step)
    return replace(after, revision=kept.revision) if step.event is Event.HOLD else after


def forgets_its_past(kept: Rollout, step: Step) -> Rollout:
    after = kept.after(step)
    return replace(after, past=kept.past) if step.event is Event.APPROVE else after


def never_bakes(kept: Rollout, step: Step) -> Rollout:
    after = kept.after(step)
    if after.state is State.BAKING and step.event is Event.GROW:
        return replace(after, state=State.RAMPING)
    return after


def forgets_approvals(kept: Rollout, step: Step) -> Rollout:
    return replace(kept.after(step), approved=0)


def keeps_all(kept: Rollout, step: Step) -> Rollout:
    after = kept.after(step)
    return replace(after, past=(*kept.past, after.past[-1]))


def shrugs(kept: Rollout, step: Step) -> Rollout:
    """Takes what is not in its table for nothing at all."""
    return kept.after(step) if (kept.state, step.event) in STEPS else kept


BROKEN: tuple[tuple[str, Machine, Law], ...] = (
    *(
        (
            f"no rollback once {state}",
            without(state, Event.ROLL_BACK),
            rollback_is_legal_in_every_state_and_leaves_the_candidate_no_call,
        )
        for state in State
    ),
    ("a rollback that leaves a little", leaves_a_little, LAWS[0]),
    ("no end to baking", without(State.BAKING, Event.FINISH), no_state_is_without_a_way_out),
    (
        "a pause for ever",
        leading(State.PAUSED, Event.RESUME, State.PAUSED),
        no_step_is_taken_twice,
    ),
    (
        "a finish at any time",
        leading(State.RAMPING, Event.FINISH, State.DONE),
        what_is_not_in_the_table_is_refused_and_told_what_is_possible,
    ),
    ("no refusals", shrugs, what_is_not_in_the_table_is_refused_and_told_what_is_possible),
    (
        "a row that is not there",
        without(State.PAUSED, Event.PROMOTE),
        every_step_of_the_table_is_taken,
    ),
    ("a pause that takes calls away", falls_when_paused, the_weight_never_falls_but_to_nothing),
    ("a resumption that gives more", grows_when_resumed, the_weight_never_falls_but_to_nothing),
    ("a step without a revision", forgets_its_revision, no_step_is_taken_twice),
    ("a step that is not written down", forgets_its_past, no_step_is_taken_twice),
    ("all calls without baking", never_bakes, who_has_all_calls_bakes_or_is_done),
    *(
        (
            f"no taking over once {state}",
            without(state, Event.TAKE_OVER),
            whoever_owns_an_alias_can_be_taken_over,
        )
        for state in sorted(OWNING)
    ),
    (
        "approvals forgotten",
        forgets_approvals,
        what_was_approved_counts_in_every_state_in_which_there_is_something_ahead,
    ),
    ("a past without end", keeps_all, what_is_kept_of_its_past_is_bounded),
)


@pytest.mark.parametrize(
    ("machine", "law"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN]
)
def test_a_machine_is_found_out_that_has(machine: Machine, law: Law) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        law(machine)


# ---- what single steps mean


@pytest.mark.parametrize("weight", [0, 1000, WHOLE + 1])
def test_a_growth_that_is_none_is_a_mistake_of_whoever_asks(weight: int) -> None:
    grown = rollout().after(Step(event=Event.GROW, at=2000.0, weight=1000))
    with pytest.raises(ValueError, match="is no growth from 1000"):
        grown.after(Step(event=Event.GROW, at=2001.0, weight=weight))


def test_a_weight_is_held_from_when_it_was_reached_or_resumed() -> None:
    grown = rollout().after(Step(event=Event.GROW, at=2000.0, weight=1000))
    paused = grown.after(Step(event=Event.PAUSE, at=2100.0))
    resumed = paused.after(Step(event=Event.RESUME, at=2500.0))

    assert [one.since for one in (grown, paused, resumed)] == [2000.0, 2000.0, 2500.0]


def test_the_version_before_is_kept_warm_from_all_calls_on_for_as_long_as_was_asked() -> None:
    baking = rollout(undo_s=900.0).after(Step(event=Event.PROMOTE, at=2000.0))
    done = baking.after(Step(event=Event.FINISH, at=2600.0))

    assert (baking.full_at, baking.undo_until) == (2000.0, float("inf"))
    assert (done.ended_at, done.undo_until) == (2600.0, 2900.0)
    assert done.after(Step(event=Event.ROLL_BACK, at=2700.0)).undo_until == 0.0


def test_a_budget_counts_no_more_once_all_calls_came_by_proof_or_by_a_persons_word() -> None:
    all_calls = Step(event=Event.GROW, at=2000.0, weight=WHOLE)
    promoted = rollout().after(Step(event=Event.PROMOTE, at=2000.0))

    assert rollout("evidence").after(all_calls).proven
    assert promoted.proven
    assert not rollout().after(all_calls).proven  # time has proved nothing
    assert not rollout("evidence").proven
    assert not promoted.after(Step(event=Event.ROLL_BACK, at=2001.0)).proven
