"""Traces, logs and metrics of real calls, as a real collector hears of them."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.collector import Collector, attributes
from tests.e2e.serving import packed, publish, url_of
from tests.platform import Platform, until, zipped
from tests.runtimes.bootstraps import ECHO

pytestmark = pytest.mark.timeout(90)

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SENT = f"00-{TRACE_ID}-{CALLER}-01"
QUICKLY = {"OTEL_METRIC_EXPORT_INTERVAL": "300"}

#: Hands what it was sent on to the function whose address it is told, as code of users does.
CALLS_ON = """
import json, os, urllib.request

def main_handler(event, context):
    body = json.loads(event["body"] or "{}")
    seen = {
        "header": event["headers"].get("traceparent"),
        "state": event["headers"].get("tracestate"),
        "context": context.get("traceparent"),
        "environment": os.environ.get("TRACEPARENT"),
    }
    print("calling on" if body else "the last")
    if not body:
        return {"seen": seen}
    sent = {k: event["headers"][k] for k in ("traceparent", "tracestate") if k in event["headers"]}
    asked = urllib.request.Request(body["next"], b"{}", sent)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return {"seen": seen, "then": json.load(answer)}
"""
TELLS = """
import os

def main_handler(event, context):
    if event.get("fail"):
        raise ValueError("on purpose")
    print("hello")
    return [context.get("traceparent"), os.environ.get("TRACEPARENT")]
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Platform]:
    running = Platform.start(
        tmp_path_factory.mktemp("traced") / "data",
        *("--set", "network=host"),
        *("--set", f"otlp_endpoint={collector.url}", "--set", "otlp_headers=x-token=s%20t"),
        environment=QUICKLY,
    )
    yield running
    assert running.stop() == 0


def post(url: str, body: object, headers: Mapping[str, str] = {}) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=40)
    connection.request("POST", parts.path or "/", json.dumps(body), dict(headers))
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, said
    return said


def quiet(collector: Collector, calls: int) -> None:
    """Wait until so many calls were told of, and a moment more for what would be too many."""
    until(lambda: len(collector.calls()) >= calls, 20)
    time.sleep(1.2)
    assert len(collector.calls()) == calls


def invoke(platform: Platform, name: str, event: object, sent: str) -> Any:
    """Call a function over the cloud API, as an SDK does whose HTTP client is instrumented."""
    answer = platform.client().call_json(
        "InvokeFunction",
        {"FunctionName": name, "Event": json.dumps(event)},
        headers={"traceparent": sent},
    )
    return json.loads(answer["Response"]["Result"]["RetMsg"])


def test_a_call_from_a_caller_by_the_gateway_to_a_function_and_to_another_is_one_trace(
    traced: Platform, collector: Collector
) -> None:
    for name in ("first", "second"):
        traced.make(name, CALLS_ON, Timeout=30)
    first, second = (url_of(traced, name) for name in ("first", "second"))
    before = len(collector.calls())

    said = post(first, {"next": second}, {"traceparent": SENT, "tracestate": "a=1, b=2"})

    quiet(collector, before + 2)
    one, two = collector.call("first"), collector.call("second")
    assert {one.trace_id.hex(), two.trace_id.hex()} == {TRACE_ID}
    assert one.parent_span_id.hex() == CALLER
    assert two.parent_span_id == one.span_id
    told = f"00-{TRACE_ID}-{one.span_id.hex()}-01"
    assert said["seen"] == {
        "header": told,
        "state": "a=1,b=2",
        "context": told,
        "environment": told,
    }
    assert said["then"]["seen"]["header"] == f"00-{TRACE_ID}-{two.span_id.hex()}-01"
    for span in (one, two):
        parts = {part.name: part for part in collector.parts(span)}
        assert set(parts) == {"wait", "init", "run"} or set(parts) == {"init", "run"}
        assert span.start_time_unix_nano <= parts["init"].start_time_unix_nano
        assert parts["init"].end_time_unix_nano == parts["run"].start_time_unix_nano
        assert parts["run"].end_time_unix_nano == span.end_time_unix_nano
        assert attributes(span.attributes)["faas.coldstart"] is True
        assert attributes(span.attributes)["faas.trigger"] == "http"
    assert two.end_time_unix_nano <= one.end_time_unix_nano


