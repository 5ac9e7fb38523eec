"""What runs beside the server of a web function: starts it, and hands out sockets that reach it.

It speaks to the platform in frames as `python_worker.py` does. Once the server listens, all that
the platform asks for is sockets: they are made here, in the network of the instance, and connected
by the platform, so that what is sent to the server never passes through this process. Needs the
standard library of Python 3.8, no more.
"""

from __future__ import annotations

import array
import fcntl
import json
import os
import resource
import select
import socket
import sys
from contextlib import suppress

from huidu.runtimes.workers import program
from huidu.runtimes.workers.python_wire import FAILED, HEADER, HIGH, READY, SIZE
from huidu.runtimes.workers.python_worker import die_with, settle_in

SOCKETS = 0xA7
MOST_ORDER = 1 << 20
MOST_AT_ONCE = 128

PORT = 9000
LISTENS = "0A"  #: How the kernel writes the state of a socket that takes connections.
#: Addresses at which 127.0.0.1 is heard, as the kernel writes them on either kind of machine.
HEARD = {"00000000", "0100007F", "7F000001", "0" * 32}
HEARD |= {"0000000000000000FFFF00000100007F", "00000000000000000000FFFF7F000001"}
TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
LOOK_AGAIN_S, LOOK_AT_LEAST_S = 0.002, 0.05

UNLOADABLE, INIT_FAILED, PORT_NOT_BOUND = 437, 445, 446


class Unservable(Exception):
    """No server can be started, or it ended; the status, and what is wrong."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Channel:
    """The worker's end of the wire."""

    def __init__(self, fd: int) -> None:
        highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1
        kept = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, min(HIGH, highest))
        os.close(fd)
        self._socket = socket.socket(fileno=kept)

    def fileno(self) -> int:
        """Return what can be waited for."""
        return self._socket.fileno()

    def receive(self) -> bytes:
        """Return the body of the next frame, or raise `EOFError`."""
        head = self._exactly(HEADER)
        size = int.from_bytes(head[1:], "big")
        if size > MOST_ORDER:
            raise EOFError
        return self._exactly(size)

    def send(self, kind: int, words: bytes, fds: array.array[int] | None = None) -> None:
        """Send one frame, and descriptors with it."""
        frame = bytes((kind,)) + len(words).to_bytes(SIZE, "big") + words
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
        sent = self._socket.sendmsg([frame], passed)
        self._socket.sendall(frame[sent:])

    def _exactly(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            more = self._socket.recv(size - len(got))
            if not more:
                raise EOFError
            got += more
        return got


def listens() -> bool:
    """Tell whether something takes connections, without making one: some servers report that."""
    for table in TABLES:
        with suppress(OSError), open(table, encoding="ascii") as file:  # noqa: PTH123 - as above
            for line in file:
                words = line.split()
                address, _, port = words[1].partition(":")
                if words[3] == LISTENS and port == f"{PORT:04X}" and address in HEARD:
                    return True
    return False


def wait_for(server: int, ends: int, channel: Channel) -> None:
    """Return once the server listens, or raise `Unservable`. How long it may take is not ours."""
    poll = select.poll()
    poll.register(ends, select.POLLIN)
    poll.register(channel, select.POLLIN)
    pause = LOOK_AGAIN_S
    while not listens():
        for fd, _ in poll.poll(pause * 1000):
            if fd == channel.fileno():
                raise EOFError  # The platform says nothing meanwhile: it has gone.
        status = program.reap(ends, server)
        if status is not None:
            said = f"scf_bootstrap ended with status {status} before a server listened on port"
            raise Unservable(INIT_FAILED, f"{said} {PORT}")
        pause = min(pause * 1.2, LOOK_AT_LEAST_S)


def hand_out(channel: Channel, wanted: int) -> None:
    """Send so many sockets of this network, not yet connected."""
    made = [socket.socket() for _ in range(min(wanted, MOST_AT_ONCE))]
    for one in made:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    fds = array.array("i", [one.fileno() for one in made])
    channel.send(SOCKETS, bytes((len(made),)), fds)
    for one in made:
        one.close()


def begin(folder: str, bootstrap: str, environment: dict[str, str]) -> tuple[int, int]:
    """Start the bootstrap; return its number, and what can be read when a child ended.

    The environment is the function's: what hands out sockets does not begin with it.
    """
    os.chdir(folder)
    ends = program.ends()
    whole = {**os.environ, **environment}
    try:
        return program.begin(os.path.join(folder, bootstrap), whole), ends  # noqa: PTH118 - as above
    except program.Unloadable as error:
        raise Unservable(UNLOADABLE, str(error)) from None


def serve(channel: Channel) -> int:
    """Start the server, then hand out sockets until it ends; return its status."""
    order = json.loads(channel.receive())
    if os.readlink("/proc/self/ns/net") == order["network"]:  # noqa: PTH115 - as above
        raise Unservable(
            PORT_NOT_BOUND,
            f"a web function needs port {PORT} to itself, and here it would share the network of "
            "the host: set tier to best, and network to anything but host",
        )
    die_with(order["parent"])
    server, ends = begin(order["code"], order["bootstrap"], order["environment"])
    wait_for(server, ends, channel)
    channel.send(READY, json.dumps({"digest": order["digest"]}).encode())
    poll = select.poll()
    poll.register(ends, select.POLLIN)
    poll.register(channel, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == channel.fileno():
                hand_out(channel, channel.receive()[0])
            else:
                status = program.reap(ends, server)
                if status is not None:
                    return status


def run(fd: int) -> None:
    """Serve until the server ends or the platform hangs up."""
    settle_in()
    channel = Channel(fd)
    status = 0
    try:
        status = serve(channel)
    except Unservable as error:
        words = {"message": str(error), "stack": "", "status": error.status}
        channel.send(FAILED, json.dumps(words).encode())
    except (EOFError, OSError):
        pass
    except BaseException:  # noqa: BLE001 - it ends here, and says why
        sys.excepthook(*sys.exc_info())
        status = 1
    os._exit(status)


if __name__ == "__main__":
    run(int(sys.argv.pop()))
