"""Hop: what a call costs the worker in its sandbox; frames go to it, and nothing else of a server.

`python -m bench.hop` prints the CPU of the worker's process per call, kernel included, for each
language, with one frame in its wire and with one ahead. `--pid` waits, for `strace -c -f -p PID`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from huidu.instances import wire
from huidu.instances.blueprint import Blueprint
from huidu.instances.launch import Launched, Order
from huidu.instances.sandbox import tier as tiers
from huidu.instances.sandbox.table import Ground
from huidu.instances.starting import Launcher
from huidu.instances.wire import Frame, Kind
from huidu.model.function import Code, Configuration, FunctionName
from huidu.model.invocation import Invocation
from huidu.model.task import Task
from huidu.model.version import Version
from huidu.runtimes.table import Installed, Runtimes

NAMED = FunctionName("default", "hop")
HANDLER = {
    "Python": ("index.py", "def main_handler(event, context):\n    return 'ok'\n"),
    "Node.js": ("index.js", "exports.main_handler = async () => 'ok';\n"),
    "Node.js, callback": ("index.js", "exports.main_handler = (e, c, then) => then(null, 'ok');\n"),
}
#: As a function URL has it, of a request with few headers.
EVENT = json.dumps(
    {
        "headers": {"host": "127.0.0.1:9000", "accept": "*/*", "user-agent": "wrk", "x-a": "1"},
        "httpMethod": "GET",
        "path": "/",
        "queryString": {},
        "requestContext": {"httpMethod": "GET", "path": "/", "sourceIp": "127.0.0.1"},
        "isBase64Encoded": False,
        "body": "",
    }
).encode()
MEMORY_MB = 1536
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What so many calls came to, in µs a call."""

    cpu_us: float
    wall_us: float


class Worker:
    """A worker that was started, and our end of its wire."""

    def __init__(self, launched: Launched, order: bytes) -> None:
        self._end = launched.end
        self._end.setblocking(True)  # noqa: FBT003 - the name of the method says what
        self._reader = wire.Reader()
        self._waiting: list[Frame] = []
        self.process = launched.process
        self._output = launched.output
        self._end.sendall(wire.pack(Frame(Kind.LOAD, order)))
        self.ready = self._hear()

    def run(self, calls: int, frames: Sequence[bytes]) -> Cost:
        """Send so many calls, always as many at once as there are frames."""
        for frame in frames:
            self._end.sendall(frame)
        cpu_ns, began = self._cpu_ns(), perf_counter()
        for number in range(calls):
            answer = wire.reply(self._hear().body)
            frame = frames[number % len(frames)]
            if answer.nonce != frame[wire.HEADER.size :][: wire.NONCE_BYTES]:
                raise RuntimeError(f"an answer to another call: {answer}")
            self._end.sendall(frame)
        took_s, took_ns = perf_counter() - began, self._cpu_ns() - cpu_ns
        for _ in frames:
            self._hear()
        return Cost(took_ns / calls / 1e3, took_s / calls * 1e6)

    def close(self) -> None:
        self.process.kill()
        self._end.close()
        os.close(self._output)

    def _hear(self) -> Frame:
        while not self._waiting:
            data = self._end.recv(MOST_BYTES)
            if not data:
                raise RuntimeError(f"the worker ended: {os.read(self._output, MOST_BYTES)!r}")
            self._waiting += self._reader.feed(data)
        return self._waiting.pop(0)

    def _cpu_ns(self) -> int:
        """Return what the kernel counts for all its threads."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return sum(int((one / "schedstat").read_text().split()[0]) for one in tasks.iterdir())


def call(version: Version, number: int) -> bytes:
    """Return the frame of a call."""
    invocation = Invocation(
        request_id=f"5c1b5a3c-0000-4000-8000-{number:012x}",
        function=NAMED,
        qualifier="1",
        event=EVENT,
    )
    context = Task(invocation=invocation, version=version).context()
    return wire.call(number.to_bytes(wire.NONCE_BYTES, "big"), context, EVENT)


def blueprint(folder: Path, language: str, installed: Installed) -> Blueprint:
    """Return what an instance of a language's trivial function is made from."""
    file, text = HANDLER[language]
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(text)
    version = Version(
        function=NAMED,
        function_id="f-hop",
        number="1",
        code=Code(f"{len(language):064x}", 1),
        configuration=Configuration(
            handler="index.main_handler",
            runtime="Python3.10" if language == "Python" else "Nodejs18.15",
            memory_mb=MEMORY_MB,
        ),
    )
    return Blueprint(version=version, code=folder, runtime=installed)


async def begin(made: Blueprint, launcher: Launcher) -> Worker:
    """Start a worker as an instance of a server is started."""
    scene = launcher.scene(made.code, ())
    launched = await launcher.launch(
        Order(
            command=made.runtime.command,
            environment=made.environment(scene),
            worker=made.runtime.runtime.worker,
            interpreter=made.runtime.interpreter.path,
            code=made.code,
            memory_bytes=MEMORY_MB << 20,
        )
    )
    return Worker(launched, made.load(scene))


@contextmanager
def places() -> Iterator[tuple[Path, Path]]:
    """Lend a folder for code and one for what is temporary."""
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="huidu-hop-") as base:
        os.chmod(base, 0o711)  # noqa: PTH101, S103 - functions, as users of their own, pass through
        code, scratch = Path(base) / "code", Path(base) / "scratch"
        for folder in (code, scratch):
            folder.mkdir(mode=0o711)
        yield code, scratch


async def _main(arguments: argparse.Namespace) -> None:
    runtimes = Runtimes.search()
    python = runtimes.find("Python3.10").interpreter.path
    with places() as (code, scratch):
        ground = Ground(python, scratch, "none", shown=runtimes.prefixes())
        launcher, closing, _ = await tiers.choose(arguments.tier, "none", ground)
        for number, language in enumerate(arguments.languages or HANDLER):
            runtime = "Python3.10" if language == "Python" else "Nodejs18.15"
            made = blueprint(code / str(number), language, runtimes.find(runtime))
            worker = await begin(made, launcher)
            if arguments.pid:
                print(worker.process.pid, flush=True)
                await asyncio.sleep(2)
            for depth in arguments.depth:
                frames = [call(made.version, one) for one in range(depth)]
                worker.run(min(2000, arguments.calls), frames)
                cost = worker.run(arguments.calls, frames)
                print(
                    f"{language:18} depth {depth}: {cost.cpu_us:6.1f} us CPU a call,"
                    f" {cost.wall_us:6.1f} us on the clock",
                    flush=True,
                )
            worker.close()
        if closing is not None:
            await closing.close()


def main() -> None:
    """Measure what a call costs a worker."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help=", ".join(HANDLER))
    parser.add_argument("--tier", default="best")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--depth", type=int, nargs="+", default=[1])
    parser.add_argument("--pid", action="store_true", help="print its number, and wait 2 s")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
