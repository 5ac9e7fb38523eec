"""Words: what is said of a rollout, and what to type next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from huidu.actions.rollouts import EvidenceFacts, RolledBack, RolloutFacts, SideFacts, StepFacts
from huidu.model.amount import duration, percent
from huidu.model.invocation import Status
from huidu.model.judge.judge import Verdict
from huidu.model.names import DEFAULT_NAMESPACE
from huidu.model.ramp import ramp_of
from huidu.model.rollout import Event, State
from huidu.model.split import WHOLE

#: What is said of a step that was taken; why it grew or waits says it by itself.
PAST: Mapping[str, str] = {
    Event.PAUSE: "paused",
    Event.RESUME: "resumed",
    Event.APPROVE: "approved",
    Event.PROMOTE: "promoted",
    Event.SUSPECT: "looks bad",
    Event.FINISH: "finished",
    Event.ROLL_BACK: "rolled back",
    Event.TAKE_OVER: "taken over",
}
AWAITED = "waits for "
SPENT = "budget: "  #: How the reason begins where the platform has paused it for its budget.


def clean(text: str) -> str:
    """Return a text without what would move a terminal's cursor: reasons are anybody's."""
    return "".join(one if one.isprintable() else " " for one in text)


def first_line(text: str) -> str:
    """Return the first line of a text, as it can be shown."""
    return clean((text.splitlines() or [""])[0])


def counted(number: int) -> str:
    """Return a number by thousands."""
    return f"{number:,}".replace(",", " ")


def now_of(facts: RolloutFacts) -> datetime:
    """Return the moment that is told of, by the server's clock."""
    if facts.end_time:
        return _moment(facts.end_time)
    seen = facts.evidence.time if facts.evidence else facts.since
    return max(_moment(facts.begin_time), _moment(facts.since), _moment(seen))


def held_s(facts: RolloutFacts) -> float:
    """Return how long it has had its present share."""
    return (now_of(facts) - _moment(facts.since)).total_seconds()


def age_s(facts: RolloutFacts) -> float:
    """Return how long it has gone on, or went on."""
    return (now_of(facts) - _moment(facts.begin_time)).total_seconds()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def plan_waits_s(facts: RolloutFacts) -> float:
    """Return how long the plan holds the present share at least."""
    return ramp_of(facts.plan).waits_s(round(facts.weight * WHOLE))


def awaits(facts: RolloutFacts) -> str:
    """Say what the next share waits for; empty where there is none."""
    match facts.state:
        case State.WAITING:
            said = clean(facts.said)
            waits = said.startswith(AWAITED)
            return said.removeprefix(AWAITED) if waits else f"its hour: {said}"
        case State.PAUSED:
            other = "whoever gives it all calls, or takes it back"
            return other if _is_spent(facts) else "whoever resumes it"
        case State.BAKING:
            left_s = facts.bake_time - held_s(facts)
            return f"the end of its bake time, in {duration(left_s)}"
        case State.RAMPING if not facts.weight:
            return "its first instances"
        case State.RAMPING if facts.evidence:
            return _awaits_judge(facts, facts.evidence)
        case _:
            return ""


def _awaits_judge(facts: RolloutFacts, found: EvidenceFacts) -> str:
    if found.verdict == Verdict.ASTRAY.value and 0 < facts.budget.keys <= found.spent_keys:
        return f"somebody: it has met all {facts.budget.keys} callers of its budget, unproven"
    if found.verdict == Verdict.ASTRAY.value:
        return "calls to go where the weight says: they do not, and prove nothing"
    if not facts.proof and found.waits_for != "suspicion":
        left_s = plan_waits_s(facts) - held_s(facts)
        return f"its time by the plan, {duration(left_s)} more" if left_s > 0 else ""
    said = [one for one in found.sentences if one.startswith(AWAITED)]
    return said[0].removeprefix(AWAITED) if said else ""


def strength(log: float, enough: float) -> float:
    """Return how much of what takes a version back there is against it, from 0 to 1."""
    return min(1.0, max(0.0, log / enough)) if enough else 0.0


def side(version: str, facts: SideFacts) -> str:
    """Say what became of the calls of one version."""
    return f"version {version}: {counted(facts.calls)} calls, {counted(facts.failures)} failed"


def failed_share(facts: SideFacts) -> str:
    """Return which share of the calls of a version failed."""
    return f"{facts.failures / facts.calls * 100:.2f} %" if facts.calls else ""


def step(facts: StepFacts) -> str:
    """Say what a step was, by whom and why."""
    what = PAST.get(facts.event, "")
    who = f"by {clean(facts.who)}" if facts.who else ""
    return ": ".join(filter(None, (f"{what} {who}".strip(), clean(facts.said))))


