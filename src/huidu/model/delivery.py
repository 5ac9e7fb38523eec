"""Delivery: one happening on its way to one webhook, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 3600.0
HOLD_S = 300.0  #: How long a delivery that meets trouble holds up those behind it.
MOST_ERROR = 500
MOST_PENDING = 10_000  #: Of a webhook; beyond, the oldest is given up.
MOST_DEAD = 10_000  #: Of a webhook; beyond, the oldest is forgotten.

PENDING, DEAD = "pending", "dead"
#: Answers below 500 that say "later" rather than "not this".
LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One happening for one webhook; it is forgotten once it has arrived."""

    id: str  #: The same at every try, so that a receiver knows it again.
    webhook_id: str
    sequence: int  #: Of the happening.
    since: float  #: From when on its patience counts.
    state: str = PENDING
    attempts: int = 0
    next_at: float = 0.0  #: Not to be tried before this moment.
    held_until: float = 0.0  #: Until then nothing that came later is tried before it.
    failed_at: float = 0.0  #: When it was tried last.
    status: int = 0  #: What the receiver answered then; 0 where it answered nothing.
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of one try. `error` is empty where the happening has arrived."""

    status: int = 0
    error: str = ""
    retry_after_s: float = 0.0  #: What the receiver asked for.
    took_ms: float = 0.0

    @property
    def arrived(self) -> bool:
        """Whether the receiver has taken it."""
        return not self.error

    @property
    def is_trouble(self) -> bool:
        """Whether it says something of the receiver, rather than of this one happening."""
        return not 300 <= self.status < 500 or self.status in LATER  # noqa: PLR2004 - HTTP's classes


def wait_s(attempts: int, draw: float) -> float:
    """Return how long to wait after so many tries: doubling, half of it left to chance.

    The n-th wait lies between a half and the whole of 2^(n-1) seconds, or of an hour.
    """
    whole = min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 30), LONGEST_RETRY_S)
    return whole * (1 + draw) / 2


def after(delivery: Delivery, reply: Reply, now: float, draw: float, patience_s: float) -> Delivery:
    """Return what becomes of a delivery that did not arrive.

    It is dead once the next try would come later than its patience allows. While the receiver is
    in trouble the first in line is tried alone, so that what comes behind it arrives in order;
    after `HOLD_S` it steps aside, for it may be the one that the receiver stumbles over. What is
    refused as such (as by 400) steps aside at once. A receiver may ask for up to an hour of time.
    """
    attempts = delivery.attempts + 1
    wait = max(wait_s(attempts, draw), min(reply.retry_after_s, LONGEST_RETRY_S))
    first = delivery.held_until or now + HOLD_S
    tried = replace(
        delivery,
        attempts=attempts,
        next_at=now + wait,
        held_until=first if reply.is_trouble else now,
        failed_at=now,
        status=reply.status,
        error=reply.error[:MOST_ERROR],
    )
    over = tried.next_at > delivery.since + patience_s
    return replace(tried, state=DEAD) if over else tried


def again(delivery: Delivery, now: float) -> Delivery:
    """Return a dead delivery as one that has just been made."""
    return Delivery(
        id=delivery.id, webhook_id=delivery.webhook_id, sequence=delivery.sequence, since=now
    )
