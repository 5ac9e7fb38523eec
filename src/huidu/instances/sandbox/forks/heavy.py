"""Heavy: which versions have a template, since what they import takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from pathlib import Path

from huidu.instances.launch import Order
from huidu.instances.sandbox.forks.divided import Template, Undivided

#: Each holds what it imported in memory, shared with its forks.
MOST = 16
#: Forks of one template have the same layout in memory; and some day a version is called no more.
RENEWED_S, UNUSED_S = 3600.0, 600.0
LATER_S = 0.25  #: The call that was waited for comes first.

Make = Callable[[Order, Sequence[str]], Awaitable[Template]]


def key_of(order: Order) -> Hashable:
    """Return what two instances must have in common to be forks of one template.

    A folder that was removed and made again is another one: the template still sees the old.
    """
    return (
        *(order.interpreter, order.code, order.layers, order.memory_bytes, order.worker),
        tuple(map(_identity, (order.code, *order.layers))),
        order.online,
        tuple(sorted(order.environment.items())),
    )


def _identity(folder: Path) -> int:
    try:
        return folder.stat().st_ino
    except OSError:
        return 0


class Templates:
    """Makes templates in the background, and lets go of those that nobody uses."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._ready: dict[Hashable, tuple[Template, float]] = {}
        self._refused = set[Hashable]()  #: Of those it is known that they cannot be shared.
        self._making: dict[Hashable, asyncio.Task[None]] = {}
        self._retired: list[Template] = []
        self._timer: asyncio.TimerHandle | None = None

    def find(self, order: Order) -> Template | None:
        """Return the template of a version, where it has one."""
        if not self._ready:
            return None
        template, made_at = self._ready.get(key_of(order), (None, 0.0))
        if template is None:
            return None
        now = asyncio.get_running_loop().time()
        if template.alive and now - made_at < RENEWED_S:
            return template
        del self._ready[key_of(order)]
        self._retire(template)
        return None

    def want(self, order: Order, imports: Sequence[str]) -> None:
        """Have a template made that has imported these, unless there is one."""
        key = key_of(order)
        if key in self._ready or key in self._making or key in self._refused:
            return
        task = asyncio.get_running_loop().create_task(self._begin(key, order, imports))
        self._making[key] = task

    async def close(self) -> None:
        """End every template, and every instance that is a fork of one."""
        for task in self._making.values():
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        every = [*(template for template, _ in self._ready.values()), *self._retired]
        self._ready.clear()
        for template in every:
            template.close()
        for template in every:
            await template.closed()

    async def _begin(self, key: Hashable, order: Order, imports: Sequence[str]) -> None:
        try:
            await asyncio.sleep(LATER_S)
            template = await self._make(order, imports)
            self._ready[key] = (template, asyncio.get_running_loop().time())
            self._make_room()
        except Undivided:
            self._refused.add(key)
        except (OSError, TimeoutError):
            pass  # The next instance that takes long asks again.
        finally:
            del self._making[key]

    def _retire(self, template: Template) -> None:
        template.retire()
        self._retired = [one for one in (*self._retired, template) if one.alive]

    def _make_room(self) -> None:
        """Let go of those that have not been used for long, and of the others the oldest."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(UNUSED_S, self._make_room)
        now = asyncio.get_running_loop().time()
        by_use = sorted(self._ready, key=lambda key: self._ready[key][0].used_at, reverse=True)
        for place, key in enumerate(by_use):
            template, _ = self._ready[key]
            if place >= MOST or now - template.used_at > UNUSED_S or not template.alive:
                del self._ready[key]
                self._retire(template)
