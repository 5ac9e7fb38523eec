"""The table of runtimes: which names it answers to, and what it makes of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from huidu.model.errors import InvalidValue, Unsupported
from huidu.runtimes import table
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import PYTHON, Runtimes, find

OLD, NEW = Interpreter(Path("/py/3.9"), (3, 9)), Interpreter(Path("/py/3.12"), (3, 12))
RUNTIMES = Runtimes({"Python": [NEW, OLD]})


@pytest.mark.parametrize(
    "name", ["Python3.6", "Python3.7", "Python3.9", "Python3.10", "Python3.99"]
)
def test_every_python_3_has_a_row(name: str) -> None:
    assert find(name) is PYTHON


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Python2.7",
        "Python3",
        "Python3.5",
        "Python3.10.1",
        "python3.9",
        "Nodejs18",
        "Nodejs0.10",
        "nodejs18.15",
        "Go1",
    ],
)
def test_what_has_no_row_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"must be one of Python3.6, .*Python3.10") as refused:
        RUNTIMES.find(name)
    assert refused.value.code == "InvalidParameterValue.Runtime"
    assert repr(name) in refused.value.message


def test_a_version_that_is_here_runs_as_itself() -> None:
    assert RUNTIMES.find("Python3.9").interpreter == OLD
    assert RUNTIMES.note("Python3.9") == ""


def test_a_version_that_is_not_here_runs_on_the_newest_and_says_so() -> None:
    interpreter = RUNTIMES.find("Python3.7").interpreter

    assert (interpreter.path, interpreter.version) == (NEW.path, NEW.version)
    assert RUNTIMES.note("Python3.7") == "Python3.7 is not on this machine; runs on Python 3.12"


def test_what_runs_a_runtime_is_told_by_language_version_and_note() -> None:
    assert RUNTIMES.told("Python3.9", web=False) == ("Python", "3.9", "")
    note = "Python3.99 is not on this machine; runs on Python 3.12"
    assert RUNTIMES.told("Python3.99", web=False) == ("Python", "3.12", note)
    assert RUNTIMES.told("CustomRuntime", web=False) == ("custom", "", "")
    assert RUNTIMES.told("CustomRuntime", web=True) == ("custom", "", "")


def test_a_bootstrap_is_led_to_what_functions_are_shown_and_else_to_the_newest(
    tmp_path: Path,
) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("python3.12", "python3.98"):
        (tmp_path / "bin" / name).touch(0o755)
    newest = Interpreter(tmp_path / "bin" / "python3.12", (3, 12))
    elsewhere = Interpreter(Path("/elsewhere/bin/python3.7"), (3, 7))
    runtimes = Runtimes({"Python": [newest, elsewhere]})

    assert runtimes.told("Python3.98", web=True) == ("Python", "3.98", "")
    note = "Python3.7 is not on this machine; runs on Python 3.12"
    assert runtimes.told("Python3.7", web=True) == ("Python", "3.12", note)
    assert runtimes.told("Python3.7", web=False) == ("Python", "3.7", "")


def test_of_node_a_bootstrap_is_led_to_the_first_that_functions_are_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(table, "USUAL", ())
    shown = []
    for version in (14, 20):
        path = tmp_path / f"{version}" / "bin" / "node"
        path.parent.mkdir(parents=True)
        path.touch(0o755)
        shown.append(Interpreter(path, (version, 1)))
    own = Interpreter(tmp_path / "own" / "bin" / "python3.12", (3, 12))
    runtimes = Runtimes({"Python": [own], "Node.js": shown[::-1]})

    assert runtimes.told("Nodejs14.18", web=True) == ("Node.js", "14.1", "")
    note = "Nodejs20.1 is not on this machine; runs on Node.js 14.1"
    assert runtimes.told("Nodejs20.1", web=True) == ("Node.js", "14.1", note)
    with pytest.raises(Unsupported, match=r"no Node.js 14 or newer"):
        RUNTIMES.told("Nodejs14.18", web=True)


def test_what_was_found_once_is_not_looked_for_again() -> None:
    assert RUNTIMES.find("Python3.8") is RUNTIMES.find("Python3.8")


def test_a_machine_without_the_language_says_so() -> None:
    with pytest.raises(Unsupported, match=r"no Python 3.8 or newer"):
        Runtimes({}).find("Python3.9")


def test_a_handler_is_checked_as_its_language_reads_it() -> None:
    RUNTIMES.check("Python3.9", "src/index.main_handler")

    with pytest.raises(InvalidValue, match=r"file\.function"):
        RUNTIMES.check("Python3.9", "index")
    with pytest.raises(InvalidValue, match="Runtime"):
        RUNTIMES.check("Go1", "index.main_handler")


def test_the_command_starts_a_worker_on_a_channel() -> None:
    program, *options, folder, worker, channel = RUNTIMES.find("Python3.9").command(7)

    assert program == "/py/3.9"
    assert {"-I", "-S"} <= set(options)
    assert (Path(folder) / f"{worker}.py").is_file()
    assert channel == "7"


def test_the_table_tells_what_there_is() -> None:
    assert repr(RUNTIMES) == "<Runtimes: Python 3.12, 3.9>"


def test_this_machine_has_at_least_the_python_that_we_run_on() -> None:
    here = Runtimes.search()

    assert here.find(f"Python3.{sys.version_info.minor}").interpreter.note == ""
