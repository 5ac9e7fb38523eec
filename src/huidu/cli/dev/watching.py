"""Watching: tells what was saved in a project's folders; a burst of saves is one piece of news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from pathlib import Path

import structlog
from watchfiles import Change, awatch

from huidu.cli.dev.ground import Ground

#: A save is told when nothing else was saved for one step; and at the latest after the other.
STEP_MS, LONGEST_MS = 40, 400
AGAIN_S = 0.5
SETTLED_S = 0.2

log = structlog.get_logger("huidu.dev")


class Watch:
    """Remembers what was saved until somebody asks; what comes meanwhile waits for the next time.

    `survey` says what is to be watched, and is asked again whenever folders come or go.
    """

    def __init__(self, survey: Callable[[], Ground]) -> None:
        self._survey = survey
        self._news: set[str] = set()
        self._there = asyncio.Event()
        self._moved = asyncio.Event()

    async def changed(self) -> frozenset[str]:
        """Wait until something was saved, and return the names of it, each once."""
        await self._there.wait()
        return self.taken()

    def taken(self) -> frozenset[str]:
        """Return what was saved and not told yet."""
        self._there.clear()
        news, self._news = frozenset(self._news), set()
        return news

    def note(self, names: Iterable[str]) -> None:
        """Have these told."""
        self._news.update(names)
        self._there.set()

    def look_again(self) -> None:
        """Take note that other folders may have to be watched now."""
        self._moved.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        ground = await asyncio.to_thread(self._survey)
        loop = asyncio.get_running_loop()
        while True:
            self._moved.clear()
            # What was saved in a new folder before it was watched is news as well.
            loop.call_later(SETTLED_S, self.note, ())
            try:
                await self._watch(ground)
            except OSError as error:  # A folder went while it was being watched.
                log.debug("watch", reason=str(error))
                await asyncio.sleep(AGAIN_S)
            ground = await asyncio.to_thread(self._survey)

    async def _watch(self, ground: Ground) -> None:
        """Watch until folders have come or gone."""
        there = [folder for folder in ground.folders if folder.is_dir()]
        if not there:
            await asyncio.sleep(AGAIN_S)
            return
        watching = awatch(
            *there,
            watch_filter=None,
            debounce=LONGEST_MS,
            step=STEP_MS,
            stop_event=self._moved,
            recursive=False,
            ignore_permission_denied=True,
        )
        async with aclosing(watching):
            async for changes in watching:
                news = {ground.name_of(Path(path)) for _, path in changes} - {""}
                if news:
                    self.note(news)
                if any(_moves(ground, change, Path(path)) for change, path in changes):
                    return


def _moves(ground: Ground, change: Change, path: Path) -> bool:
    """Tell whether a folder that is watched has gone, or one has come."""
    if change is Change.deleted:
        return path in ground.folders
    return change is Change.added and path not in ground.folders and path.is_dir()
