"""Mirror: some live calls of an alias, run a second time by a candidate whom nobody waits for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from huidu.model import names
from huidu.model.difference import MOST_PATHS, Path, path_of
from huidu.model.errors import InvalidValue
from huidu.model.function import FunctionName
from huidu.model.happening import Happening

TRIGGER = "mirror"  #: Of the records of calls that are copies.
LEAST_SHARE = 0.0001
MOST_PER_SECOND = 100
MOST_CALLS = 1_000_000
MOST_DAYS = 30
MOST_MIRRORS = 50  #: That go on at once, on one server.
MOST_REASON = 1000
DAY_S = 86_400

#: Why a mirror ended by itself.
BY_TIME, BY_CALLS = "its time is over", "it has had all its calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Somebody's word that a function may be called twice where its caller called it once."""

    function_id: str
    who: str
    why: str
    at: float

    def __post_init__(self) -> None:
        if not self.why.strip() or len(self.why) > MOST_REASON:
            raise InvalidValue(
                "Reason",
                "Reason: must say why a call may be run twice (what it writes, whom it calls), "
                f"in 1 to {MOST_REASON} characters",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What of an alias's calls is copied, to which version, and for how long.

    An alias has one at a time, and it is never changed, only replaced: what was found belongs to
    one candidate and one list of paths.
    """

    id: str
    function: FunctionName
    function_id: str
    alias: str
    version: str  #: The candidate.
    share: float = 1.0  #: Of the calls that the candidate did not answer itself.
    ignored: tuple[str, ...] = ()
    per_second: int = 10
    most_calls: int = 1000
    until: float = 0.0
    who: str = ""
    why: str = ""
    added_at: float = 0.0
    ended_at: float = 0.0  #: 0 while it goes on.
    end: str = ""  #: Why it ended.
    paths: tuple[Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not names.is_number(self.version):
            raise InvalidValue(
                "FunctionVersion",
                f"FunctionVersion {self.version[:80]!r}: must be the number of a published "
                "version; $LATEST may change while its answers are compared",
            )
        if not LEAST_SHARE <= self.share <= 1:  # not a number is not either
            raise InvalidValue("Share", f"Share {self.share:g}: must be {LEAST_SHARE} to 1")
        for name, value, most in (
            ("MostPerSecond", self.per_second, MOST_PER_SECOND),
            ("MaxCalls", self.most_calls, MOST_CALLS),
        ):
            if not 1 <= value <= most:
                raise InvalidValue(name, f"{name} {value}: must be 1 to {most}")
        if not 0 < self.until - self.added_at <= MOST_DAYS * DAY_S:
            raise InvalidValue("Until", f"Until: must be within {MOST_DAYS} days from now")
        if len(self.why) > MOST_REASON:
            raise InvalidValue("Reason", f"Reason: at most {MOST_REASON} characters")
        if len(self.ignored) > MOST_PATHS:
            raise InvalidValue(
                "IgnorePaths", f"IgnorePaths: {len(self.ignored)} paths, at most {MOST_PATHS}"
            )
        object.__setattr__(self, "paths", tuple(path_of(text) for text in self.ignored))

    @property
    def goes_on(self) -> bool:
        """Whether calls are still copied."""
        return not self.ended_at


def ended(mirror: Mirror, **detail: object) -> Happening:
    """Return what is told of a mirror that has ended by itself."""
    return Happening(
        kind="mirror.ended",
        at=mirror.ended_at,
        namespace=mirror.function.namespace,
        function=mirror.function.name,
        alias=mirror.alias,
        version=mirror.version,
        why=mirror.end,
        before=f"calls were mirrored to version {mirror.version}",
        detail=json.dumps({"MirrorId": mirror.id, **detail}),
    )
