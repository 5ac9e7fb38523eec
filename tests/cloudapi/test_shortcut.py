"""The shortcut answers as the desk does, or leaves the request to it."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.scf.v20180416.scf_client import ScfClient

from huidu.actions.invocations import Invoked
from huidu.ask import Waits
from huidu.cloudapi import wire
from huidu.cloudapi.app import Api
from huidu.cloudapi.desk import Desk
from huidu.cloudapi.shortcut import KINDS, Shortcut
from huidu.cloudapi.signature import ALGORITHM, tc3_signatures
from huidu.control.invocations import begin
from huidu.control.keyring import Keyring
from huidu.control.plane import Plane
from huidu.cos.asked import names_bucket
from huidu.invoke.flight import Answered, Caller
from huidu.invoke.tracing import Tracing
from huidu.listener import Listener
from huidu.model.access_key import AccessKey
from huidu.model.effect import AccessKeyGone, AccessKeyKept
from huidu.model.errors import Failed, NotFound
from huidu.model.invocation import Invocation, Outcome, Status
from huidu.model.role import Role
from tests.told import told

NOW = 1767268800  #: Noon.
CLIENT = "192.0.2.1"
LENGTH = b"content-length"
TWICE = b"x-twice: 1\r\nx-twice: 2\r\n"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GOOD = Answered(Outcome(status=200, result='"ok"', duration_ms=0.5254, log="說\n"), "3", "live")

#: What a function may be sent to be called, and by which action.
CALLS: list[tuple[str, dict[str, object]]] = [
    ("InvokeFunction", {"FunctionName": "fn"}),
    ("InvokeFunction", {"FunctionName": "fn", "Event": '{"a": "灰"}', "Namespace": ""}),
    ("InvokeFunction", {"FunctionName": "fn", "Qualifier": "2", "LogType": "Tail"}),
    ("InvokeFunction", {"FunctionName": "fn", "RoutingKey": '{"User":"Bob"}', "LogType": "None"}),
    ("Invoke", {"FunctionName": "fn", "ClientContext": "[1]", "Namespace": "test"}),
    ("Invoke", {"FunctionName": "fn", "InvocationType": "RequestResponse", "Qualifier": ""}),
]
#: What is of another shape, or is to be refused, though it is signed well.
OTHERS: list[tuple[str, object]] = [
    ("Invoke", {"FunctionName": "fn", "InvocationType": "Event"}),
    ("Invoke", {"FunctionName": "fn", "InvocationType": "Later"}),
    ("Invoke", {"FunctionName": "fn", "Event": "{}"}),
    ("InvokeFunction", {"FunctionName": "fn", "ClientContext": "{}"}),
    ("InvokeFunction", {"FunctionName": "fn", "Event": "{"}),
    ("InvokeFunction", {"FunctionName": "fn", "Event": {"a": 1}}),
    ("InvokeFunction", {"FunctionName": "fn", "Event": None}),
    ("InvokeFunction", {"FunctionName": "fn", "Event": "\ud800"}),
    ("InvokeFunction", {"FunctionName": 1}),
    ("InvokeFunction", {"FunctionName": "fn", "LogType": "All"}),
    ("InvokeFunction", {"FunctionName": "fn", "RoutingKey": "[]"}),
    ("InvokeFunction", {"FunctionName": "fn", "RoutingKey": json.dumps({"a": "x" * 1024})}),
    ("InvokeFunction", {"FunctionName": "fn", "Deep": json.loads("[" * 70 + "]" * 70)}),
    ("InvokeFunction", {"FunctionName": "fn", "Number": math.nan}),
    ("InvokeFunction", {"Event": "{}"}),
    ("InvokeFunction", []),
    ("InvokeFunction", "fn"),
    ("ListFunctions", {}),
    ("Nothing", {}),
]


class Ended:
    """A call that has ended."""

    over = True

    def leave(self) -> None:
        raise AssertionError

    def forsake(self, *, sure: bool) -> bool:
        raise AssertionError


@dataclass
class Runs:
    """Stands for what runs functions: remembers the calls, and answers as it is told."""

    end: Answered | Exception = GOOD
    calls: list[Invocation] = field(default_factory=list)

    async def invoke(self, invocation: Invocation) -> Answered:
        self.calls.append(invocation)
        if isinstance(self.end, Exception):
            raise self.end
        return self.end

    def begin(self, invocation: Invocation, caller: Caller) -> Ended:
        self.calls.append(invocation)
        if isinstance(self.end, Exception):
            caller.failed(self.end)
        else:
            caller.answered(self.end)
        return Ended()


@dataclass(slots=True, kw_only=True)
class Sent:
    """A request, as the listener has it: what the shortcut is asked, and what it answers."""

    method: bytes = b"POST"
    target: bytes = b"/"
    headers: Mapping[bytes, bytes]
    body: bytes
    client: str = CLIENT
    under_way: Waits | None = None
    said: list[bytes] = field(default_factory=list)

    def answer(self, status: int, headers: bytes, body: bytes) -> None:
        length = b"content-length: %d\r\n" % len(body)
        assert (status, headers) == (200, b"content-type: application/json\r\n" + length)
        self.said.append(body)

    def with_header(self, name: str, value: str | None) -> Sent:
        """Return it with another value for a header, or without it."""
        kept = {key: self.headers[key] for key in self.headers if key != name.encode()}
        more = {} if value is None else {name.encode(): value.encode("latin-1")}
        return replace(self, headers=kept | more)


class Counter:
    """A desk and the shortcut before it, and what runs behind both."""

    def __init__(
        self,
        end: Answered | Exception = GOOD,
        *,
        traced: bool = False,
        clock: Callable[[], float] = lambda: NOW,
    ) -> None:
        self.runs = Runs(end)
        self.keyring = Keyring(("AKIDroot", "secret"), b"s" * 32, lambda: NOW)
        for name, role in (("admin", Role.ADMIN), ("release", Role.RELEASE), ("view", Role.VIEW)):
            self.keyring.apply([AccessKeyKept(self.key(name, role))])
        self.keyring.apply([AccessKeyKept(replace(self.key("off"), enabled=False))])
        self.keyring.apply([AccessKeyKept(self.key("gone")), AccessKeyGone("AKIDgone")])
        parts: dict[str, Any] = dict.fromkeys(
            (one.name for one in fields(Plane)), cast("Any", None)
        )
        parts |= {"invoker": self.runs, "keyring": self.keyring, "default_qualifier": "$DEFAULT"}
        parts |= {"tracing": Tracing(bits=(lambda _: 5) if traced else None)}
        self.plane = Plane(**parts)
        desk = Desk(plane=self.plane, keys=self.keyring, clock=clock, new_id=lambda: "r-1")
        self.api = Api(desk, cast("Any", None))
        self.shortcut = Shortcut(desk, names_bucket)

    def key(self, name: str, role: Role = Role.ADMIN) -> AccessKey:
        """Return a key that was made of this keyring's seed."""
        seal = self.keyring.seal(self.keyring.made(f"AKID{name}"))
        return AccessKey(id=f"AKID{name}", name=name, role=role, seal=seal)

    def sign(
        self,
        action: str,
        body: bytes,
        *,
        key: str = "root",
        at: int = NOW,
        signed: str = "content-type;host",
        service: str = "scf",
        bare: bool = False,
        **others: str,
    ) -> Sent:
        """Return a request that is signed as the official clients do."""
        secret = "secret" if key == "root" else self.keyring.made(f"AKID{key}")
        headers = {
            "host": "127.0.0.1:9000",
            "content-type": "application/json",
            "x-tc-action": action,
            "x-tc-version": "2018-04-16",
            "x-tc-region": "ap-guangzhou",
            "x-tc-timestamp": str(at),
            "content-length": str(len(body)),
            **{name.replace("_", "-"): value for name, value in others.items()},
        }
        as_signed = headers | ({"host": headers["host"].partition(":")[0]} if bare else {})
        request = wire.Request(method="POST", path="/", headers=as_signed, body=body)
        date = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
        signature = next(iter(tc3_signatures(request, signed, date, service, secret)))
        headers["authorization"] = (
            f"{ALGORITHM} Credential=AKID{key}/{date}/{service}/tc3_request, "
            f"SignedHeaders={signed}, Signature={signature}"
        )
        as_sent = {name.encode(): headers[name].encode("latin-1") for name in headers}
        return Sent(headers=as_sent, body=body)

    def by_the_desk(self, sent: Sent) -> bytes:
        """Return the desk's answer, by the whole way that a request goes to it."""
        path, _, query = sent.target.partition(b"?")
        scope = {
            "type": "http",
            "method": sent.method.decode(),
            "path": path.decode(),
            "raw_path": path,
            "query_string": query,
            "headers": list(sent.headers.items()),
            "client": (sent.client, 1234),
        }
        said: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": sent.body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            said.append(message)

        at_once(self.api(scope, receive, cast("Any", send)))
        assert said[0]["status"] == 200
        return bytes(said[1]["body"])

    def by_the_shortcut(self, sent: Sent) -> bytes | None:
        """Return the shortcut's answer, if it has one."""
        kind = self.shortcut.kind(sent.method, sent.target, sent.headers)
        if kind is None:
            return None
        prepared = self.shortcut.read(kind, sent)
        if prepared is None:
            return None
        ends: list[Invoked | Exception] = []
        begin(self.plane, prepared.call, ends.append)
        (end,) = ends
        return self.shortcut.told(prepared, end)


