"""Doors: where forms go that sign in and out; the pages that show these forms are elsewhere."""

from __future__ import annotations

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


def doors(guard: Guard) -> list[Route]:
    """Return where these forms go.

    `sign-in` takes `secret_id`, `secret_key` and perhaps `back`; `enter` takes `token`, of a
    one-time link. Both lead back to the page of sign-in with `?reason=` (see `NotSignedIn`, and
    `wait` in seconds) where they let nobody in. The other two take no field but `csrf`.
    """

    async def sign_in(request: Request) -> Response:
        form = await guard.form(request)
        back = back_to(form.get("back", ""))
        pair = form.get("secret_id", ""), form.get("secret_key", "")
        try:
            return _let_in(request, await guard.sign_in(request, *pair), back)
        except NotSignedIn as refused:
            return _again(refused, back)

    async def enter(request: Request) -> Response:
        form = await guard.form(request)
        try:
            return _let_in(request, await guard.redeem(request, form.get("token", "")), PATH + "/")
        except NotSignedIn as refused:
            return _again(refused, PATH + "/")

    async def sign_out(request: Request) -> Response:
        found, _ = await guard.posted(request, Role.VIEW)
        await guard.sessions.sign_out(found)
        return _let_out(request)

    async def sign_out_everywhere(request: Request) -> Response:
        found, _ = await guard.posted(request, Role.VIEW)
        await guard.sessions.sign_out_everywhere(found)
        return _let_out(request)

    def _let_in(request: Request, ticket: Ticket, back: str) -> Response:
        response = RedirectResponse(back, SEE_OTHER)
        guard.admit(request, response, ticket)
        return response

    def _let_out(request: Request) -> Response:
        response = RedirectResponse(SIGN_IN, SEE_OTHER)
        guard.dismiss(request, response)
        return response

    return [
        Route(path, work, methods=["POST"])
        for path, work in (
            (SIGN_IN, sign_in),
            (ENTER, enter),
            (SIGN_OUT, sign_out),
            (SIGN_OUT_EVERYWHERE, sign_out_everywhere),
        )
    ]


def _again(refused: NotSignedIn, back: str) -> Response:
    told = {"reason": refused.reason, "wait": f"{refused.wait_s:.0f}", "back": back}
    return RedirectResponse(f"{SIGN_IN}?{urlencode(told)}", SEE_OTHER)
