"""Call: what is known of a call while it is under way, and the record that it leaves."""

from __future__ import annotations

from typing import Final

from huidu.model.alias import Alias
from huidu.model.exchange import Exchange
from huidu.model.invocation import Invocation, Outcome, Record, Status
from huidu.model.log import remainder
from huidu.model.routing import Decision, sealed
from huidu.model.split import write_phases
from huidu.model.version import Version

MOST_KEPT_LOG_CHARS = 64 * 1024
MOST_KEPT_RESULT_CHARS = 4 * 1024
#: A call with no more than this about it may be held on to for a moment.
MOST_HELD_CHARS = 16 * 1024


class Routed:
    """Where one call goes: the version to run, the decision, and the alias it came through."""

    __slots__ = ("alias", "decision", "lane", "version")

    def __init__(
        self,
        version: Version,
        decision: Decision,
        alias: Alias | None = None,
        #: Function, alias and version, where somebody has worked that out already.
        lane: tuple[str, str, str] | None = None,
    ) -> None:
        self.version: Final = version
        self.decision: Final = decision
        self.alias: Final = alias
        self.lane: Final = lane


def lane_of(version: Version, alias: Alias | None) -> tuple[str, str, str]:
    """Return the lane of a call: function, alias and version."""
    return version.function_id, alias.name if alias else "", version.number


class Call:
    """One call, from the door to its end. Who runs it says here what came of it.

    `lane` is the way that it took, as far as it went: function, alias and version.
    """

    __slots__ = (
        *("began", "claimed", "exchange", "invocation", "lane"),
        *("outcome", "routed", "salt", "started_at"),
    )

    def __init__(
        self,
        invocation: Invocation,
        started_at: float,
        began: float,
        salt: bytes = b"",
        exchange: Exchange | None = None,
    ) -> None:
        self.invocation = invocation
        self.exchange = exchange
        self.started_at = started_at  #: Seconds since the epoch.
        self.began = began  #: By the timer, as `claimed`, when an instance had it.
        self.claimed = began
        self.salt = salt  #: What its sticky key is sealed with.
        self.lane = ("", "", "")
        self.routed: Routed | None = None
        self.outcome = Outcome(status=Status.CANCELLED, error="the caller left")

    def goes(self, routed: Routed) -> None:
        """Take this way."""
        self.routed = routed
        self.lane = routed.lane or lane_of(routed.version, routed.alias)

    def record(self) -> Record:
        """Return what is kept of the call."""
        invocation, outcome, exchange = self.invocation, self.outcome, self.exchange
        request_id, result, trace = invocation.request_id, outcome.result, invocation.trace
        # One is made for every call there is: a tuple by its places costs a third of one by names.
        values = (
            *(request_id, invocation.function, invocation.qualifier),
            *self._decided(),
            int(outcome.status),
            outcome.error[:MOST_KEPT_RESULT_CHARS],
            result[:MOST_KEPT_RESULT_CHARS],
            "" if outcome.silent else _log(outcome),
            *(invocation.trigger, invocation.retry_number),
            *(invocation.root_request_id or request_id, outcome.instance, outcome.cold),
            *(self.started_at, (self.claimed - self.began) * 1000),
            *(outcome.init_ms, outcome.duration_ms, outcome.memory_bytes),
            self.routed.version.configuration.memory_mb if self.routed else 0,
            exchange.taken_bytes if exchange else len(invocation.event),
            exchange.given_bytes if exchange else len(result),
            *(trace.trace_id, trace.span_id, trace.parent_id, trace.sampled),
            *(outcome.streamed > 0, outcome.silent, 0),
        )
        return tuple.__new__(Record, values)

    def _decided(self) -> tuple[str, str, int, str, str, float, float | None, str, str]:
        """Return which way the call went and why: what a record says from `function_id` on."""
        function_id, alias, version = self.lane
        if self.routed is None:
            return (function_id, alias, 0, version, "", 1.0, None, "", "")
        of, (_, reason, probability, draw, phases, key) = self.routed.alias, self.routed.decision
        written = write_phases(phases) if phases else ""
        sticky_key = sealed(key, function_id, self.salt) if key else ""
        revision = of.revision if of else 0
        why = reason, probability, draw, written, sticky_key
        return (function_id, alias, revision, version, *why)


def _log(outcome: Outcome) -> str:
    return remainder(outcome.log, outcome.streamed, MOST_KEPT_LOG_CHARS)
