"""CustomRuntime: the runtime API, for bootstraps that keep to it and for those that do not."""

from __future__ import annotations

import ast
import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.instance import Instance
from huidu.instances.launch import Spawner
from huidu.instances.outcomes import StartFailed
from huidu.instances.sandbox.forks.launcher import SandboxLauncher
from huidu.instances.starting import Launcher, start
from huidu.model.errors import InvalidValue
from huidu.model.invocation import MOST_RESULT_BYTES, Outcome, Status
from huidu.model.version import Version
from huidu.runtimes.python import OLDEST
from huidu.runtimes.table import CUSTOM, WORKERS, find
from tests.instances.making import OURS, REQUEST, Shelf, is_running, soon, task
from tests.runtimes.bootstraps import ECHO, SHELL, TONGUE, custom, looping

Begin = Callable[[Version], Awaitable[Instance]]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    tmp_path.chmod(0o755)  # Code is for all to read, as unpacked packages are.
    return Shelf(tmp_path / "code")


@pytest.fixture(params=["plain", "sandbox"])
async def begin(
    request: pytest.FixtureRequest, shelf: Shelf, tmp_path: Path
) -> AsyncIterator[Begin]:
    """Starts instances, without walls and within."""
    running: list[Instance] = []
    before = os.umask(0o022)
    box = None
    if request.param == "sandbox":
        if os.geteuid() != 0:
            pytest.skip("it takes root")
        box = SandboxLauncher(OURS.path)
    launcher: Launcher = box or Spawner(tmp_path)

    async def make(version: Version) -> Instance:
        running.append(await start(shelf.blueprint(version), launcher))
        return running[-1]

    yield make
    for one in running:
        await one.stop()
    if box is not None:
        await box.close()
    os.umask(before)


async def call(instance: Instance, version: Version, event: object = None, **more: Any) -> Outcome:
    return await instance.run(task(version, json.dumps(event).encode(), **more))


async def answered(instance: Instance, version: Version, event: object = None, **more: Any) -> Any:
    outcome = await call(instance, version, event, **more)
    assert outcome.status == Status.SUCCESS, outcome
    return json.loads(outcome.result)


def test_its_name_has_a_row_and_its_handler_is_the_bootstraps_own() -> None:
    assert find("CustomRuntime") is CUSTOM
    assert [CUSTOM.check_handler(text) for text in ("", "a::b c", "*")] == ["", "a::b c", "*"]
    for wrong in ("a\nb", "x" * 129):
        with pytest.raises(InvalidValue, match="Handler"):
            CUSTOM.check_handler(wrong)


@pytest.mark.parametrize("file", sorted(WORKERS.glob("*.py")), ids=lambda path: path.name)
def test_the_workers_are_written_for_the_oldest_python(file: Path) -> None:
    ast.parse(file.read_text(), feature_version=OLDEST)


def test_its_worker_runs_on_our_own_python() -> None:
    assert [one.path for one in CUSTOM.search()] == [OURS.path]
    assert CUSTOM.choose("CustomRuntime", ()) == OURS


async def test_a_bootstrap_is_handed_each_event_with_what_belongs_to_it(
    begin: Begin, shelf: Shelf
) -> None:
    version = custom(shelf, ECHO, memory_mb=256)
    instance = await begin(version)

    event, headers = await answered(instance, version, {"é": 1}, routing_key='{\n"k": "ü"}')
    assert event == {"é": 1}
    assert (
        headers.items()
        >= {
            "request_id": REQUEST,
            "memory_limit_in_mb": "256",
            "time_limit_in_ms": "10000",
            "function_version": "1",
            "qualifier": "1",
            "routing_key": '{"k": "\\u00fc"}',
        }.items()
    )
    assert "mirror" not in headers
    again, headers = await answered(instance, version, "again", copied_from="release")
    assert (again, headers["mirror"], headers["qualifier"]) == ("again", "true", "release")


async def test_a_bootstrap_may_be_a_shell_script(begin: Begin, shelf: Shelf) -> None:
    version = custom(shelf, SHELL)
    instance = await begin(version)

    for n in range(3):
        outcome = await call(instance, version, {"n": n})
        assert (outcome.status, outcome.result) == (200, f'{{"shell":{{"n": {n}}}}}')
        assert f'got {{"n": {n}}}\n' in outcome.log
        assert outcome.memory_bytes > 0


