"""Opinion: what a judge says at a moment, and what it says it by."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """What the judge says."""

    NOT_YET = "not yet"
    FINE = "fine"
    WORSE = "worse"
    ASTRAY = "calls do not go where the weight says"
    SUSPECT = "suspect"  #: Said only of a candidate that answers all calls.


class Weighed(NamedTuple):
    """One metric: how much says that the candidate is worse. Logs, of which 0 says nothing."""

    name: str
    log: float
    enough: float  #: At this much it is taken back.
    #: Which share of the candidate's calls is at most bad beyond what is tolerated; None where
    #: that was not worked out, or nothing is compared.
    below: float | None = None
    is_equal: bool = True  #: Whether both versions report it equally often; else it says nothing.


class Waiting(NamedTuple):
    """What the weight waits for: how much there is of it, and how much there must be."""

    what: str  #: `time`, `calls`, `suspicion`, or the metric of which something is to be proved.
    has: float
    needs: float
    below: float = 0.0  #: What the excess is to be proved to be below, as a share of its calls.


class Opinion(NamedTuple):
    """What the judge says, and why: evidence as logs, of which 0 says nothing."""

    verdict: Verdict
    reason: str
    log_errors: float
    log_latency: float
    evidence: tuple[Weighed, ...] = ()
    waits: Waiting | None = None
    calls: int = 0  #: Of the candidate, since the rollout began.
    failed: int = 0
