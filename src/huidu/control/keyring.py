"""Keyring: whose signature counts, and how much, as of the last commit."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from huidu.model import role as roles
from huidu.model.access_key import ROOT, AccessKey
from huidu.model.effect import AccessKeyGone, AccessKeyKept, Effect
from huidu.model.errors import AuthFailure
from huidu.model.role import Role

#: What each use of the seed begins with, so that none gives away another.
LABEL, SEAL = b"huidu access key ", b"huidu seal "
USE_S = 60.0  #: How exact it is when a key was last used.

log = structlog.get_logger("huidu.keys")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a key, and what it may ask for."""

    key_id: str
    name: str
    role: Role
    seal: str = field(repr=False)  #: By which another secret is told.


class Keyring:
    """All access keys, in memory: the root key of the server, and those of the catalog.

    Secrets of the latter are written nowhere: each is made of its id by HMAC with `seed`, which is
    in a file beside the catalog. So a copy of the catalog alone lets nobody in.
    """

    def __init__(self, root: tuple[str, str], seed: bytes, clock: Callable[[], float]) -> None:
        self._root, self._root_secret = root
        self._seed = seed
        self._clock = clock
        self._holder = Holder(self._root, ROOT, Role.ADMIN, self.seal(self._root_secret))
        self._keys: dict[str, AccessKey] = {}
        self._secrets: dict[str, str] = {}  #: Of those in `_keys`, as `_holders`: made once.
        self._holders: dict[str, Holder] = {}
        self._used: dict[str, float] = {}
        self._written: dict[str, float] = {}  #: The same, as the catalog knows it.

    def __repr__(self) -> str:
        return f"<Keyring: the root key and {len(self._keys)} others>"

    @property
    def root(self) -> Holder:
        """Who has the root key."""
        return self._holder

    @property
    def root_used_at(self) -> float:
        """About when the root key was last used since the server is up; 0: not since."""
        return self._used.get(self._root, 0.0)

    def apply(self, effects: Sequence[Effect]) -> None:
        """Hear of a commit."""
        for effect in effects:
            match effect:
                case AccessKeyKept(key) if key.seal == self.seal(secret := self.made(key.id)):
                    self._keys[key.id] = key
                    self._secrets[key.id] = secret
                    self._holders[key.id] = Holder(key.id, key.name, key.role, key.seal)
                case AccessKeyKept(key):
                    log.error("key.lost", key=key.id, name=key.name, reason="another seed made it")
                case AccessKeyGone(key_id):
                    self._keys.pop(key_id, None)
                    self._secrets.pop(key_id, None)
                    self._holders.pop(key_id, None)
                    self._used.pop(key_id, None)
                    self._written.pop(key_id, None)

    def made(self, key_id: str) -> str:
        """Return the secret of an id, whether or not there is such a key."""
        digest = hmac.digest(self._seed, LABEL + key_id.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def seal(self, secret: str) -> str:
        """Return what a secret is recognized by; without the seed nobody can try secrets on it."""
        return hmac.digest(self._seed, SEAL + secret.encode(), "sha256").hex()

    def secret(self, secret_id: str) -> str | None:
        """Return the secret of an id, or None. It says nothing of what the key may ask for."""
        if secret_id == self._root:
            return self._root_secret
        return self._secrets.get(secret_id)

    def holder(self, secret_id: str) -> Holder:
        """Return who has a key, or raise `AuthFailure` where it is disabled or gone."""
        if secret_id == self._root:
            return self._holder
        key = self._keys.get(secret_id)
        if key is None:
            raise AuthFailure("SecretIdNotFound", f"SecretId {secret_id[:80]!r} is not known")
        if not key.enabled:
            raise AuthFailure(
                "SecretIdNotFound",
                f"access key {key.name} ({key.id}) is disabled; whoever has a key of the role "
                "admin can enable it: huidu keys enable",
            )
        return self._holders[secret_id]

    def check(self, secret_id: str, what: str, needs: Role) -> Holder:
        """Return who has a key, or raise `AuthFailure` where he may not do what needs a role."""
        holder = self.holder(secret_id)
        roles.check(holder.name, holder.role, what, needs)
        return holder

    def used(self, secret_id: str) -> None:
        """Note that a key was used just now."""
        now = self._clock()
        if now - self._used.get(secret_id, 0.0) >= USE_S:
            self._used[secret_id] = now

    def used_at(self, key: AccessKey) -> float:
        """Return about when a key was last used; 0: never."""
        return max(key.used_at, self._used.get(key.id, 0.0))

    def unwritten(self) -> Mapping[str, float]:
        """Return when keys were used of which the catalog does not know it yet."""
        return {
            key_id: at
            for key_id, at in self._used.items()
            if key_id in self._keys and self._written.get(key_id) != at
        }

    def written(self, used: Mapping[str, float]) -> None:
        """Hear that the catalog knows when these were used."""
        self._written |= used
