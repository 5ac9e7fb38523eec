"""Web functions, from a client's socket through the gateway to a real server in a sandbox."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.serving import APP, publish, vendored
from tests.instances.making import soon
from tests.platform import Platform

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root here"),
    pytest.mark.timeout(90),
]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data = tmp_path_factory.mktemp("web") / "data"
    running = Platform.start(data, "--set", "tier=best", "--set", "network=none")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def wide(web: Platform) -> str:
    """A function whose instance takes a hundred exchanges at a time."""
    return publish(web, "wide", concurrency=100)


class Client:
    """One connection, and the answer to one request."""

    def __init__(self, url: str, path: str, method: str = "GET", **more: Any) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=40)
        self.connection.request(method, parts.path + path, **more)
        self.answer = self.connection.getresponse()

    def __enter__(self) -> http.client.HTTPResponse:
        return self.answer

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self.connection.close()


def ask(url: str, path: str, method: str = "GET", **more: Any) -> tuple[int, bytes]:
    with Client(url, path, method, **more) as answer:
        return answer.status, answer.read()


def says(url: str, path: str, **more: Any) -> Any:
    return json.loads(ask(url, path, **more)[1])


def record(web: Platform, name: str, request_id: str) -> dict[str, Any]:
    """What is kept of a call, as soon as it is."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = web.call("GetFunctionLogs", FunctionName=name, FunctionRequestId=request_id)[
            "Data"
        ]
        return bool(found)

    assert soon(there)
    return found[0]


def test_a_request_reaches_the_server_as_it_was_sent(wide: str) -> None:
    seen = says(wide, "/seen/a%2Fb?x=1&x=%20", method="PUT", body=b"b", headers={"X-Mine": "1"})
    headers = {name.lower(): value for name, value in seen["headers"]}

    assert (seen["method"], seen["path"]) == ("PUT", "/seen/a%2Fb?x=1&x=%20")
    assert headers["x-mine"] == "1"
    assert headers["host"] == urlsplit(wide).netloc == headers["x-forwarded-host"]
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert (headers["x-scf-name"], headers["x-scf-version"]) == ("wide", "$LATEST")
    assert (headers["x-scf-memory"], headers["x-scf-timeout"]) == ("128", "30")
    assert {"x-scf-region", "x-scf-appid", "x-scf-uin", "x-scf-namespace"} <= set(headers)
    assert headers["connection"] == "close"


def test_nobody_can_say_what_only_the_platform_may(wide: str) -> None:
    forged = {
        "X-Scf-Name": "other",
        "X_Scf_Name": "other",
        "X-Scf-Request-Id": "mine",
        "Connection": "X-Own, close",
    }
    with Client(wide, "/seen", headers=forged | {"X-Own": "1"}) as answer:
        seen = [(name.lower(), value) for name, value in json.load(answer)["headers"]]
        request_id = answer.headers["X-Api-RequestId"]

    assert [value for name, value in seen if name == "x-scf-name"] == ["wide"]
    assert [value for name, value in seen if name == "x-scf-request-id"] == [request_id]
    assert {"x-own", "x_scf_name"}.isdisjoint(dict(seen))


def test_an_answer_comes_as_the_server_gave_it(wide: str) -> None:
    with Client(wide, "/cookies") as answer:
        assert answer.status == 201
        assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert answer.headers.get_all("X-Scf-Version") == ["$LATEST"]
        assert answer.headers["X-Scf-Alias"] == "$DEFAULT"
        assert "X-Own" not in answer.headers
        assert len(answer.headers.get_all("Date") or ()) == 1


@pytest.mark.parametrize("status", [204, 304, 404, 418, 503])
def test_any_status_passes(wide: str, status: int) -> None:
    assert ask(wide, f"/status/{status}")[0] == status


def test_a_length_beside_a_coding_is_not_believed(wide: str) -> None:
    assert ask(wide, "/double") == (200, b"hello")


