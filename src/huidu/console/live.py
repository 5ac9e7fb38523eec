"""Live: what streams to a page while it is open, second by second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import msgspec

from huidu.console import alias, others, overview, queue, rollouts
from huidu.console.asking import Facts, Visit, is_number
from huidu.model.errors import Refusal

Render = Callable[..., str]
SECOND_S = 1.0
OVERVIEW_S = 3.0
QUEUE_S = 2.0
MOST_S = 3600  #: A stream ends after so long; the browser asks anew, and is looked at anew.
WAIT_S = 15  #: How long a page waits for lines, or for news of a rollout, before it hears a sign.
CATCH_UP = 900


class Closing:
    """Whether the server closes: then every stream ends."""

    def __init__(self) -> None:
        self._over = asyncio.Event()

    def close(self) -> None:
        """End all streams."""
        self._over.set()

    @property
    def over(self) -> bool:
        """Whether it does."""
        return self._over.is_set()

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until the server closes."""
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return

    async def unless(self, work: Awaitable[Facts]) -> Facts | None:
        """Return what comes of some work, or None where the server closes before."""
        task, over = asyncio.ensure_future(work), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait([task, over], return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            over.cancel()


def event(name: str, data: str, mark: object = "") -> bytes:
    """Return an event as it goes over the wire."""
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"event: {name}\n{f'id: {mark}' if mark != '' else ':'}\n{lines}\n".encode()


async def follow_alias(visit: Visit, render: Render, closing: Closing) -> AsyncIterator[bytes]:
    """Tell of the calls of an alias as they are counted, and of its moves as they happen."""
    named = alias.whose(visit)
    sent = visit.request.headers.get("last-event-id", "") or visit.wish("after")
    after = int(sent) if is_number(sent) else 0
    revision, stands = visit.count("revision"), ""  # what the page shows
    while not closing.over:
        series = await visit.ask(
            "GetTrafficSeries",
            FunctionName=named["FunctionName"],
            Alias=named["Name"],
            Points=CATCH_UP,
            After=after,
        )
        if series["Points"]:
            after = series["Start"] + series["Points"] - 1
            yield event("counts", msgspec.json.encode(series).decode(), after)
        shown = await alias.state(visit)
        yield event("lanes", render("alias_lanes.html", **shown))
        now = shown["alias"]["Revision"]
        rollout = shown["rollout"] or {}
        state = f"{rollout.get('State')} {rollout.get('Weight')} {rollout.get('Said')}"
        if (now, state) != (revision, stands):
            yield event("routing", render("alias_routing.html", **shown))
        if now != revision:
            yield event("moved", str(now))
        revision, stands = now, state
        await closing.rest(SECOND_S)


async def follow_overview(visit: Visit, render: Render, closing: Closing) -> AsyncIterator[bytes]:
    """Tell what goes on, every few seconds."""
    while not closing.over:
        await closing.rest(OVERVIEW_S)
        if not closing.over:
            yield event("overview", render("overview_now.html", **await overview.overview(visit)))


async def follow_queue(visit: Visit, render: Render, closing: Closing) -> AsyncIterator[bytes]:
    """Tell of events that wait and end, where something has changed."""
    seen = ""
    while not closing.over:
        told = render("queue_now.html", **await queue.now(visit))
        yield event("queue", told) if told != seen else b": still there\n\n"
        seen = told
        await closing.rest(QUEUE_S)


async def follow_rollout(visit: Visit, render: Render, closing: Closing) -> AsyncIterator[bytes]:
    """Tell of a rollout whenever there is something new of it."""
    seen = ""
    while not closing.over:
        asked = {"RolloutId": visit.place("rollout"), "After": seen, "Wait": WAIT_S}
        facts = await closing.unless(visit.ask("WatchRollout", **asked))
        if facts is None:
            return
        if facts["Seen"] != seen:
            seen = facts["Seen"]
            yield event("rollout", render("rollout_state.html", **rollouts.shown(facts)))
            await closing.rest(SECOND_S)
        else:
            yield b": still there\n\n"


async def follow_logs(visit: Visit, render: Render, closing: Closing) -> AsyncIterator[bytes]:
    """Tell of lines as functions print them."""
    cursor = visit.request.headers.get("last-event-id", "") or visit.wish("after")
    asked = others.narrowed(visit)
    while not closing.over:
        more = {"Cursor": cursor or None, "WaitSeconds": WAIT_S, "Limit": others.LINES}
        found = await closing.unless(visit.ask("TailLogs", **asked, **more))
        if found is None:
            return
        cursor = found["Cursor"]
        if found["Lines"]:
            yield event("lines", _lines(visit, render, found["Lines"]), cursor)
            await closing.rest(SECOND_S / 4)
        else:
            yield b": still there\n\n"


def _lines(visit: Visit, render: Render, lines: Sequence[Facts]) -> str:
    wanted = {"function": visit.wish("function")}
    return render("log_lines.html", lines=list(reversed(lines)), wanted=wanted)


Follow = Callable[[Visit, Render, Closing], AsyncIterator[bytes]]
#: What can be followed. A new stream is a function and a row.
STREAMS: Mapping[str, Follow] = {
    "live": follow_overview,
    "functions/{function}/aliases/{alias}/live": follow_alias,
    "rollouts/{rollout}/live": follow_rollout,
    "logs/live": follow_logs,
    "queue/live": follow_queue,
}


async def stream(pieces: AsyncIterator[bytes], lasts: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Tell what there is to tell, until the page is left or its visitor is signed in no more."""
    yield b"retry: 2000\n\n"
    until = asyncio.get_running_loop().time() + MOST_S
    try:
        async for piece in pieces:
            if not lasts():
                yield event("over", "signed out")
                return
            yield piece
            if asyncio.get_running_loop().time() > until:
                return
    except Refusal as refusal:
        yield event("refused", refusal.code)