async def nobody(scope: object, receive: object, send: object) -> None:
    raise AssertionError("it was for the shortcut")


def at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """Return what comes of work that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def body_of(parameters: object) -> bytes:
    return json.dumps(parameters).encode()


def assert_the_same(counter: Counter, sent: Sent) -> bool:
    """Hold the shortcut's answer to the desk's, and return whether there is one."""
    short = counter.by_the_shortcut(sent)
    if short is None:
        assert not counter.runs.calls
        return False
    (called,) = counter.runs.calls
    assert short == counter.by_the_desk(sent)
    assert [*map(told, counter.runs.calls)] == [told(called)] * 2
    return True


@pytest.mark.parametrize(("action", "parameters"), CALLS)
def test_what_clients_usually_send_is_answered_as_by_the_desk(
    action: str, parameters: dict[str, object]
) -> None:
    for key in ("root", "admin", "release"):
        counter = Counter()
        sent = counter.sign(action, body_of(parameters), key=key)

        assert assert_the_same(counter, sent)
        assert b'"RetMsg":"\\"ok\\""' in counter.by_the_desk(sent)


@pytest.mark.parametrize(
    "more",
    [
        {"content_type": "application/json; charset=utf-8"},
        {"signed": "content-type;host;x-tc-action"},
        {"signed": "Content-Type;Host"},
        {"x_tc_content_sha256": "UNSIGNED-PAYLOAD"},
        {"traceparent": PARENT, "tracestate": "a=b"},
        {"host": "scf.tencentcloudapi.com"},
        {"service": "127", "bare": True},
        {"at": NOW - 300},
        {"at": NOW + 300},
    ],
    ids=str,
)
def test_what_clients_may_send_beside_it_changes_nothing(more: dict[str, Any]) -> None:
    for traced in (False, True):
        counter = Counter(traced=traced)
        sent = counter.sign("InvokeFunction", b'{"FunctionName": "fn"}', **more)

        assert assert_the_same(counter, sent)


@pytest.mark.parametrize(("action", "parameters"), OTHERS)
def test_what_is_not_a_plain_call_is_left_to_the_desk(action: str, parameters: object) -> None:
    counter = Counter()

    assert not assert_the_same(counter, counter.sign(action, body_of(parameters)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", None),
        ("authorization", "SKIP"),
        ("host", None),
        ("host", "code-1234567890.cos.ap-guangzhou.myqcloud.com"),
        ("x-tc-action", None),
        ("x-tc-timestamp", None),
        ("x-tc-timestamp", "soon"),
        ("x-tc-token", "temporary"),
        ("x-tc-version", None),
        ("x-tc-version", "2018-04-17"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", None),
    ],
)
def test_a_head_that_is_not_as_it_is_signed_or_must_be_is_left_to_the_desk(
    name: str, value: str | None
) -> None:
    counter = Counter()
    sent = counter.sign("InvokeFunction", b'{"FunctionName": "fn"}').with_header(name, value)

    assert not assert_the_same(counter, sent)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": b"GET"},
        {"method": b"PUT"},
        {"target": b"/other"},
        {"target": b"/?Action=Other"},
        {"target": b"//"},
        {"body": b'{"FunctionName": "other"}'},
        {"body": b""},
    ],
    ids=str,
)
def test_a_request_that_is_sent_otherwise_than_it_was_signed_is_left_to_the_desk(
    changes: dict[str, Any],
) -> None:
    counter = Counter()
    sent = counter.sign("InvokeFunction", b'{"FunctionName": "fn"}')

    assert not assert_the_same(counter, replace(sent, **changes))


@pytest.mark.parametrize("key", ["view", "off", "gone", "stranger"])
def test_a_key_that_may_not_call_is_left_to_the_desk(key: str) -> None:
    counter = Counter()

    assert not assert_the_same(counter, counter.sign("Invoke", b'{"FunctionName": "fn"}', key=key))


def test_a_header_that_only_the_desk_looks_at_may_be_signed_as_well() -> None:
    counter = Counter()
    sent = counter.sign("Invoke", b'{"FunctionName": "fn"}', signed="content-type;host;x-tc-region")

    assert not assert_the_same(counter, sent)
    assert b"RetMsg" in counter.by_the_desk(sent)


def test_a_key_counts_as_it_is_at_its_last_commit() -> None:
    counter = Counter()
    sent = counter.sign("InvokeFunction", b'{"FunctionName": "fn"}', key="admin")
    changes: tuple[tuple[dict[str, Any], bool], ...] = (
        ({"enabled": False}, False),
        ({"role": Role.RELEASE}, True),
        ({"role": Role.VIEW}, False),
        ({}, True),
    )
    for change, taken in changes:
        counter.keyring.apply([AccessKeyKept(replace(counter.key("admin"), **change))])

        assert (counter.by_the_shortcut(sent) is not None) is taken
    counter.keyring.apply([AccessKeyGone("AKIDadmin")])
    assert counter.by_the_shortcut(sent) is None


def test_who_calls_by_the_shortcut_has_used_his_key() -> None:
    counter = Counter()
    counter.by_the_shortcut(counter.sign("InvokeFunction", b'{"FunctionName": "f"}', key="admin"))

    assert counter.keyring.unwritten() == {"AKIDadmin": NOW}


@pytest.mark.parametrize("at", [NOW - 301, NOW + 301, 0])
def test_a_request_of_another_time_is_left_to_the_desk(at: int) -> None:
    counter = Counter()

    assert not assert_the_same(counter, counter.sign("Invoke", b'{"FunctionName": "fn"}', at=at))


@pytest.mark.parametrize(
    ("action", "event"), [("InvokeFunction", "Event"), ("Invoke", "ClientContext")]
)
async def test_what_the_official_sdk_sends_is_for_the_shortcut(action: str, event: str) -> None:
    counter, listener = Counter(clock=time.time), Listener("127.0.0.1", 0)
    await listener.open(nobody, express=counter.shortcut)
    try:
        http = HttpProfile(protocol="http", endpoint=listener.url.removeprefix("http://"))
        profile = ClientProfile(signMethod=ALGORITHM, httpProfile=http)
        client = ScfClient(Credential("AKIDroot", "secret"), "ap-guangzhou", profile)
        stranger = ScfClient(Credential("AKIDroot", "Secret"), "ap-guangzhou", profile)
        parameters = {"FunctionName": "fn", event: '{"a":"灰"}', "LogType": "Tail"}
        told = await asyncio.to_thread(client.call_json, action, parameters)
        with pytest.raises(TencentCloudSDKException, match="does not fit"):
            await asyncio.to_thread(stranger.call_json, action, parameters)
    finally:
        await listener.close()

    assert told["Response"]["Result"]["RetMsg"] == '"ok"'
    assert told["Response"]["Result"]["Log"] == "說\n"
    assert [call.event.decode() for call in counter.runs.calls] == ['{"a":"灰"}']


async def test_each_request_on_a_connection_has_its_own_body_whoever_answers_it() -> None:
    """What is sent twice is none of the shortcut's, and goes to the application as it came."""
    counter, listener = Counter(), Listener("127.0.0.1", 0)
    await listener.open(counter.api, express=counter.shortcut)
    host, port = listener.url.removeprefix("http://").split(":")
    reading, writing = await asyncio.open_connection(host, int(port))
    try:
        for number, more in enumerate((b"", TWICE, b"", TWICE, TWICE, b"")):
            body = body_of({"FunctionName": "fn", "Event": f"[{number}]"})
            sent = counter.sign("InvokeFunction", body)
            head = b"".join(b"%b: %b\r\n" % one for one in sent.headers.items())
            writing.write(b"POST / HTTP/1.1\r\n" + head + more + b"\r\n" + body)
            answer = await reading.readuntil(b"}}")

            assert b'"RetMsg":"\\"ok\\""' in answer
            assert counter.runs.calls[-1].event == b"[%d]" % number
    finally:
        writing.close()
        await writing.wait_closed()
        await listener.close()


