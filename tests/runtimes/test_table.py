"""The table of runtimes: which names it answers to, and what it makes of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from huidu.model.errors import InvalidValue, Unsupported
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
    program, *options, worker, channel = RUNTIMES.find("Python3.9").command(7)

    assert program == "/py/3.9"
    assert {"-I", "-S"} <= set(options)
    assert Path(worker).is_file()
    assert channel == "7"


def test_the_table_tells_what_there_is() -> None:
    assert repr(RUNTIMES) == "<Runtimes: Python 3.12, 3.9>"


def test_this_machine_has_at_least_the_python_that_we_run_on() -> None:
    here = Runtimes.search()

    assert here.find(f"Python3.{sys.version_info.minor}").interpreter.note == ""
