"""Course: what a rollout does next, from where it stands and what is seen."""

from __future__ import annotations

import math
from typing import NamedTuple

from huidu.model import ramp
from huidu.model.judge import judge
from huidu.model.judge.judge import Opinion, Verdict
from huidu.model.rollout import Event, Rollout, State, Step
from huidu.model.rollout_terms import PAUSE, PROMOTE, ROLL_BACK, WEBHOOK, Gate
from huidu.model.split import WHOLE


class Sight(NamedTuple):
    """What is seen of a rollout at one moment."""

    at: float  #: Seconds since the epoch.
    opinion: Opinion | None = None  #: Of the judge, while two versions share the calls.
    broken: str = ""  #: Which absolute guard is broken, or that the budget is used up, in words.
    calls_per_s: float = 0.0  #: Through the alias.
    closed: str = ""  #: Why no weight may grow at this hour.
    lacking: str = ""  #: What the candidate lacks for its next share.
    answered: str = ""  #: What the webhook that is waited for has said last.


class Shut(NamedTuple):
    """A gate that is shut, and the weight that waits behind it."""

    gate: Gate
    weight: int


#: Steps that give the candidate more calls.
RISES = frozenset({Event.GROW, Event.PROMOTE})


def aim(rollout: Rollout, calls_per_s: float) -> int:
    """Return the weight that comes after the present one, in ten-thousandths."""
    plan = rollout.terms.ramp
    if plan.by_evidence:
        return min(WHOLE, round(ramp.next_weight(rollout.weight / WHOLE, calls_per_s) * WHOLE))
    return next((step.weight for step in plan.steps if step.weight > rollout.weight), WHOLE)


def waits_s(rollout: Rollout) -> float:
    """Return how long the present weight is held at least, where the plan says so."""
    return rollout.terms.ramp.waits_s(rollout.weight)


def stands(rollout: Rollout, calls_per_s: float) -> judge.Step:
    """Return where a rollout stands, as the judge needs it."""
    next_weight = aim(rollout, calls_per_s)
    return judge.Step(
        began=rollout.since - rollout.began_at,
        next_weight=next_weight / WHOLE,
        is_last=next_weight == WHOLE,
    )


def gate_before(rollout: Rollout, weight: int) -> Gate | None:
    """Return the first gate that is still shut on the way to a weight."""
    passed = max(rollout.approved, rollout.weight)
    shut = [gate for gate in rollout.terms.gates if passed < gate.weight <= weight]
    return min(shut, key=lambda gate: gate.weight, default=None)


def what_now(rollout: Rollout, sight: Sight) -> Step | None:
    """Return the step that a rollout takes now, if any.

    What speaks against the candidate comes first, in every state, and is held up by nothing.
    """
    bad = _against(rollout, sight)
    step = _take_back(rollout, sight, bad) if bad else None
    if step is not None:
        return step
    if rollout.state is State.BAKING:
        return _baking(rollout, sight)
    return _forward(rollout, sight) if rollout.state in (State.RAMPING, State.WAITING) else None


def _baking(rollout: Rollout, sight: Sight) -> Step | None:
    """Return what follows while the candidate has all calls, and none of them is against it."""
    opinion = sight.opinion
    if opinion and opinion.verdict is Verdict.SUSPECT and not _is_suspected(rollout):
        return Step(event=Event.SUSPECT, at=sight.at, said=opinion.reason)
    if sight.at - rollout.since >= rollout.terms.bake_s:
        return Step(event=Event.FINISH, at=sight.at, said="baked")
    return None


def _is_suspected(rollout: Rollout) -> bool:
    return any(past.event is Event.SUSPECT for past in rollout.past)


def _forward(rollout: Rollout, sight: Sight) -> Step | None:
    """Return the step towards more calls that is taken now, or what holds it."""
    step = _due(rollout, sight)
    held = _held(rollout, sight, step.weight) if step and step.event in RISES else ""
    if not held:
        return step
    if rollout.state is State.WAITING and rollout.said == held:
        return None
    return Step(event=Event.HOLD, at=sight.at, said=held)


