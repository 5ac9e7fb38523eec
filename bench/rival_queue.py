"""What huey runs: the same work, from a queue of its own on SQLite that syncs as ours does."""

from __future__ import annotations

import os
import time
from typing import Any

from huey import SqliteHuey  # type: ignore[import-untyped] # it has none

FILE = "BENCH_HUEY"
huey: Any = SqliteHuey("bench", filename=os.environ.get(FILE, ":memory:"), fsync=True)


@huey.task()  # type: ignore[untyped-decorator] # as above
def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Do what the function does: say when it began."""
    return {"ok": True, "at": time.time()}
