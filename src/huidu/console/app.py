"""The console's application: its pages, behind its guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from huidu.cloudapi.desk import Desk
from huidu.console import flash as flashes
from huidu.console import live, looks, words
from huidu.console.asking import Done, Look, Told, Visit
from huidu.console.doors import ENTER, SEE_OTHER, SIGN_IN, Doors
from huidu.console.flash import Flash
from huidu.console.guard import PATH, App, Denied, Guard, SignInFirst, back_to, who
from huidu.console.live import Closing
from huidu.console.sessions import SignedIn
from huidu.console.shipped import SMALLEST, Shipped, packed
from huidu.console.table import DEEDS, PAGES, Deed, Page
from huidu.model.errors import Refusal

LANGUAGE, THEME = "huidu_language", "huidu_theme"
THEMES = ("", "light", "dark")
YEAR_S = 365 * 86_400
FOR_EVER = f"public, max-age={YEAR_S}, immutable"

Answer = Callable[[Request], Awaitable[Response]]


class Console:
    """Shows pages, and does what their forms say."""

    def __init__(self, guard: Guard, desk: Desk, zone: str) -> None:
        self._guard = guard
        self._desk = desk
        self._zone = zone
        self._shipped = Shipped()
        self._templates = looks.environment(self._shipped)
        self.closing = Closing()

    def app(self) -> App:
        """Return what answers at `/console` and below."""
        routes = [
            Route(PATH, self._home),
            Route(SIGN_IN, self._door("sign_in.html"), methods=["GET"]),
            Route(ENTER, self._door("enter.html"), methods=["GET"]),
            Route(f"{PATH}/look", self._look_changed, methods=["POST"]),
            Route(f"{PATH}/static/{{name}}", self._static),
            *Doors(self._guard).routes(),
            *(Route(f"{PATH}/{at}", self._follow(to)) for at, to in live.STREAMS.items()),
            *(Route(f"{PATH}/{page.path}", self._show(page)) for page in PAGES),
            *(Route(f"{PATH}/{deed.path}", self._do(deed), methods=["POST"]) for deed in DEEDS),
        ]
        handlers: Any = {
            SignInFirst: self._sign_in_first,
            Denied: self._denied,
            Refusal: self._refused,
            HTTPException: self._missing,
            Exception: self._broken,
        }
        return self._guard.around(Starlette(routes=routes, exception_handlers=handlers))

    def _visit(
        self, request: Request, found: SignedIn, form: Mapping[str, Any] | None = None
    ) -> Visit:
        return Visit(
            request=request,
            desk=self._desk,
            caller=found.caller(who(request)),
            look=look_of(request),
            form=form or {},
        )

    def _show(self, page: Page) -> Answer:
        async def show(request: Request) -> Response:
            found = self._guard.require(request, page.role)
            shown = await page.read(self._visit(request, found))
            return self._page(request, page.template, found, shown)

        return show

    def _do(self, deed: Deed) -> Answer:
        async def do(request: Request) -> Response:
            found, form = await self._guard.posted_lists(request, deed.role)
            done: Done | Told
            try:
                done = await deed.act(self._visit(request, found, form))
            except Refusal as refusal:
                if _is_by_program(request):
                    raise
                done = Done(_back(request), Flash(refusal.message, went_well=False))
            if isinstance(done, Told):
                return self._page(request, done.template, found, done.shown)
            response = RedirectResponse(done.location, SEE_OTHER)
            if done.flash:
                text, lasts_s = flashes.write(done.flash, found.csrf), flashes.LASTS_S
                _keep(response, flashes.COOKIE, text, lasts_s, hidden=True)
            return response

        return do

    def _follow(self, follow: live.Follow) -> Answer:
        async def start(request: Request) -> Response:
            found = self._guard.require(request)
            visit, say = self._visit(request, found), look_of(request).say

            def render(template: str, /, **given: object) -> str:
                given = {"t": say, "zone": self._zone, "signed": found, "csrf": found.csrf} | given
                return looks.render(self._templates, template, **given)

            told = live.stream(follow(visit, render, self.closing), self._lasts(found))
            return StreamingResponse(told, media_type="text/event-stream")

        return start

    def _lasts(self, found: SignedIn) -> Callable[[], bool]:
        return lambda: self._guard.sessions.lasts(found)

    def _door(self, template: str) -> Answer:
        async def door(request: Request) -> Response:
            query = request.query_params
            shown = {name: query.get(name, "") for name in ("reason", "wait", "token")}
            back = back_to(query.get("back", ""))
            return self._page(request, template, None, {**shown, "back": back})

        return door

    def _page(
        self,
        request: Request,
        template: str,
        found: SignedIn | None,
        shown: Mapping[str, Any],
        status: int = 200,
    ) -> Response:
        look, told = look_of(request), request.cookies.get(flashes.COOKIE, "")
        said = flashes.read(told, found.csrf) if found else None
        whole = {
            "t": look.say,
            "look": look,
            "languages": words.LANGUAGES,
            "signed": found,
            "csrf": found.csrf if found else "",
            "flash": said,
            "section": request.url.path.removeprefix(f"{PATH}/").partition("/")[0],
            "address": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            "zone": self._zone,
            **shown,
        }
        body = looks.render(self._templates, template, **whole).encode()
        response = answered(request, body, status)
        if said is not None:
            response.delete_cookie(flashes.COOKIE, path=PATH)
        return response

    async def _home(self, request: Request) -> Response:
        return RedirectResponse(f"{PATH}/", 308)

    async def _look_changed(self, request: Request) -> Response:
        """Keep how somebody wants to see pages, be he signed in or not."""
        form = await self._guard.form(request)
        response = RedirectResponse(back_to(form.get("back", "")), SEE_OTHER)
        if form.get("language", "") in words.LANGUAGES:
            _keep(response, LANGUAGE, form["language"], YEAR_S)
        if form.get("theme", "-") in THEMES:
            _keep(response, THEME, form["theme"], YEAR_S)
        return response

    async def _static(self, request: Request) -> Response:
        file = self._shipped.find(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        headers = {"cache-control": FOR_EVER, "etag": f'"{file.tag}"', "content-type": file.kind}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        if not _takes_gzip(request):
            return Response(file.body, headers=headers)
        headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
        return Response(file.packed, headers=headers)

    async def _sign_in_first(self, request: Request, error: SignInFirst) -> Response:
        if _is_by_program(request):
            return Response(status_code=401)
        back = "" if error.back == f"{PATH}/" else error.back
        return RedirectResponse(f"{SIGN_IN}?{looks.query(back=back)}".rstrip("?"), SEE_OTHER)

    async def _denied(self, request: Request, error: Denied) -> Response:
        return self._sorry(request, error.status, error.message)

    async def _refused(self, request: Request, error: Refusal) -> Response:
        family = error.code.partition(".")[0]
        return self._sorry(request, STATUSES.get(family, 400), error.message, error.code)

    async def _missing(self, request: Request, error: HTTPException) -> Response:
        return self._sorry(request, error.status_code, "")

    async def _broken(self, request: Request, error: Exception) -> Response:
        return self._sorry(request, 500, "")  # what it was, is logged by whoever raised it on

    def _sorry(self, request: Request, status: int, message: str, code: str = "") -> Response:
        found = self._guard.session_of(request)
        told = {"number": status, "message": message, "code": code}
        return self._page(request, "sorry.html", found, told, status)


#: How a page is answered that cannot be shown, by the family of the refusal's code.
STATUSES = {"ResourceNotFound": 404, "AuthFailure": 403, "InternalError": 500}


def look_of(request: Request) -> Look:
    """Return how somebody wants to see pages, by his cookies or by what his browser likes."""
    theme = request.cookies.get(THEME, "")
    accepted = request.headers.get("accept-language", "")
    return Look(
        language=words.choose(request.cookies.get(LANGUAGE, ""), accepted),
        theme=theme if theme in THEMES else "",
    )


def answered(request: Request, body: bytes, status: int) -> Response:
    """Return a page. It may be compressed: nobody else's page can have it sent with its secrets."""
    headers = {"content-type": "text/html; charset=utf-8", "vary": "accept-encoding"}
    if len(body) >= SMALLEST and _takes_gzip(request):
        return Response(packed(body, 5), status, headers | {"content-encoding": "gzip"})
    return Response(body, status, headers)


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _is_by_program(request: Request) -> bool:
    """Tell whether a script asks, which has no use for a whole page."""
    accepted = request.headers.get("accept", "")
    return "hx-request" in request.headers or "text/event-stream" in accepted


def _back(request: Request) -> str:
    """Return the page that a form was on."""
    referer = request.headers.get("referer", "")
    return back_to(PATH + referer.partition(PATH)[2]) if PATH in referer else f"{PATH}/"


def _keep(response: Response, name: str, value: str, lasts_s: int, *, hidden: bool = False) -> None:
    response.set_cookie(name, value, max_age=lasts_s, path=PATH, httponly=hidden, samesite="strict")
