"""Remembering: what a deploy left is known the next time, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from huidu.project.flaw import Flaw
from huidu.project.remembering import file_of, forget, keep, recall
from huidu.project.there import Left, There, left_by

LEFT = Left(digest="d", revisions=(("release", 3),), online=(("test", "v1"),))


def test_what_is_kept_is_recalled(tmp_path: Path) -> None:
    file = file_of(tmp_path, "http://127.0.0.1:9000", "dev", "shop")
    assert recall(file) is None

    keep(file, LEFT)
    keep(file, LEFT)
    assert recall(file) == LEFT
    forget(file)
    forget(file)
    assert recall(file) is None
    keep(file, LEFT)
    assert [one.name for one in file.parent.iterdir()] == ["127.0.0.1-9000_dev_shop.json"]


def test_each_server_stage_and_function_is_remembered_for_itself(tmp_path: Path) -> None:
    files = {
        file_of(tmp_path, endpoint, stage, function)
        for endpoint in ("http://a:1", "https://b:1")
        for stage in ("dev", "test")
        for function in ("f", "g")
    }
    assert len(files) == 8


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"digest": 1, "revisions": 2, "online": 3}'])
def test_what_cannot_be_read_is_forgotten(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)

    assert recall(tmp_path / "file") is None


def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / ".huidu").write_text("a file")

    with pytest.raises(Flaw, match="cannot be written"):
        keep(file_of(tmp_path, "http://a:1", "dev", "f"), LEFT)


def test_where_nothing_is_nothing_is_left() -> None:
    assert left_by(There()) is None
