"""Roles: what each action needs, by its name or by its row."""

from __future__ import annotations

from itertools import pairwise

import pytest

from huidu.actions.table import ACTIONS
from huidu.model.errors import AuthFailure, InvalidValue
from huidu.model.role import WORDS, Role, check, needed, role_of


def test_each_role_may_all_that_the_one_before_may() -> None:
    assert all(less < more for less, more in pairwise(Role))


@pytest.mark.parametrize("role", Role)
def test_a_role_is_written_as_one_word(role: Role) -> None:
    assert role_of("Role", role.word) is role
    assert WORDS == ("view", "release", "admin")


@pytest.mark.parametrize("word", ["", "ADMIN", "root", "admin ", "3"])
def test_another_word_is_refused_with_those_there_are(word: str) -> None:
    with pytest.raises(InvalidValue, match="must be one of view, release, admin"):
        role_of("Role", word)


@pytest.mark.parametrize(
    ("action", "writes", "role"),
    [
        ("ListWhatever", False, Role.VIEW),
        ("DescribeWhatever", False, Role.VIEW),
        ("GetRollout", False, Role.VIEW),
        ("ListAliases", False, Role.VIEW),
        ("UpdateAlias", True, Role.RELEASE),
        ("ReviseRollout", True, Role.RELEASE),
        ("RedriveLetters", True, Role.RELEASE),
        ("Invoke", False, Role.RELEASE),
        ("DeleteFunction", True, Role.ADMIN),
        ("Whatever", False, Role.ADMIN),
        ("GetReadyAndDelete", True, Role.ADMIN),
        ("Listen", False, Role.ADMIN),
    ],
)
def test_a_new_action_has_a_role_by_its_name(action: str, writes: bool, role: Role) -> None:  # noqa: FBT001
    assert needed(action, writes=writes) is role


def test_who_only_looks_on_changes_nothing() -> None:
    """But makes a link for himself, which gives him no more than he has."""
    lookers = {action.name for action in ACTIONS if action.needs is Role.VIEW and action.writes}

    assert lookers == {"CreateConsoleLink"}


def test_what_shows_a_secret_is_for_who_could_set_one() -> None:
    needs = {action.name: action.needs for action in ACTIONS}

    shows = ("DescribeApiKey", "DescribeApiKeysStatus", "ListKeys", "GetWebhook", "ListWebhooks")
    assert {needs[name] for name in shows} == {Role.ADMIN}
    assert {needs[name] for name in ("GetFunctionAddress", "GetLayerVersion")} == {Role.RELEASE}


def test_a_role_that_is_not_enough_is_refused_with_the_one_that_is() -> None:
    check("wei (API)", Role.RELEASE, "UpdateAlias", Role.RELEASE)
    with pytest.raises(AuthFailure) as refused:
        check("wei (API)", Role.VIEW, "UpdateAlias", Role.RELEASE)

    assert refused.value.code == "AuthFailure.UnauthorizedOperation"
    assert "UpdateAlias needs the role release, and wei (API) has view" in refused.value.message
    assert "role admin" in refused.value.message
