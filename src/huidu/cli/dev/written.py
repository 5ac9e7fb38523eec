"""Written: lines go out by a thread, so that a terminal that stands still holds nobody up."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Thread
from typing import Self, TextIO

MOST_WAITING = 10_000
PATIENCE_S = 1.0


class Written:
    """A stream that is written to at once; of what nobody reads the newest is lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._queue: Queue[str | None] = Queue(MOST_WAITING)
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Full):
            self._queue.put(None, timeout=PATIENCE_S)
        self._thread.join(PATIENCE_S)

    def write(self, text: str) -> None:
        """Have a text written soon."""
        with suppress(Full):
            self._queue.put_nowait(text)

    def _run(self) -> None:
        while (text := self._queue.get()) is not None:
            more = [text]
            with suppress(Empty):
                while (another := self._queue.get_nowait()) is not None:
                    more.append(another)
                self._queue.put(None)  # It was the end, which is still to come.
            try:
                self._stream.write("".join(more))
                self._stream.flush()
            except (OSError, ValueError):  # Whoever read it has left.
                return
