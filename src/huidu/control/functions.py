"""Functions: create, change, read, list and delete them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from huidu.actions import configuration as made
from huidu.actions import functions as wire
from huidu.actions.action import Nothing, is_true
from huidu.control import (
    aliases,
    configurations,
    layers,
    paging,
    telling,
    times,
    triggers,
    versions,
)
from huidu.control import code as packages
from huidu.control.aliases import Note
from huidu.control.plane import Asked, Plane
from huidu.control.telling import Cause
from huidu.model import names, quota
from huidu.model import role as roles
from huidu.model.alias import Alias
from huidu.model.errors import InUse, InvalidParameter, InvalidValue, NotFound
from huidu.model.function import Code, Configuration, Function, FunctionName, Layer
from huidu.model.role import Role
from huidu.model.trigger import Trigger
from huidu.model.version import ACTIVE, Version
from huidu.model.web import BOOTSTRAP, is_web
from huidu.store.reading import Page, Reading
from huidu.store.writing import Writing

MOST_SHOWN_BYTES = 1024 * 1024
COLUMNS = {"AddTime": "added_at", "ModTime": "modified_at", "FunctionName": "name"}


async def create(plane: Plane, asked: Asked, request: wire.CreateFunction) -> Nothing:
    """Create a function with its `$LATEST` and its `$DEFAULT`."""
    names.check_namespace(request.namespace)
    names.check_function(request.function_name)
    names.check_description(request.description)
    packages.check_source(request.code, request.code_source)
    configuration = configurations.first(plane, request, ())
    found = await plane.catalog.read(lambda reading: _look(plane, reading, request, configuration))
    configuration = replace(configuration, layers=found)
    async with packages.kept(plane, request.code) as code:
        await layers.check_whole(plane, code, configuration.layers)
        await _keep_new(plane, asked, request, code, configuration)
    return Nothing()


def _look(
    plane: Plane, reading: Reading, request: wire.CreateFunction, wanted: Configuration
) -> tuple[Layer, ...]:
    """Return the layers of a function that can be made now, or raise why it cannot."""
    _check_free(plane, reading, FunctionName(request.namespace, request.function_name))
    return layers.find(reading, request.layers, wanted.runtime)


def _check_free(plane: Plane, reading: Reading, named: FunctionName) -> None:
    if not reading.namespace_exists(named.namespace):
        raise NotFound("Namespace", named.namespace)
    there_are = reading.count_functions(named.namespace)
    quota.check("Function", there_are, plane.quota.functions, f"functions in {named.namespace}")
    try:
        reading.function(named)
    except NotFound:
        return
    raise InUse("FunctionName", f"FunctionName {named.name!r}: there is a function of this name")


async def _keep_new(
    plane: Plane,
    asked: Asked,
    request: wire.CreateFunction,
    code: Code,
    configuration: Configuration,
) -> None:
    named, now = FunctionName(request.namespace, request.function_name), plane.clock()
    tags, function_id = tuple((t.key, t.value) for t in request.tags), f"lam-{plane.new_id()[:8]}"
    function = Function(named=named, id=function_id, added_at=now, modified_at=now, tags=tags)
    latest = Version(
        function=named,
        function_id=function_id,
        number=names.LATEST,
        code=code,
        configuration=configuration,
        description=request.description,
        added_at=now,
        modified_at=now,
    )
    default = Alias(
        function=named,
        name=names.DEFAULT,
        version=names.LATEST,
        salt=plane.new_id(),
        added_at=now,
        modified_at=now,
    )

    def change(writing: Writing) -> None:
        _look(plane, writing, request, configuration)
        writing.add_function(function)
        writing.add_version(latest)
        writing.add_alias(function, default)
        aliases.keep_note(
            writing, function, Note("CreateFunction", asked.who, "", now), None, default
        )
        telling.function_changed(writing, Cause(asked, now), "function.created", named)

    await plane.catalog.write(change)


async def update_code(plane: Plane, asked: Asked, request: wire.UpdateFunctionCode) -> Nothing:
    """Replace the code of `$LATEST`; versions that were published keep theirs."""
    named = FunctionName(request.namespace, request.function_name)
    asked_code = request.code or packages.flat(request)
    packages.check_source(asked_code, request.code_source)
    latest = await plane.catalog.read(
        lambda reading: reading.version(reading.function(named), names.LATEST)
    )
    if request.handler is not None and not is_web(latest.configuration):
        plane.runtimes.check(latest.configuration.runtime, request.handler)
    async with packages.kept(plane, asked_code) as code:
        await layers.check_whole(plane, code, latest.configuration.layers)

        def change(_: Writing, latest: Version) -> Version:
            handler = request.handler or latest.configuration.handler
            new = replace(latest.configuration, handler=handler)
            return replace(latest, code=code, configuration=new)

        await _change_latest(plane, asked, named, change, publish=is_true(request.publish))
    return Nothing()


async def update_configuration(
    plane: Plane, asked: Asked, request: wire.UpdateFunctionConfiguration
) -> Nothing:
    """Change the configuration of `$LATEST`; what is left out stays as it is."""
    named = FunctionName(request.namespace, request.function_name)
    if request.description is not None:
        names.check_description(request.description)

    def change(reading: Reading, latest: Version) -> Version:
        old = latest.configuration
        chosen = old.layers
        if request.layers is not None:
            chosen = layers.find(reading, request.layers, old.runtime, chosen)
        new = configurations.changed(plane, old, request, chosen)
        described = latest.description if request.description is None else request.description
        return replace(latest, configuration=new, description=described)

    if request.layers:
        wanted = await plane.catalog.read(
            lambda reading: change(reading, reading.version(reading.function(named), names.LATEST))
        )
        await layers.check_whole(plane, wanted.code, wanted.configuration.layers)
    await _change_latest(plane, asked, named, change, publish=is_true(request.publish))
    return Nothing()


async def _change_latest(
    plane: Plane,
    asked: Asked,
    named: FunctionName,
    change: Callable[[Writing, Version], Version],
    *,
    publish: bool,
) -> None:
    cause = Cause(asked, now := plane.clock())

    def work(writing: Writing) -> None:
        function = writing.function(named)
        latest = change(writing, old := writing.version(function, names.LATEST))
        writing.replace_latest(replace(latest, status=ACTIVE, status_reason="", modified_at=now))
        telling.latest_changed(writing, cause, old, latest)
        writing.replace_function(replace(function, modified_at=now))
        if publish:
            versions.publish_latest(plane, cause, writing, named, "")

    await plane.catalog.write(work)


async def get(plane: Plane, asked: Asked, request: wire.GetFunction) -> wire.FunctionFacts:
    """Describe one version; an alias stands for its main version (D-11)."""
    if not request.function_name:
        raise InvalidParameter("FunctionNameOrResourceIdRequired", "FunctionName: must be given")
    named = FunctionName(request.namespace, request.function_name)
    qualifier = request.qualifier or names.LATEST

    def ask(reading: Reading) -> tuple[Function, Version, Sequence[Trigger]]:
        function = reading.function(named)
        number = qualifier
        if not names.names_version(qualifier):
            number = reading.alias(function, qualifier).version
        return function, reading.version(function, number), triggers.of(reading, function)

    if is_true(request.show_code):
        roles.check(asked.who, asked.role, "GetFunction with ShowCode", Role.RELEASE)
    function, version, bound = await plane.catalog.read(ask)
    told = facts(plane, function, version)
    if asked.role < Role.ADMIN:
        # Passwords are there, and who could not set one need not read it.
        for variable in told.environment.variables:
            variable.value = roles.HIDDEN
    told.qualifier = qualifier
    told.triggers = [triggers.facts(plane, trigger) for trigger in bound]
    if is_true(request.show_code):
        told.code_info = await asyncio.to_thread(_entry_file, plane, version)
    return told


async def address(plane: Plane, asked: Asked, request: wire.GetFunctionAddress) -> wire.CodeAddress:
    """Tell where the package of a version can be had for some minutes."""
    named = FunctionName(request.namespace, request.function_name)
    version = await plane.catalog.read(
        lambda reading: reading.version(reading.function(named), request.qualifier)
    )
    name = f"{named.name}-{version.number}.zip"
    return wire.CodeAddress(url=plane.download(version.code, name), code_sha256=version.code.sha256)


def _entry_file(plane: Plane, version: Version) -> str:
    """The text of the file that the handler names, where it is one of at most 1 MB."""
    root = plane.packages.unpacked(version.code)
    file = root / f"{version.configuration.handler.rpartition('.')[0]}.py"
    if is_web(version.configuration):
        file = root / BOOTSTRAP
    if not file.is_file() or file.stat().st_size > MOST_SHOWN_BYTES:
        return ""
    return file.read_text("utf-8", "replace")


def facts(plane: Plane, function: Function, version: Version) -> wire.FunctionFacts:
    """Return a version as the API shows it, without its triggers."""
    configuration = version.configuration
    settings = {name: json.loads(text) for name, text in configuration.settings}
    kept = {name: settings[name] for name in SHOWN_SETTINGS if name in settings}
    return wire.FunctionFacts(
        function_name=function.named.name,
        function_id=function.id,
        namespace=function.named.namespace,
        function_version=version.number,
        qualifier=version.number,
        status=version.status,
        status_desc=version.status_reason or _note(plane, configuration),
        status_reasons=_reasons(version),
        description=version.description,
        handler=configuration.handler,
        runtime=configuration.runtime,
        memory_size=configuration.memory_mb,
        timeout=configuration.timeout_s,
        init_timeout=configuration.init_timeout_s,
        environment=made.Environment(
            variables=[made.Variable(key=k, value=v) for k, v in configuration.environment]
        ),
        layers=[
            made.LayerSimple(layer_name=layer.name, layer_version=layer.version)
            for layer in configuration.layers
        ],
        role=configuration.role,
        type=configuration.type,
        code_info="",
        code_size=version.code.size_bytes,
        add_time=times.show(version.added_at, plane.zone),
        mod_time=times.show(version.modified_at, plane.zone),
        tags=[made.Tag(key=k, value=v) for k, v in function.tags],
        triggers=[],
        code_sha256=version.code.sha256,
        digest=version.digest,
        **kept,
    )


def _note(plane: Plane, configuration: Configuration) -> str:
    return "" if is_web(configuration) else plane.runtimes.note(configuration.runtime)


SHOWN_SETTINGS: Sequence[str] = (
    "vpc_config",
    "public_net_config",
    "dead_letter_config",
    "cfs_config",
    "instance_concurrency_config",
    "protocol_type",
)


def _reasons(version: Version) -> list[wire.StatusReason]:
    if not version.status_reason:
        return []
    return [wire.StatusReason(error_code=version.status, error_message=version.status_reason)]


async def list_all(plane: Plane, asked: Asked, request: wire.ListFunctions) -> wire.Functions:
    """List the functions of a namespace."""
    if request.filters:
        raise InvalidValue("", "Filters: cannot be applied here; use SearchKey or Description")
    page = Page(
        offset=paging.offset_of(request.offset),
        limit=paging.limit_of(request.limit),
        column=paging.column_of(request.orderby, COLUMNS, ""),
        descending=paging.is_descending(request.order),
    )

    def ask(reading: Reading) -> tuple[int, Sequence[tuple[Function, Version]]]:
        if not reading.namespace_exists(request.namespace):
            raise NotFound("Namespace", request.namespace)
        return reading.functions(request.namespace, page, request.search_key, request.description)

    total, found = await plane.catalog.read(ask)
    return wire.Functions(
        functions=[_line(plane, function, latest) for function, latest in found],
        total_count=total,
    )


def _line(plane: Plane, function: Function, latest: Version) -> wire.FunctionLine:
    return wire.FunctionLine(
        function_name=function.named.name,
        function_id=function.id,
        namespace=function.named.namespace,
        runtime=latest.configuration.runtime,
        status=latest.status,
        status_desc=latest.status_reason or _note(plane, latest.configuration),
        status_reasons=_reasons(latest),
        description=latest.description,
        type=latest.configuration.type,
        tags=[made.Tag(key=k, value=v) for k, v in function.tags],
        add_time=times.show(function.added_at, plane.zone),
        mod_time=times.show(function.modified_at, plane.zone),
    )


async def delete(plane: Plane, asked: Asked, request: wire.DeleteFunction) -> Nothing:
    """Delete a function with all that is its own (D-10) or, with a qualifier, one version."""
    named = FunctionName(request.namespace, request.function_name)
    if request.qualifier:
        await versions.delete_one(plane, asked, named, request.qualifier, force=False)
        return Nothing()

    def change(writing: Writing) -> None:
        writing.delete_function(writing.function(named))
        cause = Cause(asked, plane.clock())
        telling.function_changed(writing, cause, "function.deleted", named)

    await plane.catalog.write(change)
    return Nothing()
