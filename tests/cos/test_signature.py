"""The signature of requests to a bucket, as the documents have it and as it must not be."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.cos.answer import Refused
from huidu.cos.asked import Asked, read
from huidu.cos.signature import FIELDS, canonical, signature, verify

#: The example of https://cloud.tencent.com/document/product/436/7778
ID, SECRET = "AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q", "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz"
HOST = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"
KEY = "/exampleobject(腾讯云)"
PUT = {
    "date": "Thu, 16 May 2019 06:45:51 GMT",
    "host": HOST,
    "content-type": "text/plain",
    "content-length": "13",
    "content-md5": "mQ/fVh815F3k6TAUm8m0eg==",
    "x-cos-acl": "private",
    "x-cos-grant-read": 'uin="100000000011"',
}
PUT_TIME, PUT_SIGNED = "1557989151;1557996351", "3b8851a11a569213c17ba8fa7dcf2abec6935172"
GET = {"date": "Thu, 16 May 2019 06:55:53 GMT", "host": HOST}
GET_QUERY = {
    "response-content-type": "application/octet-stream",
    "response-cache-control": "max-age=600",
}
GET_TIME, GET_SIGNED = "1557989753;1557996953", "01681b8c9d798a678e43b685a9f1bba0f6c0e012"
NOW = 1557990000.0


class Given:
    def secret(self, secret_id: str) -> str | None:
        return SECRET if secret_id == ID else None


def claim(**more: str) -> str:
    """The header of the example, with some of it otherwise."""
    usual = {
        "q-sign-algorithm": "sha1",
        "q-ak": ID,
        "q-sign-time": PUT_TIME,
        "q-key-time": PUT_TIME,
        "q-header-list": ";".join(sorted(PUT)),
        "q-url-param-list": "",
        "q-signature": PUT_SIGNED,
    }
    return "&".join(f"{name}={value}" for name, value in (usual | more).items())


def put(authorization: str, **more: Any) -> Asked:
    usual = {"method": "PUT", "path": KEY, "query": {}, "headers": PUT}
    asked = Asked(**usual | more)
    return Asked(
        method=asked.method,
        path=asked.path,
        query=asked.query,
        headers={**asked.headers, "authorization": authorization},
    )


def refused(asked: Asked, now: float = NOW, acts: tuple[str, ...] = ()) -> tuple[str, str]:
    with pytest.raises(Refused) as refusal:
        verify(asked, Given(), now, acts)
    assert refusal.value.status == 403
    return refusal.value.code, refusal.value.message


def test_the_documents_example_of_an_upload_is_signed_as_they_sign_it() -> None:
    text = canonical("PUT", KEY, PUT, {})

    assert signature(SECRET, PUT_TIME, PUT_TIME, text) == PUT_SIGNED
    assert verify(put(claim()), Given(), NOW) == ID


def test_the_documents_example_of_a_download_is_signed_as_they_sign_it() -> None:
    text = canonical("GET", KEY, GET, GET_QUERY)

    assert signature(SECRET, GET_TIME, GET_TIME, text) == GET_SIGNED
    signed = (
        *("sha1", ID, GET_TIME, GET_TIME, "date;host"),
        *("response-cache-control;response-content-type", GET_SIGNED),
    )
    query = GET_QUERY | dict(zip(FIELDS, signed, strict=True))
    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": quote(KEY).encode(),
        "query_string": urlencode(query).encode(),
        "headers": [(name.encode(), value.encode()) for name, value in GET.items()],
    }
    asked = read(scope)
    assert asked is not None
    assert (asked.bucket, asked.key) == ("examplebucket-1250000000", KEY[1:])
    assert verify(asked, Given(), NOW) == ID


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        ({"q-ak": "AKIDother"}, "InvalidAccessKeyId", "AKIDother"),
        ({"q-signature": "0" * 40}, "SignatureDoesNotMatch", "put"),
        ({"q-signature": "灰"}, "SignatureDoesNotMatch", "put"),
        ({"q-sign-algorithm": "md5"}, "AccessDenied", "sha1"),
        ({"q-sign-time": "1;2"}, "AccessDenied", "expired"),
        ({"q-key-time": "1;2"}, "AccessDenied", "expired"),
        ({"q-key-time": "soon"}, "AccessDenied", "START;END"),
        ({"q-sign-time": "2557989151;2557996351"}, "RequestTimeTooSkewed", "2557989151"),
        ({"q-header-list": "host"}, "SignatureDoesNotMatch", "host="),
    ],
    ids=str,
)
def test_what_is_signed_otherwise_is_refused(more: dict[str, str], code: str, word: str) -> None:
    said = refused(put(claim(**more)))

    assert said[0] == code
    assert word in said[1]


@pytest.mark.parametrize("field", FIELDS[:-1])
def test_each_part_of_a_signature_must_be_there(field: str) -> None:
    rest = "&".join(pair for pair in claim().split("&") if not pair.startswith(field))

    assert refused(put(rest)) == ("AccessDenied", f"{field}: must be there")


def test_what_is_not_signed_is_refused() -> None:
    assert refused(put("")) == ("AccessDenied", "the request is not signed")
    assert refused(put("Basic abc")) == ("AccessDenied", "the request is not signed")


@pytest.mark.parametrize(
    "more",
    [
        {"method": "GET"},
        {"path": "/exampleobject"},
        {"headers": {**PUT, "host": "other-1250000000.cos.ap-beijing.myqcloud.com"}},
        {"headers": {name: value for name, value in PUT.items() if name != "date"}},
    ],
    ids=str,
)
def test_a_signature_is_for_one_request(more: dict[str, Any]) -> None:
    assert refused(put(claim(), **more))[0] == "SignatureDoesNotMatch"


def test_a_parameter_that_decides_what_is_done_must_be_signed() -> None:
    asked = put(claim(), query={"uploads": ""})

    assert verify(asked, Given(), NOW) == ID
    code, message = refused(asked, acts=("uploads",))
    assert code == "AccessDenied"
    assert "uploads" in message


def test_temporary_credentials_are_refused_since_none_are_given_out() -> None:
    code, message = refused(put(claim(), headers={**PUT, "x-cos-security-token": "t"}))

    assert code == "AccessDenied"
    assert "x-cos-security-token" in message


@pytest.mark.parametrize(
    "host",
    [
        "a-1250000000.cos.ap-guangzhou.myqcloud.com",
        "A-1250000000.COS.ap-guangzhou.myqcloud.com:9000",
        "sls-code-1250000000.cos.ap-x.tencentcos.cn",
        "a-1250000000.cos.ap-guangzhou.localhost:9000",
    ],
)
def test_a_host_that_names_a_bucket_is_one(host: str) -> None:
    assert asked_of(host) is not None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1:9000",
        "scf.tencentcloudapi.com",
        "cos.ap-guangzhou.myqcloud.com",
        "a.cos.ap-guangzhou.myqcloud.com",
        "-1250000000.cos.ap-guangzhou.myqcloud.com",
        "a-1250000000.cos.ap-guangzhou.myqcloud.com.evil.example",
        "a-1250000000.cos.ap-guangzhou.example.com",
        "../a-1250000000.cos.ap-guangzhou.myqcloud.com",
        "a/b-1250000000.cos.x.myqcloud.com",
        "a" * 400 + "-1250000000.cos.x.myqcloud.com",
    ],
)
def test_any_other_host_is_none(host: str) -> None:
    assert asked_of(host) is None


def asked_of(host: str, path: bytes = b"/", query: bytes = b"") -> Asked | None:
    return read(
        {
            "type": "http",
            "method": "GET",
            "raw_path": path,
            "query_string": query,
            "headers": [(b"host", host.encode())],
        }
    )


@given(path=st.binary(), query=st.binary(), name=st.text())
def test_whatever_is_sent_can_be_read_and_signed(path: bytes, query: bytes, name: str) -> None:
    asked = asked_of(HOST, b"/" + path, query.replace(b"&", b""))

    assert asked is not None
    assert signature(SECRET, GET_TIME, GET_TIME, canonical("GET", asked.path, {}, asked.query))
    assert canonical("GET", "/", {name: name}, {}).isascii()
