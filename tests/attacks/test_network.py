"""Functions that reach for what is not the internet: from an instance it is not there."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from huidu.instances.instance import Instance
from huidu.instances.network.firewall import MOST_FLOWS
from huidu.instances.network.networks import Networks
from huidu.instances.network.resolver import Resolver
from huidu.instances.sandbox.walls import kernel
from huidu.instances.starting import start
from tests.attacks.conftest import Box
from tests.attacks.test_sandbox import result_of
from tests.attacks.test_template import divided, installed
from tests.attacks.world import DNS, HERE, PORT, World, host_addresses, listening
from tests.instances.making import Begin, Shelf, soon

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="it takes root"),
    pytest.mark.skipif(not shutil.which("nft"), reason="it takes the package nftables"),
]

#: Tries to reach many places, and says what came of each: the answer, or the error.
PROBE = """
import errno, os, socket, struct, threading

def tcp(address, port):
    with socket.create_connection((address, port), 2) as there:
        there.settimeout(0.5)
        try: return there.recv(99).decode() or "closed"
        except TimeoutError: return "connected"

def udp(address, port, said="hello"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.settimeout(2)
        mine.connect((address, port))
        mine.send(said.encode())
        return mine.recv(99).decode()

def cast(address, port, said):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        mine.sendto(said.encode(), (address, port))
        return "sent"

def own():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.connect(("198.51.100.250", 9))
        return mine.getsockname()[0]

def listen():
    server = socket.create_server(("0.0.0.0", 0))
    threading.Thread(target=lambda: [server.accept() for _ in range(99)], daemon=True).start()
    return server.getsockname()[1]

def ask_kernel(kind, body):
    with socket.socket(16, socket.SOCK_RAW, 0) as route:
        route.send(struct.pack("=IHHII", 16 + len(body), kind, 0x605, 1, 0) + body)
        answer = -struct.unpack_from("=i", route.recv(4096), 16)[0]
        return errno.errorcode.get(answer, "done")

def address(): return ask_kernel(20, bytes([2, 32, 0, 0, 2, 0, 0, 0, 8, 0, 2, 0, 10, 1, 1, 1]))
def route():
    return ask_kernel(24, bytes([2, 0, 0, 0, 254, 3, 253, 1, *[0] * 4, 8, 0, 4, 0, 1, 0, 0, 0]))
def link(): return ask_kernel(19, struct.pack("=BxHiII", 0, 0, 2, 0, 1))

def bound(source, address, port, said):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.setsockopt(socket.IPPROTO_IP, 15, 1)
        mine.bind((source, 0))
        mine.sendto(said.encode(), (address, port))
        return "sent"

def with_options(address, port, said):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([1, 1, 1, 0]))
        mine.sendto(said.encode(), (address, port))
        return "sent"

def flood(address, first, many):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        for port in range(first, first + many):
            try: mine.sendto(b"x", (address, port))
            except OSError: pass
    return "sent"

def attempt(name, arguments):
    try:
        return globals()[name](*arguments)
    except TimeoutError:
        return "TIMEOUT"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))

def main_handler(event, context):
    return [attempt(name, arguments) for name, *arguments in event]
"""

SHUT = {"ECONNREFUSED", "EHOSTUNREACH", "EACCES", "ENETUNREACH", "TIMEOUT"}

Go = Callable[..., Awaitable[Any]]


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        yield made


class Prober:
    """An instance that tries what it is told to."""

    def __init__(self, instance: Instance, version: Any) -> None:
        self.instance, self._version = instance, version

    async def __call__(self, *attempts: tuple[Any, ...]) -> list[Any]:
        return list(await result_of(self.instance, self._version, [list(a) for a in attempts]))


@pytest.fixture
async def prober(box: Box, shelf: Shelf) -> AsyncIterator[Callable[..., Awaitable[Prober]]]:
    """Starts probers, each server's on a launcher of its own unless one is given."""
    running: list[Prober] = []
    shared: list[Any] = []

    async def make(launcher: Any = None, **configuration: Any) -> Prober:
        if launcher is None:
            shared[:] = shared or [await box("egress")]
            launcher = shared[0]
        version = shelf.version(PROBE, timeout_s=60, **configuration)
        instance = await start(shelf.blueprint(version), launcher)
        running.append(Prober(instance, version))
        return running[-1]

    yield make
    for one in running:
        await one.instance.stop()


Make = Callable[..., Awaitable[Prober]]


