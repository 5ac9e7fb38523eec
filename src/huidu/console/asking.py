"""Asking: one visit of a page, by whom and for what; whatever it shows, it asks the desk for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from starlette.requests import Request

from huidu.actions.action import APIGATEWAY, HUIDU, MONITOR, SCF
from huidu.actions.table import ACTIONS
from huidu.console.flash import Flash
from huidu.console.guard import PATH
from huidu.console.words import say
from huidu.model.errors import Refusal

#: Where two services have an action of the same name, the one of the earlier is meant.
ORDER = (HUIDU, SCF, APIGATEWAY, MONITOR)
SERVICE_OF: Mapping[str, str] = {
    action.name: action.service
    for service in reversed(ORDER)
    for action in ACTIONS
    if action.service == service
}
Facts = Mapping[str, Any]
MOST_DIGITS = 15


class Desk(Protocol):
    """Where everything is asked for. It knows who may ask for what, and so do programs meet it."""

    async def ask(
        self,
        caller: Any,  # noqa: ANN401 - whom the guard let in; pages only hand him on
        service: str,
        name: str,
        parameters: Mapping[str, object],
    ) -> Facts:
        """Return the answer to an action, or raise `Refusal`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How somebody wants to see pages."""

    language: str
    theme: str  #: `light`, `dark`, or empty for what the machine prefers.

    def say(self, text: str, /, **given: object) -> str:
        """Return a text of the table in the language that is wanted."""
        return say(self.language, text, **given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request of somebody who has signed in."""

    request: Request
    desk: Desk
    caller: Any
    look: Look
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)

    async def ask(self, name: str, /, **asked: object) -> Facts:
        """Return the answer to an action, or raise `Refusal`.

        Of what is asked, what is None is left out.
        """
        told = {key: value for key, value in asked.items() if value is not None}
        return await self.desk.ask(self.caller, SERVICE_OF[name], name, told)

    async def ask_or(self, otherwise: Facts, name: str, /, **asked: object) -> Facts:
        """Return the answer to an action, or something else where it is refused."""
        try:
            return await self.ask(name, **asked)
        except Refusal:
            return otherwise

    def say(self, text: str, /, **given: object) -> str:
        """Return a text of the table in the visitor's language."""
        return self.look.say(text, **given)

    def place(self, name: str) -> str:
        """Return what the path says under a name."""
        return str(self.request.path_params[name])

    def wish(self, name: str, otherwise: str = "") -> str:
        """Return what the query says under a name, without spaces around it."""
        return self.request.query_params.get(name, otherwise).strip()

    def wishes(self, name: str) -> list[str]:
        """Return all that the query says under a name."""
        return [text.strip() for text in self.request.query_params.getlist(name)]

    def count(self, name: str, otherwise: int = 1, most: int = 100_000) -> int:
        """Return a number of the query, from 1 on."""
        text = self.wish(name)
        return min(most, max(1, int(text))) if is_number(text) else otherwise

    def given(self, name: str, otherwise: str = "") -> str:
        """Return what a form says under a name, without spaces around it."""
        return next(iter(self.form.get(name, ())), otherwise).strip()

    def every(self, name: str) -> list[str]:
        """Return all that a form says under a name."""
        return [text.strip() for text in self.form.get(name, ())]


@dataclass(frozen=True, slots=True)
class Done:
    """What a form did: where to go on, and what is told there."""

    location: str
    flash: Flash | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a form did that is told on the spot, once: a secret must not travel on."""

    template: str
    shown: Mapping[str, Any]


def is_number(text: str) -> bool:
    """Tell whether a text is a number of a size that a page can be about."""
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


def path(*parts: str, **query: object) -> str:
    """Return the address of a page; what is empty in the query is left out."""
    said = "&".join(
        f"{name}={quote(str(one), safe='')}"
        for name, value in query.items()
        for one in (value if isinstance(value, list) else [value])
        if one not in ("", None)
    )
    return "/".join((PATH, *(quote(part, safe="$") for part in parts))) + (
        f"?{said}" if said else ""
    )


async def together(*questions: Any) -> list[Any]:  # noqa: ANN401 - each has its own answer
    """Return the answers to some questions, asked at once; the first refusal is raised."""
    return list(await asyncio.gather(*questions))
