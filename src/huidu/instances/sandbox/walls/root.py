"""Root: the read-only file system that every instance has in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from huidu.instances.sandbox.walls import kernel
from huidu.runtimes.workers import python_worker

#: Where the root is put together: in a mount namespace of our own, over a folder that is always
#: there and that we need nothing of. So nothing has to be made on the host, nor removed.
PLACE = "/sys"
CODE, LAYERS, TEMPORARY = "/var/user", "/opt", "/tmp"  # noqa: S108 - as functions know it
WORKERS = "/var/runtime"  #: What runs beside the code, for languages that read it from files.
MOST_BYTES = 1 << 20
READ_ONLY = kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV
NAME = "huidu"  #: The name of the machine, as functions see it.

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
#: What programs of `/usr` look up, and what is secret nowhere.
SETTINGS = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/mime.types",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
FILES = {
    "/etc/group": "root:x:0:\nqcloud:x:65534:\n",
    "/etc/hostname": f"{NAME}\n",
    "/etc/hosts": f"127.0.0.1 localhost {NAME}\n::1 localhost {NAME}\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "/etc/passwd": f"root:x:0:0::/:/bin/sh\nqcloud:x:65534:65534::{TEMPORARY}:/bin/sh\n",
}
DEVICES = ("null", "zero", "full", "random", "urandom")
LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/dev/shm": TEMPORARY,  # noqa: S108 - so that it counts as what is in /tmp
    "/etc/mtab": "/proc/self/mounts",
    "/var/tmp": TEMPORARY,  # noqa: S108 - the same
}

#: What the bootstraps of the cloud name as interpreters, and the program that is just that version.
LANGUAGES = {
    **{
        f"/var/lang/python{said}/bin/python3": f"python3.{said[1:]}" if said[1:] else ""
        for said in ("3", *(f"3{minor}" for minor in range(6, 15)))
    },
    **{f"/var/lang/node{said}/bin/node": "" for said in ("10", "12", "14", "16", "18")},
}


def build(prefixes: Sequence[str], resolver: str) -> None:
    """Put the root together at `PLACE`; `resolver` says which name servers there are.

    `prefixes` are folders of the host that programs outside of the system's folders need.
    """
    size = f"size={MOST_BYTES},mode=755"
    kernel.mount("root", PLACE, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, size)
    for folder in (CODE, LAYERS, TEMPORARY, "/proc", "/dev", "/etc"):
        os.makedirs(PLACE + folder, 0o755)
    for path in (*SYSTEM, *SETTINGS):
        _show(path)
    for prefix in prefixes:
        if not os.path.exists(PLACE + prefix):
            _show(prefix)
    os.makedirs(PLACE + WORKERS, 0o755)
    kernel.bind(os.path.dirname(python_worker.__file__), PLACE + WORKERS, READ_ONLY)
    for device in DEVICES:
        _touch(f"{PLACE}/dev/{device}")
        nothing_else = kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID
        kernel.bind(f"/dev/{device}", f"{PLACE}/dev/{device}", nothing_else)
    for path, text in files(resolver).items():
        _touch(PLACE + path, text)
    for path, target in LINKS.items():
        os.symlink(target, PLACE + path)
    for path, target in _languages(prefixes).items():
        os.makedirs(os.path.dirname(PLACE + path), 0o755)
        os.symlink(target, PLACE + path)
    kernel.seal(PLACE)


def files(resolver: str) -> Mapping[str, str]:
    """Return the texts of the root's own files; `resolver` says which name servers there are."""
    return {**FILES, "/etc/resolv.conf": resolver}


def shown(prefixes: Iterable[str]) -> Iterator[str]:
    """Yield the paths of the host that are in the root, each once, and none below another."""
    seen: list[str] = []
    for path in (*SYSTEM, *SETTINGS, *prefixes):
        below = any(path == other or path.startswith(f"{other}/") for other in seen)
        if os.path.lexists(path) and not below:
            seen.append(path)
            yield path


def _languages(prefixes: Sequence[str]) -> dict[str, str]:
    """Return where web functions of the cloud look for interpreters, and what lies there.

    It is the version that they name where the machine has it, else another that it has.
    """
    own = getattr(sys, "_base_executable", "") or sys.executable
    newest = {"python3": own, "node": _program("node", prefixes)}
    links = {}
    for path, exact in LANGUAGES.items():
        program = os.path.basename(path)
        found = _program(exact, prefixes) or newest[program]
        if found:
            links[path] = found
    return links


def _program(name: str, prefixes: Sequence[str]) -> str:
    """Return where a program lies in the root; empty where it has none of this name."""
    for folder in ("/usr/local", "/usr", *prefixes):
        path = f"{folder}/bin/{name}"
        if name and os.access(path, os.X_OK):
            return path
    return ""


def _show(path: str) -> None:
    """Have a path of the host in the root, as the link, file or folder that it is there."""
    inside = PLACE + path
    if not os.path.lexists(path):
        return
    os.makedirs(os.path.dirname(inside), 0o755, exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), inside)
        return
    if os.path.isdir(path):
        os.mkdir(inside, 0o755)
    else:
        _touch(inside)
    kernel.bind(path, inside, READ_ONLY)


def _touch(path: str, text: str = "") -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
