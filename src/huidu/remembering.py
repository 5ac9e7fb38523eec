"""Remembering: the stores as a server has them, opened together, and tidied now and then."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from huidu.model.errors import Refusal
from huidu.model.flood import Flood
from huidu.settings import Settings
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.firings import Firings
from huidu.store.journal import Journal
from huidu.store.logs import Logs
from huidu.store.objects import Objects
from huidu.store.packages import Packages
from huidu.store.parts import Parts
from huidu.store.queue import Queue
from huidu.store.reading import Reading
from huidu.store.salt import salt
from huidu.store.series import Series
from huidu.store.writing import Writing

TIDY_S = 3600.0
EVENTS_S = 60.0
KEEP_STATUSES_S = 3 * 86_400.0  #: Of asynchronous calls: three days, as the cloud does.
MOST_STATUSES = 200_000
UNUSED_CODE_S = 3600.0
#: Tree of migrations, file, and whether what is acknowledged is to survive a loss of power.
DATABASES = (
    ("catalog", "huidu.db", True),
    ("journal", "journal.db", False),
    ("series", "series.db", False),
)

log = structlog.get_logger("huidu.server")


def own(data: str) -> Path:
    """Return a directory that is there, and that nobody else reads where it is new."""
    directory = Path(data).resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What remembers."""

    catalog: Database
    journal: Journal
    series: Series
    logs: Logs
    queue: Queue
    firings: Firings  #: Of timers.
    packages: Packages
    objects: Objects  #: What was uploaded, for packages to be made of.
    parts: Parts
    salt: bytes  #: What sticky keys are sealed with.
    in_use: Counter[str]  #: The packages that instances are made of.
    scratch: Path  #: Where instances have their temporary files.


async def remember(settings: Settings, directory: Path, stack: AsyncExitStack) -> Stores:
    """Open every store, until the stack is closed."""
    opened = []
    for tree, file, durable in DATABASES:
        database = Database(directory / file, durable=durable)
        stack.push_async_callback(database.close)
        await database.open(tree)
        opened.append(database)
    catalog, journal, series = opened
    in_use = Counter[str]()
    most_bytes = settings.max_unpacked_mb << 20
    queue = Queue(catalog, settings.max_queued)
    objects = await asyncio.to_thread(Objects, directory / "objects")
    return Stores(
        catalog=catalog,
        journal=Journal(journal),
        series=Series(series),
        logs=await _logs(settings, directory / "logs", stack),
        queue=queue,
        firings=Firings(catalog, queue),
        packages=await asyncio.to_thread(
            Packages, directory / "packages", most_tree_bytes=most_bytes, in_use=in_use
        ),
        objects=objects,
        parts=Parts(objects, settings.max_object_mb << 20),
        salt=salt(directory),
        in_use=in_use,
        scratch=own(str(directory / "scratch")),
    )


async def _logs(settings: Settings, directory: Path, stack: AsyncExitStack) -> Logs:
    logs = Logs(
        directory,
        most_bytes=settings.max_logs_mb << 20,
        keep_s=settings.keep_logs_s,
        flood=Flood(settings.max_log_kb_s << 10),
        clock=time.time,
    )
    await logs.open()
    stack.push_async_callback(logs.close)
    stack.push_async_callback(stop, asyncio.create_task(logs.run()))
    return logs


async def stop(task: asyncio.Task[Any]) -> None:
    """End work in the background."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def tidy_events(settings: Settings, stores: Stores) -> None:
    """Forget, every minute, what became of events long ago, and dead letters that are too many."""
    while True:
        await asyncio.sleep(EVENTS_S)
        now = time.time()
        try:
            await stores.queue.forget(
                now - KEEP_STATUSES_S,
                MOST_STATUSES,
                now - settings.keep_dead_s,
                settings.max_dead,
            )
        except Refusal as refusal:
            log.warning("tidy.failed", reason=refusal.message)


async def tidy(settings: Settings, stores: Stores, catalog: Catalog) -> None:
    """Forget, now and then, what nobody will ask for again."""
    while True:
        now = time.time()
        try:
            used = await catalog.read(Reading.codes)
            await asyncio.to_thread(
                stores.packages.forget, used, older_than_s=UNUSED_CODE_S, now=now
            )
            await asyncio.to_thread(stores.packages.evict)
            for uploaded in (stores.objects, stores.parts):
                await asyncio.to_thread(uploaded.forget, now, settings.keep_objects_s)
            await stores.journal.forget(now - settings.keep_records_s)
            await stores.logs.tidy()
            forget = partial(Writing.forget_happenings, before=now - settings.keep_events_s)
            await catalog.write(forget)
            counted = await stores.series.functions()  # before: one made meanwhile is not gone
            there = await catalog.read(Reading.function_ids)
            await stores.series.forget(now, counted - there)
        except (Refusal, OSError) as error:
            log.warning("tidy.failed", reason=str(error))
        except Exception:
            # One thing that cannot be read is no reason never to tidy up again.
            log.exception("tidy.failed")
        await asyncio.sleep(TIDY_S)