async def test_a_bootstrap_finds_its_environment(begin: Begin, shelf: Shelf) -> None:
    source = looping(
        "respond([dict(os.environ), os.getcwd(), sorted(os.listdir('/proc/self/fd')),"
        " os.readlink('/proc/self/fd/0')])"
    )
    version = custom(shelf, source, environment=(("MINE", "1"),))
    variables, here, fds, stdin = await answered(await begin(version), version)

    assert variables["SCF_RUNTIME_API_PORT"] == variables["_SCF_SERVER_PORT"]
    assert variables["SCF_RUNTIME_API"] == "127.0.0.1"
    assert (variables["_HANDLER"], variables["MINE"]) == ("main", "1")
    assert variables["USER_CODE_ROOT"] == f"{here}/"
    assert (stdin, len(fds)) == ("/dev/null", 5), "three streams, one connection, and the listing"


@pytest.mark.parametrize(
    ("posted", "result"),
    [
        (b'{"a":  1}', '{"a":  1}'),
        (b"hello", '"hello"'),
        (b"", '""'),
        (b"NaN", '"NaN"'),
        ("é".encode(), '"é"'),
        (b"[" * 5000, json.dumps("[" * 5000)),
    ],
)
async def test_what_is_posted_is_the_result(
    begin: Begin, shelf: Shelf, posted: bytes, result: str
) -> None:
    version = custom(shelf, looping(f"ask('POST', 'invocation/response', {posted!r})"))

    outcome = await call(await begin(version), version)
    assert (outcome.status, outcome.result) == (200, result)


@pytest.mark.parametrize(
    ("posted", "message", "stack"),
    [
        ('{"errorMessage": "no", "errorType": "Bad", "stackTrace": ["a", "b"]}', "Bad: no", "a\nb"),
        ('{"errorMessage": "no", "stackTrace": "at x"}', "no", "at x"),
        ("plain words", "plain words", ""),
        ('"a string"', "a string", ""),
        ("[1]", "[1]", ""),
        ("{}", "the bootstrap told of an error without words", ""),
    ],
)
async def test_an_error_that_is_posted_is_the_functions(
    begin: Begin, shelf: Shelf, posted: str, message: str, stack: str
) -> None:
    version = custom(shelf, looping(f"ask('POST', 'invocation/error', {posted!r})"))
    instance = await begin(version)

    for _ in range(2):
        outcome = await call(instance, version)
        payload = json.loads(outcome.result)
        assert (payload["statusCode"], payload["errorCode"]) == (443, -1)
        assert outcome.error == "\n".join(filter(None, (message, stack)))


async def test_the_first_answer_is_final_and_an_event_is_the_same_until_then(
    begin: Begin, shelf: Shelf
) -> None:
    source = looping(
        "same = next()[2] == event",
        "first = respond([same, event])",
        "told = respond('second')[2], ask('POST', 'invocation/error', 'third')[0]",
        "print(first[0], *told, flush=True)",
    )
    version = custom(shelf, source)
    instance = await begin(version)

    outcomes = [await call(instance, version, n) for n in range(3)]
    assert [one.result for one in outcomes] == [f'[true, "{n}"]' for n in range(3)]
    told = '200 {"message": "this call has been answered; nothing was changed"} 200'
    assert told in "".join(one.log for one in outcomes)


async def test_an_answer_is_not_taken_for_another_calls(begin: Begin, shelf: Shelf) -> None:
    source = looping(
        "late = ask('POST', 'invocation/response', '0', {'request_id': 'other'})",
        "respond(late[::2])",
    )
    version = custom(shelf, source)

    status, said = await answered(await begin(version), version)
    assert (status, REQUEST in said) == (409, True)


async def test_what_is_asked_wrongly_is_told_what_would_be_right(
    begin: Begin, shelf: Shelf
) -> None:
    source = TONGUE + (
        "seen = [next()[::2], ask('POST', 'invocation/response', '1')[::2], ready()[::2],\n"
        "    ready()[::2], ask('GET', 'nothing')[::2], ask('POST', 'invocation/next')[::2],\n"
        "    ask('DELETE', 'init/ready')[1]['Allow'], respond(1)[::2]]\n"
        "next()\n"
        "respond(seen)\n"
        "next()\n"
    )
    version = custom(shelf, source)
    early, answer, ready, again, nothing, method, allow, none = await answered(
        await begin(version), version
    )

    assert (early[0], answer[0], ready, again) == (403, 403, [200, "{}"], [200, "{}"])
    assert "POST /runtime/init/ready comes first" in early[1]
    assert (nothing[0], method[0], allow, none[0]) == (404, 405, "POST", 409)
    assert "GET /runtime/invocation/next, POST /runtime/invocation/response" in nothing[1]
    assert "must be GET /runtime/invocation/next" in method[1]


