"""Mismatch: whether calls go where the weight says; where they do not, no comparison is worth much.

A two-sided Beta-binomial mixture for each stretch of one weight (Lindon and Malek, NeurIPS 2022).
"""

from __future__ import annotations

import math

SPREAD = 100.0  #: How many calls the mixture's opinion is worth.


def log_mismatch(stretches: list[tuple[float, float, float]]) -> float:
    """Return the log of the evidence that weights are not kept.

    Each stretch is a weight, the calls of the candidate and those of the stable version.
    """
    return math.fsum(_of(*stretch) for stretch in stretches if 0 < stretch[0] < 1)


def _of(weight: float, candidate: float, stable: float) -> float:
    mine, theirs = SPREAD * weight, SPREAD * (1 - weight)
    return (
        _log_beta(mine + candidate, theirs + stable)
        - _log_beta(mine, theirs)
        - candidate * math.log(weight)
        - stable * math.log1p(-weight)
    )


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