@pytest.fixture
async def bare(plain: Begin, shelf: Shelf) -> Prober:
    """A prober without walls."""
    version = shelf.version(PROBE, timeout_s=60)
    return Prober(await plain(version), version)


async def test_a_function_reaches_the_internet(prober: Make, world: World) -> None:
    go = await prober()

    own, *seen = await go(("own",), ("tcp", world.public, PORT), ("udp", world.public, DNS))

    assert seen == [world.here, world.here]  # It is the machine that the internet sees.
    assert own != world.here


async def test_nothing_private_is_reached(prober: Make, bare: Prober, world: World) -> None:
    attempts = [(kind, a, p) for a in world.private for p in (PORT, DNS) for kind in ("tcp", "udp")]

    assert set(await bare(*attempts)) == {world.here}
    world.heard.clear()
    assert set(await (await prober())(*attempts)) <= SHUT
    assert world.heard == []


async def test_no_port_of_the_host_is_reached(prober: Make, bare: Prober, world: World) -> None:
    with listening() as everywhere, listening("127.0.0.1") as inside:
        attempts = [("tcp", address, everywhere) for address in (world.here, *host_addresses())]
        attempts.append(("tcp", "127.0.0.1", inside))

        assert set(await bare(*attempts)) == {"connected"}
        assert set(await (await prober())(*attempts)) == {"ECONNREFUSED"}


async def test_no_instance_reaches_another_nor_does_the_host(prober: Make) -> None:
    one, other = await prober(), await prober()
    address, port = await one(("own",), ("listen",))

    assert await one(("tcp", address, port)) == ["connected"]
    assert await other(("tcp", address, port)) == ["ECONNREFUSED"]
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(socket.create_connection, (address, port), 0.5)


async def test_nobody_out_there_reaches_an_instance(prober: Make, world: World) -> None:
    go = await prober()
    address, port = await go(("own",), ("listen",))

    assert not await asyncio.to_thread(world.reaches, address, port)
    with listening() as port:
        assert await asyncio.to_thread(world.reaches, world.here, port)


async def test_instances_of_two_servers_do_not_reach_each_other(prober: Make, box: Box) -> None:
    everything = ("0.0.0.0/0",)
    one, other = (
        await prober(await box("egress", everything)),
        await prober(await box("egress", everything)),
    )
    address, port = await one(("own",), ("listen",))

    assert await other(("tcp", address, port)) == ["ECONNREFUSED"]


async def test_what_clouds_tell_their_machines_is_not_told_to_functions(
    prober: Make, world: World
) -> None:
    servers = ("169.254.169.254", "169.254.0.23", "100.100.100.200", "168.63.129.16", "192.0.0.192")
    world.swallow(servers)  # So that, whatever the rules let pass, the true ones hear nothing.

    seen = await (await prober())(*(("tcp", server, 80) for server in servers))

    assert seen == ["ECONNREFUSED"] * len(servers)


async def test_nothing_is_sent_to_many(prober: Make, world: World) -> None:
    addresses = ("224.0.0.1", "239.255.255.250", "255.255.255.255", f"{HERE}.255")

    await (await prober())(*(("cast", address, PORT, "to all") for address in addresses))

    assert world.heard == []


