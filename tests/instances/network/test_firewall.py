"""Firewall: what is said to nft, and what is made of its answers. What holds is for `attacks`."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import closing
from ipaddress import IPv4Address, IPv4Network

import pytest

from huidu.instances.network import firewall
from huidu.instances.network.block import Block


def rules(*allow: str) -> list[str]:
    with closing(socket.socket()) as held:
        block = Block(IPv4Network("10.213.8.0/21"), held)
        networks = [*map(IPv4Network, allow)]
        return firewall.rules(block, networks, [IPv4Address("10.0.0.2")]).splitlines()


def test_an_address_of_the_host_must_be_named_by_itself() -> None:
    said = rules("10.9.0.0/24", "10.8.0.1", "10.8.0.1")

    assert "  set named { type ipv4_addr; elements = { 10.8.0.1/32 }; }" not in said
    assert "  set named { type ipv4_addr; elements = { 10.8.0.1 }; }" in said
    assert any("elements = { 10.9.0.0/24, 10.8.0.1/32 };" in line for line in said)


def test_nothing_is_allowed_by_default() -> None:
    assert "  set named { type ipv4_addr;  }" in rules()


#: As `nft list chains` says it on a machine with Docker.
CHAINS = """
table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
}
table inet huidu_02b576 {
	chain through {
		type filter hook forward priority filter; policy drop;
	}
}
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
	}
}
"""


def test_another_firewall_in_the_way_is_found() -> None:
    assert firewall.elsewhere(CHAINS) == ["ip filter FORWARD"]
    assert firewall.elsewhere("") == []


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="it takes root and nft")
def test_rules_that_nft_does_not_take_are_told_in_a_line() -> None:
    with pytest.raises(OSError, match=r"^nft: [^\n]*[Ee]rror[^\n]*$"):
        firewall.apply("nonsense")


def test_where_nft_is_missing_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(firewall, "PLACES", "/nowhere")

    with pytest.raises(OSError, match="nft is missing; install the package nftables"):
        firewall.tables()
