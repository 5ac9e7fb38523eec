"""Flow: how a connection's two directions go on, and the end of those that do not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a connection is waited for."""

    head_s: float = 20.0  #: For a whole head, and for the first of them to begin.
    pause_s: float = 20.0  #: Between two pieces of a body, and before it must keep its pace.
    least_bytes_per_s: int = 500  #: The pace of a body, and of a client that takes an answer.
    idle_s: float = 75.0  #: Between two requests.
    linger_s: float = 2.0  #: For a client to read why it was refused.


class Flow(FlowControl):
    """uvicorn's, with a memory: how long we did not read, and whether the client does."""

    def __init__(self, transport: Any, patience: Patience) -> None:  # noqa: ANN401 - uvicorn's own type is narrower
        super().__init__(transport)
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._alarm: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._ending = False
        self._on_hold = False
        self._paused_at = 0.0
        self.resumed_at = 0.0
        self.unread_s = 0.0  #: How long it was us who did not read.

    def pause_reading(self) -> None:
        """Take nothing more for now."""
        if not self.read_paused:
            self._paused_at = self._loop.time()
        super().pause_reading()

    def resume_reading(self) -> None:
        """Take what comes again, unless we are on hold."""
        if self._on_hold:
            return
        if self.read_paused:
            self.resumed_at = self._loop.time()
            self.unread_s += self.resumed_at - self._paused_at
        super().resume_reading()

    def hold(self) -> None:
        """Take nothing more, whatever an application that reads its body would have."""
        self._on_hold = True
        self.pause_reading()

    def release(self) -> None:
        """Be on hold no more."""
        self._on_hold = False
        self.resume_reading()

    def pause_writing(self) -> None:
        """The client does not take what it is sent; see that it does in the end."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """The client takes it again."""
        super().resume_writing()
        if not self._ending:
            self.stop()

    def end(self) -> None:
        """Close once all is sent, or is not taken any more."""
        self._ending = True
        self._transport.close()
        self._watch()

    def stop(self) -> None:
        """Watch nothing more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _watch(self) -> None:
        self.stop()
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._alarm = self._loop.call_later(self._patience.pause_s, self._look)

    def _look(self) -> None:
        self._alarm = None
        taken = self._unsent_bytes - self._transport.get_write_buffer_size()
        if taken < self._patience.least_bytes_per_s * self._patience.pause_s:
            self._transport.abort()
        else:
            self._watch()
