"""What a function is promised whatever its language: one contract, held for each of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.channel import Undelivered
from huidu.instances.instance import Instance
from huidu.instances.lines import NOTICE
from huidu.instances.outcomes import StartFailed
from huidu.model.invocation import MOST_EVENT_BYTES, MOST_RESULT_BYTES, Status
from huidu.model.version import Version
from tests.instances.making import (
    NODE,
    REQUEST,
    RUNTIME,
    Begin,
    Shelf,
    handler,
    is_running,
    needs_node,
    soon,
    task,
)


def script(*lines: str) -> str:
    """An asynchronous function of these lines."""
    return "\n  ".join(["exports.main_handler = async (event, context) => {", *lines, "};"])


@dataclass(frozen=True, kw_only=True)
class Language:
    """How one language says what the contract is about."""

    runtime: str
    ending: str
    failed: int  #: The status of what the function did wrong.
    variables: frozenset[str]  #: What is in the environment of its functions alone.
    echo: str
    context: str
    environment: str
    nothing: str
    long: str  #: A text of as many bytes above the limit as the event says.
    wrong: str  #: Throws at 0, and returns else.
    formless: str  #: A result that JSON has no form for.
    exits: str
    prints: str
    floods: str
    hangs: str  #: With a child of its own; writes both numbers to the file that the event names.
    grows: str  #: By as many MB as the event says.
    forges: str  #: A frame on the channel, with the nonce of no call.
    fds: str  #: The kinds of what a child of it has open, beside the standard streams.
    unloadable: tuple[tuple[str, str], ...]


PYTHON = Language(
    runtime=RUNTIME,
    ending=".py",
    failed=Status.USER_ERROR,
    variables=frozenset({"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}),
    echo=handler("return event"),
    context=handler("return context"),
    environment="import os\n" + handler("return dict(os.environ)"),
    nothing=handler("pass"),
    long=handler(f"return 'x' * ({MOST_RESULT_BYTES} - 2 + event)"),
    wrong=handler("if event == 0:", "    raise ValueError('boom')", "return event"),
    formless=handler("if event == 0:", "    return {1, 2}", "return event"),
    exits="import sys\n" + handler("print('before')", "sys.exit(3)"),
    prints="import os, subprocess, sys\n"
    + handler(
        "sys.stdout.write('a line\\n')",
        "sys.stderr.write('an error\\n')",
        "sys.stdout.flush()",
        "os.write(1, b'raw\\n')",
        "subprocess.run(['echo', 'a child'])",
        "sys.stdout.write('half a line')",
    ),
    floods=handler("for _ in range(4000): print('x' * 999)"),
    hangs="import os, subprocess\n"
    + handler(
        "child = subprocess.Popen(['sleep', '60'])",
        "open(event, 'w').write(f'{os.getpid()} {child.pid}')",
        "while True: pass",
    ),
    grows=handler("x = bytearray(event << 20)", "return len(x)"),
    forges="import os, struct\n"
    + handler(
        "os.write(1000, struct.pack('!BI', 0xA5, 33) + bytes(32) + b'1')",
        "return 'mine'",
    ),
    fds="import os, subprocess\n"
    + handler(
        "out = subprocess.run(['ls', '-l', '/proc/self/fd'], stdout=-1, text=True).stdout",
        "return out.count('socket:')",
    ),
    unloadable=(
        ("x = 1", "index.py has no function main_handler"),
        ("import nowhere", "index.py cannot be imported: ModuleNotFoundError"),
        ("def main_handler(:", "index.py cannot be imported: SyntaxError"),
    ),
)

NODEJS = Language(
    runtime=NODE,
    ending=".js",
    failed=Status.USER_CODE_ERROR,
    variables=frozenset({"NODE_PATH"}),
    echo=script("return event;"),
    context=script("return context;"),
    environment=script("return process.env;"),
    nothing=script(),
    long=script(f"return 'x'.repeat({MOST_RESULT_BYTES} - 2 + event);"),
    wrong=script("if (event === 0) throw new TypeError('boom');", "return event;"),
    formless=script("if (event === 0) return [1n];", "return event;"),
    exits=script("process.stdout.write('before\\n');", "process.exit(3);"),
    prints=script(
        "process.stdout.write('a line\\n');",
        "process.stderr.write('an error\\n');",
        "require('fs').writeSync(1, 'raw\\n');",
        "require('child_process').spawnSync('echo', ['a child'], { stdio: 'inherit' });",
        "process.stdout.write('half a line');",
    ),
    floods=script("for (let n = 0; n < 4000; n++) process.stdout.write('x'.repeat(999) + '\\n');"),
    hangs=script(
        "const child = require('child_process').spawn('sleep', ['60']);",
        "require('fs').writeFileSync(event, `${process.pid} ${child.pid}`);",
        "for (;;);",
    ),
    grows=script("return Buffer.alloc(event << 20, 1).length;"),
    forges=script(
        "const fs = require('fs');",
        "const isSocket = (fd) => { try { return fs.fstatSync(fd).isSocket(); }"
        " catch { return false; } };",
        "const fds = fs.readdirSync('/proc/self/fd').map(Number).filter(isSocket);",
        "const frame = Buffer.concat([Buffer.from([0xa5, 0, 0, 0, 33]), Buffer.alloc(32, 0),"
        " Buffer.from('1')]);",
        "for (const fd of fds) fs.writeSync(fd, frame);",
        "return 'mine';",
    ),
    fds=script(
        "const out = require('child_process').execSync('ls -l /proc/self/fd | grep -v ^total');",
        # The standard streams of a child of Node.js are socket pairs.
        "const socket = / ([3-9]|\\d\\d+) -> socket/;",
        "return `${out}`.split('\\n').filter((line) => socket.test(line)).length;",
    ),
    unloadable=(
        ("exports.other = 1", "index.js exports no function main_handler"),
        ("require('nowhere')", "index.js cannot be loaded: Error: Cannot find module 'nowhere'"),
        ("exports.main_handler = (", "index.js cannot be loaded: SyntaxError"),
        ("null.x", "index.js cannot be loaded: TypeError: Cannot read propert"),
        ("module.exports = null", "index.js exports no function main_handler"),
    ),
)

LANGUAGES = [
    pytest.param(PYTHON, id="Python"),
    pytest.param(NODEJS, id="Node.js", marks=needs_node),
]
every_language = pytest.mark.parametrize("language", LANGUAGES)

Make = Any


@pytest.fixture
def make(shelf: Shelf) -> Make:
    """Makes a version of a source in a language."""

    def version(language: Language, source: str, **configuration: Any) -> Version:
        wanted = {"runtime": language.runtime, "timeout_s": 20, **configuration}
        return shelf.version(source, file=f"index{language.ending}", **wanted)

    return version


@pytest.fixture
def ready(make: Make, started: Begin) -> Any:
    """Starts an instance of a source."""

    async def begin(
        language: Language, source: str, **configuration: Any
    ) -> tuple[Instance, Version]:
        version = make(language, source, **configuration)
        return await started(version), version

    return begin


def written(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@every_language
async def test_an_event_goes_in_and_the_answer_comes_out(ready: Any, language: Language) -> None:
    instance, version = await ready(language, language.echo)

    events: list[object] = [{"键": ["值", None, 1.5, {"nested": "é"}]}, "é", 0, None, [], "\0"]
    for event in events:
        outcome = await instance.run(task(version, written(event)))
        assert (outcome.status, json.loads(outcome.result)) == (200, event)


@every_language
async def test_no_result_is_null(ready: Any, language: Language) -> None:
    instance, version = await ready(language, language.nothing)

    assert (await instance.run(task(version))).result == "null"


@every_language
async def test_a_context_has_what_scf_has(ready: Any, language: Language) -> None:
    instance, version = await ready(language, language.context, memory_mb=256, timeout_s=5)

    context = json.loads((await instance.run(task(version, qualifier="release"))).result)

    assert json.loads(context.pop("environment")) == {"SCF_NAMESPACE": "default"}
    assert context == {
        "memory_limit_in_mb": 256,
        "time_limit_in_ms": 5000,
        "request_id": REQUEST,
        "environ": "SCF_NAMESPACE=default",
        "function_version": "1",
        "function_name": "hello",
        "namespace": "default",
        "tencentcloud_region": "ap-guangzhou",
        "tencentcloud_appid": "1250000000",
        "tencentcloud_uin": "100000000000",
        "alias": "",
        "qualifier": "release",
        "routing_key": "",
    }


@every_language
async def test_an_environment_is_the_same_for_all_but_for_a_few_variables(
    ready: Any, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "the platform's own")
    mine = (("COLOUR", "grün"), ("TZ", "Asia/Shanghai"))
    instance, version = await ready(language, language.environment, environment=mine)

    environment = json.loads((await instance.run(task(version))).result)

    assert dict(mine).items() <= environment.items()
    assert environment["SCF_RUNTIME"] == language.runtime
    assert set(environment) - set(dict(mine)) - language.variables == {
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
        *("HOME", "TMPDIR", "LANG", "LC_ALL", "LOGNAME", "PATH", "PWD", "USER"),
        *("SCF_FUNCTIONNAME", "SCF_FUNCTIONVERSION", "SCF_NAMESPACE", "SCF_RUNTIME"),
        *("TENCENTCLOUD_APPID", "TENCENTCLOUD_REGION", "TENCENTCLOUD_RUNENV"),
        *("TENCENTCLOUD_TZ", "TENCENTCLOUD_UIN", "USER_CODE_ROOT", "_HANDLER"),
    }


@every_language
async def test_a_full_event_goes_in_and_a_full_result_comes_out(
    ready: Any, language: Language
) -> None:
    instance, version = await ready(language, language.echo)
    event = b'"' + b"x" * (MOST_EVENT_BYTES - 2) + b'"'

    assert (await instance.run(task(version, event))).result.encode() == event
    assert (await instance.run(task(version, b"1"))).result == "1"


@every_language
async def test_a_result_that_is_too_large_is_kept_back(ready: Any, language: Language) -> None:
    instance, version = await ready(language, language.long)

    assert (await instance.run(task(version, b"0"))).status == Status.SUCCESS
    outcome = await instance.run(task(version, b"1"))

    assert outcome.status == Status.RESULT_TOO_LARGE
    assert outcome.error == ("the result is too large: 6291457 bytes, at most 6291456 are allowed")
    assert instance.alive


@every_language
async def test_what_a_function_throws_is_told_with_its_part_of_the_trace(
    ready: Any, language: Language
) -> None:
    instance, version = await ready(language, language.wrong)

    outcome = await instance.run(task(version, b"0"))

    payload = json.loads(outcome.result)
    assert outcome.status == payload["statusCode"] == language.failed
    assert (payload["errorCode"], payload["requestId"]) == (-1, REQUEST)
    assert f"index{language.ending}" in payload["stackTrace"]
    assert "_worker" not in payload["stackTrace"]
    assert "boom" in outcome.error
    assert (await instance.run(task(version, b"1"))).result == "1"


@every_language
async def test_a_result_that_json_has_no_form_for_is_the_functions_fault(
    ready: Any, language: Language
) -> None:
    instance, version = await ready(language, language.formless)

    outcome = await instance.run(task(version, b"0"))

    assert outcome.status == language.failed
    assert "the result cannot be written as JSON: TypeError" in outcome.error
    assert (await instance.run(task(version, b"1"))).result == "1"


@every_language
async def test_an_event_that_is_not_json_is_not_the_functions_fault(
    ready: Any, language: Language
) -> None:
    instance, version = await ready(language, language.echo)

    for event in (b"{", b"\xff", b'"\xff"', b"[" * 100_000, b""):
        assert (await instance.run(task(version, event))).status == Status.BAD_EVENT
    assert (await instance.run(task(version, b"1"))).result == "1"


@every_language
async def test_a_process_that_ends_while_it_runs_is_told_and_not_used_again(
    ready: Any, language: Language
) -> None:
    instance, version = await ready(language, language.exits)

    outcome = await instance.run(task(version))

    assert outcome.status == Status.PROCESS_EXITED
    assert outcome.error == "User process exit when running: it exited with status 3"
    assert "before\n" in outcome.log
    with pytest.raises(Undelivered):
        await instance.run(task(version))


@every_language
async def test_what_was_printed_before_the_answer_is_in_the_log(
    ready: Any, language: Language
) -> None:
    instance, version = await ready(language, language.prints)

    for _ in range(2):
        log = (await instance.run(task(version))).log
        own = [line for line in log.splitlines() if REQUEST not in line]
        assert own == ["a line", "an error", "raw", "a child", "half a line"]


@every_language
async def test_a_flood_is_cut_with_a_notice(ready: Any, language: Language) -> None:
    instance, version = await ready(language, language.floods)

    outcome = await instance.run(task(version))

    assert outcome.succeeded
    assert NOTICE.decode() in outcome.log
    assert len(outcome.log) < 1.1 * 2**20


@every_language
async def test_a_call_that_takes_too_long_takes_its_children_with_it(
    ready: Any, language: Language, tmp_path: Path
) -> None:
    instance, version = await ready(language, language.hangs, timeout_s=1)

    outcome = await instance.run(task(version, written(str(tmp_path / "pids"))))

    assert outcome.status == Status.TIMED_OUT
    assert "Invoking task timed out after 1 seconds" in outcome.result
    assert outcome.memory_bytes > 2**20
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert soon(lambda pid=pid: not is_running(pid))  # type: ignore[misc]


@every_language
async def test_memory_is_the_functions_own_and_its_peak(ready: Any, language: Language) -> None:
    ballast = bytearray(b"x") * (200 << 20)
    instance, version = await ready(language, language.grows)

    small, large, after = [
        (await instance.run(task(version, event))).memory_bytes >> 20
        for event in (b"1", b"100", b"1")
    ]

    assert len(ballast) > 200_000_000
    assert small < 80
    assert 100 < large < 190
    assert after >= large


@every_language
async def test_a_frame_with_the_nonce_of_no_call_ends_the_instance(
    ready: Any, language: Language
) -> None:
    instance, version = await ready(language, language.forges)

    outcome = await instance.run(task(version))

    assert outcome.status == Status.PROCESS_EXITED
    assert "an answer to another call" in outcome.error
    assert not instance.alive


@every_language
async def test_a_child_has_nothing_of_the_channel(ready: Any, language: Language) -> None:
    instance, version = await ready(language, language.fds)

    assert (await instance.run(task(version))).result == "0"


@pytest.mark.parametrize(
    ("language", "source", "error"),
    [
        pytest.param(
            *[param.values[0], source, error], id=f"{param.id}: {error}", marks=param.marks
        )
        for param in LANGUAGES
        for source, error in param.values[0].unloadable  # type: ignore[union-attr]
    ],
)
async def test_a_version_that_cannot_be_loaded_is_not_started(
    make: Make, started: Begin, language: Language, source: str, error: str
) -> None:
    with pytest.raises(StartFailed) as failed:
        await started(make(language, source))

    assert failed.value.ending.status == Status.HANDLER_NOT_FOUND
    assert error in failed.value.ending.message
    assert "_worker" not in failed.value.ending.stack


@every_language
async def test_a_caller_that_leaves_takes_the_instance_with_it(
    ready: Any, language: Language, tmp_path: Path
) -> None:
    instance, version = await ready(language, language.hangs)
    pids = tmp_path / "pids"
    call = asyncio.create_task(instance.run(task(version, written(str(pids)))))
    while not (pids.exists() and " " in pids.read_text()):  # noqa: ASYNC110
        await asyncio.sleep(0.01)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await instance.stop()

    assert not instance.alive
    for pid in map(int, pids.read_text().split()):
        assert soon(lambda pid=pid: not is_running(pid))  # type: ignore[misc]
