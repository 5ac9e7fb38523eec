"""What things may be called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model import names
from huidu.model.errors import InvalidValue

Check = Callable[[str], str]


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (names.check_function, "ab"),
        (names.check_function, "hello-world_2"),
        (names.check_function, "a" * 60),
        (names.check_namespace, "default"),
        (names.check_namespace, "1"),
        (names.check_namespace, "_-"),
        (names.check_namespace, "n" * 30),
        (names.check_alias, "a"),
        (names.check_alias, "Release_2-x"),
        (names.check_alias, "ends-in-"),
        (names.check_alias, "a" * 64),
        (names.check_description, ""),
        (names.check_description, "灰度发布, step 1.\nSee the notes."),
        (names.check_description, "的" * 1000),
    ],
)
def test_a_good_name_comes_back_as_it_is(check: Check, name: str) -> None:
    assert check(name) == name


@pytest.mark.parametrize(
    ("check", "name", "field"),
    [
        (names.check_function, "", "FunctionName"),
        (names.check_function, "a", "FunctionName"),
        (names.check_function, "a" * 61, "FunctionName"),
        (names.check_function, "1st", "FunctionName"),
        (names.check_function, "_ab", "FunctionName"),
        (names.check_function, "ab-", "FunctionName"),
        (names.check_function, "ab_", "FunctionName"),
        (names.check_function, "a.b", "FunctionName"),
        (names.check_function, "a/b", "FunctionName"),
        (names.check_function, "ab\n", "FunctionName"),
        (names.check_function, "函数", "FunctionName"),
        (names.check_namespace, "", "Namespace"),
        (names.check_namespace, "n" * 31, "Namespace"),
        (names.check_namespace, "a b", "Namespace"),
        (names.check_namespace, "..", "Namespace"),
        (names.check_namespace, "default\n", "Namespace"),
        (names.check_alias, "", "Name"),
        (names.check_alias, "a" * 65, "Name"),
        (names.check_alias, "1", "Name"),
        (names.check_alias, "-a", "Name"),
        (names.check_alias, "_a", "Name"),
        (names.check_alias, "$LATEST", "Name"),
        (names.check_alias, "$DEFAULT", "Name"),
        (names.check_alias, "a b", "Name"),
        (names.check_alias, "release\n", "Name"),
        (names.check_alias, "发布", "Name"),
        (names.check_description, "x" * 1001, "Description"),
    ],
)
def test_a_bad_name_is_refused_and_the_refusal_names_the_field(
    check: Check, name: str, field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        check(name)

    assert refused.value.code == f"InvalidParameterValue.{field}"
    assert refused.value.message.startswith(field)


@pytest.mark.parametrize("check", [names.check_function, names.check_namespace, names.check_alias])
def test_a_refusal_does_not_give_back_a_flood(check: Check) -> None:
    with pytest.raises(InvalidValue) as refused:
        check("!" * 1_000_000)

    assert len(refused.value.message) < 250


@pytest.mark.parametrize(
    ("qualifier", "version", "number"),
    [
        ("$LATEST", True, False),
        ("1", True, True),
        ("1000000", True, True),
        ("9" * 18, True, True),
        ("9" * 19, True, False),
        ("0", True, False),
        ("007", True, False),
        ("$DEFAULT", False, False),
        ("$latest", False, False),
        ("release", False, False),
        ("v1", False, False),
        ("-1", False, False),
        ("1.0", False, False),
        ("1\n", False, False),
        ("٣", False, False),
        ("²", False, False),
        ("", False, False),
    ],
)
def test_a_qualifier_names_a_version_or_an_alias(
    qualifier: str, *, version: bool, number: bool
) -> None:
    """D-15: `$LATEST` and digits are versions; all else is an alias."""
    assert names.names_version(qualifier) is version
    assert names.is_number(qualifier) is number


@given(number=st.integers(1, 10**18 - 1))
def test_every_number_that_a_version_can_get_is_one(number: int) -> None:
    assert names.is_number(str(number))
    assert names.names_version(str(number))


@given(name=st.from_regex(names.ALIAS, fullmatch=True))
def test_no_alias_can_be_taken_for_a_version(name: str) -> None:
    assert names.check_alias(name) == name
    assert not names.names_version(name)
    assert not names.is_number(name)
