"""Comparison: what a mirror found, from the pairs of answers to the same event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from huidu.model import histogram
from huidu.model.difference import Difference, Path, Unread, differences, path_of
from huidu.model.histogram import Histogram
from huidu.model.invocation import Status

STATUS = "status"  #: Stands for a path where the calls ended with different status codes.
MOST_PLACES = 100
MOST_SAMPLES = 3  #: Of one place.
MOST_SHOWN_CHARS = 200  #: Of a value in a sample.
MOST_IDS = 10  #: Of candidates' failures with one status.
#: What is never the same in two failures, nor has to be: the payload of section 3.3 has them.
OF_FAILURES = (path_of("$.requestId"), path_of("$.stackTrace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What came of one of the two calls."""

    request_id: str
    status: int
    result: str  #: As in an `Outcome`.
    took_ms: float
    cold: bool = False  #: Whether an instance was started for it.


@dataclass(frozen=True, slots=True)
class Verdict:
    """How alike two answers are; `read` is False where they were too large to be compared."""

    unlike: tuple[Difference, ...] = ()
    read: bool = True


def compare(live: Side, candidate: Side, ignored: Sequence[Path]) -> Verdict:
    """Return how alike two answers are. What takes long in it has an end: see `differences`."""
    if live.status != candidate.status:
        return Verdict((Difference(STATUS, str(live.status), str(candidate.status)),))
    more = () if live.status == Status.SUCCESS else OF_FAILURES
    try:
        return Verdict(differences(live.result, candidate.result, (*ignored, *more)))
    except Unread:
        return Verdict(read=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """One pair of calls whose answers are not alike at some place, and what each has there."""

    live_id: str
    candidate_id: str
    live: str
    candidate: str


@dataclass(frozen=True, slots=True)
class Place:
    """A place at which answers were not alike, and how often."""

    path: str
    count: int = 0
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Failing:
    """A status code with which the candidate failed, how often, and the first of these calls."""

    status: int
    count: int = 0
    request_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was found so far: `same`, `different` and `unread` together are all the pairs."""

    seen: int = 0  #: Calls that came through the alias meanwhile, copied or not.
    same: int = 0
    different: int = 0
    unread: int = 0  #: Not the same, and too large to say where.
    skipped: tuple[tuple[str, int], ...] = ()  #: Calls that were not copied, by reason.
    places: tuple[Place, ...] = ()
    elsewhere: int = 0  #: Differences at yet other places.
    failing: tuple[Failing, ...] = ()
    failed_live: int = 0  #: Pairs in which the call of the user failed.
    #: In milliseconds, of pairs that both succeeded, on instances that were there.
    live_ms: Histogram = histogram.EMPTY
    candidate_ms: Histogram = histogram.EMPTY
    slower: int = 0  #: Of those, in how many the candidate took longer.

    @property
    def pairs(self) -> int:
        """How many calls were run by both."""
        return self.same + self.different + self.unread

    def with_pair(self, live: Side, candidate: Side, verdict: Verdict) -> Comparison:
        """Return the findings with one more pair."""
        found = self
        for one in verdict.unlike:
            found = _at(found, one, live, candidate)
        if candidate.status != Status.SUCCESS:
            found = replace(found, failing=_failing(found.failing, candidate))
        if live.status == candidate.status == Status.SUCCESS and not (live.cold or candidate.cold):
            found = _timed(found, live.took_ms, candidate.took_ms)
        return replace(
            found,
            same=found.same + (verdict.read and not verdict.unlike),
            different=found.different + bool(verdict.unlike),
            unread=found.unread + (not verdict.read),
            failed_live=found.failed_live + (live.status != Status.SUCCESS),
        )


NONE = Comparison()


def _at(found: Comparison, one: Difference, live: Side, candidate: Side) -> Comparison:
    """Return the findings with one more difference."""
    path = cut(one.path)
    place = next((known for known in found.places if known.path == path), None)
    if place is None and len(found.places) == MOST_PLACES:
        return replace(found, elsewhere=found.elsewhere + 1)
    place = place or Place(path)
    samples = place.samples
    if len(samples) < MOST_SAMPLES:
        ids = live.request_id, candidate.request_id
        samples = (*samples, Sample(*ids, cut(one.left), cut(one.right)))
    others = [known for known in found.places if known.path != path]
    now = (*others, Place(path, place.count + 1, samples))
    return replace(found, places=tuple(sorted(now, key=lambda known: -known.count)))


def _timed(found: Comparison, live_ms: float, candidate_ms: float) -> Comparison:
    """Return the findings with one more pair of durations."""
    return replace(
        found,
        live_ms=histogram.merged((found.live_ms, histogram.of([live_ms]))),
        candidate_ms=histogram.merged((found.candidate_ms, histogram.of([candidate_ms]))),
        slower=found.slower + (candidate_ms > live_ms),
    )


def _failing(known: Sequence[Failing], candidate: Side) -> tuple[Failing, ...]:
    by = {one.status: one for one in known}
    one = by.get(candidate.status, Failing(candidate.status))
    ids = one.request_ids
    ids = (*ids, candidate.request_id) if len(ids) < MOST_IDS else ids
    by[one.status] = Failing(one.status, one.count + 1, ids)
    return tuple(by[status] for status in sorted(by))


def cut(text: str) -> str:
    """Return the beginning of a text, fit to be kept: JSON may hold halves of characters."""
    short = text if len(text) <= MOST_SHOWN_CHARS else f"{text[: MOST_SHOWN_CHARS - 1]}…"
    return short.encode("utf-8", "replace").decode()