def test_what_is_said_of_a_call_is_named_as_the_conventions_name_it(
    traced: Platform, collector: Collector
) -> None:
    name = traced.make("named", TELLS)
    traced.publish(name)
    traced.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion="1")
    before = len(collector.calls())

    result = traced.invoke(name, {"fail": True}, Qualifier="release")

    quiet(collector, before + 1)
    span = collector.call(name)
    said = attributes(span.attributes)
    assert said["faas.instance"]
    assert {key: value for key, value in said.items() if key != "faas.instance"} == {
        "faas.name": name,
        "faas.version": "1",
        "faas.trigger": "other",
        "faas.coldstart": True,
        "faas.invocation_id": result["FunctionRequestId"],
        "faas.max_memory": 128 << 20,
        "huidu.namespace": "default",
        "huidu.alias": "release",
        "huidu.qualifier": "release",
        "huidu.routing.reason": "main version",
        "huidu.routing.probability": 1.0,
        "huidu.status": 430,
    }
    assert span.trace_id.hex() == result["FunctionRequestId"].replace("-", "")
    assert span.parent_span_id == b""
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert "on purpose" in span.status.message
    assert collector.resource["service.name"] == "huidu"
    assert collector.headers["x-token"] == "s t"


def test_an_api_request_and_an_event_that_nobody_waits_for_stay_in_their_callers_trace(
    traced: Platform, collector: Collector
) -> None:
    name = traced.make("asked", TELLS)
    before = len(collector.calls())

    told = invoke(traced, name, {}, SENT)
    traced.client().call_json(
        "Invoke",
        {"FunctionName": name, "InvocationType": "Event", "ClientContext": "{}"},
        headers={"traceparent": SENT},
    )

    quiet(collector, before + 2)
    spans = [span for span in collector.calls() if span.name == name]
    assert {span.trace_id.hex() for span in spans} == {TRACE_ID}
    assert {span.parent_span_id.hex() for span in spans} == {CALLER}
    assert told[0] == told[1]
    assert told[0] in {f"00-{TRACE_ID}-{span.span_id.hex()}-01" for span in spans}


def test_a_call_whose_caller_says_not_to_sample_has_no_span_and_says_so_on(
    traced: Platform, collector: Collector
) -> None:
    name = traced.make("unsampled", TELLS)
    before = len(collector.calls())

    told, environment = invoke(traced, name, {}, f"{SENT[:-2]}00")

    assert told == environment
    assert told.startswith(f"00-{TRACE_ID}-")
    assert told.endswith("-00")
    assert CALLER not in told
    quiet(collector, before)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_a_function_in_nodejs_is_told_by_context_and_environment_for_the_call_alone(
    traced: Platform,
) -> None:
    name = traced.make(
        "node",
        Runtime="Nodejs18.15",
        Code={
            "ZipFile": zipped(
                {
                    "index.js": "exports.main_handler = async (event, context) =>"
                    " [context.traceparent, process.env.TRACEPARENT, process.env.TRACESTATE];"
                }
            )
        },
    )
    answer = traced.client().call_json(
        "InvokeFunction",
        {"FunctionName": name},
        headers={"traceparent": SENT, "tracestate": "a=1"},
    )
    context, environment, state = json.loads(answer["Response"]["Result"]["RetMsg"])
    assert context == environment
    assert context.startswith(f"00-{TRACE_ID}-")
    assert state == "a=1"

    context, environment, state = json.loads(traced.invoke(name)["RetMsg"])
    assert context == environment
    assert TRACE_ID not in context
    assert state is None


def test_a_custom_runtime_is_told_in_the_headers_of_its_event(traced: Platform) -> None:
    code = {"ZipFile": packed({"bootstrap": ECHO})}
    traced.call(
        "CreateFunction",
        FunctionName="own",
        Runtime="CustomRuntime",
        Handler="any.thing",
        Code=code,
    )
    _, headers = invoke(traced, "own", {}, SENT)

    assert headers["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert CALLER not in headers["traceparent"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root here")
def test_the_server_of_a_web_function_sees_our_span_in_the_place_of_its_callers(
    tmp_path: Path, collector: Collector
) -> None:
    running = Platform.start(
        tmp_path / "data",
        *("--set", "tier=best", "--set", "network=none"),
        *("--set", f"otlp_endpoint={collector.url}"),
    )
    url = publish(running, "web-traced")
    seen = post(f"{url}/seen", {}, {"traceparent": SENT, "tracestate": "a=1"})
    running.stop()

    span = collector.call("web-traced")
    told = [tuple(one) for one in seen["headers"] if one[0].lower().startswith("trace")]
    assert sorted(told) == [
        ("traceparent", f"00-{TRACE_ID}-{span.span_id.hex()}-01"),
        ("tracestate", "a=1"),
    ]
    assert span.parent_span_id.hex() == CALLER


