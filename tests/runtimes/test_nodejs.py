"""Node.js: found where it really is, and its worker as it is spoken to over the wire."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from huidu.instances import wire
from huidu.instances.wire import Frame, Kind, Reader
from huidu.model.errors import Unsupported
from huidu.model.invocation import MOST_RESULT_BYTES
from huidu.runtimes import nodejs
from huidu.runtimes.interpreter import Interpreter
from huidu.runtimes.table import NODEJS, WORKERS, Runtimes
from tests.instances.making import NODES, needs_node

OLD, NEW = Interpreter(Path("/n/18"), (18, 20)), Interpreter(Path("/n/22"), (22, 3))
NEWER = Interpreter(Path("/n/22.9"), (22, 9))
NONCE = bytes(range(16))


def program(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


def says(version: str, path: str) -> str:
    return f"""echo '["{version}", "{path}"]'"""


def test_what_is_not_what_it_seems_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "a" / "node", "exit 127")
    program(tmp_path / "b" / "node", "sleep 60")
    program(tmp_path / "c" / "node", "echo hello")
    program(tmp_path / "d" / "node", says("12.22.9", "/real/12"))
    program(tmp_path / "e" / "node", "echo '[1, 2]'")
    program(tmp_path / "f" / "node", says("20.1.0", "/real/20"))
    program(tmp_path / "f" / "nodejs", says("18.15.0", "/real/18"))
    program(tmp_path / "g" / "node", says("20.1.0", "/other/20"))
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "node").write_text("not a program")
    path = os.pathsep.join(str(tmp_path / name) for name in ("x" * 300, "no", *"abcdefgh"))

    assert nodejs.search(path, tmp_path, patience_s=0.5) == [
        Interpreter(Path("/real/20"), (20, 1)),
        Interpreter(Path("/real/18"), (18, 15)),
    ]


def test_what_version_managers_keep_is_found(tmp_path: Path) -> None:
    program(tmp_path / ".nvm/versions/node/v18.15.0/bin/node", says("18.15.0", "/nvm/18"))
    program(tmp_path / ".nodenv/versions/16.13.1/bin/node", says("16.13.1", "/nodenv/16"))

    assert [one.version for one in nodejs.search("", tmp_path)] == [(18, 15), (16, 13)]


def test_a_program_that_is_found_twice_is_asked_once(tmp_path: Path) -> None:
    program(tmp_path / "a" / "node", f"echo asked >> {tmp_path}/asked", says("20.1.0", "/real"))
    (tmp_path / "a" / "nodejs").symlink_to("node")
    (tmp_path / "b").symlink_to("a")

    assert len(nodejs.search(f"{tmp_path}/a:{tmp_path}/b", tmp_path)) == 1
    assert (tmp_path / "asked").read_text() == "asked\n"


@pytest.mark.parametrize(
    ("name", "interpreter", "note"),
    [
        ("Nodejs18.15", OLD, ""),
        ("Nodejs22.0", NEWER, ""),
        ("Nodejs16.13", NEWER, "Nodejs16.13 is not on this machine; runs on Node.js 22.9"),
        ("Nodejs6.10", NEWER, "Nodejs6.10 is not on this machine; runs on Node.js 22.9"),
    ],
)
def test_a_name_means_its_major_version_or_the_newest(
    name: str, interpreter: Interpreter, note: str
) -> None:
    runtimes = Runtimes({"Node.js": [NEWER, NEW, OLD]})

    assert runtimes.find(name).runtime is NODEJS
    assert runtimes.find(name).interpreter.path == interpreter.path
    assert runtimes.note(name) == note


def test_a_machine_without_it_says_so() -> None:
    with pytest.raises(Unsupported, match=r"no Node.js 14 or newer"):
        Runtimes({}).find("Nodejs18.15")


def test_a_sandbox_shows_the_folders_that_programs_are_in() -> None:
    root = Interpreter(Path("/none/node"), (16, 1))
    here = Interpreter(Path("/home/me/.nvm/versions/node/v20/bin/node"), (20, 1))
    runtimes = Runtimes({"Python": [OLD], "Node.js": [here, root]})

    assert runtimes.prefixes() == [Path("/home/me/.nvm/versions/node/v20")]


def test_the_heap_is_three_quarters_of_the_memory() -> None:
    command = Runtimes({"Node.js": [NEW]}).find("Nodejs22.3").command(7, WORKERS, 1024)

    assert command == ("/n/22", "--max-old-space-size=768", str(WORKERS / nodejs.WORKER), "7")


@pytest.mark.parametrize(
    ("key", "waits"),
    [
        ("COLOUR", True),
        ("TZ", True),
        ("PATH", True),
        ("NODE_ENV", True),
        ("NODE_PATH", True),
        ("NODE_OPTIONS", False),
        ("NODE_EXTRA_CA_CERTS", False),
        ("UV_THREADPOOL_SIZE", False),
        ("LD_PRELOAD", False),
        ("LANG", False),
        ("LC_ALL", False),
    ],
)
def test_what_is_read_at_the_start_must_be_known_at_the_start(key: str, waits: bool) -> None:  # noqa: FBT001
    assert nodejs.waits({"COLOUR": "red", key: "x"}) is waits


SOURCES = {path.name: path.read_text() for path in WORKERS.glob("node_*.js")}


def test_the_worker_and_the_platform_mean_the_same_by_their_frames() -> None:
    source = "".join(SOURCES.values())

    kinds = dict[str, int]()
    for names, numbers in re.findall(r"const \[([A-Z, ]+)\] = \[(.*?)\];", source):
        kinds |= zip(names.split(", "), (int(n, 16) for n in numbers.split(", ")), strict=True)
    assert kinds.items() <= {kind.name: int(kind) for kind in Kind}.items()
    assert set(kinds) == {"READY", "FAILED", "RESULT", "ERROR"}
    assert dict(re.findall(r"\b(HEADER|SIZE|NONCE|FIGURES) = (\d+)", source)) == {
        "HEADER": str(wire.HEADER.size),
        "SIZE": str(wire.LENGTH.size),
        "NONCE": str(wire.NONCE_BYTES),
        "FIGURES": str(wire.FIGURES.size),
    }
    assert "MOST_RESULT = 6 * 1024 * 1024" in source
    assert MOST_RESULT_BYTES == 6 * 1024 * 1024


@pytest.mark.parametrize("name", SOURCES)
def test_a_worker_begins_with_its_sign_and_leans_on_no_package(name: str) -> None:
    source = SOURCES[name]

    assert re.match(r"/\*\*\n \* What .*\.\n", source)
    assert len(source.splitlines()) <= 400
    assert {*re.findall(r"require\('(.*?)'\)", source)} <= {
        *("fs", "module", "net", "path", "perf_hooks", "stream", "url", "util"),
        *("./node_printing", "./node_wire", "./node_words"),
    }
    assert not re.search(r"\?\?=|\|\|=|&&=|\.at\(|Object\.hasOwn|#\w+\(", source), "Node.js 14"


class Worker:
    """A worker, spoken to by hand."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._reader = Reader()

    def hear(self) -> Frame:
        while data := self._end.recv(65536):
            if frames := self._reader.feed(data):
                return frames[0]
        raise EOFError

    def ask(self, frame: bytes) -> Frame:
        self._end.sendall(frame)
        return self.hear()

    def load(self, code: Path, handler: str = "index.main_handler", **order: Any) -> Frame:
        words = {
            "parent": os.getpid(),
            "digest": "d1",
            "code": str(code),
            "layers": [],
            "handler": handler,
            "context": {"function_version": "1", "time_limit_in_ms": 3000},
            **order,
        }
        return self.ask(wire.pack(Frame(Kind.LOAD, json.dumps(words).encode())))

    def call(self, event: object = None, **context: str) -> Any:
        sent = wire.call(NONCE, json.dumps(context).encode(), json.dumps(event).encode())
        reply = wire.reply((frame := self.ask(sent)).body)
        assert reply.nonce == NONCE
        words = json.loads(reply.words)
        return words if frame.kind is Kind.RESULT else Fault(words)


