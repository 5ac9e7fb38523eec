"""Access key: what a person or a program signs requests to this API with, and what it may ask.

Not to be confused with `model/key.py`, the API keys of those who call functions by the gateway.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from huidu.model.errors import InvalidValue
from huidu.model.role import Role

MOST = 1000  #: That there may be.
MOST_NAME = 50
ROOT = "root"  #: The name of the key that every server has, in its file of credentials.
# No name looks like another's, or as if there were more after it: `root (console)`.
NAME = re.compile(r"[A-Za-z0-9._@+\u4e00-\u9fff-]+( [A-Za-z0-9._@+\u4e00-\u9fff-]+)*")
API, CONSOLE = "API", "console"  #: How somebody asks.


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key beside the root key. Its secret is not kept: it is made of its id each time.

    `seal` is by which one is told that cannot be made any more.
    """

    id: str
    name: str
    role: Role
    seal: str
    enabled: bool = True
    added_by: str = ""
    added_at: float = 0.0
    modified_at: float = 0.0
    used_at: float = 0.0  #: About when it last signed a request, or signed in; 0: never.

    def __post_init__(self) -> None:
        check_name("Name", self.name)


def check_name(field: str, name: str) -> str:
    """Return the name of who has a key, or raise `InvalidValue`."""
    if not NAME.fullmatch(name) or len(name) > MOST_NAME:
        raise InvalidValue(
            "",
            f"{field} {name[:80]!r}: 1 to {MOST_NAME} letters, digits, ._@+- and single spaces",
        )
    if name.lower() == ROOT:
        raise InvalidValue("", f"{field} {name!r}: is that of the key in the file of credentials")
    return name


def said_by(name: str, how: str) -> str:
    """Return what is written down of who asked: the name of the key, and how it came."""
    return f"{name} ({how})"
