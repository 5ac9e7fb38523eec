"""Packages: what is in them, what is not, and that the same files are the same bytes."""

from __future__ import annotations

import io
import json
import os
import stat
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.project import files
from huidu.project.files import Item, in_order, items_in
from huidu.project.flaw import Flaw
from huidu.project.ignored import Ignored, ignored_in
from huidu.project.packages import package_of
from huidu.project.packing import Package, Progress, pack
from huidu.project.reading import read
from huidu.store import archive, unzip

Packs = Callable[..., Package]


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    """Packs the project of the test's folder."""

    def run(yml: str = "component: scf\nname: demo\ninputs: {runtime: Python3.9}\n") -> Package:
        (tmp_path / "serverless.yml").write_text(yml)
        return package_of(read(tmp_path, {}), tmp_path / ".cache", say=lambda _: None)

    return run


def held(package: Package) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_same_files_are_the_same_bytes_whenever_and_however_they_came(tmp_path: Path) -> None:
    def zipped(name: str, order: tuple[str, ...], mode: int, when: float) -> bytes:
        folder = tmp_path / name
        folder.mkdir()
        for file in order:
            (folder / file).write_text(file)
            (folder / file).chmod(mode if file != "run" else mode | 0o100)
            os.utime(folder / file, (when, when))
        return pack(in_order(items_in(folder, Ignored(())))).zip_bytes

    first = zipped("one", ("b.py", "a.py", "run"), 0o600, 0)
    second = zipped("two", ("run", "a.py", "b.py"), 0o664, time.time())

    assert first == second
    modes = {entry.path: entry.executable for entry in unzip.check(first).entries}
    assert modes == {"a.py": False, "b.py": False, "run": True}


NAMES = st.from_regex(r"[a-z]{1,3}(/[a-zA-Z0-9_ -]{1,3}\.x){0,2}", fullmatch=True)


@given(st.dictionaries(NAMES, st.tuples(st.binary(max_size=99), st.booleans()), min_size=1))
def test_what_is_packed_is_what_the_server_unpacks(
    contents: dict[str, tuple[bytes, bool]],
) -> None:
    below = {name for name in contents for other in contents if name.startswith(f"{other}/")}
    packed = [
        Item(name=name, size_bytes=len(text), text=text, executable=executable)
        for name, (text, executable) in contents.items()
        if name not in below
    ]
    zipped = pack(in_order(reversed(packed))).zip_bytes

    found = unzip.check(zipped).entries
    assert {
        entry.path: (b"".join(unzip.inflate(zipped, entry)), entry.executable) for entry in found
    } == {item.name: (item.text, item.executable) for item in packed}


def test_other_content_other_names_and_other_modes_are_other_packages() -> None:
    def digest(**changed: object) -> str:
        item = Item(**({"name": "a", "size_bytes": 1, "text": b"x"} | changed))  # type: ignore[arg-type]
        return pack([item]).sha256

    digests = {digest(), digest(text=b"y"), digest(name="b"), digest(executable=True)}
    assert len(digests | {digest(link="x")}) == 5


def test_what_no_package_needs_stays_out(packs: Packs, tmp_path: Path) -> None:
    write(
        tmp_path,
        index_py="code",
        _env="SECRET=1",
        _git__config="x",
        __pycache__index_pyc="x",
        _venv__bin__python="x",
        lib__serverless_yml="theirs",
    )
    assert set(held(packs())) == {"index.py", "lib/serverless.yml"}


def test_a_file_says_what_stays_out_as_for_git(packs: Packs, tmp_path: Path) -> None:
    write(tmp_path, a_md="x", b_md="x", deep__a_md="x", data__big="x", data__kept="x", _env="x")
    write(tmp_path, index_py="x")
    (tmp_path / ".huiduignore").write_text("# texts\n*.md\n!b.md\ndata/*\n!data/kept\n!.env\n")

    assert set(held(packs())) == {".env", "b.md", "data/kept", "index.py"}


def test_what_the_project_excludes_counts_from_its_folder_on(tmp_path: Path) -> None:
    write(tmp_path, a_md="x", deep__a_md="x", node__x="x", deep__node__x="x", deep__b_txt="x")
    rules = ignored_in(tmp_path, ("*.md", "./node", "**/*.txt"))

    assert [item.name for item in items_in(tmp_path, rules)] == ["deep/a.md", "deep/node/x"]


def test_included_files_lie_beside_the_others(packs: Packs, tmp_path: Path) -> None:
    write(tmp_path, src__index_py="code", shared__key_pem="key")
    inputs = "{src: src, runtime: Python3.9, include: [shared/key.pem]}"
    yml = f"component: scf\nname: demo\ninputs: {inputs}\n"

    assert held(packs(yml)) == {"index.py": b"code", "key.pem": b"key"}