#: What no library would send, each with how the answer begins.
NONSENSE = {
    "not a word of HTTP\r\n\r\n": "HTTP/1.1 400 ",
    "GET /" + "x" * 20_000: "HTTP/1.1 431 ",
    "POST /runtime/init/ready HTTP/1.1\r\nContent-Length: -1\r\n\r\n": "HTTP/1.1 400 ",
    "POST /runtime/init/ready HTTP/1.1\r\nContent-Length: \u00b2\r\n\r\n": "HTTP/1.1 400 ",
    f"POST /runtime/init/ready HTTP/1.1\r\nContent-Length: {'9' * 18}\r\n\r\n": "HTTP/1.1 413 ",
    "POST /runtime/init/ready HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n": "HTTP/1.1 400 ",
    "POST /runtime/init/ready HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    "2;x=y\r\n{}\r\n0\r\nA: b\r\n\r\n": "HTTP/1.1 200 ",
    "POST /runtime/init/ready HTTP/1.0\r\n\r\n": "HTTP/1.1 200 ",
    "POST /runtime/init/ready HTTP/1.1\r\nExpect: 100-continue\r\n\r\n": "HTTP/1.1 100 ",
    "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n": "HTTP/1.1 404 ",
    "POST /runtime/init/ready HTTP/1.1\r\nContent-Length: 5\r\n\r\n": "",
    "": "",
}


async def test_nonsense_is_refused_and_keeps_nobody_waiting(begin: Begin, shelf: Shelf) -> None:
    source = TONGUE + (
        "import socket\n"
        "def send(text):\n"
        "    end = socket.create_connection((os.environ['SCF_RUNTIME_API'],"
        " int(os.environ['SCF_RUNTIME_API_PORT'])))\n"
        "    end.settimeout(0.2)\n"
        "    end.sendall(text.encode('latin-1'))\n"
        "    try: return end, str(end.recv(65536), 'latin-1')\n"
        "    except TimeoutError: return end, ''\n"
        "ready()\n"
        "kept = []\n"
        "while True:\n"
        "    _, _, event = next()\n"
        "    kept += map(send, json.loads(event))\n"
        "    respond([said for _, said in kept])\n"
    )
    version = custom(shelf, source)
    said = await answered(await begin(version), version, list(NONSENSE))

    assert [text[: len(begins)] for text, begins in zip(said, NONSENSE.values(), strict=True)] == [
        *NONSENSE.values()
    ]
    assert [text for text, begins in zip(said, NONSENSE.values(), strict=True) if not begins] == [
        "",
        "",
    ]


async def test_more_connections_than_one_needs_push_each_other_out(
    begin: Begin, shelf: Shelf
) -> None:
    source = looping(
        "kept = [connect() for _ in range(300)]",
        "[c.connect() for c in kept]",
        "over = connect()",
        "ask('POST', 'invocation/response', '1', over=over)",
        "ask.__defaults__ = (None, {}, connect())",
    )
    version = custom(shelf, source)
    instance = await begin(version)

    assert [await answered(instance, version) for _ in range(3)] == [1, 1, 1]


