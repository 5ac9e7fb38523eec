"""What tests of the console have in common: a server's keys and sessions, and a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from huidu.console.sessions import Sessions
from huidu.control.keyring import Keyring
from huidu.model.access_key import AccessKey
from huidu.model.role import Role
from huidu.model.session import LINK_S, Link, Terms
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from tests.fakes import Clock
from tests.fakes_store import BACKENDS

ROOT = ("AKIDroot", "root-secret")
TERMS = Terms(idle_s=100.0, most_s=1000.0)
ADDRESS = "192.0.2.1"
HOST = "127.0.0.1:9000"


@dataclass
class House:
    """A catalog with the keys and sessions of a server that is up."""

    home: Path
    clock: Clock = field(default_factory=Clock)
    database: Database = field(init=False)
    catalog: Catalog = field(init=False)
    keyring: Keyring = field(init=False)
    sessions: Sessions = field(init=False)

    async def open(self, root: tuple[str, str] = ROOT) -> House:
        """Begin, or begin again over what is kept."""
        self.database = BACKENDS["sqlite"](self.home)
        await self.database.open("catalog")
        self.keyring = Keyring(root, b"s" * 32, self.clock.time)
        self.catalog = Catalog(self.database, self.keyring.apply)
        await self.catalog.load()
        self.sessions = Sessions(self.keyring, self.catalog, TERMS, self.clock.time)
        await self.sessions.load()
        return self

    async def close(self) -> None:
        await self.database.close()

    async def again(self, root: tuple[str, str] = ROOT) -> House:
        """End, without a word to anybody, and begin again."""
        await self.close()
        return await self.open(root)

    async def give(self, name: str, role: Role) -> tuple[str, str]:
        """Return the key pair of somebody who has had none."""
        key_id = f"AKID{name}"
        secret = self.keyring.made(key_id)
        made = AccessKey(id=key_id, name=name, role=role, seal=self.keyring.seal(secret))
        await self.catalog.write(lambda writing: writing.keys.put(made))
        return key_id, secret

    async def change(self, name: str, **changes: Any) -> None:
        await self.catalog.write(
            lambda writing: writing.keys.put(replace(writing.keys.key(name), **changes))
        )

    async def link(self, token_id: str, role: Role = Role.ADMIN, **more: Any) -> None:
        """Keep a link of the root key."""
        holder = self.keyring.root
        usual = {"key_id": holder.key_id, "seal": holder.seal}
        made = Link(id=token_id, role=role, until=self.clock.now + LINK_S, **usual | more)
        await self.catalog.write(lambda writing: writing.keys.put_link(made))


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, wanted: str) -> str:
        return next((value for name, value in self.headers if name == wanted), "")


class Browser:
    """Asks an application in this process, and keeps its cookies as browsers do."""

    def __init__(self, app: Any, *, scheme: str = "http", host: str = HOST) -> None:
        self.app = app
        self.scheme = scheme
        self.host = host
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, b"", headers)

    async def post(self, path: str, form: Mapping[str, str], **headers: str) -> Answer:
        """Send a form as a page of the same origin would."""
        usual = {
            "content_type": "application/x-www-form-urlencoded",
            "sec_fetch_site": "same-origin",
            "origin": f"{self.scheme}://{self.host}",
        }
        return await self.ask("POST", path, urlencode(form).encode(), usual | headers)

    async def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        sent = {"host": self.host, "content_length": str(len(body)), **headers}
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            sent.setdefault("cookie", "; ".join(pairs))
        place, _, query = path.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": place,
            "raw_path": place.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.replace("_", "-").encode(), value.encode("latin-1"))
                for name, value in sent.items()
                if value
            ],
            "client": (ADDRESS, 1234),
            "server": ("127.0.0.1", 9000),
        }
        return await self._answer(scope, body)

    async def _answer(self, scope: dict[str, Any], body: bytes) -> Answer:
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        await self.app(scope, receive, send)
        headers = [(n.decode().lower(), v.decode("latin-1")) for n, v in said[0]["headers"]]
        for name, value in headers:
            if name == "set-cookie":
                pair = value.partition(";")[0]
                self.cookies[pair.partition("=")[0]] = pair.partition("=")[2].strip('"')
        told = b"".join(message.get("body", b"") for message in said[1:])
        return Answer(said[0]["status"], headers, told.decode())
