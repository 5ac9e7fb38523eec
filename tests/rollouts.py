"""Rollouts to explore: every one that a machine can reach, whatever machine that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

from huidu.model.errors import Failed
from huidu.model.function import FunctionName
from huidu.model.ramp import ramp_of
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.rollout_terms import Terms
from huidu.model.split import WHOLE

#: What makes of a rollout and a step the rollout after it, or raises `Failed`.
Machine = Callable[[Rollout, Step], Rollout]
Key = tuple[State, int, int]

WEIGHTS = (1000, 5000, WHOLE)
APPROVED = (5000, WHOLE)
STEPS = "10%/5m, 50%/10m, 100%"
FIVE_MINUTES_S, TEN_MINUTES_S = 300, 600


def terms(plan: str = STEPS, **more: Any) -> Terms:
    """Return terms by time, where nothing else is said."""
    known: dict[str, Any] = {"ramp": ramp_of(plan), "proof": plan == "evidence"}
    return Terms(**known | more)


def rollout(plan: str = STEPS, *, at: dict[str, Any] | None = None, **more: Any) -> Rollout:
    """Return a rollout that has just begun; `at` says how else it stands."""
    known: dict[str, Any] = {
        "id": "ro-1",
        "function": FunctionName("default", "hello"),
        "function_id": "lam-1",
        "alias": "release",
        "stable": "1",
        "candidate": "2",
        "terms": terms(plan, **more),
        "owner": "AKID",
        "began_at": 1000.0,
        "since": 1000.0,
    }
    return Rollout(**known | (at or {}))


def real(kept: Rollout, step: Step) -> Rollout:
    """The machine as it is."""
    return kept.after(step)


def steps(kept: Rollout) -> Iterator[Step]:
    """Return every step that may happen to a rollout, whether it may be taken or not."""
    for event, weight in product(Event, WEIGHTS):
        if event is Event.GROW and weight <= kept.weight:
            continue
        if event is Event.APPROVE and weight not in APPROVED:
            continue
        if event not in (Event.GROW, Event.APPROVE) and weight != WHOLE:
            continue
        yield Step(event=event, at=kept.since + 1, who="AKID", said=f"{event}", weight=weight)


def possible(kept: Rollout, machine: Machine = real) -> Iterator[tuple[Step, Rollout]]:
    """Return every step that is taken from here, with what comes of it."""
    for step in steps(kept):
        try:
            yield step, machine(kept, step)
        except Failed:
            continue


def key(kept: Rollout) -> Key:
    """Return what tells one rollout from another in an exploration."""
    return kept.state, kept.weight, kept.approved


def everything(machine: Machine = real, begin: Rollout | None = None) -> Mapping[Key, Rollout]:
    """Return every rollout that can be reached, each by one of the ways to it."""
    first = begin or rollout()
    found, ahead = {key(first): first}, [first]
    while ahead:
        for _, after in possible(ahead.pop(0), machine):
            if key(after) not in found:
                found[key(after)] = after
                ahead.append(after)
    return found
