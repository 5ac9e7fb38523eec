"""Bucket: where packages are uploaded to, asked as COS is, with the key of the command."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from types import MappingProxyType
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape

from huidu.cli.client import Client, Refused, Unreachable, told
from huidu.cos import answer as cos
from huidu.cos.document import Element, read
from huidu.cos.downloads import address
from huidu.cos.signature import ALGORITHM, FIELDS, canonical, signature
from huidu.model.account import Account
from huidu.model.function import Code

NAME = "huidu-deploy"
GOOD_S = 3600
EARLIER_S = 60  #: The clock of the server may be that much behind ours.
TIMEOUT_S = 60.0
AGAIN_S = (0.2, 1.0, 3.0)  #: After how long a request that nobody answered is made again.
REFUSED_FROM = 300
NO_BUCKET = "NoSuchBucket"
NO_STORE = "NoSuchStore"  #: Ours: what answers speaks no COS.
NUMBER = re.compile(r"[0-9]{1,15}")
Tags = Mapping[str, str]
NONE: Tags = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered."""

    etag: str
    body: bytes

    def document(self, root: str) -> Element:
        """Return the XML that it is, or raise `Unreachable`."""
        return _read(self.body, root)


def _read(body: bytes, root: str) -> Element:
    try:
        return read(body, root)
    except cos.Refused as wrong:
        raise Unreachable(f"what answers there is no bucket: {wrong.message[:200]}") from None


def _whole(text: str) -> int:
    """Return a number that was answered, or raise `Unreachable`."""
    if not NUMBER.fullmatch(text):
        raise Unreachable(f"what answers there is no bucket: {text[:40]!r} is no number")
    return int(text)


