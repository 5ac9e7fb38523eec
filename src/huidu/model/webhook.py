"""Webhook: where happenings are posted to, and which."""

from __future__ import annotations

import re
from dataclasses import dataclass

from huidu.model.errors import InvalidValue
from huidu.model.happening import (
    EVENT_ANSWERED,
    EVERY,
    WEBHOOK_TESTED,
    Happening,
    check_pattern,
    is_meant,
)

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
SECRET = re.compile(r"[\x21-\x7e]{16,256}")
MOST_WEBHOOKS = 50
MOST_URL = 2048
MOST_KINDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A receiver of happenings. Where `namespace` or `function` is empty, those of all."""

    id: str
    name: str
    url: str
    secret: str  #: The key of its signatures; known to the receiver, and shown to nobody again.
    kinds: tuple[str, ...] = (EVERY,)
    namespace: str = ""
    function: str = ""
    enabled: bool = True
    description: str = ""
    added_at: float = 0.0
    modified_at: float = 0.0

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InvalidValue(
                "Name",
                f"Name {self.name[:80]!r}: 1 to 60 letters, digits, - and _, beginning with a "
                "letter",
            )
        if not SECRET.fullmatch(self.secret):
            raise InvalidValue("Secret", "Secret: 16 to 256 printable ASCII characters, no blanks")
        if not 0 < len(self.kinds) <= MOST_KINDS:
            raise InvalidValue("Kinds", f"Kinds: must name 1 to {MOST_KINDS}; * means all")
        for kind in self.kinds:
            check_pattern("Kinds", kind)

    def wants(self, happening: Happening) -> bool:
        """Tell whether a happening is to be posted here.

        What is told of a webhook goes to the others only: it would only say again that this one
        cannot be reached. A test is posted at once, to its own webhook, and is not kept.
        """
        return (
            self.enabled
            and is_meant(happening.kind, self.kinds)
            and self.namespace in ("", happening.namespace)
            and self.function in ("", happening.function)
            and not (happening.family == "webhook" and happening.subject == self.name)
            and happening.kind not in (WEBHOOK_TESTED, EVENT_ANSWERED)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a webhook fares."""

    failing_since: float = 0.0  #: When the first try failed since one arrived; 0: none did.
    delivered_at: float = 0.0  #: When one arrived last.
    last_error: str = ""
    pending: int = 0
    dead: int = 0
