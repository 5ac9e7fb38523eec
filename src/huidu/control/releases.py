"""Releases: put a service before callers, take it away, switch to another version of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from huidu.actions import releases as wire
from huidu.actions.apigateway import Done
from huidu.control import aliases, apis, paging, times
from huidu.control.plane import Asked, Plane
from huidu.control.services import text
from huidu.control.telling import in_words, service_switched
from huidu.control.warming import Warmer, move
from huidu.model.errors import InUse, InvalidValue
from huidu.model.service import (
    ENVIRONMENTS,
    MOST_TEXT,
    Api,
    Environment,
    Release,
    Service,
    Switch,
    check_environment,
)
from huidu.store.reading import Reading
from huidu.store.writing import Writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What is done to an environment, and by whom."""

    environment: str
    action: str
    who: str
    why: str
    at: float
    request_id: str


async def release(plane: Plane, asked: Asked, request: wire.ReleaseService) -> wire.Released:
    """Freeze the APIs of a service and put them into an environment, all at one moment."""
    deed = _deed(plane, asked, request, "ReleaseService", request.release_desc)

    def change(writing: Writing, warmer: Warmer) -> Release:
        service = writing.service(request.service_id)
        made = freeze(plane, service, writing.apis(service), deed)
        writing.add_release(made)
        _put_with(plane, writing, warmer, request, deed, made)
        return made

    made = await move(plane, change)
    told = wire.Release(release_desc=made.description, release_version=made.name)
    return wire.Released(result=told)


async def update(plane: Plane, asked: Asked, request: wire.UpdateService) -> Done:
    """Put an earlier version into an environment, whichever one it was first released to."""
    deed = _deed(plane, asked, request, "UpdateService", request.update_desc)

    def change(writing: Writing, warmer: Warmer) -> None:
        service = writing.service(request.service_id)
        _put_with(
            plane, writing, warmer, request, deed, writing.release(service, request.version_name)
        )

    await move(plane, change)
    return Done()


def _deed(
    plane: Plane,
    asked: Asked,
    request: wire.ReleaseService | wire.UpdateService,
    action: str,
    why: str,
) -> Deed:
    return Deed(
        environment=check_environment(request.environment_name),
        action=action,
        who=asked.who,
        why=text("ReleaseDesc" if action == "ReleaseService" else "UpdateDesc", why, MOST_TEXT),
        at=plane.clock(),
        request_id=asked.request_id,
    )


def freeze(plane: Plane, service: Service, there_are: Sequence[Api], deed: Deed) -> Release:
    """Return these APIs of a service as a version, named by the moment and by chance."""
    moment = datetime.fromtimestamp(deed.at, UTC).astimezone(plane.zone)
    return Release(
        service_id=service.id,
        name=f"{moment:%Y%m%d%H%M%S}{plane.new_id()}",
        description=deed.why,
        apis=tuple(there_are),
        protocol=service.protocol,
        released_at=deed.at,
    )


def _put_with(
    plane: Plane,
    writing: Writing,
    warmer: Warmer,
    request: wire.ReleaseService | wire.UpdateService,
    deed: Deed,
    made: Release,
) -> None:
    """Put a version into an environment, and move the aliases that are to move with it."""
    service = writing.service(request.service_id)
    _check_expected(service, deed.environment, request.expected_version)
    apis.check_backends(writing, made.apis)
    changes = request.alias_changes or []
    _check_changes(made, changes)
    moves = [aliases.moved_by(plane, writing, change, deed.at) for change in changes]
    warmer.look_at([moved for _, moved in moves])
    words = []
    for change, (function, moved) in zip(changes, moves, strict=True):
        why = change.reason or f"with {service.id} in {deed.environment}: {deed.why}"
        note = aliases.Note(deed.action, deed.who, why, deed.at, warmer.warning, deed.request_id)
        aliases.keep_moved(writing, function, note, moved)
        words.append(f"{change.name} of {function.named}: {in_words(moved.after)}")
    put(writing, made, deed, words)


def _check_expected(service: Service, environment: str, expected: str | None) -> None:
    there = service.online.get(environment, "")
    if expected not in (None, there):
        raise InUse(
            "",
            f"ExpectedVersion {expected!r}: {environment} has {there or 'nothing'} online now; "
            "read it again and decide anew",
        )


def _check_changes(made: Release, changes: Sequence[wire.AliasChange]) -> None:
    behind = {(a.backend.function.namespace, a.backend.function.name) for a in made.apis}
    seen = set[tuple[str, str, str]]()
    for change in changes:
        function = (change.namespace, change.function_name)
        if function not in behind:
            raise _wrong(change, f"no API of {made.service_id} calls {change.function_name}")
        if (*function, change.name) in seen:
            raise _wrong(change, "is to move twice")
        seen.add((*function, change.name))


