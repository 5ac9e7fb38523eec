"""Portion: how many of some instances each of several processes may have."""

from __future__ import annotations

from collections.abc import Sequence


def portions(there: int, wanted: Sequence[int], first: int) -> Sequence[int]:
    """Share out what is there: nobody has two less than another and wants more.

    Nobody gets more than is wanted. What cannot be shared evenly goes to who is `first`, and those
    behind; to let that go round lets everybody have something, however little there is.
    """
    given = [0] * len(wanted)
    order = [(first + place) % len(wanted) for place in range(len(wanted))] if wanted else []
    while there > 0:
        hungry = [place for place in order if given[place] < wanted[place]]
        if not hungry:
            break
        for place in hungry[:there]:
            given[place] += 1
        there -= min(there, len(hungry))
    return given