class Fault(dict[str, Any]):
    """What a worker tells of a call that failed."""


@contextmanager
def worker(
    *words: str, environment: Mapping[str, str] = {}, end: int = 0, output: Any = None
) -> Iterator[Worker]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        process = subprocess.Popen(
            (*nodejs.command(NODES[0], theirs.fileno(), WORKERS, 128), *words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[theirs.fileno()],
            env=dict(environment),
        )
        theirs.close()
        yield Worker(ours)
    assert process.wait(5) == end, "it ends when the platform hangs up"


def code(folder: Path, files: Mapping[str, str]) -> Path:
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return folder


ECHO = "exports.main_handler = async (event) => event;"
MODULE = "export const main_handler = async (event) => event;"
TYPED = '{"type": "module"}'


@needs_node
@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"index.js": ECHO}, "index.main_handler"),
        ({"index.cjs": ECHO}, "index.main_handler"),
        ({"index.mjs": MODULE}, "index.main_handler"),
        ({"index.js": MODULE, "package.json": TYPED}, "index.main_handler"),
        ({"index.cjs": ECHO, "package.json": TYPED}, "index.main_handler"),
        (
            {"src/index.js": ECHO, "src/package.json": "{}", "package.json": TYPED},
            "src/index.main_handler",
        ),
        ({"src/deep/index.js": ECHO}, "src/deep/index.main_handler"),
        ({"my-file.js": ECHO}, "my-file.main_handler"),
        ({"index.mjs": "export default { main_handler: (e) => e }"}, "index.main_handler"),
        ({"index.mjs": f"await null;\n{MODULE}"}, "index.main_handler"),
        (
            {"index.js": "module.exports = require('./other')", "other.js": ECHO},
            "index.main_handler",
        ),
        (
            {"index.js": "module.exports = require('x')", "node_modules/x/index.js": ECHO},
            "index.main_handler",
        ),
        (
            {"index.mjs": "export * from 'x'", "node_modules/x/index.mjs": MODULE}
            | {"node_modules/x/package.json": '{"exports": "./index.mjs"}'},
            "index.main_handler",
        ),
        ({"fs.js": f"require('fs').statSync('.');{ECHO}"}, "fs.main_handler"),
    ],
)
def test_a_handler_is_found_where_its_name_says(
    tmp_path: Path, files: dict[str, str], handler: str
) -> None:
    with worker() as running:
        ready = running.load(code(tmp_path, files), handler)
        assert (ready.kind, ready.body) == (Kind.READY, b'{"digest":"d1","ahead":7}')
        assert running.call(1) == 1


