"""Watch: one mirror at work; which calls are copied, and what came of those that were."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, replace

from huidu.invoke.flight import Answered
from huidu.model.bucket import Bucket
from huidu.model.comparison import Comparison, Side, Verdict
from huidu.model.invocation import Invocation, Status
from huidu.model.mirror import BY_CALLS, BY_TIME, Mirror

MOST_WAITING = 16  #: Copies of one mirror; more than these would only be late.

#: Why a call is not copied. The words are shown.
OWN = "the candidate answered it itself"
UNANSWERED = "the function gave no answer"
AGAIN = "it was run again after a crash"
TOO_FAST = "more came than MostPerSecond"
QUEUE_FULL = "too many copies waited"
LATE = "the copy would have come too late"
NO_INSTANCE = "no instance could run it"
FAILED_HERE = "an error of ours; see the server's log"

#: How a call ends of which the function is not the cause: it says nothing of either version.
NOT_ANSWERED = frozenset(
    {
        Status.INSTANCE_EXITED,
        Status.CONCURRENCY_EXCEEDED,
        Status.TOO_FAST,
        Status.EVENT_TOO_LARGE,
        Status.CANCELLED,
        Status.INTERNAL_ERROR,
    }
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A call that was answered, to be run once more."""

    invocation: Invocation
    live: Side
    since_ns: int  #: When the call was answered.

    @property
    def size_bytes(self) -> int:
        """How much memory it holds on to, about."""
        return len(self.invocation.event) + len(self.live.result)


class Watch:
    """Decides call by call, in the event loop and at once."""

    def __init__(self, mirror: Mirror, findings: Comparison, now_ns: int) -> None:
        self.mirror = mirror
        self.waiting: deque[Copy] = deque()
        self.running: set[asyncio.Task[None]] = set()
        self.unsaved = False  #: Whether there is more than was written down.
        self._findings = findings
        self._seen = findings.seen
        self._skipped = Counter(dict(findings.skipped))
        self._bucket = Bucket.full(mirror.per_second, now_ns)

    def __repr__(self) -> str:
        return (
            f"<Watch of {self.mirror.function}:{self.mirror.alias}: {self._seen} seen, "
            f"{self._findings.pairs} pairs, {len(self.running)} running, "
            f"{len(self.waiting)} waiting{'' if self.mirror.goes_on else '; over'}>"
        )

    @property
    def findings(self) -> Comparison:
        """What was found so far."""
        skipped = tuple(sorted(self._skipped.items()))
        return replace(self._findings, seen=self._seen, skipped=skipped)

    def copy(
        self, invocation: Invocation, answered: Answered, draw: float, now_ns: int
    ) -> Copy | None:
        """Return what is to be run once more of a call that was answered, or None."""
        self._seen += 1
        self.unsaved = True
        if reason := self._obstacle(invocation, answered):
            self.skip(reason)
            return None
        begun = self._findings.pairs + len(self.running) + len(self.waiting)
        if draw >= self.mirror.share or begun >= self.mirror.most_calls:
            return None
        self._bucket = self._bucket.by(now_ns)
        if len(self.waiting) >= MOST_WAITING or not self._bucket.left:
            self.skip(TOO_FAST if not self._bucket.left else QUEUE_FULL)
            return None
        self._bucket = self._bucket.less_one()
        return Copy(invocation, side(invocation.request_id, answered), now_ns)

    def _obstacle(self, invocation: Invocation, answered: Answered) -> str:
        """Return why a call cannot be copied, or nothing."""
        if answered.version == self.mirror.version:
            return OWN
        if not answered.outcome.instance or answered.outcome.status in NOT_ANSWERED:
            return UNANSWERED
        return AGAIN if invocation.retry_number else ""

    def skip(self, why: str) -> None:
        """Take note of a call that is not copied, or whose copy came to nothing."""
        self._skipped[why] += 1
        self.unsaved = True

    def hear(self, live: Side, candidate: Side, verdict: Verdict) -> None:
        """Take note of a pair of answers."""
        self._findings = self._findings.with_pair(live, candidate, verdict)
        self.unsaved = True

    def over(self, now: float) -> str:
        """Return why nothing more is to be copied, or nothing."""
        if now >= self.mirror.until:
            return BY_TIME
        return BY_CALLS if self._findings.pairs >= self.mirror.most_calls else ""

    def end(self, mirror: Mirror) -> int:
        """Copy nothing more, and break off what runs; return how many bytes waited."""
        self.mirror = mirror
        self.unsaved = True
        size_bytes = sum(copy.size_bytes for copy in self.waiting)
        self.waiting.clear()
        for task in self.running:
            task.cancel()
        return size_bytes


def side(request_id: str, answered: Answered) -> Side:
    """Return what is compared of an answer."""
    outcome = answered.outcome
    return Side(
        request_id=request_id,
        status=int(outcome.status),
        result=outcome.result,
        took_ms=outcome.duration_ms,
        cold=outcome.cold,
    )
