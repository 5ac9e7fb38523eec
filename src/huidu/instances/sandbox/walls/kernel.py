"""Kernel: the system calls that Python has no words for, as functions that raise `OSError`.

Like everything that the zygote imports it runs on the user's Python (3.8 or newer), and leans on
nothing but the standard library and its own folder.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import socket
import struct
from collections.abc import Mapping, Sequence

LIBC = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x1000, 0x8000
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_READ, PR_CAPBSET_DROP = 1, 4, 23, 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
CAPABILITY_VERSION_3 = 0x20080522

SECCOMP_SET_MODE_FILTER = 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

#: The numbers that differ between architectures; later calls have the same number everywhere.
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SECCOMP = {"x86_64": 317, "aarch64": 277}
OPEN_TREE, PIDFD_OPEN, CLOSE_RANGE, MOUNT_SETATTR = 428, 434, 436, 442
MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT = 429, 430, 431, 432
FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC, MOVE_MOUNT_F_EMPTY_PATH = 1, 1, 4
FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 1, 6
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_CREATE_RULESET_VERSION, LANDLOCK_RULE_PATH_BENEATH = 1, 1

MACHINE = os.uname().machine


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(what: str, number: int, *arguments: object) -> int:
    """Call by number; a whole number goes as a long, bytes and structures as a pointer."""
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(what, int(LIBC.syscall(ctypes.c_long(number), *passed)))


def unshare(flags: int) -> None:
    """Leave the namespaces that are flagged for new ones."""
    _checked("unshare", LIBC.unshare(ctypes.c_int(flags)))


def setns(fd: int, flags: int) -> None:
    """Enter the namespace that a descriptor stands for."""
    _checked("setns", LIBC.setns(ctypes.c_int(fd), ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount a file system, or change a mount."""
    texts = (os.fsencode(source), os.fsencode(target), kind.encode())
    done = LIBC.mount(*texts, ctypes.c_ulong(flags), os.fsencode(data))
    _checked(f"mount {kind or source} on {target}", done)


def detached(kind: str, attributes: int, options: Mapping[str, str]) -> int:
    """Return a file system that is mounted nowhere yet, as a descriptor."""
    making = _syscall(f"fsopen {kind}", FSOPEN, kind.encode(), FSOPEN_CLOEXEC)
    nothing = ctypes.c_void_p(None)
    try:
        for key, value in options.items():
            option = (FSCONFIG_SET_STRING, key.encode(), value.encode(), 0)
            _syscall(f"fsconfig {key}", FSCONFIG, making, *option)
        _syscall(f"fsconfig {kind}", FSCONFIG, making, FSCONFIG_CMD_CREATE, nothing, nothing, 0)
        return _syscall(f"fsmount {kind}", FSMOUNT, making, FSMOUNT_CLOEXEC, attributes)
    finally:
        os.close(making)


def attach(fd: int, target: str) -> None:
    """Mount what is mounted nowhere yet."""
    where = (AT_FDCWD, os.fsencode(target))
    _syscall(f"move_mount {target}", MOVE_MOUNT, fd, b"", *where, MOVE_MOUNT_F_EMPTY_PATH)


def bind(source: str, target: str, attributes: int) -> None:
    """Show a file or folder in a second place, with all that is mounted below it.

    The attributes hold for the mounts below as well, which those of a plain remount do not.
    """
    mount(source, target, flags=MS_BIND | MS_REC)
    attr = struct.pack("QQQQ", attributes, 0, 0, 0)
    where = (AT_FDCWD, os.fsencode(target), AT_RECURSIVE)
    _syscall(f"mount_setattr {target}", MOUNT_SETATTR, *where, attr, len(attr))


def overlay(folders: Sequence[str], target: str) -> None:
    """Show several folders as one that cannot be written to; the last of them is on top."""
    lower = ":".join(re.sub(r"([\\\\:,])", r"\\\1", folder) for folder in reversed(folders))
    flags = MS_RDONLY | MS_NOSUID | MS_NODEV
    mount("overlay", target, "overlay", flags, f"lowerdir={lower}")


