"""A worker: the least that a server of HTTP in Python can be, on a path or on a port.

Run as a program. It is what nginx leads to, and what a web function serves its calls with.
"""

from __future__ import annotations

import os
import select
import socket
import sys


def main_handler(event: object, context: object) -> str:
    """Do what every peer's handler does."""
    return "ok"


def serve(listener: socket.socket) -> None:
    """Answer whoever connects, for ever: no headers are looked at, no bodies taken."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                client, _ = listener.accept()
                clients[client.fileno()] = client
                poll.register(client, select.EPOLLIN)
            else:
                answer(clients, number)


def answer(clients: dict[int, socket.socket], number: int) -> None:
    """Answer the requests that one client has sent, or forget it."""
    try:
        asked = clients[number].recv(65536)
        if asked:
            body = main_handler(asked, None).encode()
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
            clients[number].sendall((head + body) * asked.count(b"\r\n\r\n"))
    except OSError:
        asked = b""
    if not asked:
        clients.pop(number).close()


def main() -> None:
    """Listen where the command line says."""
    where = sys.argv[1]
    if where.isdigit():
        listener = socket.create_server(("0.0.0.0", int(where)), backlog=1024)  # noqa: S104 - its own
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(where)
        os.chmod(where, 0o666)  # noqa: S103, PTH101 - nginx may serve as another user
        listener.listen(1024)
    serve(listener)


if __name__ == "__main__":
    main()
