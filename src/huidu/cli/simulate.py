"""`huidu rollout simulate`: what would become of releases, and how soon."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from huidu.actions.action import MONITOR_VERSION
from huidu.actions.table import find
from huidu.cli.client import Client, Refused, Unreachable
from huidu.cli.main import Unknown, connect
from huidu.cli.simulated import shown
from huidu.cloudapi.keys import Unreadable
from huidu.model.errors import InvalidValue, Refusal
from huidu.model.ramp import ramp_of
from huidu.model.rollout_terms import Terms
from huidu.release.faults import fault_of
from huidu.release.recorded import Recorded, Stretch, spread_of
from huidu.release.simulate import Outcome
from huidu.release.traffic import TRAFFICS
from huidu.release.trial import Trial, summary

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
FEW = 4  #: Not worth a process of their own.
MOST_RATE, MOST_RELEASES = 100_000.0, 1_000_000
AGO = re.compile(r"([0-9]{1,6})([smhd])")
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MONITOR_DATA = find("GetMonitorData", MONITOR_VERSION)
PERIODS_S, DAY_S, MOST_POINTS = (60, 300, 3600), 86_400, 7000
QUANTILES = ("DurationP50", "DurationP95", "DurationP99")

Order = Mapping[str, Any]


def trial_of(order: Order) -> Trial:
    """Return what is to be simulated, or raise `InvalidValue`."""
    ramp = ramp_of(order["plan"])
    proof = ramp.by_evidence if order["proof"] is None else order["proof"]
    Terms(ramp=ramp, proof=proof)  # refuses what a real rollout would refuse
    if order["traffic"] not in TRAFFICS:
        kinds = ", ".join(TRAFFICS)
        raise InvalidValue("Traffic", f"Traffic {order['traffic']!r}: must be one of {kinds}")
    if not 0 < order["rate"] <= MOST_RATE:
        raise InvalidValue(
            "Rate", f"Rate {order['rate']:g}: must be above 0, at most {MOST_RATE:g} calls a second"
        )
    if order["releases"] > MOST_RELEASES:
        raise InvalidValue("Releases", f"Releases {order['releases']}: at most {MOST_RELEASES}")
    fault = fault_of(order["fault"])
    recorded = _recorded(connect(), order) if order["from_records"] else None
    return Trial(
        plan=order["plan"],
        proof=proof,
        fault=fault,
        traffic=order["traffic"],
        calls_per_s=order["rate"],
        recorded=recorded,
        seed=order["seed"],
        most_s=order["minutes"] * 60,
    )


def _recorded(client: Client, order: Order) -> Recorded:
    """Return the traffic that a server has counted."""
    found = AGO.fullmatch(order["since"])
    ago_s = int(found[1]) * UNITS_S[found[2]] if found else 0
    period_s = next((p for p in PERIODS_S if ago_s / p <= MOST_POINTS), None)
    if not ago_s or period_s is None:
        raise InvalidValue(
            "Since", f"Since {order['since'][:40]!r}: must read 90m, 24h or 7d; 290d at most"
        )
    began = datetime.now(UTC) - timedelta(seconds=ago_s)

    def read(metric: str, by_s: int) -> dict[float, float]:
        return _read(client, order, metric, by_s, began.isoformat())

    calls, failed = read("Invocation", period_s), read("Error", period_s)
    if not sum(calls.values()):
        through = f" through {order['alias']}" if order["alias"] else ""
        raise InvalidValue(
            "FromRecords",
            f"FromRecords {order['from_records']}: no call{through} since {order['since']}; ask "
            "for a longer time, or see 'huidu ls' for what there is",
        )
    p50 = read(QUANTILES[0], period_s)
    per_day = [read(metric, DAY_S) for metric in QUANTILES]
    days = read("Invocation", DAY_S)
    known = [(days[at], *(quantile[at] for quantile in per_day)) for at in days if at in per_day[0]]
    first, last = int(min(calls)), int(max(calls))
    stretches = tuple(
        Stretch(calls.get(at, 0), failed.get(at, 0), p50.get(at))
        for at in range(first, last + 1, period_s)
    )
    spread = spread_of([(day[0], day[1], day[2], day[3]) for day in known])
    return Recorded(stretches=stretches, period_s=period_s, spread=spread)


def _read(
    client: Client, order: Order, metric: str, period_s: int, since: str
) -> dict[float, float]:
    """Return a metric by the beginnings of its periods."""
    of = {"functionName": order["from_records"], "namespace": order["namespace"]}
    if order["alias"]:
        of["alias"] = order["alias"]
    answer = client.call(
        MONITOR_DATA,
        {
            "Namespace": "QCE/SCF_V2",
            "MetricName": metric,
            "Period": period_s,
            "StartTime": since,
            "Instances": [{"Dimensions": [{"Name": n, "Value": v} for n, v in of.items()]}],
        },
    )
    point = answer["DataPoints"][0]
    return dict(zip(point["Timestamps"], point["Values"], strict=True))


def played(trial: Trial, releases: int, jobs: int) -> Generator[Outcome]:
    """Yield what becomes of releases, in no order. Ends its processes, however it is left."""
    if releases <= FEW or jobs == 1:
        yield from map(trial.play, range(releases))
        return
    readers: list[Connection] = []
    players: list[ForkProcess] = []
    try:
        # Python drops an interruption that comes in the midst of a fork; let it come afterwards.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        shares = (range(first, releases, jobs) for first in range(min(jobs, releases)))
        players.extend(_player(trial, share, readers) for share in shares)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        yield from _received(readers)
    finally:
        for player in players:
            player.terminate()
            player.join()


def _player(trial: Trial, numbers: range, readers: list[Connection]) -> ForkProcess:
    """Start a process that plays some releases, and add what it tells them by.

    It has a pipe of its own, so that it does not go on where nobody reads any more.
    """
    fork = multiprocessing.get_context("fork")
    reader, writer = fork.Pipe(duplex=False)
    readers.append(reader)
    player = fork.Process(target=_play, args=(trial, numbers, writer, readers), daemon=True)
    player.start()
    writer.close()
    return player


def _play(trial: Trial, numbers: range, writer: Connection, readers: list[Connection]) -> None:
    for reader in readers:  # they are the parent's, and end with it
        reader.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is interrupted ends us
    with suppress(BrokenPipeError):
        for number in numbers:
            writer.send(trial.play(number))


def _received(readers: list[Connection]) -> Iterator[Outcome]:
    left = list(readers)
    while left:
        for reader in wait(left):
            assert isinstance(reader, Connection)  # noqa: S101 - for mypy: it is one of ours
            try:
                yield reader.recv()
            except EOFError:
                left.remove(reader)


def simulated(trial: Trial, order: Order) -> list[Outcome]:
    """Play all releases, with a bar where a person looks on."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    outcomes = []
    with closing(played(trial, order["releases"], order["jobs"] or os.cpu_count() or 1)) as rest:
        outcomes.append(next(rest))  # the processes are there before the bar's thread
        with bar:
            task = bar.add_task("", total=order["releases"], completed=1)
            for outcome in rest:
                outcomes.append(outcome)
                bar.advance(task)
    return outcomes


def main() -> None:
    """Carry out an order, which is JSON in the first argument."""
    order = json.loads(sys.argv[1])
    try:
        trial = trial_of(order)
        found = summary(simulated(trial, order), trial.fault)
    except Refusal as error:
        print(f"huidu: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(REFUSED)
    except (Refused, Unreachable, Unknown, Unreadable) as error:
        print(f"huidu: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if order["as_json"]:
        asked = {"plan": trial.plan, "proof": trial.proof}
        asked |= {name: order[name] for name in ("fault", "traffic", "rate", "seed")}
        print(json.dumps({**asked, **asdict(found)}))  # noqa: T201
    else:
        shown(found, trial, order)


if __name__ == "__main__":
    main()