class Bucket:
    """One bucket of a server, which is made when it is first needed."""

    def __init__(self, client: Client, again_s: Sequence[float] = AGAIN_S) -> None:
        self._client = client
        self._again_s = again_s
        self._host = f"{NAME}-{Account().appid}.cos.{client.region}.myqcloud.com"

    def objects(self, prefix: str) -> Mapping[str, int]:
        """Return the objects below a prefix, with their sizes."""
        said = self._listed({"prefix": prefix})
        listed = said.document("ListBucketResult").each("Contents") if said else ()
        return {one.first("Key"): _whole(one.first("Size")) for one in listed}

    def uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        """Return the uploads that were begun below a prefix, by key and id."""
        said = self._listed({"uploads": "", "prefix": prefix})
        listed = said.document("ListMultipartUploadsResult").each("Upload") if said else ()
        return [(one.first("Key"), one.first("UploadId")) for one in listed]

    def begin(self, key: str, headers: Tags) -> str:
        """Begin an upload in parts; return its id. Makes the bucket if need be."""
        try:
            said = self._ask("POST", key, {"uploads": ""}, headers=headers)
        except Refused as refused:
            if refused.code != NO_BUCKET:
                raise
            self._make()
            said = self._ask("POST", key, {"uploads": ""}, headers=headers)
        return said.document("InitiateMultipartUploadResult").first("UploadId")

    def parts(self, key: str, upload_id: str) -> Mapping[int, str]:
        """Return the parts that are there, by number, with what their bytes are known by."""
        found: dict[int, str] = {}
        more = True
        while more:
            before = len(found)
            asked = {"uploadId": upload_id, "part-number-marker": str(max(found, default=0))}
            page = self._ask("GET", key, asked).document("ListPartsResult")
            for one in page.each("Part"):
                found[_whole(one.first("PartNumber"))] = one.first("ETag").strip('"')
            more = page.first("IsTruncated") == "true" and len(found) > before
        return found

    def put(self, key: str, upload_id: str, number: int, held: bytes) -> str:
        """Send a part; return what its bytes are known by."""
        asked = {"uploadId": upload_id, "partNumber": str(number)}
        return self._ask("PUT", key, asked, held).etag

    def copy(self, key: str, upload_id: str, number: int, sha256: str, first: int, end: int) -> str:
        """Have a part made of a stretch of a package; return what its bytes are known by."""
        asked = {"uploadId": upload_id, "partNumber": str(number)}
        headers = {
            "x-cos-copy-source": f"packages/{sha256}",
            "x-cos-copy-source-range": f"bytes={first}-{end - 1}",
        }
        said = self._ask("PUT", key, asked, headers=headers)
        return said.document("CopyPartResult").first("ETag").strip('"')

    def end(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """Make an object of all parts."""
        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        chosen = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
        self._ask("POST", key, {"uploadId": upload_id}, chosen)

    def abort(self, key: str, upload_id: str) -> None:
        """Forget an upload."""
        self._ask("DELETE", key, {"uploadId": upload_id})

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._ask("DELETE", key)

    def package(self, sha256: str, said_range: str) -> tuple[bytes, int] | None:
        """Return a stretch of a package and how large it is as a whole; None where it is gone."""
        client = self._client
        pair = client.pair.secret_id, client.pair.secret_key
        at = address(client.endpoint, pair, time.time(), Code(sha256, 0), "code.zip")
        target = at.removeprefix(client.endpoint)
        status, headers, body = self._answered("GET", target, b"", {"Range": said_range})
        if status >= REFUSED_FROM:
            return None
        whole = headers.get("content-range", "").rpartition("/")[2]
        return body, _whole(whole or str(len(body)))

    def _listed(self, asked: Tags) -> Said | None:
        """Return what the bucket lists; None where there is no bucket yet."""
        try:
            return self._ask("GET", "", asked)
        except Refused as refused:
            if refused.code != NO_BUCKET:
                raise
            return None

    def _make(self) -> None:
        try:
            self._ask("PUT", "")
        except Refused as refused:
            if refused.code != "BucketAlreadyOwnedByYou":
                raise

    def _ask(
        self, method: str, key: str, query: Tags = NONE, body: bytes = b"", headers: Tags = NONE
    ) -> Said:
        """Ask, signed; raise `Refused` or `Unreachable`."""
        sent = {"host": self._host, **headers}
        path = f"/{key}"
        now = int(time.time())
        times = f"{now - EARLIER_S};{now + GOOD_S}"
        secret = self._client.pair.secret_key
        signed = signature(secret, times, times, canonical(method, path, sent, query))
        names = (";".join(sorted(sent)), ";".join(sorted(name.lower() for name in query)))
        values = (ALGORITHM, self._client.pair.secret_id, times, times, *names, signed)
        signs = dict(zip(FIELDS, values, strict=True))
        sent["authorization"] = "&".join(f"{name}={value}" for name, value in signs.items())
        target = quote(path) + (f"?{urlencode(query)}" if query else "")
        status, back, answered = self._answered(method, target, body, sent)
        if status >= REFUSED_FROM:
            raise _refusal(status, answered)
        return Said(back.get("etag", "").strip('"'), answered)

    def _answered(
        self, method: str, target: str, body: bytes, headers: Tags
    ) -> tuple[int, Tags, bytes]:
        for wait_s in self._again_s:
            try:
                return self._once(method, target, body, headers)
            except (OSError, HTTPException):
                time.sleep(wait_s)
        try:
            return self._once(method, target, body, headers)
        except (OSError, HTTPException) as error:
            raise Unreachable(
                f"no Huidu server takes packages at {self._client.endpoint} ({error}); what was "
                "sent is kept for a day, so say it again to go on"
            ) from error

    def _once(
        self, method: str, target: str, body: bytes, headers: Tags
    ) -> tuple[int, Tags, bytes]:
        where = urlsplit(self._client.endpoint)
        kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
        connection = kind(where.hostname or "", where.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, target, body, dict(headers))
            answer: HTTPResponse = connection.getresponse()
            heads = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, heads, told(answer)
        finally:
            connection.close()


def _refusal(status: int, body: bytes) -> Refused:
    if not body.startswith(b"<?xml"):
        return Refused(NO_STORE, f"status {status}; what answers there keeps no packages")
    said = _read(body, "Error")
    return Refused(said.first("Code"), said.first("Message"))
