"""The launcher of tier `gvisor`: each instance on a kernel of its own, played by gVisor."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from huidu.instances.blueprint import PATH
from huidu.instances.descriptors import STDERR, STDIN, STDOUT, keep_to_ourselves, spawn
from huidu.instances.launch import CHANNEL, PREFIX, Launched, Order, Scene, Wires, wired
from huidu.instances.network import resolver
from huidu.instances.sandbox.walls import limits, root
from huidu.instances.sandbox.wrapped import bubble, layered
from huidu.instances.sandbox.wrapped.rooms import Room, Rooms
from huidu.instances.sandbox.wrapped.wrapped import Wrapped, entering
from huidu.model import network
from huidu.runtimes.interpreter import prefix
from huidu.runtimes.workers import python_worker

#: What gVisor's own kernel takes beside the function, measured at 45 to 75 MB.
OVERHEAD_BYTES = 128 << 20
#: gVisor hands on no descriptor but the three of the standard streams, so the channel comes as
#: the first of them. A shell puts it where workers look for it.
UNPACK = f'exec {CHANNEL}<&0 0</dev/null; exec "$@"'
FOLDERS = ("/proc", "/dev", "/etc", root.TEMPORARY, root.CODE, root.WORKERS, root.LAYERS)


def found() -> str:
    """Return where gVisor is, or raise `OSError`."""
    for program in ("runsc", bubble.SETPRIV):
        if shutil.which(program, path=PATH) is None:
            raise FileNotFoundError(f"there is no {program} on this machine")
    return str(shutil.which("runsc", path=PATH))


class GvisorLauncher:
    """Starts programs within gVisor; what it needs of the disk lies in a folder of `scratch`."""

    def __init__(
        self, scratch: Path, reached: str = network.NONE, shown: Sequence[Path] = ()
    ) -> None:
        self._program = found()
        self._scratch = scratch
        self._network = reached
        self._shown = tuple(map(str, shown))
        self._root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=scratch))
        _furnish(self._root, resolver.hosts() if reached == network.HOST else "")
        self.rooms = Rooms()
        keep_to_ourselves()

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        """Return where an instance finds its code."""
        return layered.scene(layers)

    async def launch(self, order: Order) -> Launched:
        """Start a program within, or raise `OSError`. Its walls are built after this returned."""
        room = self.rooms.lend(order.memory_bytes + OVERHEAD_BYTES)
        bundle = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._scratch))
        try:
            text = json.dumps(self._configuration(order, room.user))
            (bundle / "config.json").write_text(text)
            reached = network.of_instance(self._network, online=order.online)
            with wired() as wires:
                return wires.to(self._start(bundle, room, wires, reached))
        except BaseException:
            shutil.rmtree(bundle)
            room.unused()
            raise

    def learn(self, order: Order, imports: Sequence[str]) -> None:
        """Start the next one as the first: each is a program of its own."""

    async def close(self) -> None:
        """Let go of what is shared; the instances have been ended before."""
        await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)
        await self.rooms.close()

    def _start(self, bundle: Path, room: Room, wires: Wires, reached: str) -> Wrapped:
        program = (
            *(str(shutil.which(bubble.SETPRIV, path=PATH)), "--pdeathsig", "KILL"),
            *(self._program, "-root", str(bundle / "state"), "-ignore-cgroups"),
            *("-network", reached, "run", "-bundle", str(bundle), bundle.name),
        )
        placed = {STDIN: wires.far_end.fileno(), STDOUT: wires.printed, STDERR: wires.printed}
        pid = spawn(entering(room.group, program), placed)
        tidied = partial(asyncio.to_thread, shutil.rmtree, bundle, ignore_errors=True)
        return Wrapped(pid, room.group, room.leave, tidied=tidied)

    def _configuration(self, order: Order, user: int) -> Mapping[str, Any]:
        """Return the file that describes a container (OCI runtime specification 1.0)."""
        own = {"HOME": root.TEMPORARY, "TMPDIR": root.TEMPORARY, **order.environment}
        program = ("/bin/sh", "-c", UNPACK, "sh", *order.command(CHANNEL, Path(root.WORKERS)))
        nothing: list[str] = []
        kinds = ("bounding", "effective", "inheritable", "permitted", "ambient")
        alone = network.of_instance(self._network, online=order.online) == network.NONE
        kinds_apart = ("pid", "ipc", "uts", "mount", *(("network",) if alone else ()))
        return {
            "ociVersion": "1.0.2",
            "hostname": root.NAME,
            "root": {"path": str(self._root), "readonly": True},
            "process": {
                "user": {"uid": user, "gid": user},
                "args": program,
                "env": [f"{key}={text}" for key, text in own.items()],
                "cwd": root.CODE,
                "capabilities": dict.fromkeys(kinds, nothing),
                "rlimits": [
                    {"type": name, "hard": most, "soft": most} for name, most in _limits().items()
                ],
                "noNewPrivileges": True,
            },
            "mounts": [*self._mounts(order)],
            "linux": {
                "namespaces": [{"type": kind} for kind in kinds_apart],
            },
        }

    def _mounts(self, order: Order) -> Iterator[Mapping[str, Any]]:
        temporary = [f"size={limits.TEMPORARY_BYTES}", "mode=1777"]
        yield {"destination": "/proc", "type": "proc", "source": "proc"}
        yield {
            "destination": root.TEMPORARY,
            "type": "tmpfs",
            "source": "tmpfs",
            "options": temporary,
        }
        for path in root.shown((str(prefix(order.interpreter)), *self._shown)):
            if not os.path.islink(path):
                yield _bound(path, path)
        yield _bound(str(Path(python_worker.__file__).parent), root.WORKERS)
        yield _bound(str(order.code), root.CODE)
        for layer, place in layered.places(order.layers):
            yield _bound(str(layer), place)


def _bound(source: str, destination: str) -> Mapping[str, Any]:
    options = ["rbind", "ro", "nosuid", "nodev"]
    return {"destination": destination, "type": "bind", "source": source, "options": options}


@cache
def _limits() -> Mapping[str, int]:
    """Return the limits that gVisor's kernel keeps; the host's count what it takes itself."""
    return {"RLIMIT_NOFILE": limits.MOST_FILES, "RLIMIT_NPROC": limits.MOST_PROCESSES}


def _furnish(folder: Path, name_servers: str) -> None:
    """Put what no mount brings into a root: folders to mount on, links, and our own files."""
    folder.chmod(0o755)
    for inside in (*FOLDERS, *layered.SHELVES):
        (folder / inside[1:]).mkdir(parents=True, exist_ok=True)
    for path, text in root.files(name_servers).items():
        (folder / path[1:]).write_text(text)
    for path, target in root.LINKS.items():
        if not path.startswith("/dev/"):  # gVisor has its own.
            (folder / path[1:]).symlink_to(target)
    for path in root.shown(()):
        if os.path.islink(path):
            (folder / path[1:]).symlink_to(os.readlink(path))
