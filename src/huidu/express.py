"""Express: a connection with a front, which answers plain requests without a task of their own."""

from __future__ import annotations

from typing import Any

from huidu.ask import Express
from huidu.decency import Flaw
from huidu.flow import Patience
from huidu.front import Front
from huidu.pace import Pace
from huidu.patience import Part, PatientProtocol
from huidu.room import Room


class ExpressProtocol(PatientProtocol):
    """Stands behind a front (`General`), and has what is not plain answered the general way.

    What comes over the connection goes to the front, and so does what the parser finds in it.
    """

    #: Whether the transport gives what comes to the front, rather than to us for it.
    straight = True

    def __init__(
        self,
        express: Express,
        pace: Pace,
        room: Room,
        patience: Patience,
        **told: Any,  # noqa: ANN401 - uvicorn's
    ) -> None:
        super().__init__(room, patience, **told)
        self.front = Front(self, express, pace, room)
        self.parser = self.front.parser
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as the others have it
        """Begin."""
        super().connection_made(transport)
        client = self.client[0] if self.client else ""
        self.front.open(client, self.server_state, self._patience.idle_s)
        if self.straight:
            transport.set_protocol(self.front)

    def data_received(self, data: bytes) -> None:
        """Take what was sent."""
        self.front.data_received(data)

    def eof_received(self) -> Any:  # noqa: ANN401 - uvicorn says that it returns nothing
        """Hear that the client sends no more."""
        return self.front.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self.front.connection_lost(exc)

    def shutdown(self) -> None:
        """Answer a request that has begun to come, and no more."""
        self.front.wake()
        if self.front.light and self.front.read:
            self.front.give_way()
        super().shutdown()

    def leave(self) -> None:
        """End, for nothing is owed to the client."""
        self.front.wake()
        super().leave()

    @property
    def silent(self) -> bool:
        """Whether nothing is left to be done before or after the one answer that is owed."""
        return not (self.pipeline or self._held or self._heard_all or self._deaf)

    def hear(self, data: bytes) -> None:
        """Have the parser fed, a piece at a time, and count what it takes."""
        super().data_received(data)

    def stumble(self, error: Exception, data: bytes) -> None:
        """See to what the parser would not take of some data, or not all of it."""
        taken = self._stumbled(error, len(data))
        self._count(taken)
        self._take_in(data[taken:])

    def fed(self, data: bytes) -> None:
        """Count what the parser has taken."""
        self._count(len(data))
        self._take_in(b"")

    def heard(self) -> None:
        """Something has come just now."""
        self._heard_at = self.loop.time()

    def await_head(self) -> None:
        """A head has begun, of a request that is light still."""
        self._part, self._head_bytes = Part.HEAD, 0

    def await_body(self, size_bytes: int) -> None:
        """A head is whole, of a request that is light still."""
        self._part, self._body_bytes, self._dry_bytes = Part.BODY, 0, 0
        self._body_left = size_bytes
        self._body_began, self._unread_s = self._heard_at, self.flow.unread_s

    def took(self, size_bytes: int) -> None:
        """A piece of a body has come, of a request that is light still."""
        self._body_bytes += size_bytes
        self._body_left -= size_bytes
        self._dry_bytes = 0

    def linger(self) -> None:
        """Wait for the rest of a request that is light still."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        head = self._part is Part.HEAD
        self._wait(self._patience.head_s if head else self._patience.pause_s)

    def rest(self) -> None:
        """Wait for nothing, for a request is whole."""
        self._part = Part.NONE
        self._rest()
        self._unset_keepalive_if_required()

    def idles(self) -> bool:
        """Tell whether the connection waits for a request, and nobody else looks after that."""
        waits = self._part is Part.NONE and self.running is None and not self._deaf
        return waits and self.timeout_keep_alive_task is None

    def lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)

    def heard_end(self) -> Any:  # noqa: ANN401 - as `eof_received`
        """The client says that it sends no more."""
        return super().eof_received()

    def _knows_headers(self) -> bool:
        return self.front.headed if self.front.light else super()._knows_headers()

    def _refuse(self, flaw: Flaw) -> None:
        if self.front.light:  # There is nobody yet who could be told.
            self.front.forget()
            self._part = Part.HEAD
        super()._refuse(flaw)
