"""A call that is sent ahead of an answer: it waits its turn, whatever the one before it does."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from huidu.instances import answers, wire
from huidu.instances.lines import Pipe
from huidu.instances.told import Ready
from huidu.instances.wire import Frame, Kind, Reader, Reply
from huidu.runtimes import nodejs, python
from huidu.runtimes.table import WORKERS
from tests.instances.making import NODES, OURS, needs_node

CONTEXT = {"function_version": "1", "time_limit_in_ms": 3000}


@dataclass(frozen=True, kw_only=True)
class Language:
    """A function that does what its event says, in one language."""

    file: str
    source: str

    def command(self, channel: int) -> Sequence[str]:
        if self.file.endswith(".js"):
            return nodejs.command(NODES[0], channel, WORKERS, 256)
        return python.command(OURS, channel, WORKERS)


PYTHON = Language(
    file="index.py",
    source="""
import os, sys, time
running = []
def main_handler(event, context):
    running.append(1)
    seen = len(running)
    if "print" in event: print(event["print"])
    if "raw" in event: os.write(1, event["raw"].encode())
    time.sleep(event.get("s", 0))
    if "exit" in event: os._exit(event["exit"])
    if "large" in event: return "x" * event["large"]
    running.pop()
    return [context["request_id"], seen]
""",
)
NODEJS = Language(
    file="index.js",
    source="""