def title(facts: RolloutFacts) -> str:
    """Return what is rolled out."""
    spaced = "" if facts.namespace == DEFAULT_NAMESPACE else f"{facts.namespace}/"
    return f"{spaced}{facts.function_name} {facts.name}"


def command(facts: RolloutFacts, verb: str) -> str:
    """Return what to type to do something about a rollout."""
    more = "" if facts.namespace == DEFAULT_NAMESPACE else f" --namespace {facts.namespace}"
    return f"huidu rollout {verb} {facts.function_name} {facts.name}{more}"


def logs(facts: RolloutFacts) -> str:
    """Return what to type to see what the calls of the candidate printed, and how they ended."""
    more = "" if facts.namespace == DEFAULT_NAMESPACE else f" --namespace {facts.namespace}"
    options = f"--alias {facts.name} --version {facts.to_version}"
    return f"huidu logs {facts.function_name}{more} {options}"


def _is_spent(facts: RolloutFacts) -> bool:
    """Tell whether it is paused for its budget: whoever resumes it sees it paused again at once."""
    spent = facts.evidence.spent_failures if facts.evidence else 0
    return facts.said.startswith(SPENT) and 0 < facts.budget.failures <= spent


def _look_closer(facts: RolloutFacts) -> tuple[str, str]:
    """Return where the harm is to be seen: a version that was only slow has printed no error."""
    found = facts.evidence
    if found and found.candidate.calls and not found.candidate.failures:
        return "see its calls", logs(facts)
    if found and found.failures and all(one.status == Status.SUCCESS for one in found.failures):
        return "see what it printed", logs(facts)  # to the log, their answers are no errors
    return "see what it printed", f"{logs(facts)} --errors"


def aligned(commands: Sequence[tuple[str, str]]) -> list[str]:
    """Return what can be done, a line for each, with the commands below each other."""
    width = max((len(what) for what, _ in commands), default=0)
    return [f"  to {what + ':':<{width + 2}} {line}" for what, line in commands]


def next_commands(facts: RolloutFacts) -> Sequence[tuple[str, str]]:
    """Return what can be done about a rollout now: what for, and what to type."""
    back = ("take it back", command(facts, "back"))
    match facts.state:
        case State.RAMPING:
            watch = ("watch it", command(facts, "watch"))
            return [watch, ("hold it", command(facts, "pause")), back]
        case State.WAITING:
            approve = ("approve it", command(facts, "approve"))
            return [approve, back] if "an approval" in facts.said else [back]
        case State.PAUSED:
            go_on = [] if _is_spent(facts) else [("let it go on", command(facts, "resume"))]
            return [*go_on, ("give it all calls", command(facts, "promote")), back]
        case State.BAKING | State.DONE:
            return [back]
        case State.BACK:
            return [("see why", command(facts, "show")), _look_closer(facts)]
        case _:
            events = f"huidu events --function {facts.function_name} --alias {facts.name}"
            return [("see who moved the alias", events)]


def outcome(facts: RolloutFacts) -> str:
    """Say in a sentence how a rollout stands."""
    began = title(facts)
    why = f": {clean(facts.said)}" if facts.said else ""
    match facts.state:
        case State.DONE:
            return f"{began}: version {facts.to_version} has all calls, and is finished{why}"
        case State.BACK:
            return f"{began}: version {facts.to_version} was taken back{why}"
        case State.TAKEN_OVER:
            return f"{began}: the alias was taken over by hand{why}"
        case _:
            share = f"{percent(facts.weight)} to version {facts.to_version}"
            return f"{began}: {facts.state}, {share}{why}"


def taken_back(answer: RolledBack) -> list[str]:
    """Say what a rollback did."""
    facts, did = answer.rollout, answer.switched
    bad = f"version {did.from_version}"
    what = f"no call went to {bad} through it; it leads to version {did.to_version}."
    if did.moved:
        after = f"After {did.switched_ms:.1f} ms no call went to {bad} any more."
        what = f"taken back to version {did.to_version}. {after}"
    said = [f"{title(facts)}: {what}"]
    if not did.last_call_began:
        said.append(f"No call of {bad} through it is known.")
    elif did.last_call_ended:
        began, ended = did.last_call_began, did.last_call_ended
        said.append(f"The last call of {bad} began {began} and ended {ended}.")
    else:
        said.append(f"The last call of {bad} that has ended began {did.last_call_began}.")
    if did.still_running:
        calls = "call still runs" if did.still_running == 1 else "calls still run"
        said.append(f"{did.still_running} {calls} on {bad}, to the end.")
    return said
