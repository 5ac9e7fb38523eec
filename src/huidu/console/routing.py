"""Routing, as pages show it: shares, rules, what changed, and what forms ask for.

Pure: what the API tells in, texts and questions out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from math import isfinite, nan
from typing import Any

from huidu.actions.leads import Alias, rules, weights
from huidu.model.amount import percent
from huidu.model.errors import InvalidValue

Fields = Mapping[str, Sequence[str]]
Say = Callable[..., str]
ADDRESS = "ip"
PLACES: Mapping[str, str] = {
    "header": "invoke.headers",
    "cookie": "invoke.cookies",
    "query": "invoke.query",
}
METHODS = ("exact", "prefix", "regex", "in", "range")
SIGNS = {"exact": "=", "prefix": "^=", "regex": "~", "in": "in", "range": "in"}


def key(text: str) -> tuple[str, str]:
    """Return where a key looks, in short, and the name that it looks for there."""
    if text == "invoke.source_ip":
        return ADDRESS, ""
    for short, long in PLACES.items():
        if text.startswith(f"{long}."):
            return short, text.removeprefix(f"{long}.")
    return text, ""


def shown_key(text: str) -> str:
    """Return a key as people write it."""
    return ":".join(filter(None, key(text)))


def shown_rule(rule: Mapping[str, str]) -> str:
    """Return when a rule is met."""
    sign = SIGNS.get(rule["Method"], rule["Method"])
    return f"{shown_key(rule['Key'])} {sign} {rule['Expression']}"


def sentence(alias: Alias, say: Say) -> str:
    """Say where the calls of an alias go."""
    main = alias["FunctionVersion"]
    parts = [
        say("{share} to version {version}", share=percent(one["Weight"]), version=one["Version"])
        for one in weights(alias)
    ]
    parts += [
        say("{rule} to version {version}", rule=shown_rule(one), version=one["Version"])
        for one in rules(alias)
    ]
    if not parts:
        return say("All calls go to version {version}.", version=main)
    return say("{parts}, the rest to version {version}.", parts=", ".join(parts), version=main)


def changes(before: Alias | None, after: Alias | None, say: Say) -> list[tuple[str, str, str]]:
    """Return what a change changed: what, what it was, and what it is."""
    if before is None or after is None:
        said = say("made") if after else say("deleted")
        return [(said, "", sentence(after, say) if after else "")]
    found = []
    if before["FunctionVersion"] != after["FunctionVersion"]:
        found.append((say("main version"), before["FunctionVersion"], after["FunctionVersion"]))
    had = {one["Version"]: percent(one["Weight"]) for one in weights(before)}
    has = {one["Version"]: percent(one["Weight"]) for one in weights(after)}
    found += [
        (say("version {version}", version=one), had.get(one, "–"), has.get(one, "–"))
        for one in dict.fromkeys([*had, *has])
        if had.get(one) != has.get(one)
    ]
    old, new = ([_arrow(rule) for rule in rules(one)] for one in (before, after))
    found += [(say("rule"), one, "–") for one in old if one not in new]
    found += [(say("rule"), "–", one) for one in new if one not in old]
    for name, said in (("Sticky", say("sticky by")), ("Split", say("split"))):
        if before[name] != after[name]:
            was, now = (shown_key(one[name]) or "–" for one in (before, after))
            found.append((said, was, now))
    if before["Description"] != after["Description"]:
        found.append((say("description"), before["Description"], after["Description"]))
    return found


def _arrow(rule: Mapping[str, str]) -> str:
    return f"{shown_rule(rule)} → {rule['Version']}"


def asked(kind: str, fields: Fields, present: Alias) -> dict[str, Any]:
    """Return what a form asks of `UpdateAlias`, beside what every one of them asks."""
    if kind not in FORMS:
        raise InvalidValue("form", f"form {kind[:40]!r}: must be one of {', '.join(FORMS)}")
    return FORMS[kind](fields, present)


def _weights(fields: Fields, present: Alias) -> dict[str, Any]:
    rows = zip_longest(fields.get("version", ()), fields.get("weight", ()), fillvalue="")
    found = [
        {"Version": version.strip(), "Weight": _weight(weight)}
        for version, weight in rows
        if version.strip()
    ]
    return {
        "FunctionVersion": _first(fields, "main") or present["FunctionVersion"],
        "RoutingConfig": {"AdditionalVersionWeights": found},
        "Split": _first(fields, "split") or None,
    }


def _weight(text: str) -> float:
    try:
        share = float(text.strip().removesuffix("%") or "0")
    except ValueError:
        share = nan
    if not isfinite(share):
        raise InvalidValue(
            "AdditionalVersionWeights", f"Weight {text[:40]!r}: must be a number of percent, as 10"
        )
    return round(share / 100, 10)


def _rules(fields: Fields, present: Alias) -> dict[str, Any]:
    names = ("place", "name", "method", "expression", "to")
    rows = zip_longest(*(fields.get(name, ()) for name in names), fillvalue="")
    found = [
        {"Key": _key(place, name), "Method": method, "Expression": expression, "Version": to}
        for place, name, method, expression, to in ([one.strip() for one in row] for row in rows)
        if expression or to
    ]
    return {
        "FunctionVersion": _first(fields, "main") or present["FunctionVersion"],
        "RoutingConfig": {"AddtionVersionMatchs": found},
    }


def _sticky(fields: Fields, present: Alias) -> dict[str, Any]:
    place = _first(fields, "place")
    return {
        "FunctionVersion": present["FunctionVersion"],
        "RoutingConfig": present["RoutingConfig"],
        "Sticky": _key(place, _first(fields, "name")) if place else "",
    }


def _key(place: str, name: str) -> str:
    return "invoke.source_ip" if place == ADDRESS else f"{PLACES.get(place, place)}.{name}"


def _first(fields: Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "").strip()


#: What each form makes of its fields. A new one is a function and a row.
FORMS: Mapping[str, Callable[[Fields, Alias], dict[str, Any]]] = {
    "weights": _weights,
    "rules": _rules,
    "sticky": _sticky,
}
