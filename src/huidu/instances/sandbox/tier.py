"""Tier: how well instances are sealed off on this machine, found by trying it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huidu.instances.network.networks import NoEgress
from huidu.instances.sandbox.table import BY_NAME, TABLE, Closing, Ground, Row
from huidu.instances.starting import Launcher
from huidu.model import network as modes

BEST = "best"


class TooWeak(OSError):
    """This machine cannot seal instances off as the operator requires."""


@dataclass(frozen=True, slots=True)
class Tier:
    """What keeps instances apart here, and what is missing from it, each with its reason."""

    name: str
    network: str
    missing: tuple[str, ...] = ()


async def choose(
    wanted: str, require: str, ground: Ground
) -> tuple[Launcher, Closing | None, Tier]:
    """Return the best launcher that works here, the same if it is to be closed, and what it does.

    `wanted` is `best`, or the name of a tier, which is then tried and no other. Raises `TooWeak`
    where what works is less than is required, or is not what was named; `NoEgress` where the
    network is required, and cannot be had.
    """
    refusals: list[str] = []
    for row in candidates(wanted):
        if row.stands_below(require):
            break
        try:
            opened = await row.attempt(ground)
        except (OSError, TimeoutError) as error:
            refusals.append(f"{row.name}: {reason(error)}")
        else:
            tier = Tier(row.name, opened.network, (*opened.missing, *refusals))
            return opened.launcher, opened.closing, tier
    if ground.network == modes.EGRESS:
        raise NoEgress(f"network = egress is required, but cannot be had: {'; '.join(refusals)}")
    raise TooWeak(_why(wanted, require, refusals))


def candidates(wanted: str) -> Sequence[Row]:
    """Return the rows to try, best first."""
    if wanted == BEST:
        return [row for row in TABLE if row.by_itself]
    return [BY_NAME[wanted]]


def reason(error: BaseException) -> str:
    """Return why a tier cannot be had, as a person reads it."""
    return "it took too long" if isinstance(error, TimeoutError) else str(error)


def _why(wanted: str, require: str, refusals: Sequence[str]) -> str:
    if wanted == BEST or BY_NAME[wanted].stands_below(require):
        asked = f"tier {require} is required"
        if not refusals:
            refusals = [f"tier = {wanted} gives less at best; say tier = {_asking(require)}"]
    else:
        asked = f"tier = {wanted} was asked for"
    return f"{asked}, but cannot be had: {'; '.join(refusals)}"


def _asking(require: str) -> str:
    return BEST if BY_NAME[require].by_itself else require
