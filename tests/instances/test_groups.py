"""Groups: made in whichever hierarchies there are, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from huidu.instances.sandbox import groups
from huidu.instances.sandbox.groups import BESIDE, HIERARCHIES, MEMORY, PREFIX, V1, V2, Group
from huidu.instances.sandbox.walls.limits import MOST_PROCESSES
from tests.instances.making import soon
from tests.platform import Platform

#: Hierarchies of both versions, where groups without any controller can be made as well.
HERE = [
    *(HIERARCHIES / name for name in (MEMORY, *BESIDE, "unified")),
    *([HIERARCHIES] if (HIERARCHIES / "cgroup.controllers").exists() else []),
]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")


def left_by(pid: int) -> list[Path]:
    """The groups of a server, anywhere."""
    return [path for here in HERE for path in here.rglob(f"{PREFIX}{pid}-*")]


@pytest.fixture(params=HERE, ids=lambda path: path.name)
def hierarchy(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A group of a test's own, in which servers may be that are no more."""
    place = Path(request.param) / f"sweeping-{os.getpid()}"
    try:
        place.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made there: {error}")
    yield place
    for folder in sorted(place.rglob("*/"), reverse=True):
        folder.rmdir()
    place.rmdir()


def test_groups_of_servers_that_are_no_more_are_swept(hierarchy: Path) -> None:
    pid, began = os.getpid(), groups._began(str(os.getpid()))
    gone, other = f"{PREFIX}{pid}-1-1", f"{PREFIX}4194304-7-1"
    mine = f"{PREFIX}{pid}-{began}-1"
    for name in (gone, other, mine):
        (hierarchy / name / "a").mkdir(parents=True)
    (hierarchy / "somebodys").mkdir()

    groups.sweep(hierarchy)

    assert {path.name for path in hierarchy.iterdir() if path.is_dir()} == {mine, "somebodys"}


def test_what_a_server_that_is_no_more_left_running_in_a_group_is_killed(hierarchy: Path) -> None:
    group = hierarchy / f"{PREFIX}4194304-7-2" / "a"
    group.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as left:
        (group / "cgroup.procs").write_text(str(left.pid))

        groups.sweep(hierarchy)

        assert left.wait(10) == -signal.SIGKILL
    assert not group.exists()


@as_root
def test_a_group_limits_memory_processors_and_processes() -> None:
    try:
        made = groups.find()
    except OSError as error:
        pytest.skip(str(error))
    group = made.make("one")
    group.limit(256 << 20)
    homes, kind = group._homes, group._kind
    try:
        assert (homes[MEMORY] / kind.limit).read_text().strip() == str(256 << 20)
        if "cpu" in homes:
            share = int((homes["cpu"] / kind.share).read_text())
            assert share == 2 * kind.share_of_128_mb
        if "pids" in homes:
            assert (homes["pids"] / "pids.max").read_text().strip() == str(MOST_PROCESSES)
        assert set(made.missing) == set(BESIDE) - set(homes)
        assert (group.kills(), group.peak_bytes() >= 0) == (0, True)
    finally:
        group.close()
        made.close()
    assert left_by(os.getpid()) == []


#: How the kernel writes what we read, in either version; the rest of the files is the same.
TOLD = {
    V1.events: "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    V2.events: "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n",
}


@pytest.mark.parametrize("kind", [V1, V2], ids=["v1", "v2"])
def test_what_the_kernel_tells_is_read_in_either_version(kind: groups.Kind, tmp_path: Path) -> None:
    homes = dict.fromkeys((MEMORY, *BESIDE), tmp_path)
    (tmp_path / "cgroup.procs").touch()
    (tmp_path / kind.events).write_text(TOLD[kind.events])
    (tmp_path / kind.peak).write_text("1048576\n")
    (tmp_path / kind.limit_with_swap).touch()
    group = Group(homes, kind)
    group.limit(128 << 20)

    assert (group.kills(), group.peak_bytes(), len(group.entrances)) == (2, 1 << 20, 1)
    assert (tmp_path / kind.share).read_text() == str(kind.share_of_128_mb)
    swap = (tmp_path / kind.limit_with_swap).read_text()
    assert swap == (str(128 << 20) if kind is V1 else "0")
    group.close()


@as_root
def test_a_server_that_is_killed_leaves_no_group_once_another_has_begun(
    start: Callable[..., Platform],
) -> None:
    server = start("--set", "tier=best")
    server.make("one")
    server.invoke("one")
    pid = server.process.pid
    if not left_by(pid):
        pytest.skip("no group can be made here")

    server.stop(signal.SIGKILL)
    assert soon(lambda: not any((g / "cgroup.procs").read_text() for g in left_by(pid)))
    server.again().stop()

    assert left_by(pid) == []


@as_root
def test_a_process_that_ends_well_leaves_no_group() -> None:
    source = (
        "from huidu.instances.sandbox import groups; import os\n"
        "made = groups.find(); made.make('a').close(); made.make('b'); made.close()"
    )
    ran = subprocess.Popen([sys.executable, "-c", source], stderr=subprocess.PIPE)
    _, said = ran.communicate(timeout=20)
    if ran.returncode:
        pytest.skip(said.decode())

    assert left_by(ran.pid) == []
