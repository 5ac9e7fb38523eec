"""Others: logs, the gateway, events, and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huidu.console.asking import Done, Facts, Visit, path, together
from huidu.console.flash import Flash, Undo
from huidu.model.errors import InvalidValue
from huidu.model.happening import FAMILIES
from huidu.model.level import Level

PAGE, LINES = 20, 100
ENVIRONMENTS = ("release", "prepub", "test")
WORKED_ON = "now"  #: Instead of the name of a release: what is being worked on is to be one.
NARROWS = {
    "function": "FunctionName",
    "version": "FunctionVersion",
    "alias": "Alias",
    "request": "RequestId",
    "status": "Status",
    "level": "Level",
    "text": "Text",
}


def narrowed(visit: Visit) -> dict[str, Any]:
    """Return which lines are asked for."""
    asked: dict[str, Any] = {NARROWS[name]: visit.wish(name) for name in NARROWS}
    asked["Errors"] = bool(visit.wish("errors"))
    return {name: value for name, value in asked.items() if value}


async def logs(visit: Visit) -> Mapping[str, Any]:
    """Return a page of lines."""
    asked = narrowed(visit)
    found = await visit.ask(
        "SearchLogs",
        **asked,
        Since=visit.wish("since") or None,
        Until=visit.wish("until") or None,
        Cursor=visit.wish("cursor") or None,
        Limit=LINES,
    )
    return {
        "lines": found["Lines"],
        "cursor": found["Cursor"],
        "tail": found["TailCursor"],
        "wanted": {name: visit.wish(name) for name in (*NARROWS, "errors", "since", "until")},
        "levels": [level.name for level in Level],
        "first": not visit.wish("cursor"),
    }


async def events(visit: Visit) -> Mapping[str, Any]:
    """Return a page of what happened."""
    found = await visit.ask(
        "ListEvents",
        Kinds=[visit.wish("kind")] if visit.wish("kind") else [],
        FunctionName=visit.wish("function"),
        Who=visit.wish("who"),
        Since=visit.wish("since"),
        Cursor=visit.wish("cursor"),
        Limit=50,
    )
    return {
        "events": found["Events"],
        "cursor": found["NextCursor"],
        "wanted": {name: visit.wish(name) for name in ("kind", "function", "who", "since")},
        "families": sorted(FAMILIES),
    }


async def services(visit: Visit) -> Mapping[str, Any]:
    """Return a page of the gateway's services, and what is released where."""
    number = visit.count("page")
    filters = [{"Name": "ServiceName", "Values": [visit.wish("q")]}] if visit.wish("q") else []
    found = await visit.ask(
        "DescribeServicesStatus", Offset=(number - 1) * PAGE, Limit=PAGE, Filters=filters
    )
    result = found["Result"]
    places = await together(
        *(
            visit.ask("DescribeServiceEnvironmentList", ServiceId=one["ServiceId"])
            for one in result["ServiceSet"]
        )
    )
    return {
        "services": [
            {**one, "places": _by_name(place)}
            for one, place in zip(result["ServiceSet"], places, strict=True)
        ],
        "environments": ENVIRONMENTS,
        "total": result["TotalCount"],
        "page": number,
        "pages": max(1, -(-result["TotalCount"] // PAGE)),
        "q": visit.wish("q"),
    }


def _by_name(answer: Facts) -> dict[str, Facts]:
    return {one["EnvironmentName"]: one for one in answer["Result"]["EnvironmentList"]}


async def service(visit: Visit) -> Mapping[str, Any]:
    """Return what the page of a service shows."""
    name = {"ServiceId": visit.place("service")}
    place = visit.wish("environment", ENVIRONMENTS[0])
    facts, places, versions, history = await together(
        visit.ask("DescribeService", **name),
        visit.ask("DescribeServiceEnvironmentList", **name),
        visit.ask("DescribeServiceReleaseVersion", **name, Limit=50),
        visit.ask(
            "DescribeServiceEnvironmentReleaseHistory", **name, EnvironmentName=place, Limit=20
        ),
    )
    return {
        "service": facts,
        "apis": facts["ApiIdStatusSet"],
        "places": _by_name(places),
        "environments": ENVIRONMENTS,
        "environment": place,
        "worked_on": WORKED_ON,
        "versions": versions["Result"]["VersionList"],
        "history": history["Result"]["VersionList"],
    }


async def switch(visit: Visit) -> Done:
    """Put an earlier release into an environment, or release what is being worked on."""
    name, place = visit.place("service"), visit.given("environment")
    version, before = visit.given("version"), visit.given("expected")
    if not version:
        raise InvalidValue("Version", visit.say("choose what it is to switch to"))
    if version != WORKED_ON:
        await visit.ask(
            "UpdateService",
            ServiceId=name,
            EnvironmentName=place,
            VersionName=version,
            UpdateDesc=visit.given("reason"),
            ExpectedVersion=before,
        )
    else:
        made = await visit.ask(
            "ReleaseService",
            ServiceId=name,
            EnvironmentName=place,
            ReleaseDesc=visit.given("reason") or "console",
            ExpectedVersion=before,
        )
        version = made["Result"]["ReleaseVersion"]
    said = visit.say("{version} is in {environment} now.", version=version, environment=place)
    fields = {"environment": place, "version": before, "expected": version}
    undo = Undo(path("gateway", name, "switch"), fields) if before else None
    return Done(path("gateway", name, environment=place), Flash(said, undo=undo))
