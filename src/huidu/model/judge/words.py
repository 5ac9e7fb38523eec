"""Words: what the judge knows, as short sentences for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from huidu.model.judge.opinion import Opinion, Verdict, Waiting, Weighed
from huidu.model.judge.tolerances import ERRORS, LATENCY

MOST = 1e6  #: Evidence of more than this is as good as certain, and is not spelled out.
LEAST = 0.00005  #: A share below this would read as nothing at all.

#: What the calls do that a metric counts, and what they are called.
BAD: Mapping[str, str] = {ERRORS: "fail", LATENCY: "are slow"}
EXTRA: Mapping[str, str] = {ERRORS: "extra failures", LATENCY: "extra slow calls"}


def sentences(opinion: Opinion) -> tuple[str, ...]:
    """Return what a judge says, the verdict first; without full stops, to be listed."""
    said = [VERDICTS[opinion.verdict](opinion)]
    if opinion.waits is not None:
        said.append(f"waits for {waiting(opinion.waits)}")
    said += [_evidence(one) for one in opinion.evidence]
    said += [_bound(one) for one in opinion.evidence if one.below is not None]
    return tuple(said)


def waiting(waits: Waiting) -> str:
    """Say what the weight waits for."""
    if waits.what == "time":
        return f"time: {waits.has:.0f} of {waits.needs:.0f} s at this weight"
    if waits.what == "calls":
        return f"calls: {waits.has:.0f} of {waits.needs:.0f} of the new version at this weight"
    if waits.what == "suspicion":
        return (
            f"suspicion to pass: evidence that it is worse is {amount(waits.has)}, and must be "
            f"below {amount(waits.needs)}"
        )
    return (
        f"proof that at most {share(waits.below)} more of its calls {_bad(waits.what)}: "
        f"{amount(waits.has)} of {amount(waits.needs)}"
    )


def amount(log: float) -> str:
    """Write evidence of which this is the log: what a bet of 1 has grown to."""
    value = math.exp(min(log, 700.0))
    if value >= MOST:
        return "over a million"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"  # noqa: PLR2004 - two digits, or whole


def share(value: float) -> str:
    """Write a share as percents, with as many digits as say something."""
    percent = max(value, LEAST) * 100
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.0f} %"  # noqa: PLR2004 - the same


def _evidence(one: Weighed) -> str:
    if not one.is_equal:
        return f"{one.name}: one version reports it more often than the other, so it says nothing"
    return (
        f"{one.name}: evidence that it is worse: {amount(one.log)} of {amount(one.enough)} needed"
    )


def _bound(one: Weighed) -> str:
    extra = EXTRA.get(one.name, f"extra calls that are worse by {one.name}")
    return f"{extra} below {share(one.below or 0.0)} of its calls"


def _bad(name: str) -> str:
    return BAD.get(name, f"are worse by {name}")


def _worse(opinion: Opinion) -> str:
    why = opinion.reason
    if why.startswith("absolute"):
        return f"the new version is taken back: {why}"
    return f"the new version is worse than the stable one: {why}"


def _not_yet(opinion: Opinion) -> str:
    said = f"{opinion.calls} calls of the new version"
    return f"not enough is known yet: {said}, {opinion.failed} failed"


VERDICTS: Mapping[Verdict, Callable[[Opinion], str]] = {
    Verdict.NOT_YET: _not_yet,
    Verdict.FINE: lambda _: "the new version is proved to be fine for the next weight",
    Verdict.WORSE: _worse,
    Verdict.ASTRAY: lambda _: "calls do not go where the weight says, so nothing can be compared",
    Verdict.SUSPECT: lambda opinion: f"the new version looks bad: {opinion.reason}",
}
