"""Shown: what `bench.cold` measured, as tables and sentences."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.box import MARKDOWN, SIMPLE_HEAD
from rich.table import Table

from bench import heavy
from bench.cold import PLAIN, WRAPPED, Found, Way, bases, share
from bench.functions import STANDARD, unsampled
from bench.watch import MB

#: What is promised of tier `sandbox`: at most such a part of a plain start, by language.
PROMISED: Mapping[str, tuple[str, float]] = {
    "Python": ("a third", 1 / 3),
    "Node.js": ("a quarter", 1 / 4),
}
SANDBOX = "sandbox"


def table(title: str, words: Sequence[str], numbers: Sequence[str], *, markdown: bool) -> Table:
    """Return an empty table: columns of words, then columns of numbers."""
    shown = Table(
        title=None if markdown else title,
        box=MARKDOWN if markdown else SIMPLE_HEAD,
        pad_edge=markdown,
        padding=(0, 1),
        collapse_padding=not markdown,
    )
    for heading in words:
        shown.add_column(heading, no_wrap=True)
    for heading in numbers:
        shown.add_column(heading, justify="right", no_wrap=True)
    return shown


def starts(found: Found, *, markdown: bool = False) -> Table:
    """Cold starts: every way, beside the plain one with the same imports."""
    title = (
        f"From the request to launch to the first answer; starts/s of {found.extent.burst} at once"
    )
    numbers = ("p50 ms", "p99 ms", "to plain", "burst/s")
    shown = table(title, ("runtime", "imports", "way"), numbers, markdown=markdown)
    base = bases(found)
    for way in _grouped(found.ways):
        words = (way.sample.language, way.sample.variant, way.name)
        if way.starts:
            middle = statistics.median(way.starts)
            shown.add_row(
                *words,
                f"{middle:.1f}",
                f"{share(way.starts, 0.99):.1f}",
                f"{middle / base[way.kind]:.2f}" if way.kind in base else "-",
                f"{statistics.median(way.bursts):.0f}" if way.bursts else "-",
            )
    return shown


def calls(found: Found, *, markdown: bool = False) -> Table:
    """Warm calls: what a call takes beyond the function itself."""
    title = "A call of an instance that is there, of a function that does nothing"
    numbers = ("p50 µs", "p99 µs")
    shown = table(title, ("runtime", "way"), numbers, markdown=markdown)
    for way in _grouped(found.ways):
        if way.calls:
            middle, most = statistics.median(way.calls), share(way.calls, 0.99)
            shown.add_row(way.sample.language, way.name, f"{middle:.0f}", f"{most:.0f}")
    return shown


def memory(found: Found, *, markdown: bool = False) -> Table:
    """Many instances at once."""
    title = "Many instances at once: what each takes (PSS), and their zygote"
    numbers = ("count", "each MB", "zygote MB", "burst/s")
    shown = table(title, ("runtime", "way"), numbers, markdown=markdown)
    for crowd in sorted(found.crowds, key=lambda crowd: crowd.sample.language != "Python"):
        each, zygote = crowd.each_bytes / MB, crowd.zygote_bytes / MB
        shown.add_row(
            *(crowd.sample.language, crowd.name, str(crowd.count)),
            f"{each:.1f}" if each else "-",
            f"{zygote:.0f}" if zygote else "-",
            f"{crowd.rate:.0f}" if crowd.rate else "-",
        )
    return shown


def imports(found: Found, *, markdown: bool = False) -> Table:
    """Versions with slow imports."""
    title = f"A version that imports {heavy.name()}: its first instance, and its second"
    numbers = ("first ms", "second ms", "second to first")
    shown = table(title, ("way",), numbers, markdown=markdown)
    for one in found.heavy:
        if one.first:
            first, second = statistics.median(one.first), statistics.median(one.second)
            shown.add_row(one.name, f"{first:.0f}", f"{second:.1f}", f"{second / first:.2f}")
    return shown


def promises(found: Found) -> Iterator[str]:
    """Hold what was measured against what is promised; nothing where it cannot be."""
    base = bases(found)
    for way in found.ways:
        if way.name == SANDBOX and way.starts and way.sample.language in PROMISED:
            word, most = PROMISED[way.sample.language]
            ratio = statistics.median(way.starts) / base[way.kind]
            what = f" with {way.sample.variant}" if way.sample.imports else ""
            held = "kept" if ratio <= most else "NOT kept"
            yield f"{way.sample.language}{what}: {ratio:.2f} of a plain start; {word}: {held}."


def notes(found: Found) -> Iterator[str]:
    """Say how it was measured, and what was not."""
    for tier, why in found.missing.items():
        yield f"Not measured: tier {tier}: {why}."
    troubled = [(way.name, way.sample.language, way.trouble) for way in found.ways]
    troubled += [(crowd.name, crowd.sample.language, crowd.trouble) for crowd in found.crowds]
    troubled += [(one.name, "slow imports", one.trouble) for one in found.heavy]
    for name, what, trouble in troubled:
        if trouble:
            yield f"Not measured: {what} in {name}: {trouble[:200]}"
    for language in unsampled():
        yield f"Not measured: {language}: bench/functions.py has no function in it."
    if all(way.name != WRAPPED for way in found.ways):
        yield "Not measured: bubblewrap is not there."
    yield (f"{PLAIN}: the interpreter with a loop that answers, nothing else. stdlib: {STANDARD}.")
    yield f"{found.machine}."


def plainly(found: Found) -> object:
    """Return every measurement, for JSON."""
    return {
        "machine": found.machine,
        "missing": found.missing,
        "ways": [
            {
                "way": way.name,
                "runtime": way.sample.runtime,
                "imports": way.sample.imports,
                "starts_ms": way.starts,
                "bursts_per_s": way.bursts,
                "calls_us": way.calls,
            }
            for way in found.ways
        ],
        "crowds": [asdict(crowd) for crowd in found.crowds],
        "heavy": [asdict(one) for one in found.heavy],
    }


def _grouped(ways: Sequence[Way]) -> list[Way]:
    """Return the ways of one language and its imports together, in the order they came in."""
    kinds = list(dict.fromkeys(way.kind for way in ways))
    return sorted(ways, key=lambda way: kinds.index(way.kind))