async def test_many_may_wait_for_the_next_call_and_one_of_them_has_it(
    begin: Begin, shelf: Shelf
) -> None:
    source = TONGUE + (
        "import threading\n"
        "def serve(name):\n"
        "    own = connect()\n"
        "    while True:\n"
        "        _, headers, event = ask('GET', 'invocation/next', over=own)\n"
        "        ask('POST', 'invocation/response', json.dumps([name, event]),\n"
        "            {'request_id': headers['request_id']}, over=own)\n"
        "ready()\n"
        "for name in range(4): threading.Thread(target=serve, args=(name,)).start()\n"
        "gone = connect()\n"
        "gone.request('GET', '/runtime/invocation/next')\n"
        "gone.close()\n"
    )
    version = custom(shelf, source)
    instance = await begin(version)

    for n in range(20):
        _, event = await answered(instance, version, n, request_id=f"id-{n}")
        assert event == str(n)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_response_over_the_limit_ends_its_call_and_no_other(
    begin: Begin,
    shelf: Shelf,
    chunked: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    body = "iter([bytes(1 << 20)] * size)" if chunked else "bytes(size << 20)"
    source = looping(
        "size = json.loads(event)",
        f"status = ask('POST', 'invocation/response', {body}, over=connect())[0]",
        "print('status', status)",
    )
    version = custom(shelf, source, memory_mb=256)
    instance = await begin(version)

    outcome = await call(instance, version, 7)
    assert (outcome.status, "the result is too large" in outcome.error) == (407, True)
    outcome = await call(instance, version, 6)
    assert outcome.status == Status.RESULT_TOO_LARGE, "as a JSON string it is longer than 6 MB"
    outcome = await call(instance, version, 0)
    assert (outcome.status, outcome.result) == (200, '""')


async def test_the_largest_event_and_result_pass(begin: Begin, shelf: Shelf) -> None:
    version = custom(shelf, looping("ask('POST', 'invocation/response', event)"), memory_mb=256)
    event = json.dumps("x" * (MOST_RESULT_BYTES - 2)).encode()

    outcome = await (await begin(version)).run(task(version, event))
    assert (outcome.status, len(outcome.result)) == (200, MOST_RESULT_BYTES)


async def test_a_large_result_takes_no_memory_to_look_at(begin: Begin, shelf: Shelf) -> None:
    source = looping(
        "body = json.loads(event) * (1 << 20)",
        "ask('POST', 'invocation/response', body)",
    )
    version = custom(shelf, source, memory_mb=128)
    instance = await begin(version)

    many = await call(instance, version, "[],")
    assert (many.status, many.result[:4]) == (200, '"[],'), "no brackets around it: a text"
    for ends in ("[ ]", "{ }", '" "'):
        outcome = await call(instance, version, f"{ends[:1]} {ends[-1]}")
        assert (outcome.status, len(outcome.result)) == (200, 3 << 20)


async def test_the_last_that_a_bootstrap_says_is_heard(begin: Begin, shelf: Shelf) -> None:
    source = looping(
        "import socket",
        "body = b'x' * (5 << 20)",
        "head = 'POST /runtime/invocation/response HTTP/1.1\\r\\nContent-Length: %d\\r\\n\\r\\n'",
        "end = connect()",
        "end.connect()",
        "end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)",
        "end.sock.sendall((head % len(body)).encode() + body)",
        "os._exit(0)",
    )
    version = custom(shelf, source, memory_mb=256)

    outcome = await call(await begin(version), version)
    assert (outcome.status, len(outcome.result)) == (200, (5 << 20) + 2)


async def test_a_bootstrap_that_reads_no_answers_harms_only_itself(
    begin: Begin, shelf: Shelf
) -> None:
    source = looping(
        "deaf = connect()",
        "deaf.connect()",
        "deaf.sock.settimeout(0.5)",
        "try:",
        "    while True: deaf.sock.sendall(b'GET /runtime/x HTTP/1.1\\r\\n\\r\\n' * 1000)",
        "except OSError as error: respond(type(error).__name__)",
    )
    version = custom(shelf, source, memory_mb=128)
    instance = await begin(version)

    for _ in range(2):
        outcome = await call(instance, version)
        assert (outcome.status, outcome.memory_bytes < 64 << 20) == (200, True), outcome


async def test_a_response_that_is_no_text_is_an_error(begin: Begin, shelf: Shelf) -> None:
    version = custom(shelf, looping("ask('POST', 'invocation/response', b'\\xff')"))

    outcome = await call(await begin(version), version)
    assert (outcome.status, "not UTF-8" in outcome.error) == (443, True)


@pytest.mark.parametrize(
    ("source", "mode", "message"),
    [
        ("#!/bin/sh\nexit 0\n", 0o644, "bootstrap is not executable"),
        ("#!/bin/sh\r\nexit 0\r\n", 0o755, "line ends of Windows"),
        ("#!/no/such/shell\n", 0o755, "interpreter '/no/such/shell': No such file"),
        ("echo hello\n", 0o755, "a script begins with a line as #!/bin/sh"),
        ("\x7fELF nonsense", 0o755, "no program of this machine"),
    ],
)
async def test_a_bootstrap_that_cannot_be_started_is_told(
    begin: Begin, shelf: Shelf, source: str, mode: int, message: str
) -> None:
    with pytest.raises(StartFailed, match=message) as failed:
        await begin(custom(shelf, source, mode))
    assert failed.value.ending.status == Status.HANDLER_NOT_FOUND


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None])
async def test_a_package_without_a_bootstrap_is_told(
    begin: Begin, shelf: Shelf, make: Callable[[Path], None]
) -> None:
    version = custom(shelf, "")
    file = shelf.unpacked(version.code) / "bootstrap"
    file.unlink()
    make(file)

    with pytest.raises(StartFailed, match="the package has no file bootstrap") as failed:
        await begin(version)
    assert failed.value.ending.status == Status.HANDLER_NOT_FOUND


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sys.exit(3)", "bootstrap exited with status 3 before POST /runtime/init/ready"),
        ("os.kill(os.getpid(), 6)", "bootstrap exited with status 134 before"),
    ],
)
async def test_a_bootstrap_that_ends_before_it_is_ready_is_told(
    begin: Begin, shelf: Shelf, line: str, message: str
) -> None:
    version = custom(shelf, f"{TONGUE}print('so far', flush=True)\n{line}\n")

    with pytest.raises(StartFailed, match=message) as failed:
        await begin(version)
    assert failed.value.ending.status == Status.INIT_FAILED
    assert failed.value.printed == "so far\n"


