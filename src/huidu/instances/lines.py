"""Lines: what a function prints during one call, read as it comes and bounded whatever comes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import termios
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass

from huidu.model.ahead import MOST_AHEAD
from huidu.model.frame import cut

MOST_LINE_BYTES = 8 * 1024
MOST_BYTES = 1024 * 1024
CHUNK = 64 * 1024
CUT = b" ...(line cut at 8 KB)"
NOTICE = b"(this call printed more than 1 MB; the rest is not kept)"
MOST_LINES, PACE_S = 5000, 5.0
FLOOD = (
    b"(this call printed more than 5000 lines in 5 seconds; what follows is not kept until then)"
)
#: What the kernel answers into. It takes half as long where that can be written to.
WAITING = array("i", [0])
FIONREAD = termios.FIONREAD
#: What a call prints begins with it, where its worker sees to that; and how one begins that is cut.
MARK = re.compile(rb"\0call([0-9a-f]{8})\0")
MARK_BEGUN = re.compile(rb"\0(?:c(?:a(?:l(?:l[0-9a-f]{0,8})?)?)?)?\Z")
MARK_BYTES = 14


def _waiting(fd: int) -> int:
    """Return how many bytes are in a pipe."""
    fcntl.ioctl(fd, FIONREAD, WAITING)
    return WAITING[0]


class Lines:
    """Gathers whole lines, cuts each at 8 KB, and all of them together at 1 MB.

    Of more than 5000 lines in 5 seconds the rest is dropped, until those seconds are over.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._since = 0.0
        self._lately = 0  #: How many lines came since then.
        self._kept: list[bytes] = []
        self._bytes = 0
        self._begun = b""  #: A line whose end has not come, or as much of it as may be kept.
        self._full = False
        self._shown = 0  #: How many of the kept ones were looked at since `take`.
        self.shown_chars = 0

    def feed(self, data: bytes) -> None:
        """Take what was printed next."""
        if self._full:
            return
        first, *others = data.split(b"\n")
        self._begun = (self._begun + first)[: MOST_LINE_BYTES + 1]
        if others and self._now() - self._since >= PACE_S:
            self._since, self._lately = self._now(), 0
        for line in others:
            self._keep(self._begun)
            self._begun = line[: MOST_LINE_BYTES + 1]

    def shows(self, words: str) -> bool:
        """Tell whether a line that came since the last time has these words in it."""
        return bool(words) and any(words.encode() in line for line in (*self._kept, self._begun))

    def peek(self) -> str:
        """Return the whole lines that came since the last time, and leave them for `take`."""
        if self._shown == len(self._kept):
            return ""
        text = b"\n".join([*self._kept[self._shown :], b""]).decode(errors="replace")
        self._shown = len(self._kept)
        self.shown_chars += len(text)
        return text

    def take(self) -> str:
        """Return what came since the last time, each line with its end, and begin anew."""
        if self._begun:
            self._keep(self._begun)
        if not self._kept:
            return ""
        text = b"\n".join([*self._kept, b""]).decode(errors="replace")
        self._kept, self._bytes, self._begun, self._full = [], 0, b"", False
        self._lately = self._shown = self.shown_chars = 0
        return text

    def _keep(self, line: bytes) -> None:
        self._lately += 1
        if self._full or self._lately > MOST_LINES + 1:
            return
        if self._lately > MOST_LINES:
            line = FLOOD
        if len(line) > MOST_LINE_BYTES:
            line = cut(line, MOST_LINE_BYTES - len(CUT)) + CUT
        self._bytes += len(line) + 1
        self._full = self._bytes > MOST_BYTES
        self._kept.append(NOTICE if self._full else line)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pipe stands between two calls."""

    printed: str = ""  #: What came, and no call was told.
    calls: int = 0
    printing: int = 0
    tells_apart: bool = True


BEGUN = Place()  #: Before any call.


class Pipe:
    """The end of the pipe that an instance prints into.

    It is read whenever something is in it, so that nothing that an instance prints makes it wait
    for us, and what is over the limits is dropped as it is read. It is taken once for each call,
    in their order: a mark in it says that what follows is of the call after so many others. So
    what a call prints that was sent ahead is not taken with the one before it.
    """

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._lines = Lines()
        self._coming: dict[int, Lines] = {}  #: Of calls ahead, by how many came before each.
        self._calls = 0  #: So many were taken.
        self._printing = 0  #: After how many others the call came that has printed last.
        self._part = b""  #: What may be the begin of a mark.
        self._tells_apart = True
        self._empty = False  #: Whether nothing was there when `see` looked.
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._read, CHUNK)

    @property
    def tells_apart(self) -> bool:
        """Whether all that came said of which call it is.

        A child of the function's does not, nor what writes past the language's own streams. Then
        no call is to be sent ahead of an answer: what it prints could be taken for the other's.
        """
        return self._tells_apart

    @property
    def fd(self) -> int:
        """The descriptor of this end."""
        return self._fd

    def rest(self) -> Place:
        """Leave what comes to whoever else has this end, until `wake`; return where it stands.

        No call may be under way.
        """
        self._loop.remove_reader(self._fd)
        self._look()
        return Place(self._lines.take(), self._calls, self._printing, self._tells_apart)

    def wake(self, place: Place) -> None:
        """Read on from where somebody else has left it."""
        self._calls, self._printing = place.calls, place.printing
        self._tells_apart = place.tells_apart
        if place.printed:
            self._lines.feed(place.printed.encode())
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._read, CHUNK)

    def see(self) -> None:
        """See whether there is anything, for each `take` until `forget`.

        Whoever has read the answers of some calls, and not told of them yet, asks the kernel once.
        """
        self._empty = self._fd >= 0 and _waiting(self._fd) == 0

    def forget(self) -> None:
        """Have each `take` look for itself again."""
        self._empty = False

    def take(self) -> str:
        """Return what this call printed, and begin with the next.

        An instance flushes before it replies: at the reply, all that it printed is in the pipe.
        What a thread goes on to print meanwhile is not waited for.
        """
        if self._part or not (self._empty or self._fd < 0 or _waiting(self._fd) == 0):
            self._look()
        printed = self._lines.take()
        self._calls += 1
        if self._coming:
            self._lines = self._coming.pop(self._calls, self._lines)
        return printed

    def shows(self, words: str) -> bool:
        """Tell whether these words were printed since the last `take`."""
        self._look()
        return any(lines.shows(words) for lines in (self._lines, *self._coming.values()))

    def peek(self) -> str:
        """Return the whole lines that were printed since the last time; `take` has them too."""
        return self._lines.peek()

    @property
    def shown_chars(self) -> int:
        """How much of what `take` will return was seen by `peek`."""
        return self._lines.shown_chars

    def close(self) -> None:
        """Keep what is in the pipe, for a last `take`, and let go of it."""
        if self._fd >= 0:
            self._drain()
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _look(self) -> None:
        """Take in all that is there."""
        if self._fd >= 0:
            self._drain()
        if self._part:
            part, self._part = self._part, b""
            self._feed(part)

    def _drain(self) -> None:
        waiting = _waiting(self._fd)
        while waiting > 0:
            waiting -= self._read(waiting) or waiting

    def _read(self, most: int) -> int:
        try:
            data = os.read(self._fd, most)
        except BlockingIOError:
            return 0
        if not data:  # Nobody is left who could print.
            self._loop.remove_reader(self._fd)
        if self._part or b"\0" in data:
            self._divide(self._part + data)
        else:
            self._feed(data)
        return len(data)

    def _divide(self, data: bytes) -> None:
        """Take what was printed, without the marks in it."""
        at = 0
        for mark in MARK.finditer(data):
            begin, end = mark.span()
            self._feed(data[at:begin])
            at = end
            number = int(mark[1], 16)
            if self._printing < number <= self._calls + MOST_AHEAD:
                self._printing = number
        begun = MARK_BEGUN.search(data, max(at, len(data) - MARK_BYTES))
        ends = begun.start() if begun else len(data)
        self._part = data[ends:]
        self._feed(data[at:ends])

    def _feed(self, data: bytes) -> None:
        if not data:
            return
        if self._printing > self._calls:
            if self._printing not in self._coming:
                self._coming[self._printing] = Lines()
            self._coming[self._printing].feed(data)
        else:
            self._tells_apart = self._tells_apart and self._printing == self._calls
            self._lines.feed(data)
