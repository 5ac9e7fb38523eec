"""What is killed at random, under load: only its own calls fail, and nothing of it stays."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from requests.exceptions import RequestException
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from huidu.model.invocation import Status
from tests.instances.making import soon
from tests.platform import Platform, until

CALLERS = 3
TIERS = ("sandbox", "bwrap", "gvisor")
LEAST, ENOUGH_S = 2, 6.0
SLOW_S = 0.02
#: A call whose instance is killed while it runs, or while it starts.
TOLD = {Status.PROCESS_EXITED, Status.INIT_FAILED}
#: In gVisor the process that is killed may be the one that reads files for its kernel, which then
#: waits for it: the call ends in time.
TOLD_IN_GVISOR = TOLD | {Status.TIMED_OUT}
SLOW = f"""
import os, subprocess, sys, time
def main_handler(event, context):
    open("/tmp/left", "w").write("x")
    if event == "leave":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
            start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
    time.sleep({SLOW_S})
    return "done"
"""


@dataclass(frozen=True)
class Process:
    """A process, told from a later one with the same number."""

    pid: int
    began: str

    @property
    def there(self) -> bool:
        return state(self.pid)[1:] == (self.began,)

    @property
    def namespaces(self) -> set[str]:
        found = set()
        for kind in ("mnt", "pid", "net", "ipc", "uts", "user"):
            with suppress(OSError):
                found.add(str(Path(f"/proc/{self.pid}/ns/{kind}").readlink()))
        return found


def state(pid: int) -> tuple[int, str] | tuple[()]:
    """Return the parent of a process and when it began; nothing once it has ended."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if words[0] not in "ZX":
            return int(words[1]), words[19]
    return ()


def everybody() -> Iterator[tuple[Process, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (told := state(int(entry.name))):
            yield Process(int(entry.name), told[1]), told[0]


def family(pid: int) -> list[Process]:
    """Return all that a process started, and what those started."""
    pairs = list(everybody())
    found = [one for one, parent in pairs if parent == pid]
    for one in found:
        found += [child for child, parent in pairs if parent == one.pid]
    return found


def groups(pid: int) -> list[Path]:
    """Return the memory groups of a server."""
    while True:
        with suppress(FileNotFoundError):  # Groups of other servers come and go meanwhile.
            return [*Path("/sys/fs/cgroup").glob(f"**/huidu-{pid}-*")]


def is_gone(pid: int) -> bool:
    """Tell whether a server has no group any more."""
    return not groups(pid)


@dataclass
class Load:
    """Callers that call until they are told to stop."""

    platform: Platform
    stopping: threading.Event = field(default_factory=threading.Event)
    calls: list[tuple[float, float, int]] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        self.threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _call(self) -> None:
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                status = int(self.platform.invoke("slow")["StatusCode"])
            except RequestException:  # The SDK lets it pass where an answer breaks off.
                return
            except TencentCloudSDKException as error:
                if error.get_code() not in ("ClientNetworkError", "ServerNetworkError"):
                    self.calls.append((began, time.monotonic(), Status.INTERNAL_ERROR))
                return  # The server is gone.
            self.calls.append((began, time.monotonic(), status))

    @property
    def succeeded(self) -> int:
        return sum(status == Status.SUCCESS for *_, status in self.calls)


@dataclass(frozen=True)
class Traces:
    """What there is of a server beside its data: processes, namespaces, groups, mounts."""

    server: int
    processes: list[Process]
    namespaces: set[str]

    @classmethod
    def of(cls, server: int) -> Traces:
        processes = family(server)
        ours = Process(os.getpid(), "").namespaces
        own = {name for one in processes for name in one.namespaces} - ours
        return cls(server, processes, own)

    def left(self) -> list[str]:
        """Return what is there still."""
        everywhere = {name for one, _ in everybody() for name in one.namespaces}
        return [
            *(str(one) for one in self.processes if one.there),
            *sorted(self.namespaces & everywhere),
        ]


def kill_some(server: Platform, load: Load, dice: random.Random) -> list[float]:
    """Kill some processes of a server at random, one after the other; return when."""
    moments = []
    for _ in range(dice.randrange(1, 4)):
        if victims := family(server.process.pid):
            moments.append(time.monotonic())
            with suppress(ProcessLookupError):
                os.kill(dice.choice(victims).pid, signal.SIGKILL)
        seen = load.succeeded
        until(lambda seen=seen: load.succeeded >= seen + CALLERS, 40)
    return moments


def check(load: Load, killed: list[float], told: set[Status]) -> None:
    """See that only calls that ran when something was killed failed, and were told why."""
    failed = [call for call in load.calls if call[2] != Status.SUCCESS]
    assert {status for *_, status in failed} <= told
    assert len(failed) <= len(killed) * CALLERS
    for began, ended, _ in failed:
        assert any(began - 1 <= moment <= ended for moment in killed)


def check_left(traces: Traces, server: Platform) -> None:
    assert soon(lambda: not traces.left(), 10), traces.left()
    assert server.process.poll() is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")
@pytest.mark.timeout(200)
@pytest.mark.parametrize("tier", TIERS)
def test_what_is_killed_at_random_takes_its_own_calls_along_and_leaves_nothing(
    start: Callable[..., Platform], tier: str
) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    try:
        server = start("--set", f"tier={tier}")
    except AssertionError as error:
        if "cannot be had" not in str(error):
            raise
        pytest.skip(str(error).splitlines()[-1])
    server.make("slow", SLOW, Timeout=10)
    dice, turn, enough = random.Random(tier), 0, time.monotonic() + ENOUGH_S
    while turn < LEAST or time.monotonic() < enough:
        turn += 1
        load = Load(server)
        load.begin()
        try:
            until(lambda load=load: load.succeeded >= CALLERS, 40)
            killed = kill_some(server, load, dice)
            if turn % 2 == 0:
                server.invoke("slow", "leave")
                traces = Traces.of(server.process.pid)
                server.stop(signal.SIGKILL)
        finally:
            load.end()
        check(load, killed, TOLD_IN_GVISOR if tier == "gvisor" else TOLD)
        if turn % 2 == 0:
            check_left(traces, server)
            server = start("--set", f"tier={tier}", data=server.data)
            assert soon(partial(is_gone, traces.server))
    traces = Traces.of(server.process.pid)
    assert server.stop() == 0
    check_left(traces, server)
    assert soon(partial(is_gone, traces.server))
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert not any((server.data / "scratch").iterdir())
