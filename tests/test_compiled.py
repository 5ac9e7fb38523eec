"""What is compiled: the table of it, whether it still is what its sources say, what it answers."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.client import HTTPConnection
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from huidu import compiled
from native import build
from tests.e2e.serving import url_of
from tests.platform import Platform, zipped

ROOT = Path(__file__).parent.parent
TABLE, NEEDS = build.table()
LOCK = dict(
    re.findall(r"^([\w-]+)==(\S+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE)
)
TREES = {module: ast.parse((build.SRC / module).read_text("utf-8")) for module in TABLE}
#: Where nothing is compiled, what compiled code does is none of the tests' business.
COMPILED = pytest.mark.skipif(not compiled.modules(), reason="nothing is compiled here")


def names(node: ast.AST) -> set[str]:
    """Return the names that stand in a piece of source."""
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def test_the_table_names_modules_each_once_and_in_order() -> None:
    assert list(TABLE) == sorted(set(TABLE))
    assert [module for module in TABLE if not (build.SRC / module).is_file()] == []
    assert [module for module in TABLE if module.endswith("__init__.py")] == []


def test_what_compiles_is_the_version_that_was_tested() -> None:
    pinned = {name: number for name, number in NEEDS.items() if number}

    assert pinned == {name: LOCK[name] for name in pinned}
    assert {"mypy", "setuptools"} <= set(pinned)


def test_the_build_brings_the_types_that_compiled_modules_are_made_of() -> None:
    """A package that mypy does not find would fail the build of a wheel."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    untyped = {name.removesuffix(".*") for name in told["tool"]["mypy"]["overrides"][0]["module"]}
    known, todo = set[str](), [*TABLE]
    outside = set[str]()
    while todo:
        if (file := todo.pop()) in known:
            continue
        known.add(file)
        todo += build.known_to([file])
        outside |= set(packages(ast.parse((build.SRC / file).read_text("utf-8"))))

    assert outside - untyped - {name.replace("-", "_") for name in NEEDS} == {"huidu"}


