"""A crowd: connections that are opened, and kept, by a process of its own."""

from __future__ import annotations

import resource
import select
import socket
import subprocess
import sys
from collections.abc import Sequence


def main(host: str, port: int, count: int, sent: bytes) -> None:
    """Open connections, say how many, and whenever asked, how many of them are still open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ends = []
    for _ in range(count):
        end = socket.create_connection((host, port), timeout=30)
        if sent:
            end.sendall(sent)
        ends.append(end)
    print(len(ends), flush=True)  # noqa: T201 - it is a command
    poll = select.poll()
    for end in ends:
        poll.register(end, select.POLLRDHUP)
    while sys.stdin.readline():
        print(len(ends) - len(poll.poll(0)), flush=True)  # noqa: T201


class Crowd:
    """Several such processes."""

    def __init__(self, url: str, counts: Sequence[int], sent: bytes = b"") -> None:
        host, _, port = url.removeprefix("http://").rpartition(":")
        self._parts = [
            subprocess.Popen(
                [sys.executable, __file__, host, port, str(count), sent.decode()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for count in counts
        ]

    def said(self) -> int:
        """Return the sum of what they say next."""
        return sum(int(part.stdout.readline()) for part in self._parts if part.stdout)

    def ask(self) -> int:
        """Return how many connections are still open."""
        for part in self._parts:
            assert part.stdin is not None
            part.stdin.write("\n")
            part.stdin.flush()
        return self.said()

    def leave(self) -> None:
        """Close them all, at once."""
        for part in self._parts:
            part.kill()
            part.communicate()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].encode())