async def test_there_is_no_other_protocol_around_the_rules(prober: Make) -> None:
    go = await prober()

    with socket.create_server(("::", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        assert await go(("tcp", "fe80::1", port)) in (["EINVAL"], ["ENETUNREACH"])
        assert await go(("tcp", "2001:db8::1", port)) == ["ENETUNREACH"]
        assert await go(("tcp", "::ffff:127.0.0.1", port)) == ["ECONNREFUSED"]


async def test_a_function_cannot_change_its_network(prober: Make, world: World) -> None:
    assert await (await prober())(("address",), ("route",), ("link",)) == ["EPERM"] * 3


async def test_a_function_cannot_send_as_somebody_else(prober: Make, world: World) -> None:
    go = await prober()

    await go(("bound", "10.213.0.99", world.public, PORT, "forged"))
    assert await go(("udp", world.public, PORT, "honest")) == [world.here]

    assert world.heard == [b"honest"]


async def test_a_function_cannot_say_which_road_its_packets_take(
    prober: Make, bare: Prober, world: World
) -> None:
    attempt = ("with_options", world.public, PORT, "by another road")
    assert await bare(attempt) == ["sent"]
    assert soon(lambda: len(world.heard) == 1)

    assert await (await prober())(attempt, ("udp", world.public, PORT)) == ["sent", world.here]

    assert world.heard == [b"by another road", b"hello"]


async def test_what_is_sent_under_a_wrong_address_is_dropped_on_the_way(world: World) -> None:
    """As the root of an instance's network, which no function is, it is tried by force."""
    networks = await Networks.open("egress")
    place, other = await networks.place(online=True), await networks.place(online=True)
    assert place.way is not None
    assert other.way is not None
    forged = [other.way.address, IPv4Address(world.public), IPv4Address("192.0.2.77")]

    def send() -> None:
        assert place.way is not None
        kernel.setns(place.way.namespace, kernel.CLONE_NEWNET)  # For this thread, which ends.
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for source in (*forged, place.way.address):
                said = str(source).encode()
                udp = struct.pack("!HHHH", 999, PORT, 8 + len(said), 0) + said
                head = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 9, socket.IPPROTO_UDP, 0)
                ends = source.packed + IPv4Address(world.public).packed
                raw.sendto(head + ends + udp, (world.public, 0))

    thread = threading.Thread(target=send)
    thread.start()
    thread.join()

    assert soon(lambda: bool(world.heard))
    assert world.heard == [str(place.way.address).encode()]
    for one in (place, other):
        one.close()
        networks.leave(one)
    await networks.close()


async def test_one_instance_cannot_use_up_the_table_of_flows(prober: Make, world: World) -> None:
    greedy, modest = await prober(), await prober()
    await greedy(("flood", world.public, 20_000, MOST_FLOWS + 100))

    assert await greedy(("udp", world.public, PORT)) == ["TIMEOUT"]
    assert await modest(("udp", world.public, PORT)) == [world.here]


async def test_an_operator_can_allow_more(prober: Make, box: Box, world: World) -> None:
    allowed, other, *_ = world.private
    go = await prober(await box("egress", (f"{allowed}/32", f"{HERE}.0/24")))

    assert await go(("tcp", allowed, PORT), ("tcp", other, PORT)) == [world.here, "ECONNREFUSED"]
    with listening() as port:  # An address of the host is not opened along with its neighbours.
        assert await go(("tcp", world.here, port)) == ["ECONNREFUSED"]
        go = await prober(await box("egress", (world.here,)))
        assert await go(("tcp", world.here, port)) == ["connected"]


async def test_a_private_name_server_is_asked_for_names_and_nothing_else(
    prober: Make, box: Box, world: World
) -> None:
    server, other, *_ = world.private
    text = f"nameserver {server}\n"
    asked = Resolver(text, (IPv4Address(server), IPv4Address(world.here)))
    go = await prober(await box("egress", (), asked))

    assert await go(("udp", server, DNS), ("tcp", server, DNS)) == [world.here, world.here]
    assert await go(("tcp", server, PORT), ("udp", other, DNS)) == ["ECONNREFUSED", "EHOSTUNREACH"]
    with listening() as port, listening(world.here, DNS):
        assert await go(("tcp", world.here, port)) == ["ECONNREFUSED"]
        assert await go(("tcp", world.here, DNS)) == ["connected"]


async def test_a_function_that_wants_no_network_has_none(prober: Make, world: World) -> None:
    wants_none = (("public_net_config", json.dumps({"PublicNetStatus": "DISABLE"})),)
    cut_off, online = await prober(settings=wants_none), await prober()

    assert await cut_off(("tcp", world.public, PORT)) == ["ENETUNREACH"]
    assert await online(("tcp", world.public, PORT)) == [world.here]


async def test_forks_of_a_template_reach_what_it_does_and_keep_its_address_from_others(
    box: Box, shelf: Shelf, world: World
) -> None:
    launcher = await box("egress")
    version = installed(shelf, shelf.version(f"import heavy\n{PROBE}", timeout_s=60))
    first = await start(shelf.blueprint(version), launcher)
    template = await divided(launcher)
    fork = await start(shelf.blueprint(version), launcher)
    assert fork._process.pid in [one.child.pid for one in template._forks.values() if one.child]

    own, seen, host = await Prober(fork, version)(
        ("own",), ("tcp", world.public, PORT), ("tcp", world.here, PORT)
    )

    assert (seen, host) == (world.here, "ECONNREFUSED")
    assert [own] != await Prober(first, version)(("own",))
    for one in (first, fork):
        await one.stop()
