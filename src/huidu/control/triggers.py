"""Triggers: bind event sources to versions and aliases."""

from __future__ import annotations

import re
from collections.abc import Sequence

from huidu.actions import triggers as wire
from huidu.actions.action import Nothing
from huidu.actions.functions import Filter, TriggerInfo
from huidu.control import api_triggers, paging, times
from huidu.control.plane import Asked, Kind, Plane
from huidu.model import names, quota
from huidu.model.errors import InUse, InvalidValue, NotFound
from huidu.model.function import Function, FunctionName
from huidu.model.trigger import Trigger
from huidu.model.version import Version
from huidu.model.web import is_web
from huidu.store.reading import Reading
from huidu.store.writing import Writing

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
MOST_ARGUMENT_BYTES = 4096
COLUMNS = {"add_time": "added_at", "mod_time": "modified_at"}
OPEN, CLOSE = "OPEN", "CLOSE"


async def create(plane: Plane, asked: Asked, request: wire.CreateTrigger) -> wire.TriggerCreated:
    """Bind an event source; from then on what happens there calls the function."""
    kind = plane.triggers.get(request.type)
    if kind is None:
        kinds = ", ".join(sorted(plane.triggers))
        raise InvalidValue("Type", f"Type {request.type[:40]!r}: must be one of {kinds}")
    _check_texts(request)
    if kind.of_gateway:
        definition, enabled = kind.define(request.trigger_desc), _enabled(request.enable)
        trigger = await plane.catalog.write(
            lambda writing: api_triggers.create(
                plane, asked, writing, request, definition, enabled=enabled
            )
        )
        return wire.TriggerCreated(trigger_info=facts(plane, trigger))
    made = await plane.catalog.write(lambda writing: _bind(plane, writing, request, kind))
    return wire.TriggerCreated(trigger_info=facts(plane, made))


def _bind(plane: Plane, writing: Writing, request: wire.CreateTrigger, kind: Kind) -> Trigger:
    named = FunctionName(request.namespace, request.function_name)
    now = plane.clock()
    function = writing.function(named)
    _check_kind(writing.version(function, names.LATEST), kind, request.type)
    there_are = [t for t in writing.triggers(function) if t.type == request.type]
    if request.trigger_name in {trigger.name for trigger in there_are}:
        raise InUse(
            "TriggerName", f"TriggerName {request.trigger_name!r}: there is one of this name"
        )
    quota.check("Trigger", len(there_are), plane.quota.triggers, f"{request.type} triggers")
    qualifier = request.qualifier or names.LATEST
    _check_there(writing, function, qualifier)
    made = Trigger(
        function=named,
        function_id=function.id,
        type=request.type,
        name=request.trigger_name,
        qualifier=qualifier,
        definition=kind.define(request.trigger_desc),
        custom_argument=request.custom_argument,
        description=request.description,
        enabled=_enabled(request.enable),
        resource_id=plane.new_id().replace("-", "")[:12],
        added_at=now,
        modified_at=now,
    )
    writing.add_trigger(function, made)
    return made


def _check_there(writing: Writing, function: Function, qualifier: str) -> None:
    if names.names_version(qualifier):
        writing.version(function, qualifier)
    else:
        writing.alias(function, qualifier)


def _check_kind(version: Version, kind: Kind, type_: str) -> None:
    if is_web(version.configuration) and not kind.of_web:
        raise InvalidValue(
            "Type", f"Type {type_!r}: a function of Type HTTP is called over HTTP alone"
        )


def _check_texts(request: wire.CreateTrigger) -> None:
    if not NAME.fullmatch(request.trigger_name):
        raise InvalidValue(
            "TriggerName",
            f"TriggerName {request.trigger_name[:80]!r}: 1 to 100 letters, digits, - and _, "
            "beginning with a letter",
        )
    if len(request.custom_argument.encode()) > MOST_ARGUMENT_BYTES:
        raise InvalidValue("CustomArgument", f"CustomArgument: over {MOST_ARGUMENT_BYTES} bytes")
    names.check_description(request.description)


def _enabled(enable: str | int) -> bool:
    text = str(enable).upper()
    if text not in {OPEN, CLOSE, "0", "1"}:
        raise InvalidValue("Enable", f"Enable {text[:40]!r}: must be OPEN or CLOSE")
    return text in {OPEN, "1"}


def facts(plane: Plane, trigger: Trigger) -> TriggerInfo:
    """Return a trigger as the API shows it."""
    return TriggerInfo(
        trigger_name=trigger.name,
        type=trigger.type,
        trigger_desc=plane.triggers[trigger.type].show(trigger, plane.gateway_url),
        enable=int(trigger.enabled),
        qualifier=trigger.qualifier,
        custom_argument=trigger.custom_argument,
        description=trigger.description,
        add_time=times.show(trigger.added_at, plane.zone),
        mod_time=times.show(trigger.modified_at, plane.zone),
        resource_id=trigger.resource_id,
    )


async def delete(plane: Plane, asked: Asked, request: wire.DeleteTrigger) -> Nothing:
    """Unbind an event source, whatever it is bound to (D-44)."""
    named = FunctionName(request.namespace, request.function_name)

    kind = plane.triggers.get(request.type)

    def change(writing: Writing) -> None:
        if kind is not None and kind.of_gateway:
            api_triggers.delete(plane, asked, writing, request)
            return
        function = writing.function(named)
        for trigger in writing.triggers(function):
            if (trigger.type, trigger.name) == (request.type, request.trigger_name) and (
                request.qualifier in (None, "", trigger.qualifier)
            ):
                writing.delete_trigger(function, trigger)
                return
        raise NotFound("Trigger", request.trigger_name)

    await plane.catalog.write(change)
    return Nothing()


def of(reading: Reading, function: Function) -> Sequence[Trigger]:
    """Return the triggers of a function, with the APIs that call it."""
    return [*reading.triggers(function), *api_triggers.of_function(reading, function)]


async def list_all(plane: Plane, asked: Asked, request: wire.ListTriggers) -> wire.Triggers:
    """List the triggers of a function over all its qualifiers."""
    column = paging.column_of(request.order_by, COLUMNS)
    descending = paging.is_descending(request.order)
    named = FunctionName(request.namespace, request.function_name)
    every = await plane.catalog.read(lambda reading: of(reading, reading.function(named)))
    found = _filtered(every, request.filters)
    found.sort(key=lambda trigger: getattr(trigger, column), reverse=descending)
    offset = paging.offset_of(request.offset)
    page = found[offset : offset + paging.limit_of(request.limit)]
    return wire.Triggers(
        triggers=[facts(plane, trigger) for trigger in page], total_count=len(found)
    )


FILTERS = {"Qualifier": "qualifier", "TriggerName": "name", "Description": "description"}


def _filtered(found: Sequence[Trigger], filters: Sequence[Filter]) -> list[Trigger]:
    kept = list(found)
    for wanted in filters:
        if wanted.name not in FILTERS:
            raise InvalidValue(
                "Filters", f"Filters {wanted.name[:40]!r}: must be one of {', '.join(FILTERS)}"
            )
        kept = [t for t in kept if getattr(t, FILTERS[wanted.name]) in wanted.values]
    return kept
