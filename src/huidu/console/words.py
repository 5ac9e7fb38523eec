"""Words: what the pages say, in the languages that there are, from one table."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ENGLISH, CHINESE = "en", "zh-CN"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", CHINESE: "中文"}
TABLE = Path(__file__).with_name("words.toml")


@cache
def table() -> Mapping[str, str]:
    """Return the table: the English text, by which the pages name it, and the Chinese one."""
    return dict(tomllib.loads(TABLE.read_text("utf-8")))


def say(language: str, text: str, /, **given: object) -> str:
    """Return a text of the table in a language, with what is given in its `{places}`."""
    said = table().get(text, text) if language == CHINESE else text
    return said.format_map(given) if given else said


def choose(cookie: str, accepted: str) -> str:
    """Return the language: what was chosen, or else what the browser likes best of ours."""
    if cookie in LANGUAGES:
        return cookie
    for wish in sorted(map(_wish, accepted.split(",")), key=lambda wish: -wish[1]):
        for language in LANGUAGES:
            if wish[1] > 0 and wish[0].partition("-")[0] == language.partition("-")[0]:
                return language
    return ENGLISH


def _wish(text: str) -> tuple[str, float]:
    name, _, weight = text.strip().lower().partition(";q=")
    try:
        return name, float(weight or 1)
    except ValueError:
        return name, 0.0
