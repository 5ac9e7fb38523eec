"""Scenes: the gray release of function B, step by step, each with its check."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

from demo.entrance import ENVIRONMENTS, Entrance
from demo.load import Called
from demo.operator import Operator
from demo.screen import Phase, Screen, percent, spaced
from demo.stage import Load, StockService
from demo.texts import DRAFT, VERSIONS

ZONE = ZoneInfo("Asia/Shanghai")
OLD, NEW = "1", "2"
WEIGHTS = 0.1, 0.3, 0.5, 1.0
PHASE_S, SHORT_S = 3.0, 2.0
DRAW_S = 0.1
SETTLE_S = 0.2  #: Until a call that has ended is known here.
SUCCESS = 200
TRIES = 20


@dataclass
class Scenes:
    """What is played; in the order of the methods."""

    screen: Screen
    operator: Operator
    entrance: Entrance
    stock: StockService
    gateway: str
    pace: float = 1.0  #: Of how long it takes to look at each phase.
    began: datetime = field(default_factory=lambda: datetime.now(ZONE))
    released: Mapping[str, str] = field(default_factory=dict)  #: In each environment of A.

    def set_up(self) -> None:
        """Create the function and its aliases."""
        self.screen.step(
            "Function B, with an alias for release and one for rehearsal",
            "CreateFunction function-B; CreateAlias release, prepub at $LATEST",
            "both at $LATEST, and so is $DEFAULT, which comes with B",
        )
        self.entrance.delete()  # of an earlier demo
        self.operator.delete()
        self.operator.create(VERSIONS["1"], {"STOCK_SERVICE": self.stock.address})
        for alias in ("release", "prepub"):
            self.operator.create_alias(alias, "$LATEST")
        aliases = self.operator.aliases()
        ok = aliases == dict.fromkeys(("$DEFAULT", "release", "prepub"), "$LATEST")
        self.screen.seen(", ".join(f"{name} → {aliases[name]}" for name in aliases), ok=ok)

    def open_the_gateway(self) -> None:
        """Create service A, and release it into each environment, bound to another alias."""
        self.screen.step(
            "Service A before it, released three times; from then on only aliases move",
            "CreateService, CreateApi; ModifyApi and ReleaseService for each environment",
            "three released versions, and each environment is answered",
        )
        self.entrance.create()
        for number, (environment, alias) in enumerate(ENVIRONMENTS.items()):
            (self.entrance.edit if number else self.entrance.add)(alias)
            self.entrance.release(environment)
        self.released = self.entrance.released()
        answered = {name: self._by_http(name)({}) for name in ENVIRONMENTS}
        bound = (f"{name} → {alias} → {answered[name]}" for name, alias in ENVIRONMENTS.items())
        self.screen.seen(
            ", ".join(bound),
            ok=len({*self.released.values()}) == len(ENVIRONMENTS)
            and {*answered.values()} == {"$LATEST"},
        )

    def publish(self) -> None:
        """Publish versions 1 to 4."""
        self.screen.step(
            "Versions 1 to 4",
            "UpdateFunctionCode and PublishVersion, four times",
            "four numbers, four digests, and each answers with its own code",
        )
        numbers = []
        for code in VERSIONS.values():
            self.operator.edit(code)
            numbers.append(self.operator.publish())
        digests = self.operator.digests()
        unlike = len({digests[number] for number in numbers}) == len(numbers)
        for number in numbers:
            answer = self.operator.call(number)
            self.screen.seen(
                f"version {number}, digest {_short(digests[number])}, says “{answer['says']}”",
                ok=answer["version"] == number in VERSIONS and unlike,
            )

    def develop(self) -> None:
        """Edit `$LATEST` while the versions stay."""
        self.screen.step(
            "Development goes on",
            "UpdateFunctionCode",
            "$DEFAULT follows $LATEST; the four versions stay as they were",
        )
        before = self.operator.digests()
        self.operator.edit(DRAFT)
        answer, after = self.operator.call(), self.operator.digests()
        changed = [number for number in before if before[number] != after[number]]
        self.screen.seen(
            f"without a name: {answer['version']} says “{answer['says']}”; "
            f"digests that changed: {_listed(changed)}",
            ok=answer["version"] == "$LATEST" and changed == ["$LATEST"],
        )

    def rehearse(self) -> None:
        """Move `prepub` to 3, and `release` to where it was."""
        self.screen.step(
            "Rehearsal: prepub to version 3, while release is at 1",
            "UpdateAlias prepub, UpdateAlias release",
            "all calls of an alias are answered by its version",
        )
        self.operator.point("prepub", "3")
        self.operator.point("release", OLD)
        for alias, expected in (("prepub", "3"), ("release", OLD)):
            answered = {self.operator.call(alias)["version"] for _ in range(TRIES)}
            said = f"{TRIES} calls of {alias}: version {_listed(answered)}"
            self.screen.seen(said, ok=answered == {expected})

    def let_bob_in(self) -> None:
        """Send Bob to version 4 of the rehearsal."""
        self.screen.step(
            "Rehearsal for one: Bob sees version 4",
            "UpdateAlias prepub, rule invoke.headers.User exact Bob to 4",
            "Bob reaches 4; Alice, and whoever says no name, 3",
        )
        self.operator.rule("prepub", "3", "invoke.headers.User", "Bob", "4")
        people: tuple[dict[str, str], ...] = ({"User": "Bob"}, {"User": "Alice"}, {})
        for way, call in (("RoutingKey", self._by_key), ("HTTP header", self._by_http("prepub"))):
            bob, alice, nobody = map(call, people)
            said = f"by {way}: Bob {bob}, Alice {alice}, no name {nobody}"
            self.screen.seen(said, ok=(bob, alice, nobody) == ("4", "3", "3"))

    def _by_key(self, routing_key: Mapping[str, str]) -> str:
        return self.operator.call("prepub", **routing_key)["version"]

    def _by_http(self, environment: str) -> Callable[[Mapping[str, str]], str]:
        address = self.gateway + self.entrance.path(environment)

        def call(headers: Mapping[str, str]) -> str:
            request = Request(address, headers=dict(headers))  # noqa: S310
            with urlopen(request) as answer:  # noqa: S310 - the gateway that we started
                return str(json.load(answer)["version"])

        return call

    def release(self, load: Load) -> None:
        """Move `release` from version 1 to version 2, a share at a time."""
        self.screen.step(
            "Gray release: from version 1 to 2, while calls come in",
            "UpdateAlias release, weight of version 2: 10, 30, 50, 100 %",
            f"exact shares, give or take the {load.callers} calls under way; no errors",
        )

        def well(phase: Phase) -> bool:
            return phase.flawless and phase.off <= load.callers

        phases: list[Phase] = []
        with self.screen.live(phases) as draw:
            watch = Watch(load, phases, draw)
            watch.phase(0.0, SHORT_S * self.pace, well)
            for weight in WEIGHTS:
                self.operator.point("release", OLD, {NEW: weight})
                watch.phase(weight, PHASE_S * self.pace, well)
        total = sum(phase.total for phase in phases)
        failed = sum(sum(phase.errors) + phase.lost for phase in phases)
        self.screen.seen(
            f"{spaced(total)} calls, {failed} of them in error or lost; "
            f"no share is off by more than {max(phase.off for phase in phases):.1f} calls",
            ok=all(phase.ok for phase in phases),
        )

    def fail(self, load: Load) -> None:
        """Break the service that only version 2 needs, and watch."""
        self.screen.step(
            "Version 2 turns bad",
            "the stock service, which only version 2 asks, is stopped",
            "errors of version 2, and of no other",
        )
        self.stock.breaks()
        phases: list[Phase] = []
        with self.screen.live(phases) as draw:
            watch = Watch(load, phases, draw)
            watch.phase(1.0, PHASE_S * self.pace, lambda p: p.errors[1] > 0 == p.errors[0])
        good, bad = phases[0].errors
        spared = self.operator.call(OLD)["version"] == OLD
        self.screen.seen(
            f"{spaced(bad)} errors of version 2, {good} of version 1, which "
            f"{'answers' if spared else 'does not answer'} when called by number",
            ok=bad > 0 and not good and spared,
        )
        problems = [called.problem for called in load.calls if called.status != SUCCESS]
        self.screen.note("such as", problems[-1].strip().splitlines()[-1] if problems else "none")

    def roll_back(self, load: Load) -> None:
        """Bring `release` back to version 1 in one step."""
        self.screen.step(
            "Back to version 1",
            "UpdateAlias release, all calls to version 1",
            "no call that starts after the acknowledgement fails or reaches 2",
        )
        sent = time.monotonic()
        self.operator.point("release", OLD)
        acknowledged = time.monotonic()
        phases: list[Phase] = []
        with self.screen.live(phases) as draw:
            watch = Watch(load, phases, draw)
            watch.phase(0.0, SHORT_S * self.pace, lambda p: p.flawless and not p.calls[1])
        bad = [c.began for c in load.calls if c.status != SUCCESS or c.version != OLD]
        late = sum(began > acknowledged for began in bad)
        took, last = (acknowledged - sent) * 1000, (max(bad) - acknowledged) * 1000
        self.screen.seen(
            f"acknowledged after {took:.1f} ms; the last call with a bad answer had started "
            f"{abs(last):.1f} ms {'AFTER' if last > 0 else 'before'} that; of "
            f"{spaced(phases[0].total)} calls since, {late} bad",
            ok=not late and phases[0].flawless,
        )

    def look_back(self, load: Load) -> None:
        """Show what is written down: the errors, the history and the reason for one call."""
        self.screen.step(
            "What is written down",
            "GetFunctionLogs, ListAliasHistory, ExplainRoute, DescribeServiceEnvironmentList",
            "the same errors as the callers saw, every move, a reason, an untouched gateway",
        )
        time.sleep(SETTLE_S)
        failed = [called for called in load.calls if called.status != SUCCESS]
        for version in (OLD, NEW):
            seen = sum(called.version == version for called in failed)
            kept, _ = self.operator.failures(version, self.began)
            counts = f"{spaced(kept)} in the log, {spaced(seen)} at the callers"
            self.screen.seen(f"errors of version {version}: {counts}", ok=kept == seen)
        changes = self.operator.history("release")
        moves = [_move(change) for change in changes]
        expected = [*(f"1, {percent(weight)} to 2" for weight in WEIGHTS), "1"]
        self.screen.seen("history of release, the newest first:", ok=moves[4::-1] == expected)
        for change, move in zip(changes, moves, strict=True):
            clock = change["Time"].split()[-1]
            self.screen.note("", f"{change['Revision']}  {clock}  {change['Action']} → {move}")
        _, request_id = self.operator.failures(NEW, self.began)
        why = self.operator.explain(request_id)
        self.screen.seen(
            f"call {request_id[:8]} reached version {why['FunctionVersion']} through "
            f"{why['Alias']}, revision {why['AliasRevision']}:",
            ok=why["FunctionVersion"] == NEW and why["Alias"] == "release",
        )
        for each in why["Considered"]:
            self.screen.note("", f"version {each['Version']}, {each['What']}: {each['Why']}")
        after = self.entrance.released()
        told = ", ".join(f"{name} {_short(after[name])}…" for name in ENVIRONMENTS)
        self.screen.seen(f"service A is as it was released: {told}", ok=after == self.released)


def phase_of(calls: Collection[Called], expected: float) -> Phase:
    """Count calls by the version that answered."""

    def count(version: str) -> tuple[int, int]:
        answered = [called for called in calls if called.version == version]
        return len(answered), sum(called.status != SUCCESS for called in answered)

    (old, old_errors), (new, new_errors), (lost, _) = count(OLD), count(NEW), count("")
    return Phase(
        calls=(old, new),
        errors=(old_errors, new_errors),
        lost=lost,
        others=len(calls) - old - new - lost,
        expected=expected,
    )


@dataclass(frozen=True, slots=True)
class Watch:
    """Counts calls phase by phase, into a table that is drawn anew all the while."""

    load: Load
    phases: list[Phase]
    draw: Callable[[], None]

    def phase(self, weight: float, seconds: float, judge: Callable[[Phase], bool]) -> None:
        """Count the calls that begin and end in one phase, and judge it at its end."""
        began = time.monotonic()
        self.phases.append(phase_of([], weight))
        while (now := time.monotonic()) < began + seconds:
            self._show(began, now)
            time.sleep(DRAW_S)
        time.sleep(SETTLE_S)
        self._show(began, now)
        self.phases[-1] = replace(self.phases[-1], ok=judge(self.phases[-1]))
        self.draw()

    def _show(self, began: float, now: float) -> None:
        weight = self.phases[-1].expected
        self.phases[-1] = phase_of(self.load.between(began, now), weight)
        self.draw()


def _move(change: Mapping[str, Any]) -> str:
    after = change["After"]
    weights = after["RoutingConfig"]["AdditionalVersionWeights"]
    shares = [f"{percent(weight['Weight'])} to {weight['Version']}" for weight in weights]
    return ", ".join([after["FunctionVersion"], *shares])


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:8]


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
