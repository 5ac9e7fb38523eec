"""Routing: how an alias shares its calls between versions, and why a call went where it went."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from huidu.model.errors import InvalidValue
from huidu.model.rules import Rule
from huidu.model.split import WHOLE, Phases

MOST_RULES = 100


#: Why a retry of an event went where it did.
STAYS = "stays on the version that had it first"


class Decision(NamedTuple):
    """Which version answers a call, and why.

    `probability` is the one with which this version was chosen before the draw: the weight, and 1
    where nothing was left to chance. `draw` is what decided: a random number in [0, 1), or where
    the sticky key lies. `phases` is where the exact split stood just before, so that a decision
    can be worked out again. `sticky_key` is the key as the call showed it: it may name a person,
    and is kept by nobody but as `sealed` writes it.
    """

    version: str
    reason: str
    probability: float = 1.0
    draw: float | None = None
    phases: Phases = ()
    sticky_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One thing that was weighed on the way to a decision, for a person to read."""

    version: str
    what: str  #: `rule 1: invoke.headers.User exact Bob`, `weight 0.1`, `main version`, ...
    chosen: bool
    why: str


@dataclass(frozen=True, slots=True)
class Share:
    """What an additional version gets, in ten-thousandths of the calls."""

    version: str
    weight: int

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= WHOLE:
            raise _no_weight(self.weight / WHOLE)

    @property
    def fraction(self) -> float:
        """The share as the API writes it: the shortest decimal."""
        return self.weight / WHOLE


def weight_of(fraction: float) -> int:
    """Return a weight in ten-thousandths from a fraction, or raise `InvalidValue` (D-23)."""
    if not 0 <= fraction <= 1:  # not a number is not in there either
        raise _no_weight(fraction)
    weight = round(fraction * WHOLE)
    if fraction and not weight:
        raise _no_weight(fraction)
    return weight


def _no_weight(fraction: float) -> InvalidValue:
    return InvalidValue(
        "AdditionalVersionWeights",
        f"Weight {str(fraction)[:40]}: must be 0, or a number from {1 / WHOLE} to 1, as in 0.1 "
        "for a tenth of the calls",
    )


@dataclass(frozen=True, slots=True)
class Weighted:
    """Each additional version gets its share of the calls; the main version gets the rest."""

    shares: tuple[Share, ...]

    def __post_init__(self) -> None:
        total = sum(share.weight for share in self.shares)
        if total > WHOLE:
            raise InvalidValue(
                "AdditionalVersionWeights",
                f"Weight: the weights add up to {total / WHOLE}, at most 1 is possible",
            )
        _once_each([share.version for share in self.shares])

    @property
    def versions(self) -> frozenset[str]:
        """The additional versions, those with weight 0 included (D-06)."""
        return frozenset(share.version for share in self.shares)


@dataclass(frozen=True, slots=True)
class Ruled:
    """The first rule that a call meets decides; the main version gets the rest."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if len(self.rules) > MOST_RULES:
            raise InvalidValue(
                "RoutingConfig",
                f"AddtionVersionMatchs: {len(self.rules)} rules, at most {MOST_RULES}",
            )

    @property
    def versions(self) -> frozenset[str]:
        """The additional versions."""
        return frozenset(rule.version for rule in self.rules)


Routing = Weighted | Ruled


def routing_of(shares: Sequence[Share], rules: Sequence[Rule]) -> Routing | None:
    """Return the routing that weights or rules ask for, or None where there are neither."""
    if shares and rules:
        raise InvalidValue(
            "RoutingConfig",
            "RoutingConfig: AdditionalVersionWeights and AddtionVersionMatchs exclude each other; "
            "send one of them",
        )
    if shares:
        return Weighted(tuple(shares))
    return Ruled(tuple(rules)) if rules else None


def _once_each(versions: Sequence[str]) -> None:
    twice = {version for version in versions if versions.count(version) > 1}
    if twice:
        raise InvalidValue(
            "RoutingConfig",
            f"AdditionalVersionWeights: version {min(twice)[:80]} is named twice; give it one "
            "weight",
        )


def place_of(salt: str, value: str) -> float:
    """Return where a sticky key lies in [0, 1): the same for the same salt, else unrelated."""
    text = f"{salt}\n{value}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)  # as many bits as a float holds


def sealed(sticky_key: str, function_id: str, salt: bytes) -> str:
    """Return what is kept of a sticky key: the same for the same key of one function.

    Without the salt, of at most 64 bytes, nobody can try which key it was.
    """
    text = f"{function_id}\n{sticky_key}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16, key=salt).hexdigest()
