"""The house as it was planned, held against the house as it stands."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

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
        "compiled": "",
        "model": "",
        # stores and tools
        "settings": "model",
        "actions": "model",
        "store": "model",
        "observe": "model",
        "runtimes": "model",
        "project": "model triggers",
        "listener": "ask express patience tunnel flow pace room",
        "express": "ask front patience flow pace room decency",
        "front": "ask behind pace room decency",
        "patience": "behind tunnel flow room decency answering",
        "behind": "",
        "tunnel": "flow",
        "flow": "",
        "pace": "",
        "ask": "",
        "room": "",
        "answering": "decency",
        "decency": "",
        "body": "",
        "heap": "",
        "ids": "",
        "speech": "",
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
        "proxy": "model",
        "triggers": "model",
        "webhooks": "model",
        "gateway": "ask model invoke body",
        "cloudapi": "huidu compiled ask model actions control body",
        "cos": "model store body",
        "console": "model actions store control cloudapi",
        "serverless": "model project store control cos",
        # the roof
        "lanes": "model settings invoke instances triggers gateway listener express speech ids",
        "dataplane": "model settings store observe runtimes instances invoke observing "
        "remembering exporting triggers gateway",
        "doorway": "settings observe listener remembering dataplane lanes",
        "server": "compiled heap ids model settings store observe listener observing remembering "
        "dataplane doorway control release triggers webhooks gateway lanes cloudapi cos console "
        "serverless",
        "cli": "huidu compiled model settings actions store observe observing runtimes project "
        "instances cloudapi cos release server proxy speech",
        "__main__": "cli",
    }.items()
}

#: Who opens the roof: the one who serves, and the one who serves a folder while it is edited.
OPEN_THE_ROOF = frozenset({"cli/serve.py", "cli/dev/session.py"})

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
    "msgspec": "what is made for every call is a struct of its, at a sixth of the cost",
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
MODEL_FILES = [file for file in FILES if file.startswith("model/")]
WORKER_FILES = [file for file in FILES if file.startswith(WORKERS)]


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
    for node in nodes(file):
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


@cache
def nodes(file: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(file)))


def functions(file: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes(file):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many lines a function has, its signature counted and its docstring not."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def faults(files: Sequence[str], look: Callable[[str], Any]) -> dict[str, Any]:
    """Return what is found in each file that has something wrong; one test looks at them all."""
    assert files
    return {file: found for file in files if (found := look(file))}


def test_every_room_is_on_the_plan() -> None:
    assert not faults(FILES, lambda file: {room_of(module_of(file))} - set(LEANS))


def test_the_plan_has_no_circle() -> None:
    TopologicalSorter(LEANS).prepare()


def test_the_plan_leans_on_no_room_that_is_not_on_it() -> None:
    assert frozenset[str]().union(*LEANS.values()) <= set(LEANS)


def test_every_import_goes_down() -> None:
    def look(file: str) -> list[str]:
        room = room_of(module_of(file))
        wrong = (name for name in ours(file) if room_of(name) not in LEANS[room] | {room})
        return [f"{room} may not lean on {name}" for name in sorted(wrong)]

    assert not faults(FILES, look)


def test_no_module_imports_itself_by_a_detour() -> None:
    TopologicalSorter({module_of(file): ours(file) for file in FILES}).prepare()


def test_nobody_opens_the_roof_but_those_who_serve() -> None:
    assert not faults(
        FILES, lambda file: file not in OPEN_THE_ROOF and "huidu.server" in imports(file)
    )


def test_no_import_hides_in_a_function() -> None:
    def look(file: str) -> list[str]:
        return [
            f"line {node.lineno}"
            for function in functions(file)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]

    assert not faults(FILES, look)


def test_no_import_hides_behind_type_checking() -> None:
    def look(file: str) -> list[str]:
        return [
            f"line {node.lineno}"
            for node in nodes(file)
            if (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING")
            or (isinstance(node, ast.Attribute) and node.attr == "TYPE_CHECKING")
        ]

    assert not faults(FILES, look)


def test_what_is_read_has_its_decoder_from_the_import_on() -> None:
    """Two threads that meet a type for the first time in `decode(type=T)` can crash msgspec 0.22.

    What is told its `kind` runs on the event loop's thread alone.
    """

    def look(file: str) -> list[str]:
        calls = [node for node in nodes(file) if isinstance(node, ast.Call)]
        return [
            f"line {call.lineno}"
            for call in calls
            if ast.unparse(call.func) == "msgspec.json.decode"
            and not {"kind", "msgspec.Raw"} & {ast.unparse(word.value) for word in call.keywords}
            and call.keywords
        ]

    assert not faults(FILES, look)


def test_the_ground_floor_imports_only_what_is_pure() -> None:
    pure = PURE | set(PURE_ENOUGH)

    assert not faults(MODEL_FILES, lambda file: imports(file) - ours(file) - pure)


def test_the_ground_floor_asks_nobody_outside() -> None:
    def look(file: str) -> set[str]:
        called = [node.func for node in nodes(file) if isinstance(node, ast.Call)]
        names = {node.id for node in called if isinstance(node, ast.Name)}
        names |= {node.attr for node in called if isinstance(node, ast.Attribute)}
        return names & IMPURE

    assert not faults(MODEL_FILES, look)


def test_the_nouns_are_frozen_and_take_no_more_than_their_fields() -> None:
    def look(file: str) -> list[str]:
        made = [m for n in nodes(file) if isinstance(n, ast.ClassDef) for m in n.decorator_list]
        data = [(ast.unparse(one), one.lineno) for one in made if "dataclass" in ast.unparse(one)]
        return [f"line {line}" for text, line in data if "frozen=True, slots=True" not in text]

    assert not faults(MODEL_FILES, look)


def foreign(files: Sequence[str], theirs: Sequence[str], *more: str) -> dict[str, set[str]]:
    """Return which packages files import that are neither their own nor the standard library's."""
    mine = {module_of(file) for file in theirs} | set(more)

    def look(file: str) -> set[str]:
        roots = {name.partition(".")[0] for name in imports(file) - mine}
        return roots - sys.stdlib_module_names

    return faults(files, look)


