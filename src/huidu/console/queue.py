"""Queue: the page of calls that nobody waits for, and what its forms do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from huidu.console.asking import Done, Facts, Visit, path, together
from huidu.console.flash import Flash
from huidu.model.errors import InvalidValue, Refusal
from huidu.model.names import DEFAULT_NAMESPACE

PAGE, DEAD_PAGE, MOST_CHOICES, MOST_ROWS = 20, 10, 100, 50
#: What a list of calls can be narrowed to, as the API and as people say it.
STATES: Mapping[str, str] = {
    "RUNNING": "waiting or running",
    "FINISHED": "succeeded",
    "ABORTED": "ended by somebody",
    "FAILED": "given up",
}
#: Where an event stands, as people say it.
STANDS: Mapping[str, str] = {
    "ready": "waiting",
    "delayed": "waiting for its next try",
    "running": "running",
    "finished": "succeeded",
    "dead": "dead letter",
    "aborted": "ended by somebody",
    "discarded": "discarded",
}
GONE = {"EventList": None, "TotalCount": 0}


async def page(visit: Visit) -> Mapping[str, Any]:
    """Return what the page shows: all functions, one of them, or one call with its attempts."""
    if visit.wish("event"):
        return {"event": await one(visit, visit.wish("event"))}
    return {"event": None, **await now(visit), **await dead(visit)}


async def now(visit: Visit) -> dict[str, Any]:
    """Return what changes while one looks: how many wait, and of a function, which."""
    name, state = visit.wish("function"), visit.wish("state", "RUNNING")
    number = visit.count("page")
    queues, calls = await together(visit.ask("ListEventQueues"), _calls(visit, name, state, number))
    rows = queues["Queues"]
    if name:
        rows = [one for one in rows if one["FunctionName"] == name]
    return {
        "name": name,
        "state": state,
        "states": STATES,
        "queues": sorted(rows, key=lambda one: (-one["Dead"], -one["Waiting"]))[:MOST_ROWS],
        "more": max(0, len(rows) - MOST_ROWS),
        "waiting": sum(one["Waiting"] for one in rows),
        "dead_total": sum(one["Dead"] for one in rows),
        "calls": calls["EventList"],
        "call_total": calls["TotalCount"],
        "page": number,
        "pages": max(1, -(-calls["TotalCount"] // PAGE)),
    }


async def _calls(visit: Visit, name: str, state: str, number: int) -> Facts:
    """Return a page of the calls of a function; None for them where there is no such function."""
    if not name:
        return GONE
    try:
        return await visit.ask(
            "ListAsyncEvents",
            FunctionName=name,
            Status=[state],
            Orderby="StartTime" if state == "RUNNING" else "EndTime",
            Offset=(number - 1) * PAGE,
            Limit=PAGE,
        )
    except Refusal as refusal:
        if not refusal.code.startswith("ResourceNotFound"):
            raise
        return GONE


async def dead(visit: Visit) -> dict[str, Any]:
    """Return a page of dead letters with their attempts, and how many each version has."""
    name, number = visit.wish("function"), visit.count("dead")
    version = visit.request.query_params.get("version")
    found = await visit.ask(
        "ListDeadEvents",
        Namespace=DEFAULT_NAMESPACE,
        FunctionName=name,
        FunctionVersion=version,
        Offset=(number - 1) * DEAD_PAGE,
        Limit=DEAD_PAGE,
    )
    tried = await together(*(_tried(visit, event) for event in found["Events"]))
    return {
        "dead": [{**one, "tried": two} for one, two in zip(found["Events"], tried, strict=True)],
        "by_version": found["Versions"][:MOST_ROWS],
        "more_versions": max(0, len(found["Versions"]) - MOST_ROWS),
        "version": version,
        "dead_page": number,
        "dead_pages": max(1, -(-found["TotalCount"] // DEAD_PAGE)),
        "dead_found": found["TotalCount"],
        "choices": await choices(visit, name) if name and found["Events"] else [],
    }


async def _tried(visit: Visit, event: Facts) -> Sequence[Facts]:
    """Return the attempts at a dead letter; none where it was forgotten this moment."""
    nothing: Facts = {"Attempts": []}
    asked = {"InvokeRequestId": event["InvokeRequestId"]}
    found: Sequence[Facts] = (await visit.ask_or(nothing, "GetAsyncEvent", **asked))["Attempts"]
    return found


async def choices(visit: Visit, name: str) -> list[str]:
    """Return through which aliases events can be played again; none of a function that is gone."""
    nothing: Facts = {"Aliases": []}
    asked = {"FunctionName": name, "Limit": MOST_CHOICES}
    found = await visit.ask_or(nothing, "ListAliases", **asked)
    return [alias["Name"] for alias in found["Aliases"]]


async def one(visit: Visit, request_id: str) -> dict[str, Any]:
    """Return all that is known of a call, as its page shows it."""
    event = await visit.ask("GetAsyncEvent", InvokeRequestId=request_id)
    lives, is_dead = event["Status"] == "RUNNING", event["State"] == "dead"
    return {
        **event,
        "lives": lives,
        "dead": is_dead,
        "stands": STANDS[event["State"]],
        "choices": await choices(visit, event["FunctionName"]) if is_dead else [],
    }


async def redrive(visit: Visit) -> Done:
    """Play calls again that were given up: one, or all that a version ran last."""
    name, to = visit.place("function"), visit.given("to")
    done = await visit.ask(
        "RedriveEvents",
        FunctionName=name,
        **_which(visit),
        Qualifier=to,
        Reason=visit.given("reason"),
    )
    said = visit.say("Played again: {count}.", count=done["Count"])
    if to:
        said = visit.say("Played again through {alias}: {count}.", alias=to, count=done["Count"])
    return _done(visit, done, said)


async def discard(visit: Visit) -> Done:
    """Throw calls away that were given up."""
    done = await visit.ask(
        "DiscardEvents",
        FunctionName=visit.place("function"),
        **_which(visit),
        Reason=visit.given("reason"),
    )
    return _done(visit, done, visit.say("Discarded: {count}.", count=done["Count"]))


def _which(visit: Visit) -> dict[str, Any]:
    """Return which dead letters a form means; never all of a function by leaving something out."""
    ids = [one for one in visit.every("event") if one]
    if not ids and "version" not in visit.form:
        raise InvalidValue("InvokeRequestIds", "event, version: a form must say which are meant")
    return {"InvokeRequestIds": ids} if ids else {"FunctionVersion": visit.given("version")}


def _done(visit: Visit, done: Facts, said: str) -> Done:
    """Return to the function's queue; what is no dead letter any more is said to be none."""
    went_well = bool(done["Count"])
    if not went_well:
        said = visit.say("None of them is a dead letter any more.")
    return Done(path("queue", function=visit.place("function")), Flash(said, went_well=went_well))


async def stop(visit: Visit) -> Done:
    """End a call that waits or runs; gracefully, where that is asked for."""
    name, event = visit.place("function"), visit.given("event")
    await visit.ask(
        "TerminateAsyncEvent",
        FunctionName=name,
        InvokeRequestId=event,
        GraceShutdown=bool(visit.given("graceful")),
    )
    said = visit.say("The call {event} is ended.", event=event[:8])
    return Done(path("queue", event=event), Flash(said))