def packages(tree: ast.Module) -> Iterator[str]:
    """Return what a module imports that is not the standard library's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            roots = [(node.module or "").partition(".")[0]]
        else:
            continue
        yield from set(roots) - sys.stdlib_module_names


def faults(look: Any) -> dict[str, list[str]]:
    """Return what is found in each module of the table that has something wrong."""
    found = {module: sorted(look(tree)) for module, tree in TREES.items()}
    return {module: wrong for module, wrong in found.items() if wrong}


def test_no_bound_of_a_slice_does_anything() -> None:
    """mypyc 2.4 evaluates bounds twice where it does not know the type of what is sliced.

    `rest[sock.send(rest) :]` sent the rest of a large frame twice.
    """

    def look(tree: ast.Module) -> Iterator[str]:
        for cut in (node for node in ast.walk(tree) if isinstance(node, ast.Slice)):
            done = [n for n in ast.walk(cut) if isinstance(n, ast.Call | ast.Await | ast.NamedExpr)]
            if any(not ast.unparse(node).startswith("len(") for node in done):
                yield ast.unparse(cut)

    assert not faults(look)


def test_nothing_is_done_within_what_a_text_is_formatted_of() -> None:
    """The same for `"%d %s" % (one(), other())` and `.format`, where it gives up halfway."""

    def look(tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            filled: list[ast.AST] = []
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
                filled = [node.right] if isinstance(node.right, ast.Tuple) else []
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                filled = [*node.args] if node.func.attr == "format" else []
            if any(isinstance(one, ast.Call) for part in filled for one in ast.walk(part)):
                yield ast.unparse(node)

    assert not faults(look)


def test_what_is_not_compiled_inherits_from_nothing_that_is() -> None:
    """But from a Protocol, or a class that says that it may be: no such class can be made."""
    sealed = {
        (module.removesuffix(".py").replace("/", "."), node.name)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        if not {"Protocol", "mypyc_attr"} & {name for one in parts(node) for name in names(one)}
    }
    found = [
        f"{file.relative_to(build.SRC)}: {node.name}"
        for file in (build.SRC / "huidu").rglob("*.py")
        if str(file.relative_to(build.SRC)) not in TABLE
        for tree in [ast.parse(file.read_text("utf-8"))]
        for known in [{*imported(tree)}]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        if known & sealed & {(where, name) for where, name in known if name in bases(node)}
    ]

    assert not found


def parts(node: ast.ClassDef) -> list[ast.expr]:
    return [*node.bases, *node.decorator_list]


def bases(node: ast.ClassDef) -> set[str]:
    return {name for base in node.bases for name in names(base)}


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def test_what_msgspec_reads_is_a_struct() -> None:
    """A dataclass that msgspec makes gets 0, false and the like for its defaults, once compiled."""

    def look(tree: ast.Module) -> Iterator[str]:
        if "msgspec" in set(packages(tree)):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef) and "dataclass" in {
                    name for one in node.decorator_list for name in names(one)
                }:
                    yield node.name

    assert not faults(look)


def test_no_class_says_anything_in_its_head_but_what_it_inherits() -> None:
    """`frozen=`, `kw_only=`, `gc=`, `forbid_unknown_fields=` and all such are dropped by mypyc.

    So a Struct of msgspec's, which is made by such words, stands in a module that is not compiled.
    """

    def look(tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and (node.keywords or "Struct" in bases(node)):
                yield node.name

    assert not faults(look)


def test_nothing_leans_on_what_compiled_code_does_not_have() -> None:
    lost = {
        "_getframe",
        "currentframe",
        "inspect",
        "getsource",
        "locals",
        "globals",
        "eval",
        "exec",
    }
    lost |= {"setrecursionlimit", "stacklevel", "__del__", "__getattribute__", "__delattr__"}

    assert not faults(lambda tree: names(tree) & lost)
    assert not faults(
        lambda tree: {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name in lost
        }
    )


def test_no_numbers_are_of_the_machines_width() -> None:
    """Those of mypyc wrap around, and only when they are compiled."""
    assert not faults(lambda tree: names(tree) & {"i64", "i32", "i16", "u8"})


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources and what is compiled of them, in a place of their own."""
    return copied(tmp_path_factory.mktemp("native") / "src", "__pycache__")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources alone."""
    return copied(tmp_path_factory.mktemp("plain") / "src", "__pycache__", "*.so")


def copied(into: Path, *without: str) -> Path:
    shutil.copytree(build.SRC, into, ignore=shutil.ignore_patterns(*without))
    return into


@COMPILED
def test_what_is_compiled_is_what_python_loads() -> None:
    assert list(compiled.modules()) == list(TABLE)
    for module in TABLE:
        loaded = sys.modules.get(module.removesuffix(".py").replace("/", "."))
        assert loaded is None or str(loaded.__file__).endswith(EXTENSION_SUFFIXES[0])


@COMPILED
def test_a_source_that_was_edited_does_not_run_as_it_was(native: Path) -> None:
    compiled.insist(native)
    edited = native / TABLE[0]
    edited.write_text(edited.read_text() + "\n")

    with pytest.raises(compiled.Stale, match=f"^{TABLE[0]}: edited after .* run 'make compile'"):
        compiled.insist(native)
    words = [sys.executable, "-m", "huidu", "serve", "--data", str(native.parent / "data")]
    told = {**os.environ, "PYTHONPATH": str(native)}
    server = subprocess.run(
        words, env=told, capture_output=True, text=True, timeout=50, check=False
    )
    assert (server.returncode, server.stdout, "make compile" in server.stderr) == (1, "", True)


def test_a_source_that_is_gone_has_changed_too(native: Path) -> None:
    assert compiled.digest_of(native / "huidu" / "nothing.py") == ""


def test_plain_sources_are_never_stale(plain: Path) -> None:
    edited = plain / TABLE[0]
    before = edited.read_text()
    edited.write_text(before + "\n")

    compiled.insist(plain)

    assert compiled.how(plain) == "plain Python"
    edited.write_text(before)


#: Answers in every way that there is, with the version that did.
CODE = """
import base64

