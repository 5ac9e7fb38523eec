"""`make soak`: a real server under load for minutes, with releases and kills, watched for leaks.

One function of each kind that this machine can run is called at a modest, steady rate by real
clients, while now and then one is released anew and an instance is killed. Every second all that
the server holds is counted. Exit code 0: nothing grows, nothing is left behind, and no call failed
that was not under way as an instance was killed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import watch
from bench.callers import ALIAS, Clients, Failure, Tally
from bench.roles import EVENT, Role, cast
from bench.serving import Served, server
from bench.soaked import Calls, Result, show
from bench.verdict import judge
from huidu.actions.table import BY_NAME
from huidu.cli.client import Client, Refused

SCF = "2018-04-16"
RATE, CLIENTS = 15.0, 3  #: Of each function: calls a second, and how many clients share them.
SAMPLED_S = 1.0
#: From one to the next, at most; a short run has so many.
RELEASED_S, KILLED_S = 10.0, 7.0
RELEASES, KILLS = 6, 10
SHIFTED_S = 2.0  #: How long a release is shared between two versions.
#: A kill explains what was under way then, or began before the platform could have heard of it.
HEARD_S = 0.25


@dataclass(frozen=True, slots=True)
class Kill:
    """An instance that was killed: when, and of which role; nothing where that was not known."""

    at: float
    role: str


@dataclass
class Run:
    """One run, while it lasts."""

    served: Served
    roles: list[Role]
    seconds: float
    tallies: dict[str, Tally] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    prefix: str = ""
    codes: dict[str, str] = field(default_factory=dict)  #: Of which role a package is.
    releases: int = 0
    troubles: list[str] = field(default_factory=list)

    async def call(self, action: str, **parameters: object) -> dict[str, Any]:
        """Ask the server for an action, or raise `Refused`."""
        return await asyncio.to_thread(_call, self.served.client, action, parameters)

    async def go(self) -> None:
        """Deploy, load, release, kill and watch, for as long as it is to last."""
        for role in self.roles:
            await self._deploy(role)
        self.roles = [role for role in self.roles if role.name not in self.missing]
        every = [self._every_second(), self._release(), self._kill()]
        every += [
            Clients(
                role=role,
                api=self.served.client.endpoint,
                url=self.urls.get(role.name, ""),
                rate=RATE,
                tally=self.tallies[role.name],
            ).run(CLIENTS)
            for role in self.roles
        ]
        await _for(self.seconds, every)

    async def _deploy(self, role: Role) -> None:
        """Make a function with an alias, and a URL where it is a server."""
        name = role.function
        try:
            code = {"ZipFile": await self._package(role)}
            await self.call("CreateFunction", FunctionName=name, Code=code, **role.parameters)
            await self.call("PublishVersion", FunctionName=name)
            await self.call("CreateAlias", FunctionName=name, Name=ALIAS, FunctionVersion="1")
            if role.kind != EVENT:
                made = await self.call(
                    "CreateTrigger",
                    FunctionName=name,
                    TriggerName="url",
                    Type="http",
                    Qualifier=ALIAS,
                )
                path = f"/url/{made['TriggerInfo']['ResourceId']}/"
                self.urls[role.name] = self.served.gateway + path
        except Refused as refusal:
            self.missing[role.name] = str(refusal)
        else:
            self.tallies[role.name] = Tally()
            if role.note:
                self.missing[f"{role.name} itself"] = role.note

    async def _package(self, role: Role) -> str:
        """Return a package that is new."""
        package = await asyncio.to_thread(role.zipped, self.releases)
        digest = hashlib.sha256(base64.b64decode(package)).hexdigest()
        self.codes[digest] = role.name
        return package

    async def _every_second(self) -> None:
        """Take a sample of everything, at an even pace."""
        while True:
            began = time.monotonic()
            seen = await asyncio.to_thread(watch.look, self.served.pid, self.served.data)
            self.prefix = self.prefix or watch.link_prefix(self.served.pid)
            for name, value in seen.items():
                self.samples.setdefault(name, []).append(value)
            await asyncio.sleep(max(0.0, began + SAMPLED_S - time.monotonic()))

    async def _release(self) -> None:
        """Release one function after another: new code, shared, then whole; the old one goes."""
        serving = {role.name: "1" for role in self.roles}
        pause_s = min(self.seconds / RELEASES, RELEASED_S)
        while True:
            for role in self.roles:
                await asyncio.sleep(pause_s)
                self.releases += 1
                try:
                    serving[role.name] = await self._replace(role, serving[role.name])
                except Refused as refusal:
                    self.troubles.append(f"a release of {role.name}: {refusal}")

    async def _replace(self, role: Role, old: str) -> str:
        name = role.function
        package = await self._package(role)
        await self.call("UpdateFunctionCode", FunctionName=name, ZipFile=package)
        new = str((await self.call("PublishVersion", FunctionName=name))["FunctionVersion"])
        shared = {"AdditionalVersionWeights": [{"Version": new, "Weight": 0.5}]}
        alias = {"FunctionName": name, "Name": ALIAS}
        await self.call("UpdateAlias", **alias, FunctionVersion=old, RoutingConfig=shared)
        await asyncio.sleep(SHIFTED_S)
        alone: dict[str, object] = {"AdditionalVersionWeights": []}
        await self.call("UpdateAlias", **alias, FunctionVersion=new, RoutingConfig=alone)
        await self.call("DeleteFunction", FunctionName=name, Qualifier=old)
        return new

    async def _kill(self) -> None:
        """End one instance now and then, as no one should."""
        pause_s = min(self.seconds / KILLS, KILLED_S)
        while True:
            await asyncio.sleep(pause_s)
            there = await asyncio.to_thread(watch.instances, self.served.pid)
            if there:
                pid = random.choice(sorted(there))
                role = self.codes.get(watch.code_of(pid), "")
                with suppress(ProcessLookupError):
                    self.kills.append(Kill(time.monotonic(), role))
                    os.kill(pid, signal.SIGKILL)


def explained(failure: Failure, kills: Sequence[Kill]) -> bool:
    """Tell whether an instance of the function was killed while a call was under way."""
    return any(
        kill.role in ("", failure.role) and failure.began - HEARD_S <= kill.at <= failure.ended
        for kill in kills
    )


async def _for(seconds: float, every: list[Coroutine[Any, Any, None]]) -> None:
    """Run things that never end, for so long; what one of them raises ends it all."""
    tasks = [asyncio.create_task(one) for one in every]
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _call(client: Client, action: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    return client.call(BY_NAME[SCF, action], parameters)


def soak(
    seconds: float, wanted: Callable[[str], bool], options: list[str], tell: Callable[[str], None]
) -> Result:
    """Run a server and its functions for so long, and return what came of it."""
    with tempfile.TemporaryDirectory(prefix="huidu-bench-") as folder:
        tell("fetching what the web functions are made of")
        roles, missing = cast(Path(folder), wanted)
        with server(*options) as served:
            tell(f"a server under load for {seconds:.0f} s")
            run = Run(served=served, roles=roles, seconds=seconds, missing=missing)
            asyncio.run(run.go())
            tell("ending the server")
        left = watch.leftovers(served.pid, served.data, run.prefix)
    failures = [failure for tally in run.tallies.values() for failure in tally.failures]
    return Result(
        seconds=seconds,
        calls={
            name: Calls(tally.calls, len(tally.failures), tally.took(0.5), tally.took(0.99))
            for name, tally in run.tallies.items()
        },
        missing=run.missing,
        kills=len(run.kills),
        releases=run.releases,
        verdicts={
            name: judge(run.samples[name], tolerance) for name, tolerance in watch.SERIES.items()
        },
        kept={name: (run.samples[name][0], run.samples[name][-1]) for name in watch.KEPT},
        unexplained=[f for f in failures if not explained(f, run.kills)],
        troubles=run.troubles,
        left=left,
    )


def main() -> None:
    """Load a server for minutes, and tell whether it leaks."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, help="instead of minutes; at least 12")
    parser.add_argument("--only", action="append", help="Python, Node.js, custom, Express, …")
    parser.add_argument("--set", action="append", default=[], help="a setting of the server")
    parser.add_argument("--markdown", action="store_true", help="tables for a page")
    parser.add_argument("--json", action="store_true", help="print that instead of tables")
    arguments = parser.parse_args()
    seconds = arguments.seconds or arguments.minutes * 60
    only = {name.lower() for name in arguments.only or ()}
    options = [word for setting in arguments.set for word in ("--set", setting)]
    console = Console(stderr=arguments.json, width=120 if arguments.markdown else None)
    with console.status("beginning") as status:
        result = soak(
            seconds, lambda name: not only or name.lower() in only, options, status.update
        )
    if arguments.json:
        print(json.dumps(asdict(result) | {"good": result.good}, indent=1))
    else:
        show(result, console, markdown=arguments.markdown)
    sys.exit(0 if result.good else 1)


if __name__ == "__main__":
    main()
