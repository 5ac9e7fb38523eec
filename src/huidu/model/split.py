"""The exact split: every call goes over with its probability, and the counts never drift.

Let `w` be the share of one side and `C(n)` its calls among the first `n`. Between `n·w` and
`C(n)` there is always less than one call, so that `C(n)` is the whole part of `n·w` or one more,
and it is one more with a probability that is just the fraction of `n·w`: then each single call
goes over with probability `w`, whatever came before is forgotten but for that one bit, and the
k-th call that goes over lies at a random place within the k-th stretch of `1/w` calls. Nothing
periodic in the traffic can line up with it.

More than two versions are a tree of such choices, halved at each level. A leaf's count is then
off by less than one, plus its share of what its parent is off by: less than two for up to four
versions, which is why there may not be more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, cast

#: Weights are kept in steps of a ten-thousandth (D-23), as whole numbers, so that nothing drifts.
WHOLE = 10_000
MOST_VERSIONS = 4


class Phase(NamedTuple):
    """Where one choice stands: the fraction of `n·w` in parts of the whole, and the one bit."""

    fraction: int = 0
    ahead: bool = False


def step(phase: Phase, part: int, whole: int, draw: float) -> tuple[bool, Phase]:
    """Decide one call: whether it goes to the side whose share is `part` of `whole`.

    `draw` is uniform in [0, 1). Returns the decision and the phase for the next call.
    """
    fraction, ahead = phase
    after = fraction + part
    if after < whole:  # n·w stays between the same whole numbers: at most one call may go over
        over = not ahead and draw * (whole - fraction) < part
        return over, Phase(after, ahead or over)
    after -= whole  # n·w passes a whole number: who is not ahead must go over
    over = not ahead or draw * fraction < after
    return over, Phase(after, ahead and over)


@dataclass(frozen=True, slots=True)
class Fork:
    """A choice between two groups of versions."""

    left: Fork | str
    right: Fork | str
    part: int  #: What goes left, of `whole`.
    whole: int
    index: int  #: Its place among the phases.


def fork(versions: Sequence[str], weights: Sequence[int], first: int = 0) -> Fork | str:
    """Build the tree of choices over versions with these weights (at least one is not 0)."""
    if len(versions) == 1:
        return versions[0]
    half = (len(versions) + 1) // 2
    left = fork(versions[:half], weights[:half], first + 1)
    right = fork(versions[half:], weights[half:], first + half)
    return Fork(left, right, sum(weights[:half]), sum(weights), first)


Phases = tuple[Phase, ...]


def fresh(versions: int) -> Phases:
    """The phases from which a new split begins: it owes nobody anything."""
    return (Phase(),) * (versions - 1)


def deal(tree: Fork | str, phases: Phases, draw: float) -> tuple[str, Phases]:
    """Choose the version of one call with one draw; return it and the phases that follow."""
    if len(phases) == 1 and isinstance(tree, Fork):  # Two versions: nothing is left to choose.
        over, after = step(phases[0], tree.part, tree.whole, draw)
        return cast("str", tree.left if over else tree.right), (after,)
    moved = list(phases)
    while isinstance(tree, Fork):
        phase = moved[tree.index]
        over, moved[tree.index] = step(phase, tree.part, tree.whole, draw)
        draw = _remainder(phase, tree.part, tree.whole, draw, over=over)
        tree = tree.left if over else tree.right
    return tree, tuple(moved)


def _remainder(phase: Phase, part: int, whole: int, draw: float, *, over: bool) -> float:
    """What a draw still holds after a decision: again uniform, and independent of the decision."""
    chance = odds(phase, part, whole)
    rest = draw / chance if over else (draw - chance) / (1 - chance)
    return min(max(rest, 0.0), 1 - 2**-53)


def odds(phase: Phase, part: int, whole: int) -> float:
    """The probability that the very next call goes over, given where the choice stands."""
    fraction, ahead = phase
    after = fraction + part
    if after < whole:
        return 0.0 if ahead else part / (whole - fraction)
    return (after - whole) / fraction if ahead else 1.0


class Draws(Protocol):
    """Chance, which says the same to whoever asks anew from the start."""

    def random(self) -> float: ...


LEAST_BLOCK = 256


class Chain:
    """A split by the numbers of its calls: what the n-th call meets is the same for all who ask.

    So processes that share nothing but how many calls there were deal as one. Each works out what
    the calls of the others met; where it has missed many, it goes on from where the split owes
    nobody anything, as it does after each `period`. `draws` has the chance of each block of calls.
    It begins at a place below the period where the split may be amid something.
    """

    def __init__(
        self, tree: Fork | str, place: int, phases: Phases, draws: Callable[[int], Draws]
    ) -> None:
        self._tree = tree
        self._draws = draws
        self._first = place, phases
        period = self.period(tree)
        self._length = period * -(-LEAST_BLOCK // period)
        self._fresh: Phases = (Phase(),) * len(phases)
        self._block, self._place, self._phases = -1, 0, phases
        self._chance, self._draw = draws(0), 0.0

    @staticmethod
    def period(tree: Fork | str) -> int:
        """Return after how many calls every version has had just its share."""
        weights = _weights(tree)
        return sum(weights) // math.gcd(*weights)

    def at(self, number: int) -> tuple[float, Phases]:
        """Return the draw of a call, and where the split stands just before it.

        To ask for a number below one that was asked for before costs the work of a whole block.
        """
        block, place = divmod(number, self._length)
        if block != self._block or place < self._place:
            self._begin(block)
        while self._place < place:
            _, self._phases = deal(self._tree, self._phases, self._draw)
            self._draw = self._chance.random()
            self._place += 1
        return self._draw, self._phases

    def _begin(self, block: int) -> None:
        self._block, self._chance = block, self._draws(block)
        self._place, self._phases = (0, self._fresh) if block else self._first
        self._draw = self._chance.random()


def _weights(tree: Fork | str) -> Sequence[int]:
    """Return the weights of the leaves of a tree, those without any left out."""
    if isinstance(tree, str):
        return [1]
    found: list[int] = []
    for side, weight in ((tree.left, tree.part), (tree.right, tree.whole - tree.part)):
        if weight:
            found += [weight] if isinstance(side, str) else _weights(side)
    return found


def write_phases(phases: Phases) -> str:
    """Return phases as text: `3000+ 0-`, the fraction and whether the split is one ahead."""
    return " ".join(f"{phase.fraction}{'+' if phase.ahead else '-'}" for phase in phases)


def read_phases(text: str) -> Phases:
    """Return the phases that `write_phases` wrote."""
    return tuple(Phase(int(word[:-1]), word[-1] == "+") for word in text.split())
