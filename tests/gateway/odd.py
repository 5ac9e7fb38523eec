"""Odd: requests, outcomes and APIs with which two ways to an answer might part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from huidu.model.invocation import Outcome, Status, failure
from huidu.model.service import Parameter
from tests.gateway.apis import SERVICE

APPID, URL = "1250000000", "abcdefghijkl"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def request(
    target: bytes = b"/url/u1/",
    *headers: bytes,
    method: bytes = b"GET",
    body: bytes | None = None,
    host: bytes = b"h",
    version: bytes = b"HTTP/1.1",
) -> bytes:
    lines = [method + b" " + target + b" " + version, b"Host: " + host, *headers]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", b""]) + (body or b"")


METHODS = b"GET POST PUT DELETE HEAD OPTIONS PATCH PROPFIND TRACE CONNECT".split()
PATHS = (
    b"/url/u1",
    b"/url/u1/",
    b"/url/u1//x",
    b"/url/u1/a%20b%2Fc%25",
    b"/url/u1/%E8%AF%B4",
    b"/url/u1/%ff%00",
    b"/%75rl/u1/x",
    b"/url/cors/",
    b"/url/closed/",
    b"/url/nobody/",
    b"/url/",
    b"/",
    b"//",
    b"//url/u1/x",
    b"/healthz",
    b"/%68ealthz",
    b'/x;y=1,z|{}^`"<>\\',
    b"/\xe8\xaf\xb4",
    b"http://h/url/u1/x",
    b"*",
    b"/url/u1/#x",
    *(
        b"/%b%b" % (SERVICE.encode(), rest)
        for rest in (
            *(b"", b"/", b"/release", b"/release/", b"/release/a%2Fb/%7e", b"/release//..//x"),
            *(b"/test/x", b"/prepub/", b"/rel%65ase/", b"/release/\xff", b"/release/%ff%E8%AF"),
        )
    ),
    b"/service-nobody/release/",
    b"/%73ervice-a1b2c3d4/release/",
)
QUERIES = (b"", b"?", b"?a=1&a=2&b=&c", b"?%ff=%E8%AF%B4&+=%2B", b"?x?y", b"?&&=", b"?\xe8=1")
HOSTS = (
    *(b"h", b"h:80", b"", b"[::1]:8", b"http://h", b"a b", b"h,i"),
    *(b"%b-%b.gz.example" % (APPID.encode(), one) for one in (URL.encode(), URL.upper().encode())),
    b"%b-%b.gz.example:90" % (APPID.encode(), URL.encode()),
    b"%b-%b.gz.example" % (SERVICE.encode(), APPID.encode()),
    b"%b-%b:8080" % (SERVICE.upper().encode(), APPID.encode()),
)
HEADERS = (
    b"X-Forwarded-For: 192.0.2.1, 198.51.100.2",
    b"X-Forwarded-For: nobody",
    b"X_Forwarded_For: 192.0.2.1",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Host: elsewhere",
    b"X-Real-IP: 192.0.2.9",
    b"Forwarded: for=192.0.2.7",
    b"traceparent: " + PARENT.encode(),
    b"traceparent: 00-0-0-0",
    b"tracestate: a=1,b=2",
    b'Cookie: a=1; b="2"; a=3; c',
    b"Cookie: huidu_console_session=1; a=1",
    b"X-Scf-Version: 9",
    b"X_Scf_Alias: mine",
    b'X-Scf-Routing-Key: {"User":"Bob"}',
    b"X-Scf-Routing-Key: none",
    b"X-Twice: 1\r\nX-Twice: 2",
    b"X-Latin: \xe9\xff",
    b"X-Tab:\t a\tb \t",
    b"X-Empty:",
    b"X-B3-TraceId: mine",
    b"X-Api-RequestId: mine",
    b"Connection: close",
    b"Connection: keep-alive, X-Tab",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b"Upgrade: h2c\r\nConnection: upgrade",
    b"Expect: 100-continue",
    b"Expect: more",
    b"Transfer-Encoding: chunked",
    b"Content-Length: 3",
    b"Content-Length: -1",
    b"Content-Type: image/png",
    b"Content-Type: application/x-www-form-urlencoded",
    b"Origin: http://a.example",
    b"Origin: http://a.example\r\nAccess-Control-Request-Method: POST",
    b"Accept: */*",
    b"Host: twice",
    b": nothing",
    b"Bad name: 1",
    b" folded",
    b"X-Nul: \x00",
)
BODIES = (None, b"", b"plain", b'{"a": 1}', b"\xff\xfe", "說".encode(), b"x" * 5000, b"\0")
RESULTS = (
    *('"ok"', "null", "3.5", "-1", "NaN", "", "[]", "{}", " {}", "not JSON", '"說"'),
    '{"statusCode": 200}',
    '{"\\u0073tatusCode": 201, "body": "spelled"}',
    '{"statusCode": "404", "body": "no", "headers": {"Content-Type": "text/plain"}}',
    '{"statusCode": 204, "body": "none", "headers": {"X-A": ["1", "2"], "Content-Length": "9"}}',
    '{"statusCode": 304, "headers": {"ETag": "1"}}',
    '{"statusCode": 205, "body": "x"}',
    '{"statusCode": 599, "body": {"a": 1}}',
    *('{"statusCode": 100}', '{"statusCode": 600}', '{"statusCode": null}', '{"statusCode": "a"}'),
    '{"statusCode": 200, "isBase64Encoded": true, "body": "/w=="}',
    '{"statusCode": 200, "isBase64Encoded": "true", "body": "/w=="}',
    '{"statusCode": 200, "isBase64Encoded": true, "body": "nonsense"}',
    '{"statusCode": 200, "headers": {"Set-Cookie": ["huidu_console_session=x", "a=1"]}}',
    '{"statusCode": 200, "headers": {"Bad name": "1"}}',
    '{"statusCode": 200, "headers": {"X-A": "1\\r\\nX-B: 2"}}',
    '{"statusCode": 200, "headers": {"X-A": "\\ud800"}}',
    '{"statusCode": 200, "headers": {"X-A": "說", "Connection": "close", "Date": "now"}}',
    '{"statusCode": 200, "headers": {"X-Api-Id": "mine", "x-scf-version": "8", "VARY": "a"}}',
    '{"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "mine"}}',
    '{"statusCode": 200, "headers": []}',
    '{"statusCode": 200, "headers": {"X-A": null, "X-B": {"c": 1}}}',
    '{"statusCode": 200, "body": "a", "statusCode": 201}',
    '"{\\"statusCode\\": 200}"',
    '\ufeff{"statusCode": 200}',
    "[" * 5000,
)
OUTCOMES = (
    *(Outcome(status=200, result=result) for result in RESULTS),
    *(
        failure(Status(status), "went wrong", "r")
        for status in (400, 406, 430, 432, 433, 434, 437, 439)
    ),
    Outcome(status=500, result='{"errorMessage": "\u8aaa"}'),
)
APIS: Sequence[Mapping[str, Any]] = (
    {},
    {"integrated": True},
    {"integrated": True, "cors": True},
    {"cors": True, "method": "POST"},
    {"path": "/{name}/{rest}"},
    {"base64": True},
    {"base64": True, "base64_rules": (("Content_Type", ("image/*",)),)},
    {
        "parameters": (
            Parameter(name="a", position="QUERY", required=True),
            Parameter(name="X-Tab", position="HEADER", default="given"),
        ),
        "constants": (
            Parameter(name="X-Fixed", position="HEADER", default="1"),
            Parameter(name="b", position="QUERY", default="2"),
        ),
    },
)

USUAL = (*PATHS[:7], *(one for one in PATHS if one.startswith(b"/%b/release" % SERVICE.encode())))


def asked(paths: Sequence[bytes], methods: Sequence[bytes], *more: Any) -> st.SearchStrategy[bytes]:
    hosts, versions = more
    return st.builds(
        lambda path, query, headers, method, body, host, version: request(
            path + query, *headers, method=method, body=body, host=host, version=version
        ),
        st.sampled_from(paths),
        st.sampled_from(QUERIES),
        st.lists(st.sampled_from(HEADERS), max_size=2),
        st.sampled_from(methods),
        st.sampled_from(BODIES),
        st.sampled_from(hosts),
        st.sampled_from(versions),
    )


#: Mostly such as might be plain, for there is more to be said of these.
PLAIN = asked(USUAL, METHODS[:4], HOSTS[:2], [b"HTTP/1.1"])
ANY = asked(PATHS, METHODS, HOSTS, [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2"])
requests = st.one_of(PLAIN, PLAIN, ANY)
