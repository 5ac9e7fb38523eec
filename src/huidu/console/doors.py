"""Doors: where forms go that sign in and out; the pages that show these forms are elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from huidu.console.guard import PATH, Guard, back_to
from huidu.console.sessions import NotSignedIn, Ticket
from huidu.model.role import Role

SIGN_IN, ENTER = f"{PATH}/sign-in", f"{PATH}/enter"
SIGN_OUT, SIGN_OUT_EVERYWHERE = f"{PATH}/sign-out", f"{PATH}/sign-out-everywhere"
SEE_OTHER = 303


class Doors:
    """Where these forms go.

    `sign-in` takes `secret_id`, `secret_key` and perhaps `back`; `enter` takes `token`, of a
    one-time link. Both lead back to the page of sign-in with `?reason=` (see `NotSignedIn`, and
    `wait` in seconds) where they let nobody in. The other two take no field but `csrf`.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def routes(self) -> list[Route]:
        """Return the routes, all of them of POST."""
        forms = (
            (SIGN_IN, self._sign_in),
            (ENTER, self._enter),
            (SIGN_OUT, self._sign_out),
            (SIGN_OUT_EVERYWHERE, self._sign_out_everywhere),
        )
        return [Route(path, work, methods=["POST"]) for path, work in forms]

    async def _sign_in(self, request: Request) -> Response:
        form = await self._guard.form(request)
        back = back_to(form.get("back", ""))
        pair = form.get("secret_id", ""), form.get("secret_key", "")
        return await self._let_in(request, self._guard.sign_in(request, *pair), back)

    async def _enter(self, request: Request) -> Response:
        form = await self._guard.form(request)
        entering = self._guard.redeem(request, form.get("token", ""))
        return await self._let_in(request, entering, f"{PATH}/")

    async def _sign_out(self, request: Request) -> Response:
        found, _ = await self._guard.posted(request, Role.VIEW)
        await self._guard.sessions.sign_out(found)
        return self._let_out(request)

    async def _sign_out_everywhere(self, request: Request) -> Response:
        found, _ = await self._guard.posted(request, Role.VIEW)
        await self._guard.sessions.sign_out_everywhere(found)
        return self._let_out(request)

    async def _let_in(self, request: Request, signing: Awaitable[Ticket], back: str) -> Response:
        try:
            ticket = await signing
        except NotSignedIn as refused:
            told = {"reason": refused.reason, "wait": f"{refused.wait_s:.0f}", "back": back}
            return RedirectResponse(f"{SIGN_IN}?{urlencode(told)}", SEE_OTHER)
        response = RedirectResponse(back, SEE_OTHER)
        self._guard.admit(request, response, ticket)
        return response

    def _let_out(self, request: Request) -> Response:
        response = RedirectResponse(SIGN_IN, SEE_OTHER)
        self._guard.dismiss(request, response)
        return response
