"""Terms of a function: what calls it, what it has for itself, and what becomes of its events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from huidu.console.asking import Facts, Visit, together

FIRINGS, MOST_TRIGGERS, MOST_ASKED = 5, 100, 20
TIMER = "timer"
URLS = ("ExtranetHTTPUrl", "IntranetHTTPUrl")  #: Where the settings of a function URL say it.


async def read(visit: Visit, name: str, aliases: Sequence[Facts]) -> Mapping[str, Any]:
    """Return what the page of a function shows of them."""
    named = {"FunctionName": name}
    asked = [one["Name"] for one in aliases[:MOST_ASKED]]
    triggers, firings, reserved, provisioned, config, onward, queues, *retries = await together(
        visit.ask("ListTriggers", **named, Limit=MOST_TRIGGERS, OrderBy="add_time", Order="ASC"),
        visit.ask("GetNextFirings", **named, Count=FIRINGS),
        visit.ask("GetReservedConcurrencyConfig", **named),
        visit.ask("GetProvisionedConcurrencyConfig", **named),
        visit.ask("GetFunctionEventInvokeConfig", **named),
        visit.ask("GetEventDestinations", **named),
        visit.ask("ListEventQueues"),
        *(visit.ask("GetAliasRetry", **named, Name=alias) for alias in asked),
    )
    timers = {one["TriggerName"]: one for one in firings["Timers"]}
    return {
        "triggers": [shown(one, timers) for one in triggers["Triggers"]],
        "trigger_total": triggers["TotalCount"],
        "reserved": reserved["ReservedMem"],
        "provisioned": provisioned["Allocated"],
        "retry": config["AsyncTriggerConfig"],
        "stay": [
            alias
            for alias, retry in zip(asked, retries, strict=True)
            if retry["RetryOn"] == "first"
        ],
        "onward": onward,
        "queue": queue_of(queues["Queues"], name),
    }


def queue_of(queues: Sequence[Facts], name: str) -> Facts:
    """Return how much waits for a function, and was given up."""
    nothing = {"FunctionName": name, "Waiting": 0, "Dead": 0}
    return next((one for one in queues if one["FunctionName"] == name), nothing)


def shown(trigger: Facts, timers: Mapping[str, Facts]) -> dict[str, Any]:
    """Return a trigger as it is shown: of a timer, when it fires; of others, where they answer."""
    timer = timers.get(trigger["TriggerName"]) if trigger["Type"] == TIMER else None
    return {**trigger, "timer": timer, "url": "" if timer else _url(trigger["TriggerDesc"])}


def _url(told: str) -> str:
    """Return the address that the settings of a trigger say, if they do."""
    try:
        facts: Facts = json.loads(told)
        found = next(filter(None, map(facts.get, URLS)), "") or facts["service"]["subDomain"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return str(found)
