"""What was published never changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.function import (
    Code,
    Configuration,
    FunctionName,
    Layer,
    environment_of,
)
from huidu.model.version import ACTIVE, Version, digest

HELLO = FunctionName("default", "hello")
CODE = Code("aa" * 32, 100)
FILES = Code("bb" * 32, 10)
CONFIGURATION = Configuration(
    handler="index.main_handler",
    runtime="Python3.10",
    environment=environment_of({"COLOR": "blue", "STAGE": "prod", "TITLE": "灰度"}),
    layers=(Layer("numpy", 3, FILES), Layer("certificates", 1, FILES)),
    settings=(("vpc_config", '{"VpcId": "vpc-1"}'),),
)
LATEST = Version(
    function=HELLO,
    function_id="lam-1",
    number="$LATEST",
    code=CODE,
    configuration=CONFIGURATION,
)

#: What the digest of `LATEST` was in release 0.1, where no function had layers.
PINNED = "c8abbd4d042b393ea87a89d96abb2da5e596585b03a3228a6151d105da3cd24b"

#: Every field of a configuration, and what it may be changed to, one way at a time.
OTHERWISE: Mapping[str, tuple[Any, ...]] = {
    "handler": ("index.other_handler",),
    "runtime": ("Python3.9",),
    "memory_mb": (64, 256),
    "timeout_s": (4,),
    "init_timeout_s": (66,),
    "environment": (
        (),
        environment_of({"COLOR": "blue", "STAGE": "prod"}),
        environment_of({"COLOR": "green", "STAGE": "prod", "TITLE": "灰度"}),
        environment_of({"COLOR": "prod", "STAGE": "blue", "TITLE": "灰度"}),
        environment_of({"COLOUR": "blue", "STAGE": "prod", "TITLE": "灰度"}),
        environment_of({"COLOR": "blue", "STAGE": "prod", "TITLE": "灰度", "DEBUG": ""}),
    ),
    "layers": (
        (),
        (Layer("numpy", 3, FILES),),
        (Layer("numpy", 4, FILES), Layer("certificates", 1, FILES)),
        (Layer("scipy", 3, FILES), Layer("certificates", 1, FILES)),
        (Layer("certificates", 1, FILES), Layer("numpy", 3, FILES)),
        (Layer("numpy", 3, CODE), Layer("certificates", 1, FILES)),
    ),
    "type": ("HTTP",),
    "role": ("admin",),
    "settings": (
        (),
        (("vpc_config", '{"VpcId": "vpc-2"}'),),
        (("cfs_config", '{"VpcId": "vpc-1"}'),),
    ),
}
EDITS = [(name, value) for name, values in OTHERWISE.items() for value in values]
edits = st.lists(
    st.sampled_from([*EDITS, ("code", Code("bb" * 32, 7)), ("description", "edited")]), min_size=1
)


def edited(version: Version, name: str, value: Any) -> Version:
    if name in ("code", "description"):
        return replace(version, **{name: value})
    return replace(version, configuration=replace(version.configuration, **{name: value}))


def test_every_field_of_a_configuration_is_edited_here() -> None:
    assert set(OTHERWISE) == {field.name for field in fields(Configuration)}


@pytest.mark.parametrize(("name", "value"), EDITS, ids=str)
def test_the_digest_changes_with_any_single_field(name: str, value: Any) -> None:
    assert edited(LATEST, name, value).digest != LATEST.digest


def test_no_two_edits_have_one_digest() -> None:
    digests = {edited(LATEST, name, value).digest for name, value in EDITS}

    assert len(digests) == len(EDITS)


def test_the_digest_changes_with_the_code() -> None:
    assert replace(LATEST, code=Code("bb" * 32, CODE.size_bytes)).digest != LATEST.digest


def test_the_digest_does_not_change_with_what_decides_nothing() -> None:
    other = replace(
        LATEST,
        number="7",
        function_id="lam-2",
        description="other words",
        status="PublishFailed",
        status_reason="for a reason",
        added_at=1.0,
        modified_at=2.0,
    )

    assert other.digest == LATEST.digest


def test_a_digest_is_what_it_was_in_every_release_before() -> None:
    """Published versions are held against theirs: a field that is new must not change it."""
    assert edited(LATEST, "layers", ()).digest == PINNED


@pytest.mark.parametrize(("name", "value"), EDITS, ids=str)
def test_a_digest_is_that_of_all_fields_written_out_in_order(name: str, value: Any) -> None:
    """The text of a configuration is remembered from one version to the next: never a wrong one."""
    version = edited(LATEST, name, value)
    told = asdict(version.configuration)
    usual = {field.name: field.default for field in fields(Configuration)}
    chosen = {
        name: told[name] for name in told if getattr(version.configuration, name) != usual[name]
    }
    whole = {"code": version.code.sha256, "configuration": chosen}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))

    assert version.digest == hashlib.sha256(text.encode()).hexdigest()


variables = st.dictionaries(
    st.from_regex(r"[A-Za-z][A-Za-z0-9_]{1,8}", fullmatch=True).filter(
        lambda key: not key.upper().startswith(("SCF_", "QCLOUD_"))
    ),
    st.text(max_size=10).filter(lambda value: "\0" not in value),
    max_size=5,
)


def digest_with(given_variables: Mapping[str, str]) -> str:
    return digest(CODE, replace(CONFIGURATION, environment=environment_of(given_variables)))


@given(data=st.data(), these=variables)
def test_the_digest_does_not_depend_on_the_order_of_the_environment(
    data: st.DataObject, these: dict[str, str]
) -> None:
    shuffled = dict(data.draw(st.permutations(list(these.items()))))

    assert digest_with(shuffled) == digest_with(these)


@given(these=variables, those=variables)
def test_two_environments_have_one_digest_only_if_they_are_one(
    these: dict[str, str], those: dict[str, str]
) -> None:
    assert (digest_with(these) == digest_with(those)) is (these == those)


@given(before=edits, after=edits)
def test_what_was_published_never_changes(
    before: list[tuple[str, Any]], after: list[tuple[str, Any]]
) -> None:
    """However `$LATEST` is edited, before and after, the published one is what was published."""
    latest = LATEST
    for name, value in before:
        latest = edited(latest, name, value)
    published = latest.published_as(1, "first", at=10.0)
    was = (published.digest, published.code, published.configuration)
    for name, value in after:
        latest = edited(latest, name, value)

    assert (published.digest, published.code, published.configuration) == was
    assert published.digest == digest(published.code, published.configuration)
    same = (latest.code.sha256, latest.configuration) == (was[1].sha256, was[2])
    assert (latest.digest == published.digest) is same


@pytest.mark.parametrize("name", ["configuration", "code", "digest", "number"])
def test_a_version_cannot_be_edited_in_place(name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(LATEST.published_as(1, "", at=0.0), name, None)


def test_publishing_gives_a_number_a_description_and_a_date() -> None:
    published = LATEST.published_as(12, "twelve", at=10.0)

    assert (published.number, published.description) == ("12", "twelve")
    assert (published.added_at, published.modified_at) == (10.0, 10.0)
    assert published.digest == LATEST.digest
    assert published.function_id == LATEST.function_id


def test_publishing_twice_makes_two_versions() -> None:
    """D-02: of one thing, each with a number of its own."""
    first, second = LATEST.published_as(1, "", at=1.0), LATEST.published_as(2, "", at=1.0)

    assert first != second
    assert first.digest == second.digest


def test_only_latest_is_the_latest() -> None:
    assert LATEST.is_latest
    assert not LATEST.published_as(1, "", at=0.0).is_latest


@pytest.mark.parametrize(
    ("status", "active"),
    [(ACTIVE, True), ("Publishing", False), ("PublishFailed", False), ("Deleting", False)],
)
def test_calls_are_sent_to_active_versions_only(status: str, *, active: bool) -> None:
    assert replace(LATEST, status=status).is_active is active