@needs_node
@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({}, "the package has no file index.js"),
        ({"index.js": ECHO, "package.json": "{"}, "package.json is not JSON"),
        ({"index.mjs": "export const other = 1"}, "index.mjs exports no function main_handler"),
        ({"index.mjs": "import 'nowhere'"}, "Cannot find package 'nowhere'"),
        ({"index.js": "process.nextTick(() => { throw new Error('late'); })"}, "Error: late"),
        ({"index.mjs": "await Promise.reject(new Error('no')); export {}"}, "Error: no"),
        ({"index.mjs": "setTimeout(() => { throw 1; }); await new Promise(() => {})"}, "1"),
    ],
)
def test_what_cannot_be_loaded_is_told(tmp_path: Path, files: dict[str, str], error: str) -> None:
    with worker(output=subprocess.DEVNULL) as running:
        failed = running.load(code(tmp_path, files))

    assert failed.kind is Kind.FAILED
    assert error in json.loads(failed.body)["message"]


#: Answers by way of a callback, as the event says.
CALLBACKS = """
exports.main_handler = (event, context, callback) => {
  const later = (what, ms = 5) => setTimeout(what, ms);
  const ways = {
    at_once: () => callback(null, 'x'),
    later: () => later(() => callback(undefined, 'x')),
    twice: () => { callback(null, 'x'); callback(null, 'y'); },
    never: () => {},
    error: () => callback(new TypeError('no')),
    text: () => callback('no'),
    zero: () => callback(0),
    done: () => context.done(null, 'x'),
    undone: () => context.done('no'),
    succeed: () => later(() => context.succeed('x')),
    fail: () => context.fail('no'),
    failed: () => context.fail(),
    timer: () => later(() => callback(null, 'x')),
    thrown: () => { callback(null, 'x'); throw new Error('no'); },
    waits: () => {
      context.callbackWaitsForEmptyEventLoop = true;
      later(() => console.log('late'), 50);
      callback(null, 'x');
    },
  };
  return ways[event]();
};
"""


