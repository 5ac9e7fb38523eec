"""Provisioned concurrency: how many instances a version has at all times."""

from __future__ import annotations

from huidu.actions import provisioned as wire
from huidu.actions.action import Nothing
from huidu.control import reserved, telling
from huidu.control.plane import Asked, Plane
from huidu.control.telling import Cause
from huidu.model import names
from huidu.model.errors import Failed, InvalidValue, LimitExceeded
from huidu.model.function import Function, FunctionName
from huidu.model.standing import Standing
from huidu.store.reading import Reading
from huidu.store.writing import Writing

DEFAULT = "Default"
#: What belongs to the other type of provisioning.
TRACKING = ("tracking_target", "min_capacity", "max_capacity")


async def put(plane: Plane, asked: Asked, request: wire.PutProvisionedConcurrencyConfig) -> Nothing:
    """Have so many instances of a version from now on. They are started after the answer."""
    _check_number(request.qualifier)
    _check_type(request)
    wanted = request.version_provisioned_concurrency_num
    if wanted < 1:
        raise InvalidValue(
            "",
            f"VersionProvisionedConcurrencyNum {wanted}: must be 1 or more; "
            "DeleteProvisionedConcurrencyConfig ends it",
        )
    named = FunctionName(request.namespace, request.function_name)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        version = writing.version(function, request.qualifier)
        if not version.is_active:
            raise Failed(
                "FunctionVersionStatusNotActive",
                f"Qualifier {version.number}: is {version.status}: {version.status_reason}",
            )
        provisions = writing.provisions(function)
        kept = provisions.get(version.number, 0)
        reserved_mb = writing.reserved(function)
        if reserved_mb is not None:
            wished = {**provisions, version.number: wanted}
            reserved.check_provisioned(writing, function, reserved_mb, wished)
        _check_room(plane, _others(writing, function, kept), wanted)
        writing.provision(version, wanted, now := plane.clock())
        telling.provision_changed(writing, Cause(asked, now), version, kept, wanted)

    await plane.catalog.write(change)
    return Nothing()


def _others(reading: Reading, function: Function, kept: int) -> int:
    """Return how many instances are promised beside those of one version, which has `kept`.

    What is provisioned of a function with something reserved is a part of that.
    """
    mine = sum(reading.provisions(function).values()) - kept
    shared = reading.reserved(function) is None
    return reading.promised(but=function.id) + (mine if shared else 0)


def _check_room(plane: Plane, others: int, wanted: int) -> None:
    most = max(0, min(plane.quota.provisioned - others, plane.quota.provisioned_of_one))
    if wanted > most:
        raise LimitExceeded(
            "FunctionTotalProvisionedConcurrencyNum",
            f"VersionProvisionedConcurrencyNum {wanted}: at most {most} can be had now; all "
            f"versions together {plane.quota.provisioned}, of which others have {others}, and one "
            f"version {plane.quota.provisioned_of_one} (setting max_instances)",
        )


def _check_number(qualifier: str) -> None:
    if not names.is_number(qualifier):
        raise InvalidValue(
            "Qualifier",
            f"Qualifier {qualifier[:80]!r}: must be the number of a published version; $LATEST "
            "and aliases cannot have provisioned instances",
        )


def _check_type(request: wire.PutProvisionedConcurrencyConfig) -> None:
    if request.provisioned_type not in ("", DEFAULT):
        raise InvalidValue(
            "ProvisionType",
            f"ProvisionedType {request.provisioned_type[:40]!r}: not to be had here; must be "
            f"{DEFAULT}",
        )
    for field in TRACKING:
        if getattr(request, field):
            name = "".join(part.title() for part in field.split("_"))
            raise InvalidValue(
                "ProvisionType", f"{name}: belongs to a ProvisionedType that is not to be had here"
            )
    if request.trigger_actions:
        raise Failed(
            "ProvisionCreateTimer",
            "TriggerActions: not to be had here; change the number at the time itself",
        )


async def get(
    plane: Plane, asked: Asked, request: wire.GetProvisionedConcurrencyConfig
) -> wire.Provisioned:
    """Tell how many instances the versions of a function are to have, and how many are there."""
    named = FunctionName(request.namespace, request.function_name)
    if request.qualifier:
        _check_number(request.qualifier)

    def ask(reading: Reading) -> tuple[Function, dict[str, int], int]:
        function = reading.function(named)
        if request.qualifier:
            reading.version(function, request.qualifier)
        return function, dict(reading.provisions(function)), reading.promised()

    function, wanted, everywhere = await plane.catalog.read(ask)
    there = {s.number: s for s in plane.instances.standings() if s.function_id == function.id}
    return wire.Provisioned(
        unallocated_concurrency_num=max(0, plane.quota.provisioned - everywhere),
        allocated=[
            _facts(there.get(number) or _absent(function, number, count))
            for number, count in sorted(wanted.items(), key=lambda one: int(one[0]))
            if request.qualifier in ("", number)
        ],
    )


def _absent(function: Function, number: str, wanted: int) -> Standing:
    return Standing(
        function=function.named, function_id=function.id, number=number, provisioned=wanted
    )


def _facts(standing: Standing) -> wire.VersionProvisioned:
    return wire.VersionProvisioned(
        allocated_provisioned_concurrency_num=standing.provisioned,
        available_provisioned_concurrency_num=standing.available,
        status=standing.status,
        status_reason=standing.why,
        qualifier=standing.number,
    )


async def delete(
    plane: Plane, asked: Asked, request: wire.DeleteProvisionedConcurrencyConfig
) -> Nothing:
    """Have no more instances of a version than its calls need; none had to be asked for before."""
    _check_number(request.qualifier)
    named = FunctionName(request.namespace, request.function_name)

    def change(writing: Writing) -> None:
        function = writing.function(named)
        version = writing.version(function, request.qualifier)
        kept = writing.provisions(function).get(version.number, 0)
        writing.provision(version, 0, 0.0)
        telling.provision_changed(writing, Cause(asked, plane.clock()), version, kept, 0)

    await plane.catalog.write(change)
    return Nothing()
