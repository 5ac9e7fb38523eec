"""The launcher of tier `bwrap`: each instance a program that bubblewrap keeps in."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from huidu.instances.blueprint import PATH
from huidu.instances.descriptors import STDERR, STDIN, STDOUT, keep_to_ourselves, spawn
from huidu.instances.launch import CHANNEL, Launched, Order, Scene, Wires, wired
from huidu.instances.network import resolver
from huidu.instances.sandbox.walls import kernel, limits, root, seccomp
from huidu.instances.sandbox.wrapped import layered
from huidu.instances.sandbox.wrapped.rooms import Room, Rooms
from huidu.instances.sandbox.wrapped.wrapped import Wrapped, entering
from huidu.model import network
from huidu.runtimes.interpreter import prefix
from huidu.runtimes.workers import python_worker

#: What it takes beside bubblewrap: both are of util-linux, which every distribution has.
PRLIMIT, SETPRIV = "prlimit", "setpriv"
ENVIRONMENT, OPTIONS, FILTER, TOLD, FIRST_FILE = 4, 5, 6, 7, 10

#: The last step within: takes the environment of the function. Not earlier, for what it holds
#: (LD_PRELOAD) must not change a program that still has a privilege; and not among the words of
#: a command, which all users of the machine can read.
DRESS = f'. /proc/self/fd/{ENVIRONMENT}; exec {ENVIRONMENT}<&-; exec "$@"'

#: Everything that bubblewrap can unshare but users: as root we become another user within.
AS_ROOT = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
AS_USER = ("--unshare-all",)
NEEDED = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")  #: To become that user, and nobody else.


def found() -> str:
    """Return where bubblewrap is, or raise `OSError`."""
    for program in ("bwrap", PRLIMIT, SETPRIV):
        if shutil.which(program, path=PATH) is None:
            raise FileNotFoundError(f"there is no {program} on this machine")
    return str(shutil.which("bwrap", path=PATH))


class BubbleLauncher:
    """Starts programs within bubblewrap, each with a user and a count of its memory.

    What was found by attacking it: bubblewrap itself begins with no environment, its root is made
    read-only, and as root another user is put on before anything of the function runs.
    """

    def __init__(self, reached: str = network.NONE, shown: Sequence[Path] = ()) -> None:
        self._program = found()
        self._network = reached
        self._shown = tuple(map(str, shown))
        self._filter = _memory("filter", seccomp.program(kernel.MACHINE))
        self.rooms = Rooms()
        keep_to_ourselves()

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        """Return where an instance finds its code."""
        return layered.scene(layers)

    async def launch(self, order: Order) -> Launched:
        """Start a program within, or raise `OSError`. Its walls are built after this returned."""
        room = self.rooms.lend(order.memory_bytes)
        try:
            with wired() as wires:
                return wires.to(self._start(order, room, wires))
        except BaseException:
            room.unused()
            raise

    def learn(self, order: Order, imports: Sequence[str]) -> None:
        """Start the next one as the first: each is a program of its own."""

    async def close(self) -> None:
        """Let go of what is shared; the instances have been ended before."""
        os.close(self._filter)
        await self.rooms.close()

    def _start(self, order: Order, room: Room, wires: Wires) -> Wrapped:
        with ExitStack() as stack:
            placed = {STDIN: os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)}
            stack.callback(os.close, placed[STDIN])
            for number, text in self._texts(order).items():
                placed[number] = _memory("text", text)
                stack.callback(os.close, placed[number])
            placed[FILTER] = _again(self._filter)
            stack.callback(os.close, placed[FILTER])
            told, tells = os.pipe()
            stack.callback(os.close, tells)
            placed |= {STDOUT: wires.printed, STDERR: wires.printed, TOLD: tells}
            placed |= {CHANNEL: wires.far_end.fileno()}
            try:
                pid = spawn(entering(room.group, self._command(order, room)), placed)
            except BaseException:
                os.close(told)
                raise
            return Wrapped(pid, room.group, room.leave, told)

    def _command(self, order: Order, room: Room) -> Sequence[str]:
        memory = 0 if room.group else order.memory_bytes
        names = _limit_names()
        held = [f"--{names[kind]}={most}" for kind, most in limits.each(memory).items()]
        within: list[str] = [PRLIMIT, *held, *(_becoming(room.user) if os.geteuid() == 0 else ())]
        within += ["/bin/sh", "-c", DRESS, "sh", *order.command(CHANNEL, Path(root.WORKERS))]
        return (self._program, "--args", str(OPTIONS), "--", *within)

    def _texts(self, order: Order) -> Mapping[int, bytes]:
        """Return what is handed over in files that only the instance can read."""
        own = {"HOME": root.TEMPORARY, "TMPDIR": root.TEMPORARY, **order.environment}
        # As `command`, a shell goes on where it keeps a name (UID) to itself.
        lines = [f"command export {key}={shlex.quote(text)}\n" for key, text in own.items()]
        options = "".join(f"{option}\0" for option in self._options(order))
        reached = network.of_instance(self._network, online=order.online)
        files = root.files(resolver.hosts() if reached == network.HOST else "").values()
        return {
            ENVIRONMENT: "".join(lines).encode(errors="surrogateescape"),
            OPTIONS: os.fsencode(options),
            **{FIRST_FILE + n: text.encode() for n, text in enumerate(files)},
        }

    def _options(self, order: Order) -> Iterator[str]:
        namespaces = [*(AS_ROOT if os.geteuid() == 0 else AS_USER)]
        if network.of_instance(self._network, online=order.online) == network.HOST:
            namespaces = [n for n in namespaces if n != "--unshare-net"]
            namespaces += ["--share-net"] if os.geteuid() != 0 else []
        yield from (*namespaces, "--unshare-cgroup-try", "--hostname", root.NAME)
        yield from ("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL")
        if os.geteuid() == 0:
            for capability in NEEDED:
                yield from ("--cap-add", capability)
        yield from ("--seccomp", str(FILTER), "--json-status-fd", str(TOLD))
        yield from self._root(order)
        yield from ("--setenv", "PATH", PATH, "--chdir", root.CODE)

    def _root(self, order: Order) -> Iterator[str]:
        """Yield the same root that the zygote builds, as options."""
        paths = [*root.shown((str(prefix(order.interpreter)), *self._shown))]
        inside = (*paths, *root.FILES, "/dev/null", root.WORKERS, root.CODE)
        # Folders that bubblewrap makes by itself can be entered by nobody but root.
        for folder in sorted({str(parent) for path in inside for parent in Path(path).parents}):
            yield from ("--perms", "0755", "--dir", folder)
        for path in paths:
            if os.path.islink(path):
                yield from ("--symlink", os.readlink(path), path)
            else:
                yield from ("--ro-bind", path, path)
        for number, path in enumerate(root.FILES, FIRST_FILE):
            yield from ("--perms", "0644", "--file", str(number), path)
        for device in root.DEVICES:
            yield from ("--dev-bind", f"/dev/{device}", f"/dev/{device}")
        for path, target in root.LINKS.items():
            yield from ("--symlink", target, path)
        yield from ("--proc", "/proc", "--remount-ro", "/proc")
        size = str(limits.TEMPORARY_BYTES)
        yield from ("--perms", "1777", "--size", size, "--tmpfs", root.TEMPORARY)
        yield from ("--ro-bind", str(Path(python_worker.__file__).parent), root.WORKERS)
        yield from ("--ro-bind", str(order.code), root.CODE)
        if len(order.layers) != 1:
            yield from ("--perms", "0755", "--dir", root.LAYERS)
        for layer, place in layered.places(order.layers):
            yield from ("--ro-bind", str(layer), place)
        yield from ("--remount-ro", "/")


def _becoming(user: int) -> Sequence[str]:
    """Return what turns into a program as a user with no privilege and no way to one."""
    ids = (f"--reuid={user}", f"--regid={user}", "--clear-groups")
    return (SETPRIV, *ids, "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all")


@cache
def _limit_names() -> Mapping[int, str]:
    """Return how prlimit calls each limit: as C does, without the beginning."""
    return {
        getattr(resource, name): name.removeprefix("RLIMIT_").lower()
        for name in dir(resource)
        if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
    }


def _memory(name: str, text: bytes) -> int:
    """Return a descriptor of a file in memory that has this text, at its start."""
    fd = os.memfd_create(name)
    os.write(fd, text)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _again(fd: int) -> int:
    """Return a descriptor of the same file with a place of its own in it."""
    return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