@needs_node
@pytest.mark.parametrize(
    ("way", "came"),
    [
        *((way, "x") for way in ("at_once", "later", "twice", "done", "succeed", "timer")),
        ("thrown", "x"),
        ("waits", "x"),
        ("never", None),
        ("error", "TypeError: no"),
        ("zero", "0"),
        ("failed", "failed"),
        *((way, "no") for way in ("text", "undone", "fail")),
    ],
)
def test_a_callback_answers(tmp_path: Path, way: str, came: str | None) -> None:
    with worker(output=subprocess.DEVNULL) as running:
        running.load(code(tmp_path, {"index.js": CALLBACKS}))
        for _ in range(2):
            answer = running.call(way)
            assert (answer["message"] if isinstance(answer, Fault) else answer) == came


@needs_node
@pytest.mark.parametrize(
    ("runtime", "flag", "late"),
    [
        ("Nodejs18.15", "", False),
        ("Nodejs10.15", "", False),
        ("Nodejs8.9", "", True),
        ("Nodejs18.15", "context.callbackWaitsForEmptyEventLoop = true;", True),
        ("Nodejs8.9", "context.callbackWaitsForEmptyEventLoop = false;", False),
    ],
)
def test_an_answer_waits_for_what_goes_on_only_where_it_is_told_to(
    tmp_path: Path,
    runtime: str,
    flag: str,
    late: bool,  # noqa: FBT001
) -> None:
    source = (
        "let n = 0; exports.main_handler = (event, context, callback) => {"
        f"{flag} if (event) return callback(null, n);"
        "setTimeout(() => { n = 1; }, 100); const answer = { toJSON: () => n };"
        "callback(null, answer); };"
    )
    with worker() as running:
        running.load(code(tmp_path, {"index.js": source}), environment={"SCF_RUNTIME": runtime})
        assert running.call(0) == 0, "a result is written down when it is given"
        assert running.call(1) == int(late)


@needs_node
def test_a_promise_that_nobody_can_settle_fails_at_once(tmp_path: Path) -> None:
    source = "exports.main_handler = (event) => event ? event : new Promise(() => {});"
    with worker() as running:
        running.load(code(tmp_path, {"index.js": source}))
        answer = running.call()
        assert (answer["status"], "never settled" in answer["message"]) == (443, True)
        assert running.call(1) == 1, "what a function without a callback returns is its answer"


@needs_node
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("setTimeout(() => { throw new RangeError('late'); })", "RangeError: late"),
        ("setTimeout(() => Promise.reject(new Error('lost')))", "Error: lost"),
        ("Promise.reject('lost')", "lost"),
        ("process.nextTick(() => { throw { odd: 1 }; })", "{ odd: 1 }"),
    ],
)
def test_what_nobody_catches_fails_the_call_and_ends_the_process(
    tmp_path: Path, lines: str, message: str
) -> None:
    source = f"exports.main_handler = async () => {{ {lines}; await new Promise((r) => "
    source += "setTimeout(r, 5000)); };"
    with worker(end=1) as running:
        running.load(code(tmp_path, {"index.js": source}))
        answer = running.call()

    assert (answer["status"], answer["message"]) == (443, message)
    assert "node_worker" not in answer["stack"]


@needs_node
def test_what_nobody_catches_between_calls_ends_the_process_with_its_trace(
    tmp_path: Path,
) -> None:
    source = (
        "exports.main_handler = (e, c, done) => {"
        "setTimeout(() => { throw new Error('late'); }); done(); };"
    )
    with (tmp_path / "printed").open("w") as output, worker(end=1, output=output) as running:
        running.load(code(tmp_path, {"index.js": source}))
        assert running.call() is None
        assert running._end.recv(1) == b""

    assert "Error: late\n    at Timeout" in (tmp_path / "printed").read_text()


