"""Reserved concurrency: what a function has for itself, at least and at most."""

from __future__ import annotations

from collections.abc import Mapping

from huidu.actions import reserved as wire
from huidu.actions.action import Nothing
from huidu.control import telling
from huidu.control.plane import Asked, Plane
from huidu.control.telling import Cause
from huidu.model.errors import Failed, InvalidValue, LimitExceeded
from huidu.model.function import Function, FunctionName
from huidu.model.names import LATEST
from huidu.store.reading import Reading
from huidu.store.writing import Writing


async def put(plane: Plane, asked: Asked, request: wire.PutReservedConcurrencyConfig) -> Nothing:
    """Keep so much for a function from now on; what it has above that goes as it is idle."""
    mb = request.reserved_concurrency_mem
    if mb < 0:
        raise InvalidValue("", f"ReservedConcurrencyMem {mb}: must be 0 (stop it) or more MB")
    named = FunctionName(request.namespace, request.function_name)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        unit_mb = writing.version(function, LATEST).configuration.memory_mb
        if 0 < mb < unit_mb:
            raise InvalidValue(
                "", f"ReservedConcurrencyMem {mb}: one instance of $LATEST has {unit_mb} MB"
            )
        check_provisioned(writing, function, mb, writing.provisions(function))
        _check_room(plane, writing, function, mb // unit_mb)
        before = writing.reserved(function)
        writing.reserve(function, mb, now := plane.clock())
        telling.reservation_changed(writing, Cause(asked, now), named, before, mb)

    await plane.catalog.write(change)
    return Nothing()


def check_provisioned(
    reading: Reading, function: Function, reserved_mb: int, provisions: Mapping[str, int]
) -> None:
    """Raise `Failed` where versions are to have more instances than is reserved for all of them."""
    sizes = {
        version.number: version.configuration.memory_mb for version in reading.versions(function)
    }
    wanted_mb = sum(sizes[number] * count for number, count in provisions.items())
    if wanted_mb > reserved_mb:
        raise Failed(
            "ProvisionedExceedReserved",
            f"{wanted_mb} MB of instances are provisioned, {reserved_mb} MB reserved: provision "
            "less, or reserve more",
        )


def _check_room(plane: Plane, reading: Reading, function: Function, wanted: int) -> None:
    others = reading.promised(but=function.id)
    most = max(0, plane.quota.provisioned - others)
    if wanted > most:
        raise LimitExceeded(
            "FunctionReservedConcurrencyMemory",
            f"ReservedConcurrencyMem: {wanted} instances, and at most {most} can be had now: of "
            f"{plane.quota.provisioned} that may be promised, others have {others} (setting "
            "max_instances)",
        )


async def get(
    plane: Plane, asked: Asked, request: wire.GetReservedConcurrencyConfig
) -> wire.ReservedConcurrency:
    """Tell how much a function has for itself."""
    named = FunctionName(request.namespace, request.function_name)
    mb = await plane.catalog.read(lambda reading: reading.reserved(reading.function(named)))
    return wire.ReservedConcurrency(reserved_mem=mb)


async def delete(
    plane: Plane, asked: Asked, request: wire.DeleteReservedConcurrencyConfig
) -> Nothing:
    """Have a function share what there is with all others; nothing had to be reserved before."""
    named = FunctionName(request.namespace, request.function_name)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        before = writing.reserved(function)
        writing.reserve(function, None, now := plane.clock())
        telling.reservation_changed(writing, Cause(asked, now), named, before, None)

    await plane.catalog.write(change)
    return Nothing()
