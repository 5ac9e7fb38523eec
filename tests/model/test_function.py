"""What a function may be configured to, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue, LimitExceeded, Refusal
from huidu.model.function import (
    EVENT,
    MOST_ENVIRONMENT_BYTES,
    Code,
    Configuration,
    Function,
    FunctionName,
    Layer,
    check_handler,
    environment_of,
)

FILES = Code("aa" * 32, 100)
PLAIN = Configuration(handler="index.main_handler", runtime="Python3.10")


def test_what_is_not_said_is_as_in_the_cloud() -> None:
    """Section 4.1."""
    assert (PLAIN.memory_mb, PLAIN.timeout_s, PLAIN.init_timeout_s) == (128, 3, 65)
    assert PLAIN.type == EVENT == "Event"


@pytest.mark.parametrize(
    "change",
    [
        *({"memory_mb": mb} for mb in (64, 128, 256, 1024, 3072)),
        *({"timeout_s": s} for s in (1, 3, 900)),
        *({"init_timeout_s": s} for s in (1, 65, 300)),
        {"environment": ()},
        {"environment": (("AB", ""),)},
        {"environment": (("a1", "x"), ("A" * 64, "灰度\n"))},
        {"environment": (("AB", "x" * (MOST_ENVIRONMENT_BYTES - 2)),)},
        {"environment": (("MY_SCF_", "x"), ("SCF", "x"), ("SCFX", "x"))},
        {"layers": tuple(Layer(f"l{n}", 1, FILES) for n in range(5))},
    ],
    ids=str,
)
def test_a_configuration_that_is_right_is_taken(change: dict[str, Any]) -> None:
    changed = replace(PLAIN, **change)

    assert {name: getattr(changed, name) for name in change} == change


def environment(*keys: str, value: str = "x") -> dict[str, Any]:
    return {"environment": tuple((key, value) for key in keys)}


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        *(
            ({"memory_mb": mb}, "InvalidParameterValue.MemorySize", f"MemorySize {mb}: ")
            for mb in (-128, -64, 0, 1, 63, 65, 127, 129, 192, 3000)
        ),
        *(
            ({"memory_mb": mb}, "LimitExceeded.Memory", f"MemorySize {mb}: at most 3072")
            for mb in (3073, 3200, 10**9)
        ),
        *(
            ({"timeout_s": s}, "LimitExceeded.Timeout", f"Timeout {s}: must be 1 to 900")
            for s in (-1, 0, 901)
        ),
        *(
            ({"init_timeout_s": s}, "LimitExceeded.InitTimeout", f"InitTimeout {s}: must be 1 to")
            for s in (-1, 0, 301)
        ),
        *(
            (environment(key), "InvalidParameterValue.Environment", "Environment key ")
            for key in ("", "A", "1A", "_A", "A-B", "A B", "AB\n", "键", "A" * 65, "A=B", "AB\0")
        ),
        *(
            (
                environment(key),
                "InvalidParameterValue.EnvironmentSystemProtect",
                f"Environment key '{key}': the prefixes SCF_, QCLOUD_, TENCENTCLOUD_ are",
            )
            for key in ("SCF_RUNTIME", "SCF_", "QCLOUD_X", "TENCENTCLOUD_RUNENV", "scf_x")
        ),
        (
            environment("AB", value="a\0b"),
            "InvalidParameterValue.Environment",
            "Environment 'AB': a value may not hold NUL",
        ),
        (
            environment("AB", "CD", "AB"),
            "InvalidParameterValue.Environment",
            "Environment: a key is given twice",
        ),
        (
            environment("AB", value="x" * (MOST_ENVIRONMENT_BYTES - 1)),
            "InvalidParameterValue.EnvironmentExceededLimit",
            "Environment: 4097 bytes of keys and values, at most 4096",
        ),
        (
            environment("AB", value="的" * 1365),
            "InvalidParameterValue.EnvironmentExceededLimit",
            "Environment: 4097 bytes",
        ),
        (
            {"layers": tuple(Layer(f"l{n}", 1, FILES) for n in range(6))},
            "InvalidParameterValue.Layers",
            "Layers: 6 layers, at most 5",
        ),
    ],
)
def test_a_configuration_that_is_wrong_is_refused_and_the_field_named(
    change: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(Refusal) as refused:
        replace(PLAIN, **change)

    assert isinstance(refused.value, InvalidValue | LimitExceeded)
    assert refused.value.code == code
    assert refused.value.message.startswith(message)


@given(memory_mb=st.integers(-200, 4000))
def test_memory_is_64_or_a_multiple_of_128_up_to_3072(memory_mb: int) -> None:
    try:
        replace(PLAIN, memory_mb=memory_mb)
    except Refusal:
        taken = False
    else:
        taken = True

    assert taken is (memory_mb in (64, *range(128, 3073, 128)))


@pytest.mark.parametrize(
    "handler",
    [
        "index.main_handler",
        "index.handler2",
        "i.h",
        "src/app/index.main",
        "my-file.my-handler",
        "Index.Handler_",
        f"{'a' * 60}.{'b' * 60}",
    ],
)
def test_a_handler_is_a_file_and_a_function_in_it(handler: str) -> None:
    assert check_handler(handler) == handler


@pytest.mark.parametrize(
    "handler",
    [
        "",
        ".",
        "index",
        "index.",
        ".main",
        "index.main.handler",
        "index/main",
        "/etc/index.main",
        "../index.main",
        "src/../index.main",
        "src//index.main",
        "index.main/handler",
        "1index.main",
        "index.1main",
        "_index.main",
        "index-.main",
        "index.main-",
        "in dex.main",
        "index.main\n",
        "索引.main",
        f"{'a' * 61}.main",
        "x" * 10_000,
    ],
)
def test_what_names_no_file_in_the_package_is_refused(handler: str) -> None:
    with pytest.raises(InvalidValue, match=r"^Handler '") as refused:
        check_handler(handler)

    assert refused.value.code == "InvalidParameterValue.Handler"
    assert len(refused.value.message) < 300


def test_a_function_is_made_in_a_namespace() -> None:
    named = FunctionName("default", "hello")

    assert str(named) == "default/hello"
    assert Function(named=named, id="lam-1").next_number == 1


@pytest.mark.parametrize(
    ("namespace", "name", "field"),
    [("", "hello", "Namespace"), ("a b", "hello", "Namespace"), ("default", "h", "FunctionName")],
)
def test_a_function_with_a_name_that_cannot_be_is_refused(
    namespace: str, name: str, field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        Function(named=FunctionName(namespace, name), id="lam-1")

    assert refused.value.code == f"InvalidParameterValue.{field}"
    assert refused.value.message.startswith(f"{field} ")


def test_functions_are_sorted_by_namespace_then_name() -> None:
    names = [FunctionName("b", "a"), FunctionName("a", "b"), FunctionName("a", "a")]

    assert [str(name) for name in sorted(names)] == ["a/a", "a/b", "b/a"]


@given(data=st.data(), variables=st.dictionaries(st.text(), st.text()))
def test_the_order_in_which_variables_were_given_is_forgotten(
    data: st.DataObject, variables: dict[str, str]
) -> None:
    shuffled = dict(data.draw(st.permutations(list(variables.items()))))

    assert environment_of(shuffled) == environment_of(variables)
    assert dict(environment_of(variables)) == variables