async def test_a_bootstrap_that_is_never_ready_runs_into_the_limit(
    begin: Begin, shelf: Shelf
) -> None:
    version = custom(shelf, f"{TONGUE}time.sleep(600)\n", init_timeout_s=1)

    with pytest.raises(StartFailed, match="Initialization timed out after 1 seconds") as failed:
        await begin(version)
    assert "POST /runtime/init/ready" in failed.value.ending.message
    assert failed.value.ending.status == Status.INIT_TIMED_OUT


@pytest.mark.parametrize(
    ("line", "status", "ends"),
    [
        ("sys.exit(4)", 439, "exited with status 4"),
        ("os.kill(os.getpid(), 9)", 439, "exited with status 137"),
        ("time.sleep(600)", 433, "timed out after 1 seconds"),
        ("respond(1); sys.exit(0)", 200, ""),
    ],
)
async def test_a_bootstrap_that_ends_or_hangs_in_a_call_ends_its_instance(
    begin: Begin, shelf: Shelf, line: str, status: int, ends: str
) -> None:
    version = custom(shelf, looping(f"print('here', flush=True); {line}"), timeout_s=1)
    instance = await begin(version)

    outcome = await call(instance, version)
    assert (outcome.status, ends in outcome.error, "here\n" in outcome.log) == (status, True, True)
    async with asyncio.timeout(5):
        while instance.alive:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def test_what_a_bootstrap_leaves_behind_is_seen_off(begin: Begin, shelf: Shelf) -> None:
    source = looping(
        "def ended(pid):",
        "    try: return open(f'/proc/{pid}/stat').read().rpartition(') ')[2].split()[:2]",
        "    except OSError: return None",
        "left = [subprocess.run(['/bin/sh', '-c', 'true & echo $!'], capture_output=True)",
        "    for _ in range(20)]",
        "pids = [int(ran.stdout) for ran in left]",
        "until = time.monotonic() + 5",
        "while any(map(ended, pids)) and time.monotonic() < until: time.sleep(0.01)",
        "respond([len(pids), *filter(None, map(ended, pids))])",
    )
    version = custom(shelf, source)

    assert await answered(await begin(version), version) == [20]


async def test_an_instance_that_is_stopped_takes_its_bootstrap_along(
    begin: Begin, shelf: Shelf
) -> None:
    version = custom(shelf, ECHO)
    instance = await begin(version)
    children = Path(f"/proc/{instance._process.pid}/task/{instance._process.pid}/children")
    (bootstrap,) = map(int, (await asyncio.to_thread(children.read_text)).split())

    await instance.stop()

    assert soon(lambda: not is_running(bootstrap))


async def test_a_bootstrap_cannot_reach_into_the_worker(begin: Begin, shelf: Shelf) -> None:
    source = looping(
        "def tries(what):",
        "    try: what(); return 'done'",
        "    except OSError as error: return type(error).__name__",
        "parent = os.getppid()",
        "respond([os.getuid(), tries(lambda: os.listdir(f'/proc/{parent}/fd')),"
        " tries(lambda: open(f'/proc/{parent}/mem', 'rb')),"
        " tries(lambda: open(f'/proc/{parent}/environ', 'rb').read())])",
    )
    version = custom(shelf, source)
    uid, *tried = await answered(await begin(version), version)

    assert uid == 0 or tried == ["PermissionError"] * 3
