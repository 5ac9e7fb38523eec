"""Every text of the pages is there in every language, and none that nobody says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import huidu.console
from huidu.console import queue, rollouts, routing
from huidu.console.texts import apart, spaced
from huidu.console.words import CHINESE, ENGLISH, choose, say, table
from huidu.model.alias import SPLITS
from huidu.model.happening import KINDS
from huidu.model.role import WORDS
from huidu.model.rollout import Event, State

ROOM = Path(huidu.console.__file__).parent
SAID = re.compile(r'\b(?:t|say|_moved)\(\s*(?:visit,\s*)?"((?:[^"\\]|\\.)*)"')
PLACE = re.compile(r"{\w+}")
#: What is said by a name that comes from elsewhere.
NAMED = {
    *map(spaced, KINDS),
    *(state.value for state in State),
    *(event.value for event in Event),
    *WORDS,
    *SPLITS,
    *routing.METHODS,
    *routing.PLACES,
    routing.ADDRESS,
    *(said for _, said in rollouts.VERBS.values()),
    *queue.STATES.values(),
    *queue.STANDS.values(),
    *("failed calls", "callers", "rollback", "pause", "approval", "webhook"),
    *("added", "removed", "changed", "mode", "release", "prepub", "test"),
    *("create alias", "update alias", "undo alias", "delete alias"),
    *(f"{verb} rollout" for verb in ("start", "pause", "resume", "approve", "promote")),
    *(apart(f"Rollout{event.title().replace(' ', '')}") for event in Event),
    "create function",
    *("rollback rollout", "release service", "update service", "un release service"),
}


def said() -> Iterator[str]:
    for path in (*ROOM.glob("templates/*.html"), *ROOM.glob("*.py")):
        yield from SAID.findall(path.read_text("utf-8"))


def test_every_text_has_its_row_and_no_row_is_left_over() -> None:
    assert {*said(), *NAMED} - table().keys() == set()
    assert table().keys() - {*said(), *NAMED} == set()


def test_a_translation_says_what_the_text_says_of_what_it_is_given() -> None:
    astray = [text for text in table() if {*PLACE.findall(text)} != {*PLACE.findall(table()[text])}]

    assert astray == []


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("", "zh-CN,zh;q=0.9,en;q=0.8", CHINESE),
        ("", "zh-TW", CHINESE),
        ("", "en-GB,zh;q=0.5", ENGLISH),
        ("", "fr, zh;q=0.4, en;q=0.2", CHINESE),
        ("", "zh;q=0, fr", ENGLISH),
        ("", "zh;q=nonsense", ENGLISH),
        ("", "", ENGLISH),
        ("en", "zh-CN", ENGLISH),
        ("zh-CN", "en", CHINESE),
        ("tlh", "zh", CHINESE),
    ],
)
def test_the_language_is_what_was_chosen_or_what_the_browser_likes(
    cookie: str, accepted: str, language: str
) -> None:
    assert choose(cookie, accepted) == language


def test_what_is_given_stands_in_the_text_of_either_language() -> None:
    assert say(ENGLISH, "{page} of {pages}", page=2, pages=9) == "2 of 9"
    assert say(CHINESE, "{page} of {pages}", page=2, pages=9) == "第 2 页，共 9 页"
    assert say(CHINESE, "a kind of event that is new") == "a kind of event that is new"