def test_each_line_that_is_printed_is_told_with_its_call_and_each_failure_as_one(
    traced: Platform, collector: Collector
) -> None:
    name = traced.make("lines", TELLS)
    ids = [traced.invoke(name, {"fail": fail})["FunctionRequestId"] for fail in (False, True)]

    def mine() -> list[tuple[str, str, str]]:
        said = [(attributes(line.attributes), line) for line in collector.lines]
        return [
            (line.severity_text, line.body.string_value, line.trace_id.hex())
            for about, line in said
            if about.get("faas.name") == name
        ]

    until(lambda: len(mine()) >= 2)
    (info, hello, of_first), (error, stack, of_second) = mine()
    assert (info, hello) == ("INFO", "hello")
    assert error == "ERROR"
    assert "on purpose" in stack
    assert [of_first, of_second] == [one.replace("-", "") for one in ids]


def test_the_counters_are_told_as_prometheus_reads_them(
    traced: Platform, collector: Collector
) -> None:
    name = traced.make("counted", TELLS)
    for fail in (False, True, False):
        traced.invoke(name, {"fail": fail})

    def counted() -> Counter[str]:
        found = Counter[str]()
        for key, count in collector.points("huidu_invocations").items():
            about = dict(key)
            if about.get("faas.name") == name:
                found[about["huidu.status"]] += round(count)
        return found

    until(lambda: "huidu_invocations" in collector.metrics)
    until(lambda: counted() == {"200": 2, "430": 1})
    invocations = collector.metrics["huidu_invocations"].sum
    assert invocations.is_monotonic
    assert "huidu_instances" in collector.metrics


def test_a_server_without_a_collector_hands_on_what_came_and_begins_nothing(
    platform: Platform, name: str
) -> None:
    platform.make(name, TELLS)

    assert invoke(platform, name, {}, SENT) == [SENT, SENT]
    assert json.loads(platform.invoke(name)["RetMsg"]) == [None, None]
    assert platform.metrics("huidu_otlp_dropped_total") == {}


def test_of_the_traces_that_begin_here_only_some_are_kept_where_that_is_wished(
    tmp_path: Path, collector: Collector
) -> None:
    running = Platform.start(
        tmp_path / "data",
        *("--set", "trace_ratio=0.0"),
        environment=QUICKLY | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
    )
    name = running.make("rarely", TELLS)
    assert json.loads(running.invoke(name)["RetMsg"])[0].endswith("-00")
    assert invoke(running, name, {}, SENT)[0].endswith("-01")
    running.stop()

    assert [span.trace_id.hex() for span in collector.calls() if span.name == name] == [TRACE_ID]


def test_a_collector_that_hangs_holds_up_no_call_and_not_the_end_either(tmp_path: Path) -> None:
    collector = Collector()
    collector.open.clear()
    running = Platform.start(
        tmp_path / "data", "--set", f"otlp_endpoint={collector.url}", environment=QUICKLY
    )
    name = running.make("calm", TELLS)
    until(lambda: running.invoke(name) and collector.asked > 0)
    answered = [running.invoke(name)["InvokeResult"] for _ in range(50)]

    assert set(answered) == {0}
    assert running.stop() == 0
    assert collector.spans == []
    assert "otlp.left" in running.log.read_text()
    collector.close()


def test_a_collector_that_refuses_costs_what_it_refuses_and_one_that_comes_back_hears_the_rest(
    tmp_path: Path,
) -> None:
    collector = Collector()
    collector.status = 500
    running = Platform.start(
        tmp_path / "data", "--set", f"otlp_endpoint={collector.url}", environment=QUICKLY
    )
    name = running.make("lucky", TELLS)
    running.invoke(name)
    dropped = "huidu_otlp_dropped_total"
    for signal in ("traces", "logs"):
        until(lambda signal=signal: running.metrics(dropped, signal=signal) == {("", ""): 1.0})
    collector.close()  # dies

    for _ in range(5):
        running.invoke(name)
    again = Collector(collector.port)
    until(lambda: len(again.calls()) == 5, 20)
    assert running.metrics(dropped, signal="traces") == {("", ""): 1.0}

    running.invoke(name)
    assert running.stop() == 0  # what is still there is told when the server closes
    assert len(again.calls()) == 6
    assert len(again.lines) == 6
    assert 7 in again.points("huidu_invocations").values()
    told = running.log.read_text()
    assert "otlp.failing" in told
    assert "otlp.works" in told
    assert "otlp.failed" not in told
    again.close()
