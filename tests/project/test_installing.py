"""Installing: what pip and npm bring, once, and what is said when they cannot."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from huidu.project.dependencies import Needs, needs_of
from huidu.project.files import in_order, items_in
from huidu.project.flaw import Flaw
from huidu.project.ignored import Ignored
from huidu.project.installing import MOST_KEPT, OURS, cache_of, install
from huidu.project.packages import package_of
from huidu.project.packing import pack
from huidu.project.reading import read

OTHER = "3.9" if OURS != "3.9" else "3.10"
SCRIPT = "[console_scripts]\nmine = mine:main\n"


@pytest.fixture(autouse=True)
def nothing_of_npm_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_cache", str(tmp_path / ".npm-cache"))


def silent(_: str) -> None:
    """Tell nobody."""


def wheel(folder: Path, tag: str = "py3-none-any") -> None:
    """Make a package of Python's, by hand, so that no test asks anybody outside."""
    about = "mine-1.0.dist-info"
    contents = {
        "mine.py": "VALUE = 42\ndef main(): pass\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n",
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{about}/entry_points.txt": SCRIPT,
    }
    lines = [f"{about}/RECORD,,\n"]
    for name, text in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        lines.append(f"{name},sha256={digest.decode()},{len(text)}\n")
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"mine-1.0-{tag}.whl", "w") as packed:
        for name, text in {**contents, f"{about}/RECORD": "".join(lines)}.items():
            packed.writestr(name, text)


def requirements(folder: Path, what: str = "mine==1.0") -> None:
    text = f"--no-index\n--find-links {folder / 'wheels'}\n{what}\n"
    (folder / "requirements.txt").write_text(text)


def needed(folder: Path, runtime: str = f"Python{OURS}") -> Needs:
    needs = needs_of(folder, runtime)
    assert needs is not None
    return needs


@pytest.mark.parametrize("version", [OURS, OTHER])
def test_what_requirements_name_is_installed_for_the_functions_python(
    version: str, tmp_path: Path
) -> None:
    wheel(tmp_path / "wheels")
    requirements(tmp_path)
    heard: list[str] = []

    needs = needed(tmp_path, f"Python{version}")
    tree = install(needs, tmp_path, tmp_path / "cache", heard.append)

    assert (tree / "mine.py").read_text().startswith("VALUE = 42")
    assert not (tree / "bin").exists()
    assert sys.prefix not in (tree / "mine-1.0.dist-info" / "RECORD").read_text()
    assert heard == ["installing what requirements.txt names, with pip"]


def test_what_is_installed_is_for_the_python_that_runs_it_whatever_it_is_called(
    tmp_path: Path,
) -> None:
    wheel(tmp_path / "wheels", f"cp{OURS.replace('.', '')}-none-any")
    requirements(tmp_path)
    (tmp_path / "index.py").touch()
    (tmp_path / "serverless.yml").write_text(
        f"component: scf\nname: shop\ninputs: {{name: shop, runtime: Python{OTHER}}}\n"
    )

    package = package_of(read(tmp_path, {}), tmp_path / ".huidu", say=silent, python=OURS)
    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as packed:
        assert "mine.py" in packed.namelist()
    with pytest.raises(Flaw, match=f"could not install this for Python {OTHER}"):
        package_of(read(tmp_path, {}), tmp_path / ".huidu", say=silent)


