"""Guard: who may see a page and send a form, and what every answer of the console says."""

from __future__ import annotations

import hmac
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Mapping,
    MutableMapping,
    Sequence,
)
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from huidu.console.sessions import Sessions, SignedIn, Ticket
from huidu.model.errors import Refusal
from huidu.model.role import Role, check
from huidu.model.session import COOKIE

PATH = "/console"
CSRF, CSRF_HEADER = "csrf", "x-csrf"
SAFE = frozenset({"GET", "HEAD"})
MOST_FORM_BYTES = 256 * 1024
MOST_FIELDS = 1000
LOCAL = "localhost"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: What every answer says, unless it says something else under the same name.
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: with that, a browser says of its own forms that they come from nowhere.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class SignInFirst(Exception):
    """Nobody is signed in; `back` is where to go once somebody is."""

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.back = back


class Denied(Exception):
    """A request is not let through; `status` is of HTTP, and `reason` for pages."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


class Guard:
    """Stands in front of the pages, and answers their questions about who asks.

    `mark` tells this server from others on the same host: browsers send the cookies of one port
    to every other.
    """

    def __init__(
        self,
        sessions: Sessions,
        mark: str,
        hosts: Collection[str],
        settle: Callable[[Scope], Scope] = lambda scope: scope,
    ) -> None:
        """`settle` makes `client` and `scheme` of a request what they are to be believed to be."""
        self.sessions = sessions
        self._settle = settle
        self._cookie = COOKIE + mark
        self._hosts = frozenset(host.lower() for host in (*hosts, LOCAL))

    def around(self, app: App) -> App:
        """Return an application that lets through to another what may get there at all."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            async def say(message: Message) -> None:
                if message["type"] == "http.response.start":
                    there = [(name.lower(), value) for name, value in message.get("headers", ())]
                    names = {name for name, _ in there}
                    more = [(n.encode(), v.encode()) for n, v in HEADERS.items()]
                    message["headers"] = [*there, *(one for one in more if one[0] not in names)]
                await send(message)

            scope = self._settle(scope)
            try:
                self._check_request(Request(scope))
            except Denied as denied:
                told = PlainTextResponse(f"{denied.message}\n", denied.status)
                await told(scope, receive, say)
            else:
                await app(scope, receive, say)

        return guarded

    def session_of(self, request: Request) -> SignedIn | None:
        """Return who is signed in, if anybody is."""
        # Another server of this host can add a cookie of the same name: each is looked at.
        for header in request.headers.getlist("cookie"):
            for pair in header.split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self._name(request):
                    found = self.sessions.find(value)
                    if found is not None:
                        return found
        return None

    def require(self, request: Request, role: Role = Role.VIEW) -> SignedIn:
        """Return who is signed in and has a role, or raise `SignInFirst` or `Denied`."""
        found = self.session_of(request)
        if found is None:
            query = f"?{request.url.query}" if request.url.query else ""
            raise SignInFirst(back_to(request.url.path + query if _is_read(request) else PATH))
        try:
            check(found.name, found.role, request.url.path, role)
        except Refusal as refusal:
            raise Denied(403, "role", refusal.message) from None
        return found

    async def posted(
        self, request: Request, role: Role = Role.RELEASE
    ) -> tuple[SignedIn, Mapping[str, str]]:
        """Return who sent a form, and its fields; raises `SignInFirst` or `Denied`.

        The form must hold the session's token in a field `csrf`, or the request in a header
        `X-Csrf`.
        """
        found, form = await self.posted_lists(request, role)
        return found, {name: values[-1] for name, values in form.items()}

    async def posted_lists(
        self, request: Request, role: Role = Role.RELEASE
    ) -> tuple[SignedIn, Mapping[str, Sequence[str]]]:
        """Return the same with all that a form says under each name, in its order."""
        found = self.require(request, role)
        form: dict[str, list[str]] = {}
        for name, value in await self._pairs(request):
            form.setdefault(name, []).append(value)
        token = request.headers.get(CSRF_HEADER) or form.pop(CSRF, [""])[-1]
        if not hmac.compare_digest(token.encode(), found.csrf.encode()):
            raise Denied(403, "csrf", "the form is not one that this session was shown; reload it")
        form.pop(CSRF, None)
        return found, form

    async def form(self, request: Request) -> Mapping[str, str]:
        """Return the fields of a form that nobody need be signed in for, or raise `Denied`."""
        return dict(await self._pairs(request))

    async def _pairs(self, request: Request) -> Sequence[tuple[str, str]]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise Denied(415, "form", "a form must be sent as application/x-www-form-urlencoded")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_FORM_BYTES:
                raise Denied(413, "form", f"a form has at most {MOST_FORM_BYTES} bytes")
        try:
            return parse_qsl(
                body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
            )
        except ValueError as error:
            raise Denied(400, "form", "the form cannot be read") from error

    async def sign_in(self, request: Request, secret_id: str, secret_key: str) -> Ticket:
        """Begin a session by a key pair, or raise `NotSignedIn`; the one before ends."""
        ticket = await self.sessions.sign_in(secret_id.strip(), secret_key.strip(), who(request))
        await self._leave(request)
        return ticket

    async def redeem(self, request: Request, token: str) -> Ticket:
        """Begin a session by a one-time link, or raise `NotSignedIn`; the one before ends."""
        ticket = await self.sessions.redeem(token, who(request))
        await self._leave(request)
        return ticket

    async def _leave(self, request: Request) -> None:
        before = self.session_of(request)
        if before is not None:
            await self.sessions.sign_out(before)

    def admit(self, request: Request, response: Response, ticket: Ticket) -> None:
        """Have an answer give the browser its session."""
        self._set(request, response, ticket.value, int(self.sessions.most_s))

    def dismiss(self, request: Request, response: Response) -> None:
        """Have an answer take it away."""
        self._set(request, response, "", 0)

    def _set(self, request: Request, response: Response, value: str, most_s: int) -> None:
        response.set_cookie(
            self._name(request),
            value,
            max_age=most_s,
            path=PATH,
            secure=_is_secure(request),
            httponly=True,
            samesite="strict",
        )

    def _name(self, request: Request) -> str:
        return ("__Secure-" if _is_secure(request) else "") + self._cookie

    def _check_request(self, request: Request) -> None:
        host = request.headers.get("host", "")
        if not self._is_ours(host):
            raise Denied(
                421,
                "host",
                f"no console is served under the name {host[:80]!r}; the setting console_hosts "
                "lists the names that it has",
            )
        if not _is_read(request):
            _check_origin(request, host)

    def _is_ours(self, host: str) -> bool:
        """Tell whether a name is one of ours: no stranger's name may lead a browser here.

        An address is always: it is names that somebody can point elsewhere after a page has
        been loaded (DNS rebinding).
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        try:
            ip_address(name)
        except ValueError:
            return name in self._hosts
        return True


def who(request: Request) -> str | None:
    """Return the address that a request comes from."""
    return request.client.host if request.client else None


def back_to(place: str) -> str:
    """Return where to go after signing in: a place of the console, whatever was asked for."""
    plain = place.isascii() and place.isprintable() and "\\" not in place
    here = place == PATH or place.startswith((f"{PATH}/", f"{PATH}?"))
    # Browsers take an escaped dot for a dot.
    up = ".." in place.lower().replace("%2e", ".")
    return place if plain and here and not up else f"{PATH}/"


def _check_origin(request: Request, host: str) -> None:
    """Raise `Denied` unless a form comes from a page of ours.

    Another port of the same host is another origin, and the same site.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site not in (None, "same-origin") or (
        origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    ):
        raise Denied(403, "origin", "the form was sent by a page of somebody else's")


def _is_read(request: Request) -> bool:
    return request.method in SAFE


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
