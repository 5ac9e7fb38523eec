"""The table of pages, and that of what their forms do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from huidu.console import alias, functions, keys, others, overview, queue, rollouts, steering
from huidu.console.asking import Done, Told, Visit
from huidu.model.role import Role

Read = Callable[[Visit], Awaitable[Mapping[str, Any]]]
Act = Callable[[Visit], Awaitable[Done | Told]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its path below `/console/`, its template, what it asks, and who may see it."""

    path: str
    template: str
    read: Read
    role: Role = Role.VIEW


@dataclass(frozen=True, slots=True)
class Deed:
    """What a form does: its path, the work, and who may. The desk asks for more where it must."""

    path: str
    act: Act
    role: Role = Role.RELEASE


ALIAS = "functions/{function}/aliases/{alias}"
PAGES = (
    Page("", "overview.html", overview.overview),
    Page("functions", "functions.html", overview.functions),
    Page("functions/{function}", "function.html", functions.page),
    Page("functions/{function}/compare", "compare.html", functions.compare),
    Page(ALIAS, "alias.html", alias.page),
    Page(f"{ALIAS}/preview", "alias_preview.html", alias.preview),
    Page("rollouts", "rollouts.html", rollouts.every),
    Page("rollouts/{rollout}", "rollout.html", rollouts.page),
    Page("queue", "queue.html", queue.page),
    Page("logs", "logs.html", others.logs),
    Page("gateway", "gateway.html", others.services),
    Page("gateway/{service}", "service.html", others.service),
    Page("events", "events.html", others.events),
    Page("settings", "settings.html", keys.page),
)
DEEDS = (
    Deed(f"{ALIAS}/set/{{kind}}", steering.move),
    Deed(f"{ALIAS}/undo", steering.undo),
    Deed(f"{ALIAS}/rollback", steering.roll_back),
    Deed(f"{ALIAS}/rollout", steering.start),
    Deed("functions/{function}/publish", functions.publish),
    Deed("rollouts/{rollout}/{verb}", rollouts.act),
    Deed("queue/{function}/redrive", queue.redrive),
    Deed("queue/{function}/discard", queue.discard, Role.ADMIN),
    Deed("queue/{function}/stop", queue.stop),
    Deed("gateway/{service}/switch", others.switch),
    Deed("settings/keys", keys.create),
    Deed("settings/keys/{key}/{change}", keys.change),
)