def test_the_same_needs_are_the_same_bytes_wherever_they_are_installed(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    path = tmp_path / "wheels" / "mine-1.0-py3-none-any.whl"
    (tmp_path / "requirements.txt").write_text(f"mine @ {path.as_uri()}\n")

    def digest(cache: str) -> str:
        tree = install(needed(tmp_path), tmp_path, tmp_path / cache, silent)
        return pack(in_order(items_in(tree, Ignored(())))).sha256

    assert digest("one") == digest("two/deeper")


def test_the_same_needs_are_installed_once(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    requirements(tmp_path)
    cache, heard = tmp_path / "cache", list[str]()

    first = install(needed(tmp_path), tmp_path, cache, heard.append)
    shutil.rmtree(tmp_path / "wheels")
    again = install(needed(tmp_path), tmp_path, cache, heard.append)

    assert again == first
    assert len(heard) == 1
    with pytest.raises(Flaw):
        install(needed(tmp_path), tmp_path, cache, heard.append, fresh=True)
    assert (first / "mine.py").exists(), "a failure takes nothing away"


def test_only_the_trees_that_were_used_last_are_kept(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    requirements(tmp_path)
    for number in range(MOST_KEPT + 3):
        (tmp_path / "cache" / f"{number}").mkdir(parents=True)

    install(needed(tmp_path), tmp_path, tmp_path / "cache", silent)
    assert len(list((tmp_path / "cache").iterdir())) == MOST_KEPT


def test_what_cannot_be_installed_is_told_in_the_words_of_pip(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    requirements(tmp_path, "nobody-has-this==1.0")

    with pytest.raises(Flaw) as flaw:
        install(needed(tmp_path), tmp_path, tmp_path / "cache", silent)
    assert str(flaw.value).startswith(
        f"requirements.txt: pip could not install this for Python {OURS}; it said:\n"
    )
    assert "No matching distribution found for nobody-has-this==1.0" in str(flaw.value)
    assert not list((tmp_path / "cache").iterdir())


def test_a_project_of_pyproject_has_its_dependencies_in_its_package(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    path = tmp_path / "wheels" / "mine-1.0-py3-none-any.whl"
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "index.py").write_text("import mine")
    text = f'[project]\nname = "x"\ndependencies = ["mine @ {path.as_uri()}"]\n'
    (tmp_path / "src" / "pyproject.toml").write_text(text)
    yml = f"component: scf\nname: demo\ninputs: {{src: src, runtime: Python{OURS}}}\n"
    (tmp_path / "serverless.yml").write_text(yml)

    package = package_of(read(tmp_path, {}), tmp_path / "cache", say=silent)

    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as packed:
        assert {"index.py", "mine.py"} <= set(packed.namelist())


def test_files_that_include_one_another_are_known_by_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r more.txt\n")
    (tmp_path / "more.txt").write_text("a==1\n")
    before = needed(tmp_path).digest

    (tmp_path / "more.txt").write_text("a==2\n")
    assert needed(tmp_path).digest != before
    assert needed(tmp_path).digest != needed(tmp_path, "Python3.8").digest

    (tmp_path / "requirements.txt").write_text("  --requirement=more.txt\n")
    assert set(needed(tmp_path).contents) == {"more.txt", "requirements.txt"}
    (tmp_path / "more.txt").write_text("-rrequirements.txt\n")
    with pytest.raises(Flaw, match="include one another"):
        needed(tmp_path)
    (tmp_path / "more.txt").unlink()
    with pytest.raises(Flaw, match=r"more\.txt: cannot be read"):
        needed(tmp_path)


@pytest.mark.parametrize("line", ["-e .", "./mine", "mine @ file:///x", "../x.whl"])
def test_what_lies_on_this_machine_is_installed_each_time(line: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(line)

    assert not needed(tmp_path).keep


@pytest.mark.parametrize(
    ("name", "text"),
    [("requirements.txt", "# none\n"), ("pyproject.toml", "[tool.ruff]\n"), ("index.py", "x")],
)
def test_nothing_is_installed_where_nothing_is_needed(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)

    assert needs_of(tmp_path, "Python3.9") is None
    assert needs_of(tmp_path, "Nodejs18.15") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project\n", r"pyproject\.toml: is not TOML"),
        ('[project]\ndependencies = "a"\n', "must be a list of texts"),
        ('[tool.poetry.dependencies]\na = "1"\n', "poetry export -o requirements"),
    ],
)
def test_a_pyproject_that_cannot_be_read_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(Flaw, match=message):
        needs_of(tmp_path, "Python3.9")


def node_project(folder: Path) -> None:
    """Make a project of Node.js's that depends on a file beside it."""
    member = json.dumps({"name": "mine", "version": "1.0.0"}).encode()
    with tarfile.open(folder / "mine-1.0.0.tgz", "w:gz") as packed:
        for name, held in {"package.json": member, "index.js": b"module.exports = 42"}.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(held)
            packed.addfile(entry, io.BytesIO(held))
    digest = hashlib.sha512((folder / "mine-1.0.0.tgz").read_bytes()).digest()
    wanted = {"dependencies": {"mine": "file:mine-1.0.0.tgz"}, "devDependencies": {}}
    package = {"name": "web", "version": "1.0.0", **wanted, "scripts": {"prepare": "false"}}
    there = {
        "version": "1.0.0",
        "resolved": "file:mine-1.0.0.tgz",
        "integrity": f"sha512-{base64.b64encode(digest).decode()}",
    }
    lock = {
        "name": "web",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "requires": True,
        "packages": {"": {k: package[k] for k in package if k != "scripts"}},
    }
    lock["packages"]["node_modules/mine"] = there  # type: ignore[index]
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "package-lock.json").write_text(json.dumps(lock))


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_what_a_lock_of_npm_names_takes_the_place_of_the_developers_own(tmp_path: Path) -> None:
    node_project(tmp_path)
    (tmp_path / "node_modules" / "of_tests").mkdir(parents=True)
    (tmp_path / "node_modules" / "of_tests" / "index.js").touch()
    (tmp_path / "index.js").write_text("require('mine')")
    (tmp_path / "serverless.yml").write_text("component: scf\nname: demo\n")

    package = package_of(read(tmp_path, {}), tmp_path / ".huidu", say=silent)

    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as packed:
        names = set(packed.namelist())
    assert {"index.js", "node_modules/mine/index.js"} <= names
    assert not any("of_tests" in name or ".package-lock" in name for name in names)


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_what_npm_cannot_install_is_told_in_its_words(tmp_path: Path) -> None:
    node_project(tmp_path)
    (tmp_path / "mine-1.0.0.tgz").unlink()

    with pytest.raises(Flaw, match=r"(?s)package-lock\.json: npm ci could not .*mine-1\.0\.0\.tgz"):
        install(needed(tmp_path, "Nodejs18.15"), tmp_path, tmp_path / "cache", silent)


def test_a_lock_that_links_to_a_folder_or_stands_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text('{"packages": {"x": {"link": true}}}')
    with pytest.raises(Flaw, match=r"is there without package\.json"):
        needed(tmp_path, "Nodejs18.15")

    (tmp_path / "package.json").write_text("{}")
    with pytest.raises(Flaw, match="links x to the folder"):
        needed(tmp_path, "Nodejs18.15")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ("[]", "is not a JSON object")]
)
def test_a_lock_that_cannot_be_read_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "package-lock.json").write_text(text)

    with pytest.raises(Flaw, match=rf"package-lock\.json: {message}"):
        needed(tmp_path, "Nodejs18.15")


