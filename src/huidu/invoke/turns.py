"""Turns: one exact split for all processes that answer calls through an alias."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from huidu.model.alias import Alias
from huidu.model.split import Chain, Phases


@dataclass(frozen=True, slots=True)
class Shared:
    """What processes must know to take turns: where the split stood, and what chance says of it."""

    seed: int
    place: int  #: How many turns had been taken, by one process alone.
    phases: Phases


class Turns:
    """Deals the calls of an alias, each turn to one of the processes that share it.

    A turn is a number, and what it means is the same wherever it is taken, so nobody waits for
    anybody and nothing is held by a process that may end. The number is where a file stands that
    all of them have open: the kernel moves that in one step (`lseek`, of a file that was opened
    and not merely made: a `memfd` as it is made is not moved so; both were tried).
    """

    def __init__(self, alias: Alias, shared: Shared, fd: int) -> None:
        """Share what `fd` counts, which is ours from now on."""
        self.shared = shared
        self.fd = fd
        draws = partial(_draws, shared.seed)  # not of ours: a circle would keep the file open
        self._chain = Chain(alias.tree, shared.place, shared.phases, draws)

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self.fd)

    @classmethod
    def begin(cls, alias: Alias, dealt: int, phases: Phases) -> Turns:
        """Go on with a split that one process dealt so far: so many calls, to this point."""
        made = os.memfd_create("turns", os.MFD_CLOEXEC)
        try:
            fd = os.open(f"/proc/self/fd/{made}", os.O_RDWR | os.O_CLOEXEC)
        finally:
            os.close(made)
        place = dealt % Chain.period(alias.tree)
        os.lseek(fd, place, os.SEEK_SET)
        return cls(alias, Shared(random.SystemRandom().getrandbits(128), place, phases), fd)

    def take(self) -> tuple[float, Phases]:
        """Take the next turn; return its draw, and where the split stands just before it."""
        return self._chain.at(os.lseek(self.fd, 1, os.SEEK_CUR) - 1)

    def foresee(self) -> Phases:
        """Return where the split stands."""
        return self._chain.at(os.lseek(self.fd, 0, os.SEEK_CUR))[1]


def _draws(seed: int, block: int) -> random.Random:
    return random.Random(seed << 64 | block)  # noqa: S311 - it is seeded well
