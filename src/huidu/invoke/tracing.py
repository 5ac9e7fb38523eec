"""Tracing: which trace each call is given a place in, whatever door it came through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from huidu.model.trace import NO_TRACE, Sent, Trace, passed_by, place

SPAN_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """Gives every call a span of its own, or, without `bits`, hands on what callers sent.

    Nobody sees a span where traces go nowhere: to name one as a parent would break a trace that
    others follow, and to begin one would tell a function's own tracing not to sample it.
    """

    bits: Callable[[int], int] | None = None  #: So many random bits, as `random.getrandbits`.
    ratio: float = 1.0  #: How many of the traces that begin here are sampled.

    def place(self, sent: Sent, request_id: str) -> Trace:
        """Return the place of a call in a trace, for `Invocation.trace`."""
        if self.bits is None:
            return passed_by(sent) if sent.parent else NO_TRACE
        return place(sent, request_id, self.bits(SPAN_BITS), self.ratio)


#: Traces go nowhere.
HANDED_ON = Tracing()
