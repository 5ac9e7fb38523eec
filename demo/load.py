"""Load: calls a function over the signed API from a process of its own, and counts who answered."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from huidu.cloudapi.signature import ALGORITHM, tc3_signatures
from huidu.cloudapi.wire import Request

REPORT_S = 0.2
SIGNED = "content-type;host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Signs and sends calls of one function through one qualifier."""

    endpoint: str
    secret_id: str
    secret_key: str
    function: str
    qualifier: str

    def request(self, now: float, event: str = "{}") -> tuple[dict[str, str], bytes]:
        """Return headers and body of one signed `InvokeFunction`."""
        asked = {"FunctionName": self.function, "Qualifier": self.qualifier, "Event": event}
        body = json.dumps(asked).encode()
        date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        headers = {
            "host": self.endpoint.removeprefix("http://"),
            "content-type": "application/json",
            "x-tc-action": "InvokeFunction",
            "x-tc-version": "2018-04-16",
            "x-tc-timestamp": str(int(now)),
        }
        signed = Request(method="POST", path="/", headers=headers, body=body)
        signature = next(iter(tc3_signatures(signed, SIGNED, date, "scf", self.secret_key)))
        scope = f"{self.secret_id}/{date}/scf/tc3_request"
        headers["authorization"] = (
            f"{ALGORITHM} Credential={scope}, SignedHeaders={SIGNED}, Signature={signature}"
        )
        return headers, body


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One call as its caller saw it. `version` is empty where nobody answered."""

    began: float
    ended: float
    version: str
    status: int
    problem: str = ""


async def call(session: aiohttp.ClientSession, caller: Caller) -> Called:
    """Make one call and say how it went."""
    began = time.monotonic()
    headers, body = caller.request(time.time())
    try:
        async with session.post(caller.endpoint, data=body, headers=headers) as response:
            answer = json.loads(await response.read())["Response"]
    except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
        return Called(
            began=began, ended=time.monotonic(), version="", status=0, problem=repr(error)
        )
    if "Error" in answer:
        problem = f"{answer['Error']['Code']}: {answer['Error']['Message']}"
        return Called(began=began, ended=time.monotonic(), version="", status=0, problem=problem)
    result = answer["Result"]
    return Called(
        began=began,
        ended=time.monotonic(),
        version=result["FunctionVersion"],
        status=result["StatusCode"],
        problem=result["ErrMsg"],
    )


async def run(
    caller: Caller, callers: int, tell: Callable[[Called], None], pause_s: float = 0.0
) -> None:
    """Keep so many callers calling, each with one call at a time, until cancelled."""
    connector = aiohttp.TCPConnector(limit=callers, force_close=False)
    async with aiohttp.ClientSession(
        connector=connector, skip_auto_headers=["user-agent"]
    ) as session:

        async def one() -> None:
            while True:
                tell(await call(session, caller))
                if pause_s:
                    await asyncio.sleep(pause_s)

        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(one())


async def _report(counts: dict[str, list[int]]) -> None:
    while True:
        await asyncio.sleep(REPORT_S)
        if counts:
            print(json.dumps(counts), flush=True)
        counts.clear()


async def _main(arguments: argparse.Namespace) -> None:
    caller = Caller(
        endpoint=arguments.endpoint,
        secret_id=os.environ["TENCENTCLOUD_SECRET_ID"],
        secret_key=os.environ["TENCENTCLOUD_SECRET_KEY"],
        function=arguments.function,
        qualifier=arguments.qualifier,
    )
    counts: dict[str, list[int]] = {}
    kept: list[Called] = []

    def tell(called: Called) -> None:
        if arguments.keep:
            kept.append(called)
        failed = called.status != 200  # noqa: PLR2004 - the status of success
        if called.problem and not called.version:
            print(called.problem, file=sys.stderr, flush=True)
        if arguments.each:
            print(json.dumps(asdict(called)), flush=True)
            return
        calls = counts.setdefault(called.version or "?", [0, 0])
        calls[0] += 1
        calls[1] += failed

    load = asyncio.create_task(run(caller, arguments.callers, tell, arguments.pause))
    report = asyncio.create_task(_report(counts))
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    with suppress(TimeoutError):
        await asyncio.wait_for(told.wait(), arguments.seconds)
    for task in (load, report):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    if counts:
        print(json.dumps(counts), flush=True)
    if arguments.keep:
        lines = (json.dumps(asdict(called)) + "\n" for called in kept)
        arguments.keep.write_text("".join(lines), "utf-8")


def main() -> None:
    """Call until SIGTERM; print every 0.2 s how many calls each version answered and failed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--function", required=True)
    parser.add_argument("--qualifier", required=True)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between calls")
    parser.add_argument("--seconds", type=float, help="end by itself after so long")
    parser.add_argument("--each", action="store_true", help="print every call as it ends instead")
    parser.add_argument("--keep", type=Path, help="a file to write every call to, at the end")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
