"""Turns: processes that share one exact split."""

from __future__ import annotations

import os
from collections import Counter

from huidu.invoke.routes import Target
from huidu.invoke.turns import Turns
from huidu.model.alias import RANDOM, Alias
from huidu.model.function import FunctionName
from huidu.model.routing import Share, Weighted
from huidu.model.traits import NO_TRAITS, Traits

NAMED = FunctionName("default", "hello")
HALF = Weighted((Share("2", 5000),))


def alias(routing: Weighted | None = HALF, split: str = "exact", sticky: str = "") -> Alias:
    return Alias(
        function=NAMED, name="live", version="1", routing=routing, split=split, sticky=sticky
    )


def target(of: Alias) -> Target:
    return Target(of, of.fresh())


def elsewhere(mine: Turns, count: int, of: Alias) -> tuple[int, int]:
    """Fork a process that takes so many turns; return it, and where it says what they were."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        theirs = target(of)
        theirs.turns = Turns(of, mine.shared, os.dup(mine.fd))
        said = "".join(theirs.route(NO_TRAITS, lambda: 0.5).version for _ in range(count))
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    return pid, reading


def test_each_turn_is_taken_once_however_many_take_turns_at_once() -> None:
    three_tenths = alias(Weighted((Share("2", 3000),)))
    here = target(three_tenths)
    before = [here.route(NO_TRAITS, lambda: 0.5).version for _ in range(7)]
    turns = here.share()
    assert turns is not None

    others = [elsewhere(turns, 5000, three_tenths) for _ in range(3)]
    counts = Counter(before + [here.route(NO_TRAITS, lambda: 0.5).version for _ in range(4993)])
    for pid, reading in others:
        with os.fdopen(reading) as said:
            counts.update(said.read())
        os.waitpid(pid, 0)

    assert counts == {"1": 14_000, "2": 6000}


def test_what_no_split_decides_takes_no_turn() -> None:
    shown, sticky = Traits(headers={"User": "Bob"}), alias(sticky="invoke.headers.User")
    here = target(sticky)
    turns = here.share()
    assert turns is not None
    at = os.lseek(turns.fd, 0, os.SEEK_CUR)

    here.route(shown, lambda: 0.5)
    here.foresee(NO_TRAITS, lambda: 0.5)
    assert os.lseek(turns.fd, 0, os.SEEK_CUR) == at
    here.route(NO_TRAITS, lambda: 0.5)
    assert os.lseek(turns.fd, 0, os.SEEK_CUR) == at + 1

    assert here.share() is turns
    assert target(alias(None)).share() is None
    assert target(alias(split=RANDOM)).share() is None
