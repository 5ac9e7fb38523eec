"""Nouns to rows and back; what many rows say alike is one object in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from sys import intern
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from huidu.model.alias import Alias
from huidu.model.errors import Refusal
from huidu.model.function import Code, Configuration, Function, FunctionName
from huidu.model.history import Change
from huidu.model.routing import Routing, Ruled, Share, Weighted
from huidu.model.rules import Rule
from huidu.model.trigger import Trigger
from huidu.model.version import Version

Row = Mapping[str, Any]

#: Configurations, and ways of sharing calls, that are remembered: many rows hold the same, and
#: what is frozen can be shared. The names in them are (`intern`), so that each is kept once.
MOST_SHARED = 256

#: Stands for a configuration that cannot be read. Its digest is no version's.
UNREADABLE = Configuration(handler="", runtime="")


class Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alias as it lies in its row and in the history."""

    version: str
    weights: tuple[tuple[str, int], ...] = ()
    rules: tuple[tuple[str, str, str, str], ...] = ()
    split: str = "exact"
    sticky: str = ""
    salt: str = ""
    description: str = ""
    revision: int = 1
    added_at: float = 0.0
    modified_at: float = 0.0


TAGS = msgspec.json.Decoder(tuple[tuple[str, str], ...])
CONFIGURATION, BODY = msgspec.json.Decoder(Configuration), msgspec.json.Decoder(Body)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def function_row(function: Function) -> Row:
    """Return the row of a function."""
    return {
        "id": function.id,
        "namespace": function.named.namespace,
        "name": function.named.name,
        "next_number": function.next_number,
        "tags": _text(function.tags),
        "added_at": function.added_at,
        "modified_at": function.modified_at,
    }


def function_from(row: RowMapping) -> Function:
    """Return the function of a row."""
    return Function(
        named=FunctionName(intern(row["namespace"]), row["name"]),
        id=intern(row["id"]),
        next_number=row["next_number"],
        tags=TAGS.decode(row["tags"]),
        added_at=row["added_at"],
        modified_at=row["modified_at"],
    )


def version_row(version: Version) -> Row:
    """Return the row of a version."""
    return {
        "function_id": version.function_id,
        "number": version.number,
        "code_sha256": version.code.sha256,
        "code_bytes": version.code.size_bytes,
        "configuration": _text(version.configuration),
        "description": version.description,
        "status": version.status,
        "status_reason": version.status_reason,
        "digest": version.digest,
        "added_at": version.added_at,
        "modified_at": version.modified_at,
    }


def version_from(row: RowMapping, named: FunctionName) -> Version:
    """Return the version of a row.

    A published version whose digest is not the one it was published with, or whose configuration
    cannot be read, is not handed out as healthy: its status says so, and no call is sent to it.
    """
    version = Version(
        function=named,
        function_id=intern(row["function_id"]),
        number=intern(row["number"]),
        code=Code(row["code_sha256"], row["code_bytes"]),
        configuration=_configuration(row["configuration"]),
        description=row["description"],
        status=intern(row["status"]),
        status_reason=row["status_reason"],
        added_at=row["added_at"],
        modified_at=row["modified_at"],
    )
    if version.digest == row["digest"]:
        return version
    reason = f"digest {version.digest[:12]} is not the published {row['digest'][:12]}"
    return replace(version, status="PublishFailed", status_reason=reason)


@lru_cache(maxsize=MOST_SHARED)
def _configuration(text: str) -> Configuration:
    try:
        return CONFIGURATION.decode(text)
    except (msgspec.MsgspecError, Refusal):  # one bad row must not keep the others from being read
        return UNREADABLE


def alias_body(alias: Alias) -> str:
    """Return an alias as JSON text, without the names that its row holds."""
    weights = alias.routing.shares if isinstance(alias.routing, Weighted) else ()
    rules = alias.routing.rules if isinstance(alias.routing, Ruled) else ()
    return _text(
        Body(
            version=alias.version,
            weights=tuple((share.version, share.weight) for share in weights),
            rules=tuple((r.version, r.key, r.method, r.expression) for r in rules),
            split=alias.split,
            sticky=alias.sticky,
            salt=alias.salt,
            description=alias.description,
            revision=alias.revision,
            added_at=alias.added_at,
            modified_at=alias.modified_at,
        )
    )


def alias_from(text: str, named: FunctionName, name: str) -> Alias:
    """Return the alias that `alias_body` wrote."""
    body = BODY.decode(text)
    routing: Routing | None = None
    if body.weights:
        routing = _weighted(body.weights)
    elif body.rules:
        routing = Ruled(
            tuple(Rule(version=v, key=k, method=m, expression=e) for v, k, m, e in body.rules)
        )
    return Alias(
        function=named,
        name=intern(name),
        version=intern(body.version),
        routing=routing,
        split=body.split,
        sticky=body.sticky,
        salt=body.salt,
        description=body.description,
        revision=body.revision,
        added_at=body.added_at,
        modified_at=body.modified_at,
    )


@lru_cache(maxsize=MOST_SHARED)
def _weighted(weights: tuple[tuple[str, int], ...]) -> Weighted:
    return Weighted(tuple(Share(*share) for share in weights))


def alias_row(alias: Alias, function_id: str) -> Row:
    """Return the row of an alias."""
    return {
        "function_id": function_id,
        "name": alias.name,
        "body": alias_body(alias),
        "revision": alias.revision,
        "added_at": alias.added_at,
        "modified_at": alias.modified_at,
    }


def change_row(change: Change) -> Row:
    """Return the row of a change in the history."""
    return {
        "function_id": change.function_id,
        "namespace": change.function.namespace,
        "function": change.function.name,
        "alias": change.alias,
        "revision": change.revision,
        "at": change.at,
        "who": change.who,
        "why": change.why,
        "action": change.action,
        "before": alias_body(change.before) if change.before else None,
        "after": alias_body(change.after) if change.after else None,
        "warning": change.warning,
    }


def change_from(row: RowMapping) -> Change:
    """Return the change of a row."""
    named = FunctionName(row["namespace"], row["function"])

    def alias(text: str | None) -> Alias | None:
        return alias_from(text, named, row["alias"]) if text else None

    return Change(
        function=named,
        function_id=row["function_id"],
        alias=row["alias"],
        revision=row["revision"],
        at=row["at"],
        who=row["who"],
        why=row["why"],
        action=row["action"],
        before=alias(row["before"]),
        after=alias(row["after"]),
        warning=row["warning"],
    )


def trigger_row(trigger: Trigger) -> Row:
    """Return the row of a trigger."""
    return {
        "function_id": trigger.function_id,
        "type": trigger.type,
        "name": trigger.name,
        "qualifier": trigger.qualifier,
        "definition": trigger.definition,
        "custom_argument": trigger.custom_argument,
        "description": trigger.description,
        "enabled": trigger.enabled,
        "missed": trigger.missed,
        "resource_id": trigger.resource_id,
        "added_at": trigger.added_at,
        "modified_at": trigger.modified_at,
    }


def trigger_from(row: RowMapping, named: FunctionName) -> Trigger:
    """Return the trigger of a row."""
    fields = {key: row[key] for key in TRIGGER_FIELDS}
    fields |= {key: intern(fields[key]) for key in OFTEN_THE_SAME}
    return Trigger(function=named, **fields)


OFTEN_THE_SAME = ("function_id", "type", "name", "qualifier", "definition", "missed")
TRIGGER_FIELDS = (
    "function_id",
    "type",
    "name",
    "qualifier",
    "definition",
    "custom_argument",
    "description",
    "enabled",
    "missed",
    "resource_id",
    "added_at",
    "modified_at",
)
