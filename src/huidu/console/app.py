"""The console's application: its pages, behind its guard."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from huidu.cloudapi.desk import Desk
from huidu.console.doors import SEE_OTHER, SIGN_IN, doors
from huidu.console.guard import PATH, App, Denied, Guard, SignInFirst


def console(guard: Guard, desk: Desk) -> App:
    """Return what answers at `/console` and below."""

    async def home(request: Request) -> Response:
        found = guard.require(request)
        return PlainTextResponse(f"{found.name} {found.role.word} {found.csrf}\n")

    async def sign_in(request: Request) -> Response:
        return PlainTextResponse("sign in first\n")

    async def first(request: Request, error: Exception) -> Response:
        assert isinstance(error, SignInFirst)  # noqa: S101 - it is registered for nothing else
        return RedirectResponse(f"{SIGN_IN}", SEE_OTHER)

    async def denied(request: Request, error: Exception) -> Response:
        assert isinstance(error, Denied)  # noqa: S101 - it is registered for nothing else
        return PlainTextResponse(f"{error.message}\n", error.status)

    async def missing(request: Request, error: Exception) -> Response:
        return PlainTextResponse("there is no such page\n", 404)

    pages = [Route(f"{PATH}/", home), Route(SIGN_IN, sign_in)]
    handlers = {SignInFirst: first, Denied: denied, HTTPException: missing}
    app = Starlette(routes=[*pages, *doors(guard)], exception_handlers=handlers)
    return guard.around(app)
