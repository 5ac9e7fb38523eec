"""Warmth: how many instances a version is to have before an alias sends it calls."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

from huidu.model.alias import Alias
from huidu.model.routing import Ruled
from huidu.model.split import WHOLE

MOST_WARMED = 10  #: More are started as the calls come.


def reach(alias: Alias) -> Mapping[str, Fraction]:
    """Return which versions a call may reach, each with the share of calls that is certain.

    Nobody can tell how many calls meet a rule: the main version counts as if none did.
    """
    if isinstance(alias.routing, Ruled):
        ruled = dict.fromkeys((rule.version for rule in alias.routing.rules), Fraction(0))
        return ruled | {alias.version: Fraction(1)}
    return {s.version: Fraction(s.weight, WHOLE) for s in alias.shares if s.weight}


def wanted(before: Alias | None, after: Alias, held: Mapping[str, int]) -> Mapping[str, int]:
    """Return how many instances each version should have for which the move means more calls.

    `held` are the instances that each version has now. What serves the alias today is shared out
    as the calls will be; a version that calls may reach has one at least.
    """
    was = reach(before) if before else {}
    busy_with_it = sum(held.get(version, 0) for version in was)
    return {
        version: min(MOST_WARMED, max(1, ceil(share * busy_with_it)))
        for version, share in reach(after).items()
        if version not in was or share > was[version]
    }
