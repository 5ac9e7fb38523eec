"""The command line: how it begins, and the commands that need no server."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from huidu import __version__, compiled
from huidu.cli.client import Client
from huidu.cli.commands import Commands
from huidu.cloudapi import keys
from huidu.cloudapi.keys import Pair
from huidu.settings import KINDS, Settings, Unsettled, from_process, meant

REGION = "ap-guangzhou"
ENDPOINTS = "endpoints"
ENDPOINT = re.compile(r"https?://([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/*")
REFUSED = 2

app = typer.Typer(
    name="huidu",
    cls=Commands,
    context_settings={"obj": lambda: connect()},  # noqa: PLW0108 - it is further down
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Unknown(Exception):
    """No server is known; the message says how to name one."""


def _say_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        version()
        raise typer.Exit


@app.callback()
def begin(
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Print the version, and exit."
        ),
    ] = False,
) -> None:
    """Serverless functions that you host yourself, with safe release built in."""


Data = Annotated[Path, typer.Option(envvar="HUIDU_DATA", help="The data directory of a server.")]


@app.command()
def serve(
    data: Annotated[str | None, typer.Option(help="Where everything is kept. [./.huidu]")] = None,
    api: Annotated[str | None, typer.Option(help="HOST:PORT of the API. [127.0.0.1:9000]")] = None,
    gateway: Annotated[
        str | None, typer.Option(help="HOST:PORT where functions are called. [127.0.0.1:9001]")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="What is put around functions; see 'huidu doctor'. [best]")
    ] = None,
    require_tier: Annotated[
        str | None, typer.Option(help="Do not start with less around them. [none]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A file of settings. [huidu.toml]")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, as NAME=VALUE; see 'huidu settings'."),
    ] = None,
) -> None:
    """Run the platform in the foreground, until SIGTERM or Ctrl-C."""
    options: dict[str, Any] = {"data": data, "api": api, "gateway": gateway}
    options |= {"tier": tier, "require_tier": require_tier}
    for text in setting or ():
        name, equals, value = text.partition("=")
        if not equals or name not in KINDS:
            raise typer.BadParameter(_unset(text, name))
        options[name] = value
    try:
        from_process(options, config)
    except Unsettled as error:
        typer.echo(f"huidu: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    # A process of its own kind: every other command is quick because it loads no server.
    told = json.dumps({"options": options, "config": str(config) if config else None})
    os.execv(sys.executable, [sys.executable, "-m", "huidu.cli.serve", told])  # noqa: S606


@app.command()
def doctor(
    data: Annotated[str | None, typer.Option(help="The data directory. [./.huidu]")] = None,
    config: Annotated[Path | None, typer.Option(help="A file of settings. [huidu.toml]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,  # noqa: FBT002
) -> None:
    """Say what this machine gives: how functions can be sealed off, which languages there are.

    Exit code 0 where functions can be sealed off, 1 where they cannot.
    """
    order = {"options": {"data": data}, "config": str(config) if config else None, "json": as_json}
    words = [sys.executable, "-m", "huidu.cli.doctor", json.dumps(order)]
    os.execv(sys.executable, words)  # noqa: S606 - as above


@app.command()
def settings() -> None:
    """List every setting with its default."""
    width = max(map(len, KINDS))
    for name, value in ((name, getattr(Settings(), name)) for name in KINDS):
        typer.echo(f"{name:<{width}}  {value}")


@app.command()
def env(data: Data = Path(".huidu")) -> None:
    """Print export lines that point the official clients at the local server."""
    pair, endpoint, gateway = _local(data)
    host = endpoint.removeprefix("http://")
    for name, value in (
        (keys.ID, pair.secret_id),
        (keys.KEY, pair.secret_key),
        ("TENCENTCLOUD_REGION", REGION),
        ("TENCENTCLOUD_ENDPOINT", host),
        ("HUIDU_ENDPOINT", endpoint),
        ("HUIDU_GATEWAY_URL", gateway),
    ):
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def version() -> None:
    """Print the version, and whether the hot path is compiled."""
    typer.echo(f"{__version__} ({compiled.how()})")


def _unset(text: str, name: str) -> str:
    """Return what is wrong with an option `--set`."""
    if name in KINDS:
        return f"--set {text}: must read NAME=VALUE, as in {name}={getattr(Settings(), name)}"
    why = meant(name) or "; see 'huidu settings' for the names there are"
    return f"--set {text}: {name} is no setting{why}"


def _local(data: Path) -> tuple[Pair, str, str]:
    """Return the key pair of the server of a data directory, and where its API and gateway are."""
    pair = keys.read(data)
    if pair is None or not (data / ENDPOINTS).exists():
        raise Unknown(
            f"{data} is not the data directory of a server; start one with 'huidu serve', or "
            "name its directory in HUIDU_DATA"
        )
    api, _, gateway = (data / ENDPOINTS).read_text("utf-8", "replace").strip().partition("\n")
    return pair, _endpoint(api, str(data / ENDPOINTS)), gateway


def connect() -> Client:
    """Return a client by the environment or else by the data directory."""
    there = os.environ
    if all(there.get(name) for name in ("HUIDU_ENDPOINT", keys.ID, keys.KEY)):
        pair = Pair(there[keys.ID], there[keys.KEY])
        endpoint = _endpoint(there["HUIDU_ENDPOINT"], "HUIDU_ENDPOINT")
        return Client(endpoint=endpoint, pair=pair)
    pair, endpoint, _ = _local(Path(there.get("HUIDU_DATA", ".huidu")))
    return Client(endpoint=endpoint, pair=pair)


def _endpoint(text: str, said_in: str) -> str:
    """Return where a server is, or raise `Unknown` where that is no place."""
    if not ENDPOINT.fullmatch(text):
        raise Unknown(f"{said_in}: {text[:80]!r} must read http://HOST:PORT")
    return text


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="huidu")
    except (Unknown, keys.Unreadable) as error:
        typer.echo(f"huidu: {error}", err=True)
        sys.exit(1)
