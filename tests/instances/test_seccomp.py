"""The filter for system calls, run step by step as the kernel would."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.instances.sandbox.walls import seccomp

MACHINES = sorted(seccomp.AUDIT)
EPERM, ENOSYS = seccomp.ERRNO | errno.EPERM, seccomp.ERRNO | errno.ENOSYS
every_machine = pytest.mark.parametrize("machine", MACHINES)


def verdict(
    machine: str,
    number: int,
    *arguments: int,
    arch: int | None = None,
    rules: seccomp.Rules | None = None,
) -> int:
    """Return what the filter says of a call."""
    given_ = struct.pack(
        "=IIQ6Q",
        number,
        seccomp.AUDIT[machine] if arch is None else arch,
        0,
        *(a & (1 << 64) - 1 for a in (*arguments, 0, 0, 0, 0, 0, 0)[:6]),
    )
    steps = list(struct.iter_unpack("=HBBI", seccomp.program(machine, rules or seccomp.Rules())))
    at, value = 0, 0
    while True:
        code, then, other, operand = steps[at]
        at += 1
        if code == seccomp.RETURN:
            return int(operand)
        if code == seccomp.LOAD:
            (value,) = struct.unpack_from("=I", given_, operand)
            continue
        holds = {
            seccomp.JUMP_EQ: value == operand,
            seccomp.JUMP_GE: value >= operand,
            seccomp.JUMP_SET: bool(value & operand),
        }[code]
        at += then if holds else other


@every_machine
@given(arguments=st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_what_is_refused_is_refused_whatever_it_is_given(
    machine: str, arguments: list[int]
) -> None:
    column = ("x86_64", "aarch64").index(machine)
    for table, refusal in ((seccomp.REFUSED, EPERM), (seccomp.MISSING, ENOSYS)):
        for numbers in table.values():
            if numbers[column] >= 0:
                assert verdict(machine, numbers[column], *arguments) == refusal


@every_machine
@given(number=st.integers(0, 2**32 - 1), arguments=st.lists(st.integers(0, 2**64 - 1), max_size=6))
def test_every_call_has_a_verdict_and_only_known_ones_pass(
    machine: str, number: int, arguments: list[int]
) -> None:
    said = verdict(machine, number, *arguments)

    assert said == seccomp.ALLOW or said & 0xFFFF0000 == seccomp.ERRNO
    assert number < seccomp.NEWEST or said != seccomp.ALLOW


@every_machine
def test_what_every_program_needs_passes(machine: str) -> None:
    column = ("x86_64", "aarch64").index(machine)
    read, write, execve, futex, exit_group = {
        "x86_64": (0, 1, 59, 202, 231),
        "aarch64": (63, 64, 221, 98, 94),
    }[machine]

    for number in (read, write, execve, futex, exit_group):
        assert verdict(machine, number) == seccomp.ALLOW
    assert verdict(machine, seccomp.CLONE[column], 0x3D0F00) == seccomp.ALLOW  # A thread.
    for family in seccomp.FAMILIES:
        assert verdict(machine, seccomp.SOCKET[column], family, 1, 0) == seccomp.ALLOW
    assert verdict(machine, seccomp.SOCKET[column], 16, 3, 0) == seccomp.ALLOW


@every_machine
@pytest.mark.parametrize(("family", "protocol"), [(16, 9), (17, 3), (38, 0), (40, 0), (44, 0)])
def test_no_other_kind_of_socket_passes(machine: str, family: int, protocol: int) -> None:
    column = ("x86_64", "aarch64").index(machine)

    for table in (seccomp.SOCKET, seccomp.SOCKETPAIR):
        said = verdict(machine, table[column], family, 3, protocol)
        assert said == seccomp.ERRNO | errno.EAFNOSUPPORT


@every_machine
@pytest.mark.parametrize("shift", [7, 17, 25, 26, 27, 28, 29, 30])
def test_no_child_begins_in_a_namespace_of_its_own(machine: str, shift: int) -> None:
    column = ("x86_64", "aarch64").index(machine)

    assert verdict(machine, seccomp.CLONE[column], 17 | 1 << shift) == EPERM


@every_machine
def test_no_other_architecture_speaks(machine: str) -> None:
    assert verdict(machine, 0, arch=0x40000003) == seccomp.KILL


def test_x32_is_refused_and_so_is_what_types_into_terminals() -> None:
    assert verdict("x86_64", seccomp.X32 | 1) == EPERM
    for command in (seccomp.TIOCSTI, seccomp.TIOCLINUX):
        assert verdict("x86_64", 16, 0, command) == EPERM
    assert verdict("x86_64", 16, 0, 0x5401) == seccomp.ALLOW


def test_there_is_no_filter_for_a_machine_that_we_do_not_know() -> None:
    with pytest.raises(KeyError):
        seccomp.program("sparc")


#: As it is where nothing but the filter keeps instances apart.
ALONE = seccomp.Rules(
    refused={**seccomp.SHARED, **seccomp.OF_THE_SAME_USER, **seccomp.NOBODYS_MEMORY},
    of_oneself=seccomp.OF_ONESELF,
    sockets=(),
    pairs=(1,),
    keeps_its_parent=True,
)


@every_machine
def test_where_there_is_no_other_wall_the_filter_refuses_more(machine: str) -> None:
    column = ("x86_64", "aarch64").index(machine)
    for numbers in ALONE.refused.values():
        if numbers[column] >= 0:
            assert verdict(machine, numbers[column], rules=ALONE) == EPERM


@every_machine
def test_who_may_change_itself_may_change_nobody_else(machine: str) -> None:
    column = ("x86_64", "aarch64").index(machine)
    for *numbers, whom in seccomp.OF_ONESELF.values():
        number, before = numbers[column], [7] * whom
        assert verdict(machine, number, *before, 0, rules=ALONE) == seccomp.ALLOW
        assert verdict(machine, number, *before, 99, rules=ALONE) == EPERM


@every_machine
def test_an_instance_cannot_outlive_its_warden(machine: str) -> None:
    column = ("x86_64", "aarch64").index(machine)

    assert verdict(machine, seccomp.PRCTL[column], 1, 0, rules=ALONE) == EPERM
    assert verdict(machine, seccomp.PRCTL[column], 4, 0, rules=ALONE) == seccomp.ALLOW


@every_machine
@pytest.mark.parametrize("family", [1, 2, 10, 16])
def test_where_there_is_no_network_there_are_no_sockets_but_pairs(
    machine: str, family: int
) -> None:
    column = ("x86_64", "aarch64").index(machine)
    refusal = seccomp.ERRNO | errno.EAFNOSUPPORT

    assert verdict(machine, seccomp.SOCKET[column], family, 1, 0, rules=ALONE) == refusal
    allowed = seccomp.ALLOW if family == 1 else refusal
    assert verdict(machine, seccomp.SOCKETPAIR[column], family, 1, 0, rules=ALONE) == allowed
