"""Task: a call together with the version that was chosen to answer it."""

from __future__ import annotations

from typing import Final

import msgspec

from huidu.model.exchange import Exchange
from huidu.model.invocation import Invocation
from huidu.model.version import Version

ENCODER = msgspec.json.Encoder()


class Task:
    """A call, and the version that was chosen to answer it."""

    __slots__ = ("alias", "exchange", "invocation", "version")

    def __init__(
        self,
        *,
        invocation: Invocation,
        version: Version,
        alias: str = "",  #: The alias that it came through, if it came through one.
        exchange: Exchange | None = None,  #: The caller itself, where it is a web function's.
    ) -> None:
        self.invocation: Final = invocation
        self.version: Final = version
        self.alias: Final = alias
        self.exchange: Final = exchange

    def context(self) -> bytes:
        """Return the part of the call's context that is its own, as JSON (D-41).

        A mirror's copy looks to the function as the call itself did, but for `mirror`.
        """
        invocation = self.invocation
        copied_from, trace = invocation.copied_from, invocation.trace
        said: dict[str, object] = {
            "request_id": invocation.request_id,
            "alias": self.alias or copied_from,
            "qualifier": copied_from or invocation.qualifier,
            "routing_key": invocation.routing_key,
        }
        if trace.trace_id:
            said |= trace.told()
        if copied_from:
            said["mirror"] = True
        return ENCODER.encode(said)
