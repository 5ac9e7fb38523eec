"""One family of refusals, and what each is called outside."""

from __future__ import annotations

import pytest

from huidu.model import errors
from huidu.model.errors import NotFound, Refusal

#: Every kind of refusal, and the family that the cloud API knows it by.
FAMILIES = {
    errors.InvalidParameter: "InvalidParameter",
    errors.InvalidValue: "InvalidParameterValue",
    errors.MissingParameter: "MissingParameter",
    errors.NotFound: "ResourceNotFound",
    errors.InUse: "ResourceInUse",
    errors.LimitExceeded: "LimitExceeded",
    errors.Failed: "FailedOperation",
    errors.Unsupported: "UnsupportedOperation",
    errors.AuthFailure: "AuthFailure",
    errors.Unavailable: "ResourceUnavailable",
    errors.UnknownAction: "InvalidAction",
    errors.UnknownVersion: "NoSuchVersion",
    errors.TooLarge: "RequestSizeLimitExceeded",
}


def test_every_kind_of_refusal_has_a_family_of_its_own() -> None:
    assert set(Refusal.__subclasses__()) == set(FAMILIES)
    assert len(set(FAMILIES.values())) == len(FAMILIES)


@pytest.mark.parametrize(("kind", "family"), FAMILIES.items())
def test_a_code_is_the_family_and_the_detail(kind: type[Refusal], family: str) -> None:
    assert kind("Name", "Name 'x': no").code == f"{family}.Name"


@pytest.mark.parametrize(
    ("kind", "family"), [(k, f) for k, f in FAMILIES.items() if k is not NotFound]
)
def test_without_a_detail_the_code_is_the_family_alone(kind: type[Refusal], family: str) -> None:
    assert kind("", "no").code == family


def test_what_is_in_no_family_is_an_internal_error() -> None:
    assert Refusal("", "the roof is gone").code == "InternalError"


def test_a_refusal_says_its_message() -> None:
    refusal = errors.InvalidValue("Name", "Name '1': must begin with a letter")

    assert str(refusal) == refusal.message == "Name '1': must begin with a letter"


@pytest.mark.parametrize(
    ("kind", "chinese"),
    [*errors.CHINESE.items(), ("Qualifier", "资源"), ("RequestId", "资源")],
)
def test_what_is_not_found_is_missed_in_the_words_that_clients_look_for(
    kind: str, chinese: str
) -> None:
    """D-17: some look for `is not found`, some for `未找到指定的`."""
    spoken = errors.SPOKEN.get(kind, kind)
    assert NotFound(kind, "x").message == f"{spoken} [x] is not found (未找到指定的{chinese})"


def test_what_is_not_found_may_come_with_a_hint() -> None:
    refusal = NotFound("FunctionVersion", "7", "; publish it first")

    assert refusal.message.endswith("(未找到指定的版本); publish it first")
