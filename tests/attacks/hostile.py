"""What hostile clients send, as a table, and what must come back."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from io import BytesIO
from typing import Any, cast

GOOD = 0  #: The status of a good request, whatever that is at this address.
AT = b"/@"  #: Stands for the path of the address.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
NEXT = b"GET /healthz HTTP/1.1\r\nHost: h\r\nX-Next: yes\r\n\r\n"
POST = b"POST /@ HTTP/1.1\r\nHost: h\r\n"
GET = b"GET /@ HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = b"Content-Length: 2\r\n\r\nab"


@dataclass(frozen=True, slots=True)
class Case:
    """One connection: what is sent over it, the statuses that come back, and how it goes on.

    `SMUGGLED` is part of something else and must never be answered: that it is not shows in the
    number of answers.
    """

    name: str
    sent: bytes
    statuses: Sequence[int]
    closed: bool = True


def _framed(name: str, framing: bytes, *statuses: int, after: bytes = SMUGGLED) -> Case:
    return Case(name, POST + framing + b"\r\n" + after, statuses or (400,))


def _chunks(name: str, chunks: bytes, *statuses: int) -> Case:
    return Case(f"chunks: {name}", CHUNKED + chunks, statuses or (400,))


def _header(name: str, line: bytes, status: int = 400) -> Case:
    return Case(f"header: {name}", GET + line + b"\r\n\r\n" + NEXT, (status,))


def _target(name: str, line: bytes, status: int = 400) -> Case:
    return Case(f"target: {name}", line + b"\r\nHost: h\r\n\r\n", (status,))


TE = b"Transfer-Encoding: "
CL = b"Content-Length: "
SMUGGLING = (
    _framed("both lengths, the length first", CL + b"4\r\n" + TE + b"chunked\r\n"),
    _framed("both lengths, chunks first", TE + b"chunked\r\n" + CL + b"4\r\n"),
    _framed("two lengths that differ", CL + b"2\r\n" + CL + b"40\r\n"),
    _framed("two lengths that are equal", CL + b"2\r\n" + CL + b"2\r\n"),
    _framed("a list of lengths", CL + b"2, 2\r\n"),
    _framed("a length with a sign", CL + b"+2\r\n"),
    _framed("a length below nothing", CL + b"-2\r\n"),
    _framed("a length in hex", CL + b"0x2\r\n"),
    _framed("a length with a space inside", CL + b"1 0\r\n"),
    _framed("a length of no digits", CL + b"\r\n"),
    _framed("a length beyond 64 bits", CL + b"18446744073709551618\r\n"),
    _framed("a length in other digits", CL + "٢".encode() + b"\r\n"),
    _framed("a space before the colon", b"Content-Length : 2\r\n"),
    _framed("a tab before the colon", b"Transfer-Encoding\t: chunked\r\n"),
    _framed("chunked with a letter more", TE + b"xchunked\r\n"),
    _framed("chunked in quotes", TE + b'"chunked"\r\n'),
    _framed("chunked, and something after it", TE + b"chunked, identity\r\n"),
    _framed("chunked twice", TE + b"chunked, chunked\r\n"),
    _framed("chunked twice in two lines", TE + b"chunked\r\n" + TE + b"chunked\r\n"),
    _framed(
        "chunked, and identity in a line of its own", TE + b"chunked\r\n" + TE + b"identity\r\n"
    ),
    _framed("identity", TE + b"identity\r\n"),
    _framed("a coding before chunked", TE + b"gzip, chunked\r\n", 501),
    _framed("an empty coding", TE + b"\r\n"),
    _framed("a vertical tab before chunked", TE + b"\x0bchunked\r\n"),
    _framed("a null before chunked", TE + b"\x00chunked\r\n"),
    _framed("chunked on a line that goes on", b"Transfer-Encoding:\r\n chunked\r\n"),
    _framed("a header that goes on", b"X: a\r\n Content-Length: 40\r\n"),
    _framed("a first header that begins with a space", b" X: a\r\n"),
    _framed("lines that end with LF only", b"X: a\nContent-Length: 40\r\n"),
    _framed("lines that end with CR only", b"X: a\rContent-Length: 40\r\n"),
    Case(
        "chunks in HTTP/1.0",
        b"POST /@ HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        (400,),
    ),
    Case(
        "what a length counts is no request",
        POST + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED + NEXT,
        (GOOD, 200),
        closed=False,
    ),
    Case(
        "what a chunk holds is no request",
        CHUNKED + b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n" + NEXT,
        (GOOD, 200),
        closed=False,
    ),
    Case(
        "what a GET carries is no request",
        GET + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED + NEXT,
        (GOOD, 200),
        closed=False,
    ),
    Case(
        "chunked with blanks and capitals is chunked",
        POST + TE + b" \tChUnKeD \r\n\r\n2\r\nab\r\n0\r\n\r\n" + NEXT,
        (GOOD, 200),
        closed=False,
    ),
)
CHUNKS = (
    _chunks("a size that overflows", b"10000000000000002\r\nab\r\n0\r\n\r\n"),
    _chunks("a size that is not hex", b"2g\r\nab\r\n0\r\n\r\n"),
    _chunks("a size with 0x", b"0x2\r\nab\r\n0\r\n\r\n"),
    _chunks("a size with a sign", b"+2\r\nab\r\n0\r\n\r\n"),
    _chunks("a size below nothing", b"-2\r\nab\r\n0\r\n\r\n"),
    _chunks("no size", b"\r\nab\r\n0\r\n\r\n"),
    _chunks("a space after the size", b"2 \r\nab\r\n0\r\n\r\n"),
    _chunks("a size that ends with LF only", b"2\nab\r\n0\r\n\r\n"),
    _chunks("a size that ends with CR only", b"2\rab\r\n0\r\n\r\n"),
    _chunks("no line break after the data", b"2\r\nab0\r\n\r\n"),
    _chunks("more data than the size says", b"2\r\nabcd\r\n0\r\n\r\n"),
    _chunks("data that ends with LF only", b"2\r\nab\n0\r\n\r\n"),
    _chunks("an extension with LF in it", b"2;a\nb\r\nab\r\n0\r\n\r\n" + SMUGGLED),
    _chunks("an extension without end", b"2;" + b"a" * 200_000),
    _chunks("a trailer without end", b"0\r\nX: " + b"a" * 200_000),
    _chunks("trailers without end", b"0\r\n" + b"X: a\r\n" * 30_000),
    _chunks("a trailer with a null", b"0\r\nX: a\0b\r\n\r\n"),
    Case(
        "chunks: trailers that would be framing",
        CHUNKED + b"2\r\nab\r\n0\r\nContent-Length: 40\r\nHost: other\r\n\r\n" + NEXT,
        (400,),
    ),
    Case(
        "chunks: an extension is passed over",
        CHUNKED + b'2;a=b;c="d e"\r\nab\r\n0\r\n\r\n' + NEXT,
        (GOOD, 200),
        closed=False,
    ),
    Case(
        "chunks: garbage after the last is a bad request of its own",
        CHUNKED + b"2\r\nab\r\n0\r\n\r\n\x01garbage\r\n\r\n",
        (GOOD, 400),
    ),
)
HEADERS = (
    _header("a null in a value", b"X: a\0b"),
    _header("a null in a name", b"X\0Y: a"),
    _header("CR in a value", b"X: a\rb"),
    _header("LF in a value", b"X: a\nb: c"),
    _header("CR LF in a name", b"X\r\nY"),
    _header("a name with a space", b"X Y: a"),
    _header("a name of nothing", b": a"),
    _header("a name beyond ASCII", b"X\xff: a"),
    _header("a line without colon", b"nonsense"),
    _header("a control character in a value", b"X: a\x01b"),
    _header("DEL in a value", b"X: a\x7fb"),
    _header("too many", b"\r\n".join(b"X%d: a" % n for n in range(1000)), 431),
    _header("one that is too large", b"X: " + b"a" * 100_000, 431),
    _header("a second Host", b"Host: other"),
    _header("a second Host that is equal", b"Host: h"),
    _header("an expectation that nobody knows", b"Expect: a-miracle", 417),
    Case("header: no Host", b"GET /@ HTTP/1.1\r\n\r\n", (400,)),
    Case("header: Host with a path", b"GET /@ HTTP/1.1\r\nHost: h/x\r\n\r\n", (400,)),
    Case("header: Host with a name in it", b"GET /@ HTTP/1.1\r\nHost: a@h\r\n\r\n", (400,)),
    Case("header: Host with two names", b"GET /@ HTTP/1.1\r\nHost: a, b\r\n\r\n", (400,)),
    Case(
        "header: Host with a scheme",
        GET.replace(b" h\r", b" http://h:1\r") + b"\r\n",
        (GOOD,),
        closed=False,
    ),
    Case("header: Host with a scheme alone", b"GET /@ HTTP/1.1\r\nHost: ftp://h\r\n\r\n", (400,)),
    Case("header: Host with a space", b"GET /@ HTTP/1.1\r\nHost: a b\r\n\r\n", (400,)),
    Case("header: Host with a port of letters", b"GET /@ HTTP/1.1\r\nHost: a:b\r\n\r\n", (400,)),
    Case("header: a Host of nothing", GET.replace(b" h", b"") + b"\r\n", (GOOD,), closed=False),
    Case(
        "header: an address as Host",
        GET.replace(b" h", b" [::1]:80") + b"\r\n",
        (GOOD,),
        closed=False,
    ),
)
TARGETS = (
    _target("authority", b"CONNECT h:80 HTTP/1.1"),
    _target("asterisk without OPTIONS", b"GET * HTTP/1.1"),
    _target("nothing", b"GET  HTTP/1.1"),
    _target("a path without its slash", b"GET healthz HTTP/1.1"),
    _target("a fragment", b"GET /healthz#/x HTTP/1.1"),
    _target("a null", b"GET /heal\0thz HTTP/1.1"),
    _target("a space", b"GET /heal thz HTTP/1.1"),
    _target("a tab", b"GET /heal\tthz HTTP/1.1"),
    _target("beyond ASCII", "GET /hälthz HTTP/1.1".encode()),
    _target("another scheme", b"GET ftp://h/healthz HTTP/1.1"),
    _target("a file", b"GET file:///healthz HTTP/1.1"),
    _target("absolute with a name in it", b"GET http://a@h/healthz HTTP/1.1"),
    _target("absolute without a host", b"GET http:///healthz HTTP/1.1"),
    _target("without end", b"GET /" + b"a" * 100_000 + b" HTTP/1.1", 414),
    Case(
        "target: absolute",
        b"GET http://h/healthz HTTP/1.1\r\nHost: h\r\n\r\n",
        (200,),
        closed=False,
    ),
    Case(
        "target: absolute, and another Host",
        b"GET http://h/healthz HTTP/1.1\r\nHost: other\r\n\r\n",
        (200,),
        closed=False,
    ),
    Case("target: asterisk", b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", (204,)),
)
VERSIONS = (
    Case("version: 0.9", b"GET /healthz\r\n\r\n", (505,)),
    Case("version: 0.9 with a header", b"GET /healthz\r\nHost: h\r\n\r\n", (505,)),
    Case("version: 1.2", b"GET /healthz HTTP/1.2\r\nHost: h\r\n\r\n", (400,)),
    Case("version: 2.0", b"GET /healthz HTTP/2.0\r\nHost: h\r\n\r\n", (505,)),
    Case("version: 0.9 in words", b"GET /healthz HTTP/0.9\r\nHost: h\r\n\r\n", (505,)),
    Case("version: 11.1", b"GET /healthz HTTP/11.1\r\nHost: h\r\n\r\n", (400,)),
    Case("version: small letters", b"GET /healthz http/1.1\r\nHost: h\r\n\r\n", (400,)),
    Case("version: another protocol", b"GET /healthz SIP/1.1\r\nHost: h\r\n\r\n", (400,)),
    Case("version: the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), (400,)),
    Case("version: a greeting of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400,)),
    Case("version: 1.0", b"GET /healthz HTTP/1.0\r\n\r\n" + NEXT, (200,)),
    Case(
        "version: 1.0 that would be kept alive",
        b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT,
        (200,),
    ),
)
METHODS = (
    Case("method: small letters", b"get /healthz HTTP/1.1\r\nHost: h\r\n\r\n", (400,)),
    Case("method: unknown", b"NONSENSE /healthz HTTP/1.1\r\nHost: h\r\n\r\n", (400,)),
    Case("method: not a token", b"G(T /healthz HTTP/1.1\r\nHost: h\r\n\r\n", (400,)),
    Case("method: beyond ASCII", b"G\xc9T /healthz HTTP/1.1\r\nHost: h\r\n\r\n", (400,)),
)
ORDER = (
    Case(
        "order: three at once",
        GET + b"\r\n" + NEXT + GET + b"\r\n",
        (GOOD, 200, GOOD),
        closed=False,
    ),
    Case("order: garbage behind a good one", GET + b"\r\n" + b"\x01\x02\r\n\r\n", (GOOD, 400)),
    Case(
        "order: garbage behind two",
        GET + b"\r\n" + NEXT + b"G(T / HTTP/1.1\r\n\r\n",
        (GOOD, 200, 400),
    ),
    Case(
        "order: a broken body behind a good one", GET + b"\r\n" + CHUNKED + b"zz\r\n", (GOOD, 400)
    ),
    Case("order: nothing after a close", GET + b"Connection: close\r\n\r\n" + NEXT, (GOOD,)),
    Case("order: line breaks before a request", b"\r\n\r\n" + NEXT, (200,), closed=False),
    Case(
        "order: behind an upgrade that nobody takes",
        GET + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" + NEXT,
        (GOOD, 200),
        closed=False,
    ),
    Case(
        "order: a body is no request behind an upgrade",
        POST
        + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED)
        + SMUGGLED
        + NEXT,
        (400,),
    ),
    Case(
        "order: a WebSocket with a body",
        GET + b"Connection: upgrade\r\nUpgrade: websocket\r\n" + BODY,
        (400,),
    ),
)
CASES = SMUGGLING + CHUNKS + HEADERS + TARGETS + VERSIONS + METHODS + ORDER


@dataclass(frozen=True, slots=True)
class Came:
    """An answer as it came over the wire."""

    status: int
    body: bytes


class _Kept:
    """What `HTTPResponse` takes for a socket; it reads one answer of several and no further."""

    def __init__(self, data: bytes) -> None:
        self.file = BytesIO(data)
        self.file.close = lambda: None  # type: ignore[method-assign]

    def makefile(self, _: str) -> BytesIO:
        return self.file


def answers(data: bytes) -> list[Came]:
    """Return the answers that came over a connection; what is no answer raises."""
    kept, came = _Kept(data), []
    while kept.file.tell() < len(data):
        answer = HTTPResponse(cast("Any", kept))
        answer.begin()
        came.append(Came(answer.status, answer.read()))
    return came


def heard(url: str, sent: bytes, quiet_s: float = 0.3, wait_s: float = 10.0) -> tuple[bytes, bool]:
    """Return what comes back until nothing more does, and whether the connection ended."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    parts: list[bytes] = []
    with socket.create_connection((host, int(port)), timeout=10) as end:
        try:
            end.sendall(sent)
            end.settimeout(wait_s)
            while part := end.recv(65536):
                parts.append(part)
                end.settimeout(quiet_s)
        except TimeoutError:
            return b"".join(parts), False
        except ConnectionError:
            pass
    return b"".join(parts), True
