"""What runs inside an instance of a custom runtime: starts `bootstrap`, and is its runtime API.

To the platform it speaks as python_worker.py does; to the other side HTTP on 127.0.0.1, with a
program that may say anything, so nothing it says makes this loop wait. It is the first process of
a sandbox, and sees off every orphan there. Needs the standard library of Python 3.8, no more.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress

from huidu.runtimes.workers import program
from huidu.runtimes.workers.conversation import Client, Refused, Request, is_ours
from huidu.runtimes.workers.python_wire import FAILED, HEADER, SIZE
from huidu.runtimes.workers.python_worker import die_with, settle_in
from huidu.runtimes.workers.python_worker import said as shortened
from huidu.runtimes.workers.runtime_api import READY_AT, Desk

CHUNK = 256 * 1024
MOST_CLIENTS = 128
PORT = 28902  #: Where the cloud's runtimes find the API; another where somebody has it already.
HOST = "127.0.0.1"
UNLOADABLE, INIT_FAILED = 437, 445
PR_SET_DUMPABLE = 4
KILLED = 137  #: As where memory ran out, which the platform knows and we do not.
LAST_ROUNDS = 64  #: Of reading what came before the end: enough for the largest result.
NAME = "bootstrap"
#: The filter of the tier that has no namespaces to give refuses all that is no call of ours.
NO_SOCKETS = (
    "a custom runtime is called over a socket, and this tier allows none to functions without a "
    "network: set tier to best, or network to host"
)


class Platform:
    """The worker's end of the wire."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)  # noqa: FBT003 - the name of the function says what
        self._socket = socket.socket(fileno=fd)
        self._came = bytearray()

    def fileno(self) -> int:
        """Return what to wait on."""
        return self._socket.fileno()

    def receive(self) -> list[bytes]:
        """Take what has come; return the bodies of the frames that it completes."""
        data = self._socket.recv(CHUNK)
        if not data:
            raise EOFError
        came, bodies = self._came, []
        came += data
        while len(came) >= HEADER:
            whole = HEADER + int.from_bytes(came[1:HEADER], "big")
            if len(came) < whole:
                break
            bodies.append(bytes(came[HEADER:whole]))
            del came[:whole]
        return bodies

    def send(self, kind: int, *parts: bytes) -> None:
        """Send one frame. The platform always reads, so this does not wait for anything else."""
        size = sum(map(len, parts))
        self._socket.sendall(b"".join((bytes((kind,)), size.to_bytes(SIZE, "big"), *parts)))

    def failed(self, status: int, message: str) -> None:
        """Tell that the version cannot be made ready."""
        self.send(FAILED, json.dumps({"status": status, **shortened(message, "")}).encode())


