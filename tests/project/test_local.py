"""A project where it is developed: the same routing, with `$LATEST` for what is published."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from huidu.project.files import items_in
from huidu.project.flaw import Flaw
from huidu.project.ignored import Ignored
from huidu.project.local import Local, localized
from huidu.project.packing import Memory, pack
from huidu.project.reading import read

HEAD = "component: scf\nname: shop\ninputs:\n  runtime: Python3.11\n"


def local(folder: Path, text: str, **variables: str) -> Local:
    (folder / "serverless.yml").write_text(HEAD + text)
    return localized(read(folder, {}), variables)


def test_what_is_published_leads_to_the_code_that_is_edited(tmp_path: Path) -> None:
    found = local(tmp_path, "  publish: true\n  traffic: 0\naliases: {release: {}}\n")

    assert [(alias.name, alias.version) for alias in found.project.aliases] == [
        ("release", "$LATEST")
    ]
    assert not found.project.publishes
    assert found.project.traffic.latest is None


def test_versions_that_are_named_by_numbers_have_others_stand_in(tmp_path: Path) -> None:
    text = (
        'aliases:\n  beta: {version: 57, weights: {published: 0.1}}\n  old: {version: "9"}\n'
        "rules:\n  - {alias: old, key: invoke.headers.User, expression: Bob, version: published}\n"
    )
    found = local(tmp_path, text)
    beta, old = found.project.aliases

    assert found.stand_ins == {"9": "1", "57": "2"}
    assert (beta.version, beta.weights) == ("2", (("$LATEST", 0.1),))
    assert (old.version, old.rules[0].version) == ("1", "$LATEST")


def test_shares_of_one_version_are_one(tmp_path: Path) -> None:
    found = local(tmp_path, "aliases: {release: {version: $LATEST, weights: {published: 0.2}}}\n")

    assert found.project.aliases[0].weights == ()


def test_an_alias_that_somebody_made_by_hand_is_made_here(tmp_path: Path) -> None:
    found = local(tmp_path, "  events:\n    - http: {parameters: {qualifier: live}}\n")

    assert [(one.name, one.version) for one in found.project.aliases] == [("live", "$LATEST")]


def test_local_variables_win(tmp_path: Path) -> None:
    found = local(
        tmp_path, "  environment: {variables: {AA: file, BB: file}}\n", BB="here", CC="here"
    )

    assert dict(found.project.function.configuration.environment) == {
        "AA": "file",
        "BB": "here",
        "CC": "here",
    }


def test_a_local_variable_that_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(Flaw, match="--env: Environment key '1'"):
        local(tmp_path, "", **{"1": "x"})


def test_what_was_packed_before_is_packed_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1\n" * 500)
    (tmp_path / "bß.py").write_text("2\n" * 500)
    (tmp_path / "run").touch(0o755)
    for file in tmp_path.iterdir():
        os.utime(file, (1, 1))
    memory = Memory()

    first = pack([*items_in(tmp_path, Ignored(()))], memory=memory)
    assert len(memory.pressed) == 3
    (tmp_path / "a.py").write_text("3\n" * 500)
    again = pack([*items_in(tmp_path, Ignored(()))], memory=memory)

    assert again.zip_bytes == pack([*items_in(tmp_path, Ignored(()))]).zip_bytes
    assert again.sha256 != first.sha256
    assert {stamp.name for stamp in memory.pressed} == {"bß.py", "run"}, "it may change again"
    packed = tmp_path.with_suffix(".zip")
    packed.write_bytes(again.zip_bytes)
    with ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert archive.read("a.py").startswith(b"3")
