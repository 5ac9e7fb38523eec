"""Moved: how soon an alias that leads elsewhere does so, as its callers see it."""

from __future__ import annotations

import http.client
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench import filled, serving
from bench.serving import Served
from bench.speed.found import Moves, Tell
from bench.speed.stages import SCF, Workshop, settings, zipped
from bench.speed.wrk import Unusable
from huidu.actions.table import BY_NAME

CODE = "def main_handler(event, context):\n    return '{version}'\n"
PATIENCE_S = 10.0
APART_S = 0.01  #: At most, between an effect and the next change.
#: How long who changes may keep who watches from running; 5 ms otherwise, half of what is promised.
TURN_S = 0.0002
OK = 200


@dataclass
class Watcher:
    """Calls a URL over one connection, one call after another, and notes who answered."""

    url: str
    wanted: str = ""  #: Which version is waited for,
    since: float = float("inf")  #: and from when on none but it may answer.
    seen_at: float = 0.0
    stale: int = 0
    failed: int = 0
    seen: threading.Event = field(default_factory=threading.Event)
    over: bool = False

    def run(self) -> None:
        """Call until it is over."""
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port)
        while not self.over:
            began = time.perf_counter()
            try:
                connection.request("GET", where.path)
                answer = connection.getresponse()
                self._note(began, answer.status, json.loads(answer.read()))
            except (OSError, http.client.HTTPException, ValueError):
                self.failed += 1
                connection.close()
        connection.close()

    def _note(self, began: float, status: int, version: object) -> None:
        if status != OK:
            self.failed += 1
        elif version == self.wanted:
            if not self.seen.is_set():
                self.seen_at = time.perf_counter()
                self.seen.set()
        elif began > self.since:
            self.stale += 1

    def wait_for(self, version: str) -> None:
        """From now on, that version is news."""
        self.since = float("inf")
        self.seen.clear()
        self.wanted = version


def measure(functions: int, changes: int, tell: Tell) -> Moves:
    """Change an alias so many times on a server with so many other functions."""
    tell(f"moves of an alias among {functions:,} functions")
    with tempfile.TemporaryDirectory(prefix="huidu-bench-") as folder:
        if functions:
            filled.fill(Path(folder, "data"), functions, real=0)
        options = settings(max_functions=functions + 10)
        with serving.over(Path(folder), *options) as served:
            return _changed(served, functions, changes)


def _changed(served: Served, functions: int, changes: int) -> Moves:
    shop = Workshop(served)
    shop.make("moved", {"index.py": CODE.format(version=1)})
    package = zipped({"index.py": CODE.format(version=2)})
    shop.call("UpdateFunctionCode", "moved", ZipFile=package)
    shop.call("PublishVersion", "moved")
    watcher = Watcher(shop.url("moved", "plain"))
    watching = threading.Thread(target=watcher.run)
    watching.start()
    turn_s = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        for version in ("2", "1"):  # for warmth, not counted
            _change(served, watcher, version)
        every = [_change(served, watcher, str(2 - n % 2)) for n in range(changes)]
    finally:
        sys.setswitchinterval(turn_s)
        watcher.over = True
        watching.join()
    return Moves(
        functions=functions + 1,
        update_ms=[update for update, _ in every],
        effect_ms=[effect for _, effect in every],
        stale=watcher.stale,
        failed=watcher.failed,
    )


def _change(served: Served, watcher: Watcher, version: str) -> tuple[float, float]:
    """Lead the alias to a version; return how long the answer took, and from it the effect, in ms.

    An effect that is there before the answer took no time.
    """
    watcher.wait_for(version)
    asked = {"FunctionName": "moved", "Name": "plain", "FunctionVersion": version}
    began = time.perf_counter()
    served.client.call(BY_NAME[SCF, "UpdateAlias"], asked)
    watcher.since = time.perf_counter()
    if not watcher.seen.wait(PATIENCE_S):
        raise Unusable(f"version {version} did not answer within {PATIENCE_S:.0f} s")
    effect_s = max(0.0, watcher.seen_at - watcher.since)
    update_s = watcher.since - began
    time.sleep(random.random() * APART_S)
    return update_s * 1e3, effect_s * 1e3