ENDS = st.builds(
    Answered,
    outcome=st.builds(
        Outcome,
        status=st.sampled_from(Status),
        silent=st.booleans(),
        result=st.text(st.characters() | st.just("\ud800"), max_size=8),
        error=st.text(max_size=8),
        log=st.text(max_size=3000).map(lambda text: text * 2),
        duration_ms=st.floats(0, 1e9),
        memory_bytes=st.integers(0, 1 << 40),
    ),
    version=st.text(max_size=4),
    alias=st.text(max_size=4),
)


@given(end=ENDS, call=st.sampled_from(CALLS))
def test_whatever_comes_of_a_call_is_told_as_by_the_desk(
    end: Answered, call: tuple[str, dict[str, object]]
) -> None:
    counter = Counter(end)

    assert assert_the_same(counter, counter.sign(call[0], body_of(call[1])))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("FunctionVersion", "2"), "ResourceNotFound.Qualifier"),
        (NotFound("FunctionName", "fn"), "ResourceNotFound.FunctionName"),
        (Failed("FunctionStatusError", "not yet"), "FailedOperation.FunctionStatusError"),
        (RuntimeError("ours"), "InternalError"),
    ],
)
def test_a_call_that_is_refused_further_in_is_told_as_by_the_desk(
    error: Exception, code: str
) -> None:
    counter = Counter(error)
    sent = counter.sign("InvokeFunction", b'{"FunctionName": "fn"}')

    assert assert_the_same(counter, sent)
    assert json.loads(counter.by_the_desk(sent))["Response"]["Error"]["Code"] == code


