"""Whoever is killed, whoever else writes and however full the disk: packages stay whole."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from huidu.model.errors import Failed
from huidu.model.function import Code
from huidu.store.aside import Aside
from huidu.store.packages import Packages


def package(content: bytes) -> bytes:
    """A package of nine files."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for n in range(9):
            archive.writestr(f"lib/{n}.py", content)
    return written.getvalue()


def files(home: Path) -> Iterator[Path]:
    return (place for place in home.rglob("*") if not place.is_dir())


#: Keeps and unpacks what it is told on its standard input, and says what came of it.
WORKER = """
import sys
from pathlib import Path
from huidu.store.packages import Packages, manifest
packages = Packages(Path(sys.argv[1]))
for line in sys.stdin:
    code = packages.keep(Path(line.strip()).read_bytes())
    print(manifest(packages.unpacked(code)), flush=True)
"""

#: Keeps and unpacks one new package of 20 MB after the other, until it is killed.
RESTLESS = """
import io, os, sys, zipfile
from pathlib import Path
from huidu.store.packages import Packages
packages = Packages(Path(sys.argv[1]))
while True:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for n in range(20):
            archive.writestr(f"lib/{n}.py", os.urandom(1_000_000))
    packages.unpacked(packages.keep(written.getvalue()))
"""

#: Fills a disk of 2 MB, and shows that packages go on where they can.
CROWDED = """
import io, os, sys, time, zipfile
from pathlib import Path
from huidu.model.errors import Failed
from huidu.store.packages import Packages

def zipped(content):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.py", content)
    return written.getvalue()

def refused(use, what):
    try:
        use(what)
    except Failed as no:
        assert no.code == "FailedOperation.DiskFull", no.code
        assert "is full" in no.message
    else:
        raise AssertionError("there was room")

home = Path(sys.argv[1])
packages = Packages(home)
small = packages.keep(zipped(b"x"))
packages.unpacked(small)
before = sorted(str(place) for place in home.rglob("*") if place.is_file())
refused(packages.keep, zipped(os.urandom(3_000_000)))
assert before == sorted(str(place) for place in home.rglob("*") if place.is_file())
bomb = packages.keep(zipped(bytes(4_000_000)))
refused(packages.unpacked, bomb)
assert not any((home / "aside").iterdir())
assert [place.name for place in home.glob("tree/*/*.manifest")] == [small.sha256 + ".manifest"]
try:
    (home / "filler").write_bytes(bytes(4_000_000))
except OSError:
    pass
refused(packages.keep, zipped(b"y" * 9))
assert packages.read(small)
gone = packages.forget((), older_than_s=0, now=time.time() + 60)
assert sorted(gone) == sorted([small.sha256, bomb.sha256])
print("done")
"""


def worker(script: str, home: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", script, str(home)], stdin=pipe, stdout=pipe, text=True
    )


def test_two_processes_may_keep_and_unpack_the_same_package_at_once(tmp_path: Path) -> None:
    sources = []
    for n in range(20):
        sources.append(tmp_path / f"{n}.zip")
        sources[-1].write_bytes(package(b"%d" % n * 50_000))
    told = "".join(f"{source}\n" for source in sources)
    with worker(WORKER, tmp_path / "home") as one, worker(WORKER, tmp_path / "home") as other:
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write(told)
            process.stdin.close()
        said = [process.stdout.read() if process.stdout else "" for process in (one, other)]

    assert (one.returncode, other.returncode) == (0, 0)
    assert said[0] == said[1]
    assert len(set(said[0].split())) == 20
    assert not any((tmp_path / "home" / "aside").iterdir())


