"""The launcher of tiers `sandbox` and `basic`: instances as forks of a zygote, each in walls."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from huidu.instances.launch import Launched, Order, Scene, wired
from huidu.instances.network.networks import Networks, Place
from huidu.instances.sandbox import groups
from huidu.instances.sandbox.forks.contained import Contained
from huidu.instances.sandbox.forks.divided import Template, Undivided
from huidu.instances.sandbox.forks.heavy import Templates
from huidu.instances.sandbox.forks.lodging import Among, Apart, Footing, Lodging
from huidu.instances.sandbox.forks.nursery import Died, Nursery
from huidu.instances.sandbox.forks.stock import Stock
from huidu.instances.sandbox.groups import Group, Groups
from huidu.instances.sandbox.users import Users
from huidu.instances.sandbox.walls import kinds, limits
from huidu.instances.sandbox.zygote.cell import CHANNEL
from huidu.runtimes.table import FORKED

#: Forks of one zygote have the same layout in memory and the same seed for hashes.
RENEWED_S = 3600.0


class SandboxLauncher:
    """Starts instances from zygotes: one zygote for each interpreter, begun anew if it ends.

    What is no language of Python's is a program that a fork of the zygote of `house` turns into;
    `shown` are folders of the host that such programs need, beside those of the system.
    """

    def __init__(
        self,
        house: Path,
        networks: Networks | None = None,
        shown: Sequence[Path] = (),
        footing: Footing | None = None,
    ) -> None:
        footing = footing or Footing()
        self._house = house
        self._networks = networks or Networks()
        self._nurseries: dict[Path, Nursery] = {}
        self._coming: dict[Path, Nursery] = {}
        self._retired: list[Nursery] = []
        self._begun: dict[Path, float] = {}
        self._users = Users()
        self._templates = Templates(self._template)
        self._kind = footing.kind
        self._lodging: Lodging = Apart()
        if footing.kind == kinds.BASIC:
            self._lodging = Among(footing.scratch, self._users.group)
        self._stock = Stock(partial(self._nursery, house), self._fork)
        self._groups: Groups | None = None
        self.ungrouped = ""  #: Why the kernel does not count what an instance takes.
        self.unlimited: Sequence[str] = ()  #: What else groups could limit, and do not here.
        try:
            self._groups = groups.find() if footing.counts else None
            self.unlimited = self._groups.missing if self._groups else ()
        except OSError as error:
            self.ungrouped = str(error)
        self._settings = {
            "walls": footing.kind,
            "workers": FORKED,
            "network": self._networks.mode,
            "resolver": self._networks.resolver,
            "shown": [str(path) for path in (*shown, *self._lodging.shown)],
            "private": str(footing.scratch.parent),
            "counted": self._groups is not None,
        }

    def scene(self, code: Path, layers: Sequence[Path]) -> Scene:
        """Return where an instance finds its code."""
        return self._lodging.scene(code, layers)

    async def warm(self) -> int:
        """Have a zygote ready, or raise `OSError`; return the version of Landlock."""
        return await self._nursery(self._house).ready()

    async def launch(self, order: Order) -> Launched:
        """Fork an instance, or raise `OSError`. Its walls are built after this has returned.

        A program that can wait for its code is taken from stock, where there is one.
        """
        stocked = order.waits and self._kind == kinds.ROOT
        blank = await self._stock.take(order) if stocked else None
        if blank is not None:
            return blank
        template = self._templates.find(order)
        if template is not None:
            with suppress(Undivided):
                return await template.fork(order.memory_bytes)
        with suppress(Died):
            return await self._child(order)
        # What was begun has ended with its zygote, so that to begin it anew begins it once.
        return await self._child(order)

    async def _child(self, order: Order) -> Launched:
        with wired() as wires:
            fds = (wires.far_end.fileno(), wires.printed)
            return wires.to((await self._fork(order, fds))[0])

    def learn(self, order: Order, imports: Sequence[str]) -> None:
        """Have the next instances of a version begin with what it takes long to import."""
        # The forks of a template live in its namespaces, and what they take is not watched.
        if self._kind == kinds.ROOT and self._groups is not None:
            self._templates.want(order, imports)

    async def _template(self, order: Order, imports: Sequence[str]) -> Template:
        """Make a template for a version, or raise `OSError`."""
        with ExitStack() as lent:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            lent.enter_context(theirs)
            nothing = os.open(os.devnull, os.O_WRONLY)
            lent.callback(os.close, nothing)
            try:
                process, user = await self._fork(order, (theirs.fileno(), nothing), imports)
            except BaseException:
                ours.close()
                raise
        template = Template(process, ours, user, self._groups)
        try:
            await template.ready(order.memory_bytes)
        except BaseException:
            template.close()
            raise
        return template

    async def _fork(
        self, order: Order, fds: Sequence[int], imports: Sequence[str] = ()
    ) -> tuple[Contained, int]:
        nursery = self._nursery(order.interpreter if order.worker else self._house)
        await nursery.ready()
        place = await self._networks.place(online=order.online)
        user = self._users.lend()
        take_back = partial(self._take_back, user, place)
        try:
            lent = self._lodging.lend(order, user, take_back)
        except OSError:
            place.close()
            take_back()
            raise
        words = {
            **self._words(order, imports),
            **self._lodging.words(user, lent),
            "network": place.mode,
        }

        def birth(pidfd: int, group: Group | None) -> Contained:
            return Contained(pidfd, group, lent)

        every = (*fds, *place.descriptors)
        try:
            return await nursery.launch(words, every, order.memory_bytes, birth, lent.lost), user
        finally:
            place.close()

    def _take_back(self, user: int, place: Place) -> None:
        self._users.take_back(user)
        self._networks.leave(place)

    def _words(self, order: Order, imports: Sequence[str]) -> dict[str, Any]:
        workers, unseen = self._lodging.workers, order.memory_bytes + limits.UNSEEN_BYTES
        return {
            "worker": order.worker,
            "command": order.command(CHANNEL, workers) if not order.worker else (),
            "imports": list(imports),
            "code": str(order.code) if order.code.parts else "",  # A blank has none yet.
            "seen": str(self._lodging.scene(order.code, order.layers).code),
            "layers": [str(layer) for layer in order.layers],
            "environment": dict(order.environment),
            "memory_bytes": 0 if self._groups else unseen,
        }

    async def close(self) -> None:
        """End every zygote, and every instance with it."""
        await self._templates.close()
        await self._stock.close()
        every = (*self._nurseries.values(), *self._coming.values(), *self._retired)
        for nursery in every:
            with suppress(OSError, TimeoutError):
                await nursery.ready()
            nursery.close()
        if self._groups is not None:
            await asyncio.to_thread(self._groups.close)
        await self._networks.close()

    def _nursery(self, interpreter: Path) -> Nursery:
        """Return the zygote of an interpreter.

        One that has ended is begun anew; one that is old goes on until its successor is ready.
        """
        now = asyncio.get_running_loop().time()
        nursery = self._nurseries.get(interpreter)
        if nursery is None or not nursery.alive:
            self._leave_the_empty()
            return self._succeed(interpreter, self._begin(interpreter), now)
        if now - self._begun[interpreter] >= RENEWED_S and interpreter not in self._coming:
            self._coming[interpreter] = self._begin(interpreter)
        coming = self._coming.get(interpreter)
        if coming is not None and not coming.alive:
            del self._coming[interpreter]  # It is tried again by the next one who asks.
        elif coming is not None and coming.prepared:
            del self._coming[interpreter]
            self._retired.append(nursery)
            self._leave_the_empty()
            return self._succeed(interpreter, coming, now)
        return nursery

    def _begin(self, interpreter: Path) -> Nursery:
        return Nursery(interpreter, self._settings, self._groups)

    def _succeed(self, interpreter: Path, nursery: Nursery, now: float) -> Nursery:
        self._begun[interpreter] = now
        self._nurseries[interpreter] = nursery
        return nursery

    def _leave_the_empty(self) -> None:
        """End old zygotes that have no instance any more."""
        for nursery in self._retired:
            if nursery.empty:
                nursery.close()
        self._retired = [nursery for nursery in self._retired if nursery.alive]
