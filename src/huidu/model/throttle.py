"""Throttle: when refusing the calls of a version begins to be a fact, and when it has ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from huidu.model.function import FunctionName
from huidu.model.happening import THROTTLE_BEGAN, THROTTLE_ENDED, Happening
from huidu.model.invocation import Status

QUIET_S = 30.0  #: So long none is refused before it has ended.
THROTTLED = frozenset({int(Status.CONCURRENCY_EXCEEDED), int(Status.TOO_FAST)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time in which calls of one version were refused."""

    function: FunctionName
    version: str  #: Empty where a call was refused before a version was chosen.
    status: int  #: Of the first call that was refused.
    alias: str  #: Through which it came, if through one.
    request_id: str
    began_at: float
    last_at: float
    refused: int = 1

    def and_another(self, at: float) -> Spell:
        """Return the spell with one more call refused."""
        return replace(self, last_at=max(at, self.last_at), refused=self.refused + 1)

    def is_over(self, now: float) -> bool:
        """Tell whether it has been quiet for long enough."""
        return now - self.last_at >= QUIET_S

    def began(self) -> Happening:
        """Say that it has begun."""
        return Happening(
            kind=THROTTLE_BEGAN,
            at=self.began_at,
            namespace=self.function.namespace,
            function=self.function.name,
            alias=self.alias,
            version=self.version,
            why=WHY.get(self.status, ""),
            after=f"calls are refused with {self.status}",
            detail=json.dumps({"StatusCode": self.status}),
            request_id=self.request_id,
        )

    def ended(self) -> Happening:
        """Say that it has ended; its moment is that of the last call that was refused."""
        lasted_s = round(self.last_at - self.began_at, 3)
        return Happening(
            kind=THROTTLE_ENDED,
            at=self.last_at,
            namespace=self.function.namespace,
            function=self.function.name,
            alias=self.alias,
            version=self.version,
            why=f"none was refused for {QUIET_S:g} s",
            before=f"{self.refused} refused with {self.status} within {lasted_s:g} s",
            after="calls are taken",
            detail=json.dumps(
                {"StatusCode": self.status, "Refused": self.refused, "LastedSeconds": lasted_s}
            ),
            request_id=self.request_id,
        )


WHY = {
    int(Status.CONCURRENCY_EXCEEDED): "every instance was busy and the line before them full",
    int(Status.TOO_FAST): "more calls came than are allowed",
}


def resumed(began: Happening, now: float) -> Spell:
    """Return a spell that a server before this one said had begun, as still going on.

    How many calls were refused in it went with that server; those from now on are counted.
    """
    return Spell(
        function=FunctionName(began.namespace, began.function),
        version=began.version,
        status=int(json.loads(began.detail)["StatusCode"]),
        alias=began.alias,
        request_id=began.request_id,
        began_at=began.at,
        last_at=max(now, began.at),
        refused=0,
    )
