"""The house as it was planned, held against the house as it stands."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import huidu
from huidu.actions.table import ACTIONS
from huidu.control.handlers import HANDLERS

HOUSE = Path(huidu.__file__).parent

#: Which room may lean on which others, from the ground up; a room may always lean on itself.
#: `huidu` is the house's own name and version. A new room is one more row.
LEANS: Mapping[str, frozenset[str]] = {
    room: frozenset(others.split())
    for room, others in {
        # the ground: nouns and decisions
        "huidu": "",
        "model": "",
        # stores and tools
        "settings": "model",
        "actions": "model",
        "store": "model",
        "observe": "model",
        "runtimes": "model",
        "project": "model",
        "listener": "patience tunnel flow room",
        "patience": "tunnel flow room decency answering",
        "tunnel": "flow",
        "flow": "",
        "room": "",
        "answering": "decency",
        "decency": "",
        "body": "",
        "observing": "model store observe",
        "remembering": "model settings store",
        "exporting": "huidu settings invoke observe",
        # yards
        "instances": "model runtimes",
        # halls: the data plane, and the control plane
        "invoke": "model",
        "control": "model actions store invoke",
        "release": "model store control",
        # doors
        "triggers": "model",
        "webhooks": "model",
        "gateway": "model invoke body",
        "cloudapi": "huidu model actions control body",
        "cos": "model store body",
        # the roof
        "dataplane": "model settings store observe runtimes instances invoke observing "
        "remembering exporting triggers gateway",
        "server": "model settings store observe listener observing remembering dataplane control "
        "release triggers webhooks cloudapi cos",
        "cli": "huidu model settings actions store observe observing runtimes instances cloudapi "
        "release server",
        "__main__": "cli",
    }.items()
}

#: The one place that opens the roof.
OPENS_THE_ROOF = "cli/serve.py"

#: What runs beside the user's code, on the user's Python: it can lean on neither us nor a package.
WORKERS = "runtimes/workers/"

#: The same of what a zygote imports, which may lean on the workers too.
IN_A_ZYGOTE = ("instances/sandbox/walls/", "instances/sandbox/zygote/")

#: What the ground floor may import: the part of the standard library that reads no clock, throws
#: no dice, and touches no file, socket or process.
PURE = frozenset(
    {
        "__future__",
        "bisect",
        "collections",
        "collections.abc",
        "dataclasses",
        "datetime",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "typing",
    }
)
#: What it may import beside that, and why.
PURE_ENOUGH = {
    "croniter": "it says which time follows which, and never asks what time it is",
    "re2": "a rule's expression is a customer's, and `re` can be made to think for hours",
    "zoneinfo": "which hour it is where is a table of what countries decided, read once and kept",
}
#: What no decision may call, wherever it got it from.
IMPURE = frozenset({"open", "print", "input", "exec", "eval", "__import__", "now", "today"})

MOST_LINES = 400
MOST_FUNCTION_LINES = 40
#: Functions that may be longer, and why: `file.py:name`.
LONGER: Mapping[str, str] = {
    "store/migrations/catalog/versions/0001_first.py:upgrade": "a list of tables, never edited",
}


def in_house(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


FILES = sorted(map(in_house, HOUSE.rglob("*.py")))
every_file = pytest.mark.parametrize("file", FILES)
model_files = pytest.mark.parametrize("file", [f for f in FILES if f.startswith("model/")])
worker_files = pytest.mark.parametrize("file", [f for f in FILES if f.startswith(WORKERS)])


@cache
def tree_of(file: str) -> ast.Module:
    return ast.parse((HOUSE / file).read_text("utf-8"), file)


def module_of(file: str) -> str:
    parts = ["huidu", *Path(file).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}


@cache
def imports(file: str) -> frozenset[str]:
    """Every module that a file imports, at its top or anywhere else in it."""
    found = set[str]()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: an import is spelled out in full"
            assert node.module is not None
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in deeper}
    return frozenset(found)


def ours(file: str) -> frozenset[str]:
    return frozenset(name for name in imports(file) if name.partition(".")[0] == "huidu")


def room_of(module: str) -> str:
    """The first folder or file below `huidu` on the way to a module."""
    return "huidu" if module == "huidu" else module.split(".")[1]


def functions(file: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines a function has, its signature counted and its docstring not."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


@every_file
def test_every_room_is_on_the_plan(file: str) -> None:
    assert room_of(module_of(file)) in LEANS


def test_the_plan_has_no_circle() -> None:
    TopologicalSorter(LEANS).prepare()


def test_the_plan_leans_on_no_room_that_is_not_on_it() -> None:
    assert frozenset[str]().union(*LEANS.values()) <= set(LEANS)


@every_file
def test_every_import_goes_down(file: str) -> None:
    room = room_of(module_of(file))
    wrong = {name for name in ours(file) if room_of(name) not in LEANS[room] | {room}}

    assert not wrong, f"{room} may not lean on {', '.join(sorted(wrong))}"


def test_no_module_imports_itself_by_a_detour() -> None:
    TopologicalSorter({module_of(file): ours(file) for file in FILES}).prepare()


@every_file
def test_nobody_opens_the_roof_but_the_one_who_serves(file: str) -> None:
    assert "huidu.server" not in imports(file) or file == OPENS_THE_ROOF


@every_file
def test_no_import_hides_in_a_function_or_behind_type_checking(file: str) -> None:
    hidden = [
        node.lineno
        for function in functions(file)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    named = [
        node
        for node in ast.walk(tree_of(file))
        if (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING")
        or (isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING")
    ]

    assert not hidden, f"lines {hidden}"
    assert not named, f"line {named[0].lineno}"


@model_files
def test_the_ground_floor_imports_only_what_is_pure(file: str) -> None:
    assert imports(file) - ours(file) <= PURE | set(PURE_ENOUGH)


@model_files
def test_the_ground_floor_asks_nobody_outside(file: str) -> None:
    called = [node.func for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call)]
    names = {node.id for node in called if isinstance(node, ast.Name)}
    names |= {node.attr for node in called if isinstance(node, ast.Attribute)}

    assert not names & IMPURE


@model_files
def test_the_nouns_are_frozen_and_take_no_more_than_their_fields(file: str) -> None:
    for node in ast.walk(tree_of(file)):
        for made in node.decorator_list if isinstance(node, ast.ClassDef) else ():
            if "dataclass" in ast.unparse(made):
                assert "frozen=True, slots=True" in ast.unparse(made), f"line {made.lineno}"


@worker_files
def test_a_worker_leans_on_the_standard_library_and_its_own_folder_alone(file: str) -> None:
    beside = {module_of(other) for other in FILES if other.startswith(WORKERS)}
    roots = {name.partition(".")[0] for name in imports(file) - beside - {"huidu.runtimes.workers"}}

    assert roots <= sys.stdlib_module_names


@pytest.mark.parametrize("file", [f for f in FILES if f.startswith(IN_A_ZYGOTE)])
def test_what_runs_in_a_zygote_leans_on_its_like_and_the_workers_alone(file: str) -> None:
    like = (WORKERS, *IN_A_ZYGOTE)
    theirs = {module_of(other) for other in FILES if other.startswith(like)}
    roots = {name.partition(".")[0] for name in imports(file) - theirs}

    assert roots <= sys.stdlib_module_names


@every_file
def test_every_file_begins_with_a_sign_of_one_sentence(file: str) -> None:
    tree = tree_of(file)
    sign = ast.get_docstring(tree)

    assert sign is not None
    assert tree.body[0].lineno == 1, "the sign comes before everything else"
    first, *rest = sign.splitlines()
    assert first.endswith(".")
    assert ". " not in first, "one sentence"
    assert not rest or not rest[0], "the sentence fits its line"


@every_file
def test_every_file_is_small_enough_to_see_across(file: str) -> None:
    assert len((HOUSE / file).read_text("utf-8").splitlines()) <= MOST_LINES


@every_file
def test_every_function_fits_a_screen(file: str) -> None:
    long = {
        f"{file}:{function.name}": length(function)
        for function in functions(file)
        if length(function) > MOST_FUNCTION_LINES
    }

    assert not {name: lines for name, lines in long.items() if name not in LONGER}


def test_every_longer_function_still_is_longer() -> None:
    long = {
        f"{file}:{function.name}"
        for file in FILES
        for function in functions(file)
        if length(function) > MOST_FUNCTION_LINES
    }

    assert set(LONGER) <= long


def test_every_action_has_a_handler_and_every_handler_an_action() -> None:
    assert {(action.version, action.name) for action in ACTIONS} == set(HANDLERS)
