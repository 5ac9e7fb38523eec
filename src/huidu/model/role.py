"""Role: what a key may ask for, from looking on to everything."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

from huidu.model.errors import AuthFailure, InvalidValue


class Role(IntEnum):
    """What a key may ask for; a later one may all that an earlier one may."""

    VIEW = 1
    RELEASE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """How it is written."""
        return self.name.lower()


WORDS = tuple(role.word for role in Role)
MEANINGS = {
    Role.VIEW: "reads, but no code, no secret and no value of an environment variable",
    Role.RELEASE: "moves calls as well: aliases, rules, rollouts, releases; publishes, calls",
    Role.ADMIN: "everything: functions, gateway, keys, webhooks",
}

#: What stands for a value that a role is not shown.
HIDDEN = "(hidden)"

#: How the names of actions begin that only read.
READS = re.compile(r"(Describe|Explain|Get|List|Search|Tail|Watch)[A-Z]")
#: Those that decide which version gets calls, make one to decide for, call one, or call again.
RELEASES = re.compile(
    r"(Create|Update|Delete|Undo)Alias"
    r"|[A-Z][a-z]+Rollout"
    r"|(Put|Delete)(Mirror|ProvisionedConcurrencyConfig)"
    r"|PublishVersion|(Un)?ReleaseService"
    r"|(Invoke|Redrive)[A-Za-z]*"
)


@lru_cache(maxsize=1024)
def needed(action: str, *, writes: bool) -> Role:
    """Return what an action needs whose row does not say: by its name, and else the most."""
    if RELEASES.fullmatch(action) and not READS.match(action):
        return Role.RELEASE
    return Role.VIEW if READS.match(action) and not writes else Role.ADMIN


def role_of(field: str, word: str) -> Role:
    """Return the role of a word, or raise `InvalidValue`."""
    if word not in WORDS:
        raise InvalidValue("", f"{field} {word[:40]!r}: must be one of {', '.join(WORDS)}")
    return Role[word.upper()]


def check(who: str, role: Role, action: str, needs: Role) -> None:
    """Raise `AuthFailure` where a role is not enough for an action."""
    if role < needs:
        raise AuthFailure(
            "UnauthorizedOperation",
            f"{action} needs the role {needs.word}, and {who} has {role.word}; whoever has a key "
            "of the role admin can give it another: huidu keys role",
        )
