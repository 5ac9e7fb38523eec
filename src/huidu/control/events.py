"""Events: list what happened."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from huidu.actions import events as wire
from huidu.control import paging, times
from huidu.control.plane import Asked, Plane
from huidu.model.errors import InvalidValue
from huidu.model.happening import Happening, check_pattern
from huidu.model.role import HIDDEN, Role
from huidu.store.told import Asking

OF_KEYS = "key."  #: How kinds begin that tell what only ListKeys shows otherwise.
CURSOR = re.compile(r"[0-9]{1,18}")


async def list_all(plane: Plane, asked: Asked, request: wire.ListEvents) -> wire.Events:
    """List what happened, the newest first unless asked otherwise."""
    descending, limit = paging.is_descending(request.order), paging.limit_of(request.limit)
    if limit == 0:
        raise InvalidValue("Limit", f"Limit 0: must be 1 to {paging.MOST}")
    if request.cursor and not CURSOR.fullmatch(request.cursor):
        raise InvalidValue(
            "Cursor", f"Cursor {request.cursor[:40]!r}: must be the NextCursor of an answer"
        )
    asking = Asking(
        kinds=tuple(check_pattern("Kinds", kind) for kind in request.kinds),
        namespace=request.namespace,
        function=request.function_name,
        alias=request.alias,
        version=request.function_version,
        who=request.who,
        since=times.moment("Since", request.since, plane.zone, plane.clock()),
        until=times.moment("Until", request.until, plane.zone, plane.clock()),
        beyond=int(request.cursor) if request.cursor else None,
        descending=descending,
        limit=limit,
    )
    last, found = await plane.catalog.read(
        lambda reading: (reading.last_happening(), reading.happenings(asking))
    )
    return wire.Events(
        events=[facts(plane, one, asked.role) for one in found],
        next_cursor=_cursor(asking, last, found),
    )


def _cursor(asking: Asking, last: int, found: Sequence[Happening]) -> str:
    """Return from where the next page is asked for; `last` is the newest of all there are."""
    if len(found) == asking.limit:
        return str(found[-1].sequence)
    return "" if asking.descending else str(max(last, asking.beyond or 0))


def facts(plane: Plane, happening: Happening, role: Role) -> wire.EventFacts:
    """Return what happened as the API shows it to a role; of whose keys, the admin alone."""
    if happening.kind.startswith(OF_KEYS) and role < Role.ADMIN:
        happening = replace(happening, subject=HIDDEN, before="", after="", detail="{}")
    return wire.EventFacts(
        id=str(happening.sequence),
        kind=happening.kind,
        at=happening.at,
        time=times.show(happening.at, plane.zone),
        namespace=happening.namespace,
        function_name=happening.function,
        alias=happening.alias,
        function_version=happening.version,
        subject=happening.subject,
        who=happening.who,
        reason=happening.why,
        before=happening.before,
        after=happening.after,
        detail=json.loads(happening.detail),
        request_id=happening.request_id,
    )
