"""Late: rollbacks of rollouts that nobody follows any more, until they are written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from huidu.control import rolling
from huidu.control.rolling import Cause
from huidu.model.budget import Allowance
from huidu.model.effect import AliasGone, AliasKept, Effect, FunctionGone, RolloutKept
from huidu.model.errors import Refusal, Unavailable
from huidu.model.rollout import Rollout, Step
from huidu.release.around import Routes
from huidu.store.writing import Writing

AGAIN_S = 1.0

log = structlog.get_logger("huidu.release")


class Late:
    """Keeps calls from candidates of rollouts that have ended, in memory, until all is written."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._closed: dict[str, Rollout] = {}

    def close(self, rollout: Rollout) -> None:
        """Let no call reach the candidate from now on."""
        shut = Allowance(rollout.terms.budget, rollout.stable, rollout.candidate)
        shut.close()
        self._closed[rollout.id] = rollout
        self._routes.allow(rollout.function_id, rollout.alias, shut)

    def reopen(self, rollout_id: str) -> None:
        """Have calls go where the alias leads."""
        rollout = self._closed.pop(rollout_id, None)
        if rollout is not None:
            self._routes.allow(rollout.function_id, rollout.alias, None)

    def forget(self, effects: Sequence[Effect]) -> None:
        """Leave an alias that was moved since, or begins another rollout, as that has it."""
        for effect in effects:
            match effect:
                case AliasKept(alias) | AliasGone(alias):
                    named, name = alias.function, alias.name
                case RolloutKept(rollout):
                    named, name = rollout.function, rollout.alias
                case FunctionGone(function):
                    named, name = function.named, ""
                case _:
                    continue
            for id_, one in [*self._closed.items()]:
                if one.function == named and name in ("", one.alias):
                    self.reopen(id_)

    async def insist(
        self,
        rollout_id: str,
        step: Step,
        salt: str,
        write: Callable[[Callable[[Writing], object]], Awaitable[object]],
    ) -> None:
        """Write a rollback as soon as that can be, unless the alias is moved before."""
        seen = self._closed.get(rollout_id)
        if seen is None:
            return
        cause = Cause(action="RollbackRollout", salt=salt)

        def change(writing: Writing) -> None:
            kept = writing.rollouts.one(rollout_id)
            if kept.revision == seen.revision:
                rolling.carry_out(writing, kept, step, cause)

        while True:
            await asyncio.sleep(AGAIN_S)
            if self._closed.get(rollout_id) is not seen:
                return
            try:
                await write(change)
            except Unavailable as refusal:
                log.warning("rollout.waits", rollout=rollout_id, reason=refusal.message)
            except Refusal as refusal:
                log.warning("rollout.lost", rollout=rollout_id, reason=refusal.message)
                self.reopen(rollout_id)