def test_a_worker_leans_on_the_standard_library_and_its_own_folder_alone() -> None:
    assert not foreign(WORKER_FILES, WORKER_FILES, "huidu.runtimes.workers")


def test_what_runs_in_a_zygote_leans_on_its_like_and_the_workers_alone() -> None:
    zygotes = [file for file in FILES if file.startswith(IN_A_ZYGOTE)]

    assert not foreign(zygotes, [*zygotes, *WORKER_FILES])


def test_every_file_begins_with_a_sign_of_one_sentence() -> None:
    def look(file: str) -> str:
        sign = ast.get_docstring(tree_of(file)) or ""
        first, *rest = sign.splitlines() or [""]
        if not first.endswith("."):
            return "it has no sign, or one that does not end in its first line"
        if tree_of(file).body[0].lineno != 1:
            return "the sign comes before everything else"
        return "the sign is one sentence" if ". " in first or any(rest[:1]) else ""

    assert not faults(FILES, look)


def test_every_file_is_small_enough_to_see_across() -> None:
    def look(file: str) -> int:
        lines = len((HOUSE / file).read_text("utf-8").splitlines())
        return lines if lines > MOST_LINES else 0

    assert not faults(FILES, look)


def long_functions(file: str) -> dict[str, int]:
    """Return the functions of a file that do not fit a screen, each with its lines."""
    lines = {f"{file}:{function.name}": length(function) for function in functions(file)}
    return {name: count for name, count in lines.items() if count > MOST_FUNCTION_LINES}


def test_every_function_fits_a_screen() -> None:
    found = faults(FILES, long_functions)

    assert {name for long in found.values() for name in long} == set(LONGER)


def test_every_action_has_a_handler_and_every_handler_an_action() -> None:
    assert {(action.version, action.name) for action in ACTIONS} == set(HANDLERS)
