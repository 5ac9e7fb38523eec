"""Alias: the page where a release is watched and steered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from huidu.actions import leads
from huidu.console import routing
from huidu.console.asking import Facts, Visit, path, together
from huidu.model.errors import Refusal
from huidu.model.rollout import OWNING

SECONDS, WINDOW_S = 900, 10
CHANGES, MOST_VERSIONS = 10, 100


def whose(visit: Visit) -> dict[str, str]:
    """Return how the alias of a page is named in a question."""
    return {"FunctionName": visit.place("function"), "Name": visit.place("alias")}


def here(visit: Visit, *more: str) -> str:
    """Return the address of the page, or of something below it."""
    return path("functions", visit.place("function"), "aliases", visit.place("alias"), *more)


async def page(visit: Visit) -> Mapping[str, Any]:
    """Return what the page of an alias shows."""
    named, number = whose(visit), visit.count("page")
    shown, series, history, versions, triggers = await together(
        state(visit),
        visit.ask(
            "GetTrafficSeries",
            FunctionName=named["FunctionName"],
            Alias=named["Name"],
            Points=SECONDS,
        ),
        visit.ask("ListAliasHistory", **named, Limit=CHANGES, Offset=(number - 1) * CHANGES),
        visit.ask("ListVersionByFunction", FunctionName=named["FunctionName"], Limit=MOST_VERSIONS),
        visit.ask_or({"Triggers": []}, "ListTriggers", FunctionName=named["FunctionName"]),
    )
    alias = shown["alias"]
    kind, fields = visit.wish("form"), _query(visit)
    return {
        **shown,
        "series": series,
        "history": [row(one, visit) for one in history["Changes"]],
        "pages": max(1, -(-history["TotalCount"] // CHANGES)),
        "page": number,
        "versions": [one["Version"] for one in versions["Versions"]],
        "urls": _urls(triggers["Triggers"], alias["Name"]),
        "forms": filled(alias, kind, fields),
        "kind": kind,
        "preview": await previewed(visit, kind, fields, alias) if kind in routing.FORMS else None,
    }


async def state(visit: Visit) -> dict[str, Any]:
    """Return how an alias stands now: what the live part of its page shows."""
    named = whose(visit)
    alias, traffic, rollout = await together(
        visit.ask("GetAlias", **named),
        visit.ask(
            "GetTraffic",
            FunctionName=named["FunctionName"],
            Alias=named["Name"],
            Window=WINDOW_S,
        ),
        newest_rollout(visit),
    )
    return {
        "function": named["FunctionName"],
        "alias": alias,
        "shares": leads.shares(alias),
        "rules": leads.rules(alias),
        "sentence": routing.sentence(alias, visit.say),
        "lanes": lanes(alias, traffic["Lanes"]),
        "window": WINDOW_S,
        "now": traffic["Time"],
        "rollout": rollout if rollout and rollout["State"] in OWNING else None,
        "last": rollout,
        "routing": routing,
        "here": here(visit),
    }


async def newest_rollout(visit: Visit) -> Facts | None:
    """Return the rollout of the alias that began last, in short."""
    found = await visit.ask("ListRollouts", **whose(visit), Limit=1)
    return next(iter(found["Rollouts"]), None)


def lanes(alias: Facts, ways: Sequence[Facts]) -> list[dict[str, Any]]:
    """Return a row for each version that gets calls, or could: what it should have, and has."""
    by_version = {one["FunctionVersion"]: one for one in ways}
    total = sum(one["Calls"] for one in ways)
    known = [*leads.versions(alias), *by_version]
    asked = {} if leads.rules(alias) else leads.shares(alias)
    rows = []
    for version in dict.fromkeys(known):
        way = by_version.get(version)
        calls = way["Calls"] if way else 0
        rows.append(
            {
                "version": version,
                "share": asked.get(version, None if leads.rules(alias) else 0.0),
                "seen": calls / total if total else None,
                "calls": calls,
                "rate": calls / WINDOW_S,
                "errors": way["Errors"] if way else 0,
                "answered_5xx": way["Answered5xx"] if way else 0,
                "failed": way["Errors"] / calls if way and calls else 0.0,
                "throttled": way["Throttled"] if way else 0,
                "p50": way["DurationP50"] if way else None,
                "p99": way["DurationP99"] if way else None,
            }
        )
    return rows


def row(change: Facts, visit: Visit) -> dict[str, Any]:
    """Return a change as the history shows it."""
    return {
        **change,
        "changes": routing.changes(change["Before"], change["After"], visit.say),
        "can_undo": change["Before"] is not None and change["After"] is not None,
    }


async def preview(visit: Visit) -> Mapping[str, Any]:
    """Return what a form would change, before it is sent."""
    alias = await visit.ask("GetAlias", **whose(visit))
    kind = visit.wish("form", "weights")
    return {"preview": await previewed(visit, kind, _query(visit), alias), "alias": alias}


async def previewed(
    visit: Visit, kind: str, fields: Mapping[str, Sequence[str]], alias: Facts
) -> Mapping[str, Any]:
    """Return what the fields of a form would change, or why they cannot."""
    try:
        asked = routing.asked(kind, fields, alias)
        told = await visit.ask("GetAliasPreview", **whose(visit), **asked, **_caller(fields))
    except Refusal as refusal:
        return {"refused": refusal.message}
    return {
        "refused": "",
        **told,
        "sentence": routing.sentence(told["After"], visit.say),
        "changes": routing.changes(told["Before"], told["After"], visit.say),
        "shares": leads.shares(told["After"]),
        "rules": leads.rules(told["After"]),
    }


def _caller(fields: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the one caller that is asked for, who shows a value."""
    place, name, value = (next(iter(fields.get(f"try_{one}", ())), "").strip() for one in "pnv")
    if not value:
        return {}
    if place == routing.ADDRESS:
        return {"SourceIp": value}
    kinds = {"header": "Headers", "cookie": "Cookies", "query": "Query"}
    return {kinds[place]: {name: value}} if place in kinds and name else {}


def filled(alias: Facts, kind: str, fields: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what stands in the forms: what is, or what somebody began to fill in."""
    now = {**alias, **_begun(alias, kind, fields)}
    return {
        "main": now["FunctionVersion"],
        "weights": leads.weights(now),
        "rules": [
            {**rule, "place": routing.key(rule["Key"])[0], "name": routing.key(rule["Key"])[1]}
            for rule in leads.rules(now)
        ],
        "sticky": routing.key(alias["Sticky"]) if alias["Sticky"] else ("", ""),
        "places": (*routing.PLACES, routing.ADDRESS),
        "methods": routing.METHODS,
    }


def _begun(alias: Facts, kind: str, fields: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what the fields of a form ask for, or nothing where they cannot be read."""
    if kind not in ("weights", "rules"):
        return {}
    try:
        asked = routing.asked(kind, fields, alias)
    except Refusal:
        return {}
    empty: dict[str, Any] = {"AdditionalVersionWeights": [], "AddtionVersionMatchs": []}
    return {**asked, "RoutingConfig": empty | asked["RoutingConfig"]}


def _query(visit: Visit) -> dict[str, list[str]]:
    query = visit.request.query_params
    return {name: query.getlist(name) for name in query}


def _urls(triggers: Sequence[Facts], alias: str) -> list[str]:
    """Return the names of what leads callers to an alias."""
    return [one["TriggerName"] for one in triggers if one["Qualifier"] == alias]
