"""What services and their parts may be called."""

from __future__ import annotations

import random
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.model.paths import expression_of
from huidu.model.service import (
    ENVIRONMENTS,
    ID_LETTERS,
    METHODS,
    MOST_PATH,
    check_environment,
    check_method,
    check_path,
    new_id,
    placeholders,
    sub_domain,
)

draws = st.lists(st.floats(0, 1, exclude_max=True), min_size=8, max_size=8)
words = st.text(string.ascii_letters + string.digits + "-_", max_size=9)
names = words.map(lambda word: f"n{word}")


@given(draws)
def test_an_id_is_eight_letters_that_chance_chose(drawn: list[float]) -> None:
    made = new_id("service", iter(drawn).__next__)

    assert re.fullmatch(r"service-[a-z0-9]{8}", made)
    assert made[8:] == "".join(ID_LETTERS[int(one * 36)] for one in drawn)


def test_an_id_does_not_come_twice() -> None:
    dice = random.Random(1)

    assert len({new_id("api", dice.random) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_there_are_three_environments(name: str) -> None:
    assert check_environment(name) == name


@pytest.mark.parametrize("name", ["dev", "DEV", "Test", "", "production" * 9])
def test_any_other_environment_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="release, prepub, test") as refused:
        check_environment(name)
    assert refused.value.code == "InvalidParameterValue.InvalidEnv"
    assert ("is test" in refused.value.message) == (name.lower() == "dev")


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_known_in_any_case(method: str) -> None:
    assert check_method(method.lower()) == method


def test_any_other_method_is_refused() -> None:
    with pytest.raises(InvalidValue, match="EAT"):
        check_method("EAT")


@given(st.lists(st.one_of(words, names.map(lambda n: f"{{{n}}}")), max_size=5, unique=True))
def test_a_path_is_kept_as_it_is_and_tells_its_parameters(parts: list[str]) -> None:
    path = "/" + "/".join(parts)

    for form in ("", "=", "^~"):
        assert check_path(form + path) == form + path
        assert not form or placeholders(form + path) == ()
    assert placeholders(path) == tuple(p[1:-1] for p in parts if p.startswith("{"))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "user",
        "~/user",
        "^/user",
        "==/user",
        "/a b",
        "/a?b=1",
        "/a#b",
        "/a\x00b",
        "/a\nb",
        "/{a",
        "/a}",
        "/{}",
        "/{a b}",
        "/{1}",
        "/{{a}}",
        "/{a}/{a}",
        "/a(",
        "/[z-a]",
        "/a**",
        "/{2}",
        "/" + "a" * MOST_PATH,
    ],
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(InvalidValue, match="Path") as refused:
        check_path(path)
    assert refused.value.code == "InvalidParameterValue.InvalidApiRequestConfig"


@pytest.mark.parametrize(
    "path", [r"/\pL{200}", r"/(\pL{100})", "/(?:a?){900}(?:a?){900}(?:a?){900}"]
)
def test_an_expression_is_refused_that_would_not_be_read_or_take_long(path: str) -> None:
    with pytest.raises(InvalidValue, match=r"pattern too large|steps"):
        check_path(path)


@pytest.mark.parametrize(
    "path", [r"/\pL+/{id}", "/{a}/{b}/{c}", "/(a|b){1,50}/{id}", "/[0-9]{1,20}"]
)
def test_a_path_that_is_taken_is_read_as_the_expression_that_it_is(path: str) -> None:
    assert expression_of(check_path(path)) is not None


@pytest.mark.parametrize("path", ["/a/.*", r"/(\d+)/?", "/[0-9]{2,3}", "/(a|b)/{id}/.+", "/a.b-c"])
def test_a_path_may_be_an_expression(path: str) -> None:
    assert check_path(path) == path
    assert placeholders(path) == (("id",) if "id" in path else ())


def test_a_service_has_a_host_of_its_own_as_the_cloud_spells_it() -> None:
    known = sub_domain("service-1", "125", "ap-guangzhou")
    assert known == "service-1-125.gz.apigw.tencentcs.com"
    assert sub_domain("service-1", "125", "moon") == "service-1-125.moon.apigw.tencentcs.com"
