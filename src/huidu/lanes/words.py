"""Words: what the server and its lanes say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.instances.launch import Exit
from huidu.instances.lease import Lease, Returned
from huidu.instances.outcomes import Ending
from huidu.invoke.turns import Shared
from huidu.model.capacity import Limits
from huidu.model.effect import Effect
from huidu.model.function import FunctionName
from huidu.model.log import Chunk
from huidu.settings import Settings

#: Which version an instance is wanted of: the function's id, the version's number, its digest.
Key = tuple[str, str, str]
#: As many instances as a lane may have for all it knows: how many there may be is not its to say.
MANY = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """What a lane is. Beside it: the socket to listen at, and the pipe for records."""

    number: int
    settings: Settings
    limits: Limits
    salt: bytes
    traced: bool
    most_connections: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The lane takes connections."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody calls a URL of which the lane knows nothing."""

    url_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """All that a lane is to know of a function from now on.

    Beside it, in this order, what counts the turns of its aliases.
    """

    number: int
    named: FunctionName
    effects: tuple[Effect, ...]
    turns: tuple[tuple[str, Shared], ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """The lane goes by what it was told, and has heard what it was asked, from this one back."""

    number: int


@dataclass(frozen=True, slots=True)
class Ping:
    """The lane is to say that it hears."""

    number: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The lane was told all that it may know of a URL."""

    url_id: str


@dataclass(frozen=True, slots=True)
class Hand:
    """A connection for the server, beside this, and what was read of it and is unanswered."""

    said: bytes


@dataclass(frozen=True, slots=True)
class Borrow:
    """A call needs an instance."""

    number: int
    key: Key


@dataclass(frozen=True, slots=True)
class Forgo:
    """It does not, any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Lent:
    """Here is one; its channel and its pipe are beside this."""

    number: int
    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """There is none; why is an exception by its name, and what it says."""

    number: int
    why: str
    message: str = ""
    ending: Ending | None = None
    printed: str = ""
    init_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Recall:
    """An instance is to come back, as soon as it has no call."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """An instance is to end, with the call that it has."""

    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    """The process of an instance is to end at once."""

    name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The process of an instance has ended."""

    name: str
    exit: Exit


@dataclass(frozen=True, slots=True)
class Back:
    """An instance comes back."""

    returned: Returned


@dataclass(frozen=True, slots=True)
class Printed:
    """What a call has printed that still runs."""

    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Close:
    """The lane is to take no more connections, to answer what it has, and to end."""
