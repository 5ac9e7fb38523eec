"""Copies: parts of an upload that are stretches of an object, or of a package."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cos.buckets import Bucket, Said
from tests.platform import Platform, zipped

SOURCE, RANGE = "x-cos-copy-source", "x-cos-copy-source-range"
TEN = b"0123456789"


@pytest.fixture
def bucket(platform: Platform, name: str) -> Bucket:
    made = Bucket(platform.api, name)
    assert made.ask("PUT").status == 200
    return made


@pytest.fixture
def upload(bucket: Bucket) -> str:
    return bucket.ask("POST", "whole", query={"uploads": ""}).first("UploadId")


def copied(bucket: Bucket, upload: str, source: str, said: str = "", number: int = 1) -> Said:
    """Ask for a part that is copied."""
    query = {"uploadId": upload, "partNumber": str(number)}
    headers: dict[str, Any] = {SOURCE: source} | ({RANGE: said} if said else {})
    return bucket.ask("PUT", "whole", query=query, **headers)


def end(bucket: Bucket, upload: str, *etags: str, key: str = "whole") -> Said:
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags, 1)
    )
    body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    return bucket.ask("POST", key, body, {"uploadId": upload})


def test_an_object_is_put_together_from_stretches_of_another(bucket: Bucket, upload: str) -> None:
    bucket.ask("PUT", "old one", TEN)

    first = copied(bucket, upload, f"{bucket.host}/old%20one", "bytes=2-4")
    second = copied(bucket, upload, f"{bucket.host}/old%20one", number=2)
    assert first.first("ETag").strip('"') == "289dff07669d7a23de0ef88d2f7129e7"
    assert end(bucket, upload, first.first("ETag"), second.first("ETag")).status == 200
    assert bucket.ask("GET", "whole").body == b"234" + TEN


def test_a_package_is_put_together_from_the_one_before(
    bucket: Bucket, upload: str, platform: Platform, name: str
) -> None:
    platform.make(name)
    sha256 = platform.call("GetFunction", FunctionName=name)["CodeSha256"]

    etag = copied(bucket, upload, f"packages/{sha256}").first("ETag")
    assert end(bucket, upload, etag).status == 200
    whole = bucket.ask("GET", "whole").body
    assert hashlib.sha256(whole).hexdigest() == sha256


@pytest.mark.parametrize(
    ("source", "said", "code"),
    [
        ("{host}/none", "", "NoSuchKey"),
        ("none-1250000000.cos.ap-guangzhou.myqcloud.com/a", "", "NoSuchBucket"),
        ("theirs-1250000001.cos.ap-guangzhou.myqcloud.com/a", "", "AccessDenied"),
        ("packages/" + "0" * 64, "", "NoSuchKey"),
        ("packages/../../keys", "", "InvalidArgument"),
        ("{host}", "", "InvalidArgument"),
        ("elsewhere.example/a", "", "InvalidArgument"),
        ("{host}/a", "bytes=3-10", "InvalidRange"),
        ("{host}/a", "bytes=5-4", "InvalidRange"),
        ("{host}/a", "bytes=-4", "InvalidRange"),
    ],
)
def test_what_cannot_be_copied_is_refused(
    bucket: Bucket, upload: str, source: str, said: str, code: str
) -> None:
    bucket.ask("PUT", "a", TEN)

    assert copied(bucket, upload, source.format(host=bucket.host), said).code == code
    assert bucket.ask("GET", "whole", query={"uploadId": upload}).each("PartNumber") == []


def test_who_may_upload_a_part_may_not_make_a_copy_of_it(bucket: Bucket, upload: str) -> None:
    bucket.ask("PUT", "secret", TEN)
    query = {"uploadId": upload, "partNumber": "1"}
    signed = query | bucket.query("PUT", "/whole", query)

    said = bucket.send("PUT", "/whole", query=signed, headers={SOURCE: f"{bucket.host}/secret"})
    assert said.code == "AccessDenied"
    assert f"the header {SOURCE} decides" in said.first("Message")


def test_what_does_not_have_the_digest_that_it_was_given_becomes_no_package(
    bucket: Bucket, platform: Platform, name: str
) -> None:
    zip_bytes = b64decode(zipped("def main_handler(event, context): return 1"))
    sha256 = hashlib.sha256(zip_bytes).hexdigest()
    asked = {
        "FunctionName": name,
        "Runtime": "Python3.10",
        "Handler": "index.main_handler",
        "Code": {"CosBucketName": bucket.name, "CosObjectName": "code.zip"},
    }
    bucket.ask("PUT", "code.zip", zip_bytes, x_cos_meta_sha256="0" * 64)
    refusal = platform.refusal("CreateFunction", **asked)
    assert refusal.get_code() == "InvalidParameterValue.CosObjectName"
    assert "its SHA-256 is not what x-cos-meta-sha256 says" in refusal.get_message()

    bucket.ask("PUT", "code.zip", zip_bytes, x_cos_meta_sha256=sha256)
    platform.call("CreateFunction", **asked)
    assert platform.call("GetFunction", FunctionName=name)["CodeSha256"] == sha256


def test_a_stretch_of_a_package_is_had_at_its_address(platform: Platform, name: str) -> None:
    platform.make(name)
    at = platform.call("GetFunctionAddress", FunctionName=name)["Url"]

    with urlopen(Request(at, headers={"Range": "bytes=-22"})) as page:  # noqa: S310 - our own
        assert (page.status, page.read()[:4]) == (206, b"PK\x05\x06")
