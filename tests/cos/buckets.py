"""A client of buckets that signs by hand, and may sign wrongly."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from huidu.cos.signature import FIELDS, canonical, signature
from tests.platform import SECRET_ID, SECRET_KEY

APPID = "1250000000"


@dataclass
class Said:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a refusal, or nothing."""
        return self.first("Code")

    def first(self, element: str) -> str:
        """The text of the first element of this name, or nothing."""
        found = re.search(rf"<{element}>([^<]*)</{element}>", self.body.decode())
        return found[1] if found else ""

    def each(self, element: str) -> list[str]:
        """The texts of all elements of this name."""
        return re.findall(rf"<{element}>([^<]*)</{element}>", self.body.decode())


class Bucket:
    """A bucket of a server, by its full name."""

    def __init__(
        self, api: str, name: str, pair: tuple[str, str] = (SECRET_ID, SECRET_KEY)
    ) -> None:
        self.pair = pair
        self.server = urlsplit(api).netloc
        self.name = f"{name}-{APPID}"
        self.host = f"{self.name}.cos.ap-guangzhou.myqcloud.com"

    def query(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
        secret: str = "",
        good_s: int = 60,
    ) -> dict[str, str]:
        """Return the parameters that sign a request."""
        signed = {"host": self.host} | {name.lower(): headers[name] for name in headers}
        times = f"{int(time.time()) - 60};{int(time.time()) + good_s}"
        good = signature(
            secret or self.pair[1], times, times, canonical(method, path, signed, query)
        )
        lists = (";".join(sorted(signed)), ";".join(sorted(name.lower() for name in query)))
        values = ("sha1", self.pair[0], times, times, *lists, good)
        return dict(zip(FIELDS, values, strict=True))

    def ask(
        self,
        method: str,
        key: str = "",
        body: bytes | Iterable[bytes] = b"",
        query: Mapping[str, str] = {},
        **headers: str,
    ) -> Said:
        """Ask as an SDK does: signed in the header."""
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        signs = self.query(method, f"/{key}", query, sent)
        sent["Authorization"] = "&".join(f"{name}={value}" for name, value in signs.items())
        return self.send(method, f"/{key}", body, query, sent)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        query: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
    ) -> Said:
        """Send a request as it is."""
        target = quote(path, errors="surrogateescape") + (f"?{urlencode(query)}" if query else "")
        connection = http.client.HTTPConnection(self.server, timeout=20)
        try:
            connection.request(method, target, body, {"Host": self.host, **headers})
            answer = connection.getresponse()
            told = {name.lower(): text for name, text in answer.getheaders()}
            return Said(answer.status, told, answer.read())
        finally:
            connection.close()
