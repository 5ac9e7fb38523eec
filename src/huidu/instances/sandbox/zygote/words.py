"""Words: messages between the platform and a zygote, with descriptors; both ends speak so."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

MOST_BYTES, MOST_FDS = 1 << 20, 8


def receive(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return the next message; an empty one where the other end hung up."""
    size = socket.CMSG_SPACE(4 * MOST_FDS)
    said, passed, _, _ = control.recvmsg(MOST_BYTES, size, socket.MSG_CMSG_CLOEXEC)
    fds = [fd for _, _, data in passed for (fd,) in struct.iter_unpack("i", data)]
    return json.loads(said or b"{}"), fds


def tell(control: socket.socket, words: dict[str, Any], *fds: int) -> None:
    """Send a message."""
    rights = struct.pack(f"{len(fds)}i", *fds)
    passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if fds else []
    control.sendmsg([json.dumps(words).encode()], passed)
