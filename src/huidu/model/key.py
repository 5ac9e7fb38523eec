"""Key: a pair of an id and a secret, by which a caller of an API says who it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from huidu.model.errors import InvalidValue

MOST_KEYS = 400  #: That there may be (document 628/31716).
MOST_NAME = 50
ID = re.compile(r"[A-Za-z0-9_]{5,50}")
SECRET = re.compile(r"[A-Za-z0-9_]{10,50}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a caller signs with; a disabled one is known, and lets nobody in."""

    id: str
    secret: str
    name: str
    manual: bool = False  #: Whether id and secret were chosen by whoever made it.
    enabled: bool = True
    added_at: float = 0.0
    modified_at: float = 0.0

    def __post_init__(self) -> None:
        check_name("SecretName", self.name)
        if not ID.fullmatch(self.id):
            raise InvalidValue(
                "InvalidAccessKeyIds",
                f"AccessKeyId {self.id[:80]!r}: 5 to 50 letters, digits and _",
            )
        if not SECRET.fullmatch(self.secret):
            raise InvalidValue("", "AccessKeySecret: 10 to 50 letters, digits and _")

    def __repr__(self) -> str:
        return f"<Key: {self.id}, {'enabled' if self.enabled else 'disabled'}>"


def check_name(field: str, name: str) -> str:
    """Return a name that somebody chose, or raise `InvalidValue`."""
    if not name.strip():
        raise InvalidValue("", f"{field}: must not be empty")
    if len(name) > MOST_NAME:
        raise InvalidValue(
            "LengthExceeded", f"{field}: {len(name)} characters, at most {MOST_NAME} are allowed"
        )
    return name
