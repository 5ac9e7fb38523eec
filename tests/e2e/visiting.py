"""A visitor of the console who has no script and no style: what pages say, and where forms lead."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urlsplit

from tests.platform import SECRET_ID, SECRET_KEY, Platform

CSRF = re.compile(r'name="csrf" value="(\w+)"')
TAGS = re.compile(r"<(?:script|style|svg).*?</(?:script|style|svg)>|<[^>]*>", re.DOTALL)


@dataclass(frozen=True)
class Seen:
    """A page as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int  #: In bytes, as it was sent.

    @property
    def markup(self) -> str:
        """The page itself."""
        return self.body.decode()

    @property
    def text(self) -> str:
        """What it says to a reader."""
        return " ".join(html.unescape(TAGS.sub(" ", self.markup)).split())

    @property
    def location(self) -> str:
        """Where it leads on."""
        return self.headers.get("location", "")


@dataclass
class Visitor:
    """Somebody with a browser of the simplest kind."""

    platform: Platform
    cookies: dict[str, str] = field(default_factory=dict)
    language: str = "en"

    def sign_in(self, key: str = SECRET_ID, secret: str = SECRET_KEY) -> Visitor:
        """Sign in with a key pair."""
        self.send("/console/sign-in", {"secret_id": key, "secret_key": secret})
        return self

    def see(self, path: str, **headers: str) -> Seen:
        """Ask for a page, and go where it leads."""
        seen = self._ask("GET", path, b"", headers)
        while seen.location:
            seen = self._ask("GET", seen.location, b"", headers)
        return seen

    def send(self, path: str, fields: Mapping[str, str | Sequence[str]], **headers: str) -> Seen:
        """Send a form; where it leads is not followed."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(fields, doseq=True).encode(), kind | headers)

    def fill(self, page: str, path: str, **fields: str | Sequence[str]) -> Seen:
        """Send a form of a page with the token that is in it, and see the page that comes of it."""
        token = CSRF.search(self.see(page).markup)
        assert token is not None
        sent = self.send(path, {"csrf": token[1], **fields}, referer=self.platform.api + page)
        return self.see(sent.location) if sent.location else sent

    @contextmanager
    def listening(self, path: str) -> Iterator[HTTPResponse]:
        """Hear what streams to a page, until the end of the block."""
        connection = HTTPConnection(urlsplit(self.platform.api).netloc, timeout=30)
        connection.request("GET", path, headers={"cookie": self._cookie()})
        try:
            yield connection.getresponse()
        finally:
            connection.close()

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Seen:
        connection = HTTPConnection(urlsplit(self.platform.api).netloc, timeout=30)
        usual = {
            "accept-language": self.language,
            "accept-encoding": "gzip",
            "cookie": self._cookie(),
        }
        connection.request(method, path.partition("#")[0], body, {**usual, **headers})
        answer = connection.getresponse()
        sent = answer.read()
        for cookie in answer.headers.get_all("set-cookie", ()):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        connection.close()
        packed = answer.headers.get("content-encoding") == "gzip"
        told = {name.lower(): value for name, value in answer.headers.items()}
        return Seen(answer.status, told, gzip.decompress(sent) if packed else sent, len(sent))
