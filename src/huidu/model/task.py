"""Task: a call together with the version that was chosen to answer it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from huidu.model.exchange import Exchange
from huidu.model.invocation import Invocation
from huidu.model.version import Version

ENCODER = msgspec.json.Encoder()


class Task(Struct, frozen=True, kw_only=True, gc=False):
    """A call, and the version that was chosen to answer it."""

    invocation: Invocation
    version: Version
    alias: str = ""  #: The alias that it came through, if it came through one.
    exchange: Exchange | None = None  #: The caller itself, where it is a web function's.

    def context(self) -> bytes:
        """Return the part of the call's context that is its own, as JSON (D-41).

        A mirror's copy looks to the function as the call itself did, but for `mirror`.
        """
        copied_from = self.invocation.copied_from
        return ENCODER.encode(
            {
                "request_id": self.invocation.request_id,
                "alias": self.alias or copied_from,
                "qualifier": copied_from or self.invocation.qualifier,
                "routing_key": self.invocation.routing_key,
                **self.invocation.trace.told(),
                **({"mirror": True} if copied_from else {}),
            }
        )
