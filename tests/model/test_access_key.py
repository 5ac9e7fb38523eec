"""Access keys: whose they are."""

from __future__ import annotations

import pytest

from huidu.model.access_key import AccessKey, check_name, said_by
from huidu.model.errors import InvalidValue
from huidu.model.role import Role


@pytest.mark.parametrize("name", ["a", "wei", "CI of shop-2", "wei@example.com", "小王", "a" * 50])
def test_a_name_is_that_of_a_person_or_a_program(name: str) -> None:
    assert check_name("Name", name) == name


@pytest.mark.parametrize(
    "name",
    ["", " a", "a ", "a  b", "a" * 51, "root (API)", "a\n", "a\u202eb", "<b>", "a;b", "wei\u0301"],
)
def test_what_could_be_taken_for_something_else_is_no_name(name: str) -> None:
    with pytest.raises(InvalidValue, match="1 to 50 letters"):
        AccessKey(id="AKID", name=name, role=Role.VIEW, seal="")


@pytest.mark.parametrize("name", ["root", "Root", "ROOT"])
def test_nobody_else_is_called_root(name: str) -> None:
    with pytest.raises(InvalidValue, match="credentials"):
        check_name("Name", name)


def test_what_is_written_down_says_who_and_how() -> None:
    assert said_by("wei", "console") == "wei (console)"
