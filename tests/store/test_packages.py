"""Packages come back to the last bit; what has changed is found out, and what is old forgotten."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huidu.model.errors import Failed
from huidu.model.function import Code
from huidu.store.archive import Limits
from huidu.store.packages import BLOCK_BYTES, Packages, manifest

HELLO = b"def main_handler(event, context):\n    return 'hello'\n"
DAY = 86_400.0


def zipped(contents: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> bytes:
    """A zip file; where no mode is given, it says nothing of modes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, 0) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED if len(content) % 2 else zipfile.ZIP_STORED
            archive.writestr(entry, content)
    return written.getvalue()


PACKAGE = zipped(
    {"index.py": HELLO, "bin/tool": b"#!/bin/sh\n", "lib/": b"", "lib/first": b"../index.py"},
    {"bin/tool": 0o104755, "lib/": 0o40700, "lib/first": 0o120777},
)


def files(home: Path) -> list[Path]:
    return sorted(place for place in home.rglob("*") if not place.is_dir())


def zip_file(home: Path, code: Code) -> Path:
    return home / "zip" / code.sha256[:2] / f"{code.sha256}.zip"


def later(seconds: float = DAY) -> float:
    return time.time() + seconds


def test_a_package_is_known_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    code = packages.keep(PACKAGE)

    assert code == Code(hashlib.sha256(PACKAGE).hexdigest(), len(PACKAGE))
    assert files(tmp_path) == [zip_file(tmp_path, code)]
    assert packages.read(code) == PACKAGE


def test_what_is_kept_is_for_the_platform_alone(tmp_path: Path) -> None:
    Packages(tmp_path / "some" / "where")

    assert stat.S_IMODE((tmp_path / "some" / "where").stat().st_mode) == 0o700


def test_keeping_a_package_again_changes_nothing_but_its_age(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    code = packages.keep(PACKAGE)
    before = zip_file(tmp_path, code).stat()
    os.utime(zip_file(tmp_path, code), (0, 0))

    assert packages.keep(PACKAGE) == code
    after = zip_file(tmp_path, code).stat()
    assert after.st_ino == before.st_ino
    assert after.st_mtime >= before.st_mtime


def test_a_tree_has_the_files_the_links_and_the_executable_bits(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    tree = packages.unpacked(packages.keep(PACKAGE))
    modes = {
        str(place.relative_to(tree)): stat.filemode(place.lstat().st_mode)
        for place in [tree, *tree.rglob("*")]
    }

    assert modes == {
        ".": "dr-xr-xr-x",
        "index.py": "-r--r--r--",
        "bin": "dr-xr-xr-x",
        "bin/tool": "-r-xr-xr-x",
        "lib": "dr-xr-xr-x",
        "lib/first": "lrwxrwxrwx",
    }
    assert (tree / "lib" / "first").read_bytes() == HELLO
    assert tree == tmp_path / "tree" / tree.name[:2] / hashlib.sha256(PACKAGE).hexdigest()


PARTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:"),
    min_size=1,
    max_size=9,
).filter(lambda part: part not in (".", ".."))
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
CONTENTS = st.binary(max_size=64) | st.integers(0, 600_000).map(bytes)


@settings(deadline=None)
@given(found=st.dictionaries(PATHS, st.tuples(CONTENTS, st.booleans()), min_size=1))
def test_what_was_packed_comes_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, found: dict[str, tuple[bytes, bool]]
) -> None:
    above = {path[:at] for path in found for at, letter in enumerate(path) if letter == "/"}
    packed = {path: held for path, held in found.items() if path not in above}
    packages = Packages(tmp_path_factory.mktemp("packages"))
    modes = {path: 0o100755 if runs else 0o100644 for path, (_, runs) in packed.items()}
    code = packages.keep(zipped({path: held for path, (held, _) in packed.items()}, modes))
    tree = packages.unpacked(code)

    assert {
        str(place.relative_to(tree)): (place.read_bytes(), bool(place.stat().st_mode & 0o100))
        for place in tree.rglob("*")
        if place.is_file()
    } == packed
    packages.verify(code)


