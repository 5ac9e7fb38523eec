"""Places: where `sls` puts code, and which object an address of it means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from huidu.cos.asked import HOST
from huidu.cos.signature import signed_query
from huidu.model.account import Account
from huidu.model.errors import InvalidValue
from huidu.store.objects import Taken

BUCKET = "sls-cache"  #: With the account's number behind it.
KEY = re.compile(r"[0-9a-f-]{36}\.zip")
GOOD_S = 3600


class Buckets(Protocol):
    """Where buckets are made."""

    def make(self, bucket: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that code is in. `ours` is one that nobody else has a use for."""

    bucket: str
    key: str
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Makes addresses that are good for an hour, for one object each."""

    buckets: Buckets
    account: Account
    pair: tuple[str, str]
    clock: Callable[[], float]
    new_id: Callable[[], str]

    @property
    def bucket(self) -> str:
        """The bucket that code waits in."""
        return f"{BUCKET}-{self.account.appid}"

    def offer(self) -> tuple[str, str, str]:
        """Return where code is put, where it is then to be had, and where there is nothing."""
        with suppress(Taken):
            self.buckets.make(self.bucket)
        path, none = f"/{self.new_id()}.zip", f"/{self.new_id()}.map"
        return self._address("PUT", path), self._address("GET", path), self._address("GET", none)

    def _address(self, method: str, path: str) -> str:
        host = f"{self.bucket}.cos.{self.account.region}.myqcloud.com"
        return f"https://{host}{path}?{signed_query(self.pair, self.clock(), method, path, GOOD_S)}"


def stored(src: object, account: Account) -> Stored:
    """Return the object that `inputs.src` names, or raise `InvalidValue`.

    It is an address that was offered, or `bucket` and `object`. No address is ever asked: it only
    says which of our own objects is meant.
    """
    if isinstance(src, str):
        return _offered(src, account)
    if isinstance(src, Mapping):
        bucket, key = src.get("bucket"), src.get("object") or src.get("key")
        if isinstance(bucket, str) and isinstance(key, str) and bucket and key:
            mine = f"-{account.appid}"
            named = bucket if bucket.endswith(mine) else bucket + mine
            return Stored(named, key.removeprefix("/"))
    raise InvalidValue("", "inputs.src: say where the code is, as in src: ./src")


def _offered(address: str, account: Account) -> Stored:
    try:
        parts = urlsplit(address)
        host = HOST.fullmatch(parts.netloc.lower())
    except ValueError:
        host = None
    if host is None or host["bucket"] != f"{BUCKET}-{account.appid}":
        raise InvalidValue("", _foreign(address))
    key = parts.path.removeprefix("/")
    if parts.scheme != "https" or not KEY.fullmatch(key):
        raise InvalidValue("", _foreign(address))
    return Stored(host["bucket"], key, ours=True)


def _foreign(address: str) -> str:
    shown = address.partition("?")[0][:100]
    return (
        f"inputs.src {shown!r}: is no address that GetUploadUrls gave out; code is only taken from "
        "this server's own buckets, nothing is fetched from elsewhere"
    )
