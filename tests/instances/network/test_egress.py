"""Egress: ways out are made ahead, given once, and nothing of them stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest

from huidu.instances.network import block, firewall
from huidu.instances.network.egress import Egress
from huidu.instances.network.netlink import Netlink
from huidu.instances.network.networks import Networks, NoEgress
from huidu.instances.network.stock import READY, Stock
from huidu.model import network
from tests.instances.making import soon

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="it takes root"),
    pytest.mark.skipif(not shutil.which("nft"), reason="it takes the package nftables"),
]


def links(prefix: str) -> list[str]:
    return [name for _, name in socket.if_nameindex() if name.startswith(prefix)]


@pytest.fixture
async def held() -> AsyncIterator[block.Block]:
    one = block.claim(block.ROUTES.read_text())
    yield one
    with Netlink() as netlink:
        netlink.delete_group(one.number)
    one.held.close()


async def test_ways_are_made_ahead_and_each_is_given_once(held: block.Block) -> None:
    stock = Stock(held)
    stock.fill()
    while f"{READY} ready" not in repr(stock):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.005)

    ways = [await stock.take() for _ in range(2 * READY)]

    assert len({way.address for way in ways}) == 2 * READY
    assert len({os.fstat(way.namespace).st_ino for way in ways}) == 2 * READY
    for way in ways:
        way.close()
    await stock.close()


async def test_two_hundred_at_once_get_one_each_and_take_it_along_when_they_go(
    held: block.Block,
) -> None:
    stock = Stock(held)
    ways = await asyncio.gather(*(stock.take() for _ in range(200)))

    assert len({way.address for way in ways}) == 200
    for way in ways:
        way.close()
        stock.take_back(way.address)
    await stock.close()
    assert soon(lambda: not links(held.links))


async def test_an_address_is_given_again_once_the_kernel_is_done_with_it(
    held: block.Block,
) -> None:
    """Whoever had it last goes a moment after it was given back, and that is waited for."""
    stock = Stock(replace(held, network=next(held.network.subnets(new_prefix=30))), ready=0)
    first = await stock.take()
    kept = os.dup(first.namespace)
    first.close()
    stock.take_back(first.address)
    second = await stock.take()
    assert second.address != first.address
    with pytest.raises(OSError, match="every address is in use by an instance"):
        await stock.take()

    os.close(kept)

    assert soon(lambda: len(links(held.links)) == 1)
    third = await stock.take()
    assert third.address == first.address
    for way in (second, third):
        way.close()
    await stock.close()


async def test_who_waits_too_long_is_told_so(held: block.Block) -> None:
    stock = Stock(held, ready=0, patience_s=0)
    with pytest.raises(OSError, match="no network could be made within 0 s"):
        await stock.take()
    await stock.close()
    with pytest.raises(OSError, match="the server is closing"):
        await stock.take()


async def test_a_way_that_nobody_waits_for_any_more_is_the_next_ones(held: block.Block) -> None:
    stock = Stock(held, ready=0)
    for steps in range(6):
        taking = asyncio.create_task(stock.take())
        for _ in range(steps):
            await asyncio.sleep(0.001)
        taking.cancel()
        with suppress(asyncio.CancelledError):
            (await taking).close()
    way = await stock.take()
    way.close()
    await stock.close()

    assert soon(lambda: not links(held.links))


async def test_nothing_is_left_of_a_server_that_closed() -> None:
    egress = await Egress.open(())
    table, names = egress._block.table, egress._block.links
    way = await egress.take()
    assert table in firewall.tables()
    assert links(names)

    await egress.close()

    assert not links(names)
    assert table not in firewall.tables()
    way.close()


#: A server that ends by itself only when it is killed.
DOOMED = """
import asyncio, sys
from huidu.instances.network.egress import Egress
async def main():
    egress = await Egress.open(())
    ways = [await egress.take() for _ in range(3)]
    print("made", egress._block.table, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def killed() -> str:
    """Start a server and kill it; return the name of its table."""
    doomed = subprocess.Popen([sys.executable, "-c", DOOMED], stdout=subprocess.PIPE, text=True)
    with doomed:
        assert doomed.stdout is not None
        table = next(line.split()[1] for line in doomed.stdout if line.startswith("made "))
        assert table in firewall.tables()
        doomed.send_signal(signal.SIGKILL)
    return table


async def test_what_a_killed_server_left_is_removed_by_the_next_and_a_living_ones_is_not() -> None:
    living = await Egress.open(())
    table, following = "", living
    while following._block.table in (living._block.table, table):
        # By chance, one in some thirty takes the very place of the one that was killed.
        if following is not living:
            await following.close()
        table = killed()
        assert table in firewall.tables()  # Its rules hold as long as anything of it may live.
        following = await Egress.open(())

    assert table not in firewall.tables()
    assert not links(table.replace("huidu_", "hd"))
    assert {living._block.table, following._block.table} <= set(firewall.tables())
    way = await living.take()
    way.close()
    for one in (living, following):
        await one.close()


async def test_a_machine_that_cannot_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firewall, "PLACES", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")

    networks = await Networks.open(network.BEST)
    assert networks.mode == network.NONE
    assert networks.missing == (
        "functions have no network: nft is missing; install the package nftables",
    )
    with pytest.raises(NoEgress, match=r"network = egress is required, but cannot be had: nft is"):
        await Networks.open(network.EGRESS)


async def test_a_link_that_is_not_there_cannot_be_removed(held: block.Block) -> None:
    with Netlink() as netlink, pytest.raises(OSError, match="No such device"):
        netlink.delete("nosuchlink")
