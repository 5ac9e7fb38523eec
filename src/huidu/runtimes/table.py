"""The table of runtimes: one row for each language a function may be written in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from huidu.model.errors import InvalidValue, Unsupported
from huidu.model.function import check_handler
from huidu.runtimes import custom, nodejs, python, web
from huidu.runtimes.interpreter import Interpreter, prefix

#: Whose programs every function is shown, before those that were found elsewhere.
USUAL = (Path("/usr/local"), Path("/usr"))


def never(_environment: Mapping[str, str]) -> bool:
    """Return that a worker is started only once it is known what for."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A row of the table: one language, under all the names that mean it.

    What runs inside an instance is a worker: a module of `workers/` that an interpreter of Python
    can become, or else a program that `command` starts.
    """

    language: str
    worker: str = ""  #: The module that a zygote becomes; empty where it is another's language.
    spelling: str  #: Its names, as they are told to somebody who gave another one.
    names: re.Pattern[str]
    check_handler: Callable[[str], str]  #: Returns a handler, or raises `InvalidValue`.
    search: Callable[[], Sequence[Interpreter]]  #: Looks for it on the machine; slow.
    choose: Callable[[str, Sequence[Interpreter]], Interpreter]
    #: Starts a worker on a channel: which interpreter, which descriptor, where workers lie, and
    #: how much memory there is, in MB.
    command: Callable[[Interpreter, int, Path, int], Sequence[str]]
    variables: Callable[[Sequence[Path]], Mapping[str, str]]  #: By the folders it imports from.
    #: Tells whether its program can be started with `blank` behind its command, before it is
    #: known for which function; by what the function adds to its environment.
    waits: Callable[[Mapping[str, str]], bool] = never
    #: Of what was found, what `/var/lang` has for the bootstrap of a web function; by the folders
    #: whose programs functions are shown.
    bootstrapped: Callable[[str, Sequence[Interpreter], Sequence[Path]], Sequence[Interpreter]]
    exhausted: str = ""  #: What its program prints where it ends by itself for want of memory.


WORKERS = Path(__file__).with_name("workers")

PYTHON = Runtime(
    language="Python",
    worker="python_worker",
    spelling="Python3.6, Python3.7, Python3.9, Python3.10 (or any other Python3.x)",
    names=python.NAMES,
    check_handler=check_handler,
    search=python.search,
    choose=python.choose,
    command=python.command,
    variables=python.variables,
    bootstrapped=web.found_by_python,
)

NODEJS = Runtime(
    language="Node.js",
    spelling="Nodejs12.16, Nodejs14.18, Nodejs16.13, Nodejs18.15 (or any other NodejsX.Y)",
    names=nodejs.NAMES,
    check_handler=check_handler,
    search=nodejs.search,
    choose=nodejs.choose,
    command=nodejs.command,
    variables=nodejs.variables,
    bootstrapped=web.found_by_node,
    waits=nodejs.waits,
    exhausted=nodejs.EXHAUSTED,
)

CUSTOM = Runtime(
    language="custom",
    worker=custom.WORKER,
    spelling="CustomRuntime",
    names=custom.NAMES,
    check_handler=custom.check_handler,
    search=custom.search,
    choose=custom.choose,
    command=custom.command,
    variables=custom.variables,
    bootstrapped=lambda _name, found, _shown: found,
)

#: What serves a web function, in whatever language: it answers to no name, and is in no list.
WEB = replace(PYTHON, worker=web.WORKER, command=web.command)

TABLE = (PYTHON, NODEJS, CUSTOM)

#: The workers that a zygote imports, so that a fork of it can be one at once.
FORKED = tuple(row.worker for row in (*TABLE, WEB) if row.worker)


def find(name: str) -> Runtime:
    """Return the row that answers to a runtime's name, or raise `InvalidValue`."""
    for row in TABLE:
        if row.names.fullmatch(name):
            return row
    supported = "; ".join(row.spelling for row in TABLE)
    raise InvalidValue("Runtime", f"Runtime {name[:80]!r}: must be one of {supported}")


@dataclass(frozen=True, slots=True)
class Installed:
    """A runtime as this machine runs it."""

    runtime: Runtime
    interpreter: Interpreter

    def command(self, channel: int, workers: Path = WORKERS, memory_mb: int = 128) -> Sequence[str]:
        """Return what starts a worker that speaks over the file descriptor `channel`."""
        return self.runtime.command(self.interpreter, channel, workers, memory_mb)


class Runtimes:
    """The table together with what this machine has; made once, so that no call ever searches."""

    def __init__(self, found: Mapping[str, Sequence[Interpreter]]) -> None:
        self._found = found
        self._chosen: dict[str, Installed] = {}
        self._web: dict[str, Installed] = {}

    @classmethod
    def search(cls) -> Runtimes:
        """Look for every language on this machine. Takes up to some seconds."""
        return cls({row.language: row.search() for row in TABLE})

    def find(self, name: str) -> Installed:
        """Return what runs a runtime here, or raise `InvalidValue` where no row has its name."""
        installed = self._chosen.get(name)
        if installed is None:
            row = find(name)
            interpreter = row.choose(name, self._found.get(row.language, ()))
            installed = self._chosen[name] = Installed(row, interpreter)
        return installed

    def newest_python(self) -> Installed:
        """Return what runs our own programs, or raise `Unsupported` where there is no Python."""
        found = self._found.get(PYTHON.language, ())
        if not found:
            raise Unsupported("Runtime", "this machine has no Python that can be used")
        return Installed(PYTHON, max(found, key=lambda one: one.version))

    def web(self, name: str) -> Installed:
        """Return what serves web functions of a runtime, or raise `InvalidValue` for its name.

        Which language their servers are in decides what their environment holds, no more.
        """
        installed = self._web.get(name)
        if installed is None:
            row = replace(WEB, variables=web.variables(find(name).variables))
            installed = self._web[name] = Installed(row, self.newest_python().interpreter)
        return installed

    def check(self, name: str, handler: str) -> None:
        """Raise `InvalidValue` unless some row has this name and takes such a handler."""
        find(name).check_handler(handler)

    def prefixes(self) -> Sequence[Path]:
        """Return the folders of the interpreters that run as programs: `/usr` for `/usr/bin/x`."""
        programs = [
            interpreter.path
            for row in TABLE
            if not row.worker
            for interpreter in self._found.get(row.language, ())
        ]
        return sorted({*map(prefix, programs)} - {Path("/")})

    def note(self, name: str) -> str:
        """Return what a user must know of a runtime on this machine, or nothing."""
        return self.find(name).interpreter.note

    def told(self, name: str, *, web: bool) -> tuple[str, str, str]:
        """Return which language a runtime is, what runs it here, and what a user must know of that.

        Raises `InvalidValue` where no row has its name, `Unsupported` where nothing runs it.
        """
        row = find(name)
        if row is CUSTOM:
            return row.language, "", ""
        interpreter = self._bootstrapped(row, name) if web else self.find(name).interpreter
        return row.language, str(interpreter), interpreter.note

    def _bootstrapped(self, row: Runtime, name: str) -> Interpreter:
        """Return what a web function of a runtime finds where the cloud has interpreters."""
        own = prefix(self.newest_python().interpreter.path)
        shown = (*USUAL, *sorted({own, *self.prefixes()}))
        found = self._found.get(row.language, ())
        return row.choose(name, row.bootstrapped(name, found, shown))

    def __repr__(self) -> str:
        kinds = (
            f"{language} {', '.join(map(str, found))}" for language, found in self._found.items()
        )
        return f"<Runtimes: {'; '.join(kinds)}>"
