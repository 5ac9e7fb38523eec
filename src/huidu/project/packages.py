"""Packages: a project's code, its dependencies and what starts it, as one zip."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from huidu.project.declared import EXPRESS, FLASK, KOA, Project, is_event
from huidu.project.dependencies import NODE, Needs, needs_of
from huidu.project.files import Item, file_item, in_order, items_in
from huidu.project.flaw import Flaw
from huidu.project.ignored import FILE, Ignored, ignored_in
from huidu.project.installing import install
from huidu.project.packing import Memory, Package, Progress, pack, silent
from huidu.project.there import RuntimeThere

SHIMS: Mapping[str, str] = {
    EXPRESS: "sl_handler.cjs",
    KOA: "sl_handler.cjs",
    FLASK: "sl_handler.py",
}
SHIM_FILES = Path(__file__).with_name("shims")
CUSTOM, BOOTSTRAP, WEB_BOOTSTRAP = "CustomRuntime", "bootstrap", "scf_bootstrap"
#: What a file of a handler may end in.
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "Python": (".py", "/__init__.py", ".pyc", ".so"),
    "Nodejs": (".js", ".mjs", ".cjs", "/index.js"),
}
#: The runtimes whose interpreter is where the bootstraps of the cloud look for it.
PROGRAMS = re.compile(r"(?P<language>Python|Nodejs)(?P<version>[0-9]+\.[0-9]+)")
MODULES = "/node_modules/"


def package_of(
    project: Project,
    cache: Path,
    *,
    say: Callable[[str], None],
    tell: Callable[[Progress], None] = silent,
    fresh: bool = False,
    memory: Memory | None = None,
    python: str = "",
) -> Package:
    """Install what the code needs, and pack all of it; raise `Flaw`.

    The project's own files win over installed ones of the same name. `say` hears of what takes
    time, `tell` of the packing; with `fresh` everything is installed anew. Who packs one project
    again and again brings a `memory`. `python` is the version that runs it, where it is known.
    """
    source = project.source
    needs = needs_of(source.folder, _runtime(project), python) if source.install else None
    files = {item.name: item for item in in_order(_own(project, needs))}
    own = {item.name: item for item in (*files.values(), *_start(project, files))}
    _check_entry(project, own)
    installed: Iterator[Item] = iter(())
    if needs is not None:
        tree = install(needs, source.folder, cache, say, fresh=fresh)
        installed = items_in(tree, Ignored(()))
    return pack(in_order(_shim(project), installed, own.values()), tell, memory)


def notes_of(project: Project, runtime: RuntimeThere) -> tuple[str, ...]:
    """Return what there is to say of the Python that dependencies are installed for."""
    source = project.source
    needs = needs_of(source.folder, _runtime(project), runtime.python) if source.install else None
    return (runtime.note,) if needs is not None and needs.python and runtime.note else ()


def layers_of(project: Project) -> Mapping[str, Package]:
    """Pack the layers that a project makes of folders, by name; raise `Flaw`."""
    return {
        name: pack(in_order(items_in(folder, ignored_in(folder, ()))))
        for name, folder in project.function.built
    }


def _runtime(project: Project) -> str:
    return project.function.configuration.runtime


def _own(project: Project, needs: Needs | None) -> Iterator[Item]:
    folder = project.source.folder
    beside = Path(project.file).parent / FILE
    if beside.is_file() and beside.parent.resolve() != folder.resolve():
        why = f"lies beside the project's file, and {folder} is packed; move it there"
        raise Flaw(why, file=FILE)
    # What is installed for the function takes the place of what is installed for the developer.
    aside = (MODULES,) if needs is not None and NODE in needs.contents else ()
    yield from items_in(folder, ignored_in(folder, (*project.source.exclude, *aside)))
    for path in project.source.include:
        yield file_item(path, path.name)


def _shim(project: Project) -> Iterator[Item]:
    name = SHIMS.get(project.component)
    if name is not None and is_event(project.function):
        yield file_item(SHIM_FILES / name, name)


def _start(project: Project, own: Mapping[str, Item]) -> Iterator[Item]:
    """Yield what starts a web function that names its server's file instead (`handler: app.js`)."""
    function = project.function
    configuration = function.configuration
    named = [file for file in (function.entry_file, configuration.handler) if file in own]
    program = PROGRAMS.fullmatch(configuration.runtime)
    if is_event(function) or WEB_BOOTSTRAP in own or not named or not program:
        return
    version = program["version"].replace(".", "")
    if program["language"] == "Nodejs":
        path = f"/var/lang/node{program['version'].partition('.')[0]}/bin/node"
    else:
        path = f"/var/lang/python{version}/bin/python3"
    text = f"#!/bin/bash\nexec {path} {shlex.quote(named[0])}\n".encode()
    yield Item(name=WEB_BOOTSTRAP, size_bytes=len(text), executable=True, text=text)


def _check_entry(project: Project, own: Mapping[str, Item]) -> None:
    """Refuse a package that lacks the file with which it would begin."""
    function, folder = project.function, str(project.source.folder)
    configuration = function.configuration
    if not is_event(function):
        _check_program(own, folder, WEB_BOOTSTRAP, "a web function starts with")
    elif configuration.runtime == CUSTOM:
        _check_program(own, folder, BOOTSTRAP, "a custom runtime starts with")
    elif project.component in SHIMS:
        if function.entry_file not in own:
            why = f"there is no {function.entry_file} in it, which is to export the application; "
            raise Flaw(f"{why}name the file that does: entryFile: app.js", file=folder)
    else:
        _check_handler(own, folder, configuration.handler, configuration.runtime)


def _check_program(own: Mapping[str, Item], folder: str, name: str, who: str) -> None:
    if name not in own:
        raise Flaw(f"{who} the file {name}, and there is none", file=folder)
    if not own[name].executable and not own[name].link:
        raise Flaw(f"{who} the program {name}, which is none; say chmod 755 {name}", file=folder)


def _check_handler(own: Mapping[str, Item], folder: str, handler: str, runtime: str) -> None:
    file = handler.rpartition(".")[0]
    endings = next((of for language, of in ENDINGS.items() if runtime.startswith(language)), ())
    names = [file + ending for ending in endings]
    if not any(name in own for name in names):
        why = f"the handler {handler} is a function in {names[0]}, and there is no such file in it"
        raise Flaw(why, file=folder)
