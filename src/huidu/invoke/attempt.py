"""Attempt: one run of an event, from where it goes to what becomes of the event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from huidu.invoke.flight import Answered
from huidu.invoke.terms import Terms
from huidu.invoke.tracing import HANDED_ON, Tracing
from huidu.model.errors import Refusal
from huidu.model.event import MOST_ERROR_CHARS, Attempt, Ended, QueuedEvent, State
from huidu.model.frame import log_left
from huidu.model.function import FunctionName
from huidu.model.invocation import Invocation, Outcome, Status
from huidu.model.retry import INTERVAL_S, Ran, Verdict, decide, expired, status_of
from huidu.model.routing_key import traits_of

STOPPED = "somebody ended it"

log = structlog.get_logger("huidu.asynchronous")


class Invoker(Protocol):
    """The one way from a call to its outcome."""

    async def invoke(self, invocation: Invocation) -> Answered: ...


class Table(Protocol):
    """Which functions there are."""

    def id_of(self, named: FunctionName) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Makes attempts. The alias is asked at each of them, so that a rollback saves what waits."""

    invoker: Invoker
    table: Table
    terms: Terms
    clock: Callable[[], float]
    interval_s: float = INTERVAL_S
    tracing: Tracing = HANDED_ON

    async def make(self, event: QueuedEvent) -> Ended:
        """Run an event once, and say what becomes of it."""
        began = self.clock()
        config = self.terms.config(event.function_id)
        if expired(event.waits_since, config, began):
            why = f"given up: it waited for longer than MsgTTL ({config.ttl_s} s)"
            status = event.history[-1].status if event.history else Status.INTERNAL_ERROR
            dead = Verdict(state=State.DEAD, failures=event.failures, why=why)
            return self._ended(event, Answered(Outcome(status=status), "", ""), dead, began)
        answered = await self._answer(event)
        verdict = decide(
            Ran(
                status=answered.outcome.status,
                attempts=event.attempts,
                failures=event.failures,
                since=event.waits_since,
            ),
            config,
            self.clock(),
            self.interval_s,
        )
        return self._ended(event, answered, verdict, began)

    async def _answer(self, event: QueuedEvent) -> Answered:
        if event.function_id not in ("", self.table.id_of(event.function)):
            gone = f"Function [{event.function.name}] that it was sent to was deleted"
            return _refused(Status.FUNCTION_NOT_FOUND, gone)
        try:
            return await self.invoker.invoke(self._invocation(event))
        except Refusal as refusal:
            return _refused(status_of(refusal.code), refusal.message)
        except Exception as error:
            log.exception("event.failed", request_id=event.request_id)
            return _refused(Status.INTERNAL_ERROR, repr(error))

    def _invocation(self, event: QueuedEvent) -> Invocation:
        stays = self.terms.stays(event.function_id, event.qualifier)
        return Invocation(
            request_id=event.request_id,
            function=event.function,
            qualifier=event.qualifier,
            event=event.event,
            traits=traits_of(event.routing_key, None),
            routing_key=event.routing_key,
            trigger=event.trigger,
            later=True,
            retry_number=event.attempts,
            stays_on=event.first_version if stays else "",
            trace=self.tracing.place(event.sent, event.request_id),
        )

    def _ended(
        self, event: QueuedEvent, answered: Answered, verdict: Verdict, began: float
    ) -> Ended:
        outcome, now = answered.outcome, self.clock()
        attempt = Attempt(
            number=event.attempts,
            started_at=began,
            duration_ms=round(outcome.duration_ms, 3),
            version=answered.version,
            alias=answered.alias,
            revision=answered.revision,
            reason=answered.reason,
            status=int(outcome.status),
            error=outcome.error[:MOST_ERROR_CHARS],
            then=verdict.why,
        )
        return Ended(
            event=event,
            state=verdict.state,
            attempt=attempt,
            at=now,
            next_at=verdict.next_at,
            failures=verdict.failures,
            log=log_left(outcome, event.request_id),
            result=outcome.result,
        )

    def broken_off(self, event: QueuedEvent) -> Ended:
        """Return the end of an attempt whose instance was killed, for somebody wanted that."""
        answered = _refused(Status.CANCELLED, STOPPED)
        over = Verdict(state=State.ABORTED, failures=event.failures, why=STOPPED)
        return self._ended(event, answered, over, self.clock())

    def stopped(self, ended: Ended, *, graceful: bool) -> Ended:
        """Return the end of an attempt that somebody wanted to end.

        One that succeeded before it could be killed has succeeded. One that was told to end is
        over: with 499 where it saw to that itself, else with how its process ended.
        """
        if ended.state == State.FINISHED and not graceful:
            return ended
        status = ended.attempt.status
        cancelled = int(Status.CANCELLED)
        attempt = replace(
            ended.attempt,
            status=status if status == Status.PROCESS_EXITED else cancelled,
            then=STOPPED,
        )
        return replace(ended, state=State.ABORTED, attempt=attempt, next_at=0.0)


def _refused(status: int, error: str) -> Answered:
    return Answered(Outcome(status=status, error=error), "", "")
