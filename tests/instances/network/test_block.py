"""Block: one server at a time has it, where no route of the host leads."""

from __future__ import annotations

from contextlib import closing
from ipaddress import IPv4Address, IPv4Network

import pytest

from huidu.instances.network import block

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"


def route(device: str, to: str) -> str:
    network = IPv4Network(to)
    words = (
        f"{int.from_bytes(address.packed, 'little'):08X}"
        for address in (network.network_address, network.netmask)
    )
    destination, mask = words
    return f"{device}\t{destination}\t0100000A\t0003\t0\t0\t0\t{mask}\t0\t0\t0\n"


def test_no_two_servers_have_the_same_block() -> None:
    one, other = block.claim(HEAD), block.claim(HEAD)
    with closing(one.held), closing(other.held):
        assert not one.network.overlaps(other.network)
        assert (one.table, one.links, one.number) != (other.table, other.links, other.number)
        assert block.hold(one.number) is None
    again = block.hold(one.number)
    assert again is not None
    again.close()


def test_a_block_has_room_for_thousands_and_names_that_fit() -> None:
    one = block.claim(HEAD)
    with closing(one.held):
        assert len([*one.addresses()]) > 2000
        assert len(f"{one.links}ffffff") <= 15
        assert block.numbers([f"{one.links}1f", one.table, "eth0", "hdmi-0"]) == [one.number]


@pytest.mark.parametrize("taken", ["10.0.0.0/8", "10.213.64.0/24", "10.213.0.7/32"])
def test_a_range_that_the_host_has_routes_into_is_left_alone(taken: str) -> None:
    one = block.claim(HEAD + route("eth0", "0.0.0.0/0") + route("eth1", taken))
    with closing(one.held):
        assert not one.network.overlaps(IPv4Network(taken))


def test_routes_to_instances_are_nobody_elses() -> None:
    one = block.claim(HEAD + route("hd02b576-1f", "10.213.216.9/32"))
    with closing(one.held):
        assert one.network.overlaps(block.RANGES[0])


def test_where_every_range_is_taken_it_is_said() -> None:
    taken = "".join(route("eth0", str(one)) for one in block.RANGES)
    with pytest.raises(OSError, match=r"every range for instances is in use: 10\.213"):
        block.claim(HEAD + taken)


def test_where_every_block_is_held_it_is_said() -> None:
    network = block.RANGES[-1]
    taken = "".join(route("eth0", str(one)) for one in block.RANGES[:-1])
    held = []
    for _ in range(1 << (block.BITS - network.prefixlen)):
        held.append(block.claim(HEAD + taken))
        assert IPv4Address(held[-1].network.network_address) in network
    with pytest.raises(OSError, match="every block of addresses is held by another server"):
        block.claim(HEAD + taken)
    for one in held:
        one.held.close()
