"""Rooms: what each instance has for itself, beside its walls: a user, and a count of its memory."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from huidu.instances.sandbox import groups
from huidu.instances.sandbox.groups import Group, Groups
from huidu.instances.sandbox.users import Users


@dataclass(frozen=True, slots=True)
class Room:
    """What one instance was lent."""

    user: int  #: Our own where we may take no other.
    group: Group | None
    leave: Callable[[], None]  #: To be called once, when its processes are gone.

    def unused(self) -> None:
        """Give all of it back, for there is no instance."""
        if self.group is not None:
            self.group.close()
        self.leave()


class Rooms:
    """Lends rooms; as an ordinary user with that user for all, and no group."""

    def __init__(self) -> None:
        self._users = Users()
        self._groups: Groups | None = None
        self.ungrouped = ""  #: Why memory is not counted over all processes of an instance.
        try:
            self._groups = groups.find()
        except OSError as error:
            self.ungrouped = str(error)

    def lend(self, memory_bytes: int) -> Room:
        """Return a room whose group holds so much, or raise `OSError`."""
        group = None
        if self._groups is not None:
            group = self._groups.make(secrets.token_hex(6))
            try:
                group.limit(memory_bytes)
            except OSError:
                group.close()
                raise
        if os.geteuid() != 0:
            return Room(os.getuid(), group, lambda: None)
        user = self._users.lend()
        return Room(user, group, partial(self._users.take_back, user))

    async def close(self) -> None:
        """Let go of the groups; may wait a moment for processes that are ending."""
        if self._groups is not None:
            await asyncio.to_thread(self._groups.close)