def main_handler(event, context):
    asked = event["queryString"].get("as")
    if asked == "error":
        raise ValueError("no")
    if asked == "exit":
        import os
        os._exit(3)
    if asked == "integrated":
        return {"isBase64Encoded": True, "statusCode": 418, "headers": {"x-of": "me"},
                "body": base64.b64encode(b"teapot").decode()}
    if asked == "large":
        return "x" * 3_000_000
    return [context["function_version"], event["httpMethod"], event["path"], event["body"]]
"""
ASKED: tuple[tuple[str, str, bytes], ...] = (
    ("GET", "/a%20b?x=1&x=2", b""),
    ("POST", "/", b"{}"),
    ("POST", "/", b"\xff\xfe"),
    ("POST", "/", b"y" * 200_000),
    ("PUT", "/?as=large", b"y" * 1_000_000),
    ("GET", "/?as=integrated", b""),
    ("HEAD", "/?as=integrated", b""),
    ("GET", "/?as=error", b""),
    ("GET", "/?as=exit", b""),
    ("POST", "/", b"z" * 7_000_000),
    ("OPTIONS", "/", b""),
)
#: What is never the same twice.
CHANCE = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|pid=[0-9]+|127\.0\.0\.1:[0-9]+")
CLOCK = frozenset({"date", "x-api-requestid", "x-scf-request-id"})


def story(platform: Platform) -> Iterator[object]:
    """Call a function in every way; return what came back."""
    platform.make("told", CODE)
    for _ in range(2):
        platform.publish("told")
        platform.call("UpdateFunctionCode", FunctionName="told", ZipFile=zipped(CODE + "\n# two"))
    shares = {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.1}]}
    platform.call(
        "CreateAlias", FunctionName="told", Name="half", FunctionVersion="1", RoutingConfig=shares
    )
    whole, shared = url_of(platform, "told"), url_of(platform, "told", "half", "shared")
    for method, path, body in ASKED:
        yield answer(whole, method, path, body)
    yield answer(whole[:-3] + "abc", "GET", "/", b"")
    said = [answer(shared, "GET", "/", b"")[2] for _ in range(50)]
    yield {one: said.count(one) for one in said}
    yield platform.invoke("told", {"queryString": {}})["ErrMsg"]


def answer(url: str, method: str, path: str, body: bytes) -> tuple[int, object, bytes]:
    at = urlsplit(url)
    connection = HTTPConnection(at.netloc, timeout=30)
    connection.request(method, at.path + path, body, {"content-type": "text/plain"})
    came = connection.getresponse()
    headers = [(name, CLOCK & {name} or value) for name, value in came.getheaders()]
    said = CHANCE.sub(b"?", came.read())
    connection.close()
    return came.status, headers, said


@COMPILED
@pytest.mark.timeout(90)
def test_plain_python_answers_as_compiled_code_does(
    plain: Path, start: Any, tmp_path: Path
) -> None:
    """Statuses, headers and bodies: what runs where there is no compiler is run here too."""
    told = {"HUIDU_TEST_FORK": "0", "PYTHONPATH": str(plain)}
    other = Platform.start(tmp_path / "plain", environment=told)
    try:
        assert how(other) == "plain Python"
        slower = list(story(other))
    finally:
        assert other.stop() == 0
    server = start()

    assert how(server) == "compiled"
    assert list(story(server)) == slower


def how(server: Platform) -> str:
    with urlopen(f"{server.api}/healthz") as page:  # noqa: S310 - it is our own server
        return str(json.loads(page.read())["code"])


#: Tests of what is compiled that need no server, to be passed by its sources as they stand.
OF_SOURCES = (
    "tests/test_ids.py",
    "tests/test_pace.py",
    "tests/gateway/test_event.py",
    "tests/instances/test_channel.py",
    "tests/instances/test_wire.py",
    "tests/instances/test_pool.py",
    "tests/instances/test_frames.py",
    "tests/invoke/test_routes.py",
    "tests/model/test_split.py",
    "tests/observe/test_counters.py",
    "tests/observe/test_recorder.py",
)


@COMPILED
@pytest.mark.timeout(100)
def test_plain_python_passes_the_tests_of_what_is_compiled(plain: Path) -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *OF_SOURCES]
    told = {**os.environ, "PYTHONPATH": str(plain)}
    told.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run(
        words, cwd=ROOT, env=told, capture_output=True, text=True, timeout=90, check=False
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
