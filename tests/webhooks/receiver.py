"""A receiver of webhooks with a real socket, that answers as a test tells it to."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.platform import until


@dataclass(frozen=True)
class Got:
    """One post."""

    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def kind(self) -> str:
        return self.headers["X-Huidu-Event"]

    @property
    def delivery(self) -> str:
        return self.headers["X-Huidu-Delivery"]

    def is_signed_by(self, secret: str) -> bool:
        told = self.headers["X-Huidu-Timestamp"].encode() + b"." + self.body
        made = hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
        return self.headers["X-Huidu-Signature"] == f"v1={made}"


@dataclass
class Receiver:
    """What came, and what to answer: the status for the n-th post, from 0 on."""

    url: str = ""
    answer: Callable[[int], int] = lambda number: 204
    more: Mapping[str, str] = field(default_factory=dict)  #: Headers of answers.
    body: bytes = b""
    delay_s: float = 0.0
    hang: threading.Event | None = None  #: Answers nothing before this is set.
    got: list[Got] = field(default_factory=list)

    def kinds(self) -> Sequence[str]:
        return [one.kind for one in self.got]

    def wait(self, count: int, within_s: float = 15.0) -> list[Got]:
        until(lambda: len(self.got) >= count, within_s)
        return self.got


@contextlib.contextmanager
def receiving(port: int = 0, **how: Any) -> Iterator[Receiver]:
    """Receive on a port of this machine until the end of the block."""
    receiver = Receiver(**how)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(Got(dict(self.headers.items()), body, time.time()))
            number = len(receiver.got) - 1
            if receiver.hang is not None:
                receiver.hang.wait(30)
            time.sleep(receiver.delay_s)
            with contextlib.suppress(OSError):
                self.send_response(receiver.answer(number))
                for name, value in receiver.more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        if receiver.hang is not None:
            receiver.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()
