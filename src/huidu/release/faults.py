"""Faults: what may be wrong with a new version, by name or as in `0.1%->5%`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from huidu.model.errors import InvalidValue

USUAL = 0.001  #: The share of calls that fails anyway.
SAID = re.compile(
    r"(?P<stable>\d+(?:\.\d+)?)\s*%\s*->\s*(?P<candidate>\d+(?:\.\d+)?)\s*%"
    r"(?:\s+after\s+(?P<count>\d+)(?P<unit>[sm]))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How the candidate differs from the stable version."""

    stable: float = USUAL  #: The share of the stable version's calls that fails,
    failing: float = USUAL  #: and of the candidate's.
    slower: float = 1.0  #: So many times the duration,
    slow_share: float = 1.0  #: for such a share of the candidate's calls.
    after_s: float = 0.0  #: When it sets in.
    cold_s: float = 0.0  #: How long a third of the candidate's calls meets a cold instance.
    noise: float = 0.0  #: How far its instances are faster or slower by chance, as a deviation.
    #: Of both versions: how likely a call is to end its instance, and twenty with it.
    crashing: float = 0.0
    users: int = 0  #: So many stick to a version each; 0 where each call is routed for itself.
    poison: float = 0.0  #: The share of users all of whose calls fail, in both versions.

    @property
    def is_harmless(self) -> bool:
        """Whether the candidate is as good as the stable version."""
        return self.failing <= self.stable and self.slower <= 1

    def beyond_what_fails_anyway(self) -> Fault:
        """Return what is left to say of it where what fails anyway is known."""
        return replace(self, stable=0.0, failing=max(self.failing - self.stable, 0.0))


#: A row for each; `huidu rollout simulate --fault` takes these names.
FAULTS: Mapping[str, Fault] = {
    "healthy": Fault(),
    "cold": Fault(cold_s=60.0),
    "noise": Fault(noise=0.08),
    "crashes": Fault(crashing=0.0002),
    "poison": Fault(users=1000, poison=0.005),
    "one-percent": Fault(stable=0.01, failing=0.01),
    "one-to-two": Fault(stable=0.01, failing=0.02),
    "one-to-five": Fault(stable=0.01, failing=0.05),
    "to-five": Fault(failing=0.05),
    "one-to-twenty": Fault(stable=0.01, failing=0.2),
    "total": Fault(failing=1.0),
    "slow": Fault(slower=2.0),
    # Two calls in a hundred take eight times as long: that doubles the 99th percentile of the
    # usual spread and leaves its median alone.
    "p99-doubled": Fault(slower=8.0, slow_share=0.02),
    "late": Fault(failing=USUAL + 0.02, after_s=300.0),
}


def fault_of(text: str) -> Fault:
    """Read a fault, or raise `InvalidValue`: a name, `0.1%->5%`, or `0.1%->5% after 300s`."""
    said = text.strip()
    if said in FAULTS:
        return FAULTS[said]
    found = SAID.fullmatch(said)
    if found is None:
        raise _refusal(text, "no such fault")
    stable, failing = float(found["stable"]) / 100, float(found["candidate"]) / 100
    if max(stable, failing) > 1:
        raise _refusal(text, "at most 100% can fail")
    after_s = float(found["count"] or 0) * (60 if found["unit"] == "m" else 1)
    return Fault(stable=stable, failing=failing, after_s=after_s)


def _refusal(text: str, why: str) -> InvalidValue:
    return InvalidValue(
        "Fault",
        f"Fault {text[:80]!r}: {why}; say {', '.join(FAULTS)}, or shares of calls that fail, as in "
        "0.1%->5% or 0.1%->5% after 300s",
    )
