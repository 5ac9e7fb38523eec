"""Log: what a call leaves in the log, line by line, and which lines somebody wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from huidu.model.frame import log_of
from huidu.model.invocation import Record, Status
from huidu.model.level import Level, fields_of, level_of

START, PRINTED, ERROR, RESPONSE, END, REPORT = (
    "start",
    "printed",
    "error",
    "response",
    "end",
    "report",
)
#: How the platform's own lines begin (section 4.7), in their order.
OWN = (
    ("ERROR RequestId:", ERROR),
    ("Response RequestId:", RESPONSE),
    ("END RequestId:", END),
    ("Report RequestId:", REPORT),
)
#: What comes before that which a line of the platform says of just this call.
BEFORE = {ERROR: " Result:", RESPONSE: " RetMsg:"}
#: Lines that say nothing but that a call began or ended.
FRAME = frozenset({START, END, REPORT})
MOST_SHOWN = 1024


class Chunk(NamedTuple):
    """What one call left in the log at one time: all of it, or what it had printed by then.

    A tuple, as a record is one: there is one for every call that printed.
    """

    request_id: str
    namespace: str
    function: str
    function_id: str
    version: str
    alias: str = ""
    retry_number: int = 0
    status: int = 0  #: 0 while the call runs.
    starts: bool = True  #: Whether nothing of the call came before.
    printed: str = ""
    ending: str = ""  #: The platform's own lines, once the call is over.
    began: float = 0.0
    ended: float = 0.0
    sequence: int = 0  #: Its place in the log, once kept.


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chunk; `place` counts from the first line of it."""

    chunk: Chunk
    place: int
    kind: str
    text: str
    at: float
    level: Level


def lines(chunk: Chunk) -> Iterator[Line]:
    """Yield the lines of a chunk, START and Report among them."""
    place = 0
    if chunk.starts:
        text = f"START RequestId: {chunk.request_id}"
        yield Line(chunk, 0, START, text, chunk.began, Level.INFO)
        place = 1
    level = Level.INFO
    for text in whole(chunk.printed):
        if not text[:1].isspace():  # what is indented goes on with the line before
            level = level_of(text, fields_of(text))
        yield Line(chunk, place, PRINTED, text, chunk.began, level)
        place += 1
    failed = chunk.status not in (0, Status.SUCCESS)
    for kind, text in _kinds(chunk.ending):
        wrong = kind == ERROR or (failed and kind == RESPONSE)
        level = Level.ERROR if wrong else Level.INFO
        yield Line(chunk, place, kind, text, chunk.ended, level)
        place += 1


def gist(chunk: Chunk) -> tuple[Level, str]:
    """Return how serious the worst of a chunk's lines is, and all in it that can be looked for.

    What a call returned that went well is not: it would be most of what there is to be found.
    """
    worst = Level.INFO
    for text in whole(chunk.printed):
        worst = max(worst, level_of(text, fields_of(text)))
    if chunk.status in (0, Status.SUCCESS):
        return worst, chunk.printed
    said = [_said(kind, text) for kind, text in _kinds(chunk.ending) if kind not in FRAME]
    return max(worst, Level.ERROR) if said else worst, chunk.printed + "\n".join(said)


def _kinds(ending: str) -> Iterator[tuple[str, str]]:
    """Yield the platform's own lines with the kind of each; a response may have several."""
    kind = RESPONSE
    for text in whole(ending):
        kind = next((kind for words, kind in OWN if text.startswith(words)), kind)
        yield kind, text


def _said(kind: str, text: str) -> str:
    """Return what a line says, without the words that every line of its kind begins with."""
    return text.partition(BEFORE[kind])[2] or text if kind in BEFORE else text


