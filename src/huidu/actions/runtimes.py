"""Runtimes: what runs a function here, whatever its runtime is called."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from huidu.actions.action import Wire, ours
from huidu.model.function import EVENT


class GetRuntime(Wire):
    """See in which version a runtime is on this machine."""

    runtime: Annotated[str, Meta(description="As functions name it: `Python3.10`.")]
    type: Annotated[
        str,
        Meta(description="`Event`, or `HTTP`: then it is what `/var/lang` has for a bootstrap."),
    ] = EVENT


class RuntimeFacts(Wire):
    """What runs the functions of a runtime."""

    runtime: str
    language: Annotated[str, Meta(description="`Python`, `Node.js` or `custom`.")]
    version: Annotated[
        str, Meta(description="Such as `3.11`; empty where the function brings its own.")
    ]
    note: Annotated[
        str, Meta(description="A sentence, where it is not the version that the name says.")
    ]


ACTIONS = (
    ours(
        "GetRuntime",
        "See in which version a runtime is on this machine.",
        GetRuntime,
        RuntimeFacts,
        "InvalidParameterValue.Runtime",
        "InvalidParameterValue.Type",
        "UnsupportedOperation.Runtime",
    ),
)
