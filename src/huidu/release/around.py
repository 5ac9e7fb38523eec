"""Around: what carrying rollouts on needs of the rest of a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from huidu.model.budget import Allowance
from huidu.model.invocation import Record
from huidu.model.tally import Lane
from huidu.model.version import Version


class Routes(Protocol):
    """Where calls are routed."""

    def allow(self, function_id: str, alias: str, allowance: Allowance | None) -> None: ...


class Recorder(Protocol):
    """Who hears of every call."""

    def follow(self, function_id: str, alias: str, hear: Callable[[Record], None]) -> None: ...

    def unfollow(self, function_id: str, alias: str, hear: Callable[[Record], None]) -> None: ...


class Instances(Protocol):
    """The running copies of versions."""

    async def ready(self, version: Version, count: int) -> str: ...

    def held(self) -> Mapping[tuple[str, str, str], int]: ...

    def hold(self, version: Version, count: int) -> None: ...


class Counters(Protocol):
    """How many calls run now."""

    def running_in(self, lane: Lane) -> int: ...
