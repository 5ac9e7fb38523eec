"""Sheets: what was found as rows of text, for a terminal or for a page, in either language."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from bench.cold import share
from bench.shown import table
from bench.speed.found import Found
from bench.speed.promises import PROMISES, Promise
from bench.speed.ways import CEILING, ONE, OURS, PEER, WAYS, Way
from bench.speed.words import WORDS, named

NONE = "-"
P99 = 0.99
SMALL, MILLION = 10, 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table: the first column is of words, or more are."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def shown(self) -> Table:
        """Return it for a terminal."""
        made = table(self.title, self.headings[:1], self.headings[1:], markdown=False)
        for row in self.rows:
            made.add_row(*row)
        return made

    def markdown(self) -> str:
        """Return it for a page."""
        rule = ["---"] * len(self.headings)
        lines = (self.headings, rule, *self.rows)
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None) -> str:
    """Return a figure with as many digits as it deserves."""
    if value is None:
        return NONE
    if value >= MILLION:
        return f"{value / MILLION:,.0f} M"
    return f"{value:,.0f}" if abs(value) >= SMALL else f"{value:.2g}"


def ways(found: Found, language: str) -> Iterator[Sheet]:
    """Yield a table for what bounds all, for ours, and for the others."""
    words = WORDS[language]
    for group in (CEILING, OURS, PEER):
        rows = [_row(way, found, language) for way in WAYS if way.group == group]
        told = [row for row in rows if row]
        if told:
            yield Sheet(title=words.groups[group], headings=words.ways, rows=told)


def _row(way: Way, found: Found, language: str) -> Sequence[str]:
    most = found.turns(way.name, way.most)
    if not most:
        return ()
    rates = sorted(one.calls_a_second for one in most)
    errors = sum(found.errors(way.name, connections) for connections in way.connections)
    middle = number(found.median(way.name, way.most, "calls_a_second"))
    return (
        named(way, language, found.functions),
        number(way.most or None),
        WORDS[language].void.format(errors=errors) if errors else middle,
        f"{number(rates[0])}…{number(rates[-1])}",
        number(found.median(way.name, way.most, "cpu_us")),
        *(number(found.median(way.name, ONE, of)) for of in ("p50_us", "p99_us", "cpu_us")),
    )


def promises(found: Found, language: str) -> Sheet:
    """Return what was promised, and what came of it."""
    words = WORDS[language]
    return Sheet(
        title=words.promises[0],
        headings=words.promises,
        rows=[_promised(one, found, language) for one in PROMISES],
    )


def _promised(one: Promise, found: Found, language: str) -> Sequence[str]:
    words, figure = WORDS[language], one.figure(found)
    sign = "≤" if one.at_most else "≥"
    verdict = {True: words.kept, False: words.missed, None: words.unknown}[one.kept(found)]
    return (
        one.said if language == "en" else one.chinese,
        f"{sign} {one.goal:g}{one.unit}",
        NONE if figure is None else f"{figure:.3g}{one.unit}",
        verdict,
    )


def figures(found: Found, language: str) -> Sheet:
    """Return cold starts, moves of an alias, and what a crush does."""
    words, rows = WORDS[language], list[Sequence[str]]()
    for one in found.starts:
        plain = number(statistics.median(one.plain_ms))
        rows.append((words.cold.format(language=one.language, plain=plain), *_two(one.cold_ms)))
    for moves in found.moves:
        update = words.update.format(functions=f"{moves.functions:,}")
        rows.append((update, *_two(moves.update_ms)))
        rows.append((words.effect, *_two(moves.effect_ms)))
    if found.peak and found.crush:
        peak, crush = found.peak, found.crush
        refused = f"{crush.refused / crush.offered:.0%}"
        good = words.good.format(offered=number(crush.offered), share=refused)
        rows += [
            (words.peak.format(ms=number(peak.handler_ms)), *map(number, (peak.good, peak.p99_ms))),
            (good, *map(number, (crush.good, crush.p99_ms))),
            (words.refused, *map(number, (crush.refused, crush.refused_p99_ms))),
        ]
    return Sheet(title="", headings=words.figures, rows=rows)


def _two(values: Sequence[float]) -> tuple[str, str]:
    return number(statistics.median(values)), number(share(values, P99))


def notes(found: Found, language: str) -> Iterator[str]:
    """Say on what it was measured, and what was not."""
    words = WORDS[language]
    yield words.machine.format(
        date=found.date, rounds=found.rounds, seconds=f"{found.seconds:g}", **found.machine
    )
    told = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    yield words.versions.format(versions=told)
    for name, why in found.missing.items():
        yield words.missing.format(name=name, why=" ".join(why.split())[:200])
