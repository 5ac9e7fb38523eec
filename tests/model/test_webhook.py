"""Webhooks: which happenings they want."""

from __future__ import annotations

from typing import Any

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.happening import Happening
from huidu.model.webhook import Condition, Webhook


def webhook(**more: Any) -> Webhook:
    usual: dict[str, Any] = {"id": "wh-1", "name": "hook", "url": "http://h", "secret": "s" * 16}
    return Webhook(**usual | more)


def moved(**more: Any) -> Happening:
    usual: dict[str, Any] = {
        "kind": "alias.moved",
        "at": 1.0,
        "namespace": "default",
        "function": "hello",
    }
    return Happening(**usual | more)


@pytest.mark.parametrize(
    ("hook", "happening", "wanted"),
    [
        (webhook(), moved(), True),
        (webhook(kinds=("alias.*",)), moved(), True),
        (webhook(kinds=("throttle.*", "alias.moved")), moved(), True),
        (webhook(kinds=("throttle.*",)), moved(), False),
        (webhook(function="hello"), moved(), True),
        (webhook(function="other"), moved(), False),
        (webhook(namespace="default"), moved(), True),
        (webhook(namespace="other"), moved(), False),
        (webhook(enabled=False), moved(), False),
        (webhook(), moved(kind="webhook.dead", subject="another"), True),
        (webhook(), moved(kind="webhook.dead", subject="hook"), False),
        (webhook(), moved(kind="webhook.tested", subject="another"), False),
    ],
)
def test_a_webhook_wants_what_it_was_made_for(
    hook: Webhook, happening: Happening, *, wanted: bool
) -> None:
    assert hook.wants(happening) is wanted


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "1st"),
        ("name", "x" * 61),
        ("secret", "x" * 15),
        ("secret", "x" * 257),
        ("secret", "with a blank in it"),
        ("kinds", ()),
        ("kinds", ("alias.moved",) * 51),
        ("kinds", ("no",)),
    ],
)
def test_a_webhook_that_cannot_be_is_not_made(field: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=f"^{field.title()}"):
        webhook(**{field: value})


def test_a_new_webhook_fares_well() -> None:
    assert Condition().failing_since == 0.0