def test_a_package_stays_readable_when_the_limits_shrink(tmp_path: Path) -> None:
    code = Packages(tmp_path).keep(PACKAGE)
    small = Limits(zip_bytes=1, unpacked_bytes=1, entries=1, path_bytes=1, depth=1)

    assert Packages(tmp_path, small).unpacked(code).is_dir()


def test_a_home_may_lie_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to("disk")
    packages = Packages(tmp_path / "home")

    assert packages.unpacked(packages.keep(PACKAGE)).is_dir()


@pytest.mark.parametrize("sha256", ["0" * 64, "", "../../etc", "A" * 64, "é" * 64])
def test_a_package_that_is_not_here_is_missed_by_name(tmp_path: Path, sha256: str) -> None:
    packages = Packages(tmp_path)
    for use in (packages.read, packages.unpacked):
        with pytest.raises(Failed) as no:
            use(Code(sha256, 1))
        assert no.value.code == "FailedOperation.CodeMissing"


def test_a_zip_file_that_changed_on_disk_is_refused_until_it_is_kept_again(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    code = packages.keep(PACKAGE)
    hurt = zipped({"index.py": b"import evil"})
    zip_file(tmp_path, code).write_bytes(hurt)

    with pytest.raises(Failed) as no:
        packages.unpacked(code)
    assert no.value.code == "FailedOperation.CodeCorrupt"
    assert code.sha256 in no.value.message
    assert hashlib.sha256(hurt).hexdigest() in no.value.message
    assert not (tmp_path / "tree" / code.sha256[:2]).exists()
    packages.keep(PACKAGE)
    assert (packages.unpacked(code) / "index.py").read_bytes() == HELLO


def change_a_byte(tree: Path) -> None:
    (tree / "index.py").chmod(0o644)
    (tree / "index.py").write_bytes(HELLO.replace(b"hello", b"jello"))
    (tree / "index.py").chmod(0o444)


def change_a_mode(tree: Path) -> None:
    (tree / "index.py").chmod(0o555)


def add_a_file(tree: Path) -> None:
    tree.chmod(0o755)
    (tree / "more.py").write_bytes(b"")


def add_a_pipe(tree: Path) -> None:
    tree.chmod(0o755)
    os.mkfifo(tree / "pipe")


def remove_a_file(tree: Path) -> None:
    tree.chmod(0o755)
    (tree / "index.py").unlink()


def rename_a_file(tree: Path) -> None:
    tree.chmod(0o755)
    (tree / "index.py").rename(tree / "other.py")


def turn_a_link(tree: Path) -> None:
    (tree / "lib").chmod(0o755)
    (tree / "lib" / "first").unlink()
    (tree / "lib" / "first").symlink_to("/etc/passwd")
    (tree / "lib").chmod(0o555)


def lose_the_manifest(tree: Path) -> None:
    tree.with_name(f"{tree.name}.manifest").unlink()


def garble_the_manifest(tree: Path) -> None:
    tree.with_name(f"{tree.name}.manifest").write_bytes(b"\xff")


def lose_the_tree(tree: Path) -> None:
    tree.chmod(0o755)
    tree.rename(tree.with_name("elsewhere"))


def put_a_file_there(tree: Path) -> None:
    lose_the_tree(tree)
    tree.write_bytes(b"")


def put_a_link_there(tree: Path) -> None:
    lose_the_tree(tree)
    tree.symlink_to("elsewhere")


@pytest.mark.parametrize(
    "hurt",
    [
        change_a_byte,
        change_a_mode,
        add_a_file,
        add_a_pipe,
        remove_a_file,
        rename_a_file,
        turn_a_link,
        lose_the_manifest,
        garble_the_manifest,
        lose_the_tree,
        put_a_file_there,
        put_a_link_there,
    ],
)
def test_a_tree_that_changed_is_found_out_and_healed_by_the_next_to_come(
    tmp_path: Path, hurt: Callable[[Path], None]
) -> None:
    packages = Packages(tmp_path)
    code = packages.keep(PACKAGE)
    tree = packages.unpacked(code)
    whole = manifest(tree)
    packages.verify(code)
    hurt(tree)

    with pytest.raises(Failed, match="unpacked tree") as no:
        packages.verify(code)
    assert no.value.code == "FailedOperation.CodeCorrupt"
    packages = Packages(tmp_path)
    assert packages.unpacked(code) == tree
    assert manifest(tree) == whole
    packages.verify(code)
    assert not any((tmp_path / "aside").iterdir())


def test_a_tree_that_was_lost_while_in_use_is_made_again(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    code = packages.keep(PACKAGE)
    lose_the_tree(packages.unpacked(code))

    assert (packages.unpacked(code) / "index.py").read_bytes() == HELLO


def test_a_sound_tree_is_looked_at_once_and_left_alone(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    code = packages.keep(PACKAGE)
    made = packages.unpacked(code).stat().st_ino
    zip_file(tmp_path, code).unlink()

    assert packages.unpacked(code).stat().st_ino == made
    assert Packages(tmp_path).unpacked(code).stat().st_ino == made


def test_what_nobody_needs_is_forgotten_once_it_is_old(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    needed, doomed, young = (
        packages.keep(zipped({"index.py": text})) for text in (b"needed", b"doomed", b"young")
    )
    for code in (needed, doomed):
        packages.unpacked(code)
        os.utime(zip_file(tmp_path, code), (1000, 1000))

    assert packages.forget([needed.sha256], older_than_s=60, now=1060) == []
    assert packages.forget([needed.sha256], older_than_s=60, now=1061) == [doomed.sha256]
    assert packages.read(young)
    assert packages.unpacked(needed).is_dir()
    assert not any(doomed.sha256 in str(place) for place in tmp_path.rglob("*"))
    with pytest.raises(Failed, match="not stored here"):
        packages.unpacked(doomed)


def test_what_is_kept_again_is_young_again(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    code = packages.keep(PACKAGE)
    os.utime(zip_file(tmp_path, code), (1000, 1000))
    packages.keep(PACKAGE)

    assert packages.forget((), older_than_s=DAY, now=later(0)) == []
    assert packages.forget((), older_than_s=DAY, now=later(DAY + 60)) == [code.sha256]


def test_what_a_call_still_runs_is_not_forgotten(tmp_path: Path) -> None:
    in_use = Counter[str]()
    packages = Packages(tmp_path, in_use=in_use)
    code = packages.keep(PACKAGE)
    in_use[code.sha256] += 1

    assert packages.forget((), older_than_s=0, now=later()) == []
    del in_use[code.sha256]
    assert packages.forget((), older_than_s=0, now=later()) == [code.sha256]


def four(packages: Packages, tmp_path: Path) -> list[Code]:
    """Four packages, the first not used for longest, each unpacked to three blocks."""
    codes = [packages.keep(zipped({f"{n}.py": b"#" * 5000})) for n in range(4)]
    for age, code in enumerate(codes):
        tree = packages.unpacked(code)
        os.utime(tree.with_name(f"{tree.name}.manifest"), (age, age))
    return codes


def unpacked(tmp_path: Path, codes: list[Code]) -> list[int]:
    """Which of the packages lie unpacked."""
    there = {place.name for place in (tmp_path / "tree").glob("*/*") if place.is_dir()}
    return [number for number, code in enumerate(codes) if code.sha256 in there]


def test_trees_that_take_too_much_go_the_least_recently_used_first(tmp_path: Path) -> None:
    codes = four(Packages(tmp_path), tmp_path)
    packages = Packages(tmp_path, most_tree_bytes=2 * 3 * BLOCK_BYTES)

    assert packages.evict() == [codes[0].sha256, codes[1].sha256]
    assert unpacked(tmp_path, codes) == [2, 3]
    assert packages.evict() == []
    assert all(packages.read(code) for code in codes)
    assert not any((tmp_path / "aside").iterdir())


def test_a_tree_that_went_is_unpacked_by_the_next_to_ask_and_another_goes(tmp_path: Path) -> None:
    codes = four(Packages(tmp_path), tmp_path)
    packages = Packages(tmp_path, most_tree_bytes=2 * 3 * BLOCK_BYTES)
    packages.evict()

    assert (packages.unpacked(codes[0]) / "0.py").read_bytes() == b"#" * 5000
    assert unpacked(tmp_path, codes) == [0, 3]
    packages.verify(codes[0])


def test_a_tree_that_is_asked_for_counts_as_used(tmp_path: Path) -> None:
    packages = Packages(tmp_path, most_tree_bytes=4 * 3 * BLOCK_BYTES)
    codes = four(packages, tmp_path)
    packages.unpacked(codes[0])
    packages.unpacked(packages.keep(PACKAGE))

    assert 0 in unpacked(tmp_path, codes)
    assert 1 not in unpacked(tmp_path, codes)


def test_a_tree_in_use_stays_and_one_asked_for_alone_may_be_too_large(tmp_path: Path) -> None:
    in_use = Counter[str]()
    codes = four(Packages(tmp_path), tmp_path)
    packages = Packages(tmp_path, most_tree_bytes=1, in_use=in_use)
    in_use.update([codes[0].sha256, codes[2].sha256])

    packages.evict()
    assert unpacked(tmp_path, codes) == [0, 2]
    packages.verify(codes[0])
    packages.unpacked(codes[1])
    assert unpacked(tmp_path, codes) == [0, 1, 2]


def test_what_lies_among_the_trees_and_is_none_stays(tmp_path: Path) -> None:
    packages = Packages(tmp_path, most_tree_bytes=1)
    (tmp_path / "tree" / "no").mkdir()
    (tmp_path / "tree" / "no" / "such.manifest").touch()
    (tmp_path / "tree" / "no" / f"{'0' * 64}.manifest").touch()

    assert packages.evict() == []


def test_a_tree_is_never_taken_from_under_those_who_use_it(tmp_path: Path) -> None:
    """Threads that take packages into use and read them, while others evict what they can."""
    in_use = Counter[str]()
    codes = four(Packages(tmp_path), tmp_path)
    packages = Packages(tmp_path, most_tree_bytes=1, in_use=in_use)
    turn, ended = threading.Lock(), threading.Event()

    def use(number: int) -> int:
        for turns in range(60):
            code = codes[(number + turns) % 4]
            with turn:
                in_use[code.sha256] += 1
            tree = packages.unpacked(code)
            for _ in range(5):
                assert next(tree.iterdir()).stat().st_size == 5000
            with turn:
                in_use[code.sha256] -= 1
                if not in_use[code.sha256]:
                    del in_use[code.sha256]
        return number

    def evict() -> None:
        while not ended.is_set():
            packages.evict()

    with ThreadPoolExecutor(5) as threads:
        evicting = [threads.submit(evict) for _ in range(2)]
        try:
            assert list(threads.map(use, range(3))) == [0, 1, 2]
        finally:
            ended.set()
        assert [one.result() for one in evicting] == [None, None]


def test_who_comes_just_as_a_tree_is_found_unused_has_one(tmp_path: Path) -> None:
    found: list[Path] = []
    comers: list[threading.Thread] = []

    class Unlucky(Counter[str]):
        """Is told of a new use just after it has said that there is none."""

        def __contains__(self, key: object) -> bool:
            if comers and comers[0].ident is None:
                comers[0].start()
                comers[0].join(0.1)
            return False

    packages = Packages(tmp_path, in_use=Unlucky())
    code = packages.keep(PACKAGE)
    packages.unpacked(code)
    comers.append(threading.Thread(target=lambda: found.append(packages.unpacked(code))))
    packages._remove_tree(code.sha256)
    comers[0].join()

    assert (found[0] / "index.py").read_bytes() == HELLO


def test_files_of_others_are_not_forgotten(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    (tmp_path / "zip" / "no").mkdir()
    (tmp_path / "zip" / "no" / "package.zip").touch()

    assert packages.forget((), older_than_s=0, now=later()) == []


def test_other_troubles_of_a_disk_are_not_taken_for_a_full_one(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    (tmp_path / "zip" / hashlib.sha256(PACKAGE).hexdigest()[:2]).touch()

    with pytest.raises(FileExistsError):
        packages.unpacked(Code(hashlib.sha256(PACKAGE).hexdigest(), len(PACKAGE)))
