"""Terms: how events are retried, function by function, as the last commit has it."""

from __future__ import annotations

from collections.abc import Sequence

from huidu.model.destination import Destinations
from huidu.model.effect import (
    DestinationsKept,
    Effect,
    EventConfigKept,
    FunctionGone,
    RetryTargetKept,
)
from huidu.model.retry import FIRST, USUAL, EventConfig


class Terms:
    """What was set for a function or an alias; of others, the usual."""

    def __init__(self) -> None:
        self._configs: dict[str, EventConfig] = {}
        self._stays: dict[str, set[str]] = {}  #: Qualifiers, by function id.
        self._destinations: dict[str, Destinations] = {}

    def config(self, function_id: str) -> EventConfig:
        """Return how often events of a function are tried again, and for how long."""
        return self._configs.get(function_id, USUAL)

    def destinations(self, function_id: str) -> Destinations:
        """Return where it goes on from events of a function."""
        return self._destinations.get(function_id, {})

    def stays(self, function_id: str, qualifier: str) -> bool:
        """Tell whether a retry stays on the version that had the event first."""
        return qualifier in self._stays.get(function_id, ())

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over what a commit changed."""
        for effect in effects:
            match effect:
                case EventConfigKept(function_id, config):
                    self._configs[function_id] = config
                case DestinationsKept(function_id, destinations):
                    self._destinations[function_id] = destinations
                case RetryTargetKept(function_id, alias, target):
                    stay = self._stays.setdefault(function_id, set())
                    (stay.add if target == FIRST else stay.discard)(alias)
                    if not stay:
                        del self._stays[function_id]
                case FunctionGone(function):
                    self._configs.pop(function.id, None)
                    self._destinations.pop(function.id, None)
                    self._stays.pop(function.id, None)
                case _:
                    pass
