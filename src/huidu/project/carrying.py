"""Carrying: asks a server for the steps of a plan, one after the other."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from huidu.project.looking import Ask
from huidu.project.packing import Package
from huidu.project.plan_layers import layer_content
from huidu.project.steps import PACKAGE, Plan, Step, filled

CODE = "Code"
NONE: Mapping[str, Package] = MappingProxyType({})


def carry_out(
    plan: Plan,
    package: Package | None,
    ask: Ask,
    tell: Callable[[Step], None],
    code: Mapping[str, object] | None = None,
    layers: Mapping[str, Package] = NONE,
) -> Mapping[str, object]:
    """Carry out a plan, and return what its answers gave: the version, the service.

    A plan that sends no code, as that of a removal, needs no package. `code` says where the server
    finds one that was sent before; without it the package goes along. `layers` are those that it
    may publish, by name.

    Stops at the first step that is refused, by raising what `ask` raises: what was done is kept,
    and a plan that is made anew goes on from there (so what is to be remembered of the server is
    to be looked up after a failure as well). `tell` hears of each step before it is taken.
    """
    sent = {layer_content(name).name: layer for name, layer in layers.items()}
    if package and code is None:
        sent[PACKAGE.name] = package
    texts = {name: base64.b64encode(one.zip_bytes).decode() for name, one in sent.items()}
    known: dict[str, object] = {PACKAGE.name: "", **texts}
    for step in plan.steps:
        tell(step)
        parameters = {name: filled(value, known) for name, value in step.parameters.items()}
        if code is not None and CODE in parameters:
            parameters[CODE] = code
        answer: Any = ask(step.service, step.action, parameters)
        for name, path in step.gives.items():
            found = answer
            for part in path:
                found = found[part]
            known[name] = found
    return {name: value for name, value in known.items() if name not in {PACKAGE.name, *texts}}
