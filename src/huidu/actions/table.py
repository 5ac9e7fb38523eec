"""The table of actions: everything the platform can be asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huidu.actions import (
    access_keys,
    aliases,
    apigateway,
    apis,
    async_events,
    dead_events,
    destinations,
    events,
    functions,
    invocations,
    keys,
    layers,
    logs,
    mirrors,
    monitoring,
    plan_table,
    previews,
    provisioned,
    releases,
    reserved,
    rollouts,
    runtimes,
    series,
    services,
    sls,
    strategies,
    triggers,
    versions,
    webhooks,
)
from huidu.actions.action import APIGATEWAY, Action
from huidu.model.errors import UnknownAction, UnknownVersion

ACTIONS: tuple[Action[Any, Any], ...] = (
    *functions.ACTIONS,
    *runtimes.ACTIONS,
    *versions.ACTIONS,
    *layers.ACTIONS,
    *aliases.ACTIONS,
    *previews.ACTIONS,
    *invocations.ACTIONS,
    *async_events.ACTIONS,
    *dead_events.ACTIONS,
    *logs.ACTIONS,
    *triggers.ACTIONS,
    *destinations.ACTIONS,
    *provisioned.ACTIONS,
    *reserved.ACTIONS,
    *events.ACTIONS,
    *webhooks.ACTIONS,
    *mirrors.ACTIONS,
    *services.ACTIONS,
    *apis.ACTIONS,
    *releases.ACTIONS,
    *rollouts.ACTIONS,
    *keys.ACTIONS,
    *plan_table.ACTIONS,
    *strategies.ACTIONS,
    *monitoring.ACTIONS,
    *series.ACTIONS,
    *access_keys.ACTIONS,
    *sls.ACTIONS,
)

#: By version and name: two services may have an action of the same name.
BY_NAME: Mapping[tuple[str, str], Action[Any, Any]] = {
    (action.version, action.name): action for action in ACTIONS
}
#: What the cloud has and we do not; it is refused by name, to whoever may ask at all.
UNSUPPORTED = apigateway.unsupported(
    [action.name for action in ACTIONS if action.service == APIGATEWAY]
)
EVERY: Mapping[tuple[str, str], Action[Any, Any]] = {**UNSUPPORTED, **BY_NAME}
VERSIONS = frozenset(action.version for action in ACTIONS)
NAMES = frozenset(name for _, name in EVERY)
SERVICES = frozenset(action.service for action in ACTIONS)


def find(name: str, version: str) -> Action[Any, Any]:
    """Return an action, or raise `UnknownAction` or `UnknownVersion` (in this order, D-53)."""
    action = EVERY.get((version, name))
    if action is not None:
        return action
    if name not in NAMES:
        raise UnknownAction("", f"Action {name[:80]!r} is not known; see 'huidu api --help'")
    right = ", ".join(sorted(known for known, other in EVERY if other == name))
    raise UnknownVersion("", f"Version {version[:40]!r} has no {name}; say {right}")
