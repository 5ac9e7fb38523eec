"""Started: cold starts, as `make bench ARGS=cold` has them, of the tier `sandbox` alone."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cold import PLAIN, plain_ways, stand, tier_ways
from bench.speed.found import Starts
from huidu.runtimes.table import Runtimes

TIER = "sandbox"


def measure(count: int) -> Iterator[Starts]:
    """Yield starts of each language beside plain ones, or raise `Unmeasured` without the tier."""
    plain = {way.sample.language: way for way in plain_ways(Runtimes.search()) if way.name == PLAIN}
    with stand(TIER) as lent:
        for way in tier_ways(TIER, lent):
            beside = plain.get(way.sample.language)
            if beside is None or way.sample.imports:
                continue
            for one in (way, beside):
                one.start_ms(1)  # for warmth, not counted
            cold, plainly = list[float](), list[float]()
            for _ in range(count):
                cold += way.start_ms(1)
                plainly += beside.start_ms(1)
            yield Starts(language=way.sample.language, tier=TIER, cold_ms=cold, plain_ms=plainly)
