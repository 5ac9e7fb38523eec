"""Triggers: bind event sources to versions and aliases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec import UNSET

from huidu.actions import triggers as wire
from huidu.actions.action import Nothing
from huidu.actions.functions import Filter, TriggerInfo
from huidu.control import api_triggers, paging, times
from huidu.control.plane import Asked, Kind, Plane
from huidu.model import names, quota
from huidu.model.errors import Failed, InUse, InvalidValue, NotFound, Unsupported
from huidu.model.function import Function, FunctionName
from huidu.model.schedule import ONCE, SKIP
from huidu.model.trigger import TIMER, Trigger
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
    kind = _kind(plane, request.type)
    _check_name(request.trigger_name)
    _check_texts(request.custom_argument, request.description)
    _missed(request.missed, request.type)
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
        missed=_missed(request.missed, request.type),
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


def _kind(plane: Plane, type_: str) -> Kind:
    kind = plane.triggers.get(type_)
    if kind is None:
        kinds = ", ".join(sorted(plane.triggers))
        raise InvalidValue("Type", f"Type {type_[:40]!r}: must be one of {kinds}")
    return kind


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidValue(
            "TriggerName",
            f"TriggerName {name[:80]!r}: 1 to 100 letters, digits, - and _, "
            "beginning with a letter",
        )


def _check_texts(custom_argument: str, description: str) -> None:
    if len(custom_argument.encode()) > MOST_ARGUMENT_BYTES:
        raise InvalidValue("CustomArgument", f"CustomArgument: over {MOST_ARGUMENT_BYTES} bytes")
    names.check_description(description)


def _enabled(enable: str | int) -> bool:
    text = str(enable).upper()
    if text not in {OPEN, CLOSE, "0", "1"}:
        raise InvalidValue("Enable", f"Enable {text[:40]!r}: must be OPEN or CLOSE")
    return text in {OPEN, "1"}


def _missed(missed: str | None, type_: str) -> str:
    if missed is None:
        return SKIP
    if type_ != TIMER:
        raise InvalidValue("Missed", f"Missed: is for triggers of Type {TIMER} alone")
    if missed.lower() not in (SKIP, ONCE):
        raise InvalidValue("Missed", f"Missed {missed[:40]!r}: must be {SKIP} or {ONCE}")
    return missed.lower()


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
        missed=UNSET if trigger.missed == SKIP else trigger.missed,
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
        writing.delete_trigger(function, _named(writing, function, request))

    await plane.catalog.write(change)
    return Nothing()


def _named(
    writing: Writing,
    function: Function,
    request: wire.DeleteTrigger | wire.UpdateTrigger | wire.UpdateTriggerStatus,
) -> Trigger:
    """Return the trigger that a request names; a qualifier in it only narrows it down (D-45)."""
    for trigger in writing.triggers(function):
        if (trigger.type, trigger.name) == (request.type, request.trigger_name) and (
            request.qualifier in (None, "", trigger.qualifier)
        ):
            return trigger
    raise NotFound("Trigger", request.trigger_name)


def _check_not_an_api(kind: Kind) -> None:
    if kind.of_gateway:
        raise Unsupported(
            "",
            "Type 'apigw': this trigger is an API of the gateway; ModifyApi, then ReleaseService",
        )


async def update(plane: Plane, asked: Asked, request: wire.UpdateTrigger) -> Nothing:
    """Change an event source in one step; whoever calls a URL sees the old or the new one."""
    kind = _kind(plane, request.type)
    _check_not_an_api(kind)
    named = FunctionName(request.namespace, request.function_name)
    changes: dict[str, Any] = {"modified_at": plane.clock()}
    if request.enable is not None:
        changes["enabled"] = _enabled(request.enable)
    if request.trigger_desc is not None:
        changes["definition"] = kind.define(request.trigger_desc)
    if request.missed is not None:
        changes["missed"] = _missed(request.missed, request.type)
    for field in ("description", "custom_argument"):
        if getattr(request, field) is not None:
            changes[field] = getattr(request, field)
    _check_texts(request.custom_argument or "", request.description or "")

    def change(writing: Writing) -> None:
        function = writing.function(named)
        trigger = _named(writing, function, request)
        if request.new_qualifier:
            _check_there(writing, function, request.new_qualifier)
            changes["qualifier"] = request.new_qualifier
        writing.replace_trigger(function, replace(trigger, **changes))

    await plane.catalog.write(change)
    return Nothing()


async def update_status(plane: Plane, asked: Asked, request: wire.UpdateTriggerStatus) -> Nothing:
    """Open or close an event source, unless it is that already."""
    _check_not_an_api(_kind(plane, request.type))
    named = FunctionName(request.namespace, request.function_name)
    enabled = _enabled(request.enable)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        trigger = _named(writing, function, request)
        if trigger.enabled == enabled:
            state = OPEN if enabled else CLOSE
            raise Failed("UpdateTriggerStatus", f"Trigger [{trigger.name}] is {state} already")
        now = plane.clock()
        writing.replace_trigger(function, replace(trigger, enabled=enabled, modified_at=now))

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
    page = paging.page(found, request.offset, request.limit)
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
