"""Watching: a rollout as it goes, in a terminal, as lines, or for programs."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from huidu.actions.rollouts import RolloutFacts
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.harmless import json_text
from huidu.cli.rollout import view, words
from huidu.cli.rollout.asking import ask, refuse, spelled
from huidu.model import amount
from huidu.model.rollout import OWNING, Event, State

WAIT_S = 15
ANSWER_S = 40.0  #: When a server that says nothing, not even that there is nothing, is gone.
AGAIN_S, MOST_AGAIN_S = 0.5, 5.0
SETTLE_S, LAST_S = 0.2, 2.0
#: With what `watch` leaves, by how the rollout has ended; a pause by the platform ends it, too.
FINISHED, TAKEN_BACK, LEFT, INTERRUPTED = 0, 3, 4, 130
ENDS: Mapping[str, int] = {State.DONE: FINISHED, State.BACK: TAKEN_BACK, State.TAKEN_OVER: LEFT}
#: What can be done about a rollout that nobody watches any more.
MEANWHILE = (("watch it again", "watch"), ("hold it", "pause"), ("take it back", "back"))
ROWS_BESIDE_STEPS = 19  #: Of the picture, where nothing is folded.
LEAST_STEPS = 2
UP_TO_FIGURES = re.compile(r"[^\d:]+")


class Shown(Protocol):
    """What a rollout is shown on."""

    def show(self, facts: RolloutFacts, came: Mapping[str, Any]) -> None:
        """Show how it stands now."""
        ...

    def say(self, text: str) -> None:
        """Say what is with the server; nothing where all is well again."""
        ...


def watch(client: Client, asked: Mapping[str, Any], *, as_json: bool) -> int:
    """Show a rollout until it has ended, or needs somebody; return with what to leave."""
    facts: RolloutFacts | None = None
    try:
        with _shown(as_json=as_json) as shown:
            for facts, came in follow(client, asked, shown.say):
                shown.show(facts, came)
    except (Refused, Unreachable) as error:
        raise refuse(client, asked, error) from None
    except KeyboardInterrupt:
        _leave(facts, asked)
        return INTERRUPTED
    assert facts is not None  # noqa: S101 - there is one answer at least
    if not as_json:
        typer.echo(words.outcome(facts))
        say_next(facts)
    return code_of(facts)


def code_of(facts: RolloutFacts) -> int:
    """Return with what to leave once a rollout is no more watched."""
    return ENDS.get(facts.state, LEFT)


def say_next(facts: RolloutFacts) -> None:
    """Say what can be done now."""
    for line in words.aligned(words.next_commands(facts)):
        typer.echo(line)


def _leave(facts: RolloutFacts | None, asked: Mapping[str, Any]) -> None:
    """Say that the rollout does not end with its watcher."""
    which = spelled(asked) if facts is None else words.command(facts, "").split(None, 2)[-1]
    can = [(what, f"huidu rollout {verb} {which}") for what, verb in MEANWHILE]
    for line in ("huidu: the rollout goes on", *words.aligned(can)):
        typer.echo(line, err=True)


def follow(
    client: Client, asked: Mapping[str, Any], say: Callable[[str], None]
) -> Iterator[tuple[RolloutFacts, Mapping[str, Any]]]:
    """Yield how a rollout stands, now and whenever something is new, until it needs no watcher.

    A server that is gone is waited for, once it has answered; raises `Unreachable` before.
    """
    facts, came = ask(client, "GetRollout", asked, RolloutFacts, ANSWER_S)
    which = {"RolloutId": facts.rollout_id}
    again_s, wait = AGAIN_S, {"Wait": WAIT_S}
    while True:
        yield facts, came
        if _is_over(facts):
            break
        seen = facts.seen
        while facts.seen == seen:
            try:
                facts, came = ask(
                    client, "WatchRollout", {**which, **wait, "After": seen}, RolloutFacts, ANSWER_S
                )
            except Unreachable as gone:
                if again_s == AGAIN_S:
                    say(f"{gone.args[0].split(';')[0]}; trying again")
                time.sleep(again_s)
                again_s = min(again_s * 2, MOST_AGAIN_S)
                continue
            if again_s > AGAIN_S:
                say("")
                again_s = AGAIN_S
    if facts.state not in OWNING:
        yield _last(client, which)


def _last(client: Client, which: Mapping[str, Any]) -> tuple[RolloutFacts, Mapping[str, Any]]:
    """Return how a rollout has ended: what was seen of it is written shortly after its end."""
    end = time.monotonic() + LAST_S
    while True:
        time.sleep(SETTLE_S)
        facts, came = ask(client, "GetRollout", which, RolloutFacts, ANSWER_S)
        if facts.report or facts.state != State.BACK or time.monotonic() > end:
            return facts, came


def _is_over(facts: RolloutFacts) -> bool:
    """Tell whether a rollout has ended, or was paused by the platform and needs somebody."""
    if facts.state not in OWNING:
        return True
    paused = [step for step in facts.steps if step.event == Event.PAUSE]
    return facts.state == State.PAUSED and bool(paused) and not paused[-1].who


@contextmanager
def _shown(*, as_json: bool) -> Iterator[Shown]:
    console = Console(highlight=False)
    if as_json:
        yield AsJson()
    elif not console.is_terminal or console.is_dumb_terminal:
        yield AsLines()
    else:
        with Live(console=console, auto_refresh=False) as live:
            yield AsPicture(console, live)


class AsJson:
    """One object a line, for programs."""

    def show(self, facts: RolloutFacts, came: Mapping[str, Any]) -> None:
        """Print it without the curve: who reads line by line has that."""
        told = {**came, "Evidence": _without_curve(came["Evidence"])}
        print(json_text(told), flush=True)  # noqa: T201 - it is a command

    def say(self, text: str) -> None:
        """Say what is with the server, beside the lines."""
        _beside(text)


def _without_curve(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {name: value for name, value in found.items() if name != "Curve"} if found else None


class AsLines:
    """A line for each change."""

    def __init__(self) -> None:
        self._revision = 0
        self._awaited: set[str] = set()

    def show(self, facts: RolloutFacts, came: Mapping[str, Any]) -> None:
        """Print the steps that are new, else what the next share waits for, once for each."""
        if not self._revision:
            typer.echo(
                f"{facts.begin_time}          {facts.rollout_id}  {words.title(facts)}: version "
                f"{facts.from_version} -> {facts.to_version}, plan {facts.plan}"
            )
        fresh = min(facts.revision - max(1, self._revision), len(facts.steps))
        for step in facts.steps[len(facts.steps) - fresh :]:
            typer.echo(f"{step.time}  {amount.percent(step.weight):>7}  {words.step(step)}")
        if fresh:
            self._awaited.clear()
        self._revision = facts.revision
        found = facts.evidence
        awaited = words.awaits(facts)
        kind = UP_TO_FIGURES.match(awaited)
        if found and kind and facts.state == State.RAMPING and kind[0] not in self._awaited:
            self._awaited.add(kind[0])
            sides = (
                words.side(facts.from_version, found.stable),
                words.side(facts.to_version, found.candidate),
            )
            typer.echo(f"{words.now_of(facts)}           waits for {awaited}; {'; '.join(sides)}")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Say what is with the server, beside the lines."""
        _beside(text)


def _beside(text: str) -> None:
    typer.echo(f"huidu: {text or 'the server is back'}", err=True)


class AsPicture:
    """A picture that is drawn anew all the while."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._facts: RolloutFacts | None = None
        self._note = ""

    def show(self, facts: RolloutFacts, came: Mapping[str, Any]) -> None:
        """Draw it."""
        self._facts = facts
        self._draw()

    def say(self, text: str) -> None:
        """Write below the picture that the server is gone."""
        self._note = text
        self._draw()

    def _draw(self) -> None:
        facts = self._facts
        if facts is None:
            return
        room = max(LEAST_STEPS, self._console.height - ROWS_BESIDE_STEPS)
        below = Text("\n" + self._note, "yellow") if self._note else Text()
        if not self._note and not _is_over(facts):
            below = Text("\nCtrl-C leaves; the rollout goes on", "dim")
        drawn = view.picture(facts, self._console.width, room)
        self._live.update(Group(drawn, below), refresh=True)
