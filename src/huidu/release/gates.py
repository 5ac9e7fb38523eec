"""Gates: webhooks are asked whether a rollout may go on, until they say yes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from huidu.model.course import Shut
from huidu.model.delivery import Reply
from huidu.model.findings import Findings
from huidu.model.rollout import Event, Rollout, Step
from huidu.model.rollout_terms import QUESTION, Gate
from huidu.model.split import WHOLE

AGAIN_S = 30.0
LEAST_AGAIN_S, MOST_AGAIN_S = 1.0, 600.0  #: What a receiver may ask for instead.
NEWS_S = 300.0  #: So often at most, another text under the same status is told.
NOTHING_YET = -1

log = structlog.get_logger("huidu.release")

#: Asks a gate once: the mark of the question is the same every time, the question is not.
Ask = Callable[[Gate, str, bytes], Awaitable[Reply]]


class Asker:
    """Asks the gate that a rollout waits for. Each question is a task, so nobody waits for it.

    Nothing of this is kept: after a restart it is asked again.
    """

    def __init__(self, ask: Ask, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        self._ask = ask
        self._clock = clock
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking = False
        self._yes = ""
        self._turn_to(None)

    def _turn_to(self, gate: Gate | None) -> None:
        self._gate = gate
        self._next_at = 0.0
        self._status, self._told_at = NOTHING_YET, 0.0
        self.said = ""  #: What the gate has said last, where that was not yes.

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._asking, self._yes = False, ""

    def tend(self, shut: Shut | None, rollout: Rollout, found: Findings) -> Step | None:
        """Ask a gate if it is time to; return what follows once it has said yes.

        Another gate than before, or none, ends what was asked. One that comes back is not asked
        sooner for having been away.
        """
        if shut is None:
            self._stop()
            return None
        now, gate = self._clock(), shut.gate
        if gate != self._gate:
            self._stop()
            self._turn_to(gate)
        if self._yes:
            return Step(event=Event.APPROVE, at=now, weight=gate.weight, said=self._yes)
        early = self._next_at - MOST_AGAIN_S <= now < self._next_at  # a clock may be put back
        if not self._asking and not early:
            self._begin(gate, rollout.id, question(shut, rollout, found, now))
        return None

    def _begin(self, gate: Gate, rollout_id: str, asked: bytes) -> None:
        self._asking, self._next_at = True, self._clock() + AGAIN_S
        task = asyncio.create_task(self._put(gate, f"{rollout_id}-{gate.weight}", asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _put(self, gate: Gate, mark: str, asked: bytes) -> None:
        try:
            reply = await self._ask(gate, mark, asked)
        except Exception as error:  # whatever it was, it is no yes, and it is asked again
            log.exception("rollout.gate", gate=mark)
            reply = Reply(error=type(error).__name__)
        self._hear(gate, reply)
        self._wake()

    def _hear(self, gate: Gate, reply: Reply) -> None:
        now = self._clock()
        self._asking = False
        if reply.arrived:
            self._yes = f"{gate.host} answered {reply.status}"
            return
        wanted = reply.retry_after_s or AGAIN_S
        self._next_at = now + min(max(wanted, LEAST_AGAIN_S), MOST_AGAIN_S)
        if reply.status != self._status or not 0 <= now - self._told_at < NEWS_S:
            self.said, self._status, self._told_at = reply.error, reply.status, now

    async def close(self) -> None:
        """Ask nothing any more."""
        under_way = [*self._tasks]
        self._stop()
        await asyncio.gather(*under_way, return_exceptions=True)


def question(shut: Shut, rollout: Rollout, found: Findings, now: float) -> bytes:
    """Return what a gate is asked: which rollout, what share comes next, and what was seen."""
    asked = {
        "Kind": QUESTION,
        "At": now,
        "RolloutId": rollout.id,
        "Namespace": rollout.function.namespace,
        "FunctionName": rollout.function.name,
        "Alias": rollout.alias,
        "FromVersion": rollout.stable,
        "ToVersion": rollout.candidate,
        "State": rollout.state,
        "Weight": rollout.weight / WHOLE,
        "NextWeight": shut.weight / WHOLE,
        "GateWeight": shut.gate.weight / WHOLE,
        "Plan": rollout.terms.ramp.text,
        "Owner": rollout.owner,
        "Reason": rollout.reason,
        "BeganAt": rollout.began_at,
        "Evidence": {
            "Stable": _side(found.stable.calls, found.stable.failures, found.stable.cold),
            "Candidate": _side(
                found.candidate.calls, found.candidate.failures, found.candidate.cold
            ),
            "CallsPerSecond": found.calls_per_s,
            "Verdict": found.verdict,
            "Errors": found.log_errors,
            "Latency": found.log_latency,
            "Enough": found.log_enough,
            "ExcessBelow": found.excess_below,
        },
    }
    return msgspec.json.encode(asked)


def _side(calls: int, failures: int, cold: int) -> dict[str, int]:
    return {"Calls": calls, "Failures": failures, "Cold": cold}
