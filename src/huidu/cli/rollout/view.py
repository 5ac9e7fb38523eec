"""View: how a rollout stands, as a picture in a terminal of any width."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from huidu.actions.rollouts import EvidenceFacts, PointFacts, RolloutFacts, SideFacts, StepFacts
from huidu.cli.rollout import words
from huidu.model import amount
from huidu.model.judge.judge import Verdict
from huidu.model.judge.tolerances import ERRORS, LATENCY
from huidu.model.judge.watch import SUSPECT, TAKEN_BACK
from huidu.model.ramp import ramp_of
from huidu.model.rollout import State
from huidu.model.split import WHOLE

WIDEST = 92
INDENT = (0, 0, 0, 2)
LABEL = 11  #: Columns of what a row is about.
SPARKS = "▁▂▃▄▅▆▇█"
LEAST_SPARK, MOST_SPARK = 8, 40
NOTABLE, ALARMING = 0.3, 0.8  #: Of what takes a version back: where the colour changes.
COLOURS: Mapping[str, str] = {
    State.RAMPING: "cyan",
    State.WAITING: "yellow",
    State.PAUSED: "yellow",
    State.BAKING: "cyan",
    State.DONE: "green",
    State.BACK: "red",
    State.TAKEN_OVER: "magenta",
}
FAILED = "bold red"
KNOWN_BELOW = 0.95  #: A limit beyond that says nothing of a share of calls.
#: What is asked of a metric, and where a point of the curve has it.
METRICS: Mapping[str, tuple[str, Callable[[PointFacts], float] | None]] = {
    ERRORS: ("fails more?", lambda point: point.errors),
    LATENCY: ("is slower?", lambda point: point.latency),
    SUSPECT: ("suspect?", None),
    TAKEN_BACK: ("too bad?", None),
}


def picture(facts: RolloutFacts, width: int, most_steps: int) -> Constrain:
    """Return how a rollout stands, with its latest steps, so many at most."""
    width = min(width, WIDEST)
    found = facts.evidence
    parts: list[RenderableType] = [_head(facts, width), _terms(facts), Text()]
    parts += [Padding(_bar(facts, width - 2), INDENT), Text()]
    if found is not None:
        parts += [Padding(_sides(facts, found), INDENT, expand=False), Text()]
    rows = _grid(_rows(facts, width))
    parts.append(Padding(rows, INDENT, expand=False))
    if facts.steps and most_steps > 0:
        parts += [Text(), Padding(_history(facts.steps, most_steps), INDENT, expand=False)]
    return Constrain(Group(*parts), width)


def _head(facts: RolloutFacts, width: int) -> Table:
    head = Table.grid(expand=True)
    head.width = width
    head.add_column(overflow="fold", ratio=1)
    head.add_column(justify="right", no_wrap=True)
    versions = f"  version {facts.from_version} → {facts.to_version}"
    took = amount.duration(words.age_s(facts))
    head.add_row(
        Text.assemble((words.title(facts), "bold"), versions),
        Text.assemble((facts.state, f"bold {COLOURS.get(facts.state, '')}"), (f"  {took}", "dim")),
    )
    return head


def _terms(facts: RolloutFacts) -> Text:
    """Return what it goes by, in a line that is folded where it is too long."""
    said = [
        facts.plan,
        *(f"guard {guard}" for guard in facts.guards),
        facts.owner and f"of {facts.owner}",
        facts.reason,
    ]
    return Text(" · ".join(words.clean(one) for one in said if one), "dim", overflow="fold")


def _bar(facts: RolloutFacts, width: int) -> Group:
    """Return how much of the calls it has, with the shares of its plan below."""
    colour = COLOURS.get(facts.state, "")
    labels = _labels(_shares(facts), facts.weight, width)
    marks = {_place(share, width) for share, _ in labels if share < 1}
    full = round(facts.weight * width)
    cells = ["┿" if at in marks else "━" for at in range(full)]
    rest = ["┼" if at in marks else "─" for at in range(full, width)]
    bar = Text.assemble(("".join(cells), colour), ("".join(rest), "dim"))
    return Group(bar, _scale(labels, facts.weight, width))


def _shares(facts: RolloutFacts) -> Sequence[float]:
    """Return the shares of a plan; of `evidence`, those that it had and the one that comes."""
    planned = [step.weight / WHOLE for step in ramp_of(facts.plan).steps]
    had = [step.weight for step in facts.steps]
    coming = [facts.evidence.next_weight] if facts.evidence and not facts.end_time else []
    shares = planned or [*had, *coming]
    return sorted({*shares, facts.weight, 1.0} - {0.0})


def _place(share: float, width: int) -> int:
    return min(width - 1, max(0, round(share * width) - 1))


def _labels(shares: Sequence[float], present: float, width: int) -> list[tuple[float, int]]:
    """Return which shares are named, and where: the end, the present one, and what fits."""
    taken = [False] * width
    placed = []
    order = sorted(shares, key=lambda share: (share < 1, share != present, share))
    for share in order:
        label = amount.percent(share)
        begin = _place(share, width) - len(label) // 2
        begin = max(0, min(width - len(label), begin))
        if not any(taken[max(0, begin - 2) : begin + len(label) + 2]):
            taken[begin : begin + len(label)] = [True] * len(label)
            placed.append((share, begin))
    return sorted(placed)


def _scale(labels: Sequence[tuple[float, int]], present: float, width: int) -> Text:
    scale = Text()
    for share, begin in labels:
        scale.append(" " * (begin - len(scale)))
        scale.append(amount.percent(share), "bold" if share == present else "dim")
    return scale


def _sides(facts: RolloutFacts, found: EvidenceFacts) -> Table:
    """Return the calls of both versions, side by side."""
    sides = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    sides.add_column("", no_wrap=True)
    for title in ("calls", "failed", "", "cold starts"):
        sides.add_column(title, justify="right", no_wrap=True)
    sides.add_row(f"version {facts.from_version}", *_side(found.stable))
    sides.add_row(Text(f"version {facts.to_version}", "bold"), *_side(found.candidate, FAILED))
    return sides


def _side(side: SideFacts, colour: str = "") -> tuple[str, Text, str, str]:
    failed = Text(words.counted(side.failures), colour if side.failures else "")
    share = words.failed_share(side)
    return words.counted(side.calls), failed, share, words.counted(side.cold)


Row = tuple[str, Text]


def _grid(rows: Iterator[Row]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, min_width=LABEL)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(label, text)
    return grid


def _rows(facts: RolloutFacts, width: int) -> Iterator[Row]:
    """Yield what is known of the candidate, and what its next share waits for."""
    found = facts.evidence
    if found is not None:
        sparks = max(LEAST_SPARK, min(MOST_SPARK, width - LABEL - 25))
        yield from _evidence(found, sparks)
        if found.excess_below < KNOWN_BELOW:
            below = f"{found.excess_below * 100:.2g} %"
            yield "extra fails", Text(f"proved to be below {below} of its calls")
        yield from _budget(facts, found)
    if awaited := words.awaits(facts):
        yield "waits for", Text(awaited, "bold" if facts.state == State.WAITING else "")
    if facts.said and facts.state in (State.PAUSED, State.BACK, State.TAKEN_OVER):
        yield "because", Text(words.clean(facts.said), COLOURS[facts.state])
    if found and found.failures:
        first = found.failures[0]
        said = f"{first.request_id[:8]} ({first.status}) {words.first_line(first.error)}"
        yield "such as", Text(said[: width - LABEL - 4], "dim")


def _evidence(found: EvidenceFacts, sparks: int) -> Iterator[Row]:
    """Yield how much there is against the candidate of what takes it back."""
    for metric in found.metrics:
        label, pick = METRICS.get(metric.name, (f"{words.clean(metric.name)}?", None))
        if found.verdict == Verdict.ASTRAY.value:
            yield label, Text("says nothing: calls do not go where the weight says", "yellow")
            continue
        if not metric.compared:
            yield label, Text("one version reports it more often, so it says nothing", "yellow")
            continue
        against = words.strength(metric.evidence, metric.enough)
        curve = [words.strength(pick(p), metric.enough) for p in found.curve] if pick else []
        told = (f"{_sparks(curve or [against], sparks)} {against * 100:3.0f} %", _warning(against))
        yield label, Text.assemble(told, (" of the proof", "dim"))


def _warning(against: float) -> str:
    if against < NOTABLE:
        return "green"
    return "yellow" if against < ALARMING else "red"


def _sparks(values: Sequence[float], width: int) -> str:
    """Return values from 0 to 1 as a line of so many columns; of many, the worst counts."""
    if not values:
        return SPARKS[0] * width
    columns = min(width, len(values))
    worst = [
        max(values[at * len(values) // columns : (at + 1) * len(values) // columns])
        for at in range(columns)
    ]
    line = "".join(SPARKS[min(len(SPARKS) - 1, int(value * len(SPARKS)))] for value in worst)
    return line.rjust(width, SPARKS[0])


def _budget(facts: RolloutFacts, found: EvidenceFacts) -> Iterator[Row]:
    budget = facts.budget
    told: list[str] = []
    if facts.weight == 1:  # The budget holds only while two versions share the calls.
        return
    if budget.failures:
        told.append(f"{found.spent_failures} of {budget.failures} failed calls")
    if budget.keys:
        told.append(f"{found.spent_keys} of {budget.keys} callers")
    if told:
        yield "budget", Text(", ".join(told) + " used up")


def _history(steps: Sequence[StepFacts], most: int) -> Table:
    """Return the latest steps, so many at most."""
    history = Table.grid(padding=(0, 2, 0, 0))
    history.add_column(style="dim", no_wrap=True)
    history.add_column(justify="right", no_wrap=True)
    history.add_column(overflow="fold")
    left_out = len(steps) - most
    if left_out > 0:
        history.add_row("", "", Text(f"{left_out + 1} steps before", "dim"))
        steps = steps[left_out + 1 :]
    for step in steps:
        history.add_row(step.time[11:], amount.percent(step.weight), Text(words.step(step)))
    return history
