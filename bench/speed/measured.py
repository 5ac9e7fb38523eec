"""Measured: all ways by turns, round after round, so that a slow moment hits all of them."""

from __future__ import annotations

import http.client
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.cold import Unmeasured
from bench.speed import ceilings, crushed, machine, moved, peers, started, wrk
from bench.speed.found import Found, Round, Tell
from bench.speed.places import Place
from bench.speed.stages import stages
from bench.speed.ways import HANDLER, WAYS, Way, key
from bench.speed.wrk import Ask, Unusable

OK = 200
COLD, MOVES, CRUSH = "cold", "moves", "crush"
#: What is measured beside the ways, and can be named as they can.
BESIDE = (COLD, MOVES, CRUSH)
SETTLING_CALLS = 20
DESCRIPTORS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    rounds: int = 5
    seconds: float = 2.0  #: Of each turn.
    functions: int = 10_000
    changes: int = 200  #: Of an alias, with and without as many functions beside it.
    starts: int = 50
    crushes: int = 3
    crush_s: float = 5.0
    warmth: float = 1.0  #: How much of the time that each way is given to warm up.


#: Whether all works, in less than a minute.
QUICK = Extent(
    rounds=1, seconds=0.5, functions=200, changes=20, starts=3, crushes=1, crush_s=1.0, warmth=0.4
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement of a way in a round."""

    way: Way
    connections: int


def turns(ways: Sequence[Way], number: int) -> Iterator[Turn]:
    """Yield the turns of a round; every other round goes backwards, so nobody is always first."""
    order = ways if number % 2 == 0 else ways[::-1]
    for way in order:
        yield from (Turn(way, few) for few in way.connections)
    for again in range(1, max((way.turns for way in ways), default=0)):
        close = [way for way in order if way.turns > again]
        yield from (Turn(way, way.most) for way in (close[::-1] if again % 2 else close))


def settle(ask: Ask) -> None:
    """Call a few times over one connection, from the first good answer on, or raise `Unusable`.

    When wrk ends, it leaves calls that are under way; so nothing is measured before its server has
    an instance again.
    """
    where = urlsplit(ask.url)
    until, wrong, right = time.monotonic() + 20, "", 0
    while right < SETTLING_CALLS:
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        try:
            while right < SETTLING_CALLS:
                connection.request(ask.method, where.path, ask.body or None, dict(ask.headers))
                answer = connection.getresponse()
                said = answer.read().decode(errors="replace")
                if answer.status != OK or ask.good not in said:
                    wrong = f"status {answer.status}: {said[:200]}"
                    break
                right += 1
        except (OSError, http.client.HTTPException) as error:
            wrong = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        if time.monotonic() > until:
            raise Unusable(wrong or "it is too slow")


class Run:
    """What is up, and what was found of it so far."""

    def __init__(self, found: Found, places: Mapping[str, Place], tell: Tell) -> None:
        self._found = found
        self._places = places
        self._tell = tell

    def _ask(self, way: Way) -> Ask:
        return self._places[way.at].asks[way.name]()

    def warm(self, ways: Sequence[Way], warmth: float) -> None:
        """Call each way, looking into every answer; leave out what does not answer well."""
        for way in ways:
            if way.name == HANDLER or way.at not in self._places:
                continue
            self._tell(f"warming {way.name}")
            try:
                self._check(way, way.warm_s * warmth)
            except Unusable as error:
                self._found.missing[way.name] = str(error)

    def _check(self, way: Way, seconds: float) -> None:
        settle(self._ask(way))
        with suppress(Unusable):  # of what has to start a process for each, none may have answered
            wrk.run(self._ask(way), way.most, seconds)
        warm = wrk.run(self._ask(way), way.most, seconds, check=True)
        if warm.errors:
            raise Unusable(f"{warm.errors} of {warm.calls} calls had no good answer")

    def take(self, turn: Turn, seconds: float) -> None:
        """Measure once."""
        way = turn.way
        if way.name in self._found.missing or (way.name != HANDLER and way.at not in self._places):
            return
        try:
            taken = self._handled(seconds) if way.name == HANDLER else self._called(turn, seconds)
        except Unusable as error:
            self._found.missing[way.name] = str(error)
        else:
            self._found.ways.setdefault(key(way.name, turn.connections), []).append(taken)

    @staticmethod
    def _handled(seconds: float) -> Round:
        load = ceilings.handled(min(seconds, 0.5))
        each = load.p50_us
        return Round(
            calls_a_second=load.calls_a_second, p50_us=each, p99_us=each, cpu_us=each, errors=0
        )

    def _called(self, turn: Turn, seconds: float) -> Round:
        place, ask = self._places[turn.way.at], self._ask(turn.way)
        settle(ask)
        before = place.cpu_s()
        load = wrk.run(ask, turn.connections, seconds)
        return Round(
            calls_a_second=load.calls_a_second,
            p50_us=load.p50_us,
            p99_us=load.p99_us,
            cpu_us=(place.cpu_s() - before) * 1e6 / load.calls,
            errors=load.errors,
        )


def measure(extent: Extent, only: Sequence[str], tell: Tell, step: Tell) -> Found:
    """Measure all, or what is named; `step` hears of each turn."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, DESCRIPTORS), hard))
    ways = [way for way in WAYS if not only or way.name in only]
    found = Found(
        date=machine.today(),
        machine=machine.facts(),
        versions={**machine.versions(), **peers.versions()},
        rounds=extent.rounds,
        seconds=extent.seconds,
        functions=extent.functions,
    )
    with ExitStack() as up:
        opened = _open({way.at for way in ways if way.name != HANDLER}, extent, found, up, tell)
        run = Run(found, opened, tell)
        run.warm(ways, extent.warmth)
        for number in range(extent.rounds):
            for turn in turns(ways, number):
                step(f"round {number + 1} of {extent.rounds}: {turn.way.name}")
                run.take(turn, extent.seconds)
        for way in ways:  # one that does not open takes its ways along
            if way.at in found.missing and way.at != way.name:
                found.missing[way.name] = found.missing[way.at]
    _beside(extent, only, found, tell)
    return found


def _open(
    names: set[str], extent: Extent, found: Found, up: ExitStack, tell: Tell
) -> Mapping[str, Place]:
    openers = {**ceilings.CEILINGS, **stages(extent.functions), **peers.PEERS}
    opened = {}
    for name, opener in openers.items():
        if name in names:
            tell(f"starting {name}")
            folder = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="huidu-bench-")))
            try:
                opened[name] = up.enter_context(opener(folder))
            except (Unusable, OSError, RuntimeError) as error:
                found.missing[name] = str(error)
    return opened


def _beside(extent: Extent, only: Sequence[str], found: Found, tell: Tell) -> None:
    """Measure what is not a matter of calls a second."""
    try:
        if not only or COLD in only:
            tell("cold starts")
            found.starts += started.measure(extent.starts)
    except Unmeasured as error:
        found.missing[COLD] = str(error)
    try:
        if not only or MOVES in only:
            for functions in (0, extent.functions):
                found.moves.append(moved.measure(functions, extent.changes, tell))
    except (Unusable, RuntimeError) as error:
        found.missing[MOVES] = str(error)
    if not only or CRUSH in only:
        found.peak, found.crush = crushed.measure(extent.crushes, extent.crush_s, tell)
