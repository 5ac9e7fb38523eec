"""What `wrk` does: the same request again and again, over so many connections."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S = 60.0
#: Sums up as JSON, in a line of its own, what wrk prints for people otherwise.
DONE = """
local threads = {}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency, requests)
  local e, wrong = summary.errors, 0
  for _, thread in ipairs(threads) do wrong = wrong + (thread:get("wrong") or 0) end
  io.write(string.format(
    '\\n{"calls": %d, "us": %d, "bytes": %d, "p50_us": %d, "p99_us": %d, "status": %d, ' ..
    '"sockets": %d, "wrong": %d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50),
    latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout, wrong))
end
"""
#: Looks into each answer, which costs wrk so much that it is done while warming only.
CHECK = """
wrong = 0
function response(status, headers, body)
  if status ~= 200 or not string.find(body, {good}, 1, true) then wrong = wrong + 1 end
end
"""


class Unusable(Exception):
    """It could not be measured; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is sent, and what an answer has in it."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    good: str = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of it."""

    calls: int
    seconds: float
    p50_us: float
    p99_us: float
    errors: int  #: Answers of 400 and more or with something else in them, and lost connections.

    @property
    def calls_a_second(self) -> float:
        """How many there were."""
        return self.calls / self.seconds


def _quoted(text: str) -> str:
    """Return a string as Lua writes it, whatever is in it."""
    return '"' + "".join(f"\\{byte:03d}" for byte in text.encode()) + '"'


def script(ask: Ask, body: Path | None, *, check: bool) -> str:
    """Return what wrk is told in Lua: the request, made once, and how to sum up."""
    lines = [f"wrk.method = {_quoted(ask.method)}"]
    lines += [f"wrk.headers[{_quoted(n)}] = {_quoted(v)}" for n, v in ask.headers.items()]
    if body is not None:
        lines.append(f'wrk.body = io.open({_quoted(str(body))}, "rb"):read("*a")')
    return "\n".join(lines) + DONE + (CHECK.format(good=_quoted(ask.good)) if check else "")


def summed(printed: str) -> Load:
    """Return what wrk found, from what it printed, or raise `Unusable`."""
    line = next((one for one in reversed(printed.splitlines()) if one.startswith("{")), "")
    if not line:
        raise Unusable(f"wrk said: {' '.join(printed.split())[-200:] or 'nothing'}")
    found = json.loads(line)
    if not found["calls"]:
        raise Unusable("no call was answered")
    return Load(
        calls=found["calls"],
        seconds=found["us"] / 1e6,
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        errors=found["status"] + found["sockets"] + found["wrong"],
    )


def run(ask: Ask, connections: int, seconds: float, *, check: bool = False) -> Load:
    """Send for a while; with `check`, look into every answer, at the price of speed.

    wrk counts whole seconds, so it is stopped when the time is over, which it sums up after.
    """
    with tempfile.TemporaryDirectory(prefix="huidu-wrk-") as folder:
        body = Path(folder, "body") if ask.body else None
        if body is not None:
            body.write_bytes(ask.body)
        told = Path(folder, "script.lua")
        told.write_text(script(ask, body, check=check))
        command = (
            *("wrk", "-t1", f"-c{connections}", f"-d{math.ceil(seconds + 1)}s"),
            *("--timeout", "20s", "-s", str(told), ask.url),
        )
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(2)
            try:
                printed, _ = process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired as late:
                process.kill()
                raise Unusable("wrk did not end") from late
    return summed(printed.decode(errors="replace"))
