"""Trace: a call's place among the calls that belong together, as W3C's Trace Context writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

PARENT, STATE = "traceparent", "tracestate"

#: https://www.w3.org/TR/trace-context/#traceparent-header: what later versions add comes after.
TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
#: A key, or a tenant's key of a system, and a value that neither parts nor ends the list.
MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
MOST_MEMBERS = 32
MOST_STATE_CHARS = 512  #: As much as everybody must hand on; who sends more may lose it.
FIRST, INVALID = "00", "ff"
SAMPLED = 0x01
HEX = re.compile(r"[0-9a-f]{32}")
#: The last 7 bytes of a trace's id are what is random in it (Trace Context, level 2).
RANDOM_BITS = 56

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a caller said of the trace that its call belongs to; the texts are those of headers.

    What is there is valid: of a caller that says what cannot be, nothing is kept.
    """

    parent: str = ""
    state: str = ""


NOTHING_SENT = Sent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The place of a call in a trace, or that it is in none.

    A call that has no span of its own only hands on what its caller sent.
    """

    trace_id: str = ""
    span_id: str = ""
    parent_id: str = ""  #: The span of whoever called; empty where the trace begins here.
    sampled: bool = False  #: Whether somebody is to keep what is seen of it.
    state: str = ""

    @property
    def parent(self) -> str:
        """What the function is sent as `traceparent`; nothing where there is no trace."""
        if not self.trace_id:
            return ""
        flags = f"{SAMPLED if self.sampled else 0:02x}"
        return f"{FIRST}-{self.trace_id}-{self.span_id or self.parent_id}-{flags}"

    def told(self) -> dict[str, str]:
        """Return what the function is told, by the names of the headers."""
        if not self.trace_id:
            return {}
        return {PARENT: self.parent} | ({STATE: self.state} if self.state else {})


NO_TRACE = Trace()


def sent_in(headers: Headers) -> Sent:
    """Return what the headers of a request say, by lower-case names.

    More than one parent is as good as none; more than one state is one list in parts.
    """
    parents, states = [], []
    for name, value in headers:
        if name == PARENT:
            parents.append(value.strip())
        elif name == STATE:
            states.append(value)
    if len(parents) != 1 or _read(parents[0]) is None:
        return NOTHING_SENT
    return Sent(parents[0], _state(",".join(states)))


def passed_by(sent: Sent) -> Trace:
    """Return the place of a call that takes no part in the trace, and hands it on as it came."""
    read = _read(sent.parent)
    if read is None:
        return NO_TRACE
    trace_id, parent_id, sampled = read
    return Trace(trace_id=trace_id, parent_id=parent_id, sampled=sampled, state=sent.state)


def place(sent: Sent, request_id: str, bits: int, ratio: float) -> Trace:
    """Return the place of a call with a span of its own, made of 64 random bits.

    The caller says whether its trace is sampled. A trace that begins here has the id of its
    request, so that every attempt at an event is in one; `ratio` of them are sampled.
    """
    span_id = f"{bits or 1:016x}"
    read = _read(sent.parent)
    if read is None:
        trace_id = id_of(request_id)
        return Trace(trace_id=trace_id, span_id=span_id, sampled=_sampled(trace_id, ratio))
    trace_id, parent_id, sampled = read
    return Trace(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        sampled=sampled,
        state=sent.state,
    )


def id_of(request_id: str) -> str:
    """Return the id of the trace that begins with a request: its own without dashes, or a hash."""
    plain = request_id.replace("-", "")
    if HEX.fullmatch(plain) and int(plain, 16):
        return plain
    return sha256(request_id.encode()).hexdigest()[:32]


def carried(headers: Headers, trace: Trace) -> list[tuple[str, str]]:
    """Return headers that say `trace` and nothing else of any trace.

    What a caller sent that no trace can be read from is not handed on. A call without a span of
    its own changes nothing of what goes by.
    """
    if not trace.span_id:
        return list(headers)
    others = [one for one in headers if one[0] not in (PARENT, STATE)]
    return [*others, *trace.told().items()]


def _sampled(trace_id: str, ratio: float) -> bool:
    """Decide as OpenTelemetry's consistent sampling does: all who see the id decide alike."""
    rejected = round((1 - ratio) * (1 << RANDOM_BITS))
    return int(trace_id, 16) % (1 << RANDOM_BITS) >= rejected


def _read(text: str) -> tuple[str, str, bool] | None:
    found = TRACEPARENT.fullmatch(text)
    if found is None or found["version"] == INVALID:
        return None
    if found["version"] == FIRST and found["more"]:
        return None
    trace_id, parent_id = found["trace"], found["span"]
    if not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return trace_id, parent_id, bool(int(found["flags"], 16) & SAMPLED)


def _state(text: str) -> str:
    """Return a list of vendors' states as it is handed on, or nothing where it is none."""
    members = [one for one in (part.strip(" \t") for part in text.split(",")) if one]
    keys = [one.partition("=")[0] for one in members]
    sound = all(MEMBER.fullmatch(one) for one in members) and len(set(keys)) == len(keys)
    joined = ",".join(members)
    short = len(members) <= MOST_MEMBERS and len(joined) <= MOST_STATE_CHARS
    return joined if sound and short else ""
