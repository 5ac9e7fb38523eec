"""The story: a gray release of function B from beginning to end, each step checked."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

from demo.load import Called
from demo.operator import Operator
from demo.screen import Phase, Screen
from demo.stage import Load, NotUp, Server, StockService, free, stock_service
from demo.texts import DRAFT, VERSIONS

FUNCTION = "B"
DATA = Path(".huidu/demo")
PORTS = 9000, 9001
ZONE = ZoneInfo("Asia/Shanghai")

STEPS = 0.1, 0.3, 0.5, 1.0
CALLERS, PAUSE_S = 8, 0.015
PHASE_S, BAD_S, AFTER_S = 3.0, 3.0, 2.0
DRAW_S = 0.1
SETTLE_S = 0.2  #: Until a call that has ended is known here.
SUCCESS = 200

GENTLE_CALLERS, GENTLE_PAUSE_S = 4, 0.1
WINDOW_S = 10.0


@dataclass
class Story:
    """The steps, in the order in which they are played."""

    screen: Screen
    server: Server
    stock: StockService
    operator: Operator
    began: datetime = field(default_factory=lambda: datetime.now(ZONE))
    phases: list[Phase] = field(default_factory=list)

    def set_up(self) -> None:
        """Create the function, its aliases and its versions."""
        self.screen.step(
            "Function B, with aliases for release and rehearsal",
            "CreateFunction B; CreateAlias release, prepub at $LATEST",
            "$DEFAULT, which comes with B, and both aliases at $LATEST",
        )
        self.operator.delete()  # of an earlier demo
        self.operator.create(VERSIONS["1"], {"STOCK_SERVICE": self.stock.address})
        for alias in ("release", "prepub"):
            self.operator.create_alias(alias, "$LATEST")
        aliases = self.operator.aliases()
        ok = aliases == dict.fromkeys(("$DEFAULT", "release", "prepub"), "$LATEST")
        self.screen.seen(_arrows(aliases), ok=ok)

        self.screen.step(
            "Versions 1 to 4",
            "UpdateFunctionCode, PublishVersion, four times",
            "each answers with its own code, and has a digest of its own",
        )
        published = []
        for code in VERSIONS.values():
            self.operator.edit(code)
            published.append(self.operator.publish())
        answers = {number: self.operator.call(number) for number in published}
        digests = [self.operator.digests()[number] for number in published]
        ok = published == list(VERSIONS) and all(answers[n]["version"] == n for n in answers)
        self.screen.seen(
            "; ".join(f"{n} says {answers[n]['says']!r}" for n in answers),
            ok=ok and len({answer["says"] for answer in answers.values()}) == len(VERSIONS),
        )
        self.screen.seen(
            "digests " + ", ".join(digest.removeprefix("sha256:")[:8] for digest in digests),
            ok=len(set(digests)) == len(digests),
        )

    def develop(self) -> None:
        """Edit `$LATEST` while versions stay."""
        self.screen.step(
            "Development goes on",
            "UpdateFunctionCode",
            "$DEFAULT follows $LATEST; versions 1 to 4 stay as they were",
        )
        before = self.operator.digests()
        self.operator.edit(DRAFT)
        answer, after = self.operator.call(), self.operator.digests()
        moved = [number for number in before if before[number] != after[number]]
        self.screen.seen(
            f"a call by no name: {answer['version']} says {answer['says']!r}; "
            f"changed: {', '.join(moved)}",
            ok=answer["version"] == "$LATEST" and moved == ["$LATEST"],
        )

    def rehearse(self) -> str:
        """Move `prepub` to 3, and Bob to 4; return the path of its URL."""
        self.screen.step(
            "Rehearsal: prepub to version 3, release to version 1",
            "UpdateAlias prepub, UpdateAlias release",
            "20 calls to each, all answered by that version",
        )
        self.operator.point("prepub", "3")
        self.operator.point("release", "1")
        seen = {
            alias: [self.operator.call(alias)["version"] for _ in range(20)]
            for alias in ("prepub", "release")
        }
        text = "; ".join(f"{a}: {len(vs)} calls, version {_set(vs)}" for a, vs in seen.items())
        ok = set(seen["prepub"]) == {"3"} and set(seen["release"]) == {"1"}
        self.screen.seen(text, ok=ok)

        self.screen.step(
            "Rehearsal for Bob: prepub by rule",
            "UpdateAlias prepub, invoke.headers.User exact Bob to version 4",
            "Bob reaches 4, Alice and whoever says no name 3",
        )
        self.operator.rule("prepub", "3", "invoke.headers.User", "Bob", "4")
        path = self.operator.open_url("prepub")
        people = ({"User": "Bob"}, {"User": "Alice"}, {})
        expected = ["4", "3", "3"]
        by_key = [self.operator.call("prepub", **who)["version"] for who in people]
        by_http = [self._get(path, who) for who in people]
        for way, numbers in (("RoutingKey", by_key), ("an HTTP header", by_http)):
            bob, alice, nobody = numbers
            self.screen.seen(
                f"by {way}: Bob {bob}, Alice {alice}, no name {nobody}", ok=numbers == expected
            )
        return path

    def _get(self, path: str, headers: dict[str, str]) -> str:
        with urlopen(Request(f"{self.server.gateway}{path}", headers=headers)) as answer:  # noqa: S310 - our own
            return str(json.load(answer)["version"])

    def release(self, load: Load) -> None:
        """Move `release` from version 1 to version 2, a share at a time."""
        self.screen.step(
            "Gray release: release from version 1 to 2, under traffic",
            "UpdateAlias release, the weight of version 2: 10, 30, 50, 100 %",
            f"every share exact (the {load.callers} callers may have one call each under way), "
            "no call fails",
        )
        with self.screen.live(lambda: self.phases) as draw:
            self._watch(load, 0.0, time.monotonic(), PHASE_S / 2, draw)
            for weight in STEPS:
                self.operator.point("release", "1", {"2": weight})
                self._watch(load, weight, time.monotonic(), PHASE_S, draw)
        off = max(abs(p.calls[1] - sum(p.calls) * p.expected) for p in self.phases)
        failed = sum(sum(phase.errors) for phase in self.phases)
        calls = sum(sum(phase.calls) for phase in self.phases)
        self.screen.seen(
            f"{calls} calls, {failed} errors; no share off by more than {off:.1f} calls",
            ok=all(phase.ok for phase in self.phases),
        )

    def _watch(
        self,
        load: Load,
        weight: float,
        began: float,
        seconds: float,
        draw: Draw,
        errors: bool = False,
    ) -> None:
        """Count one phase while it lasts, and judge it at its end."""
        self.phases.append(phase_of([], weight))
        while time.monotonic() < began + seconds:
            time.sleep(DRAW_S)
            self.phases[-1] = phase_of(load.between(began, time.monotonic()), weight)
            draw()
        end = time.monotonic()
        time.sleep(SETTLE_S)
        phase = phase_of(load.between(began, end), weight)
        off = abs(phase.calls[1] - sum(phase.calls) * weight)
        right = bool(sum(phase.calls)) and off <= load.callers + 1
        well = not phase.errors[0] and bool(phase.errors[1]) is errors
        self.phases[-1] = replace(phase, ok=right and well)
        draw()
