"""Recipe: how the instances of one version are made, and what they are made with."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from huidu.instances import answers
from huidu.instances.blueprint import Blueprint
from huidu.instances.claim import Running
from huidu.instances.launch import Spawner
from huidu.instances.outcomes import StartFailed
from huidu.instances.starting import Launcher, serve, start
from huidu.model.account import Account
from huidu.model.errors import Refusal
from huidu.model.function import Code
from huidu.model.version import Version
from huidu.model.web import is_web
from huidu.runtimes.table import Runtimes

Make = Callable[[], Coroutine[Any, Any, Running]]


class Packages(Protocol):
    """Where the code of versions is."""

    def unpacked(self, code: Code) -> Path:
        """Return the folder with the files of a package. May take long: called in a thread."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What instances are made with, whatever their version.

    `in_use` counts the instances of each package, by its digest, from before its folder is asked
    for until nothing of the instance is left: such a folder must stay.
    """

    packages: Packages
    runtimes: Runtimes
    launcher: Launcher = field(default_factory=Spawner)
    account: Account = field(default_factory=Account)
    in_use: Counter[str] = field(default_factory=Counter)

    def maker(self, version: Version) -> Make:
        """Return what starts instances of a version."""
        return Recipe(version, self).make


class Recipe:
    """How the instances of one version are made. Its code is looked at before each is started."""

    def __init__(self, version: Version, workshop: Workshop) -> None:
        self._version = version
        self._workshop = workshop
        self._layers = tuple(layer.code for layer in version.configuration.layers)
        self._codes = (version.code, *self._layers)

    async def make(self) -> Running:
        """Start an instance, or raise `StartFailed`."""
        self._workshop.in_use.update(code.sha256 for code in self._codes)
        try:
            begin = serve if is_web(self._version.configuration) else start
            instance = await begin(await self._draw(), self._workshop.launcher)
        except BaseException:
            self._over()
            raise
        instance.when_over(self._over)
        return instance

    def _over(self) -> None:
        in_use = self._workshop.in_use
        for code in self._codes:
            in_use[code.sha256] -= 1
            if not in_use[code.sha256]:
                del in_use[code.sha256]

    async def _draw(self) -> Blueprint:
        version, shop = self._version, self._workshop
        try:
            named = version.configuration.runtime
            web = is_web(version.configuration)
            runtime = shop.runtimes.web(named) if web else shop.runtimes.find(named)
            code, *layers = await asyncio.to_thread(
                lambda: [shop.packages.unpacked(one) for one in self._codes]
            )
        except (Refusal, OSError) as error:
            why = f"the version cannot be made ready: {error}"
            raise StartFailed(answers.unready(why)) from error
        return Blueprint(
            version=version,
            code=code,
            runtime=runtime,
            account=shop.account,
            layers=tuple(layers),
        )
