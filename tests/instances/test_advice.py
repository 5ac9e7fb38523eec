"""Advice for a tier that does not work is what could help on this machine."""

from __future__ import annotations

import os

from huidu.instances.sandbox.advice import BASIC, SANDBOX, Advice, fitting, lacks, reads
from huidu.instances.sandbox.walls import kernel


def test_only_what_fits_is_said() -> None:
    there, missing = Advice("get sh", lacks("sh")), Advice("get it", lacks("no-such-program"))

    assert fitting((there, missing)) == ("get it",)


def test_where_nothing_fits_all_is_said_for_we_know_no_better() -> None:
    assert fitting((Advice("get sh", lacks("sh")),)) == ("get sh",)


def test_a_setting_of_the_kernel_is_named_where_it_is_there_and_in_the_way() -> None:
    kind = os.uname().sysname

    assert reads("kernel/ostype", kind)()
    assert not reads("kernel/ostype", "other")()
    assert not reads("kernel/no_such_setting", "0")()


def test_root_is_not_told_to_become_root_and_landlock_is_not_asked_for_where_it_is() -> None:
    root = os.geteuid() == 0
    landlock = kernel.landlock_abi() > 0

    assert ("run huidu as root" in fitting(SANDBOX)) == (not root)
    assert ("boot with lsm=landlock,..." in fitting(BASIC)) == (not landlock)
