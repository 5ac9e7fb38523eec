"""Terms: by what a log is looked up, in two indexes: of three letters each, and of whole words.

Three letters in a row find any text of three or more, in any language. Chinese words are mostly
of two, so each two Chinese characters in a row are a word too; and each field of a JSON line is
one, as a digest of its name and value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2s
from itertools import pairwise

from huidu.model.level import fields_of
from huidu.model.log import Wanted

LETTERS = 3
MOST_TERMS = 12
#: Chinese, Japanese and Korean letters, in rows of two or more.
IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]{2,}")


def words_of(text: str) -> str:
    """Return the words by which a text is found, with blanks between them."""
    found = {pair for run in IDEOGRAPHS.findall(text) for pair in _pairs(run)}
    if "{" in text:
        for line in text.split("\n"):
            found |= {digest(name, value) for name, value in fields_of(line).items()}
    return " ".join(sorted(found))


def digest(name: str, value: str) -> str:
    """Return the word for a field with a value, whatever the case of the value."""
    told = f"{name}\0{value.lower()}".encode("utf-8", "surrogatepass")
    return "f" + blake2s(told, digest_size=8).hexdigest()


def asked_letters(wanted: Wanted) -> str:
    """Return what the index of letters is asked, or nothing where it cannot help."""
    text = wanted.text
    if len(text) < LETTERS:
        return ""
    places = [*range(0, len(text) - LETTERS, LETTERS), len(text) - LETTERS]
    return _all(text[place : place + LETTERS] for place in places[:MOST_TERMS])


def asked_words(wanted: Wanted) -> str:
    """Return what the index of words is asked, or nothing where it cannot help."""
    fields = [digest(name, value) for name, value in wanted.fields]
    runs = IDEOGRAPHS.findall(wanted.text)
    if not fields and len(wanted.text) >= LETTERS:
        return ""
    return _all([*fields, *(pair for run in runs for pair in _pairs(run))][:MOST_TERMS])


def _pairs(run: str) -> Iterator[str]:
    return (one + other for one, other in pairwise(run))


def _all(terms: Iterator[str] | list[str]) -> str:
    quoted = ('"' + term.replace('"', '""') + '"' for term in terms if "\0" not in term)
    return " AND ".join(quoted)
