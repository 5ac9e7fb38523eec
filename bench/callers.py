"""Callers: real clients of each kind of function, at a steady rate, who check every answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

import aiohttp

from bench.cold import share
from bench.roles import EVENT, WEBSOCKET, Role
from bench.serving import PAIR
from demo.load import Caller

PATIENCE_S = 60.0
ALIAS = "live"
#: How many messages a client of a WebSocket sends before it connects anew.
MESSAGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A call that did not end with the right answer, in seconds of the monotonic clock."""

    role: str
    began: float
    ended: float
    problem: str


@dataclass
class Tally:
    """What became of the calls of one role."""

    calls: int = 0
    failures: list[Failure] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)

    def took(self, of: float) -> float:
        """Return how long at most such a share of the good calls took, in ms; 0 for none."""
        return share(self.took_ms, of) if self.took_ms else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """All who call one function."""

    role: Role
    api: str
    url: str  #: Where it is reached over HTTP; empty where it is called with events.
    rate: float  #: Calls a second, of all of them together.
    tally: Tally

    async def run(self, count: int) -> None:
        """Call until cancelled, as so many clients with one call at a time."""
        talk = self._talk if self.role.kind == WEBSOCKET else self._ask
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with (
            aiohttp.ClientSession(timeout=timeout, skip_auto_headers=["user-agent"]) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(count):
                group.create_task(talk(session, count / self.rate))

    async def _ask(self, session: aiohttp.ClientSession, every_s: float) -> None:
        """Call, and call again when it is time; late if the answer was late."""
        ask = self._event if self.role.kind == EVENT else self._page
        number = 0
        while True:
            began = time.monotonic()
            number += 1
            await self._note(began, ask(session, number))
            await asyncio.sleep(max(0.0, began + every_s - time.monotonic()))

    async def _note(self, began: float, call: Awaitable[str]) -> bool:
        """Count a call, which comes to what is wrong with its answer, or nothing."""
        try:
            problem = await call
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError) as error:
            problem = f"{type(error).__name__}: {error}"
        ended = time.monotonic()
        self.tally.calls += 1
        if problem:
            self.tally.failures.append(
                Failure(role=self.role.name, began=began, ended=ended, problem=problem[:300])
            )
        else:
            self.tally.took_ms.append((ended - began) * 1e3)
        return not problem

    async def _event(self, session: aiohttp.ClientSession, number: int) -> str:
        """Call with an event over the signed API."""
        caller = Caller(
            endpoint=self.api,
            secret_id=PAIR.secret_id,
            secret_key=PAIR.secret_key,
            function=self.role.function,
            qualifier=ALIAS,
        )
        sent = {"n": number}
        headers, body = caller.request(time.time(), json.dumps(sent))
        async with session.post(self.api, data=body, headers=headers) as response:
            answer = json.loads(await response.read())["Response"]
        if "Error" in answer:
            return f"{answer['Error']['Code']}: {answer['Error']['Message']}"
        result = answer["Result"]
        if result["InvokeResult"] != 0:
            return f"status {result['InvokeResult']}: {result['ErrMsg']}"
        return "" if json.loads(result["RetMsg"]) == sent else f"answer {result['RetMsg']}"

    async def _page(self, session: aiohttp.ClientSession, number: int) -> str:
        """Get a page over the function's URL."""
        async with session.get(f"{self.url}echo", params={"n": number}) as response:
            text = await response.text()
        if response.status != 200:  # noqa: PLR2004 - the status of success
            return f"status {response.status}: {text}"
        return "" if json.loads(text) == {"n": str(number)} else f"answer {text}"

    async def _talk(self, session: aiohttp.ClientSession, every_s: float) -> None:
        """Connect, send messages that are to come back, and connect anew."""
        while True:
            try:
                async with session.ws_connect(self.url.replace("http", "ws", 1)) as socket:
                    for number in range(MESSAGES):
                        began = time.monotonic()
                        if not await self._note(began, _echo(socket, number)):
                            break
                        await asyncio.sleep(max(0.0, began + every_s - time.monotonic()))
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                await self._note(time.monotonic(), _raise(error))
                await asyncio.sleep(every_s)


async def _echo(socket: aiohttp.ClientWebSocketResponse, number: int) -> str:
    await socket.send_str(str(number))
    answer = await socket.receive(PATIENCE_S)
    return "" if answer.data == str(number) else f"answer {answer.type.name} {answer.data}"


async def _raise(error: Exception) -> str:
    raise error
