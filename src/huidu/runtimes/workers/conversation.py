"""Conversation: one connection to the runtime API, whatever comes over it; no decision here.

HTTP/1.1 as far as runtimes speak it, written so that no request makes the others wait.
"""

from __future__ import annotations

import json
import os
import re
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

CHUNK = 256 * 1024
MOST_BODY = 6 * 1024 * 1024
MOST_HEAD = 16 * 1024
MOST_CAME = MOST_HEAD + MOST_BODY + 2 * CHUNK  #: And not been answered yet: one request, and more.
MOST_DIGITS = 18

SIZE_OF_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})(?:[ \t]*;.*)?", re.DOTALL)
WORDS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}
WORDS.update({405: "Method Not Allowed", 409: "Conflict", 413: "Payload Too Large"})
WORDS.update({431: "Request Header Fields Too Large"})


class Refused(Exception):
    """A request that cannot be answered as it is: the status, and what would have been right."""

    def __init__(self, status: int, message: str, allow: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.allow = allow  #: The methods that would have been right, where it was the method.


class Request(NamedTuple):
    """What somebody asks for."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Client:
    """A connection that the bootstrap opened; its requests are answered one after the other."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)  # noqa: FBT003 - the name of the method says what
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.end = end
        self.waits = False  #: For the next call.
        self.watched = False  #: Whether it is told to us when more can be sent.
        self.unsent = memoryview(b"")
        self.head: Request | None = None
        self._came = bytearray()
        self._body = bytearray()
        self._last = False  #: It is closed once all is sent, and what still comes is thrown away.

    def read(self) -> bool:
        """Take what has come; tell whether the other end is still there."""
        try:
            data = self.end.recv(CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not self._last:
            self._came += data
        return bool(data) and len(self._came) <= (MOST_HEAD if self.waits else MOST_CAME)

    def is_gone(self) -> bool:
        """Tell whether the other end has left, as far as can be seen from here."""
        try:
            return not self.end.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def request(self) -> Request | None:
        """Return the next request once it is whole, or raise `Refused`."""
        if self._last:
            return None
        if self.head is None:
            end = self._came.find(b"\r\n\r\n")
            if max(end, len(self._came) if end < 0 else 0) > MOST_HEAD:
                raise Refused(431, f"the head of the request is over {MOST_HEAD} bytes")
            if end < 0:
                return None
            self.head = parse(str(self._came[:end], "latin-1"))
            del self._came[: end + 4]
            if self.head.headers.get("expect", "").lower() == "100-continue":
                self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = self.head
        if not (self._chunks() if "transfer-encoding" in head.headers else self._whole(head)):
            return None
        request = head._replace(body=bytes(self._body))
        self.head, self._body = None, bytearray()
        self._last = head.headers.get("connection", "").lower() == "close"
        return request

    def _whole(self, head: Request) -> bool:
        """Tell whether a body of a length that was told is all there."""
        told = head.headers.get("content-length", "0")
        if not (told.isascii() and told.isdigit() and len(told) <= MOST_DIGITS):
            raise Refused(400, f"Content-Length {told[:40]!r}: must be a number of bytes")
        length = int(told)
        fits(length)
        if len(self._came) < length:
            return False
        self._body += self._came[:length]
        del self._came[:length]
        return True

    def _chunks(self) -> bool:
        """Take in what has come of a body in chunks; tell whether it is all there."""
        came = self._came
        while True:
            end = came.find(b"\r\n")
            if end < 0 and len(came) <= MOST_HEAD:
                return False
            found = SIZE_OF_CHUNK.fullmatch(bytes(came[: max(end, 0)]))
            if found is None:
                raise Refused(400, "a chunk of the body does not begin with its length")
            length = int(found[1], 16)
            fits(len(self._body) + length)
            if not length:
                end = came.find(b"\r\n\r\n", end)
                if end >= 0:
                    del came[: end + 4]
                return end >= 0
            whole = end + 2 + length + 2
            if len(came) < whole:
                return False
            self._body += came[end + 2 : whole - 2]
            del came[:whole]

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Answer the request that was read."""
        self.waits = False
        lines = [f"HTTP/1.1 {status} {WORDS[status]}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", *(["Connection: close"] if self._last else [])]
        self._send("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body)

    def refuse(self, refusal: Refused, *, last: bool = False) -> None:
        """Answer that it cannot be; after a last answer, what still comes is thrown away."""
        self._last = self._last or last
        allow = {"Allow": refusal.allow} if refusal.allow else {}
        self.reply(refusal.status, said(str(refusal)), **allow)

    def flush(self) -> bool:
        """Send what is waiting; tell whether the connection goes on."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.end.send(self.unsent) :]
        except BlockingIOError:
            return True
        except OSError:
            return False
        if self._last and not self.waits:
            with suppress(OSError):
                self.end.shutdown(socket.SHUT_WR)
        return True

    def _send(self, data: bytes) -> None:
        self.unsent = memoryview(bytes(self.unsent) + data)


def parse(head: str) -> Request:
    """Read the head of a request, or raise `Refused`."""
    first, *lines = head.lstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, path, version
        raise Refused(400, f"not a request of HTTP/1.1: {first[:80]!r}; this is the runtime API")
    named = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in named}
    if words[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    return Request(words[0], words[1].partition("?")[0], headers, b"")


def fits(length: int) -> None:
    """Raise `Refused` where a body is larger than any may be."""
    if length > MOST_BODY:
        limit = f"at most {MOST_BODY} are allowed"
        raise Refused(413, f"the result is too large: {length} bytes, {limit}")


def said(message: str) -> bytes:
    """Return words for the bootstrap."""
    return json.dumps({"message": message}).encode()


def is_ours(peer: tuple[str, int], here: tuple[str, int]) -> bool:
    """Tell whether the other end of a connection to us is the same user's.

    Where the network is the host's, every user of the machine can reach us. Nothing is kept from
    root, and where we are root nobody has a user of its own.
    """
    if os.getuid() == 0:
        return True
    theirs, ours = (
        f"{struct.unpack('=I', socket.inet_aton(h))[0]:08X}:{p:04X}" for h, p in (peer, here)
    )
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):  # Some runtimes speak IPv4 by way of IPv6.
        try:
            with open(table, encoding="ascii") as lines:  # noqa: PTH123 - pathlib is slow to import
                for line in lines:
                    fields = line.split()
                    if fields[1].endswith(theirs) and fields[2].endswith(ours):
                        return int(fields[7]) == os.getuid()
        except OSError:  # There is nothing to tell by.
            return True
    return False
