"""Comparing: what differs between two versions of a function."""

from __future__ import annotations

import asyncio
import filecmp
import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from huidu.actions import versions as wire
from huidu.actions.action import is_true
from huidu.actions.functions import FunctionFacts
from huidu.control import functions
from huidu.control.plane import Asked, Plane
from huidu.model import names
from huidu.model import role as roles
from huidu.model.function import Function, FunctionName
from huidu.model.role import Role
from huidu.model.version import Version
from huidu.store.reading import Reading

MOST_FILES = 1000
MOST_FILE_BYTES = 256 * 1024  #: Of a text that is shown,
MOST_SHOWN_BYTES = 2 * 1024 * 1024  #: and of all that are shown together.
NOT_THERE = -1
VARIABLE = "Environment."
#: What is compared of a configuration, beside the variables of the environment, one by one: what
#: decides how a version behaves. Versions of one digest do not differ.
FIELDS = (
    *("handler", "runtime", "type", "memory_size", "timeout", "init_timeout"),
    *("layers", "role", *functions.SHOWN_SETTINGS),
)


async def compare(plane: Plane, asked: Asked, request: wire.CompareVersions) -> wire.Compared:
    """Compare two versions; the code of both is unpacked for it, if it is not."""
    named = FunctionName(request.namespace, request.function_name)
    if is_true(request.show_text):
        roles.check(asked.who, asked.role, "CompareVersions with ShowText", Role.RELEASE)

    def ask(reading: Reading) -> tuple[Function, Version, Version]:
        function = reading.function(named)
        ends = (request.from_version, request.to_version)
        before, after = (reading.version(function, _number(reading, function, n)) for n in ends)
        return function, before, after

    function, before, after = await plane.catalog.read(ask)
    changes: Sequence[wire.FileChange] = ()
    if before.code != after.code:
        roots = [await asyncio.to_thread(plane.packages.unpacked, v.code) for v in (before, after)]
        changes = await asyncio.to_thread(_changes, *roots, shown=is_true(request.show_text))
    differ = _fields(
        functions.facts(plane, function, before), functions.facts(plane, function, after)
    )
    return wire.Compared(
        from_version=before.number,
        to_version=after.number,
        same_code=before.code == after.code,
        files=list(changes[:MOST_FILES]),
        other_files=max(0, len(changes) - MOST_FILES),
        configuration=differ if asked.role is Role.ADMIN else [_hidden(one) for one in differ],
    )


def _hidden(change: wire.FieldChange) -> wire.FieldChange:
    """Return a change without values that only those see who could set them."""
    if not change.name.startswith(VARIABLE):
        return change
    before, after = (json.dumps(roles.HIDDEN) if v else "" for v in (change.before, change.after))
    return wire.FieldChange(name=change.name, before=before, after=after)


def _number(reading: Reading, function: Function, qualifier: str) -> str:
    if names.names_version(qualifier):
        return qualifier
    return reading.alias(function, qualifier).version


def _fields(before: FunctionFacts, after: FunctionFacts) -> list[wire.FieldChange]:
    """Return the fields that differ."""
    had, has = _told(before), _told(after)
    return [
        wire.FieldChange(name=name, before=had.get(name, ""), after=has.get(name, ""))
        for name in dict.fromkeys([*had, *has])
        if had.get(name) != has.get(name)
    ]


def _told(facts: FunctionFacts) -> Mapping[str, str]:
    """Return the fields of a configuration by the API's names, each as JSON."""
    whole = {name: getattr(facts, name) for name in FIELDS}
    whole["layers"] = [[layer.layer_name, layer.layer_version] for layer in facts.layers]
    told = {"".join(map(str.title, name.split("_"))): value for name, value in whole.items()}
    told |= {f"{VARIABLE}{one.key}": one.value for one in facts.environment.variables}
    return {
        name: json.dumps(value, ensure_ascii=False, sort_keys=True) for name, value in told.items()
    }


def _changes(before: Path, after: Path, *, shown: bool) -> Sequence[wire.FileChange]:
    """Return the files that differ, in the order of their paths."""
    had, has = _files(before), _files(after)
    left = MOST_SHOWN_BYTES if shown else 0
    found: list[wire.FileChange] = []
    for path in sorted({*had, *has}):
        kind = _kind(before / path, after / path, had.get(path), has.get(path))
        if not kind:
            continue
        change = _change(path, kind, had.get(path), has.get(path))
        if shown and len(found) < MOST_FILES:
            _show(change, before / path, after / path, left)
            left -= len(change.before) + len(change.after)
        found.append(change)
    return found


def _files(root: Path) -> Mapping[str, os.stat_result]:
    """Return the files and links below a directory, by path."""
    return {
        os.path.relpath(place, root): place.lstat()
        for folder, _, files in os.walk(root)
        for place in (Path(folder, name) for name in files)
    }


def _kind(before: Path, after: Path, had: os.stat_result | None, has: os.stat_result | None) -> str:
    """Say in which way a file differs; empty where it does not."""
    if had is None or has is None:
        return "added" if had is None else "removed"
    links = stat.S_ISLNK(had.st_mode), stat.S_ISLNK(has.st_mode)
    if any(links):
        same = all(links) and before.readlink() == after.readlink()
        return "" if same else "changed"
    if had.st_size != has.st_size or not filecmp.cmp(before, after, shallow=False):
        return "changed"
    return "" if had.st_mode == has.st_mode else "mode"


def _change(
    path: str, kind: str, had: os.stat_result | None, has: os.stat_result | None
) -> wire.FileChange:
    return wire.FileChange(
        # What is no text in the path is shown as such, so that an answer can be written.
        path=os.fsencode(path).decode("utf-8", "replace"),
        change=kind,
        before_size=had.st_size if had else NOT_THERE,
        after_size=has.st_size if has else NOT_THERE,
        before_mode=_mode(had),
        after_mode=_mode(has),
        text=False,
    )


def _mode(found: os.stat_result | None) -> str:
    if found is None:
        return ""
    return "link" if stat.S_ISLNK(found.st_mode) else f"{stat.S_IMODE(found.st_mode):o}"


def _show(change: wire.FileChange, before: Path, after: Path, left: int) -> None:
    """Have a change tell both texts, where both are texts and there is room for them."""
    if max(change.before_size, change.after_size) > MOST_FILE_BYTES or change.change == "mode":
        return
    if change.before_size + change.after_size > left:
        return
    texts = [_text(before, change.before_mode), _text(after, change.after_mode)]
    if None not in texts:
        change.before, change.after = (text or "" for text in texts)
        change.text = True


def _text(file: Path, mode: str) -> str | None:
    """Return what a file says, a link where it leads; None where it is no text."""
    if not mode:
        return ""
    if mode == "link":
        return os.fsencode(file.readlink()).decode("utf-8", "replace")
    content = file.read_bytes()
    try:
        return None if b"\0" in content else content.decode("utf-8")
    except UnicodeDecodeError:
        return None