def _due(rollout: Rollout, sight: Sight) -> Step | None:
    """Return the step that would be taken now if nothing held it."""
    if not _is_due(rollout, sight):
        return _timed_out(rollout, sight)
    weight = aim(rollout, sight.calls_per_s)
    return Step(event=Event.GROW, at=sight.at, weight=weight, said=_why(rollout))


def gate_now(rollout: Rollout, sight: Sight) -> Shut | None:
    """Return the webhook whose yes is all that the next share waits for now, if there is one."""
    if rollout.state not in (State.RAMPING, State.WAITING) or _against(rollout, sight):
        return None
    step = _due(rollout, sight)
    if step is None or step.event not in RISES or sight.closed:
        return None
    gate = gate_before(rollout, step.weight)
    return Shut(gate, step.weight) if gate is not None and gate.kind == WEBHOOK else None


def _against(rollout: Rollout, sight: Sight) -> str:
    """Say what speaks against the candidate, if anything does."""
    if not rollout.owns or not rollout.weight:
        return ""
    if sight.broken:
        return sight.broken
    opinion = sight.opinion
    if opinion is None or opinion.verdict is not Verdict.WORSE:
        return ""
    if opinion.reason.startswith("absolute"):
        return opinion.reason
    return f"worse than version {rollout.stable}: {opinion.reason}"


def _take_back(rollout: Rollout, sight: Sight, why: str) -> Step | None:
    if rollout.terms.on_worse == ROLL_BACK:
        return Step(event=Event.ROLL_BACK, at=sight.at, said=why)
    if rollout.can(Event.PAUSE):
        return Step(event=Event.PAUSE, at=sight.at, said=why)
    if rollout.state is State.BAKING and not _is_suspected(rollout):
        return Step(event=Event.SUSPECT, at=sight.at, said=why)
    return None


def _is_due(rollout: Rollout, sight: Sight) -> bool:
    """Tell whether the plan, and the judge, give the candidate its next share."""
    if not rollout.weight:
        return True
    opinion = sight.opinion
    if opinion is not None and opinion.verdict is Verdict.ASTRAY:
        return False
    held_s = sight.at - rollout.since
    if rollout.terms.proof:
        # An opinion from before the present weight says nothing of it, however late it comes.
        least_s = max(waits_s(rollout), rollout.terms.tolerances.dwell_s)
        return opinion is not None and opinion.verdict is Verdict.FINE and held_s >= least_s
    return held_s >= waits_s(rollout) and not _is_suspect(rollout, opinion)


def _is_suspect(rollout: Rollout, opinion: Opinion | None) -> bool:
    if opinion is None:
        return False
    worst = max((one.log for one in opinion.evidence if one.is_equal), default=0.0)
    return worst >= math.log(rollout.terms.tolerances.suspicion)


def _held(rollout: Rollout, sight: Sight, weight: int) -> str:
    """Say what the next share waits for, though it is due.

    A person may approve it before its hour has come; a webhook is asked only then, for what it
    says is true of the moment at which it says so.
    """
    gate = gate_before(rollout, weight)
    if gate is None or (gate.kind == WEBHOOK and sight.closed):
        return sight.closed or sight.lacking
    asked = f"{gate.host} to say yes" if gate.kind == WEBHOOK else "an approval"
    last = f"; last: {sight.answered}" if sight.answered and gate.kind == WEBHOOK else ""
    return f"waits for {asked} before {gate.weight / WHOLE:.4g} of the calls{last}"


def _why(rollout: Rollout) -> str:
    if not rollout.weight:
        return "begun"
    return "proved to be no worse" if rollout.terms.proof else "the plan"


def _timed_out(rollout: Rollout, sight: Sight) -> Step | None:
    """Return what follows where nothing has been found out for too long."""
    terms, held_s = rollout.terms, sight.at - rollout.since
    if not terms.step_timeout_s or held_s < terms.step_timeout_s + waits_s(rollout):
        return None
    found = sight.opinion.reason if sight.opinion else "calls"
    said = f"no answer after {held_s:.0f} s (waits for {found})"
    event = {PAUSE: Event.PAUSE, PROMOTE: Event.PROMOTE, ROLL_BACK: Event.ROLL_BACK}
    return Step(event=event[terms.on_timeout], at=sight.at, said=said, weight=WHOLE)
