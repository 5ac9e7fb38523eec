"""Paged: the part of docs/benchmarks.md, and of its Chinese twin, that is made of figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.speed import sheets
from bench.speed.found import Found
from bench.speed.picture import picture
from bench.speed.words import CHINESE, ENGLISH

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = DOCS / "speed.svg"
PAGES: Mapping[str, Path] = {
    ENGLISH: DOCS / "benchmarks.md",
    CHINESE: DOCS / "zh-CN" / "benchmarks.md",
}
BEGIN, END = "<!-- from here: make bench -->", "<!-- to here: make bench -->"
#: What the picture is called, for who does not see it.
SEEN: Mapping[str, str] = {
    ENGLISH: "![Calls a second of a trivial handler, by way](speed.svg)",
    CHINESE: "![各种方式下简单处理函数的每秒调用数](../speed.svg)",
}


def part(found: Found, language: str) -> str:
    """Return what stands between the marks."""
    tables = [f"**{sheet.title}**\n\n{sheet.markdown()}" for sheet in sheets.ways(found, language)]
    beside = sheets.figures(found, language)
    blocks = [
        "\n".join(sheets.notes(found, language)),
        SEEN[language],
        sheets.promises(found, language).markdown(),
        *tables,
        *([beside.markdown()] if beside.rows else []),
    ]
    return "\n\n".join(blocks)


def rewritten(page: str, made: str) -> str:
    """Return a page with its part in place of the last; raises `ValueError` without its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN} … {END} in the page")
    return f"{before}{begin}\n\n{made}\n\n{end}{after}"


def write(found: Found) -> None:
    """Write both pages and the picture anew."""
    for language, page in PAGES.items():
        text = page.read_text("utf-8")
        page.write_text(rewritten(text, part(found, language)), "utf-8")
    PICTURE.write_text(picture(found), "utf-8")
