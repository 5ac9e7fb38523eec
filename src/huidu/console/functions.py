"""Functions: the page of one, with its versions, and two versions held against each other."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from huidu.actions import leads
from huidu.console import routing, terms
from huidu.console.asking import Done, Facts, Visit, path, together
from huidu.console.flash import Flash
from huidu.console.overview import WINDOW_S, added
from huidu.console.routing import Say
from huidu.model.errors import Refusal

PAGE = 20
MOST_ALIASES = 100
MOST_LINES = 2000  #: Of a file that are compared; a diff of hostile texts can take minutes.
CONTEXT, MINUTES = 3, 60


async def page(visit: Visit) -> Mapping[str, Any]:
    """Return what the page of a function shows."""
    name, number = visit.place("function"), visit.count("page")
    facts, aliases, versions, traffic, rollouts = await together(
        visit.ask("GetFunction", FunctionName=name),
        visit.ask("ListAliases", FunctionName=name, Limit=MOST_ALIASES),
        visit.ask(
            "ListVersionByFunction", FunctionName=name, Offset=(number - 1) * PAGE, Limit=PAGE
        ),
        visit.ask("GetTraffic", FunctionName=name, Window=WINDOW_S),
        visit.ask("ListRollouts", FunctionName=name, Limit=5),
    )
    lanes = traffic["Lanes"]
    return {
        **await terms.read(visit, name, aliases["Aliases"]),
        "function": facts,
        "name": name,
        "aliases": [_alias(one, lanes, visit.say) for one in aliases["Aliases"]],
        "versions": [_version(one, lanes, aliases["Aliases"]) for one in versions["Versions"]],
        "total": versions["TotalCount"],
        "page": number,
        "pages": max(1, -(-versions["TotalCount"] // PAGE)),
        "all": added(lanes),
        "rollouts": rollouts["Rollouts"],
        "now": traffic["Time"],
        "ends": _ends(versions["Versions"]),
    }


def _alias(alias: Facts, lanes: Sequence[Facts], say: Say) -> dict[str, Any]:
    """Return an alias as the page of its function shows it."""
    return {
        **alias,
        "shares": leads.shares(alias),
        "sentence": routing.sentence(alias, say),
        "traffic": added(one for one in lanes if one["Alias"] == alias["Name"]),
    }


def _version(version: Facts, lanes: Sequence[Facts], aliases: Sequence[Facts]) -> dict[str, Any]:
    """Return a version as the page of its function shows it."""
    number = version["Version"]
    return {
        **version,
        "users": [one["Name"] for one in aliases if number in leads.versions(one)],
        "traffic": added(one for one in lanes if one["FunctionVersion"] == number),
    }


async def publish(visit: Visit) -> Done:
    """Publish what is being worked on."""
    name = visit.place("function")
    made = await visit.ask(
        "PublishVersion", FunctionName=name, Description=visit.given("description")
    )
    said = visit.say("Version {version} is published.", version=made["FunctionVersion"])
    return Done(path("functions", name), Flash(said))


def _ends(versions: Sequence[Facts]) -> tuple[str, str]:
    """Return the two versions that somebody most likely wants to compare."""
    numbers = [one["Version"] for one in versions if one["Version"].isdigit()]
    if len(numbers) > 1:
        return numbers[1], numbers[0]
    return (numbers[0] if numbers else "$LATEST"), "$LATEST"


async def compare(visit: Visit) -> Mapping[str, Any]:
    """Return what differs between two versions, and how both do."""
    name, old, new = visit.place("function"), visit.wish("from"), visit.wish("to")
    asked = {"FunctionName": name, "FromVersion": old, "ToVersion": new}
    compared = await _compared(visit, asked)
    series, versions = await together(
        visit.ask("GetTrafficSeries", FunctionName=name, Period=60, Points=MINUTES),
        visit.ask("ListVersionByFunction", FunctionName=name, Limit=100),
    )
    by_version = {one["FunctionVersion"]: one for one in series["Versions"]}
    ends = (compared["FromVersion"], compared["ToVersion"])
    diffs = await asyncio.to_thread(lambda: [_diffed(one) for one in compared["Files"]])
    return {
        "name": name,
        "compared": compared,
        "files": diffs,
        "sides": [_side(version, by_version.get(version)) for version in ends],
        "series": {**series, "Versions": [by_version[v] for v in ends if v in by_version]},
        "versions": [one["Version"] for one in versions["Versions"]],
    }


async def _compared(visit: Visit, asked: Mapping[str, str]) -> Facts:
    """Return what differs, with the texts where whoever asks may read code."""
    try:
        return await visit.ask("CompareVersions", **asked, ShowText="TRUE")
    except Refusal as refusal:
        if refusal.code != "AuthFailure.UnauthorizedOperation":
            raise
        return await visit.ask("CompareVersions", **asked)


def _side(version: str, series: Facts | None) -> dict[str, Any]:
    calls = sum(series["Calls"]) if series else 0
    slowest = [one for one in (series["DurationP99"] if series else ()) if one is not None]
    usual = sorted(one for one in (series["DurationP50"] if series else ()) if one is not None)
    return {
        "version": version,
        "calls": calls,
        "errors": sum(series["Errors"]) if series else 0,
        "answered_5xx": sum(series["Answered5xx"]) if series else 0,
        "failed": sum(series["Errors"]) / calls if series and calls else 0.0,
        "cold": sum(series["Cold"]) if series else 0,
        "p50": usual[len(usual) // 2] if usual else None,
        "p99": max(slowest, default=None),
    }


def _diffed(change: Facts) -> dict[str, Any]:
    """Return a changed file with its lines: what sign, which numbers, what text."""
    ends = [change[end].splitlines() for end in ("Before", "After")]
    long = any(len(end) > MOST_LINES for end in ends)
    lines = [] if long or not change["Text"] else _lines(*ends)
    return {**change, "lines": lines, "long": long}


def _lines(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str, str, str]]:
    found: list[tuple[str, str, str, str]] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=True)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if found:
            found.append(("…", "", "", ""))
        for kind, a, b, c, d in group:
            if kind == "equal":
                pairs = zip(range(a, b), range(c, d), strict=True)
                found += [(" ", str(x + 1), str(y + 1), before[x]) for x, y in pairs]
                continue
            found += [("-", str(x + 1), "", before[x]) for x in range(a, b)]
            found += [("+", "", str(y + 1), after[y]) for y in range(c, d)]
    return found
