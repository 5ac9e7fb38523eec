"""The table of actions: everything the platform can be asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huidu.actions import aliases, functions, invocations, logs, provisioned, triggers, versions
from huidu.actions.action import Action
from huidu.model.errors import UnknownAction, UnknownVersion

ACTIONS: tuple[Action[Any, Any], ...] = (
    *functions.ACTIONS,
    *versions.ACTIONS,
    *aliases.ACTIONS,
    *invocations.ACTIONS,
    *logs.ACTIONS,
    *triggers.ACTIONS,
    *provisioned.ACTIONS,
)

#: By version and name: two services may have an action of the same name.
BY_NAME: Mapping[tuple[str, str], Action[Any, Any]] = {
    (action.version, action.name): action for action in ACTIONS
}
VERSIONS = frozenset(action.version for action in ACTIONS)
NAMES = frozenset(action.name for action in ACTIONS)
SERVICES = frozenset(action.service for action in ACTIONS)


def find(name: str, version: str) -> Action[Any, Any]:
    """Return an action, or raise `UnknownAction` or `UnknownVersion` (in this order, D-53)."""
    action = BY_NAME.get((version, name))
    if action is not None:
        return action
    if name not in NAMES:
        raise UnknownAction("", f"Action {name[:80]!r} is not known; see 'huidu api --help'")
    right = ", ".join(sorted(a.version for a in ACTIONS if a.name == name))
    raise UnknownVersion("", f"Version {version[:40]!r} has no {name}; say {right}")
