"""Rollout: a version takes over an alias step by step; which step may follow which is a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from huidu.model.errors import Failed
from huidu.model.function import FunctionName
from huidu.model.rollout_terms import Terms
from huidu.model.split import WHOLE

MOST_PAST = 200  #: So many steps are kept of one rollout, the first and the latest.


class State(StrEnum):
    """Where a rollout stands."""

    RAMPING = "ramping"  #: The candidate has a share, which grows when it may.
    WAITING = "waiting"  #: It could grow, but for an approval, a webhook, an hour, or instances.
    PAUSED = "paused"  #: A person holds it, or it has found out nothing for too long.
    BAKING = "baking"  #: The candidate has all calls, and is still watched.
    DONE = "finished"
    BACK = "rolled back"
    TAKEN_OVER = "taken over"  #: Somebody moved the alias by hand.


class Event(StrEnum):
    """What happens to a rollout."""

    GROW = "grow"  #: The plan, or the judge, gives the candidate its next share.
    HOLD = "hold"  #: It may not grow now.
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"  #: A person lets it grow past what asks for an approval.
    PROMOTE = "promote"  #: A person gives the candidate all calls now.
    SUSPECT = "suspect"  #: While it has all calls, more of them fail than should.
    FINISH = "finish"  #: It has baked long enough.
    ROLL_BACK = "roll back"
    TAKE_OVER = "take over"


#: What the platform does, and nobody can ask for.
BY_ITSELF = frozenset({Event.GROW, Event.HOLD, Event.SUSPECT, Event.FINISH})

#: States in which a rollout owns its alias.
OWNING = frozenset({State.RAMPING, State.WAITING, State.PAUSED, State.BAKING})
#: States in which the candidate is held against the stable version.
COMPARING = frozenset({State.RAMPING, State.WAITING, State.PAUSED})

#: Every step there is. What is not here is refused, and changes nothing. That a rollout may be
#: rolled back is true in every state.
STEPS: Mapping[tuple[State, Event], State] = {
    (State.RAMPING, Event.GROW): State.RAMPING,  # or baking, where it grows to all calls
    (State.WAITING, Event.GROW): State.RAMPING,  # likewise
    (State.RAMPING, Event.HOLD): State.WAITING,
    (State.WAITING, Event.HOLD): State.WAITING,  # for another reason
    (State.RAMPING, Event.APPROVE): State.RAMPING,  # ahead of time
    (State.WAITING, Event.APPROVE): State.RAMPING,
    (State.PAUSED, Event.APPROVE): State.PAUSED,
    (State.RAMPING, Event.PAUSE): State.PAUSED,
    (State.WAITING, Event.PAUSE): State.PAUSED,
    (State.PAUSED, Event.RESUME): State.RAMPING,
    (State.RAMPING, Event.PROMOTE): State.BAKING,
    (State.WAITING, Event.PROMOTE): State.BAKING,
    (State.PAUSED, Event.PROMOTE): State.BAKING,
    (State.BAKING, Event.SUSPECT): State.BAKING,
    (State.BAKING, Event.FINISH): State.DONE,
    **{(state, Event.TAKE_OVER): State.TAKEN_OVER for state in sorted(OWNING)},
    **{(state, Event.ROLL_BACK): State.BACK for state in State},
}


@dataclass(frozen=True, slots=True)
class Past:
    """One step of a rollout that was taken."""

    at: float
    event: Event
    weight: int  #: Of the candidate from then on.
    who: str  #: Empty where the platform took it.
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A rollout as it stands. Each step makes a new one, with the next revision."""

    id: str
    function: FunctionName
    function_id: str
    alias: str
    stable: str  #: The version that has the calls, and gets them back.
    candidate: str
    terms: Terms
    owner: str = ""
    reason: str = ""  #: Why it was begun.
    state: State = State.RAMPING
    weight: int = 0  #: Of the candidate, in ten-thousandths.
    approved: int = 0  #: Up to this weight it has been approved.
    said: str = ""  #: Why it is in this state.
    began_at: float = 0.0
    since: float = 0.0  #: When it came to this weight, or was resumed.
    full_at: float = 0.0  #: When the candidate had all calls; 0 before.
    ended_at: float = 0.0  #: 0 while it owns its alias.
    revision: int = 1
    past: tuple[Past, ...] = ()

    @property
    def owns(self) -> bool:
        """Whether nobody else may move the alias."""
        return self.state in OWNING

    @property
    def proven(self) -> bool:
        """Whether it has all calls by proof, or was promoted: no budget counts then."""
        promoted = any(one.event is Event.PROMOTE for one in self.past)
        return self.weight == WHOLE and (self.terms.proof or promoted)

    @property
    def undo_until(self) -> float:
        """Until when the stable version is kept warm, in case the candidate is taken back."""
        if self.state in (State.BACK, State.TAKEN_OVER):
            return 0.0
        return (
            (self.full_at or self.began_at) + self.terms.undo_s if self.ended_at else float("inf")
        )

    def can(self, event: Event) -> bool:
        """Tell whether there is such a step from here."""
        return (self.state, event) in STEPS

    def after(self, step: Step) -> Rollout:
        """Return the rollout after a step, or raise `Failed` where there is no such step.

        A weight never falls but to 0, and grows only by the events that say so.
        """
        state = STEPS.get((self.state, step.event))
        if state is None:
            raise Failed("Rollout", self._impossible(step.event))
        weight = self._weight(step)
        if state is State.RAMPING and weight == WHOLE:
            state = State.BAKING
        moved = weight != self.weight
        fresh = moved or step.event is Event.RESUME
        return replace(
            self,
            state=state,
            weight=weight,
            approved=max(self.approved, step.weight)
            if step.event is Event.APPROVE
            else self.approved,
            said=self.said if self._again(step) else step.said,
            since=step.at if fresh else self.since,
            full_at=step.at if moved and weight == WHOLE else self.full_at,
            ended_at=0.0 if state in OWNING else step.at,
            revision=self.revision + 1,
            past=_and(self.past, Past(step.at, step.event, weight, step.who, step.said)),
        )

    def _again(self, step: Step) -> bool:
        """Tell whether it is taken back once more: why it was at first says more."""
        return self.state is State.BACK and step.event is Event.ROLL_BACK

    def _weight(self, step: Step) -> int:
        match step.event:
            case Event.GROW:
                if not self.weight < step.weight <= WHOLE:
                    raise ValueError(f"{step.weight} is no growth from {self.weight}")
                return step.weight
            case Event.PROMOTE:
                return WHOLE
            case Event.ROLL_BACK:
                return 0
            case _:
                return self.weight

    def _impossible(self, event: Event) -> str:
        there = [one for here, one in STEPS if here is self.state and one not in BY_ITSELF]
        possible = ", ".join(map(str, there))
        return (
            f"Rollout {self.id} of alias {self.alias} is {self.state}: it cannot {event}; "
            f"possible: {possible}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens to a rollout, when, by whom and why.

    `weight` is what the candidate grows to, or what is approved; in ten-thousandths.
    """

    event: Event
    at: float
    who: str = ""
    said: str = ""
    weight: int = 0


def _and(past: tuple[Past, ...], latest: Past) -> tuple[Past, ...]:
    """Add a step to those that are kept; where there are too many, the second goes."""
    kept = past if len(past) < MOST_PAST else (past[0], *past[2:])
    return (*kept, latest)