@needs_node
def test_a_function_may_catch_what_nobody_catches(tmp_path: Path) -> None:
    source = (
        "let seen = 0; process.on('uncaughtException', () => { seen++; });"
        "process.on('unhandledRejection', () => { seen++; });"
        "exports.main_handler = async () => { Promise.reject(1);"
        "process.nextTick(() => { throw 1; });"
        "await new Promise((r) => setTimeout(r, 20)); return seen; };"
    )
    with worker() as running:
        running.load(code(tmp_path, {"index.js": source}))
        assert running.call() == 2


@needs_node
@pytest.mark.parametrize(
    ("thrown", "message"),
    [
        ("'text'", "text"),
        ("null", "null"),
        ("undefined", "undefined"),
        ("{ a: 1 }", "{ a: 1 }"),
        ("Object.assign(new Error('x'), { stack: 1 })", "Error: x"),
        ("Object.defineProperty(new Error('x'), 'stack', { get() { throw 1; } })", "Error: x"),
        ("({ [require('util').inspect.custom]() { throw 1; } })", "an error that cannot be shown"),
        ("new Error('\\ud800')", "Error: \ufffd"),
        ("new (require('vm').runInNewContext('Error'))('other')", "Error: other"),
    ],
)
def test_anything_may_be_thrown(tmp_path: Path, thrown: str, message: str) -> None:
    source = f"exports.main_handler = async () => {{ throw {thrown}; }};"
    with worker() as running:
        running.load(code(tmp_path, {"index.js": source}))
        for _ in range(2):
            answer = running.call()
            assert (answer["status"], answer["message"]) == (443, message)


@needs_node
def test_the_console_writes_time_and_request_before_each_message(tmp_path: Path) -> None:
    source = (
        "console.log('loading'); exports.main_handler = async (event, context) => {"
        "console.log('a %s', event, { b: 1 }); console.error('bad'); console.table([[1]]);"
        "process.stdout.write('plain\\n'); require('console').info('same'); };"
    )
    with (tmp_path / "printed").open("w") as output, worker(output=output) as running:
        running.load(code(tmp_path, {"index.js": source}))
        running.call("b", request_id="r-1")

    printed = (tmp_path / "printed").read_text()
    stamped = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t"
    lines = [re.sub(f"^{stamped}", "", line) for line in printed.splitlines()]
    assert lines[:3] == ["\tloading", "r-1\ta b { b: 1 }", "r-1\tbad"]
    assert lines[-2:] == ["plain", "r-1\tsame"]
    assert lines[3].startswith("r-1\t┌")


@needs_node
def test_a_blank_waits_and_becomes_what_it_is_told_to_be(tmp_path: Path) -> None:
    source = (
        "const mine = require('mine');"
        "exports.main_handler = async () => [process.env, process.cwd(), mine, process.argv,"
        "new Date(0).getHours(), Intl.DateTimeFormat().resolvedOptions().timeZone];"
    )
    home = code(tmp_path / "code", {"index.js": source})
    layer = code(tmp_path / "opt", {"node_modules/mine/index.js": "module.exports = 7"})
    environment = {"A": "1", "TZ": "Asia/Shanghai", **nodejs.variables([home, layer])}

    with worker("blank", environment={"OLD": "x", "HOME": "/h", "TMPDIR": "/t"}) as running:
        assert running.hear() == Frame(Kind.READY, b'{"digest":""}')
        running.load(home, environment=environment)
        answer = running.call()

    own = {"HOME": "/h", "TMPDIR": "/t"}
    argv = [str(NODES[0].path), str(home / "index.js")]
    assert answer == [own | environment, str(home), 7, argv, 8, "Asia/Shanghai"]


@needs_node
def test_a_worker_that_is_not_its_platforms_child_does_not_stay(tmp_path: Path) -> None:
    home = code(tmp_path, {"index.js": ECHO})
    with worker(end=1) as running, pytest.raises(EOFError):
        running.load(home, parent=1)
