"""Leads: where an alias leads, as what the API answers of it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Alias = Mapping[str, Any]


def weights(alias: Alias) -> Sequence[Mapping[str, Any]]:
    """Return the shares of additional versions."""
    return list(alias["RoutingConfig"]["AdditionalVersionWeights"])


def rules(alias: Alias) -> Sequence[Mapping[str, str]]:
    """Return the rules."""
    return list(alias["RoutingConfig"]["AddtionVersionMatchs"])


def versions(alias: Alias) -> list[str]:
    """Return the versions that calls of an alias reach, the main one first."""
    rows = [*weights(alias), *rules(alias)]
    return list(dict.fromkeys([alias["FunctionVersion"], *(row["Version"] for row in rows)]))


def shares(alias: Alias) -> dict[str, float]:
    """Return the share of calls by version, the main one first, rules left aside."""
    found = {one["Version"]: float(one["Weight"]) for one in weights(alias)}
    return {alias["FunctionVersion"]: round(1 - sum(found.values()), 10), **found}
