"""Chance: how many of many, drawn at once and exactly; the dice are the caller's."""

from __future__ import annotations

from random import Random

SMALL = 20.0  #: Below it a Poisson draw multiplies, call by call.


def binomial(dice: Random, count: int, share: float) -> int:
    """Return how many of `count` calls hit, where each does with the chance `share`.

    A call hits where a number in [0, 1), drawn for it, is below the share. Both are compared bit by
    bit, all calls at once; half of those that are left are settled by each bit.
    """
    hits = 0
    while count and share > 0:
        if share >= 1:
            return hits + count
        ones = dice.getrandbits(count).bit_count()
        share *= 2
        if share >= 1:  # the share's bit is 1: whoever drew 0 is below it
            hits += count - ones
            count, share = ones, share - 1
        else:  # it is 0: whoever drew 1 is above it
            count -= ones
    return hits


def poisson(dice: Random, mean: float) -> int:
    """Return how many calls come within a while in which `mean` are expected.

    A large mean is halved (Ahrens and Dieter, 1974): the time of the m-th call is drawn, and what
    comes before or after it is a smaller question of the same kind.
    """
    if mean <= 0:
        return 0
    if mean < SMALL:
        return _by_gaps(dice, mean)
    middle = int(mean * 7 / 8)
    until = dice.gammavariate(middle, 1.0)
    if until > mean:
        return binomial(dice, middle - 1, mean / until)
    return middle + poisson(dice, mean - until)


def _by_gaps(dice: Random, mean: float) -> int:
    left, count = mean - dice.expovariate(1.0), 0
    while left > 0:
        left -= dice.expovariate(1.0)
        count += 1
    return count