def test_an_answer_that_nobody_can_write_is_an_error_of_ours_and_not_silence() -> None:
    counter = Counter(Answered(Outcome(status=200, result="\ud800"), "1", ""))
    answer = counter.by_the_shortcut(counter.sign("Invoke", b'{"FunctionName": "fn"}')) or b""

    assert json.loads(answer)["Response"]["Error"]["Code"] == "InternalError"


async def test_each_request_that_is_taken_is_answered_once_by_whomever_it_is_for() -> None:
    for action, parameters in (*CALLS, *OTHERS):
        counter = Counter()
        sent = counter.sign(action, body_of(parameters))
        answer = counter.shortcut.find(sent.method, sent.target, sent.headers)
        if answer is None:
            assert sent.headers[b"x-tc-action"] not in KINDS
            continue
        answer(sent)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert sent.said == [counter.by_the_desk(sent)]


# Whatever is sent.

FIELDS = st.sampled_from(
    [
        *("FunctionName", "Qualifier", "Event", "ClientContext", "LogType", "Namespace"),
        *("RoutingKey", "InvocationType", "functionName", "Other", ""),
    ]
)
TEXTS = st.sampled_from(
    [
        *("", "fn", "{}", "[1,", '{"User":"Bob"}', "Tail", "None", "Event", "RequestResponse"),
        *("default", "NaN", "\ud800", "灰", '{"a":NaN}', " 1 ", "$LATEST", "\x00"),
    ]
)
VALUES = TEXTS | st.none() | st.integers() | st.booleans() | st.lists(TEXTS, max_size=2)
#: With names that are there twice, which no dictionary has.
OBJECTS = st.lists(st.tuples(FIELDS, VALUES), max_size=6).map(
    lambda pairs: (
        "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in pairs) + "}"
    ).encode()
)
CUT = st.tuples(OBJECTS, st.integers(0, 60), st.binary(max_size=2)).map(
    lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
)


