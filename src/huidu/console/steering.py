"""Steering: what the forms of an alias do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from huidu.actions.last_good import MARK, last_good
from huidu.console import alias as aliases
from huidu.console import routing
from huidu.console.asking import Done, Facts, Visit, path
from huidu.console.flash import Flash, Undo
from huidu.model.errors import Failed, Refusal
from huidu.model.rollout import OWNING, State

MOST, MOST_CHANGES = 100, 1000
LEAST_SHARE = 0.0001  #: What asks before this asks before any.


async def move(visit: Visit) -> Done:
    """Give an alias the weights, rules or stickiness of a form."""
    named, kind = aliases.whose(visit), visit.place("kind")
    present = await visit.ask("GetAlias", **named)
    try:
        await visit.ask(
            "UpdateAlias",
            **named,
            **routing.asked(kind, visit.form, present),
            ExpectedRevision=visit.given("revision") or None,
            Reason=visit.given("reason"),
            TakeOver=bool(visit.given("take_over")),
        )
    except Refusal as refusal:
        filled = {k: list(v) for k, v in visit.form.items() if k not in NOT_SHOWN}
        again = f"{_page(visit, form=kind, **filled)}#steer"
        return Done(again, Flash(refusal.message, went_well=False))
    return await _moved(visit, "{alias}: {sentence}")


#: Fields that are no part of what somebody wanted.
NOT_SHOWN = frozenset({"token", "revision", "take_over", "form"})


async def undo(visit: Visit) -> Done:
    """Bring an alias back to what it was before a change."""
    revision = visit.given("revision")
    await visit.ask(
        "UndoAlias",
        **aliases.whose(visit),
        Revision=revision or None,
        Reason=visit.given("reason"),
        TakeOver=bool(visit.given("take_over")),
    )
    return await _moved(visit, "{alias} is back as it was: {sentence}")


async def roll_back(visit: Visit) -> Done:
    """Take back what an alias was given last: by its rollout, or else by its history."""
    named = aliases.whose(visit)
    present = await visit.ask("GetAlias", **named)
    rollout = await aliases.newest_rollout(visit)
    if rollout and (rollout["State"] in OWNING or _stays(rollout, present)):
        await visit.ask(
            "RollbackRollout", RolloutId=rollout["RolloutId"], Reason=visit.given("reason"), Wait=0
        )
        return await _moved(visit, "{alias} was rolled back: {sentence}")
    if visit.given("revision") not in ("", str(present["Revision"])):
        # Of two who press at once the second must not get to the version before the good one.
        told = visit.say(
            "It was moved a moment ago: {sentence} Press again to go back further.",
            sentence=routing.sentence(present, visit.say),
        )
        raise Failed("UpdateAlias", told)
    target = last_good(present, await _changes(visit), await _there(visit))
    if target is None:
        raise Failed("UpdateAlias", visit.say("There is no version to go back to."))
    why = visit.given("reason")
    await visit.ask(
        "UpdateAlias",
        **named,
        FunctionVersion=target.version,
        RoutingConfig={},
        ExpectedRevision=present["Revision"],
        Reason=f"{MARK}{target.bad[0]}" + (f": {why}" if why else ""),
    )
    return await _moved(visit, "{alias} was rolled back: {sentence}")


async def start(visit: Visit) -> Done:
    """Begin a rollout."""
    made = await visit.ask(
        "StartRollout",
        **aliases.whose(visit),
        FunctionVersion=visit.given("version"),
        Plan=visit.given("plan") or "evidence",
        Gates=[{"Weight": LEAST_SHARE, "Kind": "approval"}] if visit.given("approval") else [],
        Reason=visit.given("reason"),
    )
    said = visit.say("The rollout to version {version} has begun.", version=made["ToVersion"])
    return Done(path("rollouts", made["RolloutId"]), Flash(said))


def _stays(rollout: Facts, present: Facts) -> bool:
    done = rollout["State"] == State.DONE
    return bool(done and present["FunctionVersion"] == rollout["ToVersion"])


def _page(visit: Visit, **query: object) -> str:
    named = aliases.whose(visit)
    return path("functions", named["FunctionName"], "aliases", named["Name"], **query)


async def _moved(visit: Visit, said: str) -> Done:
    """Tell how an alias stands after a form was obeyed, and how that is undone."""
    now = await visit.ask("GetAlias", **aliases.whose(visit))
    text = visit.say(said, alias=now["Name"], sentence=routing.sentence(now, visit.say))
    undo = Undo(aliases.here(visit, "undo"), {"revision": str(now["Revision"])})
    return Done(aliases.here(visit), Flash(text, undo=undo))


async def _changes(visit: Visit) -> Sequence[Facts]:
    found: list[Facts] = []
    while len(found) < MOST_CHANGES:
        asked: dict[str, Any] = {"Offset": len(found), "Limit": MOST}
        page = await visit.ask("ListAliasHistory", **aliases.whose(visit), **asked)
        found += page["Changes"]
        if not page["Changes"] or len(found) >= page["TotalCount"]:
            break
    return found


async def _there(visit: Visit) -> Collection[str]:
    """Return the versions that there are."""
    found: set[str] = set()
    offset = 0
    while True:
        page = await visit.ask(
            "ListVersionByFunction",
            FunctionName=visit.place("function"),
            Offset=offset,
            Limit=MOST,
        )
        found |= {one["Version"] for one in page["Versions"]}
        offset += MOST
        if offset >= page["TotalCount"]:
            return found
