"""Versions: publish, list and delete them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from huidu.actions import versions as wire
from huidu.actions.action import Nothing, is_true
from huidu.control import aliases, mirrors, paging, rolling, telling, times
from huidu.control.plane import Asked, Plane
from huidu.control.telling import Cause
from huidu.model import names, quota
from huidu.model.errors import Failed, InvalidValue, Unsupported
from huidu.model.function import FunctionName
from huidu.model.version import Version
from huidu.store.reading import Page, Reading
from huidu.store.writing import Writing

ORDERS = {"AddTime": "added_at", "ModTime": "modified_at"}


async def publish(plane: Plane, asked: Asked, request: wire.PublishVersion) -> wire.Published:
    """Freeze `$LATEST` as the next number; an unchanged one too (D-02)."""
    names.check_description(request.description)
    named = FunctionName(request.namespace, request.function_name)
    cause = Cause(asked, plane.clock())
    made = await plane.catalog.write(
        lambda writing: publish_latest(plane, cause, writing, named, request.description)
    )
    return wire.Published(
        function_version=made.number,
        code_size=made.code.size_bytes,
        memory_size=made.configuration.memory_mb,
        description=made.description,
        handler=made.configuration.handler,
        timeout=made.configuration.timeout_s,
        runtime=made.configuration.runtime,
        namespace=named.namespace,
        digest=made.digest,
    )


def publish_latest(
    plane: Plane, cause: Cause, writing: Writing, named: FunctionName, description: str
) -> Version:
    """Publish within a write that is under way."""
    function = writing.function(named)
    latest = writing.version(function, names.LATEST)
    if not latest.is_active:
        raise Failed("PublishVersion", f"$LATEST is {latest.status}: {latest.status_reason}")
    published = writing.count_versions(function) - 1
    quota.check("FunctionVersions", published, plane.quota.versions, f"versions of {named}")
    made = latest.published_as(function.next_number, description, cause.at)
    writing.add_version(made)
    writing.replace_function(replace(function, next_number=function.next_number + 1))
    telling.version_published(writing, cause, made)
    return made


async def list_all(
    plane: Plane, asked: Asked, request: wire.ListVersionByFunction
) -> wire.Versions:
    """List versions: `$LATEST`, then the newest number first, unless an order is asked for."""
    named = FunctionName(request.namespace, request.function_name)
    wanted = Page(
        offset=paging.offset_of(request.offset),
        limit=paging.limit_of(request.limit),
        column=_column(request),
        descending=paging.is_descending(request.order or "DESC"),
    )

    def ask(reading: Reading) -> tuple[int, Sequence[Version]]:
        function = reading.function(named)
        return reading.count_versions(function), reading.versions(function, wanted)

    total, page = await plane.catalog.read(ask)
    return wire.Versions(
        function_version=[version.number for version in page],
        versions=[
            wire.VersionLine(
                version=version.number,
                description=version.description,
                add_time=times.show(version.added_at, plane.zone),
                mod_time=times.show(version.modified_at, plane.zone),
                status=version.status,
                digest=version.digest,
            )
            for version in page
        ],
        total_count=total,
    )


def _column(request: wire.ListVersionByFunction) -> str:
    if request.order is None and request.order_by is None:
        return "number"
    return paging.column_of(request.order_by or "AddTime", ORDERS, "")


async def delete(plane: Plane, asked: Asked, request: wire.DeleteFunctionVersion) -> Nothing:
    """Delete one version that no alias refers to."""
    named = FunctionName(request.namespace, request.function_name)
    await delete_one(plane, asked, named, request.qualifier, force=is_true(request.force_delete))
    return Nothing()


async def delete_one(
    plane: Plane, asked: Asked, named: FunctionName, number: str, *, force: bool
) -> None:
    """Delete a version with the triggers that are bound to it (D-06 to D-09)."""
    if not names.is_number(number):
        raise InvalidValue(
            "Qualifier",
            f"Qualifier {number[:80]!r}: must be the number of a published version; "
            "$LATEST and aliases cannot be deleted this way",
        )

    def change(writing: Writing) -> Version:
        function = writing.function(named)
        version = writing.version(function, number)
        users = [a.name for a in writing.aliases(function) if number in a.versions]
        if users:
            raise Unsupported(
                "AliasBind",
                f"Qualifier {number}: alias {', '.join(users)} refers to it; point it at another "
                "version first (a weight of 0 refers too)",
            )
        used = aliases.in_use(writing, named, number)
        if used:
            raise Failed("DeleteFunction", f"Qualifier {number}: {used}")
        rolling.check_unused(writing, function, number)
        for trigger in writing.triggers(function):
            if trigger.qualifier == number:
                writing.delete_trigger(function, trigger)
        cause = Cause(asked, plane.clock())
        for mirror in writing.mirrors.all_of(function, number):
            mirrors.end(writing, cause, mirror, f"version {number} was deleted")
        writing.delete_version(version)
        telling.version_deleted(writing, cause, version)
        return version

    version = await plane.catalog.write(change)
    if force:
        await plane.instances.kill(version)
