"""Sessions: who has signed in, by a key pair or a one-time link, and until when."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import structlog

from huidu.cloudapi.desk import Caller
from huidu.control.keyring import Holder
from huidu.model.access_key import CONSOLE, said_by
from huidu.model.errors import AuthFailure, Refusal
from huidu.model.guessing import Failures, place_of
from huidu.model.role import Role
from huidu.model.session import Session, Terms
from huidu.store.reading import Reading
from huidu.store.writing import Writing

MOST_OF_KEY = 50  #: Sessions of one key; the oldest ends when there is one more.
MOST_PLACES = 10_000  #: Addresses whose failures are remembered.
TIDY_S = 60.0
BYTES = 32
#: Compared with where an id is not known, so that a known one takes no longer.
NOBODYS = secrets.token_urlsafe(BYTES)
T = TypeVar("T")

log = structlog.get_logger("huidu.console")


class NotSignedIn(Exception):
    """Somebody was not let in. `reason` is for pages, which have words of their own for it."""

    WRONG, WAIT, LINK, DISABLED = "wrong", "wait", "link", "disabled"

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


class Keys(Protocol):
    """Who has which key, as of now."""

    def secret(self, secret_id: str) -> str | None: ...

    def holder(self, secret_id: str) -> Holder: ...

    def used(self, secret_id: str) -> None: ...


class Catalog(Protocol):
    """What is kept over the end of the server."""

    async def read(self, ask: Callable[[Reading], T]) -> T: ...

    async def write(self, change: Callable[[Writing], T]) -> T: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who is signed in, with what holds for his key at this moment."""

    session: Session
    name: str  #: Of the key.
    role: Role
    csrf: str = field(repr=False)  #: What each of his forms must send back.

    def caller(self, source_ip: str | None = None) -> Caller:
        """Return who asks at the desk."""
        who = said_by(self.name, CONSOLE)
        return Caller(who=who, role=self.role, source_ip=source_ip, key_id=self.session.key_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A sign-in that succeeded; `value` is for the browser that asked, and for nobody else."""

    value: str = field(repr=False)
    signed_in: SignedIn


class Sessions:
    """All sessions, in memory and in the catalog."""

    def __init__(
        self, keys: Keys, catalog: Catalog, terms: Terms, clock: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._catalog = catalog
        self._terms = terms
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._written: dict[str, float] = {}  #: When each was used, as the catalog knows it.
        self._ended = set[str]()  #: What the catalog may still have, where it could not be asked.
        self._failures: dict[str, Failures] = {}  # the oldest first

    @property
    def most_s(self) -> float:
        """How long a session lasts at most."""
        return self._terms.most_s

    async def load(self) -> None:
        """Take over the sessions that are kept."""
        for session in await self._catalog.read(lambda reading: reading.keys.sessions()):
            self._sessions[session.id] = session
            self._written[session.id] = session.used_at

    async def sign_in(self, secret_id: str, secret_key: str, source_ip: str | None) -> Ticket:
        """Begin a session for whoever has a key pair, or raise `NotSignedIn`."""
        place, now = place_of(source_ip), self._clock()
        wait_s = self._failures.get(place, Failures()).wait_s(now)
        if wait_s > 0:
            raise NotSignedIn(NotSignedIn.WAIT, wait_s)
        secret = self._keys.secret(secret_id)
        # Of what was typed and of what is right only the hashes are compared, all of them.
        right = hmac.compare_digest(mark(secret_key), mark(NOBODYS if secret is None else secret))
        if secret is None or not right:
            self._failed(place, now)
            # What is no id may be a secret that was put into the wrong field.
            known = secret_id if secret is not None else ""
            log.warning("console.refused", key=known, source_ip=source_ip)
            raise NotSignedIn(NotSignedIn.WRONG)
        try:
            holder = self._keys.holder(secret_id)
        except AuthFailure:
            raise NotSignedIn(NotSignedIn.DISABLED) from None
        return await self._begin(holder, Role.ADMIN, source_ip)

    async def redeem(self, token: str, source_ip: str | None) -> Ticket:
        """Begin a session for whoever has a one-time link, which is of no use from now on."""
        named = mark(token)
        # Anybody may try, and would keep others from writing with what is no link at all.
        if not await self._catalog.read(lambda reading: reading.keys.has_link(named)):
            raise NotSignedIn(NotSignedIn.LINK)
        link = await self._catalog.write(lambda writing: writing.keys.take_link(named))
        if link is None or link.until < self._clock():
            raise NotSignedIn(NotSignedIn.LINK)
        try:
            holder = self._keys.holder(link.key_id)
        except AuthFailure:
            raise NotSignedIn(NotSignedIn.DISABLED) from None
        if holder.seal != link.seal:
            raise NotSignedIn(NotSignedIn.LINK)
        return await self._begin(holder, link.role, source_ip)

    def find(self, value: str) -> SignedIn | None:
        """Return who sent this value, if he is still let in; it counts as used."""
        session = self._sessions.get(mark(value))
        holder = self._holder(session) if session is not None else None
        if session is None or holder is None:
            return None
        self._sessions[session.id] = session = replace(session, used_at=self._clock())
        return _signed_in(session, holder, value)

    def lasts(self, signed_in: SignedIn) -> bool:
        """Tell whether somebody is still let in, with no less than then; to ask is no use of it.

        For what goes on by itself, such as a page that is kept up to date.
        """
        session = self._sessions.get(signed_in.session.id)
        holder = self._holder(session) if session is not None else None
        return holder is not None and min(signed_in.session.role, holder.role) >= signed_in.role

    def of(self, signed_in: SignedIn) -> Sequence[Session]:
        """Return the sessions of somebody's key, the newest first."""
        mine = [s for s in self._sessions.values() if s.key_id == signed_in.session.key_id]
        lasting = [session for session in mine if self._holder(session) is not None]
        return sorted(lasting, key=lambda session: session.began_at, reverse=True)

    def _holder(self, session: Session) -> Holder | None:
        """Return whose a session is, unless it has ended in one way or another."""
        if self._clock() >= session.lasts_until(self._terms):
            return None
        try:
            holder = self._keys.holder(session.key_id)
        except AuthFailure:
            return None
        return holder if holder.seal == session.seal else None

    async def sign_out(self, signed_in: SignedIn) -> None:
        """End a session."""
        await self._end([signed_in.session.id])

    async def sign_out_everywhere(self, signed_in: SignedIn) -> None:
        """End all sessions of somebody's key."""
        mine = signed_in.session.key_id
        await self._end([s.id for s in self._sessions.values() if s.key_id == mine])

    async def run(self) -> None:
        """Keep what was used when, and forget what has ended, now and then; until cancelled."""
        while True:
            await asyncio.sleep(TIDY_S)
            try:
                await self.tidy()
            except Refusal as error:
                log.warning("console.tidy", reason=error.message)

    async def tidy(self) -> None:
        """Keep what was used when, and forget what has ended."""
        now = self._clock()
        over = [s.id for s in self._sessions.values() if now >= s.lasts_until(self._terms)]
        await self._end(over)
        used = [s for s in self._sessions.values() if s.used_at > self._written.get(s.id, 0.0)]

        def change(writing: Writing) -> None:
            for session in used:
                writing.keys.put_session(session)
            writing.keys.forget_links(now)

        await self._catalog.write(change)
        self._written |= {session.id: session.used_at for session in used}

    async def _begin(self, holder: Holder, role: Role, source_ip: str | None) -> Ticket:
        value, now = secrets.token_urlsafe(BYTES), self._clock()
        session = Session(
            id=mark(value),
            key_id=holder.key_id,
            seal=holder.seal,
            role=role,
            began_at=now,
            used_at=now,
            source_ip=source_ip or "",
        )
        mine = sorted(
            (s for s in self._sessions.values() if s.key_id == holder.key_id),
            key=lambda other: other.used_at,
        )
        await self._end([other.id for other in mine[: max(0, len(mine) + 1 - MOST_OF_KEY)]])
        await self._catalog.write(lambda writing: writing.keys.put_session(session))
        self._sessions[session.id] = session
        self._written[session.id] = now
        self._keys.used(holder.key_id)
        log.info("console.signed_in", key=holder.key_id, name=holder.name, source_ip=source_ip)
        return Ticket(value=value, signed_in=_signed_in(session, holder, value))

    async def _end(self, ids: Sequence[str]) -> None:
        # In memory first: whatever becomes of the disk, nobody is let in by it here any more.
        for one in ids:
            self._sessions.pop(one, None)
            self._written.pop(one, None)
        self._ended.update(ids)
        ended = tuple(self._ended)
        if ended:
            await self._catalog.write(lambda writing: writing.keys.end_sessions(ended))
            self._ended.difference_update(ended)

    def _failed(self, place: str, now: float) -> None:
        self._failures[place] = self._failures.pop(place, Failures()).another(now)
        while len(self._failures) > MOST_PLACES:
            del self._failures[next(iter(self._failures))]


def mark(value: str) -> str:
    """Return what is kept of a value that only one browser has."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _signed_in(session: Session, holder: Holder, value: str) -> SignedIn:
    return SignedIn(
        session=session,
        name=holder.name,
        role=min(session.role, holder.role),
        # Of the value and not of its mark: who reads the catalog cannot make it.
        csrf=hmac.digest(value.encode(), b"huidu console csrf", "sha256").hex(),
    )