def test_a_head_has_no_body(wide: str) -> None:
    with Client(wide, "/seen", "HEAD") as answer:
        assert (answer.status, answer.read()) == (200, b"")
        assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize("chunked", [False, True])
def test_five_megabytes_go_up_and_come_down(wide: str, *, chunked: bool) -> None:
    body = os.urandom(5 << 20)
    pieces = [body[place : place + 70_000] for place in range(0, len(body), 70_000)]
    more: dict[str, Any] = {"body": body}
    if chunked:
        more = {"body": iter(pieces), "encode_chunked": True}
        more["headers"] = {"Transfer-Encoding": "chunked"}

    assert ask(wide, "/echo", "POST", **more) == (200, body)


def test_more_than_six_megabytes_are_refused_before_they_are_read(wide: str) -> None:
    parts = urlsplit(wide)
    with socket.create_connection((str(parts.hostname), parts.port or 0)) as client:
        client.sendall(
            f"POST {parts.path}/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 7000000\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_refused_as_it_grows_too_large(wide: str) -> None:
    pieces = [bytes(1 << 20)] * 7
    more = {"body": iter(pieces), "headers": {"Transfer-Encoding": "chunked"}}
    status, said = ask(wide, "/echo", "POST", encode_chunked=True, **more)

    assert (status, json.loads(said)["statusCode"]) == (413, 406)


def test_a_client_may_ask_whether_to_go_on(wide: str) -> None:
    parts = urlsplit(wide)
    with socket.create_connection((str(parts.hostname), parts.port or 0)) as client:
        client.sendall(
            f"POST {parts.path}/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
            "Connection: close\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"body")
        assert client.makefile("rb").read().endswith(b"\r\n\r\nbody")


def test_what_the_server_says_is_heard_before_it_goes_on(wide: str) -> None:
    with Client(wide, "/stream") as answer:
        assert answer.readline() == b"data: one\n"
        assert says(wide, "/go") == "gone"  # only now does the server say more
        assert answer.read() == b"\ndata: two\n\n"


def test_a_hundred_exchanges_share_an_instance(web: Platform) -> None:
    url = publish(web, "hundred", concurrency=100)
    assert says(url, "/") == "hello"
    with ThreadPoolExecutor(100) as clients:
        answers = list(clients.map(lambda _: says(url, "/together?of=100"), range(100)))

    assert answers == [100] * 100


def test_one_at_a_time_is_one_at_a_time(web: Platform) -> None:
    url = publish(web, "single", concurrency=1)
    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(lambda _: says(url, "/together?of=1"), range(40))) == {1}


def test_a_client_that_leaves_ends_the_exchange(web: Platform, wide: str) -> None:
    before = says(wide, "/most")["left"]
    with Client(wide, "/forever") as answer:
        assert answer.readline() == b"tick\n"
        request_id = answer.headers["X-Api-RequestId"]

    assert soon(lambda: says(wide, "/most")["left"] == before + 1)
    assert record(web, "wide", request_id)["StatusCode"] == 499


def test_a_slow_reader_slows_the_server(web: Platform, wide: str) -> None:
    def resident_bytes() -> int:
        status = Path(f"/proc/{web.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    before = resident_bytes()
    with Client(wide, "/flood") as answer:
        assert answer.read(1) == b"x"
        sent = [0, -1]
        while sent[-1] != sent[-2]:  # until the server waits
            time.sleep(0.3)
            sent.append(says(wide, "/most").get("sent", 0))
        assert sent[-1] < 64 << 20
        assert resident_bytes() - before < 32 << 20
        assert sum(len(answer.read(1 << 20)) for _ in range(256)) == (256 << 20) - 1


@pytest.mark.parametrize(
    ("path", "status", "code", "word"),
    [
        ("/vanish", 439, 439, "it exited with status 3"),
        ("/eat", 434, 434, "Memory limit of 128 MB exceeded"),
        ("/sleep", 433, 433, "timed out after 1 seconds"),
        ("/garbage", 502, 443, "no whole answer"),
        ("/long", 502, 443, "over 4096 bytes"),
        ("/status/700", 502, 443, "700 is no status of HTTP"),
    ],
)
def test_a_failure_is_told_as_what_it_was(
    web: Platform, path: str, status: int, code: int, word: str
) -> None:
    name = f"fails-{path.strip('/').replace('/', '-')}"
    url = publish(web, name, Timeout=1 if path == "/sleep" else 30)
    with Client(url, path) as answer:
        said = json.load(answer)
        assert (answer.status, said["statusCode"]) == (status, code)
        assert word in said["errorMessage"] + said.get("stackTrace", "")
        assert said["requestId"] == answer.headers["X-Api-RequestId"]

    assert record(web, name, said["requestId"])["StatusCode"] == code
    assert ask(url, "/")[0] == 200


def test_what_is_cut_is_seen_to_be_cut(web: Platform) -> None:
    url = publish(web, "cut", Timeout=3)
    for path, code in (("/die", 439), ("/half", 433)):
        with Client(url, path) as answer, pytest.raises(http.client.IncompleteRead):
            answer.read()
        assert record(web, "cut", answer.headers["X-Api-RequestId"])["StatusCode"] == code


def test_an_exchange_that_times_out_takes_no_others_with_it(web: Platform) -> None:
    url = publish(web, "patient", concurrency=10, Timeout=2)
    with Client(url, "/stream") as answer, ThreadPoolExecutor(1) as other:
        assert answer.readline() == b"data: one\n"
        late = other.submit(ask, url, "/sleep")
        time.sleep(0.2)
        with Client(url, "/stream"):
            pass
        assert says(url, "/go") == "gone"
        assert answer.read().endswith(b"two\n\n")
        assert late.result()[0] == 433


def test_every_exchange_leaves_a_record(web: Platform, wide: str) -> None:
    with Client(wide, "/print/1", "POST", body=b"12345") as answer:
        request_id, body = answer.headers["X-Api-RequestId"], answer.read()
    kept = record(web, "wide", request_id)

    assert (kept["StatusCode"], body) == (200, b'"printed"')
    assert "printed for /print/1" in kept["Log"]
    with Client(wide, "/status/503") as answer:
        failed = record(web, "wide", answer.headers["X-Api-RequestId"])
    assert failed["StatusCode"] == 443
    assert "HTTP 503" in failed["Log"]


@pytest.mark.parametrize(
    ("bootstrap", "mode", "status", "word"),
    [
        ("#!/bin/bash\nsleep 600\n", 0o755, 446, "did not listen on port 9000 within 1 seconds"),
        ("#!/bin/bash\necho broken; exit 7\n", 0o755, 445, "ended with status 7"),
        ("#!/bin/nothing\n", 0o755, 437, "asks for the interpreter '/bin/nothing'"),
        ("#!/bin/bash\r\nexec python3\r\n", 0o755, 437, "LF"),
        ("exec python3\n", 0o755, 437, "#!/bin/sh"),
        ("#!/bin/bash\n", 0o644, 437, "mode 755"),
    ],
)
def test_a_server_that_does_not_start_says_why(
    web: Platform, name: str, bootstrap: str, mode: int, status: int, word: str
) -> None:
    url = publish(web, name, bootstrap=bootstrap, mode=mode, InitTimeout=1)
    answered, said = ask(url, "/")

    assert answered == status
    assert word in json.loads(said)["errorMessage"]


def test_a_package_without_a_bootstrap_is_told(web: Platform, name: str) -> None:
    web.make(name, APP, Type="HTTP")
    trigger = web.call(
        "CreateTrigger", FunctionName=name, TriggerName="u", Type="http", TriggerDesc="{}"
    )
    url = json.loads(trigger["TriggerInfo"]["TriggerDesc"])["ExtranetHTTPUrl"].rstrip("/")

    assert "no file scf_bootstrap" in says(url, "/")["errorMessage"]


def test_a_web_function_is_called_over_http_alone(web: Platform, wide: str) -> None:
    for action, more in (("InvokeFunction", {}), ("Invoke", {"InvocationType": "Event"})):
        refused = web.refusal(action, FunctionName="wide", **more)
        assert refused.get_code() == "InvalidParameterValue.FunctionType"
    timer = {"Type": "timer", "TriggerName": "t", "TriggerDesc": "0 0 * * * * *"}
    refused = web.refusal("CreateTrigger", FunctionName="wide", **timer)
    assert refused.get_code() == "InvalidParameterValue.Type"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("InstanceConcurrencyConfig", {"DynamicEnabled": "FALSE", "MaxConcurrency": 101}),
        ("InstanceConcurrencyConfig", {"DynamicEnabled": "FALSE", "MaxConcurrency": 0}),
        ("InstanceConcurrencyConfig", {"DynamicEnabled": "TRUE"}),
        ("ProtocolType", "MQTT"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(
    web: Platform, name: str, field: str, value: object
) -> None:
    more = {"Type": "HTTP", "Code": {"ZipFile": ""}, field: value}
    refused = web.refusal("CreateFunction", FunctionName=name, **more)

    assert refused.get_code() == f"InvalidParameterValue.{field}"


SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
        "Content-Length: +0\r\n\r\n" + SMUGGLED,
        "X-Folded: a\r\n Content-Length: 40\r\n\r\n" + SMUGGLED,
        "X-Bare: a\nContent-Length: 40\r\n\r\n" + SMUGGLED,
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    ],
)
def test_no_request_is_smuggled_to_the_server(wide: str, head: str) -> None:
    parts = urlsplit(wide)
    with socket.create_connection((str(parts.hostname), parts.port or 0), 20) as client:
        client.sendall(f"POST {parts.path}/seen HTTP/1.1\r\nHost: h\r\n{head}".encode())
        client.shutdown(socket.SHUT_WR)
        heard = client.makefile("rb").read()

    assert b'"/smuggled"' not in heard


def test_one_web_function_cannot_reach_another(web: Platform, wide: str) -> None:
    reach = (
        "import socket\n"
        "def main_handler(event, context):\n"
        "    try:\n"
        "        socket.create_connection(('127.0.0.1', 9000), 2)\n"
        "    except OSError as error:\n"
        "        return error.strerror\n"
        "    return 'reached'\n"
    )
    web.make("reacher", reach)
    with Client(wide, "/forever"):
        assert web.invoke("reacher")["RetMsg"] == '"Connection refused"'


def test_without_a_network_of_its_own_it_is_told_what_to_change(start: Any, name: str) -> None:
    server = start("--set", "tier=none")
    said = says(publish(server, name), "/")

    assert said["statusCode"] == 446
    assert "set tier to best" in said["errorMessage"]


FLASK = """
from flask import Flask, request
app = Flask(__name__)

@app.get("/hello/<name>")
def hello(name):
    return {"hello": name, "id": request.headers["X-Scf-Request-Id"]}

app.run(host="0.0.0.0", port=9000)
"""


def test_a_flask_application_is_served_as_it_is(web: Platform) -> None:
    packages = ("flask", "werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker")
    url = publish(web, "flask", FLASK, beside=vendored(*packages), concurrency=10)
    with Client(url, "/hello/you") as answer:
        said = json.load(answer)

    assert said == {"hello": "you", "id": answer.headers["X-Api-RequestId"]}


NODE = """
require("http").createServer((request, response) => {
  response.setHeader("X-Node", process.version)
  request.pipe(response)
}).listen(9000)
"""


@pytest.mark.skipif(
    not any(Path(f"{place}/bin/node").exists() for place in ("/usr", "/usr/local")),
    reason="there is no Node.js where sandboxes show it",
)
def test_a_node_server_starts_as_it_does_in_the_cloud(web: Platform) -> None:
    start = "#!/bin/bash\nexec /var/lang/node16/bin/node app.py\n"
    url = publish(web, "node", NODE, bootstrap=start, MemorySize=256)
    with Client(url, "/", "POST", body=b"piped") as answer:
        assert answer.headers["X-Node"].startswith("v")
        assert answer.read() == b"piped"
