"""Holds: stable versions are kept warm while they may be gone back to."""

from __future__ import annotations

from typing import Protocol

from huidu.model.version import Version

Key = tuple[str, str]


class Instances(Protocol):
    """The running copies of versions."""

    def hold(self, version: Version, count: int) -> None: ...


class Holds:
    """Which rollouts need which version warm. A version is let go of once none of them does."""

    def __init__(self, instances: Instances) -> None:
        self._instances = instances
        self._of: dict[str, tuple[Version, int]] = {}

    def hold(self, rollout_id: str, version: Version, count: int) -> None:
        """Keep so many instances of a version for a rollout, until that lets go."""
        self._of[rollout_id] = (version, count)
        self._settle(version)

    def let_go(self, rollout_id: str) -> None:
        """Keep none for a rollout any more."""
        held = self._of.pop(rollout_id, None)
        if held is not None:
            self._settle(held[0])

    def _settle(self, version: Version) -> None:
        counts = [count for one, count in self._of.values() if _key(one) == _key(version)]
        self._instances.hold(version, max(counts, default=0))


def _key(version: Version) -> Key:
    return version.function_id, version.number
