"""The law that the tests stand on: as long as the claim holds, evidence is 1 on the average."""

from __future__ import annotations

import math
from itertools import product

import pytest

from huidu.model.judge.claim import Claim, Counts
from huidu.model.judge.evidence import Evidence, Tally

#: The share of the candidate at each of five calls, and the stable version's rate of bad ones.
WEIGHTS = (0.05, 0.05, 0.25, 0.5, 0.25)
RATES = (0.02, 0.3, 0.02, 0.1, 0.45)
#: Who answers, and how.
CELLS = [Counts(*(int(cell == one) for one in range(4))) for cell in range(4)]


@pytest.mark.parametrize(
    "claim",
    [
        Claim(worse=True, ratio=1.1, margin=0.0005),
        Claim(worse=True, center=0.5),
        Claim(worse=True, ratio=1.5, margin=0.01, center=0.05),
    ],
)
def test_by_chance_alone_evidence_stays_what_it_was_over_epochs_and_weights(claim: Claim) -> None:
    mean = 0.0
    for outcome in product(range(4), repeat=len(WEIGHTS)):
        evidence, chance = Evidence(claim), 1.0
        for number, cell in enumerate(outcome):
            weight, stable = WEIGHTS[number], RATES[number]
            candidate = claim.ratio * stable + claim.margin  # just what is tolerated
            who = weight if cell < 2 else 1 - weight
            bad = candidate if cell < 2 else stable
            chance *= who * (bad if cell in (0, 2) else 1 - bad)
            evidence.add(weight, CELLS[cell])
            if number in (1, 2):
                evidence.begin_epoch()
        mean += chance * math.exp(evidence.log)
    assert mean == pytest.approx(1.0, abs=1e-12)


def test_where_there_is_nothing_to_compare_nothing_is_learned() -> None:
    evidence, tally = Evidence(Claim(worse=True)), Tally()
    for weight in (0.0, 1.0):
        evidence.add(weight, Counts(5, 5, 5, 5))
        tally.add(weight, Counts(5, 5, 5, 5))
    assert evidence.log == pytest.approx(0.0, abs=1e-12)
    assert tally.total == Counts()
