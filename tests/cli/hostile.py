"""A server that is not ours, or is no more what it was: it answers whatever it likes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typer.testing import CliRunner, Result

from huidu.cli.main import app

#: Gives a terminal a title, turns it red, and turns a line around.
OBEYED = "\x1b]0;pwned\x07\x1b[31m\x9b31m\u202e"


class Hostile:
    """A server, and a person who types commands at it."""

    def __init__(self) -> None:
        self.says = b""  #: What it sends, from the line of status on.
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.wfile.write(outer.says)
                self.close_connection = True

            do_GET = do_POST  # noqa: N815 - as the library spells it

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def up(self) -> Iterator[Hostile]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answers(self, body: object, *heads: str) -> None:
        held = body if isinstance(body, bytes) else json.dumps(body).encode()
        said = ["HTTP/1.1 200 OK", f"Content-Length: {len(held)}", *heads, "", ""]
        self.says = "\r\n".join(said).encode() + held

    def run(self, *words: str) -> Result:
        environment = {
            "HUIDU_ENDPOINT": self.endpoint,
            "TENCENTCLOUD_SECRET_ID": "AKIDx",
            "TENCENTCLOUD_SECRET_KEY": "x",
        }
        return CliRunner(env=environment).invoke(app, words)


def obeyed(text: str) -> set[str]:
    """Return what of a text a terminal would obey."""
    return {one for one in text if not one.isprintable() and one not in "\n\t"}
