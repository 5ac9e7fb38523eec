"""What happens, as a server has a collector told of it."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import chain

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from huidu import __version__
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.observe.otel.export import ENDPOINT, LOGS, TRACES, Destination, Export
from huidu.observe.recorder import Recorder
from huidu.settings import NONE, Settings

PAGE_S = 10.0  #: How long the counters may be on their way to the thread that tells them.

Page = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """What tells of calls, and what places them in traces that somebody is told of."""

    export: Export
    tracing: Tracing

    @classmethod
    def begin(
        cls, settings: Settings, bits: Callable[[int], int], stack: AsyncExitStack
    ) -> Exporting:
        """Tell as the settings say until the stack is closed; the usual variable counts as well."""
        chosen = settings.otlp_endpoint
        destination = Destination(
            endpoint=os.environ.get(ENDPOINT, "") if chosen == NONE else chosen,
            headers=settings.sent_along() or None,
            signals=settings.signals(),
        )
        export = Export(destination, __version__, str(uuid.uuid4()), time.time_ns)
        stack.push_async_callback(export.close)
        traced = export.tells_of(TRACES)
        tracing = Tracing(bits=bits, ratio=settings.trace_ratio) if traced else HANDED_ON
        return cls(export=export, tracing=tracing)

    def watch(self, recorder: Recorder, stack: AsyncExitStack) -> None:
        """Tell of what is recorded; and of the counters a last time before these are closed."""
        if self.export.tells_of(TRACES) or self.export.tells_of(LOGS):
            recorder.show(self.export.take)
        stack.push_async_callback(self.export.measured)

    def measure(self, page: Page, registry: CollectorRegistry) -> None:
        """Tell what Prometheus would read. One more source of figures is one more row here."""
        registry.register(self.export)
        loop = asyncio.get_running_loop()

        async def read() -> bytes:
            return await page()

        def counted() -> Iterable[Metric]:
            text = asyncio.run_coroutine_threadsafe(read(), loop).result(PAGE_S)
            return text_string_to_metric_families(text.decode())

        self.export.measure(lambda: chain(counted(), registry.collect()))
