"""A request is believed exactly if somebody who has the secret signed it, and lately."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.sign import Sign

from huidu.cloudapi import wire
from huidu.cloudapi.signature import Replays, verify
from huidu.cloudapi.wire import Request
from huidu.model.errors import AuthFailure, Refusal

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "signature.json").read_text())
NOW = 1767225600
TC3 = [vector for vector in VECTORS if "TC3" in vector["case"]]
V1 = [vector for vector in VECTORS if "TC3" not in vector["case"]]


@dataclass(frozen=True, slots=True)
class Given:
    """The secrets of a test."""

    secrets: Mapping[str, str]

    def secret(self, secret_id: str) -> str | None:
        return self.secrets.get(secret_id)


KEYS = Given({"AKIDEXAMPLE": "SKEXAMPLE"})


def sent(vector: Mapping[str, Any]) -> Request:
    path, _, query = vector["path"].partition("?")
    return Request(
        method=vector["method"],
        path=path,
        query=query,
        headers={name.lower(): value for name, value in vector["headers"].items()},
        body=vector["body"].encode(),
    )


def case(vector: Mapping[str, Any]) -> str:
    return str(vector["case"])


def who(request: Request, now: float = NOW, keys: Given = KEYS) -> str:
    return verify(request, wire.read_head(request), keys, now)


def with_headers(request: Request, **headers: str) -> Request:
    renamed = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers={**request.headers, **renamed})


def without(request: Request, *names: str) -> Request:
    kept = {name: value for name, value in request.headers.items() if name not in names}
    return replace(request, headers=kept)


def assert_refused(request: Request, code: str, message: str = "", now: float = NOW) -> None:
    with pytest.raises(Refusal) as refused:
        who(request, now)
    assert refused.value.code == f"AuthFailure.{code}"
    assert message in refused.value.message


def touched(text: str) -> Iterator[str]:
    """The text with one of its bytes changed, for every byte, in three ways."""
    for place, character in enumerate(text):
        for flip in (1, 0x10, 0x80):
            yield text[:place] + chr(ord(character) ^ flip) + text[place + 1 :]


def sign_tc3(
    request: Request, signed: str, fold: Callable[[str], str] = str, service: str = "scf"
) -> Request:
    """Sign whichever headers, as the documentation says; the SDK signs always the same two."""
    lines = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed.split(";"))
    body = hashlib.sha256(request.body).hexdigest()
    canonical = f"POST\n/\n\n{fold(lines)}\n{signed}\n{body}".encode("latin-1")
    scope = f"2026-01-01/{service}/tc3_request"
    text = f"TC3-HMAC-SHA256\n{NOW}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    signature = Sign.sign_tc3("SKEXAMPLE", "2026-01-01", service, text)
    return with_headers(
        request,
        authorization=f"TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, "
        f"SignedHeaders={signed}, Signature={signature}",
    )


def sign_v1(**others: str) -> Request:
    own = {"Action": "Act", "SecretId": "AKIDEXAMPLE", "Timestamp": str(NOW), "Nonce": "1"}
    parameters = {**own, **others}
    text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    signature = Sign.sign("SKEXAMPLE", f"POSThere/?{text}", "HmacSHA1")
    return Request(
        method="POST",
        path="/",
        headers={"host": "here", "content-type": wire.FORM},
        body=urlencode({**parameters, "Signature": signature}).encode(),
    )


def form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((request.query or request.body.decode()), keep_blank_values=True))


def with_form(request: Request, parameters: Mapping[str, str]) -> Request:
    text = urlencode(parameters)
    if request.method == "GET":
        return replace(request, query=text)
    return replace(request, body=text.encode())


POST = sent(TC3[0])
BARE = without(POST, "authorization")


@pytest.mark.parametrize("vector", VECTORS, ids=case)
def test_what_the_official_sdk_signed_is_believed(vector: Mapping[str, Any]) -> None:
    assert who(sent(vector)) == "AKIDEXAMPLE"


@pytest.mark.parametrize("vector", VECTORS, ids=case)
def test_another_secret_is_not(vector: Mapping[str, Any]) -> None:
    for secret in (*touched("SKEXAMPLE"), "", "SKEXAMPLE "):
        with pytest.raises(AuthFailure, match="does not fit"):
            who(sent(vector), keys=Given({"AKIDEXAMPLE": secret}))


@pytest.mark.parametrize("vector", VECTORS, ids=case)
def test_no_signature_but_its_own_fits_a_request(vector: Mapping[str, Any]) -> None:
    request = sent(vector)
    parameters = form(request)
    said = request.headers.get("authorization", "")
    own = said.rpartition("=")[2] or parameters["Signature"]
    for other in (*touched(own), own.swapcase(), own[:-1], f"{own}0", "", "灰"):
        changed = (
            with_headers(request, authorization=said.replace(own, other))
            if said
            else with_form(request, {**parameters, "Signature": other})
        )
        with pytest.raises(AuthFailure):
            who(changed)


@pytest.mark.parametrize("signature", ["0" * 64, "灰", "\ud800", "\xff"])
def test_a_signature_that_could_be_none_does_not_fit(signature: str) -> None:
    top = POST.headers["authorization"].rpartition("=")[0]

    assert_refused(with_headers(POST, authorization=f"{top}={signature}"), "SignatureFailure")


@pytest.mark.parametrize("vector", TC3, ids=case)
def test_no_byte_that_tc3_signs_can_be_changed(vector: Mapping[str, Any]) -> None:
    request = sent(vector)
    others = [
        *(replace(request, body=body.encode("latin-1")) for body in touched(vector["body"])),
        *(replace(request, query=query) for query in touched(request.query)),
        *(replace(request, path=path) for path in touched(request.path)),
        *(
            with_headers(request, **{name: value})
            for name in ("host", "content-type", "x-tc-timestamp")
            for value in touched(request.headers[name])
        ),
        *(
            with_headers(
                request, authorization=f"{before}2026-01-01{after}".replace("2026-01-01", date)
            )
            for before, _, after in [request.headers["authorization"].partition("2026-01-01")]
            for date in touched("2026-01-01")
        ),
        with_headers(request, x_tc_content_sha256="UNSIGNED-PAYLOAD"),
        replace(request, path=""),
        replace(request, method="GET" if request.method == "POST" else "POST"),
    ]
    for other in others:
        with pytest.raises(AuthFailure):
            who(other)


@pytest.mark.parametrize("vector", V1, ids=case)
def test_no_byte_that_v1_signs_can_be_changed_and_mean_something_else(
    vector: Mapping[str, Any],
) -> None:
    """`%E7` and `%e7` are two spellings of one byte, and v1 signs what they mean."""
    request = sent(vector)
    others = [
        *(replace(request, path=path) for path in touched(request.path)),
        *(with_headers(request, host=host) for host in touched(request.headers["host"])),
        *(replace(request, query=query) for query in touched(request.query)),
        *(replace(request, body=body.encode("latin-1")) for body in touched(vector["body"])),
    ]
    believed = 0
    for other in others:
        try:
            assert who(other) == "AKIDEXAMPLE"
        except Refusal:
            continue
        believed += 1
        assert wire.read_head(other) == wire.read_head(request)
    assert believed < len(others) / 50


@given(data=st.data(), vector=st.sampled_from(VECTORS))
def test_no_byte_at_all_can_be_changed_and_mean_something_else(
    data: st.DataObject, vector: Mapping[str, Any]
) -> None:
    request = sent(vector)
    text = request.query if request.method == "GET" else vector["body"]
    place = data.draw(st.integers(0, len(text) - 1))
    other = text[:place] + chr(data.draw(st.integers(0, 255))) + text[place + 1 :]
    changed = (
        replace(request, query=other)
        if request.method == "GET"
        else replace(request, body=other.encode("latin-1"))
    )
    try:
        who(changed)
    except Refusal:
        return
    assert wire.read(changed) == wire.read(request)


def test_a_request_is_believed_for_five_minutes_around_its_time() -> None:
    for vector in VECTORS:
        for now in (NOW - 300.0, NOW + 300.0):
            assert who(sent(vector), now) == "AKIDEXAMPLE"
        for now in (NOW - 300.5, NOW + 300.5, 0.0, 2e18):
            assert_refused(sent(vector), "SignatureExpire", now=now)


def test_a_late_request_is_told_both_times() -> None:
    assert_refused(
        POST, "SignatureExpire", "signed at 1767225600 and the time here is 1767226000", 1767226000
    )


def test_a_stranger_is_told_so() -> None:
    said = POST.headers["authorization"].replace("AKIDEXAMPLE", "AKIDSTRANGER")

    assert_refused(with_headers(POST, authorization=said), "SecretIdNotFound", "'AKIDSTRANGER'")
    assert_refused(sign_v1(SecretId="AKIDSTRANGER"), "SecretIdNotFound", "'AKIDSTRANGER'")


def test_shape_comes_before_age_and_age_before_the_secret_id() -> None:
    said = POST.headers["authorization"].replace("AKIDEXAMPLE", "AKIDSTRANGER")
    stranger = with_headers(POST, authorization=said)

    assert_refused(with_headers(stranger, authorization="x"), "InvalidAuthorization", now=0)
    assert_refused(stranger, "SignatureExpire", now=0)
    assert_refused(replace(stranger, body=b""), "SecretIdNotFound")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("", ""), "Authorization must read"),
        (("TC3-HMAC-SHA256", "TC3-HMAC-SHA1"), "Authorization must read"),
        (("/tc3_request", ""), "Authorization must read"),
        (("AKIDEXAMPLE", ""), "Authorization must read"),
        (("AKIDEXAMPLE", "A" * 129), "Authorization must read"),
        (("AKIDEXAMPLE", "灰"), "Authorization must read"),
        ((", Signature=", ", "), "Authorization must read"),
        (("2026-01-01", "2026-01-02"), "2026-01-02 is not the UTC date of X-TC-Timestamp"),
        (("2026-01-01", "----------"), "---------- is not the UTC date of X-TC-Timestamp"),
        (("/scf/", "/sms/"), "service 'sms' is not one of"),
        (("=content-type;host", "=content-type"), "'host' must be listed"),
        (("=content-type;host", "=host"), "'content-type' must be listed"),
        (("=content-type;host", "=content-type;host;x-none"), "'x-none' must be listed"),
        (("=content-type;host", "=content-type;;host"), "'' must be listed"),
    ],
)
def test_an_authorization_that_is_malformed_is_refused(
    change: tuple[str, str], message: str
) -> None:
    said = POST.headers["authorization"].replace(*change) if any(change) else "Bearer x"

    assert_refused(with_headers(POST, authorization=said), "InvalidAuthorization", message)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (BARE, "the request is not signed"),
        (with_headers(POST, authorization="SKIP"), "the request is not signed"),
        (with_headers(POST, x_tc_timestamp="soon"), "the timestamp must be there"),
        (without(POST, "x-tc-timestamp"), "the timestamp must be there"),
        (without(POST, "host"), "'host' must be listed, and must be sent"),
        (sign_v1(SecretId="A/B"), "SecretId: must match"),
        (sign_v1(Nonce=""), "Nonce: must be a whole number"),
        (sign_v1(Nonce="1" * 21), "Nonce: must be a whole number"),
        (sign_v1(Timestamp="1e9"), "the timestamp must be there"),
        (
            sign_v1(SignatureMethod="HmacMD5"),
            "SignatureMethod: must be one of HmacSHA1, HmacSHA256",
        ),
        (without(sign_v1(), "host"), "no Host header"),
        (replace(sign_v1(), body=b"Action=Act"), "the request is not signed"),
        (sign_v1(A_B="1"), "v1 cannot sign a parameter with _ in its name"),
    ],
)
def test_a_request_that_is_not_signed_as_it_must_be_is_refused(
    request_: Request, message: str
) -> None:
    assert_refused(request_, "InvalidAuthorization", message)


def test_a_temporary_token_is_refused_and_an_empty_one_is_none() -> None:
    assert_refused(with_headers(POST, x_tc_token="tmp"), "TokenFailure")
    assert_refused(sign_v1(Token="tmp"), "TokenFailure")
    assert who(with_headers(POST, x_tc_token="")) == "AKIDEXAMPLE"
    assert who(sign_v1(Token="")) == "AKIDEXAMPLE"


def test_v1_signs_with_sha1_where_it_does_not_say_with_what() -> None:
    assert who(sign_v1(Name="灰度 a&b=c")) == "AKIDEXAMPLE"


@pytest.mark.parametrize("fold", [str, str.lower], ids=["as sent", "in lower case"])
def test_the_action_may_be_signed_as_sent_or_in_lower_case(fold: Callable[[str], str]) -> None:
    request = sign_tc3(BARE, "content-type;host;x-tc-action", fold)

    assert who(request) == "AKIDEXAMPLE"
    assert_refused(with_headers(request, x_tc_action="DeleteAlias"), "SignatureFailure")


def test_only_the_action_may_be_signed_in_lower_case() -> None:
    request = with_headers(BARE, content_type="application/JSON")

    assert_refused(sign_tc3(request, "content-type;host", str.lower), "SignatureFailure")


def test_headers_are_signed_in_the_order_and_case_in_which_they_are_listed() -> None:
    request = sign_tc3(with_headers(BARE, x_note="  \xe9t\xe9 "), "host;x-note;content-type")
    said = request.headers["authorization"]

    assert who(request) == "AKIDEXAMPLE"
    assert_refused(with_headers(request, x_note="ete"), "SignatureFailure")
    assert_refused(
        with_headers(request, authorization=said.replace("host;x-note", "x-note;host")),
        "SignatureFailure",
    )
    assert_refused(
        with_headers(request, authorization=said.replace("host;", "Host;")), "SignatureFailure"
    )


@pytest.mark.parametrize("service", ["scf", "apigateway", "monitor", "cos", "huidu"])
def test_a_signature_is_made_out_to_a_service(service: str) -> None:
    request = sign_tc3(BARE, "content-type;host", service=service)

    assert who(request) == "AKIDEXAMPLE"
    with pytest.raises(AuthFailure, match="is not one of"):
        verify(request, wire.read_head(request), KEYS, NOW, services={"sms"})


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost:9000", "[::1]:9000", "Here.example"])
def test_a_signature_may_be_made_out_to_the_first_label_of_the_host(host: str) -> None:
    """As the SDK for Node.js has it: to it that is the name of the service."""
    service = host.partition(".")[0]
    request = sign_tc3(with_headers(BARE, host=host), "content-type;host", service=service)

    assert who(request) == "AKIDEXAMPLE"
    assert_refused(with_headers(request, host=f"x{host}"), "InvalidAuthorization", "is not one of")
    assert_refused(with_headers(request, host=f"{service}.x"), "SignatureFailure")


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "[::1]:9000", "here.example:80"])
def test_the_host_may_be_signed_without_its_port(host: str) -> None:
    """As the SDK for Node.js has it, which sends the port all the same."""
    bare = host.rpartition(":")[0]
    request = sign_tc3(with_headers(BARE, host=bare), "content-type;host")

    assert who(with_headers(request, host=host)) == "AKIDEXAMPLE"
    assert_refused(with_headers(request, host=f"{bare}:x"), "SignatureFailure")
    assert_refused(with_headers(request, host=f"a{host}"), "SignatureFailure")


def test_a_query_beside_a_posted_body_is_neither_signed_nor_read() -> None:
    request = replace(POST, query="Name=other")

    assert who(request) == "AKIDEXAMPLE"
    assert wire.read(request).parameters["Name"] == "rel"


# Replays.


def test_a_v1_request_gets_in_once() -> None:
    replays = Replays()
    replays.admit(wire.read_head(sign_v1()), NOW)

    with pytest.raises(AuthFailure, match="Nonce 1 of Timestamp 1767225600 was used before"):
        replays.admit(wire.read_head(sign_v1()), NOW + 300)


def test_two_requests_that_drew_the_same_nonce_both_get_in() -> None:
    replays = Replays()
    replays.admit(wire.read_head(sign_v1(Name="a")), NOW)
    replays.admit(wire.read_head(sign_v1(Name="b")), NOW)

    assert repr(replays) == "<Replays: 2 of at most 100000 requests>"


def test_a_tc3_request_gets_in_as_often_as_it_likes() -> None:
    replays = Replays()
    for _ in range(2):
        replays.admit(wire.read_head(POST), NOW)

    assert repr(replays) == "<Replays: 0 of at most 100000 requests>"


def test_a_request_is_remembered_no_longer_than_it_would_be_believed() -> None:
    replays = Replays()
    replays.admit(wire.read_head(sign_v1()), NOW)
    replays.admit(wire.read_head(sign_v1(Nonce="2")), NOW + 300)
    assert "2 of" in repr(replays)

    replays.admit(wire.read_head(sign_v1(Nonce="3", Timestamp=str(NOW + 301))), NOW + 301)
    assert "1 of" in repr(replays)


def test_there_is_a_most_that_is_remembered() -> None:
    replays = Replays(most=2)
    for nonce in ("1", "2", "3", "1"):
        replays.admit(wire.read_head(sign_v1(Nonce=nonce)), NOW)

    assert repr(replays) == "<Replays: 2 of at most 2 requests>"


# The official SDK itself.


class Listening(ThreadingHTTPServer):
    """Keeps what arrives."""

    arrived: list[Request]
    answer: bytes = wire.envelope("id-1", {"Said": "yes"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listening

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length", 0))),
        )
        self.server.arrived.append(request)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@dataclass(frozen=True, slots=True)
class Sdk:
    """The official client, and what of it arrives."""

    server: Listening
    client: Any

    def send(
        self, parameters: Mapping[str, object], options: Mapping[str, object] | None = None
    ) -> Request:
        self.server.arrived.clear()
        self.client.call_json("CreateAlias", parameters, options=options)
        (request,) = self.server.arrived
        return request


@pytest.fixture(scope="module")
def server() -> Iterator[Listening]:
    with (
        pytest.MonkeyPatch.context() as environment,
        Listening(("127.0.0.1", 0), Handler) as listening,
    ):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            environment.delenv(name, raising=False)
        listening.arrived = []
        thread = Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


METHODS = [
    (signing, method)
    for signing in ("TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1")
    for method in ("GET", "POST")
]


@pytest.fixture(scope="module", params=METHODS, ids=" ".join)
def sdk(request: pytest.FixtureRequest, server: Listening) -> Iterator[Sdk]:
    signing, method = request.param
    endpoint = "{}:{}".format(*server.server_address)
    http = HttpProfile(protocol="http", endpoint=endpoint, reqMethod=method)
    credential = Credential("AKIDEXAMPLE", "SKEXAMPLE")
    profile = ClientProfile(signMethod=signing, httpProfile=http)
    client = CommonClient("scf", "2018-04-16", credential, "ap-guangzhou", profile)
    yield Sdk(server, client)
    client.request.conn._session.close()


NAMES = st.from_regex(r"[A-Z][A-Za-z]{0,7}", fullmatch=True).filter(
    lambda name: name not in wire.COMMON
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=5,
)

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp")


@given(st.dictionaries(NAMES, VALUES, max_size=4))
@settings(max_examples=50, deadline=None)
@example({})
@example({"Description": "灰度 a&b=c+d%20~*/?#\x00\r\n", "Weights": [{"Version": "2"}]})
def test_whatever_the_official_sdk_signs_is_believed(
    sdk: Sdk, parameters: dict[str, object]
) -> None:
    request = sdk.send(parameters)
    call = wire.read(request)
    assert call.timestamp is not None

    assert verify(request, call, KEYS, call.timestamp) == "AKIDEXAMPLE"
    assert (call.action, call.version, call.region) == ("CreateAlias", "2018-04-16", "ap-guangzhou")
    if request.headers.get("content-type") == wire.JSON:
        assert call.parameters == parameters
    else:
        flat = {name: str(value) for name, value in sdk.client._fix_params(parameters).items()}
        assert call.parameters == wire.unflatten(flat)


def test_the_official_sdk_may_leave_the_payload_unsigned(sdk: Sdk) -> None:
    sdk.client.profile.unsignedPayload = True
    try:
        request = sdk.send({"Name": "rel"})
    finally:
        sdk.client.profile.unsignedPayload = False
    head = wire.read_head(request)
    assert head.timestamp is not None

    assert who(request, head.timestamp) == "AKIDEXAMPLE"
    if "authorization" in request.headers and request.method == "POST":
        assert who(replace(request, body=b"{}"), head.timestamp) == "AKIDEXAMPLE"


def test_the_official_sdk_may_not_skip_its_signature(sdk: Sdk) -> None:
    assert_refused(sdk.send({}, {"SkipSign": True}), "InvalidAuthorization", "is not signed")


def test_what_the_official_sdk_sends_in_parts_is_believed(sdk: Sdk) -> None:
    if sdk.client.profile.httpProfile.reqMethod == "GET":
        return
    request = sdk.send({"Name": "灰度", "Weights": [{"Version": "2"}]}, {"IsMultipart": True})
    call = wire.read(request)
    assert call.timestamp is not None

    assert verify(request, call, KEYS, call.timestamp) == "AKIDEXAMPLE"
    assert call.parameters == {"Name": "灰度", "Weights": [{"Version": "2"}]}


def test_the_official_sdk_reads_our_answers_and_our_refusals(sdk: Sdk) -> None:
    answer = sdk.client.call_json("CreateAlias", {})
    assert answer == {"Response": {"Said": "yes", "RequestId": "id-1"}}

    sdk.server.answer = wire.refusal("id-2", "InvalidAction", "no such action")
    try:
        with pytest.raises(TencentCloudSDKException) as refused:
            sdk.client.call_json("CreateAlias", {})
    finally:
        sdk.server.answer = Listening.answer
    assert (refused.value.code, refused.value.requestId) == ("InvalidAction", "id-2")


# Anything.

WORDS = st.sampled_from(
    [
        "TC3-HMAC-SHA256 ",
        "Credential=AKIDEXAMPLE/2026-01-01/scf/tc3_request",
        ", ",
        "SignedHeaders=content-type;host",
        "Signature=00",
        "\xff",
        "\ud800",
        "/",
        ";",
    ]
)
LINES = st.lists(WORDS | st.characters()).map("".join)
HEADERS = st.dictionaries(
    st.sampled_from(["x-tc-timestamp", "x-tc-token", "x-tc-content-sha256", "host"]), LINES
)


REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST"]),
    path=LINES,
    query=LINES,
    headers=st.builds(
        lambda said, others: {**POST.headers, "authorization": said, **others},
        LINES | st.just(POST.headers["authorization"]),
        HEADERS,
    ),
    body=st.binary(),
)


@given(REQUESTS)
def test_no_authorization_breaks_the_reader(request: Request) -> None:
    with pytest.raises(Refusal):
        who(request)


@given(parameters=st.dictionaries(st.sampled_from(sorted(wire.COMMON)), TEXTS), host=LINES)
def test_no_v1_parameters_break_the_reader(parameters: dict[str, str], host: str) -> None:
    request = with_form(sign_v1(), {**form(sign_v1()), **parameters})

    with pytest.raises(Refusal):
        who(with_headers(request, host=host + "."))