let running = 0;
exports.main_handler = async (event, context) => {
  const seen = ++running;
  if ('print' in event) console.info(event.print);
  if ('raw' in event) require('fs').writeSync(1, event.raw);
  if ('s' in event) await new Promise((then) => setTimeout(then, event.s * 1000));
  if ('exit' in event) process.exit(event.exit);
  if ('throws' in event) setTimeout(() => { throw new Error('late'); });
  if ('throws' in event) await new Promise(() => setTimeout(() => {}, 5000));
  running--;
  if ('large' in event) return 'x'.repeat(event.large);
  return [context.request_id, seen];
};
""",
)


class Worker:
    """A worker, spoken to by hand."""

    def __init__(self, language: Language, folder: Path) -> None:
        folder.mkdir()
        (folder / language.file).write_text(language.source)
        self.end, far = socket.socketpair()
        self.end.settimeout(20)
        self.output, printed = os.pipe()
        with far:
            self._process = subprocess.Popen(
                language.command(far.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                pass_fds=[far.fileno()],
                env={},
            )
        os.close(printed)
        self._reader = Reader()
        self._waiting: list[Frame] = []
        order = {"parent": os.getpid(), "digest": "d1", "code": str(folder), "layers": []}
        order |= {"handler": "index.main_handler", "context": CONTEXT}
        self.end.sendall(wire.pack(Frame(Kind.LOAD, json.dumps(order).encode())))
        self.ready = answers.loading(self.hear(), "d1")

    def hear(self) -> Frame:
        while not self._waiting:
            data = self.end.recv(1 << 20)
            if not data:
                raise EOFError
            self._waiting += self._reader.feed(data)
        return self._waiting.pop(0)

    def answer(self) -> Reply:
        return wire.reply(self.hear().body)

    def stop(self) -> None:
        self.end.close()
        self._process.wait(5)
        os.close(self.output)


def call(number: int, **event: object) -> bytes:
    context = json.dumps({"request_id": f"call {number}"}).encode()
    return wire.call(number.to_bytes(16, "big"), context, json.dumps(event).encode())


def nonce(number: int) -> bytes:
    return number.to_bytes(16, "big")


@pytest.fixture(params=[PYTHON, pytest.param(NODEJS, marks=needs_node)], ids=["Python", "Node.js"])
def worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worker]:
    running = Worker(request.param, tmp_path / "code")
    yield running
    running.stop()


def test_a_worker_says_that_a_call_may_wait_in_its_wire(worker: Worker) -> None:
    assert worker.ready == Ready("d1", ahead=7)


def test_as_many_as_may_wait_run_in_their_order_and_each_alone(worker: Worker) -> None:
    worker.end.sendall(b"".join(call(n, s=0.002) for n in range(1, 9)))

    told = [(one.nonce, json.loads(one.words)) for one in (worker.answer() for _ in range(8))]

    assert told == [(nonce(n), [f"call {n}", 1]) for n in range(1, 9)]


def test_calls_run_one_after_the_other_in_the_order_they_were_sent_in(worker: Worker) -> None:
    worker.end.sendall(call(1, s=0.05) + call(2))
    first, second = worker.answer(), worker.answer()
    worker.end.sendall(call(3, s=0.01))
    worker.end.sendall(call(4))
    third, fourth = worker.answer(), worker.answer()

    told = [(one.nonce, json.loads(one.words)) for one in (first, second, third, fourth)]
    assert told == [(nonce(n), [f"call {n}", 1]) for n in range(1, 5)]


def test_what_a_call_took_counts_from_its_own_begin(worker: Worker) -> None:
    worker.end.sendall(call(1, s=0.5) + call(2))

    assert worker.answer().took_s >= 0.4
    assert worker.answer().took_s < 0.4


@pytest.mark.parametrize("cut", [1, 3, 40, -1])
def test_a_frame_that_comes_in_parts_behind_another_is_whole(worker: Worker, cut: int) -> None:
    behind = call(2)
    worker.end.sendall(call(1) + behind[:cut])
    assert worker.answer().nonce == nonce(1)
    worker.end.sendall(behind[cut:] + call(3))

    assert [worker.answer().nonce, worker.answer().nonce] == [nonce(2), nonce(3)]


def test_frames_that_are_larger_than_any_buffer_come_one_behind_the_other(worker: Worker) -> None:
    worker.end.sendall(call(1) + call(2, more="x" * 700_000) + call(3, more="y" * 200_000))

    assert [worker.answer().nonce for _ in range(3)] == [nonce(1), nonce(2), nonce(3)]


def test_a_call_begins_once_the_answer_before_it_is_wholly_written(
    worker: Worker, tmp_path: Path
) -> None:
    worker.end.sendall(call(1, large=4_000_000) + call(2, raw="begun"))
    os.set_blocking(worker.output, False)
    worker.end.recv(1, socket.MSG_PEEK)
    with pytest.raises(BlockingIOError):
        os.read(worker.output, 10)

    assert len(worker.answer().words) == 4_000_002
    assert worker.answer().nonce == nonce(2)
    assert os.read(worker.output, 10) == b"begun"


def test_a_call_ahead_of_which_the_process_ends_has_no_answer(worker: Worker) -> None:
    worker.end.sendall(call(1, exit=3) + call(2, raw="begun"))

    with pytest.raises((EOFError, ConnectionResetError)):
        worker.hear()
    assert os.read(worker.output, 10) == b""


async def test_what_each_call_printed_is_told_apart_however_late_it_is_read(
    worker: Worker,
) -> None:
    pipe = Pipe(os.dup(worker.output))
    sent = [call(n, **({"print": f"of {n}"} if n != 3 else {})) for n in range(6)]
    worker.end.sendall(b"".join(sent[:2]))
    taken = []
    for number in range(6):
        answer = await asyncio.to_thread(worker.answer)
        await asyncio.sleep(0.02)  # The next one has begun by now, and has printed.
        taken.append(pipe.take().rpartition("\t")[2])
        assert answer.nonce == nonce(number)
        if number + 2 < len(sent):
            worker.end.sendall(sent[number + 2])

    assert taken == ["of 0\n", "of 1\n", "of 2\n", "", "of 4\n", "of 5\n"]
    assert pipe.tells_apart
    pipe.close()


async def test_what_is_printed_past_the_language_is_noticed(worker: Worker) -> None:
    pipe = Pipe(os.dup(worker.output))
    told = []
    for number in range(2):
        worker.end.sendall(call(number, raw="raw\n"))
        await asyncio.to_thread(worker.answer)
        told.append((pipe.take(), pipe.tells_apart))

    assert told == [("raw\n", True), ("raw\n", False)], "of the first call there is no doubt"
    pipe.close()


@needs_node
def test_a_worker_that_ends_itself_says_so_and_begins_nothing(tmp_path: Path) -> None:
    running = Worker(NODEJS, tmp_path / "code")
    running.end.sendall(call(1, throws=1) + call(2, raw="begun"))
    frame = running.hear()
    ending = answers.ending(frame.kind, frame.body, nonce(1))

    assert ending.ends
    assert "late" in ending.message
    with pytest.raises(EOFError):
        running.hear()
    assert os.read(running.output, 10) == b""
    running.stop()
