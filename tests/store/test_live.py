"""Live: what is printed meanwhile is in the log before the call has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from huidu.model.log import Chunk
from huidu.store.live import LISTEN_S, listen
from tests.store.test_logs import Clock, a_log, chunk, told


class Printer:
    """A call that has printed a line by now."""

    def printing(self, least_s: float) -> Iterator[Chunk]:
        assert least_s == LISTEN_S
        yield chunk(1, "so far\n", status=0)


async def test_whoever_runs_calls_is_asked_again_and_again(tmp_path: Path) -> None:
    logs = a_log(tmp_path, Clock())
    await logs.open()
    writing = asyncio.create_task(logs.run())
    listening = asyncio.create_task(listen(Printer(), logs))
    while logs.newest < 2:
        await logs.wait(logs.newest, 5.0)
    for task in (listening, writing):
        task.cancel()
    await asyncio.gather(listening, writing, return_exceptions=True)
    assert (await told(logs))[:2] == ["so far", "so far"]
    await logs.close()
