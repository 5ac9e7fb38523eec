"""Session: somebody who has signed in to the console, and for how long that holds."""

from __future__ import annotations

from dataclasses import dataclass

from huidu.model.role import Role

LINK_S = 600.0  #: How long a one-time link is good.


COOKIE = "huidu_console_"  #: How the names of its cookies begin.


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a session lasts."""

    idle_s: float = 3600.0  #: Without a request of it.
    most_s: float = 12 * 3600.0  #: Whatever comes.


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in. It can do no more than its key can at the moment, and no more than `role`."""

    id: str  #: The SHA-256 of what the browser holds; that itself is kept nowhere.
    key_id: str
    seal: str  #: Of the key's secret: another secret is another key.
    role: Role
    began_at: float
    used_at: float
    source_ip: str = ""

    def lasts_until(self, terms: Terms) -> float:
        """Return when it ends, if nothing comes of it any more."""
        return min(self.used_at + terms.idle_s, self.began_at + terms.most_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A one-time link; what stands in it is kept as its SHA-256."""

    id: str
    key_id: str
    seal: str
    role: Role
    until: float
