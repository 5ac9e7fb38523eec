"""Told: what a worker says of itself, by the types that it is read by; never compiled."""

from __future__ import annotations

import msgspec

from huidu.model.invocation import Status


class Ready(msgspec.Struct, frozen=True):
    """A worker loaded the version with this digest, and took long to import these modules.

    What is sent ahead begins once the answer before it is wholly written, and in its order.
    """

    digest: str
    imports: tuple[str, ...] = ()
    ahead: int = 0  #: How many calls may be sent to it before it has answered the one that runs.


class Fault(msgspec.Struct, frozen=True):
    """What a worker tells of something that went wrong."""

    message: str
    stack: str
    status: int = Status.HANDLER_NOT_FOUND
    ends: bool = False  #: Whether the worker ends itself with it: nothing after it begins.
