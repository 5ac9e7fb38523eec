"""Resolver: whom instances ask for names."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from huidu.instances.network.resolver import Resolver, choose, read

STUB = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n"
UPSTREAM = "nameserver 10.0.0.2\nnameserver 8.8.8.8\nnameserver fd00::1\nsearch lan\n"


def test_servers_that_an_instance_can_reach_are_kept_with_all_else_that_is_said() -> None:
    assert choose([UPSTREAM]) == Resolver(
        "nameserver 10.0.0.2\nnameserver 8.8.8.8\nsearch lan\n",
        (IPv4Address("10.0.0.2"), IPv4Address("8.8.8.8")),
    )


def test_where_the_host_asks_itself_those_that_it_asks_in_turn_are_asked() -> None:
    assert choose([STUB, UPSTREAM]) == choose([UPSTREAM])
    assert choose(["nameserver ::1\n", STUB, UPSTREAM]) == choose([UPSTREAM])


def test_where_nobody_can_be_asked_nobody_is() -> None:
    nobody = Resolver("", ())
    assert choose([]) == choose([STUB]) == nobody
    assert choose(["nameserver\nnameserver 0.0.0.0\nnameserver x\n# nothing\n\n"]) == nobody


def test_files_that_are_not_there_or_no_text_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "stub").write_bytes(b"\xff")
    (tmp_path / "upstream").write_text(UPSTREAM)
    files = [tmp_path / name for name in ("none", "stub", "upstream")]

    assert read(files) == choose([UPSTREAM])