def tree(source: str, attributes: int) -> int:
    """Return a mount of a file or folder, with all that is mounted below it, that is nowhere yet.

    It is a descriptor, which can be attached in another mount namespace.
    """
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE
    fd = _syscall(f"open_tree {source}", OPEN_TREE, AT_FDCWD, os.fsencode(source), flags)
    attr = struct.pack("QQQQ", attributes, 0, 0, 0)
    where = (fd, b"", AT_EMPTY_PATH | AT_RECURSIVE)
    try:
        _syscall(f"mount_setattr {source}", MOUNT_SETATTR, *where, attr, len(attr))
    except OSError:
        os.close(fd)
        raise
    return fd


def seal(target: str) -> None:
    """Make a mount read-only."""
    attr = struct.pack("QQQQ", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0, 0)
    where = (AT_FDCWD, os.fsencode(target), 0)
    _syscall(f"mount_setattr {target}", MOUNT_SETATTR, *where, attr, len(attr))


def pivot(root: str) -> None:
    """Make a mount the root of this mount namespace, and let go of the old one."""
    os.chdir(root)
    _syscall("pivot_root", PIVOT_ROOT[MACHINE], b".", b".")
    _checked("umount2", LIBC.umount2(b".", ctypes.c_int(MNT_DETACH)))
    os.chdir("/")


def prctl(option: int, *arguments: int) -> int:
    """Ask or change something about this process."""
    passed = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(f"prctl {option}", LIBC.prctl(ctypes.c_int(option), *passed))


def drop_bounds() -> None:
    """Empty the set of capabilities that a program could ever get."""
    capability = 0
    while True:
        try:
            prctl(PR_CAPBSET_READ, capability)
        except OSError:  # It is beyond the last one.
            return
        prctl(PR_CAPBSET_DROP, capability)
        capability += 1


def drop_capabilities() -> None:
    """Let go of every capability there is."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("Ii", CAPABILITY_VERSION_3, 0)
    _checked("capset", LIBC.capset(header, bytes(24)))


def pidfd_open(pid: int) -> int:
    """Return a descriptor that stands for a process, whatever becomes of its number."""
    return _syscall("pidfd_open", PIDFD_OPEN, pid, 0)


def exit_code(status: int) -> int:
    """Return what `waitpid` told as `Popen.returncode` has it: less than zero for a signal."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def close_from(first: int) -> None:
    """Close every descriptor from this one on."""
    _syscall("close_range", CLOSE_RANGE, first, 0xFFFFFFFF, 0)


def seccomp(program: bytes) -> None:
    """Have every later system call pass a filter; needs `no_new_privs`."""
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    _syscall("seccomp", SECCOMP[MACHINE], SECCOMP_SET_MODE_FILTER, 0, head)


def landlock_abi() -> int:
    """Return which version of Landlock the kernel has, or 0."""
    try:
        nothing = ctypes.c_void_p(None)
        flag = LANDLOCK_CREATE_RULESET_VERSION
        return _syscall("landlock", LANDLOCK_CREATE_RULESET, nothing, 0, flag)
    except OSError:
        return 0


def landlock_ruleset(attributes: bytes) -> int:
    """Return a new set of rules, as a descriptor."""
    return _syscall("landlock", LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)


def landlock_allow(ruleset: int, rights: int, path: str) -> None:
    """Allow these rights on a file, or on all that is in a folder."""
    at = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, at)
        _syscall("landlock", LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(at)


def landlock_restrict(ruleset: int) -> None:
    """Hold this process and its children to a set of rules."""
    _syscall("landlock", LANDLOCK_RESTRICT_SELF, ruleset, 0)


def loopback_up() -> None:
    """Make 127.0.0.1 answer in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))