def test_links_within_the_folder_are_kept_and_others_refused(packs: Packs, tmp_path: Path) -> None:
    write(tmp_path, real__code_py="x")
    (tmp_path / "index.py").symlink_to("real/code.py")
    (tmp_path / "also").symlink_to("real")
    package = packs()

    assert unzip.check(package.zip_bytes).targets == {"also": "real", "index.py": "real/code.py"}
    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as opened:
        assert stat.S_ISLNK(opened.getinfo("also").external_attr >> 16)

    for target in ("/etc/hostname", "../outside", "real/../../outside"):
        (tmp_path / "bad").symlink_to(target)
        with pytest.raises(Flaw, match=r"bad: is a link to .*, out of the folder"):
            packs()
        (tmp_path / "bad").unlink()


def test_a_link_that_leads_out_by_way_of_another_is_refused(packs: Packs, tmp_path: Path) -> None:
    write(tmp_path, a__b__c="x")
    (tmp_path / "x").symlink_to("a/b")
    (tmp_path / "y").symlink_to("x/../../../outside")

    with pytest.raises(Flaw, match="y: is a link to"):
        packs()


def test_what_cannot_be_packed_is_named(packs: Packs, tmp_path: Path) -> None:
    with pytest.raises(Flaw, match="there is no file to pack"):
        packs()

    write(tmp_path, index_py="x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Flaw, match="pipe: is neither a file nor a link"):
        packs()
    (tmp_path / "pipe").unlink()

    (tmp_path / "a\nb").touch()
    with pytest.raises(Flaw, match="has a backslash or a control character"):
        packs()


def test_what_is_too_large_is_refused_with_the_largest_files(tmp_path: Path) -> None:
    for name, size in {"small": 1, "huge": 400 * 2**20, "large": 150 * 2**20}.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)

    with pytest.raises(Flaw) as flaw:
        in_order(items_in(tmp_path, Ignored(())))
    assert str(flaw.value) == (
        "the package has 550.0 MB unpacked, at most 500; the largest files: huge (400.0 MB), "
        "large (150.0 MB), small (0.0 MB); leave out in .huiduignore what the function does not "
        "need"
    )


def test_what_is_too_large_when_packed_is_refused_before_all_of_it_is_packed(
    tmp_path: Path,
) -> None:
    (tmp_path / "noise").write_bytes(os.urandom(26 * 2**20))
    noise = [
        Item(name=name, size_bytes=26 * 2**20, path=tmp_path / "noise") for name in ("a", "b", "c")
    ]
    heard: list[Progress] = []

    with pytest.raises(Flaw, match=r"the package has 52\.\d MB or more packed, at most 50; .*a \("):
        pack(noise, heard.append)
    assert heard[-1].files == 2


def test_the_limits_are_those_of_the_server() -> None:
    theirs = archive.DEFAULT

    assert (theirs.entries, theirs.path_bytes) == (files.MOST_FILES, files.MOST_PATH_BYTES)
    assert theirs.unpacked_bytes == files.MOST_UNPACKED_BYTES
    assert theirs.zip_bytes == files.MOST_PACKED_BYTES


def test_progress_is_told_to_the_last_byte(tmp_path: Path) -> None:
    write(tmp_path, a="x" * 10, b="y" * 5)
    heard: list[Progress] = []

    pack(in_order(items_in(tmp_path, Ignored(()))), heard.append)
    assert heard == [Progress(1, 2, 10, 15), Progress(2, 2, 15, 15)]


def test_an_ignore_file_that_would_not_be_read_is_refused(packs: Packs, tmp_path: Path) -> None:
    write(tmp_path, src__index_py="code", _huiduignore="*.md")

    with pytest.raises(Flaw, match=r"\.huiduignore: lies beside the project's file"):
        packs("component: scf\nname: demo\ninputs: {src: src}\n")


def test_what_calls_an_application_is_put_beside_it(packs: Packs, tmp_path: Path) -> None:
    yml = "component: express\nname: demo\n"
    write(tmp_path, app_js="module.exports = () => {}")
    with pytest.raises(Flaw, match=r"there is no sls\.js in it, .* entryFile: app\.js"):
        packs(yml)

    found = held(packs(yml + "inputs: {entryFile: app.js}\n"))
    assert set(found) == {"app.js", "sl_handler.cjs"}
    (tmp_path / "sl_handler.cjs").write_text("mine")
    assert held(packs(yml + "inputs: {entryFile: app.js}\n"))["sl_handler.cjs"] == b"mine"


def test_a_web_function_without_a_start_is_refused(packs: Packs, tmp_path: Path) -> None:
    write(tmp_path, server_js="x")

    with pytest.raises(Flaw, match="starts with the file scf_bootstrap, and there is none"):
        packs("component: http\nname: demo\n")

    (tmp_path / "scf_bootstrap").touch()
    with pytest.raises(Flaw, match="program scf_bootstrap, which is none; say chmod 755 scf_b"):
        packs("component: http\nname: demo\n")
    (tmp_path / "scf_bootstrap").chmod(0o755)
    assert "scf_bootstrap" in held(packs("component: http\nname: demo\n"))