@given(
    body=OBJECTS | CUT | st.binary(max_size=8), action=st.sampled_from(["InvokeFunction", "Invoke"])
)
@example(body=b'{"FunctionName":"a","FunctionName":"b"}', action="InvokeFunction")
@example(body=b'{"Namespace":"x","FunctionName":"a","Namespace":""}', action="Invoke")
@example(body=b'\xef\xbb\xbf{"FunctionName":"a"}', action="InvokeFunction")
@example(body=b'{"FunctionName":"\xff"}', action="InvokeFunction")
@example(body=b'{"FunctionName":"\\u0061"} ', action="InvokeFunction")
def test_whatever_is_signed_the_shortcut_answers_as_the_desk_or_not_at_all(
    body: bytes, action: str
) -> None:
    counter = Counter()

    assert_the_same(counter, counter.sign(action, body))


@given(data=st.data(), call=st.sampled_from(CALLS))
def test_no_byte_that_is_changed_on_the_way_makes_the_shortcut_answer_otherwise(
    data: st.DataObject, call: tuple[str, dict[str, object]]
) -> None:
    counter = Counter()
    sent = counter.sign(call[0], body_of(call[1]), key=data.draw(st.sampled_from(["root", "view"])))
    # Nobody hears of a length that is not the body's: the listener sees to that.
    name = data.draw(st.sampled_from([name for name in sent.headers if name != LENGTH]))
    which = data.draw(st.integers(0, 1))
    pair = [name, sent.headers[name]]
    place = data.draw(st.integers(0, len(pair[which])))
    put = data.draw(st.binary(max_size=1))
    pair[which] = pair[which][:place] + put + pair[which][place + data.draw(st.integers(0, 1)) :]
    kept = {key: sent.headers[key] for key in sent.headers if key != name}

    assert_the_same(counter, replace(sent, headers=kept | {pair[0].lower(): pair[1]}))


def test_the_shortcut_and_the_desk_read_the_same_fields() -> None:
    """A field that is new to an action is known to both at once."""
    for kind in KINDS.values():
        for one in msgspec.structs.fields(kind.action.request):
            counter = Counter()
            body = body_of({"FunctionName": "fn"} | {one.encode_name: ""})

            assert assert_the_same(counter, counter.sign(kind.action.name, body)), one.encode_name