@pytest.mark.parametrize("named", ["zip/??/*.zip", "tree/??/*.manifest", f"tree/??/{'?' * 64}"])
@pytest.mark.parametrize("count", [1, 2])
def test_what_has_a_name_is_whole_even_if_its_maker_is_killed_as_it_gets_it(
    tmp_path: Path, named: str, count: int
) -> None:
    with worker(RESTLESS, tmp_path) as restless:
        while sum(1 for _ in tmp_path.glob(named)) < count:
            assert restless.poll() is None
        restless.kill()

    trees = {tree.stem for tree in tmp_path.glob(f"tree/??/{'?' * 64}")}
    packages = Packages(tmp_path)
    assert not any((tmp_path / "aside").iterdir())
    for kept in tmp_path.glob("zip/??/*.zip"):
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == kept.stem
        code = Code(kept.stem, kept.stat().st_size)
        if kept.stem in trees:
            packages.verify(code)
        assert packages.unpacked(code).is_dir()


def test_a_full_disk_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=2m none "$1" && shift && exec "$@"'
    run = [sys.executable, "-c", CROWDED, str(tmp_path)]
    alone = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh", str(tmp_path)]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")

    assert subprocess.run([*alone, *run], capture_output=True, check=True).stdout == b"done\n"


def test_a_file_that_may_not_grow_is_as_good_as_a_full_disk(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with pytest.raises(Failed, match="that keeps the packages is full") as no:
            packages.keep(package(bytes(2**20)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert no.value.code == "FailedOperation.DiskFull"
    assert not any(files(tmp_path))


@pytest.fixture
def nobodys_home() -> Iterator[Path]:
    """A home of somebody who is not root, for the length of a test that is run as them."""
    with tempfile.TemporaryDirectory() as home:
        root = os.geteuid() == 0
        if root:
            os.chown(home, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(home)
        finally:
            if root:
                os.seteuid(0)


def test_packages_need_not_be_root_to_make_heal_and_forget_what_is_read_only(
    nobodys_home: Path,
) -> None:
    packages = Packages(nobodys_home)
    code = packages.keep(package(b"x"))
    tree = packages.unpacked(code)
    with pytest.raises(PermissionError):
        (tree / "lib" / "0.py").unlink()
    with pytest.raises(PermissionError):
        (tree / "lib" / "0.py").write_bytes(b"y")
    (tree / "lib" / "0.py").chmod(0)

    with pytest.raises(Failed, match="cannot be read"):
        packages.verify(code)
    assert Packages(nobodys_home).unpacked(code) == tree
    (tree / "lib").chmod(0)
    assert Packages(nobodys_home).unpacked(code) == tree
    packages.verify(code)
    assert packages.forget((), older_than_s=0, now=time.time() + 60) == [code.sha256]
    assert not any(files(nobodys_home))


def test_two_may_forget_at_once(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    for n in range(50):
        packages.unpacked(packages.keep(package(b"%d" % n)))
    with ThreadPoolExecutor(4) as threads:
        runs = [
            threads.submit(Packages(tmp_path).forget, (), older_than_s=0, now=time.time() + 60)
            for _ in range(4)
        ]

    forgotten = [sha256 for run in runs for sha256 in run.result()]
    assert len(forgotten) == len(set(forgotten)) == 50
    assert not any(files(tmp_path))


def test_what_the_killed_left_aside_is_swept_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    left = tmp_path / "aside" / "0123" / "tree" / "lib"
    left.mkdir(parents=True)
    (left / "index.py").touch()
    left.chmod(0o555)
    with Aside(tmp_path / "aside").lend() as mine:
        Packages(tmp_path)

        assert list((tmp_path / "aside").iterdir()) == [mine]
    assert not any((tmp_path / "aside").iterdir())


def test_whoever_sweeps_takes_nothing_from_under_those_who_begin(tmp_path: Path) -> None:
    def sweep_and_begin(_: int) -> None:
        with Aside(tmp_path / "aside").lend() as mine:
            (mine / "draft").touch()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(sweep_and_begin, range(400))) == [None] * 400


def test_many_threads_may_want_the_same_package_at_once(tmp_path: Path) -> None:
    packages = Packages(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        codes = set(threads.map(packages.keep, [package(b"same")] * 16))
        trees = set(threads.map(packages.unpacked, [*codes] * 16))

    assert len(codes) == len(trees) == 1
    assert len(list(files(tmp_path))) == 1 + 1 + 9
    packages.verify(*codes)
