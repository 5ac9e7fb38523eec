"""Quota: how many there may be of each thing."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.errors import LimitExceeded
from huidu.model.split import MOST_VERSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The limits that an operator may set. The defaults are the cloud's where it names one."""

    functions: int = 10_000  #: In a namespace; the cloud's 50 is a matter of billing.
    versions: int = 1000  #: Of a function, published.
    aliases: int = 100  #: Of a function, `$DEFAULT` included (D-14).
    triggers: int = 10  #: Of one type, of a function.
    services: int = 1000  #: Of the gateway; the cloud's 50 is a matter of billing.
    apis: int = 100  #: Of a service.
    additional_versions: int = 1  #: Beside the main one of an alias (D-27).
    layers: int = 1000  #: The cloud's 20 is a matter of billing.
    layer_versions: int = 200  #: Of a layer.
    provisioned: int = 180  #: Instances, of all versions of all functions together.
    provisioned_of_one: int = 100  #: The same, of one version.

    def __post_init__(self) -> None:
        if not 1 <= self.additional_versions < MOST_VERSIONS:
            raise ValueError(f"max_additional_versions: 1 to {MOST_VERSIONS - 1}")


def check(kind: str, there_are: int, most: int, of: str) -> None:
    """Raise `LimitExceeded` where one more would be too many."""
    if there_are >= most:
        raise LimitExceeded(kind, f"{of}: {there_are} there are, at most {most} may be")
