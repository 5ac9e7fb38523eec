"""Rollouts: the list of them, and the page of one with its evidence against its bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from huidu.console import drawing
from huidu.console.asking import Done, Facts, Visit, path
from huidu.console.flash import Flash
from huidu.model.errors import Refusal
from huidu.model.ramp import ramp_of
from huidu.model.rollout import OWNING, State
from huidu.model.split import WHOLE

PAGE = 20
WIDE, HIGH = 640.0, 160.0
#: What a button asks for, and what is told then.
VERBS: Mapping[str, tuple[str, str]] = {
    "pause": ("PauseRollout", "The rollout is paused."),
    "resume": ("ResumeRollout", "The rollout goes on."),
    "approve": ("ApproveRollout", "The rollout is approved."),
    "promote": ("PromoteRollout", "Version {version} has all calls."),
    "back": ("RollbackRollout", "Version {version} was taken back."),
}
#: Which buttons make sense in which state, the one to be seen first.
BUTTONS: Mapping[str, Sequence[str]] = {
    State.RAMPING: ("pause", "approve", "promote", "back"),
    State.WAITING: ("approve", "pause", "promote", "back"),
    State.PAUSED: ("resume", "promote", "back"),
    State.BAKING: ("back",),
    State.DONE: ("back",),
    State.BACK: (),
    State.TAKEN_OVER: (),
}


async def every(visit: Visit) -> Mapping[str, Any]:
    """Return a page of the list of rollouts."""
    number, states = visit.count("page"), [one for one in visit.wishes("state") if one]
    found = await visit.ask(
        "ListRollouts",
        FunctionName=visit.wish("function") or None,
        States=states or None,
        Offset=(number - 1) * PAGE,
        Limit=PAGE,
    )
    return {
        "rollouts": found["Rollouts"],
        "total": found["TotalCount"],
        "page": number,
        "pages": max(1, -(-found["TotalCount"] // PAGE)),
        "states": states,
        "function": visit.wish("function"),
        "known": [state.value for state in State],
    }


async def page(visit: Visit) -> Mapping[str, Any]:
    """Return what the page of a rollout shows."""
    facts = await visit.ask("GetRollout", RolloutId=visit.place("rollout"))
    return shown(facts)


def shown(facts: Facts) -> dict[str, Any]:
    """Return a rollout as its page shows it."""
    found = facts["Evidence"]
    return {
        "rollout": facts,
        "found": found,
        "moves": facts["State"] in OWNING,
        "buttons": BUTTONS.get(facts["State"], ()),
        "ladder": ladder(facts),
        "curves": curves(facts) if found and found["Curve"] else None,
        "budgets": budgets(facts),
        "report": report(facts["Report"]),
        "here": path("rollouts", facts["RolloutId"]),
        "alias_page": path("functions", facts["FunctionName"], "aliases", facts["Name"]),
    }


async def act(visit: Visit) -> Done:
    """Do what a button says."""
    action, said = VERBS[visit.place("verb")]
    name = visit.place("rollout")
    answer = await visit.ask(action, RolloutId=name, Reason=visit.given("reason"))
    facts = answer.get("Rollout", answer)
    return Done(path("rollouts", name), Flash(visit.say(said, version=facts["ToVersion"])))


def ladder(facts: Facts) -> list[dict[str, Any]]:
    """Return the shares that a rollout goes by, and which of them it has had, has, and comes to."""
    try:
        planned = [step.weight / WHOLE for step in ramp_of(facts["Plan"]).steps]
    except Refusal:
        planned = []
    found, present = facts["Evidence"], facts["Weight"]
    had = [step["Weight"] for step in facts["Steps"]]
    coming = [found["NextWeight"]] if found and not facts["EndTime"] else []
    shares = sorted({*(planned or [*had, *coming]), present, 1.0} - {0.0})
    reached = max([present, *had])
    return [{"share": share, "now": share == present, "had": share <= reached} for share in shares]


def curves(facts: Facts) -> dict[str, Any]:
    """Return the evidence over time against the bound at which the version is taken back."""
    found = facts["Evidence"]
    points, enough = found["Curve"], found["Enough"] or 1.0
    top = max([enough, *(max(p["Errors"], p["Latency"]) for p in points)]) * 1.12
    lines = {
        name: drawing.line([max(0.0, p[name]) for p in points], WIDE, HIGH, top)
        for name in ("Errors", "Latency")
    }
    return {
        "lines": lines,
        "bound": round(HIGH - enough / top * HIGH, 1),
        "weights": drawing.line([p["Weight"] for p in points], WIDE, HIGH, 1.0),
        "latest": {name: strength(found[name], enough) for name in ("Errors", "Latency")},
        "begin": points[0]["Time"],
        "end": points[-1]["Time"],
        "wide": WIDE,
        "high": HIGH,
    }


def strength(log: float, enough: float) -> float:
    """Return how much there is of what takes a version back, from 0 to 1."""
    return min(1.0, max(0.0, log / enough)) if enough else 0.0


def budgets(facts: Facts) -> list[dict[str, Any]]:
    """Return what may be spent, and what is left of it."""
    found, terms = facts["Evidence"], facts["Budget"]
    rows = (("failed calls", "Failures", "SpentFailures"), ("callers", "Keys", "SpentKeys"))
    return [
        {"what": what, "most": terms[most], "spent": found[spent] if found else 0}
        for what, most, spent in rows
        if terms[most]
    ]


def report(text: str) -> str:
    """Return a report so that it can be read."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if text else ""
    except ValueError:
        return text