def test_what_only_another_python_can_build_is_built_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no wheel fits the function's Python, the program of that Python installs."""
    wheel(tmp_path / "wheels", "cp99-none-any")
    requirements(tmp_path)
    (tmp_path / "programs").mkdir()
    other = tmp_path / "programs" / "python3.1"
    # It stands for a Python that takes what ours does not.
    other.write_text('#!/bin/sh\nfor last; do :; done\necho x > "$(dirname "$0")/asked"\n')
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}:/usr/bin:/bin")

    install(needed(tmp_path, "Python3.1"), tmp_path, tmp_path / "cache", silent)
    assert (other.parent / "asked").exists()


def test_files_elsewhere_are_left_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "mine.tgz").touch()
    (tmp_path / "web").mkdir()
    node_project(tmp_path / "web")
    for place in (str(tmp_path / "mine.tgz"), "../mine.tgz", "./x/../../mine.tgz"):
        lock = {"packages": {"node_modules/mine": {"resolved": f"file:{place}"}}}
        (tmp_path / "web" / "package-lock.json").write_text(json.dumps(lock))

        contents = needed(tmp_path / "web", "Nodejs18.15").contents
        assert set(contents) == {"package.json", "package-lock.json"}


def test_where_a_program_is_missing_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node_project(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Flaw, match="npm is not on PATH; install Node"):
        install(needed(tmp_path, "Nodejs18.15"), tmp_path, tmp_path / "cache", silent)
    broken = tmp_path / "npm"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    with pytest.raises(Flaw, match="npm ci could not install this; it said"):
        install(needed(tmp_path, "Nodejs18.15"), tmp_path, tmp_path / "cache", silent)


def test_programs_that_are_no_scripts_stay(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels")
    path = tmp_path / "wheels" / "mine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("mine-1.0.data/scripts/tool", b"\x7fELF")
    requirements(tmp_path)

    tree = install(needed(tmp_path), tmp_path, tmp_path / "cache", silent)
    assert [one.name for one in (tree / "bin").iterdir()] == ["tool"]


def test_installed_trees_are_kept_where_caches_are() -> None:
    assert cache_of({"XDG_CACHE_HOME": "/c"}) == Path("/c/huidu/dependencies")
    assert cache_of({}) == Path.home() / ".cache/huidu/dependencies"
