"""`huidu dev`, in the place of the command: a server on loopback that follows a folder."""

# ruff: noqa: E402
from __future__ import annotations

import gc

# What is imported stays: to look for garbage in it meanwhile is a fifth of what a start takes.
gc.disable()

import asyncio
import json
import os
import re
import resource
import shlex
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.dev.following import Follower
from huidu.cli.dev.ground import Ground, bare, ground_of
from huidu.cli.dev.hearing import Hearing, Listening, front_of
from huidu.cli.dev.putting import Putter, Wish
from huidu.cli.dev.telling import At, Person, Program, Teller, plain
from huidu.cli.dev.watching import Watch
from huidu.cli.dev.written import Written
from huidu.cli.lines import look_of
from huidu.cli.projects.work import ACTION
from huidu.cloudapi import keys
from huidu.compiled import Stale
from huidu.model.errors import Refusal
from huidu.project.declared import Project, is_event
from huidu.project.flaw import Flaw
from huidu.project.installing import cache_of
from huidu.project.reading import STAGE, find
from huidu.server import serving
from huidu.settings import Settings, Unsettled, from_process
from huidu.speech import log_to_stderr
from huidu.store.lock import Held

gc.enable()

HOST, PORT, PORTS = "127.0.0.1", 9100, 20
DONE, BROKEN, REFUSED, INTERRUPTED = 0, 1, 2, 130
LOOK_S = 0.5  #: How often it is seen whether the folder is still there.
TAIL_S, MOST_LINES = 5, 1000
UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
#: What a server of a project's own needs of everything.
SMALL: Mapping[str, Any] = {
    "api": f"{HOST}:0",
    "max_instances": 32,
    "max_connections": 512,
    "idle_s": 3600.0,
    "log_level": "error",
}
TAIL = ACTION["huidu", "TailLogs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line said."""

    folder: Path
    stage: str
    port: int | None
    began: float  #: By the monotonic clock, when the command was typed.
    variables: Mapping[str, str]
    files: tuple[Path, ...]
    inputs: Mapping[str, str]
    as_json: bool


def dev(order: Order) -> int:
    """Follow a folder until SIGTERM, SIGINT or `q`, and return the exit code."""
    there = dict(os.environ)
    for name in (keys.ID, keys.KEY):  # The keys of another server are nothing to this one.
        os.environ.pop(name, None)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    folder = order.folder.resolve()
    wish = Wish(
        folder=folder,
        stage=order.stage,
        environment=there,
        variables=order.variables,
        files=order.files,
        inputs=order.inputs,
    )
    with Written(sys.stdout) as out:
        look = look_of(sys.stdout, there, functions=False, whole=False)
        tell: Teller = Program(out.write) if order.as_json else Person(look, out.write)
        return _follow(wish, order, tell)


def _follow(wish: Wish, order: Order, tell: Teller) -> int:
    folder = wish.folder
    try:
        find(folder)
        project = _first(wish)
        stage = UNFIT.sub("-", project.stage if project else wish.stage or STAGE).strip(".")
        data = folder / ".huidu" / "dev" / (stage or STAGE)
        # A web function has port 9000 to itself only in a network of its own.
        web = project is not None and not is_event(project.function)
        settings = _settings(data, order.port, tell, network="best" if web else "host")
        log_to_stderr(settings.log_level)
        _ours(data)
        return uvloop.run(_Session(wish, settings, tell).run(order.began))
    except Held as held:
        return _say(f"{held.args[0].split(';')[0]}; end that one, or take another --stage")
    except Unsettled as error:
        _say(str(error))
        return REFUSED
    except (Stale, Flaw, OSError, Refusal, keys.Unreadable) as error:
        return _say(str(error))


def _say(text: str) -> int:
    print(f"huidu: {text}", file=sys.stderr)  # noqa: T201 - it is a command
    return BROKEN


def _first(wish: Wish) -> Project | None:
    """Return the project as it is now; what is wrong with it is said as with any later save."""
    with suppress(Flaw):
        return wish.read()
    return None


def _ours(data: Path) -> None:
    """Make the directory, in which nothing is for git."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    (data.parent / ".gitignore").write_text("*\n", "utf-8")


def _settings(data: Path, port: int | None, tell: Teller, *, network: str) -> Settings:
    chosen = port if port is not None else _free(tell)
    own = {**SMALL, "data": str(data), "gateway": f"{HOST}:{chosen}"}
    if "HUIDU_NETWORK" not in os.environ:
        own["network"] = network  # Variables of this machine lead to databases on this machine.
    return from_process(own, None)


def _free(tell: Teller) -> int:
    """Return the usual port, or the next one that is free."""
    for port in range(PORT, PORT + PORTS):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, port))
            except OSError:
                continue
        if port != PORT:
            tell.note(f"port {PORT} is taken, so this is on {port}")
        return port
    return 0


class _Session:
    """One run, from the first line to the last."""

    def __init__(self, wish: Wish, settings: Settings, tell: Teller) -> None:
        self._wish = wish
        self._settings = settings
        self._data = Path(settings.data)
        self._tell = tell
        self._told = asyncio.Event()
        self._code = DONE
        self._watch = Watch(Surveyor(wish).survey)

    async def run(self, began: float) -> int:
        """Serve and follow until told to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._interrupt)
        hearing = Hearing(self._tell.call)
        front = front_of(hearing)
        recorder = partial(Listening, hearing.ended)
        async with serving(self._settings, recorder, front.before) as at:
            client = Client(endpoint=at.api, pair=_pair(self._data))
            putter = Putter(self._wish, client, self._cache, self._tell.note)
            where = At(at.gateway, at.api, str(self._wish.folder), self._shown, self._before)
            follower = Follower(self._watch, putter, at.ready, front, self._tell, where)
            works = (self._watch.run(), follower.run(began), self._tail(client), self._stay())
            with self._listening(follower):
                await self._until_told(list(map(asyncio.ensure_future, works)))
        self._tell.ended()
        return self._code

    @property
    def _cache(self) -> Path:
        return cache_of(self._wish.environment)

    @property
    def _shown(self) -> str:
        """The data directory, as it is typed where somebody is."""
        with suppress(ValueError):
            return str(self._data.relative_to(Path.cwd()))
        return str(self._data)

    @property
    def _before(self) -> str:
        """What has a command ask this server, where the environment names another one."""
        elsewhere = "HUIDU_ENDPOINT= " if self._wish.environment.get("HUIDU_ENDPOINT") else ""
        return f"{elsewhere}HUIDU_DATA={shlex.quote(self._shown)}"

    async def _until_told(self, works: list[asyncio.Future[None]]) -> None:
        """Return when told to; what one of the works raises is raised here."""
        told = asyncio.ensure_future(self._told.wait())
        every: set[asyncio.Future[Any]] = {told, *works}
        done, _ = await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
        for work in every:
            work.cancel()
        await asyncio.gather(*every, return_exceptions=True)
        for work in done:
            work.result()

    def _interrupt(self) -> None:
        if self._told.is_set():  # told twice: at once
            os._exit(INTERRUPTED)
        self._told.set()

    @contextmanager
    def _listening(self, follower: Follower) -> Iterator[None]:
        """Do what is typed, where there is somebody to type."""
        if not sys.stdin or not sys.stdin.isatty():
            yield
            return
        loop, there = asyncio.get_running_loop(), sys.stdin.fileno()

        def typed() -> None:
            text = os.read(there, 1024).decode(errors="ignore")
            word = text.strip().lower()[:1]
            if not text or word == "q":
                self._told.set()
            elif word == "r":
                self._watch.note(("reload",))
            elif word == "u":
                follower.say_again()

        loop.add_reader(there, typed)
        try:
            yield
        finally:
            loop.remove_reader(there)

    @property
    def _is_there(self) -> bool:
        return self._wish.folder.is_dir() and (self._data / "lock").exists()

    async def _stay(self) -> None:
        """End once there is nothing any more to follow, or to keep anything in."""
        while self._is_there:  # noqa: ASYNC110 - a file system tells nobody of everything
            await asyncio.sleep(LOOK_S)
        gone = self._data if self._wish.folder.is_dir() else self._wish.folder
        self._tell.note(f"{gone} was removed; this ends here")
        self._code = BROKEN
        self._told.set()
        await asyncio.Event().wait()

    async def _tail(self, client: Client) -> None:
        """Show what calls print while they run; the rest is shown when they end."""
        cursor = ""
        while True:
            asked = {"Cursor": cursor, "WaitSeconds": TAIL_S, "Limit": MOST_LINES}
            try:
                page = await asyncio.to_thread(client.call, TAIL, asked)
            except (Refused, Unreachable):
                await asyncio.sleep(TAIL_S)
                continue
            cursor = page["Cursor"]
            running = [line for line in page["Lines"] if not line["StatusCode"]]
            lines = [plain(line["Text"]) for line in running if line["Kind"] == "printed"]
            if lines:
                self._tell.printed(lines, running[0]["FunctionVersion"])


class Surveyor:
    """Says what is to be watched; while the project cannot be read, what was last."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._last = bare(wish.folder)

    def survey(self) -> Ground:
        """Look through the folders of the project."""
        with suppress(Flaw):
            self._last = ground_of(self._wish.read())
        return self._last


def _pair(data: Path) -> keys.Pair:
    found = keys.read(data)
    assert found is not None  # noqa: S101 - the server has written it by now
    return found


def main(told: str) -> int:
    """Follow as the command line was told, which is JSON here."""
    order = json.loads(told)
    return dev(
        Order(
            folder=Path(order["folder"]),
            stage=order["stage"],
            port=order["port"],
            began=order["began"],
            variables=order["variables"],
            files=tuple(map(Path, order["files"])),
            inputs=order["inputs"],
            as_json=order["json"],
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
