"""Firewall: the rules between instances and everything else, as nftables has them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

from huidu.instances.network.block import LINKS, Block

PATIENCE_S = 20.0
PLACES = "/usr/sbin:/sbin:/usr/local/sbin"
#: What one instance may have under way at once: the kernel's table of flows is everybody's.
MOST_FLOWS = 1000

#: What is not the internet (RFC 6890), and what clouds answer metadata from.
NOT_PUBLIC = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",  # Azure's own
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)

RULES = """\
table inet {table} {{
  set resolvers {{ type ipv4_addr; {resolvers} }}
  set allowed {{ type ipv4_addr; flags interval; auto-merge; {allowed} }}
  set named {{ type ipv4_addr; {named} }}
  set private {{ type ipv4_addr; flags interval; elements = {{ {private} }}; }}
  set flows {{ type ipv4_addr; size 65535; flags dynamic; }}

  chain arrives {{
    type filter hook prerouting priority raw; policy accept;
    iifname != "{links}*" accept
    meta nfproto != ipv4 drop
    ip hdrlength > 5 drop comment "routes that the sender chose"
    fib saddr . iif oif missing drop comment "an address that is not its own"
  }}
  chain to_host {{
    type filter hook input priority filter; policy accept;
    iifname != "{links}*" accept
    ct state established,related accept
    ip daddr @resolvers meta l4proto {{ tcp, udp }} th dport 53 accept
    ip daddr @named accept
    goto refuse
  }}
  chain from_host {{
    type filter hook output priority filter; policy accept;
    oifname != "{links}*" accept
    ct state established,related accept
    drop
  }}
  chain through {{
    type filter hook forward priority filter; policy accept;
    oifname "{links}*" goto to_instance
    iifname "{links}*" goto from_instance
  }}
  chain to_instance {{
    iifname "{any_links}*" goto refuse
    ct state established,related accept
    drop
  }}
  chain from_instance {{
    oifname "{any_links}*" goto refuse
    fib daddr type != unicast goto refuse
    ip daddr @resolvers meta l4proto {{ tcp, udp }} th dport 53 goto let_out
    ip daddr @allowed goto let_out
    ip daddr @private goto refuse
    goto let_out
  }}
  chain let_out {{
    ct state new add @flows {{ ip saddr ct count over {most_flows} }} drop
    tcp flags syn tcp option maxseg size set rt mtu
    accept
  }}
  chain refuse {{
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}
  chain leaves {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {addresses} oifname != "{any_links}*" masquerade
  }}
}}
"""


class NoTool(OSError):
    """A program is missing that the rules are set with."""


def rules(block: Block, allow: Sequence[IPv4Network], resolvers: Sequence[IPv4Address]) -> str:
    """Return the rules of a server.

    What is allowed is so beside the internet; an address of this machine only where it is named
    by itself, lest a range that happens to hold it opens the platform's own ports.
    """
    named = [network.network_address for network in allow if network.num_addresses == 1]
    return RULES.format(
        table=block.table,
        links=block.links,
        any_links=LINKS,
        addresses=block.network,
        resolvers=_elements(resolvers),
        allowed=_elements(allow),
        named=_elements(named),
        private=", ".join(NOT_PUBLIC),
        most_flows=MOST_FLOWS,
    )


def _elements(values: Sequence[object]) -> str:
    return f"elements = {{ {', '.join(map(str, dict.fromkeys(values)))} }};" if values else ""


def apply(text: str) -> None:
    """Put rules into force, all or none."""
    _nft("-f", "-", text=text)


def tables() -> Sequence[str]:
    """Return the names of all tables of this kind."""
    words = [line.split() for line in _nft("list", "tables").splitlines()]
    return [name for _, family, name in words if family == "inet"]


def remove(*names: str) -> None:
    """Remove tables; it may be that they are not there."""
    # In one step: what is not there is made first, so that it can be removed.
    _nft("-f", "-", text="".join(f"table inet {n}\ndelete table inet {n}\n" for n in names))


def elsewhere(text: str) -> Sequence[str]:
    """Return which chains of others drop what is forwarded, of what `nft list chains` said."""
    found, table = [], ""
    chain = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("table "):
            table = " ".join(line.split()[1:3])
        elif line.startswith("chain "):
            chain = line.split()[1]
        elif "hook forward" in line and "policy drop" in line and "huidu_" not in table:
            found.append(f"{table} {chain}")
    return found


def chains() -> str:
    """Return all chains there are, as text."""
    return _nft("list", "chains")


def _nft(*words: str, text: str = "") -> str:
    program = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:{PLACES}")
    if program is None:
        raise NoTool("nft is missing; install the package nftables")
    try:
        done = subprocess.run(  # noqa: S603 - with words of our own
            (program, *words),
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"nft took longer than {PATIENCE_S:.0f} s") from error
    if done.returncode:
        first, *_ = [*done.stderr.splitlines(), f"status {done.returncode}"]  # Then it quotes us.
        raise OSError(f"nft: {first}")
    return done.stdout
