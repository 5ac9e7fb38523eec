"""How long what lies in a bucket is kept."""

from __future__ import annotations

import pytest

from huidu.model.lifecycle import DAY_S, Rule, kept_s, open_s

RULES = (
    Rule(expires_days=10, aborts_days=7),
    Rule(prefix="tmp/", expires_days=1),
    Rule(prefix="big/", aborts_days=2),
)


@pytest.mark.parametrize(
    ("key", "kept_days", "open_days"), [("a.zip", 10, 7), ("tmp/a.zip", 1, 7), ("big/a.zip", 10, 2)]
)
def test_the_shortest_that_a_rule_for_it_says_holds(
    key: str, kept_days: int, open_days: int
) -> None:
    assert kept_s(RULES, key, 5.0) == kept_days * DAY_S
    assert open_s(RULES, key, 5.0) == open_days * DAY_S


def test_where_no_rule_is_about_it_the_usual_holds() -> None:
    assert kept_s((), "a.zip", 5.0) == 5.0
    assert kept_s(RULES[1:], "a.zip", 5.0) == open_s(RULES[1:2], "tmp/a", 5.0) == 5.0
