"""Facts: what a server has of a project, for a person and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from huidu.model.names import DEFAULT, LATEST
from huidu.project.declared import Project
from huidu.project.there import AliasThere, FunctionThere, There

SHORT = 12  #: Characters of a digest.


def addresses(project: Project, there: There) -> Sequence[str]:
    """Return where a project answers over HTTP: through the gateway, and at URLs of its own."""
    service = dict(there.service.urls) if there.service else {}
    environment = project.gateway.environment if project.gateway else ""
    ours = [service[environment]] if environment in service else []
    triggers = there.function.triggers if there.function else ()
    return [*ours, *filter(None, (_url(one.definition) for one in triggers if one.type == "http"))]


def _url(definition: str) -> str:
    net = json.loads(definition or "{}").get("NetConfig") or {}
    return str(net.get("ExtranetUrl") or net.get("IntranetUrl") or "")


def in_short(alias: AliasThere) -> str:
    """Return who gets the calls of an alias, in a few words."""
    of = [(version, share) for version, share in alias.shares.items() if share]
    told = "all" if len(of) == 1 else ", ".join(f"{v} {share * 100:g} %" for v, share in of)
    calls = f"{told} to {of[0][0]}" if told == "all" else told
    return f"{calls}, and {len(alias.rules)} rules" if alias.rules else calls


def lines(project: Project, there: There) -> Iterator[str]:
    """Yield what there is of a project."""
    function = there.function
    if function is None:
        yield f"{project.function.name}: nothing is deployed in stage {project.stage}"
        return
    about = function.configuration
    size = f"{about.memory_mb} MB, {about.timeout_s} s"
    yield f"{project.function.name}: {about.runtime}, {size}, stage {project.stage}"
    rows = [("at", one) for one in addresses(project, there)]
    rows.append((LATEST, f"code {function.code_sha256[:SHORT]}{_as_published(function)}"))
    rows += [(alias.name, in_short(alias)) for alias in _in_order(function)]
    width = max(len(name) for name, _ in rows)
    yield from (f"  {name:<{width}}  {what}" for name, what in rows)


def _as_published(function: FunctionThere) -> str:
    last = function.last
    if last is None:
        return ", nothing is published"
    same = "the same as" if last.digest == function.digest else "changed since"
    return f", {same} version {last.number}"


def _in_order(function: FunctionThere) -> Sequence[AliasThere]:
    return sorted(function.aliases, key=lambda one: (one.name != DEFAULT, one.name))


def for_programs(project: Project, there: There) -> Mapping[str, Any]:
    """Return the same for programs."""
    function = there.function
    told: dict[str, Any] = {
        "FunctionName": project.function.name,
        "Namespace": project.function.namespace,
        "Stage": project.stage,
        "Deployed": function is not None,
        "Urls": list(addresses(project, there)),
    }
    if there.service:
        told["ServiceId"] = there.service.id
    if function:
        told |= {
            "Runtime": function.configuration.runtime,
            "CodeSha256": function.code_sha256,
            "LastVersion": function.last.number if function.last else LATEST,
            "Traffic": function.share_of_latest,
            "Aliases": {one.name: dict(one.shares) for one in _in_order(function)},
        }
    return told
