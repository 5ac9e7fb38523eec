"""Keys of callers: made, shown, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from huidu.actions import keys as wire
from huidu.actions.apigateway import Done
from huidu.control import filters, paging, times
from huidu.control.plane import Asked, Plane
from huidu.model.errors import Failed, InvalidValue, LimitExceeded, MissingParameter, Unsupported
from huidu.model.key import MOST_KEYS, Key
from huidu.store.reading import Reading
from huidu.store.writing import Writing

AUTO, MANUAL = "auto", "manual"
PREFIX = "AKID"


async def create(plane: Plane, asked: Asked, request: wire.CreateApiKey) -> wire.ApiKeyShown:
    """Make a key; it is of use once it is in a usage plan."""
    now = plane.clock()
    key_id, secret = _pair(plane, request)
    made = Key(
        id=key_id,
        secret=secret,
        name=request.secret_name,
        manual=request.access_key_type == MANUAL,
        added_at=now,
        modified_at=now,
    )

    def change(writing: Writing) -> None:
        there_are = {key.id for key in writing.access.every_key()}
        if made.id in there_are:
            raise Failed("AccessKeyExist", f"AccessKeyId {made.id!r}: there is one of this id")
        if len(there_are) >= MOST_KEYS:
            raise LimitExceeded(
                "ApiKeyCountLimitExceeded", f"{len(there_are)} keys there are, no more may be"
            )
        writing.access.put_key(made)

    await plane.catalog.write(change)
    return wire.ApiKeyShown(result=facts(made))


def _pair(plane: Plane, request: wire.CreateApiKey) -> tuple[str, str]:
    if request.access_key_type == AUTO:
        return PREFIX + _made_up(plane)[:32], _made_up(plane)
    if request.access_key_type != MANUAL:
        raise InvalidValue(
            "NotInOptions",
            f"AccessKeyType {request.access_key_type[:40]!r}: must be {AUTO} or {MANUAL}",
        )
    for name, value in (
        ("AccessKeyId", request.access_key_id),
        ("AccessKeySecret", request.access_key_secret),
    ):
        if not value:
            raise MissingParameter("", f"{name}: must be given where AccessKeyType is {MANUAL}")
    return request.access_key_id, request.access_key_secret


def _made_up(plane: Plane) -> str:
    """Return 40 characters that nobody can guess."""
    return (plane.new_id() + plane.new_id()).replace("-", "")[:40]


async def describe(plane: Plane, asked: Asked, request: wire.DescribeApiKey) -> wire.ApiKeyShown:
    """Show a key, its secret included, as the cloud does."""
    key = await plane.catalog.read(lambda reading: reading.access.key(request.access_key_id))
    return wire.ApiKeyShown(result=facts(key))


FILTERS: Mapping[str, filters.Test[Key]] = {
    "AccessKeyId": lambda key, values: key.id in values,
    "AccessKeySecret": lambda key, values: key.secret in values,
    "SecretName": lambda key, values: key.name in values,
    "Status": lambda key, values: str(int(key.enabled)) in values,
    "KeyWord": lambda key, values: any(one in key.name or one in key.id for one in values),
}


async def list_all(
    plane: Plane, asked: Asked, request: wire.DescribeApiKeysStatus
) -> wire.ApiKeysShown:
    """List keys, the newest first."""

    def ask(reading: Reading) -> list[Key]:
        def outside(key: Key, values: object) -> bool:
            return key.id not in bound

        bound = {
            key.id
            for wanted in request.filters
            if wanted.name == "NotUsagePlanId"
            for plan_id in wanted.values
            for key in reading.access.keys_of(reading.access.plan(plan_id))
        }
        tests = {**FILTERS, "NotUsagePlanId": outside}
        return filters.kept(reading.access.every_key(), request.filters, tests)

    found = await plane.catalog.read(ask)
    page = paging.page(found, request.offset, request.limit)
    return wire.ApiKeysShown(
        result=wire.ApiKeysStatus(total_count=len(found), api_key_set=[facts(key) for key in page])
    )


async def update(plane: Plane, asked: Asked, request: wire.UpdateApiKey) -> wire.ApiKeyShown:
    """Give a key another secret."""

    def renewed(key: Key) -> Key:
        if not key.manual:
            return replace(key, secret=_made_up(plane))
        if not request.access_key_secret:
            raise MissingParameter("", "AccessKeySecret: must be given for a manual key")
        return replace(key, secret=request.access_key_secret)

    key = await _change(plane, request.access_key_id, renewed)
    return wire.ApiKeyShown(result=facts(key))


async def enable(plane: Plane, asked: Asked, request: wire.EnableApiKey) -> Done:
    """Let a key be used again."""
    await _change(plane, request.access_key_id, lambda key: replace(key, enabled=True))
    return Done()


async def disable(plane: Plane, asked: Asked, request: wire.DisableApiKey) -> Done:
    """Let a key be of no use: no request that comes after the answer is let in by it."""
    await _change(plane, request.access_key_id, lambda key: replace(key, enabled=False))
    return Done()


async def _change(plane: Plane, key_id: str, become: Callable[[Key], Key]) -> Key:
    now = plane.clock()

    def change(writing: Writing) -> Key:
        changed = replace(become(writing.access.key(key_id)), modified_at=now)
        writing.access.put_key(changed)
        return changed

    return await plane.catalog.write(change)


async def delete(plane: Plane, asked: Asked, request: wire.DeleteApiKey) -> Done:
    """Delete a key that nobody can be using."""

    def change(writing: Writing) -> None:
        key = writing.access.key(request.access_key_id)
        plans = writing.access.plans_of(key.id)
        if plans:
            raise Unsupported(
                "ResourceIsInUse", f"AccessKeyId {key.id!r}: unbind it from {plans[0]} first"
            )
        if key.enabled:
            raise Unsupported("InvalidStatus", f"AccessKeyId {key.id!r}: disable it first")
        writing.access.delete_key(key)

    await plane.catalog.write(change)
    return Done()


def facts(key: Key) -> wire.ApiKey:
    """Return a key as the API shows it."""
    return wire.ApiKey(
        access_key_id=key.id,
        access_key_secret=key.secret,
        access_key_type=MANUAL if key.manual else AUTO,
        secret_name=key.name,
        modified_time=times.iso(key.modified_at),
        status=int(key.enabled),
        created_time=times.iso(key.added_at),
    )