def whole(text: str) -> list[str]:
    """Return the lines of a text; only a newline ends one."""
    return text.removesuffix("\n").split("\n") if text else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines somebody wants. What is empty, 0 or None does not narrow."""

    function_id: str = ""
    namespace: str = ""
    request_id: str = ""  #: All of it, or how it begins.
    version: str = ""
    alias: str = ""
    since: float | None = None
    until: float | None = None
    statuses: frozenset[int] = frozenset()
    failed: bool | None = None  #: True: of calls that failed; False: of those that did not.
    errors: bool = False  #: Lines of calls that failed, and lines at ERROR or above of any other.
    level: int = 0  #: Lines at this level or above.
    text: str = ""  #: Lines with this in them, in whatever case.
    fields: tuple[tuple[str, str], ...] = field(default=())  #: JSON lines with all of these.

    @property
    def every_line(self) -> bool:
        """Whether a call that is wanted is wanted with all its lines."""
        return not (self.level or self.text or self.fields)

    @property
    def silence(self) -> bool:
        """Whether lines of a call that succeeded and printed nothing may be wanted."""
        return not (
            self.text
            or self.fields
            or self.errors
            or self.failed
            or self.level > Level.INFO
            or (self.statuses and Status.SUCCESS not in self.statuses)
        )

    def takes(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is of a call that is wanted."""
        over, good = chunk.status != 0, chunk.status == Status.SUCCESS
        return (
            (not self.function_id or chunk.function_id == self.function_id)
            and (not self.namespace or chunk.namespace == self.namespace)
            and (not self.request_id or chunk.request_id.startswith(self.request_id))
            and (not self.version or chunk.version == self.version)
            and (not self.alias or chunk.alias == self.alias)
            and (not self.statuses or chunk.status in self.statuses)
            and (self.failed is None or (over and good is not self.failed))
        )

    def of(self, chunk: Chunk) -> list[Line]:
        """Return the lines of a chunk that are wanted."""
        if not (self.takes(chunk) and self._may_say(chunk)):
            return []
        found = list(lines(chunk))
        if self.errors and chunk.status in (0, Status.SUCCESS):
            found = [line for line in found if line.level >= Level.ERROR]
        if not self.every_line:
            found = [line for line in found if self._says(line)]
        return found

    def _may_say(self, chunk: Chunk) -> bool:
        """Tell, without taking it apart, whether a chunk may hold the text."""
        text = self.text.lower()
        return text in chunk.printed.lower() or text in chunk.ending.lower()

    def _says(self, line: Line) -> bool:
        if line.kind in FRAME or line.level < self.level:
            return False
        if self.text and line.kind == RESPONSE and line.level < Level.ERROR:
            return False  # as `gist` has it
        if self.text and self.text.lower() not in _said(line.kind, line.text).lower():
            return False
        if not self.fields:
            return True
        there = fields_of(line.text) if line.kind == PRINTED else {}
        return all(there.get(name, "").lower() == value.lower() for name, value in self.fields)


def split(log: str, request_id: str) -> tuple[str, str, str]:
    """Return the START line of a call's whole log, what was printed, and the lines of its end."""
    first, newline, rest = log.partition("\n")
    head = first + newline if first.startswith("START RequestId:") else ""
    body = "\n" + (rest if head else log)
    end = body.rfind(f"\nEND RequestId: {request_id}\n")
    cut = body.rfind(f"\nResponse RequestId: {request_id} RetMsg:", 0, max(end, 0))
    if cut < 0:
        return head, body[1:], ""
    before = body.rfind("\n", 0, cut)
    if before >= 0 and body.startswith(f"\nERROR RequestId: {request_id} Result:", before):
        cut = before
    return head, body[1 : cut + 1], body[cut + 1 :]


def chunk_of(record: Record) -> tuple[Chunk, str]:
    """Return what the log keeps of a call that has ended, and what is left of `Record.log`."""
    log = log_of(record)
    head, printed, ending = split(log, record.request_id)
    if not log and record.error:
        shown = " ".join(record.error.split())[:MOST_SHOWN]
        ending = f"ERROR RequestId: {record.request_id} Result:{shown}\n"
    chunk = Chunk(
        request_id=record.request_id,
        namespace=record.function.namespace,
        function=record.function.name,
        function_id=record.function_id,
        version=record.version,
        alias=record.alias,
        retry_number=record.retry_number,
        status=record.status,
        starts=bool(head) and not record.streamed,
        printed=printed,
        ending=ending,
        began=record.started_at + record.queue_ms / 1000,
        ended=record.started_at + (record.queue_ms + record.duration_ms) / 1000,
    )
    return chunk, head + (ending if log else "")


def joined(rest: str, printed: str) -> str:
    """Return the whole log of a call from what is left of `Record.log` and what was printed."""
    head, newline, ending = rest.partition("\n")
    if not head.startswith("START "):
        head, newline, ending = "", "", rest
    return head + newline + printed + ending


def remainder(log: str, streamed: int, most: int) -> str:
    """Return a call's log without what was printed and handed out before, and not too much of it.

    Of what is over `most` characters the first part is dropped, in whole lines, and a line says so.
    """
    first, newline, rest = log.partition("\n")
    if not first.startswith("START "):
        first, newline, rest = "", "", log
    rest = rest[streamed:]
    if len(rest) > most:
        kept = rest[-most:].partition("\n")[2] or rest[-most:]
        rest = f"(the first {len(rest) - len(kept)} characters of this log are not kept)\n{kept}"
    return first + newline + rest
