"""Cold: how quickly instances start, and how little they take, beside processes that just start.

All ways take turns, a few starts each time, so that a slow moment of the machine hits all of
them. A start is counted from the request to launch to the answer of the first call.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench import processes
from bench.functions import SAMPLES, Sample, known
from bench.plain import Plain, bwrap
from bench.watch import Cast
from huidu.runtimes.table import Installed, Runtimes
from huidu.settings import TIERS

SLOW_MS = 150.0  #: A tier that takes longer to start one is not asked for hundreds.
PLAIN, WRAPPED = "plain spawn", "bwrap + spawn"
#: A tier that root cannot have is tried as an ordinary user; and who that is.
UNPRIVILEGED, NOBODY = " (no root)", 65534


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured of each way, over all rounds."""

    rounds: int = 3
    starts: int = 60
    calls: int = 3000
    burst: int = 50  #: Started at once, in each round.
    crowd: int = 20  #: Started at once, and kept while they are weighed; once.
    python_crowd: int = 200


class Unmeasured(Exception):
    """This way cannot be measured here; the message says why."""


class Stand:
    """A tier in a process of its own (see `bench.starts`)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.tier = self._hear()

    def ask(self, do: str, **order: object) -> Any:  # noqa: ANN401 - whatever was asked for
        """Have something done and return what came of it, or raise `Unmeasured`."""
        if self.process.stdin is None or self.process.poll() is not None:
            raise Unmeasured("the process that measures it ended")
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        return self._hear()

    def measure(self, what: str, sample: int, count: int) -> Any:  # noqa: ANN401 - as above
        """Have a sample measured so many times, or raise `Unmeasured`."""
        return self.ask(what, sample=sample, count=count)

    def _hear(self) -> Any:  # noqa: ANN401 - as above
        line = self.process.stdout.readline() if self.process.stdout else ""
        answer = json.loads(line or '{"error": "the process that measures it ended"}')
        if "error" in answer:
            raise Unmeasured(answer["error"])
        return answer["answer"]


@contextmanager
def stand(tier: str, user: Mapping[str, Any] = {}, python: str = sys.executable) -> Iterator[Stand]:
    """Lend a tier, or raise `Unmeasured` where it cannot be had here."""
    with subprocess.Popen(
        [python, "-m", "bench.starts", "--tier", tier],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **user,
    ) as process:
        try:
            yield Stand(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait()


@contextmanager
def stand_as_nobody(tier: str) -> Iterator[Stand]:
    """Lend a tier as an ordinary user has it, with a Python that such a one gets to."""
    own = Path(getattr(sys, "_base_executable", "") or sys.executable)
    system = Path(f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}")
    python = next((path for path in (own, system) if _is_open(path)), None)
    if os.geteuid() != 0 or python is None or not _is_open(Path(__file__)):
        raise Unmeasured("no Python lies where an ordinary user gets to")
    user = {
        "user": NOBODY,
        "group": NOBODY,
        "extra_groups": (),
        "env": {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    }
    with stand(tier, user, str(python)) as lent:
        yield lent


def _is_open(path: Path) -> bool:
    return path.exists() and all(p.stat().st_mode & 1 for p in path.resolve().parents)


@dataclass(kw_only=True)
class Way:
    """A way from a request to an answer, and what was measured of it."""

    name: str  #: A tier, or what stands beside them.
    sample: Sample
    start_ms: Callable[[int], Sequence[float]]  #: So many cold starts, one after another.
    burst_s: Callable[[int], float]
    warm_us: Callable[[int], Sequence[float]]
    starts: list[float] = field(default_factory=list)
    bursts: list[float] = field(default_factory=list)  #: Starts a second.
    calls: list[float] = field(default_factory=list)
    trouble: str = ""

    @property
    def kind(self) -> tuple[str, str]:
        """What is the same for all ways that may be compared."""
        return self.sample.language, self.sample.imports

    def round(self, extent: Extent) -> None:
        """Measure a few of each."""
        if self.trouble:
            return
        try:
            self.starts += self.start_ms(max(1, extent.starts // extent.rounds))
            self.bursts.append(extent.burst / self.burst_s(extent.burst))
            if not self.sample.imports:
                self.calls += self.warm_us(max(1, extent.calls // extent.rounds))
        except (Unmeasured, OSError, RuntimeError) as error:
            self.trouble = str(error)


@dataclass(kw_only=True)
class Crowd:
    """What instances of one way take while many of them are there at once."""

    name: str
    sample: Sample
    count: int
    rate: float = 0  #: Starts a second, as all of them were started at once.
    each_bytes: float = 0
    zygote_bytes: float = 0  #: What is there for all of them; nothing in most tiers.
    trouble: str = ""


@dataclass(kw_only=True)
class Heavy:
    """The first and the second instance of a version that takes long to import, in ms."""

    name: str
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    trouble: str = ""

    def round(self, stand: Stand) -> None:
        """Measure a version that is new."""
        try:
            first, second = stand.ask("heavy")
        except Unmeasured as error:
            self.trouble = str(error)
        else:
            self.first.append(first)
            self.second.append(second)


@dataclass(kw_only=True)
class Found:
    """All that one run measured."""

    ways: list[Way] = field(default_factory=list)
    crowds: list[Crowd] = field(default_factory=list)
    heavy: list[Heavy] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  #: Tiers, each with its reason.
    machine: str = ""
    extent: Extent = field(default_factory=Extent)


def plain_ways(runtimes: Runtimes) -> Iterator[Way]:
    """Yield what every tier is held against, for the languages that are interpreters."""
    for sample in known():
        if sample.plain:
            installed = runtimes.find(sample.runtime)
            yield _plain(PLAIN, sample, installed, wrapped=False)
            if bwrap():
                yield _plain(WRAPPED, sample, installed, wrapped=True)


def _plain(name: str, sample: Sample, installed: Installed, *, wrapped: bool) -> Way:
    plain = Plain(
        language=sample.language,
        interpreter=installed.interpreter.path,
        imports=sample.imports,
        wrapped=wrapped,
    )
    return Way(
        name=name,
        sample=sample,
        start_ms=lambda count: [plain.cold_ms() for _ in range(count)],
        burst_s=plain.burst_s,
        warm_us=plain.warm_us,
    )


def tier_ways(name: str, stand: Stand) -> Iterator[Way]:
    """Yield the ways of a tier: one for each sample of a language of the table."""
    for sample in known():
        number = SAMPLES.index(sample)
        yield Way(
            name=name,
            sample=sample,
            start_ms=partial(stand.measure, "cold", number),
            burst_s=partial(stand.measure, "burst", number),
            warm_us=partial(stand.measure, "warm", number),
        )


def crowds(stand: Stand, ways: Sequence[Way], extent: Extent) -> Iterator[Crowd]:
    """Have many instances of each language in a tier, one language at a time; yield what they take.

    Each is what the processes of the instances take (PSS), divided by their number.
    """
    for way in ways:
        if way.sample.imports or not way.starts:
            continue
        slow = statistics.median(way.starts) > SLOW_MS
        many = way.sample.language == "Python" and not slow
        count = extent.python_crowd if many else extent.crowd
        crowd = Crowd(name=way.name, sample=way.sample, count=count)
        try:
            _weigh(crowd, stand)
        except Unmeasured as error:
            crowd.trouble = str(error)
        except PermissionError:
            crowd.trouble = "only root may look into the processes of others"
        yield crowd


def _weigh(crowd: Crowd, stand: Stand) -> None:
    own = stand.process.pid
    before = processes.below(own, processes.every())
    number = SAMPLES.index(crowd.sample)
    took_s, begun = stand.ask("gather", sample=number, count=crowd.count)
    crowd.rate = crowd.count / took_s
    try:
        found = processes.every()
        theirs = set(begun)
        for pid in begun:
            theirs |= processes.below(pid, found)
            while pid in found and (pid := found[pid].parent) not in before | {own, 0}:
                theirs.add(pid)
        crowd.each_bytes = processes.pss_bytes(theirs) / crowd.count
        crowd.zygote_bytes = processes.pss_bytes(Cast.of(own, found).zygotes - theirs)
    finally:
        stand.ask("scatter")


def measure(extent: Extent, tell: Callable[[str], None]) -> Found:
    """Measure everything that is there, in turns."""
    runtimes, found = Runtimes.search(), Found(machine=_machine(), extent=extent)
    found.ways += plain_ways(runtimes)
    with ExitStack() as lent:
        stands: dict[str, Stand] = {}
        for tier in TIERS:
            try:
                stands[tier] = lent.enter_context(stand(tier))
            except Unmeasured as error:
                try:
                    stands[f"{tier}{UNPRIVILEGED}"] = lent.enter_context(stand_as_nobody(tier))
                except Unmeasured:
                    found.missing[tier] = str(error)
        for tier, opened in stands.items():
            found.ways += tier_ways(tier, opened)
            found.heavy.append(Heavy(name=tier))
        tell("warming")
        for way in found.ways:
            way.round(Extent(rounds=1, starts=1, calls=1, burst=1))  # for warmth, not counted
            way.starts, way.bursts, way.calls = [], [], []
        for number in range(extent.rounds):
            when = f"round {number + 1} of {extent.rounds}"
            for way in found.ways:
                tell(f"{when}: {way.name}, {way.sample.runtime}")
                way.round(extent)
            for one in found.heavy:
                tell(f"{when}: {one.name}, slow imports")
                one.round(stands[one.name])
        for tier, opened in stands.items():
            tell(f"{tier}: many at once")
            ways = [way for way in found.ways if way.name == tier]
            found.crowds += crowds(opened, ways, extent)
    return found


def share(values: Sequence[float], of: float) -> float:
    """Return the value below which such a share of all values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * of))]


def bases(found: Found) -> dict[tuple[str, str], float]:
    """Return how long a plain start takes, by what may be compared with it (p50, ms)."""
    return {
        way.kind: statistics.median(way.starts)
        for way in found.ways
        if way.name == PLAIN and way.starts
    }


def _machine() -> str:
    return f"{platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}"
