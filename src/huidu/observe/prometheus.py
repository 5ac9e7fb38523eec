"""The counters of calls as Prometheus reads them, written by hand: a library takes far longer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from huidu.model.fault import Fault, fault_of
from huidu.model.function import FunctionName
from huidu.model.histogram import PER_DOUBLING
from huidu.model.invocation import Status
from huidu.model.tally import Lane
from huidu.observe.count import Count

#: Bounds of the buckets of durations, as powers of two: a bucket of ours ends just there, so that
#: what is told is exact. From 1 ms to 512 s.
EXPONENTS = (-10, -8, -6, -5, -4, -3, -2, -1, 0, 1, 2, 4, 6, 9)
BOUNDS = tuple(str(2.0**exponent) for exponent in EXPONENTS)
LASTS = tuple(exponent * PER_DOUBLING for exponent in EXPONENTS)
#: An answer may be 50 MB. Lanes in which no call has ended for longest are left out first.
MOST_BYTES = 45_000_000
US = 1e-6

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"


class Told(NamedTuple):
    """What there is to tell of one lane."""

    labels: str
    counted: Count
    running: int


class Family(NamedTuple):
    """A metric: what it is called, what it tells, and its lines for one lane."""

    name: str
    kind: str
    help: str
    lines: Callable[[str, Told], str]


def _invocations(name: str, told: Told) -> str:
    return "".join(
        f'{name}{{{told.labels},status="{status}"}} {count}\n'
        for status, count in told.counted.statuses.items()
    )


def _errors(name: str, told: Told) -> str:
    """All classes, also those of which there is none: who sees the first must have seen a 0."""
    found = Counter(dict.fromkeys(Fault, 0))
    for status, count in told.counted.statuses.items():
        fault = fault_of(status)
        if fault is not None:
            found[fault] += count
    return "".join(
        f'{name}{{{told.labels},class="{fault}"}} {count}\n' for fault, count in found.items()
    )


def _durations(name: str, told: Told) -> str:
    within = [0] * (len(LASTS) + 1)
    for index, count in told.counted.durations.items():
        within[0 if index is None else _place(index)] += count
    counts = list(accumulate(within))
    buckets = "".join(
        f'{name}_bucket{{{told.labels},le="{bound}"}} {count}\n'
        for bound, count in zip((*BOUNDS, "+Inf"), counts, strict=True)
    )
    summed = told.counted.duration_us * US
    return (
        f"{buckets}{name}_sum{{{told.labels}}} {summed:.6f}\n"
        f"{name}_count{{{told.labels}}} {counts[-1]}\n"
    )


def _place(index: int) -> int:
    return next((place for place, last in enumerate(LASTS) if index < last), len(LASTS))


def _number(read: Callable[[Told], float]) -> Callable[[str, Told], str]:
    return lambda name, told: f"{name}{{{told.labels}}} {read(told)}\n"


#: Every metric of calls. One more is one more row, and one in docs/operate.md.
FAMILIES = (
    Family(
        "huidu_invocations_total", COUNTER, "Calls that have ended, by status code.", _invocations
    ),
    Family(
        "huidu_errors_total",
        COUNTER,
        "Calls that have failed, by whose doing it was (class).",
        _errors,
    ),
    Family(
        "huidu_answered_5xx_total",
        COUNTER,
        "Calls that succeeded, and answered their callers with an HTTP status of 500 or above.",
        _number(lambda told: told.counted.answered_5xx),
    ),
    Family(
        "huidu_duration_seconds",
        HISTOGRAM,
        "How long calls ran, of those that an instance had to their end.",
        _durations,
    ),
    Family(
        "huidu_cold_starts_total",
        COUNTER,
        "Calls for which an instance was started.",
        _number(lambda told: told.counted.cold),
    ),
    Family(
        "huidu_init_seconds_total",
        COUNTER,
        "How long those instances took to load the code.",
        _number(lambda told: round(told.counted.init_us * US, 6)),
    ),
    Family(
        "huidu_queue_seconds_total",
        COUNTER,
        "How long calls waited for an instance.",
        _number(lambda told: round(told.counted.queue_us * US, 6)),
    ),
    Family(
        "huidu_concurrent_executions",
        GAUGE,
        "Calls that run now.",
        _number(lambda told: told.running),
    ),
    Family(
        "huidu_memory_bytes_total",
        COUNTER,
        "The peaks of memory of all calls that ran, added up.",
        _number(lambda told: told.counted.memory_bytes),
    ),
    Family(
        "huidu_memory_peak_bytes",
        GAUGE,
        "The highest peak of memory of a call since the start.",
        _number(lambda told: told.counted.most_memory_bytes),
    ),
    Family(
        "huidu_event_bytes_total",
        COUNTER,
        "What calls were sent.",
        _number(lambda told: told.counted.event_bytes),
    ),
    Family(
        "huidu_result_bytes_total",
        COUNTER,
        "What calls were answered.",
        _number(lambda told: told.counted.result_bytes),
    ),
)
#: Those that are of no lane.
LOOSE = {
    "huidu_records_dropped_total": (
        COUNTER,
        "Records that could not be kept; the calls were counted all the same.",
    ),
    "huidu_counts_dropped_total": (
        COUNTER,
        "Counts of a second that could not be kept; what is told here has them.",
    ),
    "huidu_lanes_left_out": (
        GAUGE,
        "Ways of calls (function, alias, version) that are not told here, to bound the answer.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What there is to tell beside the totals."""

    named: Callable[[Lane], FunctionName | None]  #: None where a lane is not to be told of.
    running: Mapping[Lane, int]
    nobodys: int = 0  #: Calls of functions that there are not.
    records_dropped: int = 0
    counts_dropped: int = 0


def tell(totals: dict[Lane, Count], scene: Scene, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the text of all metrics of calls; lanes that are gone are taken out of the totals."""
    texts: list[list[str]] = [[] for _ in FAMILIES]
    size = left_out = 0
    for lane in [*reversed(totals)]:
        named = scene.named(lane)
        if named is None:
            del totals[lane]
        elif size > most_bytes:
            left_out += 1
        else:
            told = Told(_labels(named, lane), totals[lane], scene.running.get(lane, 0))
            for text, family in zip(texts, FAMILIES, strict=True):
                lines = family.lines(family.name, told)
                size += len(lines)
                text.append(lines)
    texts[0].append(_nobodys(scene.nobodys))
    loose = (scene.records_dropped, scene.counts_dropped, left_out)
    heads = [_head(family.name, family.kind, family.help) for family in FAMILIES]
    return "".join(
        [
            *(part for head, text in zip(heads, texts, strict=True) for part in (head, *text)),
            *(
                f"{_head(name, *LOOSE[name])}{name} {value}\n"
                for name, value in zip(LOOSE, loose, strict=True)
            ),
        ]
    ).encode()


def _nobodys(count: int) -> str:
    labels = (
        f'namespace="",function="",alias="",version="",status="{int(Status.FUNCTION_NOT_FOUND)}"'
    )
    return f"{FAMILIES[0].name}{{{labels}}} {count}\n" if count else ""


def _head(name: str, kind: str, about: str) -> str:
    return f"# HELP {name} {about}\n# TYPE {name} {kind}\n"


def _labels(named: FunctionName, lane: Lane) -> str:
    """Return the labels of a lane; no name that is allowed has what would be to escape."""
    return (
        f'namespace="{named.namespace}",function="{named.name}",'
        f'alias="{lane.alias}",version="{lane.version}"'
    )