class Loop:
    """Waits for everybody at once: the platform, the bootstrap's requests, its end."""

    def __init__(self, platform: Platform, desk: Desk, listener: socket.socket) -> None:
        self._platform = platform
        self._desk = desk
        self._listener = listener
        self._poll = select.epoll()
        self._ended = program.ends()
        self._clients: dict[int, Client] = {}
        for fd in (platform.fileno(), listener.fileno(), self._ended):
            self._poll.register(fd, select.EPOLLIN)

    def run(self, bootstrap: int) -> int:
        """Serve until the bootstrap ends; return with which status."""
        while True:
            ended = self._attend_to(self._poll.poll())
            status = program.reap(self._ended, bootstrap) if ended else None
            if status is not None:
                for _ in range(LAST_ROUNDS):  # What it said before it ended is said.
                    self._attend_to(self._poll.poll(0))
                return status

    def _attend_to(self, events: list[tuple[int, int]]) -> bool:
        """Do what is to be done; tell whether some process ended."""
        ended = False
        for fd, _ in events:
            if fd == self._platform.fileno():
                self._hear()
            elif fd == self._listener.fileno():
                self._welcome()
            elif fd == self._ended:
                ended = True
            elif fd in self._clients:
                self._attend(self._clients[fd])
        return ended

    def _hear(self) -> None:
        for body in self._platform.receive():
            client = self._desk.take(body)
            if client is not None:
                self._converse(client)

    def _welcome(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            end, peer = self._listener.accept()
            if not is_ours(peer, self._listener.getsockname()):
                end.close()
                return
            if len(self._clients) >= MOST_CLIENTS:  # Whoever has been silent longest makes room.
                idle = (c for c in self._clients.values() if not c.waits)
                self._drop(next(idle, next(iter(self._clients.values()))))
            client = self._clients[end.fileno()] = Client(end)
            self._poll.register(end, select.EPOLLIN)
            self._attend(client)

    def _attend(self, client: Client) -> None:
        if client.read():
            self._converse(client)
        else:
            self._drop(client)

    def _converse(self, client: Client) -> None:
        """Answer all that the client asked, as far as it has come and can be answered."""
        request: Request | None = None
        try:
            while not (client.waits or client.unsent):
                request = client.request()
                if request is None:
                    break
                self._answer(client, request)
                if not client.flush():
                    break
        except Refused as refusal:  # What cannot be read has no end that could be found.
            if client.head is not None and refusal.status == 413:  # noqa: PLR2004 - too large
                self._desk.too_large(client.head, refusal)
            client.refuse(refusal, last=True)
        if not client.flush():
            self._drop(client)
        elif client.watched != bool(client.unsent):
            client.watched = not client.watched
            out = select.EPOLLOUT if client.watched else 0
            self._poll.modify(client.end, select.EPOLLIN | out)

    def _answer(self, client: Client, request: Request) -> None:
        try:
            self._desk.answer(client, request)
        except Refused as refusal:
            client.refuse(refusal)

    def _drop(self, client: Client) -> None:
        self._desk.leave(client)
        del self._clients[client.end.fileno()]
        client.end.close()


def listen() -> socket.socket:
    """Open the runtime API, where only this machine, or this network namespace, can reach it."""
    listener = socket.socket()
    listener.setblocking(False)  # noqa: FBT003 - the name of the method says what
    for port in (PORT, 0):
        try:
            listener.bind((HOST, port))
            listener.listen(MOST_CLIENTS)
            break
        except OSError:
            if not port:
                raise
    return listener


def serve(platform: Platform) -> int:
    """Start the bootstrap of the version that is ordered, and pass on its calls until it ends."""
    orders: list[bytes] = []
    while not orders:
        orders = platform.receive()
    order = json.loads(orders[0])
    die_with(order["parent"])
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, ctypes.c_ulong(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        listener = listen()
    except OSError as error:
        platform.failed(INIT_FAILED, f"{NO_SOCKETS} ({error.strerror})")
        return 0
    with listener:
        port = str(listener.getsockname()[1])
        own = {"SCF_RUNTIME_API": HOST, "SCF_RUNTIME_API_PORT": port, "_SCF_SERVER_PORT": port}
        desk = Desk(platform.send, order)
        loop = Loop(platform, desk, listener)
        try:
            os.chdir(order["code"])
            pid = program.begin(os.path.join(order["code"], NAME), {**os.environ, **own})  # noqa: PTH118
        except (program.Unloadable, OSError) as error:
            platform.failed(UNLOADABLE, str(error))
            return 0
        desk.memory = os.open(f"/proc/{pid}/status", os.O_RDONLY)
        status = loop.run(pid)
    if not desk.ready and status != KILLED:
        message = f"{NAME} exited with status {status} before POST {READY_AT}"
        platform.failed(INIT_FAILED, message)
    return status


def run(fd: int) -> None:
    """Serve until the bootstrap ends, or the platform hangs up."""
    settle_in()
    platform = Platform(fd)  # Held here, for it must be open as long as we are there.
    code = 1
    try:
        code = serve(platform)
    except (EOFError, OSError):
        code = 0
    except BaseException:  # noqa: BLE001 - it ends here, and says why
        sys.excepthook(*sys.exc_info())
    os._exit(code)
