"""Overview: what there is, what goes on, and what happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from huidu.console.asking import Facts, Visit, together

WINDOW_S = 60
MOST, MOST_EVENTS, PAGE = 12, 9, 20
MOVING = ["ramping", "waiting", "paused", "baking"]


async def overview(visit: Visit) -> Mapping[str, Any]:
    """Return what the first page shows."""
    functions, traffic, moving, events, queues = await together(
        visit.ask("ListFunctions", Limit=MOST, Orderby="ModTime"),
        visit.ask("GetTraffic", Window=WINDOW_S),
        visit.ask("ListRollouts", States=MOVING, Limit=10),
        visit.ask("ListEvents", Limit=MOST_EVENTS),
        visit.ask("ListEventQueues"),
    )
    rows = busy(traffic)
    quiet = [one["FunctionName"] for one in functions["Functions"]]
    names = list(dict.fromkeys([*rows, *quiet]))[:MOST]
    return {
        "total": functions["TotalCount"],
        "rows": [rows.get(name) or idle(name) for name in names],
        "all": added(rows.values()),
        "moving": moving["Rollouts"],
        "moving_total": moving["TotalCount"],
        "events": events["Events"],
        "queues": sorted(queues["Queues"], key=lambda one: (-one["Dead"], -one["Waiting"])),
        "now": traffic["Time"],
    }


async def functions(visit: Visit) -> Mapping[str, Any]:
    """Return a page of the list of functions; searched and counted by the server."""
    page, search = visit.count("page"), visit.wish("q")
    found, traffic = await together(
        visit.ask(
            "ListFunctions",
            SearchKey=search,
            Orderby="FunctionName",
            Order="ASC",
            Offset=(page - 1) * PAGE,
            Limit=PAGE,
        ),
        visit.ask("GetTraffic", Window=WINDOW_S),
    )
    rows = busy(traffic)
    return {
        "found": [
            {**one, "traffic": rows.get(one["FunctionName"]) or idle(one["FunctionName"])}
            for one in found["Functions"]
        ],
        "total": found["TotalCount"],
        "page": page,
        "pages": max(1, -(-found["TotalCount"] // PAGE)),
        "q": search,
        "now": traffic["Time"],
    }


def busy(traffic: Facts) -> dict[str, dict[str, Any]]:
    """Return what was called lately, the busiest first, each with all of its ways together."""
    lanes: dict[str, list[Facts]] = {}
    for lane in traffic["Lanes"]:
        lanes.setdefault(lane["FunctionName"], []).append(lane)
    rows = {name: added(some) | {"name": name} for name, some in lanes.items()}
    return dict(sorted(rows.items(), key=lambda row: (-row[1]["calls"], row[0])))


def idle(name: str) -> dict[str, Any]:
    """Return the row of a function that nobody called lately."""
    return added(()) | {"name": name}


def added(lanes: Iterable[Facts]) -> dict[str, Any]:
    """Return some ways as one."""
    some = [_row(lane) if "Calls" in lane else lane for lane in lanes]
    seconds: Sequence[Sequence[int]] = [one["by_second"] for one in some if one["by_second"]]
    slowest = [one["p99"] for one in some if one["p99"] is not None]
    calls = sum(one["calls"] for one in some)
    errors = sum(one["errors"] for one in some)
    return {
        "calls": calls,
        "errors": errors,
        "answered_5xx": sum(one["answered_5xx"] for one in some),
        "throttled": sum(one["throttled"] for one in some),
        "rate": calls / WINDOW_S,
        "failed": errors / calls if calls else 0.0,
        "p99": max(slowest, default=None),
        "by_second": [sum(column) for column in zip(*seconds, strict=True)],
        "versions": list(dict.fromkeys(one for row in some for one in row["versions"])),
    }


def _row(lane: Facts) -> dict[str, Any]:
    return {
        "calls": lane["Calls"],
        "errors": lane["Errors"],
        "answered_5xx": lane["Answered5xx"],
        "throttled": lane["Throttled"],
        "p99": lane["DurationP99"],
        "by_second": lane["BySecond"],
        "versions": [lane["FunctionVersion"]] if lane["FunctionVersion"] else [],
    }
