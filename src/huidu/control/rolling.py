"""Rolling: a step of a rollout in one write, with its alias, the history and the event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from huidu.control import telling
from huidu.control.warming import Move
from huidu.model.alias import Alias
from huidu.model.errors import Failed, InUse
from huidu.model.function import Function
from huidu.model.happening import Happening
from huidu.model.history import Change
from huidu.model.rollout import Event, Rollout, Step
from huidu.model.routing import Share, Weighted
from huidu.model.split import WHOLE
from huidu.store.reading import Reading
from huidu.store.writing import Writing

STARTED = "rollout.started"
#: What is told of a step.
TOLD: Mapping[Event, str] = {
    Event.GROW: "rollout.grew",
    Event.HOLD: "rollout.waiting",
    Event.PAUSE: "rollout.paused",
    Event.RESUME: "rollout.resumed",
    Event.APPROVE: "rollout.approved",
    Event.PROMOTE: "rollout.promoted",
    Event.SUSPECT: "rollout.suspected",
    Event.FINISH: "rollout.finished",
    Event.ROLL_BACK: "rollout.rolled_back",
    Event.TAKE_OVER: "rollout.taken_over",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """By what a step is written: the action for the history, its request, and a salt to take."""

    action: str
    salt: str
    request_id: str = ""
    warning: str = ""


def aimed(alias: Alias, rollout: Rollout, salt: str, at: float) -> Alias:
    """Return an alias as it is to be for what a rollout gives its candidate."""
    version, routing = rollout.stable, None
    if rollout.weight == WHOLE:
        version = rollout.candidate
    elif rollout.weight:
        routing = Weighted((Share(rollout.candidate, rollout.weight),))
    if (version, routing) == (alias.version, alias.routing):
        return alias
    return replace(alias.point(version, routing, salt=salt), modified_at=at)


def move_of(reading: Reading, kept: Rollout, step: Step, salt: str) -> Move | None:
    """Return what a step makes of the alias of a rollout; None where that stays as it is.

    So does one that a rollout has left and that leads to its candidate no more. Raises `Failed`
    where there is no such step, or a version that would get calls cannot answer.
    """
    after = kept.after(step)
    if after.weight == kept.weight and step.event is not Event.ROLL_BACK:
        return None
    function = reading.function(kept.function)
    alias = reading.alias(function, kept.alias)
    moved = aimed(alias, after, salt, step.at)
    if moved is alias or not (kept.owns or kept.candidate in alias.versions):
        return None
    versions = {number: reading.version(function, number) for number in sorted(moved.versions)}
    for number, version in versions.items():
        if not version.is_active:
            raise Failed("Rollout", f"version {number} is {version.status}: it cannot answer")
    return Move(alias, moved, versions)


def carry_out(writing: Writing, kept: Rollout, step: Step, cause: Cause) -> Rollout:
    """Write a step of a rollout, with all that it means; return the rollout after it.

    A rollback of one that had ended ends the rollout that moves its alias now, where that would
    have calls go to the same version, or is in the way.
    """
    after = kept.after(step)
    move = move_of(writing, kept, step, cause.salt)
    function = writing.function(kept.function)
    owner = None if kept.owns else writing.rollouts.owner(function, kept.alias)
    if owner is not None and (move is not None or owner.candidate == kept.candidate):
        said = f"rollback of rollout {kept.id}" + (f": {step.said}" if step.said else "")
        take_over(writing, function, kept.alias, replace(step, said=said), cause)
    writing.rollouts.replace(after)
    if move is not None:
        writing.replace_alias(function, move.after)
        keep_note(writing, after, step, cause, move)
    tell(writing, after, TOLD[step.event], step, cause, before=_share(kept))
    return after


def keep_note(writing: Writing, rollout: Rollout, step: Step, cause: Cause, move: Move) -> None:
    """Write the move of the alias into its history, and tell of it."""
    change = Change(
        function=rollout.function,
        function_id=rollout.function_id,
        alias=rollout.alias,
        revision=move.after.revision,
        at=step.at,
        who=step.who or rollout.id,
        why=f"rollout {rollout.id}: {step.event}" + (f": {step.said}" if step.said else ""),
        action=cause.action,
        before=move.before,
        after=move.after,
        warning=cause.warning,
    )
    writing.add_change(change)
    telling.alias_changed(writing, change, cause.request_id)


def tell(
    writing: Writing, rollout: Rollout, kind: str, step: Step, cause: Cause, *, before: str
) -> None:
    """Tell of a step."""
    detail = {
        "RolloutId": rollout.id,
        "State": rollout.state,
        "Weight": rollout.weight / WHOLE,
        "FromVersion": rollout.stable,
        "ToVersion": rollout.candidate,
        "Plan": rollout.terms.ramp.text,
        "Owner": rollout.owner,
        "Revision": rollout.revision,
    }
    writing.tell(
        Happening(
            kind=kind,
            at=step.at,
            namespace=rollout.function.namespace,
            function=rollout.function.name,
            alias=rollout.alias,
            version=rollout.candidate,
            subject=rollout.id,
            who=step.who,
            why=step.said,
            before=before,
            after=_share(rollout),
            detail=json.dumps(detail, ensure_ascii=False),
            request_id=cause.request_id,
        )
    )


def _share(rollout: Rollout) -> str:
    share = f"{rollout.weight / WHOLE * 100:.4g} % to version {rollout.candidate}"
    return f"{rollout.state}, {share}"


def take_over(writing: Writing, function: Function, alias: str, step: Step, cause: Cause) -> None:
    """End the rollout that moves an alias now, if there is one; the alias stays as it is."""
    owner = writing.rollouts.owner(function, alias)
    if owner is None:
        return
    over = replace(step, event=Event.TAKE_OVER, weight=0)
    after = owner.after(over)
    writing.rollouts.replace(after)
    tell(writing, after, TOLD[Event.TAKE_OVER], over, cause, before=_share(owner))


def check_free(
    reading: Reading, function: Function, alias: Alias, *, may_take_over: bool = False
) -> None:
    """Raise `InUse` where a rollout moves an alias; says whether that can be taken over."""
    owner = reading.rollouts.owner(function, alias.name)
    if owner is not None:
        also = ", or send TakeOver: true to end it and have your way" if may_take_over else ""
        raise InUse(
            "Rollout",
            f"Alias {alias.name} is moved by rollout {owner.id} of {owner.owner or 'nobody'} "
            f"({_share(owner)}). Pause, promote or take it back (RollbackRollout; "
            f"huidu rollout back {owner.id}){also}",
        )


def check_unused(reading: Reading, function: Function, number: str) -> None:
    """Raise `Failed` where a rollout that goes on needs a version."""
    for owner in reading.rollouts.owning(function):
        if number in (owner.stable, owner.candidate):
            raise Failed(
                "DeleteFunction",
                f"Qualifier {number}: rollout {owner.id} of alias {owner.alias} is {owner.state} "
                "and needs it; end that first",
            )
