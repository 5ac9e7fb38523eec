"""How many there may be."""

from __future__ import annotations

import pytest

from huidu.model.errors import LimitExceeded
from huidu.model.quota import Quota, check


@pytest.mark.parametrize("most", [1, 2, 3])
def test_an_alias_may_be_given_one_to_three_additional_versions(most: int) -> None:
    """D-27."""
    assert Quota(additional_versions=most).additional_versions == most


@pytest.mark.parametrize("most", [-1, 0, 4, 100])
def test_no_setting_allows_more_or_fewer(most: int) -> None:
    with pytest.raises(ValueError, match="max_additional_versions: 1 to 3"):
        Quota(additional_versions=most)


def test_the_numbers_are_those_of_the_cloud_where_it_names_one() -> None:
    quota = Quota()

    assert (quota.versions, quota.triggers, quota.additional_versions) == (1000, 10, 1)
    assert quota.aliases == 100  # D-14
    assert quota.functions == 10_000  # the cloud's 50 is a matter of billing


@pytest.mark.parametrize(("there_are", "most"), [(0, 1), (99, 100)])
def test_one_more_is_let_in_while_there_is_room(there_are: int, most: int) -> None:
    check("Alias", there_are, most, "aliases of default/hello")


@pytest.mark.parametrize(("there_are", "most"), [(0, 0), (100, 100), (101, 100)])
def test_one_too_many_is_refused(there_are: int, most: int) -> None:
    with pytest.raises(LimitExceeded) as refused:
        check("Alias", there_are, most, "aliases of default/hello")

    assert refused.value.code == "LimitExceeded.Alias"
    assert refused.value.message.startswith("aliases of default/hello: ")
    assert str(most) in refused.value.message
