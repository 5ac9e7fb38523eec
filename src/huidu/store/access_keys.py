"""Access keys and who has signed in with them, as the catalog keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select, update

from huidu.model.access_key import AccessKey
from huidu.model.effect import AccessKeyGone, AccessKeyKept, Effect
from huidu.model.errors import NotFound
from huidu.model.role import Role
from huidu.model.session import Link, Session
from huidu.store.key_tables import ACCESS_KEY, LINK, SESSION

T = TypeVar("T", AccessKey, Session, Link)


class AccessKeyReading:
    """Questions to the catalog about access keys, sessions and links."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def key(self, named: str) -> AccessKey:
        """Return a key by its id or its name, or raise `NotFound`."""
        mine = (ACCESS_KEY.c.id == named) | (ACCESS_KEY.c.name == named)
        found = self._every(AccessKey, ACCESS_KEY, mine)
        if not found:
            raise NotFound("AccessKey", named[:80])
        return found[0]

    def every(self) -> Sequence[AccessKey]:
        """Return all keys, by name."""
        return sorted(self._every(AccessKey, ACCESS_KEY), key=lambda key: key.name)

    def sessions(self) -> Sequence[Session]:
        """Return all sessions, ended ones among them."""
        return self._every(Session, SESSION)

    def has_link(self, link_id: str) -> bool:
        """Tell whether there is a link."""
        found = self._connection.execute(select(LINK.c.id).where(LINK.c.id == link_id))
        return found.first() is not None

    def everything(self) -> Sequence[Effect]:
        """Return all keys, as if they had just been written."""
        return [AccessKeyKept(key) for key in self.every()]

    def _every(self, kind: type[T], table: Table, *where: ColumnElement[bool]) -> Sequence[T]:
        found = self._connection.execute(select(table).where(*where))
        return [_from(kind, row) for row in found]


class AccessKeyWriting(AccessKeyReading):
    """Changes to them."""

    def __init__(self, connection: Connection, effects: list[Effect]) -> None:
        super().__init__(connection)
        self._effects = effects

    def put(self, key: AccessKey) -> None:
        """Keep a key, in the place of the one with its id if there is one."""
        self._put(ACCESS_KEY, key)
        self._effects.append(AccessKeyKept(key))

    def delete(self, key: AccessKey) -> None:
        """Forget a key, with its sessions and links."""
        self._connection.execute(delete(ACCESS_KEY).where(ACCESS_KEY.c.id == key.id))
        for table in (SESSION, LINK):
            self._connection.execute(delete(table).where(table.c.key_id == key.id))
        self._effects.append(AccessKeyGone(key.id))

    def used(self, used: Mapping[str, float]) -> None:
        """Keep when keys were last used."""
        for key_id, at in used.items():
            mine = update(ACCESS_KEY).where(ACCESS_KEY.c.id == key_id)
            self._connection.execute(mine.values(used_at=at))

    def put_session(self, session: Session) -> None:
        """Keep a session, in the place of the one with its id if there is one."""
        self._put(SESSION, session)

    def end_sessions(self, ids: Sequence[str]) -> None:
        """Forget sessions."""
        for one in ids:
            self._connection.execute(delete(SESSION).where(SESSION.c.id == one))

    def put_link(self, link: Link) -> None:
        """Keep a link."""
        self._put(LINK, link)

    def take_link(self, link_id: str) -> Link | None:
        """Return a link and forget it: whoever asks next gets nothing."""
        query = delete(LINK).where(LINK.c.id == link_id).returning(*LINK.c)
        row = self._connection.execute(query).first()
        return None if row is None else _from(Link, row)

    def forget_links(self, before: float) -> None:
        """Forget links that have not been good since a moment."""
        self._connection.execute(delete(LINK).where(LINK.c.until < before))

    def _put(self, table: Table, thing: AccessKey | Session | Link) -> None:
        row = asdict(thing) | {"role": thing.role.word}
        self._connection.execute(delete(table).where(table.c.id == thing.id))
        self._connection.execute(insert(table).values(row))


def _from(kind: type[T], row: Row[Any]) -> T:
    told = dict(row._mapping)  # noqa: SLF001 - that is what SQLAlchemy calls it for everybody
    return kind(**told | {"role": Role[told["role"].upper()]})
