"""What runs beside the server of a web function: starts it, and hands out sockets that reach it.

Started as `python -I -S web_worker.py FD`, where FD is one end of a socket pair; frames go over it
as in `python_worker.py`. Once the server listens, all that the platform asks for is sockets: they
are made here, in the network of the instance, and connected by the platform, so that what is sent
to the server never passes through this process. Needs the standard library of Python 3.8, no more.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress

LOAD, READY, FAILED, SOCKETS = 0xA1, 0xA2, 0xA3, 0xA7
HEADER, SIZE = 5, 4
MOST_FILES = 1024
HIGH = 1000  #: Where the channel lies: out of the way of the descriptors that servers open.
MOST_ORDER = 1 << 20
MOST_AT_ONCE = 128

PORT = 9000
LISTENS = "0A"  #: How the kernel writes the state of a socket that takes connections.
#: Addresses at which 127.0.0.1 is heard, as the kernel writes them on either kind of machine.
HEARD = {"00000000", "0100007F", "7F000001", "0" * 32}
HEARD |= {"0000000000000000FFFF00000100007F", "00000000000000000000FFFF7F000001"}
TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
LOOK_AGAIN_S, LOOK_AT_LEAST_S = 0.002, 0.05

HANDLER_NOT_FOUND, INIT_FAILED, PORT_NOT_BOUND = 437, 445, 446
KILLED = 128  #: What shells add to the number of the signal that ended a program.
PR_SET_PDEATHSIG = 1


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


class Server:
    """The process that the bootstrap starts, and the care of what it leaves behind."""

    def __init__(self, path: str, folder: str) -> None:
        check(path)
        self._woken, waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        try:
            self._pid = subprocess.Popen([path], cwd=folder, stdin=subprocess.DEVNULL).pid  # noqa: S603 - it is what we are here for
        except OSError as error:
            words = f"scf_bootstrap cannot be started: {error.strerror}; does its first line name a"
            raise Unservable(INIT_FAILED, f"{words} program that is there?") from None

    def fileno(self) -> int:
        """Return what can be waited for: a child ended."""
        return self._woken

    def reap(self) -> int | None:
        """Bury whoever ended; return the status of the server itself if it was among them."""
        with suppress(BlockingIOError):
            os.read(self._woken, MOST_ORDER)
        ended = None
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self._pid:
                    ended = os.WEXITSTATUS(status)
                    if os.WIFSIGNALED(status):
                        ended = KILLED + os.WTERMSIG(status)
        return ended


def check(path: str) -> None:
    """Raise `Unservable` with what is wrong with a bootstrap, as one would like to be told."""
    wrong = ""
    if not os.path.isfile(path):  # noqa: PTH113 - pathlib is slow to import
        wrong = "the package has no file scf_bootstrap in its root"
    elif not os.access(path, os.X_OK):
        wrong = "scf_bootstrap may not be executed: give it mode 755 before it is zipped"
    else:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            first = file.readline(4096)
        if first.startswith(b"#!") and first.endswith(b"\r\n"):
            wrong = "scf_bootstrap has the line ends of Windows: save it with LF alone"
        elif not first.startswith((b"#!", b"\x7fELF")):
            wrong = "scf_bootstrap does not begin with the line of its interpreter: #!/bin/bash"
    if wrong:
        raise Unservable(HANDLER_NOT_FOUND, wrong)


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


def wait_for(server: Server, channel: Channel) -> None:
    """Return once the server listens, or raise `Unservable`. How long it may take is not ours."""
    poll = select.poll()
    poll.register(server, select.POLLIN)
    poll.register(channel, select.POLLIN)
    pause = LOOK_AGAIN_S
    while not listens():
        for fd, _ in poll.poll(pause * 1000):
            if fd == channel.fileno():
                raise EOFError  # The platform says nothing meanwhile: it has gone.
        status = server.reap()
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


def settle_in(parent: int) -> None:
    """Set what holds for the whole life of this process, and of those that it starts."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:  # It ended before we asked.
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = min(MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def serve(channel: Channel) -> int:
    """Start the server, then hand out sockets until it ends; return its status."""
    order = json.loads(channel.receive())
    if os.readlink("/proc/self/ns/net") == order["network"]:  # noqa: PTH115 - as above
        raise Unservable(
            PORT_NOT_BOUND,
            f"a web function needs port {PORT} to itself, and here it would share the network of "
            "the host: set tier to best, and network to anything but host",
        )
    settle_in(order["parent"])
    server = Server(os.path.join(order["code"], order["bootstrap"]), order["code"])  # noqa: PTH118
    wait_for(server, channel)
    channel.send(READY, json.dumps({"digest": order["digest"]}).encode())
    poll = select.poll()
    poll.register(server, select.POLLIN)
    poll.register(channel, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == channel.fileno():
                hand_out(channel, channel.receive()[0])
            else:
                status = server.reap()
                if status is not None:
                    return status


def run(fd: int) -> None:
    """Serve until the server ends or the platform hangs up."""
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
