"""Side: one end of a tunnel; what comes in here goes out at the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HIGH_BYTES = 256 * 1024  #: That may wait for a side that reads slowly; then the other is not read.


class Side(asyncio.Protocol):
    """Hands on bytes as they are, no faster than the other side takes them.

    Nothing is read into them: a tunnel is one connection to one server, so what one caller sends
    never stands in the way of, or before, what another one sends.
    """

    def __init__(self, clock: Callable[[], float], gone: Callable[[], None]) -> None:
        self._clock = clock
        self._gone = gone
        self._other: Side | None = None
        self._held = False
        self.ended = False  #: Whether nothing more comes from it,
        self.lost = False  #: or it is gone.
        self.transport: asyncio.Transport | None = None
        self.busy_at = clock()

    def join(self, other: Side) -> None:
        """Hand on to another side from now on, and it to this one."""
        self._other, other._other = other, self

    def use(self, transport: asyncio.Transport) -> None:
        """Speak over this transport from now on."""
        self.transport = transport
        if self._other is not None and self._other.lost:  # It has left meanwhile.
            transport.close()
            return
        transport.set_write_buffer_limits(high=HIGH_BYTES)
        if self._held:
            transport.pause_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Speak over a connection that is new."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - there are no others here
        self.use(transport)

    def data_received(self, data: bytes) -> None:
        """Hand on some bytes."""
        self.busy_at = self._clock()
        if self._other is not None and self._other.transport is not None:
            self._other.transport.write(data)

    def eof_received(self) -> bool:
        """Hand on that nothing more comes; where that cannot be said, all ends."""
        other = self._other.transport if self._other is not None else None
        in_tls = self.transport is not None and self.transport.get_extra_info("ssl_object")
        if in_tls or other is None or other.is_closing() or not other.can_write_eof():
            return False
        other.write_eof()
        self.ended = True
        # Where both have said so, nothing is left to be said.
        return self._other is not None and not self._other.ended

    def pause_writing(self) -> None:
        """Read no more from the other side: this one is behind."""
        if self._other is not None:
            self._other.hold(held=True)

    def resume_writing(self) -> None:
        """Read from the other side again."""
        if self._other is not None:
            self._other.hold(held=False)

    def hold(self, *, held: bool) -> None:
        """Stop or go on reading."""
        self._held = held
        if self.transport is None or self.transport.is_closing():
            return
        if held:
            self.transport.pause_reading()
        else:
            self.busy_at = self._clock()
            self.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """Close the other side, once it has been sent what is on its way."""
        self.transport, self.lost = None, True
        if self._other is not None and self._other.transport is not None:
            self._other.transport.close()
        self._gone()

    def abort(self) -> None:
        """End it at once."""
        if self.transport is not None:
            self.transport.abort()
