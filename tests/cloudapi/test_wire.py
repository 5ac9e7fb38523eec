"""What a request asks is read from it, or refused by name; nothing in it breaks the reader."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tencentcloud.common.abstract_client import AbstractClient
from tencentcloud.common.credential import Credential

from huidu.cloudapi import wire
from huidu.cloudapi.wire import Request, Sizes
from huidu.model.errors import InvalidParameter, Refusal

V3 = {"x-tc-action": "Act", "x-tc-version": "2018-04-16"}
SDK = AbstractClient(Credential("id", "key"), "ap-guangzhou")
SDK.request.conn._session.close()

Json = str | int | float | bool | list["Json"] | dict[str, "Json"]

NAMES = st.from_regex(r"[A-Z][A-Za-z_]{0,7}", fullmatch=True).filter(
    lambda name: name not in wire.COMMON
)
ANYTHING = st.lists(st.characters() | st.just("\ud800")).map("".join)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = TEXTS | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
PARAMETERS = st.dictionaries(NAMES, VALUES, max_size=5)


def get(query: str, headers: Mapping[str, str] = V3) -> Request:
    return Request(method="GET", path="/", query=query, headers=headers)


def post(body: bytes, content_type: str = "application/json") -> Request:
    return Request(method="POST", path="/", headers={**V3, "content-type": content_type}, body=body)


def v1(body: bytes) -> Request:
    return Request(method="POST", path="/", headers={"content-type": wire.FORM}, body=body)


def as_text(value: Json) -> object:
    """What is left of a value once it was in a form."""
    if isinstance(value, list):
        return [as_text(item) for item in value]
    if isinstance(value, dict):
        return {name: as_text(item) for name, item in value.items()}
    return str(value)


def part(name: str, value: bytes, *lines: str) -> bytes:
    top = [f'Content-Disposition: form-data; name="{name}"', *lines]
    return b"--cut\r\n" + "\r\n".join(top).encode() + b"\r\n\r\n" + value + b"\r\n"


def multipart(*parts: bytes, end: bytes = b"--cut--\r\n") -> Request:
    return post(b"".join(parts) + end, "multipart/form-data; boundary=cut")


def test_a_v3_request_says_who_it_is_in_its_headers() -> None:
    headers = {
        "x-tc-action": "CreateAlias",
        "x-tc-version": "2018-04-16",
        "x-tc-region": "ap-guangzhou",
        "x-tc-timestamp": "1767225600",
        "x-tc-language": "zh-CN",
        "x-tc-token": "tmp",
        "content-type": "application/json; charset=utf-8",
    }
    call = wire.read(Request(method="POST", path="/", headers=headers, body=b'{"Name": "rel"}'))

    assert (call.action, call.version, call.region) == ("CreateAlias", "2018-04-16", "ap-guangzhou")
    assert (call.timestamp, call.language, call.token) == (1767225600, "zh-CN", "tmp")
    assert call.flat is None
    assert call.parameters == {"Name": "rel"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_v1_request_says_who_it_is_among_its_parameters(method: str) -> None:
    text = (
        "Action=CreateAlias&Version=2018-04-16&Region=ap-guangzhou&Timestamp=1767225600"
        "&Language=zh-CN&Token=tmp&Nonce=1&SecretId=me&Signature=x&SignatureMethod=HmacSHA1"
        "&RequestClient=sdk&Name=rel"
    )
    call = wire.read(get(text, {}) if method == "GET" else v1(text.encode()))

    assert (call.action, call.version, call.region) == ("CreateAlias", "2018-04-16", "ap-guangzhou")
    assert (call.timestamp, call.language, call.token) == (1767225600, "zh-CN", "tmp")
    assert call.flat is not None
    assert call.flat["SecretId"] == "me"
    assert call.parameters == {"Name": "rel"}


def test_in_v3_a_parameter_may_have_the_name_of_a_common_one() -> None:
    assert wire.read(get("Version=2&Token=t")).parameters == {"Version": "2", "Token": "t"}
    assert wire.read(post(b"Region=moon", wire.FORM)).parameters == {"Region": "moon"}


def test_what_a_request_does_not_say_is_empty() -> None:
    head = wire.read_head(get("", {}))

    assert (head.action, head.version, head.region, head.language, head.token) == ("",) * 5
    assert head.timestamp is None


@pytest.mark.parametrize("text", ["soon", "-1", "1.5", " 1", "1 ", "٣", "9" * 12, "1e3"])
def test_a_time_that_is_no_whole_number_of_seconds_is_no_time(text: str) -> None:
    assert wire.read_head(get("", {**V3, "x-tc-timestamp": text})).timestamp is None


def test_the_head_is_read_before_the_body_and_not_again_with_it() -> None:
    head = wire.read_head(post(b"not JSON"))

    assert head.action == "Act"
    assert wire.read(post(b"{}"), replace(head, action="Mine")).action == "Mine"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (post(b""), "the body is not JSON: "),
        (post(b"{"), "the body is not JSON: "),
        (post(b'{"A": 1} x'), "the body is not JSON: "),
        (post(b'{"A": "\xff"}'), "the body is not JSON: 'utf-8' codec"),
        (post("{}".encode("utf-16")), "the body is not JSON: "),
        (post(b'{"A": "\\ud800"}'), "the body is not JSON: "),
        (post(b'{"A": ' + b"9" * 5000 + b"}"), "the body is not JSON: "),
        (post(b"[]"), "the body must be a JSON object"),
        (post(b"1"), "the body must be a JSON object"),
        (post(b"null"), "the body must be a JSON object"),
        (post(b"NaN"), "the body must be a JSON object"),
        (post(b"[" * 100_000), "the body is nested more than 64 levels deep"),
        (post(b"[" * 100_000 + b"]" * 100_000), "the body is nested more than 64 levels deep"),
        (post(b'{"A":' * 65 + b"1" + b"}" * 65), "the body is nested more than 64 levels deep"),
        (post(b"{}", "text/plain"), "Content-Type 'text/plain': must be one of application/json"),
        (post(b"{}", ""), "Content-Type '': must be one of application/json"),
        (get("A=%ff"), "'A' is not UTF-8"),
        (get("%ff=1"), "'%ff' is not UTF-8"),
        (get("A=%ed%a0%80"), "'A' is not UTF-8"),
        (get("A=\u7070"), "must be latin-1"),
        (get("A=1&A=2"), "'A' is given twice"),
        (get("A.B=1&A.%42=2"), "'A.B' is given twice"),
        (get("A=1&A.B=2"), "'A.B' is both a value and a place for values"),
        (get("A.B=2&A=1"), "'A' is both a value and a place for values"),
        (get("A=1&A.B.C=2"), "'A.B.C' is both a value and a place for values"),
        (get("A.1=x"), "'A' is a list without an item 0"),
        (get("A.0=x&A.2=y"), "'A' is a list without an item 1"),
        (get("A.0=x&A.1000000000=y"), "'A' is a list without an item 1"),
        (get("A." + "9" * 9999 + "=x"), "'A' is a list without an item 0"),
        (get("A.B.0.C.1=x"), "'A.B.0.C' is a list without an item 0"),
        (get("A..B=1"), "'A..B' has an empty part"),
        (get(".=1"), "'.' has an empty part"),
        (get("A.=1"), "'A.' has an empty part"),
        (get("=1"), "'' has an empty part"),
        (get("A" + ".A" * 64 + "=1"), "is nested more than 64 levels deep"),
        (get("A" + ".A" * 20_000 + "=1"), "is nested more than 64 levels deep"),
        (v1(b"&".join(b"A%d=1" % n for n in range(10_001))), "more than 10000 parameters"),
        (Request(method="PUT", path="/", headers=V3), "method 'PUT': must be GET or POST"),
        (multipart(part("A", b"1"), end=b""), "the body is not multipart: it breaks off"),
        (multipart(part("A", b"1"), part("A", b"2")), "'A' is given twice"),
        (multipart(part("A", b"\xff")), "'A' is not UTF-8"),
        (multipart(part("A", b"{", "Content-Type: application/json")), "'A' is not JSON: "),
        (multipart(b"--cut\r\n\r\n1\r\n"), "the body is not multipart: Field name not found"),
        (multipart(*[part("A", b"")] * 10_001), "more than 10000 parameters"),
        (
            multipart(b"--cut\r\nContent-Disposition: " + b"x" * 4000 + b"\r\n\r\n1\r\n"),
            "not found",
        ),
        (multipart(b"garbage"), "the body is not multipart: "),
        (post(b"x", "multipart/form-data"), "the body is not multipart: No boundary given"),
        (post(b"x", "multipart/form-data; boundary=\u7070"), "the body is not multipart: "),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(request_: Request, message: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        wire.read(request_)
    assert message in refused.value.message
    assert refused.value.code == "InvalidParameter"
    assert len(refused.value.message) < 300


def test_a_number_that_is_none_is_left_for_the_schema_to_name() -> None:
    read = wire.read(post(b'{"A": NaN, "B": {"C": -Infinity, "D": 1e999}}')).parameters

    assert isinstance(read["A"], float)
    assert math.isnan(read["A"])
    assert read["B"] == {"C": -math.inf, "D": math.inf}


def test_64_levels_are_not_too_deep() -> None:
    deep = b'{"A":' * 64 + b"1" + b"}" * 64

    assert wire.read(post(deep)).parameters == json.loads(deep)
    assert as_text(json.loads(deep)) == wire.read(get(".".join("A" * 64) + "=1")).parameters


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", {}),
        ("&&A=1&", {"A": "1"}),
        ("A", {"A": ""}),
        ("A=b=c", {"A": "b=c"}),
        ("A=%E7%81%B0%E5%BA%A6+a%26b%2B", {"A": "灰度 a&b+"}),
        ("A=%zz%", {"A": "%zz%"}),
        ("A=\xe7\x81\xb0", {"A": "灰"}),
        (
            "Routing.Weights.0.Version=2&Routing.Weights.0.Weight=0.1",
            {"Routing": {"Weights": [{"Version": "2", "Weight": "0.1"}]}},
        ),
        ("A.1=y&A.0=x", {"A": ["x", "y"]}),
        ("A.0.0=x&A.0.1=y&A.1.0=z", {"A": [["x", "y"], ["z"]]}),
        ("A." + "&A.".join(f"{n}={n}" for n in range(11)), {"A": [str(n) for n in range(11)]}),
        ("A.00=x", {"A": {"00": "x"}}),
        ("A.0=x&A.B=y", {"A": {"0": "x", "B": "y"}}),
        ("0=x", {"0": "x"}),
    ],
)
def test_a_form_is_unfolded(query: str, parameters: Mapping[str, object]) -> None:
    assert wire.read(get(query)).parameters == parameters


def test_ten_thousand_parameters_are_not_too_many() -> None:
    body = urlencode({f"A.{n}": n for n in range(10_000)}).encode()

    assert wire.read(post(body, wire.FORM)).parameters == {"A": [str(n) for n in range(10_000)]}


@given(PARAMETERS)
def test_what_the_sdk_flattens_is_unflattened_to_the_same(parameters: dict[str, Json]) -> None:
    query = urlencode(SDK._fix_params(parameters))

    assert wire.read(get(query)).parameters == as_text(parameters)


@given(PARAMETERS)
def test_json_is_read_as_it_was_written(parameters: dict[str, Json]) -> None:
    assert wire.read(post(json.dumps(parameters).encode())).parameters == parameters


def test_the_parts_of_a_multipart_body_are_its_parameters() -> None:
    request = multipart(
        part("Name", "灰度".encode()),
        part("List", b'[{"A": 1}]', "Content-Type: application/json"),
        part("ZipFile", b"UEsDBA==", 'X-Ignored: 1"'),
    )

    assert wire.read(request).parameters == {
        "Name": "灰度",
        "List": [{"A": 1}],
        "ZipFile": "UEsDBA==",
    }


def test_a_part_whose_name_is_a_path_is_refused_and_not_passed_over() -> None:
    with pytest.raises(InvalidParameter, match=r"'A\.B': send nested fields as one part of JSON"):
        wire.read(multipart(part("A.B", b"")))


def test_a_part_that_is_called_a_file_is_a_parameter_too_and_touches_no_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/does/not/exist")
    large = b"x" * 3_000_000
    lines = b'--cut\r\nContent-Disposition: form-data; name="F"; filename="F"\r\n\r\n'

    assert wire.read(multipart(lines + large + b"\r\n")).parameters == {"F": large.decode()}


@given(
    st.dictionaries(
        NAMES,
        TEXTS | st.lists(VALUES, max_size=2) | st.dictionaries(NAMES, VALUES, max_size=2),
        max_size=3,
    )
)
def test_what_the_sdk_sends_as_multipart_is_read_as_it_was(parameters: dict[str, Json]) -> None:
    body = SDK._get_multipart_body(parameters, "cut")

    assert wire.read(post(body, "multipart/form-data; boundary=cut")).parameters == parameters


def test_each_way_of_signing_has_its_size() -> None:
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}

    assert wire.limit_bytes("GET", {}) == 32 * 1024
    assert wire.limit_bytes("GET", V3) == 32 * 1024
    assert wire.limit_bytes("POST", form) == 1024 * 1024
    assert wire.limit_bytes("POST", {**V3, **form}) == 10 * 1024 * 1024
    assert wire.limit_bytes("POST", V3) == 10 * 1024 * 1024
    assert wire.limit_bytes("POST", {"content-type": "application/json"}) == 1024 * 1024
    assert wire.limit_bytes("POST", V3, Sizes(tc3=99)) == 99


def test_a_form_that_calls_itself_json_is_read_as_the_form_that_it_is() -> None:
    """So the Serverless command line signs and sends (captures of 2.34.9)."""
    sent = b"Body=%7B%7D&Action=GetInstance&Version=2020-02-05&SecretId=AKIDx&Timestamp=1"
    asked = Request(
        method="POST", path="/", headers={"content-type": "application/json"}, body=sent
    )
    read = wire.read(asked)

    assert (read.action, read.version, read.parameters) == (
        *("GetInstance", "2020-02-05"),
        {"Body": "{}"},
    )
    assert read.flat is not None


@pytest.mark.parametrize("body", [b"", b"{}", b' {"Action": "GetInstance"}', b"[1]"])
def test_what_is_json_has_its_action_in_a_header(body: bytes) -> None:
    asked = Request(
        method="POST", path="/", headers={"content-type": "application/json"}, body=body
    )
    head = wire.read_head(asked)

    assert (head.action, head.flat) == ("", None)


def test_a_request_that_is_too_large_is_told_the_limit() -> None:
    refused = wire.too_large(1024)

    assert refused.code == "RequestSizeLimitExceeded"
    assert "1024 bytes" in refused.message


def test_an_answer_comes_in_an_envelope() -> None:
    assert json.loads(wire.envelope("id-1", {"Total": 1})) == {
        "Response": {"Total": 1, "RequestId": "id-1"}
    }
    assert json.loads(wire.refusal("id-1", "InvalidAction", "no")) == {
        "Response": {"Error": {"Code": "InvalidAction", "Message": "no"}, "RequestId": "id-1"}
    }


def test_an_answer_holds_nothing_that_is_not_json() -> None:
    answer = wire.envelope("id-1", {"A": math.nan, "B": [math.inf, -math.inf]})

    assert json.loads(answer)["Response"] == {"A": None, "B": [None, None], "RequestId": "id-1"}


@given(ANYTHING)
def test_a_refusal_can_quote_anything(message: str) -> None:
    answer = json.loads(wire.refusal("id-1", "InvalidParameter", message))

    assert answer["Response"]["Error"]["Message"] == message.encode(errors="replace").decode()


BODIES = st.binary() | st.text(st.sampled_from('{}[]",:.=&%+019AE\r\n-cut')).map(str.encode)
CONTENT_TYPES = ANYTHING | st.sampled_from(
    [
        "",
        wire.JSON,
        wire.FORM,
        wire.MULTIPART,
        "multipart/form-data; boundary=cut",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "x" * 300,
    ]
)
HEADERS = ["x-tc-action", "x-tc-timestamp", "x-tc-token", "authorization"]
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST"]) | ANYTHING,
    path=ANYTHING,
    query=ANYTHING | BODIES.map(lambda body: body.decode("latin-1")) | TEXTS.map(quote),
    headers=st.builds(
        lambda content_type, others: {"content-type": content_type, **others},
        CONTENT_TYPES,
        st.dictionaries(st.sampled_from(HEADERS), ANYTHING),
    ),
    body=BODIES | BODIES.map(lambda body: b"--cut\r\n" + body + b"\r\n--cut--\r\n"),
)


@given(REQUESTS)
def test_nothing_that_comes_in_breaks_the_reader(request: Request) -> None:
    try:
        call = wire.read(request)
    except Refusal:
        return
    assert isinstance(call.parameters, dict)
    wire.envelope("id-1", call.parameters)


@given(
    st.lists(
        st.sampled_from(
            [
                b"--cut\r\n",
                b"--cut--",
                b"--cut \r\n",
                b'Content-Disposition: form-data; name="A"\r\n',
                b'Content-Disposition: form-data; name="\xff"; filename="../x"\r\n',
                b"Content-Type: application/json\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b"Content-Transfer-Encoding: quoted-printable\r\n",
                b"Content-Transfer-Encoding: x\r\n",
                b"\r\n",
                b"\r",
                b"--",
                b"=",
                b"AAA",
                b"{}",
                b"\xff",
            ]
        )
    )
)
def test_no_multipart_body_breaks_the_reader(pieces: list[bytes]) -> None:
    try:
        wire.read(post(b"".join(pieces), "multipart/form-data; boundary=cut"))
    except InvalidParameter:
        return
