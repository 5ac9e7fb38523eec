"""Happening: something that changed what callers get, told with who and why.

The functions' own events are `model/event.py`; these are the platform's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from huidu.model.errors import InvalidValue

#: Everything that is told, and when. A new kind is one more row.
KINDS: Mapping[str, str] = {
    "function.created": "a function was made",
    "function.updated": "the code or the configuration of `$LATEST` was changed",
    "function.deleted": "a function was deleted, with all that is its own",
    "version.published": "a version was published",
    "version.deleted": "a version was deleted",
    "alias.created": "an alias was made",
    "alias.moved": "an alias was pointed elsewhere, or its routing was changed",
    "alias.undone": "an alias was brought back to what it was before a change",
    "alias.deleted": "an alias was deleted",
    "service.released": "a service was released to an environment",
    "service.switched": "an environment of a service was switched to another release",
    "service.unreleased": "a service was taken offline in an environment",
    "provision.changed": "the number of provisioned instances of a version was changed",
    "reservation.changed": "what a function has of the concurrency for itself was changed",
    "rollout.started": "a rollout was begun: a version is on its way to all calls of an alias",
    "rollout.grew": "the candidate of a rollout has a larger share of the calls",
    "rollout.waiting": "its share could grow, but for an approval, a webhook, an hour, instances",
    "rollout.approved": "somebody, or a webhook, has approved what a rollout waited for",
    "rollout.paused": "a rollout was paused: by somebody, or since nothing was found out",
    "rollout.resumed": "a paused rollout goes on",
    "rollout.promoted": "somebody gave the candidate all calls",
    "rollout.suspected": "more calls of a candidate that has all of them fail than should",
    "rollout.finished": "the candidate has had all calls for long enough",
    "rollout.rolled_back": "the candidate was taken back",
    "rollout.taken_over": "somebody moved the alias by hand, which ends its rollout",
    "mirror.marked": "a function was marked as safe to be called twice",
    "mirror.unmarked": "it is so no more, and none of its mirrors goes on",
    "mirror.began": "calls of an alias are copied to another version from now on",
    "mirror.ended": "they are so no more; what was found stays",
    "key.created": "an access key was made",
    "key.changed": "an access key was renamed, disabled or enabled, or has another role",
    "key.deleted": "an access key was deleted",
    "throttle.began": "a call of a version was refused (432 or 429), the first after quiet",
    "throttle.ended": "no call of the version was refused any more",
    "event.dead": "an asynchronous call was given up",
    "event.answered": "an asynchronous call is over, and this one webhook is told of it",
    "event.redriven": "events that were given up were played again",
    "event.discarded": "events that were given up were thrown away",
    "webhook.dead": "a webhook's delivery was given up, the first since one arrived",
    "webhook.tested": "`TestWebhook` was asked for; it goes to that webhook alone",
}
FAMILIES = {kind.partition(".")[0] for kind in KINDS}
EVERY = "*"
WEBHOOK_DEAD, WEBHOOK_TESTED = "webhook.dead", "webhook.tested"
EVENT_DEAD = "event.dead"
EVENT_ANSWERED = "event.answered"
THROTTLE_BEGAN, THROTTLE_ENDED = "throttle.began", "throttle.ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened. What it is about is named; what does not apply is empty."""

    kind: str
    at: float  #: Seconds since the epoch.
    namespace: str = ""
    function: str = ""
    alias: str = ""
    version: str = ""
    subject: str = ""  #: What else it is about: a service, a webhook, a rollout.
    who: str = ""  #: Whose key asked, and how; empty where the platform itself did it.
    why: str = ""
    before: str = ""  #: In words.
    after: str = ""
    detail: str = "{}"  #: A JSON object, for programs.
    request_id: str = ""
    sequence: int = 0  #: Its place among all, from 1 on; 0 until it is kept.

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(self.kind)

    @property
    def family(self) -> str:
        """The part of the kind before the dot."""
        return self.kind.partition(".")[0]


def check_pattern(field: str, pattern: str) -> str:
    """Return a kind, `family.*` or `*`, or raise `InvalidValue`."""
    family, _, rest = pattern.partition(".")
    if pattern in KINDS or pattern == EVERY or (family in FAMILIES and rest == EVERY):
        return pattern
    families = ", ".join(f"{name}.*" for name in sorted(FAMILIES))
    raise InvalidValue(
        field, f"{field} {pattern[:40]!r}: must be a kind such as alias.moved, or {families} or *"
    )


def is_meant(kind: str, patterns: Iterable[str]) -> bool:
    """Tell whether one of the patterns means a kind."""
    mine = {kind, f"{kind.partition('.')[0]}.{EVERY}", EVERY}
    return any(pattern in mine for pattern in patterns)


def shown(happening: Happening) -> dict[str, object]:
    """Return a happening as webhooks are told it; answers have its time as a text beside that."""
    return {
        "Id": str(happening.sequence),
        "Kind": happening.kind,
        "At": happening.at,
        "Namespace": happening.namespace,
        "FunctionName": happening.function,
        "Alias": happening.alias,
        "FunctionVersion": happening.version,
        "Subject": happening.subject,
        "Who": happening.who,
        "Reason": happening.why,
        "Before": happening.before,
        "After": happening.after,
        "Detail": json.loads(happening.detail),
        "RequestId": happening.request_id,
    }


def body(happening: Happening) -> bytes:
    """Return what is posted to webhooks: the same bytes for the same happening, at every try."""
    return json.dumps(shown(happening), ensure_ascii=False, separators=(",", ":")).encode()
