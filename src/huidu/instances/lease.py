"""Lease: what another process must know of an instance that it borrows."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.instances.lines import BEGUN, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An instance as it is lent; its channel and the pipe that it prints into go beside this."""

    name: str
    pid: int
    fresh: bool  #: Whether it has run no call yet.
    init_ms: float
    ahead: int  #: How many calls it takes before it has answered the one that runs.
    exhausted: str  #: What its language prints where it ends by itself for want of memory.
    place: Place  #: Of its pipe.


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The same as it comes back."""

    name: str
    fresh: bool = False
    took_s: float = 0.0  #: How long its last call took.
    place: Place = BEGUN
    sound: bool = False  #: Whether it can take another call.
