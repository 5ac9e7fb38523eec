"""What happens, as a server has it counted, kept and told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from huidu.model.invocation import Record
from huidu.observe.counters import Counters
from huidu.observe.deployed import Deployed
from huidu.observe.prometheus import Scene, tell
from huidu.observe.recorder import Recorder
from huidu.observe.series import Series
from huidu.observe.throttles import Throttles
from huidu.store.books import Books
from huidu.store.series import Series as KeptSeries

MakeRecorder = Callable[[Books, Counters, Callable[[Record], None]], Recorder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observing:
    """What sees every call."""

    counters: Counters
    recorder: Recorder
    throttles: Throttles
    series: Series
    deployed: Deployed

    @classmethod
    async def begin(
        cls, make: MakeRecorder, books: Books, kept: KeptSeries, stack: AsyncExitStack
    ) -> Observing:
        """Count and keep from now on, until the stack is closed."""
        counters = Counters(time.time)
        series = Series(counters, kept, time.time)
        await series.open()
        stack.push_async_callback(series.close, asyncio.create_task(series.run()))
        throttles = Throttles(time.time)
        recorder = make(books, counters, throttles.refused)
        stack.push_async_callback(recorder.close, asyncio.create_task(recorder.run()))
        return cls(
            counters=counters,
            recorder=recorder,
            throttles=throttles,
            series=series,
            deployed=Deployed(),
        )

    async def page(self) -> bytes:
        """Return what Prometheus reads of calls."""
        scene = Scene(
            named=self.deployed.named,
            running=self.counters.running(),
            nobodys=self.recorder.nobodys,
            records_dropped=self.recorder.dropped,
            counts_dropped=self.series.lost,
        )
        return await self.series.with_totals(lambda totals: tell(totals, scene))
