"""Trigger: an event source that is bound to a version or an alias of a function."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.event import QueuedEvent
from huidu.model.function import FunctionName
from huidu.model.schedule import SKIP

TIMER = "timer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A binding: what happens at the source calls the function through `qualifier`."""

    function: FunctionName
    function_id: str
    type: str
    name: str
    qualifier: str
    definition: str  #: What the type needs to know, as JSON text; a timer's cron, a URL's CORS.
    custom_argument: str = ""
    description: str = ""
    enabled: bool = True
    missed: str = SKIP  #: What becomes of a timer's ticks while the platform was down.
    resource_id: str = ""  #: What the outside knows it by: the id of a function URL.
    added_at: float = 0.0
    modified_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Firing:
    """A tick of a timer, and the event that it is."""

    trigger: Trigger
    at: float
    event: QueuedEvent
