"""Services: what is released where, as callers meet it at this moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from huidu.model.effect import Effect, ServiceGone, ServiceKept
from huidu.model.paths import Paths
from huidu.model.service import Release, Served


@dataclass(frozen=True, slots=True)
class Stage:
    """A released version with its paths read. A request that was given one keeps it to its end."""

    release: Release
    paths: Paths


Stages = Mapping[str, Stage]


class Services:
    """Which service has which released version in which environment."""

    def __init__(self) -> None:
        self._by_id: dict[str, Stages] = {}

    def find(self, service_id: str) -> Stages | None:
        """Return what a service has online, or None where there is no such service."""
        return self._by_id.get(service_id)

    def apply(self, effects: Sequence[Effect]) -> None:
        """Take over what a commit changed, all of it at one moment; paths are read before that."""
        changed: dict[str, Stages | None] = {}
        for effect in effects:
            match effect:
                case ServiceKept(served):
                    here = served.service_id
                    before = changed[here] if here in changed else self._by_id.get(here)
                    changed[here] = _staged(served, before or {})
                case ServiceGone(service_id):
                    changed[service_id] = None
                case _:
                    pass
        for service_id, stages in changed.items():
            if stages is None:
                self._by_id.pop(service_id, None)
            else:
                self._by_id[service_id] = stages


def _staged(served: Served, before: Stages) -> Stages:
    """Read the paths of versions that were not there yet: a version never changes."""
    known = {stage.release.name: stage for stage in before.values()}
    staged: dict[str, Stage] = {}
    for environment, release in served.releases.items():
        stage = known.get(release.name)
        if stage is None or stage.release != release:
            stage = Stage(release, Paths(release.apis))
            known[release.name] = stage
        staged[environment] = stage
    return staged
