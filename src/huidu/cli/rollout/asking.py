"""Asking: one action for one rollout, and what to do next where the server says no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import typer

from huidu.actions.action import HUIDU_VERSION, Wire
from huidu.actions.rollouts import RolloutFacts
from huidu.actions.table import find
from huidu.cli.client import TIMEOUT_S, Client, Refused, Unreachable
from huidu.cli.harmless import scrubbed
from huidu.cli.rollout import words
from huidu.model.names import DEFAULT_NAMESPACE

ID = "ro-"
Answer = TypeVar("Answer", bound=Wire)


def named(target: list[str], namespace: str) -> dict[str, Any]:
    """Return which rollout is meant, as the API takes it: by its id, or by function and alias."""
    match target:
        case [one] if one.startswith(ID):
            return {"RolloutId": one}
        case [function, alias]:
            return {"FunctionName": function, "Name": alias, "Namespace": namespace}
        case [function]:
            raise typer.BadParameter(
                f"{function}: name its alias as well, as in {function} release"
            )
        case _:
            raise typer.BadParameter(
                "name a function and its alias, or the id of a rollout (ro-...)"
            )


def spelled(asked: Mapping[str, Any]) -> str:
    """Return how somebody would name that rollout again."""
    if "RolloutId" in asked:
        return str(asked["RolloutId"])
    namespace = asked["Namespace"]
    more = "" if namespace == DEFAULT_NAMESPACE else f" --namespace {namespace}"
    return f"{asked['FunctionName']} {asked['Name']}{more}"


def ask(
    client: Client,
    name: str,
    asked: Mapping[str, Any],
    answer: type[Answer],
    timeout_s: float = TIMEOUT_S,
) -> tuple[Answer, dict[str, Any]]:
    """Return the answer of an action of ours, in a type and as it came."""
    came = client.call(find(name, HUIDU_VERSION), asked, timeout_s)
    came.pop("RequestId", None)
    try:
        return msgspec.convert(scrubbed(came), answer, strict=False), came
    except msgspec.ValidationError as error:
        raise Unreachable(f"{client.endpoint} does not answer as a Huidu server: {error}") from None


def insist(
    client: Client, name: str, asked: Mapping[str, Any], answer: type[Answer]
) -> tuple[Answer, dict[str, Any]]:
    """Return the same, or say why not and leave with 1."""
    try:
        return ask(client, name, asked, answer)
    except (Refused, Unreachable) as error:
        raise refuse(client, asked, error) from None


def refuse(client: Client, asked: Mapping[str, Any], error: Exception) -> typer.Exit:
    """Say why not, and what to type next; return what to leave with."""
    typer.echo(f"huidu: {error}", err=True)
    for line in _advice(client, asked, error):
        typer.echo(line, err=True)
    return typer.Exit(1)


def _advice(client: Client, asked: Mapping[str, Any], error: Exception) -> list[str]:
    """Return what to type next."""
    function, alias = asked.get("FunctionName", "FUNCTION"), asked.get("Name", "ALIAS")
    namespace = asked.get("Namespace", DEFAULT_NAMESPACE)
    more = "" if namespace == DEFAULT_NAMESPACE else f" --namespace {namespace}"
    match error.code if isinstance(error, Refused) else "":
        case "ResourceNotFound.FunctionName":
            return [f"See which functions there are:  huidu ls{more}"]
        case "ResourceNotFound.Alias":
            version = asked.get("FunctionVersion", "VERSION")
            old = "OLD-VERSION" if "FunctionVersion" in asked else version
            return [
                f"See which there are:  huidu alias list {function}{more}",
                f"Make it:              huidu alias set {function} {alias} {old} --create{more}",
            ]
        case "ResourceNotFound.FunctionVersion" | "InvalidParameterValue.FunctionVersion":
            return [
                f"See which there are:  huidu ls {function}{more}",
                f"Publish $LATEST:      huidu publish {function}{more}",
            ]
        case "ResourceNotFound.Rollout":
            return ["See which there are:  huidu rollout list"]
        case "ResourceInUse.Rollout" | "FailedOperation.Rollout":
            return _what_can_be_done(client, asked)
        case _:
            return []


def _what_can_be_done(client: Client, asked: Mapping[str, Any]) -> list[str]:
    """Return what can be done about the rollout that there is."""
    known = ("RolloutId", "FunctionName", "Name", "Namespace")
    which = {name: asked[name] for name in known if name in asked}
    try:
        facts, _ = ask(client, "GetRollout", which, RolloutFacts)
    except (Refused, Unreachable):
        return []
    return words.aligned(words.next_commands(facts))
