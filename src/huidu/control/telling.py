"""Telling: what handlers say of a change, within the write that makes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from huidu.control.plane import Asked
from huidu.model.alias import Alias
from huidu.model.function import FunctionName
from huidu.model.happening import Happening
from huidu.model.history import Change
from huidu.model.mirror import Mirror
from huidu.model.routing import Ruled, Weighted
from huidu.model.service import Switch
from huidu.model.version import Version
from huidu.store.writing import Writing

#: What is told of a write of an alias, by the action in its history.
OF_ALIAS: Mapping[str, str] = {
    "CreateAlias": "alias.created",
    "UpdateAlias": "alias.moved",
    "UndoAlias": "alias.undone",
    "DeleteAlias": "alias.deleted",
}
#: What is told under a kind of its own: `$DEFAULT` comes with its function.
NOT_OF_ALIAS = frozenset({"CreateFunction"})
#: The fields of a configuration whose change is told.
COMPARED = (
    *("handler", "memory_mb", "timeout_s", "init_timeout_s"),
    *("environment", "layers", "role", "settings"),
)


def in_words(alias: Alias) -> str:
    """Say in one line where the calls of an alias go."""
    match alias.routing:
        case None:
            return f"all calls to version {alias.version}"
        case Weighted(shares):
            rest = ", ".join(
                f"{share.fraction * 100:.4g} % to version {share.version}" for share in shares
            )
            return f"{rest}, the rest to version {alias.version}"
        case Ruled(rules):
            rest = ", ".join(
                f"{rule.key} {rule.method} {rule.expression} to version {rule.version}"
                for rule in rules
            )
            return f"{rest}, the rest to version {alias.version}"


def alias_changed(writing: Writing, change: Change, request_id: str) -> None:
    """Tell of a write of an alias. One by an action that has no row here is a move."""
    if change.action in NOT_OF_ALIAS:
        return
    before, after = change.before, change.after
    detail: dict[str, object] = {
        "Action": change.action,
        "Revision": change.revision,
        "Before": _shape(before) if before else None,
        "After": _shape(after) if after else None,
    }
    if change.warning:
        detail["Warning"] = change.warning
    writing.tell(
        Happening(
            kind=OF_ALIAS.get(change.action, "alias.moved"),
            at=change.at,
            namespace=change.function.namespace,
            function=change.function.name,
            alias=change.alias,
            version=after.version if after else "",
            who=change.who,
            why=change.why,
            before=in_words(before) if before else "",
            after=in_words(after) if after else "",
            detail=json.dumps(detail, ensure_ascii=False),
            request_id=request_id,
        )
    )


def _shape(alias: Alias) -> dict[str, object]:
    routing = alias.routing
    shares = routing.shares if isinstance(routing, Weighted) else ()
    rules = routing.rules if isinstance(routing, Ruled) else ()
    return {
        "FunctionVersion": alias.version,
        "AdditionalVersionWeights": [
            {"Version": share.version, "Weight": share.fraction} for share in shares
        ],
        "AddtionVersionMatchs": [
            {"Version": r.version, "Key": r.key, "Method": r.method, "Expression": r.expression}
            for r in rules
        ],
        "Split": alias.split,
        "Sticky": alias.sticky,
        "Revision": alias.revision,
    }


def service_switched(
    writing: Writing, switch: Switch, before: str, after: str, request_id: str
) -> None:
    """Tell that an environment of a service has another version; an empty one is none."""
    detail = {
        "Action": switch.action,
        "Environment": switch.environment,
        "Before": before,
        "After": after,
        "Moved": list(switch.moved),
    }
    kind = "service.released" if after else "service.unreleased"
    if switch.action == "UpdateService":
        kind = "service.switched"
    writing.tell(
        Happening(
            kind=kind,
            at=switch.at,
            subject=f"{switch.service_id}/{switch.environment}",
            who=switch.who,
            why=switch.description,
            before=before or "nothing",
            after=after or "nothing",
            detail=json.dumps(detail, ensure_ascii=False),
            request_id=request_id,
        )
    )


@dataclass(frozen=True, slots=True)
class Cause:
    """Who asked for a change, and when."""

    asked: Asked
    at: float


def function_changed(writing: Writing, cause: Cause, kind: str, named: FunctionName) -> None:
    """Tell that a function was made or deleted."""
    writing.tell(_about(cause, kind, named))


def latest_changed(writing: Writing, cause: Cause, old: Version, new: Version) -> None:
    """Tell that `$LATEST` is another, and in what; values are not told, for some are secrets."""
    was, is_now = old.configuration, new.configuration
    fields = [name for name in COMPARED if getattr(was, name) != getattr(is_now, name)]
    fields += ["code"] if old.code != new.code else []
    fields += ["description"] if old.description != new.description else []
    writing.tell(
        _about(
            cause,
            "function.updated",
            new.function,
            version=new.number,
            before=f"digest {old.digest[:12]}",
            after=f"digest {new.digest[:12]}; changed: {', '.join(fields) or 'nothing'}",
            detail={"Before": old.digest, "After": new.digest, "Changed": fields},
        )
    )


def version_published(writing: Writing, cause: Cause, made: Version) -> None:
    """Tell that a version was published."""
    writing.tell(
        _about(
            cause,
            "version.published",
            made.function,
            version=made.number,
            after=f"digest {made.digest[:12]}",
            detail={"Digest": made.digest, "Description": made.description},
        )
    )


def version_deleted(writing: Writing, cause: Cause, gone: Version) -> None:
    """Tell that a version was deleted."""
    before = f"digest {gone.digest[:12]}"
    writing.tell(
        _about(cause, "version.deleted", gone.function, version=gone.number, before=before)
    )


def provision_changed(
    writing: Writing, cause: Cause, version: Version, before: int, after: int
) -> None:
    """Tell that a version is to have another number of instances."""
    if before == after:
        return
    writing.tell(
        _about(
            cause,
            "provision.changed",
            version.function,
            version=version.number,
            before=f"{before} provisioned",
            after=f"{after} provisioned",
            detail={"Before": before, "After": after},
        )
    )


def reservation_changed(
    writing: Writing, cause: Cause, named: FunctionName, before: int | None, after: int | None
) -> None:
    """Tell that a function has another part of the concurrency for itself."""
    if before == after:
        return
    was, now = ("shared" if mb is None else f"{mb} MB reserved" for mb in (before, after))
    detail = {"Before": before, "After": after}
    kind = "reservation.changed"
    writing.tell(_about(cause, kind, named, before=was, after=now, detail=detail))


def mirror_marked(
    writing: Writing, cause: Cause, named: FunctionName, why: str, *, safe: bool
) -> None:
    """Tell that a function may be called twice from now on, or may not."""
    kind = "mirror.marked" if safe else "mirror.unmarked"
    writing.tell(replace(_about(cause, kind, named), why=why))


def mirror_began(writing: Writing, cause: Cause, mirror: Mirror) -> None:
    """Tell that calls of an alias are copied."""
    told = _about(
        cause,
        "mirror.began",
        mirror.function,
        version=mirror.version,
        after=f"{mirror.share * 100:.4g} % of the calls are mirrored to version {mirror.version}",
        detail={
            "MirrorId": mirror.id,
            "Share": mirror.share,
            "IgnorePaths": list(mirror.ignored),
            "MaxCalls": mirror.most_calls,
            "Until": mirror.until,
        },
    )
    writing.tell(replace(told, alias=mirror.alias, why=mirror.why))


def _about(
    cause: Cause,
    kind: str,
    named: FunctionName,
    *,
    version: str = "",
    before: str = "",
    after: str = "",
    detail: Mapping[str, object] | None = None,
) -> Happening:
    return Happening(
        kind=kind,
        at=cause.at,
        namespace=named.namespace,
        function=named.name,
        version=version,
        who=cause.asked.who,
        before=before,
        after=after,
        detail=json.dumps(detail or {}, ensure_ascii=False),
        request_id=cause.asked.request_id,
    )
