"""`huidu proxy`: leads unchanged clients of the cloud to a server, alone or around one command."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from huidu.cli.client import Client
from huidu.proxy.authority import Authority, Exposed, now
from huidu.proxy.hosts import API, GATEWAY
from huidu.proxy.proxy import LOOPBACK, listening

PORT = 9002
FAILED, NOT_FOUND, NOT_RUN, BY_SIGNAL = 1, 127, 126, 128
ENDPOINTS = "endpoints"
#: Where a proxy is named that is not ours, or who goes without one: a command that runs under ours
#: is to know of no other way. What is in small letters most clients look for first.
OTHERS = ("HTTP_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy", "no_proxy")
HOME = "DATA/proxy, else ~/.config/huidu/proxy"

Port = Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 picks one.", max=65535, min=0)]
Home = Annotated[
    Path | None, typer.Option("--ca", help=f"Where the certificate authority is. [{HOME}]")
]
Command = Annotated[
    list[str] | None, typer.Argument(help="A command to run under the proxy, behind --.")
]


def command(connect: Callable[[], Client]) -> Callable[..., None]:
    """Return the command; it finds in its context how to connect."""
    return proxy


def proxy(
    context: typer.Context,
    port: Port = PORT,
    home: Home = None,
    command: Command = None,
) -> None:
    """Lead unchanged clients of the cloud, such as sls, to a server.

    Alone it prints export lines, and serves until Ctrl-C. With a command behind -- it runs that,
    with all of them set, and leaves with its exit code. It listens on 127.0.0.1 only, and answers
    for hosts of the cloud's only: for any other it says no.
    """
    client: Client = context.obj()
    ends = {API: client.endpoint, **_gateway(client.endpoint)}
    try:
        authority = Authority(home or _home(), now)
        work = _around(authority, ends, client, command or [], port)
        code = asyncio.run(work)
    except (Exposed, OSError) as error:
        typer.echo(f"huidu: {error}", err=True)
        raise typer.Exit(FAILED) from None
    raise typer.Exit(code)


async def _around(
    authority: Authority,
    ends: Mapping[str, str],
    client: Client,
    command: Sequence[str],
    port: int,
) -> int:
    seen: set[str] = set()

    def say(what: str) -> None:
        if what not in seen:  # A client asks again and again for what it does not get.
            seen.add(what)
            typer.echo(f"huidu proxy: {what}", err=True)

    async with listening(authority, 0 if command else port, ends, say) as taken:
        told = _told(authority, client, taken)
        if command:
            return await _run(command, told)
        for name, value in told.items():
            typer.echo(f"export {name}={shlex.quote(value)}")
        typer.echo(f"huidu proxy: {LOOPBACK}:{taken} leads to {client.endpoint}", err=True)
        sys.stdout.flush()
        await _told_to_end()
        return 0


def _told(authority: Authority, client: Client, port: int) -> Mapping[str, str]:
    """Return what is to be in the environment of a client."""
    return {
        "HTTPS_PROXY": f"http://{LOOPBACK}:{port}",
        "NO_PROXY": "127.0.0.1,localhost",
        "NODE_EXTRA_CA_CERTS": str(authority.file.resolve()),
        "SERVERLESS_PLATFORM_VENDOR": "tencent",
        "TENCENT_SECRET_ID": client.pair.secret_id,
        "TENCENT_SECRET_KEY": client.pair.secret_key,
    }


async def _run(command: Sequence[str], told: Mapping[str, str]) -> int:
    """Run a command to its end, and return the code to leave with."""
    here = {name: value for name, value in os.environ.items() if name not in OTHERS}
    loop = asyncio.get_running_loop()
    # Ctrl-C reaches the command as well, and it is its to say when all is over.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    try:
        process = await asyncio.create_subprocess_exec(*command, env=here | dict(told))
    except FileNotFoundError:
        typer.echo(f"huidu: no such command: {command[0]}", err=True)
        return NOT_FOUND
    except OSError as error:
        typer.echo(f"huidu: {command[0]} cannot be run: {error.strerror}", err=True)
        return NOT_RUN
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, process.send_signal, number)
    code = await process.wait()
    return code if code >= 0 else BY_SIGNAL - code


async def _told_to_end() -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await told.wait()


def _home() -> Path:
    """Return where the authority is: beside the server where that is here."""
    if (_data() / ENDPOINTS).exists():
        return _data() / "proxy"
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "huidu" / "proxy"


def _data() -> Path:
    return Path(os.environ.get("HUIDU_DATA", ".huidu"))


def _gateway(endpoint: str) -> Mapping[str, str]:
    """Return where the gateway is: as the environment says, or the directory of the server."""
    named = os.environ.get("HUIDU_GATEWAY_URL")
    if named:
        return {GATEWAY: named}
    try:
        api, gateway = (_data() / ENDPOINTS).read_text("utf-8").split()
    except (OSError, ValueError):
        return {}
    return {GATEWAY: gateway} if api == endpoint else {}
