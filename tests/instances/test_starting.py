"""How an instance begins: what it is told, what it finds around it, why it cannot be."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.launch import Order, Spawner
from huidu.instances.outcomes import StartFailed
from huidu.instances.starting import start
from huidu.model.invocation import Status
from huidu.model.task import Task
from tests.instances.making import REQUEST, RUNTIME, Begin, Shelf, handler, lying, task


async def test_a_context_has_what_scf_has_and_who_called(started: Begin, shelf: Shelf) -> None:
    version = shelf.version(
        handler("return context"),
        number="7",
        environment=(("COLOUR", "grün"),),
        memory_mb=256,
        timeout_s=5,
    )
    call = task(version, qualifier="release", routing_key='{"User":"Bob"}')
    instance = await started(version)
    outcome = await instance.run(Task(invocation=call.invocation, version=version, alias="r"))

    context = json.loads(outcome.result)
    assert json.loads(context.pop("environment")) == {"SCF_NAMESPACE": "default", "COLOUR": "grün"}
    assert context == {
        "memory_limit_in_mb": 256,
        "time_limit_in_ms": 5000,
        "request_id": REQUEST,
        "environ": "SCF_NAMESPACE=default;COLOUR=grün",
        "function_version": "7",
        "function_name": "hello",
        "namespace": "default",
        "tencentcloud_region": "ap-guangzhou",
        "tencentcloud_appid": "1250000000",
        "tencentcloud_uin": "100000000000",
        "alias": "r",
        "qualifier": "release",
        "routing_key": '{"User":"Bob"}',
    }


async def test_an_environment_holds_what_scf_puts_there_and_nothing_of_the_platform(
    started: Begin, shelf: Shelf, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "the platform's own")
    version = shelf.version(
        "import os\n" + handler("return dict(os.environ)"),
        environment=(("COLOUR", "grün"), ("TZ", "Asia/Shanghai")),
    )
    code = str(shelf.unpacked(version.code))

    outcome = await (await started(version)).run(task(version))

    environment = json.loads(outcome.result)
    assert environment.pop("HOME") == environment["TMPDIR"]
    assert environment.pop("TMPDIR").startswith(f"{scratch}/")
    assert environment == {
        "COLOUR": "grün",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "LOGNAME": "qcloud",
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PWD": code,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": code,
        "SCF_FUNCTIONNAME": "hello",
        "SCF_FUNCTIONVERSION": "1",
        "SCF_NAMESPACE": "default",
        "SCF_RUNTIME": RUNTIME,
        "TENCENTCLOUD_APPID": "1250000000",
        "TENCENTCLOUD_REGION": "ap-guangzhou",
        "TENCENTCLOUD_RUNENV": "SCF",
        "TENCENTCLOUD_TZ": "UTC",
        "TENCENTCLOUD_UIN": "100000000000",
        "TZ": "Asia/Shanghai",
        "USER": "qcloud",
        "USER_CODE_ROOT": f"{code}/",
        "_HANDLER": "index.main_handler",
    }


@pytest.mark.parametrize(
    ("source", "configuration", "status", "error"),
    [
        ("", {"handler": "other.main_handler"}, 437, "the package has no file other.py"),
        ("", {"handler": "in/dex.main_handler"}, 437, "the package has no file in/dex.py"),
        ("x = 1", {}, 437, "index.py has no function main_handler"),
        ("main_handler = 1", {}, 437, "index.py has no function main_handler"),
        ("import nowhere", {}, 437, "index.py cannot be imported: ModuleNotFoundError: No module"),
        ("def main_handler(:", {}, 437, "index.py cannot be imported: SyntaxError: invalid syn"),
        ("import sys\nsys.exit(2)", {}, 437, "index.py cannot be imported: SystemExit: 2"),
        ("import os\nos._exit(2)", {}, 445, "before it was ready: it exited with status 2"),
        ("while True: pass", {"init_timeout_s": 1}, 450, "Initialization timed out after 1 sec"),
    ],
)
async def test_a_version_that_cannot_be_loaded_is_not_started(
    started: Begin,
    shelf: Shelf,
    source: str,
    configuration: dict[str, Any],
    status: int,
    error: str,
) -> None:
    version = shelf.version(f"print('loading')\n{source}", **configuration)

    with pytest.raises(StartFailed) as failed:
        await started(version)

    assert failed.value.ending.status == status
    assert error in failed.value.ending.message
    assert failed.value.printed == ("" if "no file" in error or "syn" in error else "loading\n")
    assert failed.value.init_ms > 0


async def test_an_import_that_fails_is_told_with_its_trace(started: Begin, shelf: Shelf) -> None:
    with pytest.raises(StartFailed) as failed:
        await started(shelf.version("def f():\n    1 / 0\nf()"))

    assert failed.value.ending.stack.startswith("Traceback (most recent call last):\n  File")
    assert "python_worker" not in failed.value.ending.stack
    assert "importlib" not in failed.value.ending.stack
    assert failed.value.ending.stack.endswith("ZeroDivisionError: division by zero\n")


async def test_code_that_is_not_there_is_told(started: Begin, shelf: Shelf) -> None:
    version = shelf.version("")
    (shelf.unpacked(version.code) / "index.py").unlink()
    shelf.unpacked(version.code).rmdir()

    with pytest.raises(StartFailed, match="the package's folder cannot be entered"):
        await started(version)


async def test_a_version_that_was_tampered_with_is_not_started(
    started: Begin, shelf: Shelf
) -> None:
    version = shelf.version(handler("return 1"))
    object.__setattr__(version, "code", shelf.put("def main_handler(e, c): return 'other'"))

    with pytest.raises(StartFailed, match="not what this version was published with") as failed:
        await started(version)
    assert failed.value.ending.status == Status.INIT_FAILED


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('say(READY, b\'{"digest": "feedfacecafebeef"}\')', "loaded version feedfacecafe, not"),
        ("say(READY, b'{}')", "a Ready that cannot be read"),
        ("say(RESULT, b'')", "RESULT in answer to LOAD"),
        ("os.write(fd, b'hello')", "a frame of kind 104"),
        ("sys.exit(5)", "ended before it was ready: it exited with status 5"),
    ],
)
async def test_a_worker_that_does_not_say_that_it_loaded_this_version_is_not_used(
    shelf: Shelf, scratch: Path, line: str, error: str
) -> None:
    blueprint = shelf.blueprint(shelf.version(""), lying(line))

    with pytest.raises(StartFailed, match=error) as failed:
        await start(blueprint, Spawner(scratch))
    assert failed.value.ending.status == Status.INIT_FAILED


async def test_a_start_that_is_cancelled_leaves_nothing(shelf: Shelf, scratch: Path) -> None:
    version = shelf.version("import time\ntime.sleep(60)")
    starting = asyncio.create_task(start(shelf.blueprint(version), Spawner(scratch)))
    await asyncio.sleep(0.05)

    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert os.listdir(scratch) == []  # noqa: PTH208 - there is nothing to wait for


async def test_an_instance_tells_what_it_is_in_a_line(started: Begin, shelf: Shelf) -> None:
    instance = await started(shelf.version(handler("return 1")))
    line = repr(instance)
    await instance.stop()

    assert re.fullmatch(r"<Instance \w{16} of default/hello 1, process \d+: alive>", line)
    assert repr(instance) == line.replace("alive", "ended")


async def test_a_process_that_ended_holds_no_memory(scratch: Path) -> None:
    order = Order(command=lambda _channel, _workers: ["/bin/true"], environment={})
    launched = await Spawner(scratch).launch(order)

    process = launched.process
    launched.end.close()
    os.close(launched.output)
    assert str(await process.wait()) == "exited with status 0"
    assert process.peak_bytes() == 0
    process.kill()
    await process.tidy()


def test_what_a_killed_platform_left_is_swept_away(scratch: Path) -> None:
    (scratch / "huidu-left" / "behind").mkdir(parents=True)
    (scratch / "not-ours").mkdir()

    Spawner(scratch).sweep()
    Spawner().sweep()

    (scratch / "not-ours").rmdir()
    assert list(scratch.iterdir()) == []
