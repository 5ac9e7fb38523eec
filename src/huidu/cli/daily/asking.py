"""Asking: what a command asks of the server, and what to type next where it says no."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from huidu.actions.action import HUIDU, SCF
from huidu.actions.table import ACTIONS
from huidu.cli.client import TIMEOUT_S, Client, Refused, Unreachable
from huidu.cli.harmless import json_text
from huidu.cli.rollout.words import clean
from huidu.model.names import DEFAULT_NAMESPACE

REFUSED, INTERRUPTED = 1, 130
MOST = 100
BY_NAME = {action.name: action for action in ACTIONS if action.service in (SCF, HUIDU)}
#: What a function may not have, as the cloud's API spells it.
NOT_OF_FUNCTION = frozenset({"Alias", "Qualifier", "FunctionVersion", "Version"})
#: What a key is told whose role is not enough: the key is right, so no other command helps.
NOT_ALLOWED = "AuthFailure.UnauthorizedOperation"
#: What to type next, by code, where that is the same whatever was asked.
ADVICE: Mapping[str, Sequence[tuple[str, str]]] = {
    "ResourceNotFound.AccessKey": (("see which there are", "huidu keys list"),),
}
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where the questions of one command are put: all of them are about one function."""

    client: Client
    function: str = ""
    namespace: str = DEFAULT_NAMESPACE
    alias: str = ""

    @property
    def more(self) -> str:
        """What a command needs beside the function, to mean the same one."""
        return "" if self.namespace == DEFAULT_NAMESPACE else f" --namespace {self.namespace}"

    @property
    def named(self) -> str:
        """How the alias is called where something is said of it."""
        spaced = "" if self.namespace == DEFAULT_NAMESPACE else f"{self.namespace}/"
        return f"{spaced}{self.function} {self.alias}".rstrip()

    def line(self, *words: str) -> str:
        """Return what to type: a command about this alias, or about the function."""
        verb, *rest = words
        return self.of_function(verb, *filter(None, [self.alias]), *rest)

    def of_function(self, *words: str) -> str:
        """Return what to type: a command about the function alone."""
        verb, *rest = words
        return f"huidu {verb} {shlex.join((self.function, *rest))}{self.more}"

    def ask(self, action: str, timeout_s: float = TIMEOUT_S, /, **asked: object) -> dict[str, Any]:
        """Return the answer to an action, or raise `Refused` or `Unreachable`.

        Of what is asked, what is None is left out.
        """
        told = {"Namespace": self.namespace, **asked}
        if self.function:
            told.setdefault("FunctionName", self.function)
        if self.alias:
            told.setdefault("Name", self.alias)
        told = {name: value for name, value in told.items() if value is not None}
        answer = self.client.call(BY_NAME[action], told, timeout_s)
        answer.pop("RequestId", None)
        return answer

    def insist(self, action: str, /, **asked: object) -> dict[str, Any]:
        """Return the answer to an action, or say why there is none and leave with 1."""
        try:
            return self.ask(action, **asked)
        except (Refused, Unreachable) as error:
            raise self.refuse(error) from None

    def all_of(self, action: str, many: str, /, **asked: object) -> list[dict[str, Any]]:
        """Return all that an action lists, page by page, or leave with 1."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.insist(action, Offset=len(found), Limit=MOST, **asked)
            found += page[many]
            if not page[many] or len(found) >= page["TotalCount"]:
                return found

    def refuse(self, error: Exception) -> typer.Exit:
        """Say why not, and what to type next; return what to leave with."""
        typer.echo(f"huidu: {clean(str(error))}", err=True)
        say_next(self._advice(error), err=True)
        return typer.Exit(REFUSED)

    def _advice(self, error: Exception) -> Sequence[tuple[str, str]]:
        """Return what to type next: what for, and the command."""
        code = error.code if isinstance(error, Refused) else ""
        if code.startswith("AuthFailure.") and code != NOT_ALLOWED:
            return [("use the key of the server here", 'eval "$(huidu env)"')]
        if code == "ResourceNotFound.FunctionName":
            return self._other_functions()
        if code.removeprefix("ResourceNotFound.") in NOT_OF_FUNCTION:
            return [("see what there is", self.of_function("ls"))]
        if code == "ResourceInUse.Rollout":
            see = ("see how it stands", self.line("rollout show"))
            return [see, ("take it back", self.line("rollback"))]
        if code == "ResourceInUse" and self.alias:
            return [("see how it is now", self.line("alias show"))]
        return ADVICE.get(code, ())

    def _other_functions(self) -> Sequence[tuple[str, str]]:
        try:
            found = self.ask("ListFunctions", Limit=MOST, FunctionName=None, Name=None)
        except (Refused, Unreachable):
            return []
        names = [row["FunctionName"] for row in found["Functions"]]
        near = difflib.get_close_matches(self.function, names, 1)
        if near:
            return [(f"see {near[0]} instead", f"huidu ls {shlex.quote(near[0])}{self.more}")]
        if names:
            return [("see which there are", f"huidu ls{self.more}")]
        return [("make one", "huidu init python my-project")]


def say_next(commands: Sequence[tuple[str, str]], *, err: bool = False) -> None:
    """Say what can be done now: what for, and what to type."""
    width = max((len(what) for what, _ in commands), default=0)
    for what, line in commands:
        typer.echo(clean(f"  to {what + ':':<{width + 2}} {line}"), err=err)


def print_json(told: object) -> None:
    """Print something for programs."""
    typer.echo(json_text(told, indent=2))


def make_sure(question: str, line: str, *, yes: bool) -> None:
    """Leave, unless somebody says that it is meant; `line` is what to type without a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"no terminal to ask on whether it is meant: {line} --yes")
    if not typer.confirm(question, err=True):
        typer.echo("huidu: nothing was changed", err=True)
        raise typer.Exit(REFUSED)


def pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    """Return what was given as `name=value` or, as a header is written, `name: value`."""
    found = {}
    for text in given or ():
        at = min((text.find(sign) for sign in "=:" if sign in text), default=0)
        if not text[:at].strip():
            raise typer.BadParameter(f"{option} {text}: must read NAME=VALUE, as in User=Bob")
        found[text[:at].strip()] = text[at + 1 :].strip()
    return found
