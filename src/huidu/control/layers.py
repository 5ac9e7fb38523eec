"""Layers: publish them, see them, delete them, and find what a function names."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from huidu.actions import layers as wire
from huidu.actions.action import Nothing
from huidu.actions.configuration import LayerSimple
from huidu.control import code as packages
from huidu.control import paging, times
from huidu.control.plane import Asked, Plane
from huidu.model import quota
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.function import Code, Layer
from huidu.model.layer import LayerVersion, check_apart, check_name
from huidu.store.reading import Reading
from huidu.store.writing import Writing

#: Of a function's own code and all its layers together.
MOST_UNPACKED_BYTES = 500 * 1024 * 1024
UNKEPT = Code("", 0)  #: Of what is checked before its package is kept.


async def publish(
    plane: Plane, asked: Asked, request: wire.PublishLayerVersion
) -> wire.LayerPublished:
    """Publish files as the next version of a layer."""
    for runtime in request.compatible_runtimes:
        plane.runtimes.web(runtime)
    packages.check_source(request.content, None)
    wanted = LayerVersion(
        name=request.layer_name,
        number=0,
        code=UNKEPT,
        runtimes=tuple(dict.fromkeys(request.compatible_runtimes)),
        description=request.description,
        license=request.license_info,
        added_at=plane.clock(),
    )

    def check_room(reading: Reading) -> None:
        of, there_are = f"versions of {wanted.name}", reading.layers.count_versions(wanted.name)
        quota.check("LayerVersions", there_are, plane.quota.layer_versions, of)
        if not there_are:
            quota.check("Layers", reading.layers.count(), plane.quota.layers, "layers")

    await plane.catalog.read(check_room)
    async with packages.kept(plane, request.content) as code:

        def change(writing: Writing) -> LayerVersion:
            check_room(writing)
            return writing.layers.add(replace(wanted, code=code))

        made = await plane.catalog.write(change)
    return wire.LayerPublished(layer_version=made.number)


async def get(plane: Plane, asked: Asked, request: wire.GetLayerVersion) -> wire.LayerVersionFacts:
    """Describe a version of a layer."""
    named = request.layer_name, request.layer_version
    version = await plane.catalog.read(lambda reading: reading.layers.version(*named))
    return wire.LayerVersionFacts(
        compatible_runtimes=list(version.runtimes),
        code_sha256=version.code.sha256,
        location=plane.download(version.code, f"{version.name}-{version.number}.zip"),
        add_time=times.show(version.added_at, plane.zone),
        description=version.description,
        license_info=version.license,
        layer_version=version.number,
        layer_name=version.name,
    )


async def list_all(plane: Plane, asked: Asked, request: wire.ListLayers) -> wire.Layers:
    """List layers, each with its newest version that is for the runtime."""
    runtimes = _runtimes(plane, [request.compatible_runtime] if request.compatible_runtime else [])
    every = await plane.catalog.read(lambda reading: reading.layers.every())
    found = [
        version
        for version in every
        if request.search_key in version.name and _is_for(version, runtimes)
    ]
    newest = [next(same) for _, same in groupby(found, lambda version: version.name)]
    page = paging.page(newest, request.offset, request.limit)
    return wire.Layers(layers=[_line(plane, one) for one in page], total_count=len(newest))


async def list_versions(
    plane: Plane, asked: Asked, request: wire.ListLayerVersions
) -> wire.LayerVersions:
    """List the versions of a layer."""
    runtimes = _runtimes(plane, request.compatible_runtime or [])
    found = await plane.catalog.read(lambda reading: reading.layers.versions(request.layer_name))
    return wire.LayerVersions(
        layer_versions=[_line(plane, one) for one in found if _is_for(one, runtimes)]
    )


async def delete(plane: Plane, asked: Asked, request: wire.DeleteLayerVersion) -> Nothing:
    """Delete a version of a layer; functions that have it keep it, and no other gets it."""

    def change(writing: Writing) -> None:
        version = writing.layers.version(request.layer_name, request.layer_version)
        writing.layers.delete(version)

    await plane.catalog.write(change)
    return Nothing()


def find(
    reading: Reading, asked: Sequence[LayerSimple], runtime: str, had: Sequence[Layer] = ()
) -> tuple[Layer, ...]:
    """Return the layers that a function is to have, or raise what is wrong with them.

    One that it `had` stays though it was deleted meanwhile: a deploy says again what is there.
    """
    there = {(layer.name, layer.version): layer for layer in had}
    found = []
    for one in asked:
        if not one.layer_name and not one.layer_version:
            continue  # one empty layer is how clients say: none (section 4.1)
        layer = there.get((one.layer_name, one.layer_version))
        found.append(layer or _published(reading, one).of(runtime))
    check_apart(found)
    return tuple(found)


def _published(reading: Reading, asked: LayerSimple) -> LayerVersion:
    try:
        return reading.layers.version(check_name(asked.layer_name), asked.layer_version)
    except NotFound:
        raise NotFound(
            "Layer", f"{asked.layer_name}:{asked.layer_version}", "; ListLayerVersions shows which"
        ) from None
    except InvalidValue as refused:
        raise InvalidValue("Layers", f"Layers: {refused.message}") from None


async def check_whole(plane: Plane, code: Code, layers: Sequence[Layer]) -> None:
    """Raise `InvalidValue` where code and layers are too much together."""
    if not layers:
        return
    codes = (code, *(layer.code for layer in layers))

    def measure() -> int:
        return sum(map(plane.packages.unpacked_bytes, codes))

    size = await asyncio.to_thread(measure)
    if size > MOST_UNPACKED_BYTES:
        raise InvalidValue(
            "Layers",
            f"Layers: {size} bytes unpacked, with the code of the function; at most "
            f"{MOST_UNPACKED_BYTES} are allowed",
        )


def _runtimes(plane: Plane, asked: Sequence[str]) -> Sequence[str]:
    for runtime in asked:
        plane.runtimes.web(runtime)
    return asked


def _is_for(version: LayerVersion, runtimes: Sequence[str]) -> bool:
    return not runtimes or bool(set(runtimes) & set(version.runtimes))


def _line(plane: Plane, version: LayerVersion) -> wire.LayerLine:
    return wire.LayerLine(
        compatible_runtimes=list(version.runtimes),
        add_time=times.show(version.added_at, plane.zone),
        description=version.description,
        license_info=version.license,
        layer_version=version.number,
        layer_name=version.name,
    )
