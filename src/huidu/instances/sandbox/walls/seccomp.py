"""Seccomp: which system calls a function may make, as a program for the kernel's filter.

What is left out is what no function needs and what kernels have had their holes in. A call that is
newer than this list does not exist, as libraries expect of an older kernel.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from huidu.instances.sandbox.walls import kernel

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, JUMP_EQ, JUMP_GE, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  #: Where they lie in what a filter is given.

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000
NEWEST = 470  #: The first number of no call that we know (Linux 6.17).

#: CLONE_NEW*: time, mount, cgroup, uts, ipc, user, pid, net.
NAMESPACES = 0x80 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x60000000
#: What a fork of a template takes, all at once: the one combination that its filter allows.
OWN_NAMESPACES = kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID
TIOCSTI, TIOCLINUX = 0x5412, 0x541C

#: Calls that are refused (EPERM), with their numbers on x86_64 and aarch64; -1: it has none.
REFUSED = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "ioperm": (173, -1),
    "iopl": (172, -1),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "listmount": (458, 458),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, -1),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "statmount": (457, 457),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "uselib": (134, -1),
    "ustat": (136, -1),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}
#: Calls that are not there (ENOSYS): libraries then take the older way.
MISSING = {
    "clone3": (435, 435),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
}
CLONE, SOCKET, SOCKETPAIR, IOCTL = (56, 220), (41, 198), (53, 199), (16, 29)
PRCTL = (157, 167)

INTERNET = (socket.AF_INET, socket.AF_INET6)
FAMILIES = (socket.AF_UNIX, *INTERNET)
AF_NETLINK, NETLINK_ROUTE = 16, 0

#: Memory that belongs to no process, where it is counted by process.
NOBODYS_MEMORY = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
}
#: What all processes of a machine share that have no namespace of their own for it.
SHARED = {
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
}
#: What a user may do to every file and process that is the same user's: Landlock looks at none.
OF_THE_SAME_USER = {
    "chmod": (90, -1),
    "chown": (92, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "fremovexattr": (199, 16),
    "fsetxattr": (190, 7),
    "ioprio_set": (251, 30),
    "lchown": (94, -1),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "process_mrelease": (448, 448),
    "removexattr": (197, 14),
    "removexattrat": (466, 466),
    "setpriority": (141, 140),
    "setxattr": (188, 5),
    "setxattrat": (463, 463),
}
#: The same for calls that one needs for oneself: which argument says whom, 0 being oneself.
OF_ONESELF = {
    "prlimit64": (302, 261, 0),
    "sched_setaffinity": (203, 122, 0),
    "sched_setattr": (314, 274, 0),
    "sched_setparam": (142, 118, 0),
    "sched_setscheduler": (144, 119, 0),
}


@dataclass(frozen=True)
class Rules:
    """What a filter refuses beside what every one does.

    A template `divides`: its forks may each take namespaces of their own, in one way and no
    other, and mount there what they are handed. They then take the filter of every instance on.
    """

    divides: bool = False

    refused: Mapping[str, Sequence[int]] = field(default_factory=dict)
    of_oneself: Mapping[str, Sequence[int]] = field(default_factory=dict)
    sockets: Sequence[int] = (*FAMILIES, AF_NETLINK)
    pairs: Sequence[int] = (*FAMILIES, AF_NETLINK)
    keeps_its_parent: bool = False  #: It cannot unset the signal that it gets when that ends.


def _step(code: int, value: int, then: int = 0, other: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, other, value)


def _argument(n: int) -> bytes:
    """Load the lower half of an argument: what calls that take an `int` look at."""
    return _step(LOAD, ARGUMENTS + 8 * n)


def _refuse(number: int) -> bytes:
    return _step(RETURN, ERRNO | number)


def _only_for(number: int, *steps: bytes) -> bytes:
    """Take these steps for one call, and go on after them for every other.

    The steps end in a verdict; they may load what they like, for nobody comes after them.
    """
    return _step(JUMP_EQ, number, 0, len(steps)) + b"".join(steps)


def _families(families: Sequence[int]) -> tuple[bytes, ...]:
    allow, parts = _step(RETURN, ALLOW), [_argument(0)]
    for family in families:
        if family != AF_NETLINK:
            parts += [_step(JUMP_EQ, family, 0, 1), allow]
    if AF_NETLINK in families:
        route = _step(JUMP_EQ, NETLINK_ROUTE, 0, 1)
        parts += [_step(JUMP_EQ, AF_NETLINK, 0, 3), _argument(2), route, allow]
    return (*parts, _refuse(errno.EAFNOSUPPORT))


def program(machine: str, rules: Rules = Rules()) -> bytes:
    """Return the filter for an architecture, as the kernel reads it; `KeyError` for others."""
    column = ("x86_64", "aarch64").index(machine) if machine in AUDIT else -1
    allow, refuse, missing = _step(RETURN, ALLOW), _refuse(errno.EPERM), _refuse(errno.ENOSYS)
    parts = [
        _step(LOAD, ARCHITECTURE),
        _step(JUMP_EQ, AUDIT[machine], 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER),
    ]
    if machine == "x86_64":
        parts += [_step(JUMP_GE, X32, 0, 1), refuse]
    parts += [_step(JUMP_GE, NEWEST, 0, 1), missing]
    if rules.divides:
        same = (_argument(0), _step(JUMP_EQ, OWN_NAMESPACES, 0, 1), allow, refuse)
        parts += [
            _only_for(REFUSED["unshare"][column], *same),
            _only_for(REFUSED["move_mount"][column], allow),
        ]
    for table, verdict in ((REFUSED, refuse), (rules.refused, refuse), (MISSING, missing)):
        for numbers in table.values():
            if numbers[column] >= 0:
                parts.append(_only_for(numbers[column], verdict))
    looks_new = (_argument(0), _step(JUMP_SET, NAMESPACES, 0, 1), refuse, allow)
    types = (_argument(1), _step(JUMP_EQ, TIOCSTI, 1, 0), _step(JUMP_EQ, TIOCLINUX, 0, 1))
    for *numbers, whom in rules.of_oneself.values():
        oneself = (_argument(whom), _step(JUMP_EQ, 0, 0, 1), allow, refuse)
        parts.append(_only_for(numbers[column], *oneself))
    if rules.keeps_its_parent:
        unset = (_argument(0), _step(JUMP_EQ, kernel.PR_SET_PDEATHSIG, 0, 1), refuse, allow)
        parts.append(_only_for(PRCTL[column], *unset))
    parts += [
        _only_for(CLONE[column], *looks_new),
        _only_for(IOCTL[column], *types, refuse, allow),
        _only_for(SOCKET[column], *_families(rules.sockets)),
        _only_for(SOCKETPAIR[column], *_families(rules.pairs)),
        allow,
    ]
    return b"".join(parts)
