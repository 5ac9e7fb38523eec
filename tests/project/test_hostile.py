"""A project that somebody else has made: it reads and writes where it should, or is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from huidu.project.dependencies import needs_of
from huidu.project.files import items_in
from huidu.project.flaw import Flaw
from huidu.project.ignored import Ignored
from huidu.project.reading import read
from huidu.project.remembering import file_of, forget, keep, recall
from huidu.project.templates import begin
from huidu.project.there import Left
from huidu.project.tree import tree_of

SCF = "component: scf\nname: shop\ninputs:\n  handler: index.main\n  runtime: Python3.10\n"


@pytest.mark.parametrize(
    "value",
    [
        *("9" * 5000, "!!int abc", "!!float abc", '"\\ud800"', '"a\\0b"'),
        "&a\n  <<: *a",
    ],
)
def test_a_value_that_is_none_is_refused_by_its_line(value: str) -> None:
    with pytest.raises(Flaw) as refused:
        tree_of(f"first: 1\na: {value}", "serverless.yml")

    assert refused.value.line in {2, 3}


@pytest.mark.parametrize(
    ("more", "inputs"),
    [
        (f"  src: {'a' * 5000}\n", {}),
        ("  src: loop\n", {}),
        ("  include: [loop]\n", {}),
        (f"stage: {'a' * 5000}\n", {}),
        ("", {"timeout": "9" * 5000}),
        ("  timeout: " + "9" * 4000, {}),
    ],
)
def test_what_cannot_be_looked_for_is_a_flaw(
    tmp_path: Path, more: str, inputs: dict[str, str]
) -> None:
    (tmp_path / "serverless.yml").write_text(SCF + more)
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(Flaw):
        read(tmp_path, {}, inputs=inputs)


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(Flaw, match="a: is a link to 'b'"):
        list(items_in(tmp_path, Ignored(())))


def test_a_template_is_not_written_through_a_link_to_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "index.py").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Flaw, match=r"index\.py already"):
        begin("python", tmp_path / "here", "shop")
    assert [one.name for one in (tmp_path / "here").iterdir()] == ["index.py"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_stage_of_any_length_is_remembered_in_its_place_and_nowhere_else(tmp_path: Path) -> None:
    left = Left(digest="d", revisions=(), online=())
    file = file_of(tmp_path, "http://a:1", "../" + "x" * 300, "f" * 300)

    file.parent.mkdir(parents=True)
    file.with_suffix(".new").symlink_to(tmp_path / "elsewhere")
    keep(file, left)
    assert not (tmp_path / "elsewhere").exists()
    assert (recall(file), file.parent) == (left, tmp_path / ".huidu" / "deployed")
    forget(file)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r /dev/zero\n")
    with pytest.raises(Flaw, match="/dev/zero: is no file"):
        needs_of(tmp_path, "Python3.10")

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "requirements.txt").write_text("-r pipe\n")
    with pytest.raises(Flaw, match="pipe: is no file"):
        needs_of(tmp_path, "Python3.10")


def test_files_that_include_the_next_twice_are_each_read_once(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n" * 2)
    (tmp_path / "40.txt").write_text("a==1\n")
    (tmp_path / "requirements.txt").write_text("-r 0.txt\n")

    found = needs_of(tmp_path, "Python3.10")

    assert found is not None
    assert len(found.contents) == 42
