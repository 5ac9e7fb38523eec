"""Hosts: which names of the cloud's lead where; no other name leads anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

from huidu.model.account import Account

API, GATEWAY = "api", "gateway"
TLS_PORT, PLAIN_PORT = 443, 80
TARGET = re.compile(r"(?P<host>\[[^\]\s]{1,80}\]|[^:\s]{1,253}):(?P<port>[0-9]{1,5})")
#: What the certificates may be for; a certificate for anything else would not be believed.
DOMAINS = ("myqcloud.com", "tencentcloudapi.com", "tencentcos.cn", "tencentcs.com")
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
#: Where the Serverless command line asks for roles; the number is the cloud's, and fixed.
ROLES = "service-ocnymoks-1258344699.gz.apigw.tencentcs.com"
APPID = Account().appid
#: A name is compared as a whole, in lower case. A new one is one row.
KNOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"(?:{LABEL}\.){{1,3}}tencentcloudapi\.com"), API),
    (re.compile(rf"{LABEL}\.cos\.{LABEL}\.(?:myqcloud\.com|tencentcos\.cn)"), API),
    (re.compile(re.escape(ROLES)), API),
    (re.compile(rf"service-[a-z0-9]{{1,20}}-{APPID}\.{LABEL}\.apigw\.tencentcs\.com"), GATEWAY),
)
#: Where clients report to, and do well without: nobody needs to read that it was refused.
REPORTS = frozenset(
    {
        "service-9p6tdp4y-1300963013.gz.apigw.tencentcs.com",
        "sp-notifications-and-metrics-v1.serverless-platform.com",
    }
)
SHOWN = 80


class Unknown(Exception):
    """The proxy does not lead there; the message says why. `quiet`: nobody misses it."""

    def __init__(self, why: str, *, quiet: bool = False) -> None:
        super().__init__(why)
        self.quiet = quiet


@dataclass(frozen=True, slots=True)
class Way:
    """Where a tunnel to a host leads, and whether TLS is spoken in it."""

    host: str
    end: str  #: API or GATEWAY.
    tls: bool


def way(target: str) -> Way:
    """Return where `host:port`, as CONNECT names it, leads; or raise `Unknown`."""
    read = TARGET.fullmatch(target)
    if read is None:
        raise Unknown(f"{target[:SHOWN]!r} must read HOST:PORT")
    host, port = read["host"].lower(), int(read["port"])
    end = next((end for name, end in KNOWN if name.fullmatch(host)), None)
    if end is None:
        raise Unknown(
            f"{host[:SHOWN]} is not one of the cloud's hosts that a server of ours answers for; to "
            "reach it say NO_PROXY, or unset HTTPS_PROXY",
            quiet=host in REPORTS,
        )
    if port not in (TLS_PORT, PLAIN_PORT):
        raise Unknown(f"{host}: port {port} leads nowhere; {TLS_PORT} and {PLAIN_PORT} do")
    return Way(host, end, port == TLS_PORT)
