"""What COS answers, asked over a socket."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.cos.buckets import APPID, Bucket
from tests.platform import Platform, until, zipped

#: How UpdateFunctionCode says what CreateFunction says otherwise.
SPELLED = {"ResourceNotFound.CosObject": "InvalidParameterValue.CosObjectName"}
MB = 1024 * 1024
RULES = b"""<?xml version="1.0"?><LifecycleConfiguration><Rule><ID>x</ID><Status>Enabled</Status>
<Filter><Prefix>tmp/</Prefix></Filter><Expiration><Days>1</Days></Expiration></Rule>
</LifecycleConfiguration>"""
BOMB = b"""<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<LifecycleConfiguration>&b;</LifecycleConfiguration>"""
DEEP = b"<Delete>" + b"<a>" * 50 + b"</a>" * 50 + b"</Delete>"


@pytest.fixture
def bucket(platform: Platform, name: str) -> Bucket:
    made = Bucket(platform.api, name)
    assert made.ask("PUT").status == 200
    return made


def listed(chosen: list[tuple[int, str]]) -> bytes:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in chosen
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // MB):
        yield b"x" * MB


def test_a_bucket_is_made_once(bucket: Bucket) -> None:
    again = bucket.ask("PUT")

    assert (again.status, again.code) == (409, "BucketAlreadyOwnedByYou")
    assert bucket.ask("HEAD").status == 200
    assert bucket.ask("DELETE").status == 204
    gone = bucket.ask("HEAD")
    assert (gone.status, gone.body) == (404, b"")
    assert bucket.ask("GET").code == "NoSuchBucket"
    assert bucket.ask("DELETE").code == "NoSuchBucket"
    assert bucket.ask("PUT", "a", b"x").code == "NoSuchBucket"


def test_an_object_is_put_read_and_removed(bucket: Bucket) -> None:
    digest = base64.b64encode(hashlib.md5(b"hello", usedforsecurity=False).digest()).decode()
    kept = bucket.ask("PUT", "a/灰 度+.zip", b"hello", Content_MD5=digest, Content_Type="text/x")

    assert (kept.status, kept.headers["etag"]) == (200, '"5d41402abc4b2a76b9719d911017c592"')
    assert kept.headers["x-cos-request-id"]
    told = bucket.ask("HEAD", "a/灰 度+.zip")
    assert (told.headers["content-length"], told.body) == ("5", b"")
    assert (told.headers["content-type"], told.headers["etag"]) == ("text/x", kept.headers["etag"])
    assert bucket.ask("GET", "a/灰 度+.zip").body == b"hello"
    assert bucket.ask("DELETE", "a/灰 度+.zip").status == 204
    gone = bucket.ask("GET", "a/灰 度+.zip")
    assert (gone.status, gone.code, gone.first("Resource")) == (404, "NoSuchKey", "/a/灰 度+.zip")
    assert gone.headers["content-type"] == "application/xml"


@pytest.mark.parametrize(
    ("asked", "status", "body", "told"),
    [
        ("bytes=1-2", 206, b"el", "bytes 1-2/5"),
        ("bytes=3-", 206, b"lo", "bytes 3-4/5"),
        ("bytes=-2", 206, b"lo", "bytes 3-4/5"),
        ("bytes=0-99", 206, b"hello", "bytes 0-4/5"),
        ("lines=1-2", 200, b"hello", None),
        ("bytes=-", 200, b"hello", None),
    ],
)
def test_a_stretch_of_an_object_can_be_read(
    bucket: Bucket, asked: str, status: int, body: bytes, told: str | None
) -> None:
    bucket.ask("PUT", "a", b"hello")
    said = bucket.ask("GET", "a", Range=asked)

    assert (said.status, said.body, said.headers.get("content-range")) == (status, body, told)


def test_a_stretch_beyond_the_end_is_refused(bucket: Bucket) -> None:
    bucket.ask("PUT", "a", b"hello")

    assert bucket.ask("GET", "a", Range="bytes=5-").code == "InvalidRange"


def test_an_address_that_was_signed_lets_anybody_upload_that_object(bucket: Bucket) -> None:
    signs = bucket.query("PUT", "/a.zip")

    assert bucket.send("PUT", "/a.zip", b"x", signs).status == 200
    assert bucket.send("PUT", "/b.zip", b"x", signs).code == "SignatureDoesNotMatch"
    assert bucket.send("GET", "/a.zip", query=signs).code == "SignatureDoesNotMatch"
    more = bucket.send("POST", "/a.zip", query=bucket.query("POST", "/a.zip") | {"uploads": ""})
    assert more.code == "AccessDenied"
    late = bucket.query("PUT", "/a.zip", good_s=-1)
    assert "expired" in bucket.send("PUT", "/a.zip", b"x", late).first("Message")


def test_who_does_not_sign_gets_nothing(bucket: Bucket, platform: Platform) -> None:
    assert bucket.send("GET", "/").code == "AccessDenied"
    assert bucket.send("GET", "/healthz").code == "AccessDenied"
    forged = bucket.query("PUT", "/a", secret="other")
    assert bucket.send("PUT", "/a", b"x" * 3 * MB, forged).code == "SignatureDoesNotMatch"
    with urlopen(f"{platform.api}/healthz") as page:  # noqa: S310 - it is our own server
        assert json.load(page)["status"] == "ok"


def test_a_bucket_of_somebody_else_is_refused(platform: Platform) -> None:
    other = Bucket(platform.api, "a")
    other.name, other.host = "a-1300000000", "a-1300000000.cos.ap-guangzhou.myqcloud.com"
    said = other.ask("PUT")

    assert said.code == "AccessDenied"
    assert APPID in said.first("Message")


@pytest.mark.parametrize("declared", [True, False])
def test_what_is_too_large_is_refused_and_leaves_nothing(
    bucket: Bucket, platform: Platform, *, declared: bool
) -> None:
    body = b"x" * (65 * MB) if declared else chunks(65 * MB)
    said = bucket.ask("PUT", "large", body)

    assert (said.status, said.code) == (400, "EntityTooLarge")
    assert list((platform.data / "objects" / "aside").iterdir()) == []
    assert bucket.ask("GET").each("Key") == []


def test_a_client_that_leaves_amid_its_body_leaves_nothing(
    bucket: Bucket, platform: Platform
) -> None:
    aside = platform.data / "objects" / "aside"
    signs = urlencode(bucket.query("PUT", "/a"))
    host, port = bucket.server.split(":")
    with socket.create_connection((host, int(port))) as client:
        head = f"PUT /a?{signs} HTTP/1.1\r\nHost: {bucket.host}\r\nContent-Length: 999999\r\n\r\n"
        client.sendall(head.encode() + b"x" * 300_000)
        until(lambda: list(aside.iterdir()))

    until(lambda: not list(aside.iterdir()))
    assert bucket.ask("GET").each("Key") == []


def test_a_body_that_comes_in_chunks_is_kept(bucket: Bucket) -> None:
    assert bucket.ask("PUT", "a", chunks(3 * MB)).status == 200
    assert bucket.ask("HEAD", "a").headers["content-length"] == str(3 * MB)


def test_a_body_with_another_digest_is_refused(bucket: Bucket) -> None:
    digest = base64.b64encode(b"0" * 16).decode()

    assert bucket.ask("PUT", "a", b"hello", Content_MD5=digest).code == "BadDigest"
    assert bucket.ask("PUT", query={"lifecycle": ""}, body=RULES, Content_MD5=digest).code == (
        "BadDigest"
    )
    assert bucket.ask("GET").each("Key") == []


def test_a_list_has_pages_and_folders(bucket: Bucket) -> None:
    for key in ("a", "b/1", "b/2", "c<&"):
        bucket.ask("PUT", key, b"x")
    pages, marker = [], ""
    for _ in range(4):
        query = {"max-keys": "1", "delimiter": "/", "marker": marker}
        page = bucket.ask("GET", query=query)
        pages.append(page.each("Key") + page.each("Prefix")[1:])
        marker = page.first("NextMarker").replace("&lt;", "<").replace("&amp;", "&")
        if page.first("IsTruncated") == "false":
            break

    assert pages == [["a"], ["b/"], ["c&lt;&amp;"]]
    assert bucket.ask("GET", query={"prefix": "b/"}).each("Key") == ["b/1", "b/2"]
    assert bucket.ask("GET", query={"max-keys": "many"}).code == "InvalidArgument"


def test_several_objects_are_removed_at_once(bucket: Bucket) -> None:
    for key in ("a", "b", "c"):
        bucket.ask("PUT", key, b"x")
    body = b"<Delete><Object><Key>a</Key></Object><Object><Key>/b</Key></Object></Delete>"
    said = bucket.ask("POST", query={"delete": ""}, body=body)

    assert said.each("Key") == ["a", "/b"]
    assert bucket.ask("GET").each("Key") == ["c"]
    assert bucket.ask("DELETE").code == "BucketNotEmpty"


def test_a_bucket_is_told_how_long_to_keep_things(bucket: Bucket) -> None:
    how = {"lifecycle": ""}

    assert bucket.ask("GET", query=how).code == "NoSuchLifecycleConfiguration"
    assert bucket.ask("PUT", body=RULES, query=how).status == 200
    assert b"<Prefix>tmp/</Prefix>" in bucket.ask("GET", query=how).body
    assert bucket.ask("DELETE", query=how).status == 204
    assert bucket.ask("GET", query=how).status == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"no", b"<a/>", BOMB, RULES.replace(b">1<", b">0<"), RULES.replace(b">1<", b">x<"), DEEP],
)
def test_what_is_not_the_xml_that_it_must_be_is_refused(bucket: Bucket, body: bytes) -> None:
    said = bucket.ask("PUT", query={"lifecycle": ""}, body=body)

    assert (said.status, said.code) == (400, "MalformedXML")
    assert bucket.ask("POST", query={"delete": ""}, body=body).code == "MalformedXML"


def test_an_object_comes_in_parts(bucket: Bucket) -> None:
    upload = bucket.ask("POST", "a", query={"uploads": ""}).first("UploadId")
    named = {"uploadId": upload}
    etags = {
        number: bucket.ask("PUT", "a", body, {"partNumber": str(number), **named})
        .headers["etag"]
        .strip('"')
        for number, body in ((2, b"two"), (1, b"x" * 2 * MB))
    }

    page = bucket.ask("GET", "a", query={"max-parts": "1", **named})
    assert (page.each("PartNumber"), page.first("IsTruncated")) == (["1"], "true")
    page = bucket.ask("GET", "a", query={"part-number-marker": "1", **named})
    assert page.each("PartNumber") == ["2"]
    assert bucket.ask("GET", query={"uploads": ""}).each("UploadId") == [upload]
    for chosen, code in (
        ([], "MalformedXML"),
        ([(2, etags[2]), (1, etags[1])], "InvalidPartOrder"),
        ([(1, etags[2])], "InvalidPart"),
        ([(0, etags[2])], "InvalidArgument"),
    ):
        assert bucket.ask("POST", "a", listed(chosen), named).code == code
    whole = bucket.ask("POST", "a", listed(sorted(etags.items())), named)
    assert whole.first("Key") == "a"
    assert bucket.ask("GET", "a").body == b"x" * 2 * MB + b"two"
    assert bucket.ask("POST", "a", listed(sorted(etags.items())), named).code == "NoSuchUpload"


def test_an_upload_can_be_given_up(bucket: Bucket) -> None:
    upload = bucket.ask("POST", "a", query={"uploads": ""}).first("UploadId")
    named = {"uploadId": upload}

    assert bucket.ask("PUT", "b", b"x", {"partNumber": "1", **named}).code == "NoSuchUpload"
    assert bucket.ask("PUT", "a", b"x", {"partNumber": "99999", **named}).code == "InvalidArgument"
    assert bucket.ask("DELETE", "a", query=named).status == 204
    assert bucket.ask("DELETE", "a", query=named).code == "NoSuchUpload"


@pytest.mark.parametrize(
    ("method", "key", "query"),
    [
        ("GET", "", {"acl": ""}),
        ("PUT", "", {"versioning": ""}),
        ("PUT", "a", {"tagging": ""}),
        ("POST", "a", {}),
        ("PATCH", "a", {}),
    ],
)
def test_what_the_store_does_not_do_is_said(
    bucket: Bucket, method: str, key: str, query: dict[str, str]
) -> None:
    assert bucket.ask(method, key, query=query).code == "NotImplemented"
    assert bucket.ask("PUT", "a", b"", x_cos_copy_source="b").code == "NotImplemented"
    assert bucket.ask("PUT", "a", b"", x_cos_forbid_overwrite="true").code == "NotImplemented"


def test_a_key_that_is_too_long_or_no_text_is_refused(bucket: Bucket) -> None:
    assert bucket.ask("PUT", "k" * 851, b"x").code == "KeyTooLong"
    path = "/\udcff"
    assert bucket.send("PUT", path, b"x", bucket.query("PUT", path)).code == "InvalidURI"


def test_a_package_is_had_by_who_was_told_its_address(platform: Platform, name: str) -> None:
    platform.make(name)
    told = platform.call("GetFunctionAddress", FunctionName=name)
    bucket, address = Bucket(platform.api, "none"), urlsplit(told["Url"])
    bucket.host = bucket.server
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    other = address.path.replace(told["CodeSha256"], "0" * 64)

    assert (
        hashlib.sha256(bucket.send("GET", address.path, query=query).body).hexdigest()
        == (told["CodeSha256"])
    )
    assert bucket.send("GET", address.path).code == "AccessDenied"
    assert bucket.send("GET", other, query=query).code == "SignatureDoesNotMatch"
    assert bucket.send("DELETE", address.path, query=query).code == "SignatureDoesNotMatch"
    late = query | {"q-key-time": "1;2"}
    assert bucket.send("GET", address.path, query=late).code == "AccessDenied"
    platform.call("DeleteFunction", FunctionName=name)
    assert bucket.send("GET", "/packages/none", query=query).status == 404


def code(name: str, key: str, **more: str) -> dict[str, Any]:
    return {"CosBucketName": name, "CosObjectName": key, "CosBucketRegion": "ap-guangzhou", **more}


@pytest.mark.parametrize("full", [True, False])
def test_a_function_is_made_of_an_object(
    bucket: Bucket, platform: Platform, name: str, *, full: bool
) -> None:
    text = "def main_handler(event, context): return {n}"
    for n in (1, 2):
        zip_bytes = base64.b64decode(zipped(text.replace("{n}", str(n))))
        assert bucket.ask("PUT", f"{n}.zip", zip_bytes).status == 200
    named = bucket.name if full else bucket.name.removesuffix(f"-{APPID}")
    platform.make(name, Code=code(named, "/1.zip"), CodeSource="Cos")
    assert platform.invoke(name)["RetMsg"] == "1"
    platform.call("UpdateFunctionCode", FunctionName=name, **code(named, "2.zip"))
    bucket.ask("DELETE", "2.zip")
    assert platform.invoke(name)["RetMsg"] == "2"
    told = platform.call("GetFunctionAddress", FunctionName=name)
    with urlopen(Request(told["Url"])) as page:  # noqa: S310 - it is our own server
        assert hashlib.sha256(page.read()).hexdigest() == told["CodeSha256"]


def test_a_layer_is_made_of_an_object(bucket: Bucket, platform: Platform, name: str) -> None:
    bucket.ask("PUT", "l.zip", base64.b64decode(zipped({"shared.py": "X = 7"})))
    content = code(bucket.name, "l.zip")
    runtimes = ["Python3.10"]
    platform.call(
        "PublishLayerVersion", LayerName=f"l-{name}", CompatibleRuntimes=runtimes, Content=content
    )
    source = "import shared\ndef main_handler(event, context): return shared.X"
    layers = [{"LayerName": f"l-{name}", "LayerVersion": 1}]

    assert platform.invoke(platform.make(name, source, Layers=layers))["RetMsg"] == "7"


def test_what_no_function_can_be_made_of_is_refused_by_name(
    bucket: Bucket, platform: Platform, name: str
) -> None:
    bucket.ask("PUT", "bad.zip", b"no zip")
    bucket.ask("PUT", "large.zip", b"x" * (51 * MB))
    function = platform.make(f"{name}a")
    for asked, refused, word in (
        (code("none", "a.zip"), "InvalidParameterValue.CosBucketName", f"none-{APPID}"),
        (code("../a", "a.zip"), "InvalidParameterValue.CosBucketName", "../a"),
        (code(bucket.name, "a.zip"), "ResourceNotFound.CosObject", "a.zip"),
        (code(bucket.name, "bad.zip"), "InvalidParameterValue.ZipFile", "bad.zip"),
        (code(bucket.name, "large.zip"), "InvalidParameterValue.CosObjectName", "52428800"),
        ({"CosBucketName": bucket.name}, "InvalidParameterValue.CosObjectName", "must be given"),
        ({"CosObjectName": "a"}, "InvalidParameterValue.CosBucketName", "must be given"),
        ({"DemoId": "a"}, "InvalidParameterValue.CodeSource", "DemoId"),
        ({}, "MissingParameter.Code", "CosBucketName"),
    ):
        said = platform.refusal("CreateFunction", FunctionName=name, Code=asked)
        assert said.get_code() == refused
        assert word in str(said.get_message())
        again = platform.refusal("UpdateFunctionCode", FunctionName=function, Code=asked)
        assert again.get_code() == SPELLED.get(refused, refused)
