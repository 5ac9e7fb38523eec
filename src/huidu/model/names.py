"""What things may be called, and what a qualifier names."""

from __future__ import annotations

import re

from huidu.model.errors import InvalidValue

LATEST = "$LATEST"
DEFAULT = "$DEFAULT"
DEFAULT_NAMESPACE = "default"
MOST_DESCRIPTION = 1000

FUNCTION = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])")
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,30}")
NUMBER = re.compile(r"[1-9][0-9]{0,17}")


def check_function(name: str) -> str:
    """Return the name of a function, or raise `InvalidValue`."""
    if not FUNCTION.fullmatch(name):
        raise InvalidValue(
            "FunctionName",
            f"FunctionName {name[:80]!r}: 2 to 60 letters, digits, - and _, beginning with a "
            "letter and ending in a letter or digit",
        )
    return name


def check_namespace(name: str) -> str:
    """Return the name of a namespace, or raise `InvalidValue`."""
    if not NAMESPACE.fullmatch(name):
        raise InvalidValue(
            "Namespace", f"Namespace {name[:80]!r}: 1 to 30 letters, digits, - and _"
        )
    return name


def check_alias(name: str) -> str:
    """Return the name of an alias that a user may make, or raise `InvalidValue` (D-13)."""
    if not ALIAS.fullmatch(name):
        raise InvalidValue(
            "Name",
            f"Name {name[:80]!r}: 1 to 64 letters, digits, - and _, beginning with a letter",
        )
    return name


def check_description(text: str) -> str:
    """Return a description, or raise `InvalidValue`."""
    if len(text) > MOST_DESCRIPTION:
        raise InvalidValue(
            "Description",
            f"Description: {len(text)} characters, at most {MOST_DESCRIPTION} are allowed",
        )
    return text


def names_version(qualifier: str) -> bool:
    """Tell whether a qualifier names a version; all others name an alias (D-15)."""
    return qualifier == LATEST or (qualifier.isascii() and qualifier.isdigit())


def is_number(qualifier: str) -> bool:
    """Tell whether a qualifier is the number of a published version."""
    return NUMBER.fullmatch(qualifier) is not None