@pytest.mark.parametrize(
    ("runtime", "program"),
    [
        ("Nodejs16.13", "/var/lang/node16/bin/node"),
        ("Python3.10", "/var/lang/python310/bin/python3"),
    ],
)
def test_a_web_function_that_names_its_file_is_started_with_it(
    runtime: str, program: str, packs: Packs, tmp_path: Path
) -> None:
    write(tmp_path, app_js="x")
    yml = (
        f"component: scf\nname: demo\ninputs: {{type: web, handler: app.js, runtime: {runtime}}}\n"
    )

    package = packs(yml)
    assert held(package)["scf_bootstrap"] == f"#!/bin/bash\nexec {program} app.js\n".encode()
    modes = {entry.path: entry.executable for entry in unzip.check(package.zip_bytes).entries}
    assert modes["scf_bootstrap"]


def test_a_function_without_its_handlers_file_is_refused(packs: Packs, tmp_path: Path) -> None:
    write(tmp_path, main_py="x", web_mjs="x")
    yml = "component: scf\nname: demo\ninputs: {runtime: %s, handler: %s}\n"

    with pytest.raises(
        Flaw, match=r"the handler index\.main is a function in index\.py, and there"
    ):
        packs(yml % ("Python3.9", "index.main"))
    with pytest.raises(Flaw, match=r"the handler main\.main is a function in main\.js, and there"):
        packs(yml % ("Nodejs18.15", "main.main"))
    with pytest.raises(Flaw, match="a custom runtime starts with the file bootstrap"):
        packs(yml % ("CustomRuntime", "x"))
    assert packs(yml % ("Python3.9", "main.main"))
    assert packs(yml % ("Nodejs18.15", "web.main"))


def test_an_unreadable_rule_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / ".huiduignore").write_text("*.md\n!\n")

    with pytest.raises(Flaw, match=r"exclude: '/.*' is no pattern"):
        ignored_in(tmp_path / "nowhere", ["\\"])
    with pytest.raises(Flaw, match=r"\.huiduignore:2: '!' is no pattern"):
        ignored_in(tmp_path, ())


@pytest.mark.parametrize(
    ("text", "exclude", "why"),
    [
        ("*.md\n" * 1001, 0, "more than 1000 lines"),
        ("*.md\n" * 600, 600, "more than 1000 lines"),
        ("x" * 70_000, 0, "over 65536 bytes"),
        ("".join(f"*{'[a-z]?b*' * 20}{n}\n" for n in range(300)), 0, "too long to say"),
    ],
)
def test_rules_that_would_keep_a_server_busy_are_refused(
    tmp_path: Path, text: str, exclude: int, why: str
) -> None:
    (tmp_path / ".huiduignore").write_text(text)

    with pytest.raises(Flaw, match=rf"\.huiduignore: .*{why}"):
        ignored_in(tmp_path, ["a"] * exclude)


def test_no_pattern_takes_long_to_match(tmp_path: Path) -> None:
    (tmp_path / ".huiduignore").write_text(f"/{'*a' * 20}b\n")

    assert not ignored_in(tmp_path, ()).leaves_out("a" * 250, folder=False)


def test_a_project_says_json_too(tmp_path: Path) -> None:
    (tmp_path / "serverless.json").write_text(json.dumps({"component": "scf", "name": "demo"}))

    assert read(tmp_path, {}).name == "demo"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Flaw, match="none: cannot be read: No such file"):
        list(items_in(tmp_path / "none", Ignored(())))
    gone = Item(name="gone", size_bytes=1, path=tmp_path / "gone")
    with pytest.raises(Flaw, match="gone: cannot be read: No such file"):
        pack([gone])
    with pytest.raises(Flaw, match="gone: cannot be read: No such file"):
        files.file_item(tmp_path / "gone", "gone")

    (tmp_path / ".huiduignore").write_bytes(b"\xff")
    with pytest.raises(Flaw, match=r"\.huiduignore: cannot be read"):
        ignored_in(tmp_path, ())


def test_names_that_the_server_would_not_take_are_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff")).touch()
    with pytest.raises(Flaw, match="its name is not UTF-8; rename it"):
        list(items_in(tmp_path, Ignored(())))

    deep = tmp_path / "deep" / "/".join(["a" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    with pytest.raises(Flaw, match="its path has 1210 bytes, at most 1024"):
        list(items_in(tmp_path / "deep", Ignored(())))


def test_there_may_be_so_many_files_and_no_more() -> None:
    many = [Item(name=str(number), size_bytes=0) for number in range(files.MOST_FILES + 1)]

    assert len(in_order(many[1:])) == files.MOST_FILES
    with pytest.raises(Flaw, match="20001 files, at most 20000; leave some out"):
        in_order(many)
