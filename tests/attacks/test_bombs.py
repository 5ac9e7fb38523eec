"""What functions do to take more than their share or to stay, in every tier."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from huidu.instances.outcomes import StartFailed
from huidu.model.invocation import Status
from tests.attacks.cages import APART, EVERY, FILTERED, PRELUDE, Cage, cage
from tests.attacks.conftest import processes
from tests.instances.making import handler, soon, task

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=EVERY)
async def caged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cage]:
    before = os.umask(0o022)  # Code is for all to read, as unpacked packages are.
    async with cage(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened
    os.umask(before)


def attack(*lines: str) -> str:
    return PRELUDE + handler(*lines)


#: Calls by the gate for 32-bit programs, in a child: getpid has the number 20 there.
OLD_GATE = (
    "code = mmap.mmap(-1, 4096, prot=7)",
    "code.write(bytes.fromhex('b814000000cd80c3'))",
    "entry = ctypes.addressof(ctypes.c_char.from_buffer(code))",
    "child = os.fork()",
    "if child == 0:",
    "    os._exit(0 if ctypes.CFUNCTYPE(ctypes.c_int)(entry)() > 0 else 1)",
    "status = os.waitpid(child, 0)[1]",
    "return 'done' if status == 0 else 'refused'",
)


async def test_calls_of_an_older_kind_of_program_are_refused(caged: Cage) -> None:
    assert await caged.result(attack(*OLD_GATE)) == "refused"


FORKS = (
    "n = 0",
    "while n < 3000:",
    "    try:",
    "        if os.fork() == 0: time.sleep(60)",
    "    except OSError: return n",
    "    n += 1",
    "return n",
)
THREADS = (
    "n = 0",
    "while n < 3000:",
    "    try: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "    except RuntimeError: return n",
    "    n += 1",
    "return n",
)


@pytest.mark.parametrize("bomb", [FORKS, THREADS], ids=["forks", "threads"])
async def test_processes_and_threads_have_an_end_and_do_not_outlive_it(
    caged: Cage, bomb: tuple[str, ...]
) -> None:
    if caged.tier == "gvisor":
        pytest.skip("they are processes of its own kernel; memory is what ends them")
    outcome = await caged.outcome(attack(*bomb), memory_mb=512, timeout_s=20)

    assert outcome.status in {Status.SUCCESS, Status.MEMORY_EXCEEDED}
    if outcome.status == Status.SUCCESS:
        assert int(outcome.result) < 512


async def test_descriptors_have_an_end(caged: Cage) -> None:
    source = attack(
        "held = []",
        "while len(held) < 5000:",
        "    try: held.append(os.open('/dev/null', 0))",
        "    except OSError as error: return [len(held), errno.errorcode[error.errno]]",
        "return [len(held), 'done']",
    )
    held, how = await caged.result(source, timeout_s=20)

    assert how == "EMFILE"
    assert held <= 1024


async def test_memory_has_an_end_in_one_process(caged: Cage) -> None:
    outcome = await caged.outcome(attack("return len(bytearray(1 << 30))"), memory_mb=128)

    assert outcome.status in {Status.MEMORY_EXCEEDED, Status.USER_ERROR}, outcome


async def test_memory_has_an_end_over_all_children(caged: Cage) -> None:
    source = attack(
        "children = []",
        "for _ in range(8):",
        "    child = os.fork()",
        "    if child == 0:",
        "        held = bytearray(64 << 20)",
        "        time.sleep(60)",
        "    children.append(child)",
        "time.sleep(2)",
        "ended = [c for c in children if os.waitpid(c, os.WNOHANG)[0]]",
        "return len(ended)",
    )
    if any("not for all together" in line for line in caged.opened.missing):
        pytest.skip("no group can be made here")
    outcome = await caged.outcome(source, memory_mb=128, timeout_s=20)

    if outcome.status == Status.SUCCESS:
        assert int(outcome.result) >= 1
    else:
        assert outcome.status == Status.MEMORY_EXCEEDED, outcome


async def test_the_temporary_folder_has_an_end(caged: Cage) -> None:
    source = attack(
        "block = bytes(1 << 20)",
        "try:",
        "    with open(os.environ['TMPDIR'] + '/x', 'ab', 0) as file:",
        "        for n in range(700): file.write(block)",
        "except OSError as error: return errno.errorcode[error.errno]",
        "return 'done'",
    )
    outcome = await caged.outcome(source, memory_mb=1024, timeout_s=30)

    told = json.loads(outcome.result)
    assert told in ("ENOSPC", "EFBIG") or outcome.status == Status.MEMORY_EXCEEDED, outcome


async def test_files_without_end_take_no_more_than_its_memory(caged: Cage) -> None:
    source = attack(
        "try:",
        "    for n in range(100_000):",
        "        os.close(os.open(os.environ['TMPDIR'] + f'/{n}', os.O_CREAT | os.O_WRONLY))",
        "except OSError as error: return errno.errorcode[error.errno]",
        "return 'done'",
    )
    grouped = not any("not for all together" in line for line in caged.opened.missing)
    if caged.tier in ("gvisor", "basic") or (caged.tier == "bwrap" and not grouped):
        pytest.skip("they are files of its own kernel, or are not counted")
    outcome = await caged.outcome(source, memory_mb=64, timeout_s=20)

    ended = (Status.MEMORY_EXCEEDED, Status.PROCESS_EXITED)
    assert json.loads(outcome.result) == "ENOSPC" or outcome.status in ended, outcome


async def test_a_neighbour_answers_while_another_syncs_without_end(caged: Cage) -> None:
    storm = caged.shelf.version(
        attack(
            "until = time.monotonic() + event",
            "n = 0",
            "with open(os.environ['TMPDIR'] + '/x', 'wb', 0) as file:",
            "    while time.monotonic() < until:",
            "        file.write(b'x' * 4096); os.fsync(file.fileno()); os.sync(); n += 1",
            "        if n % 1000 == 0: file.seek(0)",
            "return n",
        ),
        timeout_s=30,
    )
    calm = caged.shelf.version(attack("return 'here'"), timeout_s=20)
    stormy, neighbour = await caged.begin(storm), await caged.begin(calm)
    raging = asyncio.create_task(stormy.run(task(storm, b"2")))
    answers = [await neighbour.run(task(calm)) for _ in range(5)]
    still = not raging.done()
    raged = await raging
    await stormy.stop()
    await neighbour.stop()

    assert [answer.result for answer in answers] == ['"here"'] * 5
    assert still
    assert raged.status == Status.SUCCESS
    assert int(raged.result) > 0


#: Leaves everything that it can, and says what it finds of others.
STAYS = (
    "ours = lambda: sorted(p for p in os.listdir('/proc') if p.isdigit())",
    "found = [os.listdir('/tmp'), os.listdir('/dev/shm'), len(ours())]",
    "key = LIBC.shmget(0x48756964, 4096, 0)",
    "found.append(key >= 0)",
    "LIBC.shmget(0x48756964, 4096, 0o1666)",
    "Path('/tmp/left').write_text('x')",
    "try: Path('/dev/shm/left').write_text('x')",
    "except OSError as error: found.append(str(error))",
    "listener = socket.socket(socket.AF_UNIX)",
    "try:",
    "    listener.bind('\\0huidu-left')",
    "    listener.listen()",
    "except OSError as error: found.append(str(error))",
    "if os.fork() == 0:",
    "    os.setsid()",
    "    for number in range(1, 32):",
    "        try: signal.signal(number, signal.SIG_IGN)",
    "        except OSError: pass",
    "    time.sleep(600)",
    "threading.Thread(target=time.sleep, args=(600,)).start()",
    "return found",
)


async def test_nothing_survives_into_the_next_call_of_another(caged: Cage) -> None:
    if caged.tier == "basic":
        pytest.skip("it has nothing in common to leave a thing in; see test_walls")
    first = await caged.result(attack(*STAYS))
    second = await caged.result(attack(*STAYS))

    assert second == first
    assert first[0] == first[1] == []
    assert first[3] is False


LISTENS = (
    "global held",
    "held = [socket.create_server(('127.0.0.1', 0)), socket.socket(socket.AF_UNIX)]",
    "held[1].bind(f'\\0huidu-other-{event}')",
    "held[1].listen()",
    "Path(f'/tmp/secret-{event}').write_text('x')",
    "return [os.getpid(), held[0].getsockname()[1]]",
)
LOOKS = (
    "pid, port, name = event",
    "seen = []",
    "for family, to in ((2, ('127.0.0.1', port)), (1, f'\\0huidu-other-{name}')):",
    "    try:",
    "        socket.socket(family).connect(to)",
    "        seen.append(family)",
    "    except OSError: pass",
    "if os.path.exists(f'/tmp/secret-{name}'):",
    "    seen.append('file')",
    "    os.unlink(f'/tmp/secret-{name}')",
    "if os.getpid() != pid and os.path.exists(f'/proc/{pid}'): seen.append('process')",
    "return seen",
)


async def what_is_seen_of_a_neighbour(caged: Cage) -> object:
    name = os.urandom(4).hex()
    listens = caged.shelf.version(attack(*LISTENS))
    neighbour = await caged.begin(listens)
    outcome = await neighbour.run(task(listens, json.dumps(name).encode()))
    assert outcome.status == Status.SUCCESS, outcome
    seen = await caged.result(attack(*LOOKS), [*json.loads(outcome.result), name])
    await neighbour.stop()
    return seen


OWN_PYTHON = Path(sys.executable).resolve()


async def test_a_neighbour_that_runs_cannot_be_seen_or_reached(caged: Cage) -> None:
    if caged.tier not in APART:
        pytest.skip("it does not claim to")

    assert await what_is_seen_of_a_neighbour(caged) == []


async def test_neither_the_host_nor_its_services_are_reached(caged: Cage) -> None:
    if caged.tier not in APART:
        pytest.skip("it has the network of the host")
    source = attack(
        "reached = []",
        "for to in (('127.0.0.1', event), ('169.254.169.254', 80), ('169.254.0.23', 80)):",
        "    try:",
        "        socket.create_connection(to, 1)",
        "        reached.append(to)",
        "    except OSError: pass",
        "for abstract in ('/run/systemd/notify', '\\0/tmp/dbus', '/var/run/docker.sock'):",
        "    try:",
        "        socket.socket(socket.AF_UNIX).connect(abstract)",
        "        reached.append(abstract)",
        "    except OSError: pass",
        "return reached",
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert await caged.result(source, server.getsockname()[1]) == []


@pytest.mark.parametrize("tier", EVERY)
async def test_the_hosts_own_are_reached_where_the_operator_says_so(
    tier: str, tmp_path: Path
) -> None:
    source = attack("socket.create_connection(('127.0.0.1', event), 5)", "return 'done'")
    async with cage(tier, tmp_path, "host") as open_:
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert await open_.result(source, server.getsockname()[1], timeout_s=10) == "done"


@pytest.mark.parametrize("tier", EVERY)
async def test_a_function_that_is_to_have_no_network_has_none_where_others_have_the_hosts(
    tier: str, tmp_path: Path
) -> None:
    source = attack("socket.create_connection(('127.0.0.1', event), 5)", "return 'done'")
    wants_none = (("public_net_config", json.dumps({"PublicNetStatus": "DISABLE"})),)
    async with cage(tier, tmp_path, "host") as open_:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            outcome = await open_.outcome(source, port, timeout_s=10, settings=wants_none)

    assert outcome.status == 430, outcome


@pytest.mark.skipif(
    os.geteuid() == 0 and not all(p.stat().st_mode & 1 for p in OWN_PYTHON.parents),
    reason="it runs on the Python of the platform, which lies in a closed home",
)
@pytest.mark.parametrize(
    ("wanted", "status", "said"),
    [
        (
            {"file": "bootstrap", "runtime": "CustomRuntime", "handler": "x"},
            445,
            "allows none to functions",
        ),
        ({"file": "scf_bootstrap", "type": "HTTP"}, 446, "to itself"),
    ],
)
async def test_what_needs_a_socket_is_told_where_it_cannot_have_one(
    wanted: dict[str, Any], status: int, said: str, tmp_path: Path
) -> None:
    async with cage("basic", tmp_path) as closed:
        version = closed.shelf.version("#!/bin/sh\n", **wanted)
        (closed.shelf.unpacked(version.code) / wanted["file"]).chmod(0o755)
        with pytest.raises(StartFailed, match=said) as failed:
            await closed.begin(version)

    assert failed.value.ending.status == status


ENVIRONMENTS = (
    "LIBC.prctl(4, 1, 0, 0, 0)",
    "seen = set()",
    "for p in Path('/proc').glob('[0-9]*/environ'):",
    "    try: seen |= {v.split('=')[0] for v in p.read_text(errors='replace').split('\\0') if v}",
    "    except OSError: pass",
    "return sorted(seen - set(os.environ))",
)


async def test_the_environment_that_can_be_read_is_its_own(caged: Cage) -> None:
    assert await caged.result(attack(*ENVIRONMENTS)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="without walls, it takes root to bite")
async def test_without_walls_they_bite(tmp_path: Path) -> None:
    async with cage("none", tmp_path) as bare:
        seen = await what_is_seen_of_a_neighbour(bare)
        environment = await bare.result(attack(*ENVIRONMENTS))
        gate = await bare.result(attack(*OLD_GATE))

    assert seen == [2, 1, "file", "process"]
    assert environment
    assert gate in ("done", "refused")  # Not every kernel has such a gate.


#: Leaves a process behind that is in a session of its own and heeds no signal.
DAEMON = (
    'ignore = "import signal, sys, time; signal.signal(15, 1); time.sleep(600)"',
    "subprocess.Popen([sys.executable, '-c', ignore, event], start_new_session=True,",
    "    stdin=-3, stdout=-3, stderr=-3)",
    "return 'done'",
)


async def test_a_daemon_ends_with_its_instance_in_every_tier(caged: Cage, tmp_path: Path) -> None:
    mark = f"daemon-in-{caged.tier}-{tmp_path.name}-{os.getpid()}"
    version = caged.shelf.version(attack(*DAEMON))
    instance = await caged.begin(version)
    outcome = await instance.run(task(version, json.dumps(mark).encode()))
    assert outcome.result == '"done"', outcome
    if caged.tier in FILTERED:  # gVisor's processes are its own, and have no name here.
        assert soon(lambda: len(processes(mark)) == 1)
    await instance.stop()

    assert processes(mark) == []


async def test_an_instance_that_fails_to_load_says_what_it_said(caged: Cage) -> None:
    with pytest.raises(StartFailed, match="no function main_handler"):
        await caged.begin(caged.shelf.version("print('x')"))
