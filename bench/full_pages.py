"""Pages of the console when there is much: how long the server takes for each, and its weight.

`python -m bench.full_pages` fills a server with functions, versions, aliases and changes, and asks
for each page some times.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.e2e.visiting import Visitor
from tests.platform import Platform

FUNCTION = "full"
WORKERS, TIMES = 4, 7


def fill(platform: Platform, functions: int, versions: int, aliases: int, changes: int) -> None:
    """Make that many of each; the versions, aliases and changes are of one function."""
    platform.make(FUNCTION)
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(platform.make, (f"function-{n:04}" for n in range(1, functions))))
    named: dict[str, Any] = {"FunctionName": FUNCTION}
    for n in range(versions):
        platform.call("UpdateFunctionConfiguration", **named, Description=f"number {n}")
        platform.publish(FUNCTION)
    for n in range(aliases):
        platform.call("CreateAlias", **named, Name=f"alias-{n}", FunctionVersion="1")
    for n in range(changes):
        rows = [{"Version": "2", "Weight": n % 100 / 100}]
        platform.call(
            "UpdateAlias",
            **named,
            Name="alias-0",
            FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": rows},
            Reason=f"change {n}",
        )


def weigh(platform: Platform) -> None:
    """Ask for each page, and say how long it took and what it weighs."""
    visitor = Visitor(platform).sign_in()
    one, other = f"functions/{FUNCTION}", f"functions/{FUNCTION}/aliases/alias-0"
    for path in (
        *("", "functions", "functions?page=50", "functions?q=function-09", one, f"{one}?page=10"),
        *(f"{one}/compare?from=1&to=200", other, f"{other}?page=500", "rollouts", "logs"),
        *("gateway", "events", f"events?function={FUNCTION}", "settings"),
    ):
        took = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            seen = visitor.see(f"/console/{path}")
            took.append((time.perf_counter() - begun) * 1000)
        middle = statistics.median(took)
        sizes = f"{seen.size / 1000:6.1f} kB sent  {len(seen.body) / 1000:6.1f} kB"
        print(f"{middle:7.1f} ms  {sizes}  {seen.status}  /console/{path}")


def main() -> None:
    """Fill a server, and weigh its pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    counts = {"functions": 1000, "versions": 200, "aliases": 50, "changes": 5000}
    for name, count in counts.items():
        parser.add_argument(f"--{name}", type=int, default=count)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform.start(Path(folder) / "data", "--set", "warm_s=0")
        try:
            begun = time.perf_counter()
            fill(platform, asked.functions, asked.versions, asked.aliases, asked.changes)
            print(f"filled in {time.perf_counter() - begun:.0f} s")
            weigh(platform)
        finally:
            platform.stop()


if __name__ == "__main__":
    main()
