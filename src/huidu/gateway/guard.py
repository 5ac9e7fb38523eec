"""Guard: who may call an API of a service, and how often; asked once the API is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from huidu.gateway.message import Request, Response
from huidu.model.service import Api

Headers = Sequence[tuple[str, str]]


class Asked(Struct, frozen=True, kw_only=True, gc=False):
    """What is asked for: an API as it is released in an environment, by this request."""

    environment: str
    api: Api
    request: Request  #: Its body is not read yet, and is empty here.


class Passed(Struct, frozen=True, kw_only=True, gc=False):
    """The request may go on, on behalf of this key; the answer carries these headers."""

    secret_id: str = ""
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """The request is answered with this, and reaches no function."""

    response: Response


class Guard(Protocol):
    """Decides at once, from what it has in memory."""

    def admit(self, asked: Asked) -> Passed | Denied: ...
