"""Bodies that lie: a bucket refuses them by COS's codes, and nothing of the server ends by them."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from huidu.control.keyring import Keyring
from huidu.cos.app import Cos
from huidu.remembering import tidy
from huidu.settings import Settings
from huidu.store.objects import Objects
from huidu.store.parts import Parts
from tests.cos.buckets import APPID, Bucket
from tests.platform import SECRET_ID, SECRET_KEY, Platform

RULE = (
    "<LifecycleConfiguration><Rule><Status>Enabled</Status><Expiration><Days>{}</Days>"
    "</Expiration></Rule></LifecycleConfiguration>"
)
UTF_16 = '<?xml version="1.0" encoding="utf-16"?><LifecycleConfiguration/>'.encode("utf-16")


@pytest.fixture
def bucket(platform: Platform, name: str) -> Bucket:
    made = Bucket(platform.api, name)
    assert made.ask("PUT").status == 200
    return made


@pytest.mark.parametrize(
    "body",
    [
        *(RULE.format("9" * digits).encode() for digits in (5, 20, 400, 5000)),
        *(b'<x:LifecycleConfiguration xmlns:x="u"/>', UTF_16),
        *(
            f'<?xml version="1.0" encoding="{name}"?><LifecycleConfiguration/>'.encode()
            for name in ("none", "punycode", "base64", "utf-7", "hex")
        ),
    ],
)
def test_a_document_that_nobody_can_obey_is_refused(bucket: Bucket, body: bytes) -> None:
    said = bucket.ask("PUT", "", body, {"lifecycle": ""})

    assert (said.status, said.code) == (400, "MalformedXML")
    assert bucket.ask("GET", "", b"", {"lifecycle": ""}).code == "NoSuchLifecycleConfiguration"


def test_the_etag_of_a_part_leads_to_no_other_file(bucket: Bucket) -> None:
    upload = {"uploadId": bucket.ask("POST", "k", b"", {"uploads": ""}).first("UploadId")}
    sent = bucket.ask("PUT", "k", b"hello", {**upload, "partNumber": "1"})
    etag = sent.headers["etag"].strip('"')

    for lie in (f"{etag}/../about", "/../about", "a" * 5000, "\u00e9" * 32, ""):
        body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{lie}</ETag>"
        ended = bucket.ask("POST", "k", f"{body}</Part></CompleteMultipartUpload>".encode(), upload)
        assert (ended.status, ended.code) == (400, "InvalidPart")
    far = bucket.ask("PUT", "k", b"", {**upload, "partNumber": "00000199999"})
    assert far.code == "InvalidArgument"


async def test_one_thing_that_cannot_be_tidied_up_does_not_end_tidying() -> None:
    class Ill:
        async def read(self, _: object) -> None:
            raise OverflowError("int too large to convert to float")

    tidying = asyncio.create_task(tidy(Settings(), cast("Any", None), cast("Any", Ill())))
    await asyncio.sleep(0.05)

    assert not tidying.done()
    tidying.cancel()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("nobody may mount here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


class Door:
    """A door to buckets, in this process."""

    def __init__(self, home: Path) -> None:
        objects = Objects(home / "objects")
        self.objects = objects
        self._app = Cos(
            objects,
            Parts(objects, 1 << 30),
            cast("Any", None),
            Keyring((SECRET_ID, SECRET_KEY), b"s" * 32, time.time),
            APPID,
            cast("Any", None),
            most_bytes=1 << 30,
            clock=time.time,
            new_id=lambda: "id",
        )

    async def ask(
        self, method: str, key: str = "", body: bytes = b"", query: Mapping[str, str] = {}
    ) -> tuple[int, bytes]:
        """Ask, and return the status and the body of the answer."""
        bucket = Bucket("", "full")
        signed = {**query, **bucket.query(method, f"/{key}", query)}
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            said.append(message)

        scope = {
            "type": "http",
            "method": method,
            "raw_path": f"/{key}".encode(),
            "query_string": urlencode(signed).encode(),
            "headers": [
                (b"host", bucket.host.encode()),
                (b"content-length", str(len(body)).encode()),
            ],
        }
        await self._app(scope, receive, send)
        return said[0]["status"], b"".join(one.get("body", b"") for one in said)


async def test_a_full_disk_is_told_whatever_is_asked_and_goes_on_once_there_is_room(
    small: Path,
) -> None:
    door = Door(small)
    assert (await door.ask("PUT"))[0] == 200
    upload = (await door.ask("POST", "k", b"", {"uploads": ""}))[1]
    with suppress(OSError), (small / "filler").open("wb", 0) as filler:
        while True:
            filler.write(b"x" * 4096)

    for asked in (
        ("PUT", "key", b"x" * 9000),
        ("POST", "other", b"", {"uploads": ""}),
        ("PUT", "", RULE.format(3).encode(), {"lifecycle": ""}),
    ):
        status, told = await door.ask(*asked)
        assert (status, b"the disk that keeps the objects is full" in told) == (503, True)
    (small / "filler").unlink()

    assert (await door.ask("PUT", "key", b"x" * 9000))[0] == 200
    listed = (await door.ask("GET", "", b"", {"uploads": ""}))[1]
    assert listed.count(b"<UploadId>") == upload.count(b"<UploadId>") == 1
    assert [one.key for one in door.objects.every(f"full-{APPID}")] == ["key"]
    assert list((small / "objects" / "aside").iterdir()) == []
