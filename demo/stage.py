"""Stage: the server, the load and the service that version 2 needs, started and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from demo.load import Called
from huidu.cloudapi import keys
from huidu.cloudapi.keys import Pair

PATIENCE_S = 30.0
LOCAL = "127.0.0.1"

#: Version 2 asks a service of this machine, which is just what a sandbox keeps functions from.
REACHING = ("--set", "network=host")


class NotUp(Exception):
    """The server did not come up; the message is what it said."""


class Server:
    """`huidu serve` in a process of its own."""

    def __init__(self, data: Path, ports: tuple[int, int]) -> None:
        """Return once it serves, or raise `NotUp`."""
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.data, self.log = data, data / "server.log"
        api, gateway = (f"{LOCAL}:{port}" for port in ports)
        command = [sys.executable, "-m", "huidu", "serve", "--data", str(data), *REACHING]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*command, "--api", api, "--gateway", gateway],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for us to hear, and to pass on
                env={name: value for name, value in os.environ.items() if not _steers(name)},
            )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line.startswith("huidu ready "):
            self.stop()
            raise NotUp((self.log.read_text("utf-8").splitlines() or ["no word"])[-1])
        said = dict(word.split("=", 1) for word in line.split()[2:])
        self.api, self.gateway = said["api"], said["gateway"]

    @property
    def pair(self) -> Pair:
        """The key pair that signs requests."""
        pair = keys.read(self.data)
        if pair is None:
            raise NotUp(f"{self.data} has no credentials")
        return pair

    def stop(self) -> None:
        """End it, and wait until it has."""
        _end(self._process)


def _steers(name: str) -> bool:
    """Tell whether a variable would change the server: the story is played on the defaults.

    A key pair for the cloud, too, has no business here: the server makes one of its own.
    """
    return name.startswith(("HUIDU_", "TENCENTCLOUD_"))


class Load:
    """`demo.load` in a process of its own, and every call that it made so far."""

    def __init__(
        self, server: Server, function: str, qualifier: str, callers: int, pause_s: float
    ) -> None:
        self.callers = callers
        self.calls: list[Called] = []
        command = [sys.executable, "-m", "demo.load", "--endpoint", server.api, "--each"]
        self._process = subprocess.Popen(
            [
                *(*command, "--function", function, "--qualifier", qualifier),
                *("--callers", str(callers), "--pause", str(pause_s)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what failed is in the calls as well
            text=True,
            start_new_session=True,
            env={
                **os.environ,
                keys.ID: server.pair.secret_id,
                keys.KEY: server.pair.secret_key,
            },
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self.calls.append(Called(**json.loads(line)))

    def wait(self) -> None:
        """Return when calls are being answered; where none is in time, a check will say so."""
        end = time.monotonic() + PATIENCE_S
        while len(self.calls) < self.callers and time.monotonic() < end:
            time.sleep(0.05)

    def between(self, begin: float, end: float) -> Sequence[Called]:
        """Return the calls that began and ended within a time."""
        calls = self.calls
        found = []
        for index in range(len(calls) - 1, -1, -1):  # they are in the order of their ends
            if calls[index].ended < begin:
                break
            if calls[index].began >= begin and calls[index].ended <= end:
                found.append(calls[index])
        return found

    def stop(self) -> None:
        """End it, and wait until it has."""
        _end(self._process)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):
            self.request.sendall(b"12")


class _Listener(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128


class StockService:
    """Says how much is left to everybody who connects; breaks and is mended on command."""

    def __init__(self) -> None:
        self._listener = self._open(0)
        self.address = f"{LOCAL}:{self._listener.server_address[1]}"

    def _open(self, port: int) -> _Listener:
        listener = _Listener((LOCAL, port), _Answer)
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        return listener

    def breaks(self) -> None:
        """Refuse every connection from now on."""
        self._listener.shutdown()
        self._listener.server_close()

    def is_mended(self) -> None:
        """Answer again, at the same address."""
        self._listener = self._open(int(self.address.rpartition(":")[2]))


@contextmanager
def stock_service() -> Iterator[StockService]:
    """Keep a stock service until the end of the block."""
    service = StockService()
    try:
        yield service
    finally:
        service.breaks()


def free(*ports: int) -> bool:
    """Tell whether nobody listens on any of these ports."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCAL, port))
            except OSError:
                return False
    return True
