"""Access keys: made, listed, changed and deleted; and links that sign in to the console."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import structlog

from huidu.actions import access_keys as wire
from huidu.actions.action import Nothing
from huidu.control import times
from huidu.control.keyring import Keyring
from huidu.control.plane import Asked, Catalog, Plane
from huidu.model import role as roles
from huidu.model.access_key import MOST, ROOT, AccessKey, check_name
from huidu.model.errors import InUse, LimitExceeded, Refusal, Unsupported
from huidu.model.happening import Happening
from huidu.model.session import LINK_S, Link
from huidu.store.writing import Writing

WRITE_S = 60.0
BYTES = 32
ENTER = "/console/enter"  #: Where a link leads; the token is what comes after `?token=`.

log = structlog.get_logger("huidu.keys")


async def create(plane: Plane, asked: Asked, request: wire.CreateKey) -> wire.KeyCreated:
    """Make an access key."""
    key_id, now = f"AKID{secrets.token_hex(16)}", plane.clock()
    secret = plane.keyring.made(key_id)
    made = AccessKey(
        id=key_id,
        name=request.name,
        role=roles.role_of("Role", request.role),
        seal=plane.keyring.seal(secret),
        added_by=asked.who,
        added_at=now,
        modified_at=now,
    )

    def change(writing: Writing) -> None:
        there_are = writing.keys.every()
        if len(there_are) >= MOST:
            raise LimitExceeded("AccessKey", f"{MOST} access keys there are; no more may be")
        _check_free(made.name, there_are)
        writing.keys.put(made)
        _tell(writing, asked, "key.created", now, None, made)

    await plane.catalog.write(change)
    return wire.KeyCreated(secret_id=key_id, secret_key=secret, name=made.name, role=made.role.word)


async def list_all(plane: Plane, asked: Asked, request: wire.ListKeys) -> wire.KeysListed:
    """List the access keys, the root key first."""
    kept = await plane.catalog.read(lambda reading: reading.keys.every())
    root = plane.keyring.root
    first = wire.KeyFacts(
        secret_id=root.key_id,
        name=root.name,
        role=root.role.word,
        enabled=True,
        root=True,
        added_by="",
        add_time="",
        used_time=_or_never(plane, plane.keyring.root_used_at),
    )
    return wire.KeysListed(keys=[first, *(_facts(plane, key) for key in kept)])


def _facts(plane: Plane, key: AccessKey) -> wire.KeyFacts:
    return wire.KeyFacts(
        secret_id=key.id,
        name=key.name,
        role=key.role.word,
        enabled=key.enabled,
        root=False,
        added_by=key.added_by,
        add_time=times.show(key.added_at, plane.zone),
        used_time=_or_never(plane, plane.keyring.used_at(key)),
    )


def _or_never(plane: Plane, at: float) -> str:
    return times.show(at, plane.zone) if at else ""


async def update(plane: Plane, asked: Asked, request: wire.UpdateKey) -> Nothing:
    """Change an access key; the next request that it signs, or of its sessions, is met by that."""
    _check_not_root(plane, request.key)
    now = plane.clock()
    given: Mapping[str, Any] = {
        "name": request.name,
        "role": None if request.role is None else roles.role_of("Role", request.role),
        "enabled": request.enabled,
    }
    changed = {name: value for name, value in given.items() if value is not None}

    def change(writing: Writing) -> None:
        kept = writing.keys.key(request.key)
        made = replace(kept, **changed)
        if made == kept:
            return
        _check_free(made.name, [key for key in writing.keys.every() if key.id != kept.id])
        writing.keys.put(replace(made, modified_at=now))
        _tell(writing, asked, "key.changed", now, kept, made)

    await plane.catalog.write(change)
    return Nothing()


async def delete(plane: Plane, asked: Asked, request: wire.DeleteKey) -> Nothing:
    """Delete an access key, with its sessions and links."""
    _check_not_root(plane, request.key)
    now = plane.clock()

    def change(writing: Writing) -> None:
        kept = writing.keys.key(request.key)
        writing.keys.delete(kept)
        _tell(writing, asked, "key.deleted", now, kept, None)

    await plane.catalog.write(change)
    return Nothing()


async def link(plane: Plane, asked: Asked, request: wire.CreateConsoleLink) -> wire.ConsoleLink:
    """Make a one-time link; what stands in it is kept nowhere, only its hash."""
    role = asked.role if request.role is None else roles.role_of("Role", request.role)
    roles.check(asked.who, asked.role, f"A session of the role {role.word}", role)
    holder = plane.keyring.holder(asked.key_id)
    token, until = secrets.token_urlsafe(BYTES), plane.clock() + LINK_S
    made = Link(
        id=hashlib.sha256(token.encode()).hexdigest(),
        key_id=holder.key_id,
        seal=holder.seal,
        role=role,
        until=until,
    )
    await plane.catalog.write(lambda writing: writing.keys.put_link(made))
    return wire.ConsoleLink(path=f"{ENTER}?token={token}", until_time=times.show(until, plane.zone))


def _check_not_root(plane: Plane, named: str) -> None:
    if named in (ROOT, plane.keyring.root.key_id):
        raise Unsupported(
            "RootKey",
            "Key: the root key is in the file credentials of the data directory; it can be "
            "changed there, while the server is stopped, and has always the role admin",
        )


def _check_free(name: str, others: Sequence[AccessKey]) -> None:
    """Raise `InUse` where a name would be taken for another key's."""
    check_name("Name", name)
    for other in others:
        if name.lower() in (other.name.lower(), other.id.lower()):
            raise InUse("AccessKey", f"Name {name!r}: access key {other.id} has it")


def _tell(
    writing: Writing,
    asked: Asked,
    kind: str,
    at: float,
    before: AccessKey | None,
    after: AccessKey | None,
) -> None:
    about = after or before
    assert about is not None  # noqa: S101 - one of them there always is
    writing.tell(
        Happening(
            kind=kind,
            at=at,
            subject=about.name,
            who=asked.who,
            before=_in_words(before),
            after=_in_words(after),
            detail=json.dumps({"SecretId": about.id}),
            request_id=asked.request_id,
        )
    )


def _in_words(key: AccessKey | None) -> str:
    if key is None:
        return ""
    return f"{key.name}: {key.role.word}{'' if key.enabled else ', disabled'}"


async def keep_uses(keyring: Keyring, catalog: Catalog) -> None:
    """Write down when keys were last used, where that is not written yet."""
    used = keyring.unwritten()
    if used:
        await catalog.write(lambda writing: writing.keys.used(used))
        keyring.written(used)


async def keep_uses_on(keyring: Keyring, catalog: Catalog) -> NoReturn:
    """Do so now and then, until cancelled."""
    while True:
        await asyncio.sleep(WRITE_S)
        try:
            await keep_uses(keyring, catalog)
        except Refusal as error:
            log.warning("keys.uses", reason=error.message)
