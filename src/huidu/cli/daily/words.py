"""Words: how an alias is told of, and how shares and rules are written on the command line.

Pure: texts in, values out. What is wrong is a `ValueError` that says what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from huidu.actions.leads import Alias, rules, weights
from huidu.cli.rollout.words import clean
from huidu.model.amount import percent

SHARE = re.compile(
    r"(?P<version>[^@\s]+)@(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(?P<percent>%?)"
)
SHORT = {"header": "invoke.headers", "cookie": "invoke.cookies", "query": "invoke.query"}
LONG = {place: short for short, place in SHORT.items()}
ADDRESS, ITS_KEY = "ip", "invoke.source_ip"
RULE = re.compile(
    r"\s*(?P<key>ip|(?:header|cookie|query):[A-Za-z0-9_.-]+)\s*"
    r"(?P<sign>\^=|=~|=|~|\s+in\s+)\s*(?P<value>.*?)\s*(?:->|→|\s+to\s+)\s*(?P<version>\S+)\s*",
    re.DOTALL,
)
METHODS = {"=": "exact", "^=": "prefix", "~": "regex", "=~": "regex"}
SIGNS = {"exact": " = ", "prefix": " ^= ", "regex": " ~ ", "in": " in ", "range": " in "}
RANGE = re.compile(r"[\[(].*,.*[\])]")
KEY = re.compile(r"(?P<short>header|cookie|query):(?P<name>[A-Za-z0-9_.-]+)")
HOW_RULE = (
    "must read KEY=VALUE -> VERSION, as in 'header:User=Bob -> 2'; KEY is header:NAME, "
    "cookie:NAME, query:NAME or ip, and instead of = there are ^= (begins with), ~ (an expression "
    "of RE2), 'in a,b' and 'in [1,50]'"
)


def share(text: str) -> dict[str, Any]:
    """Return the share of an additional version: of `2@10%` or `2@0.1`."""
    found = SHARE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text}: must read VERSION@SHARE, as in 2@10% or 2@0.1")
    weight = float(found["number"]) / (100 if found["percent"] else 1)
    if weight > 1:
        more = (
            "" if found["percent"] else f"; say {found['version']}@{found['number']}% for percent"
        )
        raise ValueError(f"{text}: at most all calls can go to it{more}")
    return {"Version": found["version"], "Weight": round(weight, 10)}


def key(text: str) -> str:
    """Return a key as the API spells it: of `header:User`, `ip`, or as it is spelled there."""
    if text == ADDRESS:
        return ITS_KEY
    found = KEY.fullmatch(text)
    return f"{SHORT[found['short']]}.{found['name']}" if found else text


def rule(text: str) -> dict[str, str]:
    """Return a rule as the API takes it: of `header:User=Bob -> 2`."""
    found = RULE.fullmatch(text)
    if found is None:
        if text.rstrip().endswith(" -"):
            raise ValueError(
                f"{text}: the shell took what was behind the '>' for a file; put the rule in "
                "quotes, or say 'to' instead of '->'"
            )
        raise ValueError(f"{text}: {HOW_RULE}")
    sign, value = found["sign"].strip(), found["value"]
    method = METHODS.get(sign) or ("range" if RANGE.fullmatch(value) else "in")
    return {
        "Version": found["version"],
        "Key": key(found["key"]),
        "Method": method,
        "Expression": value,
    }


def shown_key(text: str) -> str:
    """Return a key as it is written on the command line."""
    if text == ITS_KEY:
        return ADDRESS
    parts = text.split(".")
    place, name = ".".join(parts[:2]), ".".join(parts[2:])
    return f"{LONG[place]}:{name}" if place in LONG else text


def shown_rule(one: Mapping[str, str]) -> str:
    """Return a rule as it is written on the command line."""
    sign = SIGNS.get(one["Method"], f" {one['Method']} ")
    return clean(f"{shown_key(one['Key'])}{sign}{one['Expression']} -> {one['Version']}")


def in_words(alias: Alias | None) -> str:
    """Say in one line where the calls of an alias go."""
    if alias is None:
        return "no alias"
    main = alias["FunctionVersion"]
    parts = [f"{percent(one['Weight'])} to version {one['Version']}" for one in weights(alias)]
    parts += [shown_rule(one) for one in rules(alias)]
    said = (
        f"{', '.join(parts)}, the rest to version {main}"
        if parts
        else f"all calls to version {main}"
    )
    if alias["Sticky"]:
        said += f"; sticky by {shown_key(alias['Sticky'])}"
    if alias["Split"] != "exact":
        said += f"; {alias['Split']} split"
    return clean(said)
