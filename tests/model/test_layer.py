"""What a version of a layer may be, and which functions it is for."""

from __future__ import annotations

from typing import Any

import pytest

from huidu.model.errors import InvalidValue
from huidu.model.function import Code, Layer
from huidu.model.layer import LayerVersion, check_apart

FILES = Code("aa" * 32, 100)


def made(**more: Any) -> LayerVersion:
    usual: dict[str, Any] = {
        "name": "numpy",
        "number": 3,
        "code": FILES,
        "runtimes": ("Python3.10",),
    }
    return LayerVersion(**usual | more)


@pytest.mark.parametrize("name", ["a", "A9", "a_b-c", "a" * 64])
def test_a_name_is_letters_and_digits(name: str) -> None:
    assert made(name=name).name == name


@pytest.mark.parametrize("name", ["", "9a", "a-", "a_", "a.b", "../a", "a" * 65, "灰"])
def test_another_name_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidValue, match="LayerName") as refused:
        made(name=name)
    assert refused.value.code == "InvalidParameterValue.LayerName"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"runtimes": ()}, "InvalidParameterValue.CompatibleRuntimes"),
        ({"runtimes": ("Python3.10",) * 51}, "InvalidParameterValue.CompatibleRuntimes"),
        ({"license": "x" * 257}, "InvalidParameterValue"),
        ({"description": "x" * 1001}, "InvalidParameterValue.Description"),
    ],
)
def test_what_a_layer_may_not_be(more: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        made(**more)
    assert refused.value.code == code


def test_a_function_of_a_runtime_that_it_is_for_gets_its_package() -> None:
    assert made().of("Python3.10") == Layer("numpy", 3, FILES)


def test_a_function_of_another_runtime_is_told_which_it_is_for() -> None:
    with pytest.raises(InvalidValue, match=r"numpy:3 is for Python3\.10, .* Nodejs16\.13"):
        made().of("Nodejs16.13")


def test_a_layer_is_named_once() -> None:
    check_apart([Layer("a", 1, FILES), Layer("b", 1, FILES)])
    with pytest.raises(InvalidValue, match="a is named twice"):
        check_apart([Layer("a", 1, FILES), Layer("a", 2, FILES)])