def _wrong(change: wire.AliasChange, reason: str) -> InvalidValue:
    return InvalidValue(
        "AliasChanges", f"AliasChanges: {change.name} of {change.function_name}: {reason}"
    )


def put(writing: Writing, made: Release, deed: Deed, moved: Sequence[str] = ()) -> None:
    """Let an environment be served as a version says, within a write that is under way."""
    _switch(writing, made, deed, moved, online=True)


def take(writing: Writing, made: Release, deed: Deed) -> None:
    """Take a version out of an environment, within a write that is under way."""
    _switch(writing, made, deed, (), online=False)


def _switch(
    writing: Writing, made: Release, deed: Deed, moved: Sequence[str], *, online: bool
) -> None:
    environment = Environment(
        service_id=made.service_id,
        name=deed.environment,
        release=made.name,
        online=online,
        changed_at=deed.at,
    )
    note = Switch(
        service_id=made.service_id,
        environment=deed.environment,
        release=made.name,
        action=deed.action,
        description=deed.why or made.description,
        who=deed.who,
        at=deed.at,
        moved=tuple(moved),
    )
    online_before = {
        one.name: one.release for one in writing.environments(made.service_id) if one.online
    }
    before, after = online_before.get(deed.environment, ""), made.name if online else ""
    writing.switch(environment, note)
    told = replace(note, description=deed.why)
    service_switched(writing, told, before, after, deed.request_id)


async def unrelease(plane: Plane, asked: Asked, request: wire.UnReleaseService) -> Done:
    """Take a service offline in an environment; its versions stay."""
    name = check_environment(request.environment_name)
    deed = Deed(
        environment=name,
        action="UnReleaseService",
        who=asked.who,
        why="",
        at=plane.clock(),
        request_id=asked.request_id,
    )

    def change(writing: Writing) -> None:
        service = writing.service(request.service_id)
        if name not in service.online:
            raise InvalidValue(
                "InvalidEnvStatus", f"EnvironmentName {name}: {service.id} is not online there"
            )
        take(writing, writing.release(service, service.online[name]), deed)

    await plane.catalog.write(change)
    return Done()


async def environments(
    plane: Plane, asked: Asked, request: wire.DescribeServiceEnvironmentList
) -> wire.Environments:
    """List the three environments, whether anything was ever released to them or not."""

    def ask(reading: Reading) -> Sequence[Environment]:
        return reading.environments(reading.service(request.service_id).id)

    known = {one.name: one for one in await plane.catalog.read(ask)}
    lines = []
    for name in ENVIRONMENTS:
        one = known.get(name)
        lines.append(
            wire.EnvironmentLine(
                environment_name=name,
                url=f"{plane.gateway_url}/{request.service_id}/{name}",
                status=int(one is not None and one.online),
                version_name=one.release if one else "",
                create_time=times.iso(one.changed_at) if one else "",
            )
        )
    page = paging.page(lines, request.offset, request.limit)
    told = wire.EnvironmentLines(total_count=len(lines), environment_list=page)
    return wire.Environments(result=told)


async def versions(
    plane: Plane, asked: Asked, request: wire.DescribeServiceReleaseVersion
) -> wire.ReleaseVersions:
    """List what was released of a service, the newest first."""
    offset, limit = paging.offset_of(request.offset), paging.limit_of(request.limit)
    total, found = await plane.catalog.read(
        lambda reading: reading.releases(reading.service(request.service_id), offset, limit)
    )
    lines = [wire.VersionNamed(version_name=name, version_desc=told) for name, told in found]
    return wire.ReleaseVersions(result=wire.VersionLines(total_count=total, version_list=lines))


async def history(
    plane: Plane, asked: Asked, request: wire.DescribeServiceEnvironmentReleaseHistory
) -> wire.ReleaseHistory:
    """List what was done to an environment, the newest first."""
    name = check_environment(request.environment_name)
    offset, limit = paging.offset_of(request.offset), paging.limit_of(request.limit)
    total, found = await plane.catalog.read(
        lambda reading: reading.switches(reading.service(request.service_id), name, offset, limit)
    )
    lines = [
        wire.SwitchLine(
            version_name=one.release,
            version_desc=one.description,
            release_time=times.iso(one.at),
            action=one.action,
            who=one.who,
            moved=list(one.moved),
        )
        for one in found
    ]
    return wire.ReleaseHistory(result=wire.SwitchLines(total_count=total, version_list=lines))


async def domains(
    plane: Plane, asked: Asked, request: wire.DescribeServiceSubDomains
) -> wire.Domains:
    """List the domains of a service's own: there are none."""
    await plane.catalog.read(lambda reading: reading.service(request.service_id))
    return wire.Domains(result=wire.DomainLines())
