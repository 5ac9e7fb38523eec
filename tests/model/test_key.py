"""Keys are right from birth, and never show their secret by accident."""

from __future__ import annotations

from typing import Any

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.key import Key


def key(**more: Any) -> Key:
    return Key(**{"id": "AKIDbob", "secret": "secret_0123", "name": "bob", **more})


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        ({"id": "four"}, "InvalidParameterValue.InvalidAccessKeyIds", "AccessKeyId 'four': 5 to"),
        ({"id": "a" * 51}, "InvalidParameterValue.InvalidAccessKeyIds", "5 to 50"),
        ({"id": "with space"}, "InvalidParameterValue.InvalidAccessKeyIds", "letters"),
        ({"id": "schlüssel"}, "InvalidParameterValue.InvalidAccessKeyIds", "letters"),
        ({"secret": "tooshort1"}, "InvalidParameterValue", "AccessKeySecret: 10 to 50"),
        ({"secret": "a" * 51}, "InvalidParameterValue", "AccessKeySecret"),
        ({"secret": "with-a-dash"}, "InvalidParameterValue", "AccessKeySecret"),
        ({"name": ""}, "InvalidParameterValue", "SecretName: must not be empty"),
        ({"name": " "}, "InvalidParameterValue", "SecretName: must not be empty"),
        ({"name": "n" * 51}, "InvalidParameterValue.LengthExceeded", "51 characters, at most 50"),
    ],
)
def test_what_is_wrong_with_a_key_is_named(wrong: dict[str, str], code: str, said: str) -> None:
    with pytest.raises(InvalidValue, match=said) as refused:
        key(**wrong)
    assert refused.value.code == code


def test_a_refused_secret_is_not_told() -> None:
    with pytest.raises(InvalidValue) as refused:
        key(secret="hush-hush-hush")
    assert "hush" not in refused.value.message


def test_a_key_in_a_log_shows_no_secret() -> None:
    assert repr(key()) == "<Key: AKIDbob, enabled>"
    assert repr(key(enabled=False)) == "<Key: AKIDbob, disabled>"
