"""Several gateway processes: they answer as one, whatever becomes of any of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.lanes import PROCESSES, Crowd, asked, children, connected, counted, lanes, url
from tests.e2e.rolling_out import BAD, Load, Release
from tests.platform import Platform, until

SEVERAL = ("--set", f"gateway_processes={PROCESSES}")
CALLERS = 12
#: Does what its path says.
MOODY = """
import os, sys, time

def main_handler(event, context):
    wish = event["path"].strip("/")
    print("wish", wish)
    if wish == "sleep":
        time.sleep(30)
    if wish == "exit":
        os._exit(3)
    if wish == "slow":
        time.sleep(0.3)
    return {"pid": os.getpid(), "said": event.get("body", ""), "wish": wish}
"""


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A server that answers at its gateway with more than one process."""
    running = Platform.start(tmp_path_factory.mktemp("several") / "data", *SEVERAL)
    lanes(running)
    yield running
    assert running.stop() == 0
    assert children(running) == []


@pytest.mark.timeout(60)
def test_a_split_is_exact_over_all_processes(several: Platform, name: str) -> None:
    release = Release.make(several, name)
    shares = [{"Version": "2", "Weight": 0.3}]
    asked_for = {"FunctionName": name, "Name": "release", "FunctionVersion": "1"}
    several.call("UpdateAlias", **asked_for, RoutingConfig={"AdditionalVersionWeights": shares})
    for some in (200, 400):
        crowd = Crowd(several, release.path, CALLERS, some)
        with crowd.calling():
            crowd.finished()
        assert {call.status for call in crowd.calls} == {200}
        assert Counter(call.version for call in crowd.calls)["2"] == some * 3 // 10

    assert counted(several, name) == 600


@pytest.mark.timeout(60)
def test_a_moved_alias_is_obeyed_by_all_once_the_write_is_answered(
    several: Platform, name: str
) -> None:
    release = Release.make(several, name)
    crowd = Crowd(several, release.path, CALLERS)
    with crowd.calling():
        for turn in range(12):
            version = "12"[turn % 2]
            several.call("UpdateAlias", FunctionName=name, Name="release", FunctionVersion=version)
            assert {call.version for call in crowd.later(3 * CALLERS)} == {version}

    assert {call.status for call in crowd.calls} == {200}


@pytest.mark.timeout(60)
def test_of_a_lane_that_is_killed_only_its_own_connections_break(
    several: Platform, name: str
) -> None:
    path = url(several, several.make(name))
    crowd = Crowd(several, path, CALLERS)
    with crowd.calling():
        crowd.later(CALLERS)
        os.kill(lanes(several)[0], signal.SIGKILL)
        crowd.later(10 * CALLERS)

    assert len(crowd.broken) <= CALLERS
    assert {call.status for call in crowd.answered} == {200}
    every = len(crowd.answered) + len(crowd.broken)
    assert len(crowd.answered) <= counted(several, name) <= every
    until(
        lambda: (
            several.metrics("huidu_instances", function=name, state="busy")["$LATEST", "busy"] == 0
        )
    )
    assert len(lanes(several)) == PROCESSES - 1
    assert several.metrics("huidu_gateway_restarts_total")["", ""] >= 1


@pytest.mark.timeout(60)
def test_a_lane_that_does_not_hear_of_a_write_is_ended_before_that_is_answered(
    several: Platform, name: str
) -> None:
    release = Release.make(several, name)
    deaf = lanes(several)[0]
    connection = connected(several, [deaf])
    assert asked(connection, release.path).headers["x-scf-version"] == "1"

    os.kill(deaf, signal.SIGSTOP)
    several.call("UpdateAlias", FunctionName=name, Name="release", FunctionVersion="2")

    assert deaf not in children(several)
    connection.close()
    connection = connected(several, lanes(several))
    assert asked(connection, release.path).headers["x-scf-version"] == "2"
    connection.close()


@pytest.mark.timeout(60)
def test_a_bad_version_is_taken_back_within_its_budget_over_all_processes(
    several: Platform, name: str
) -> None:
    release = Release.make(several, name, second=BAD)
    with Load(release).running() as load:
        until(lambda: load.count("1") >= 50, 30)
        release.start(Reason="a try", Budget={"Failures": 4})
        until(lambda: release.stands() == ("rolled back", 0), 30)
        seen = len(load.answers)
        until(lambda: len(load.answers) >= seen + 50, 30)

    failed = [version for status, version in load.answers if status != 200]
    assert set(failed) <= {"2"}
    assert len(failed) <= 4 + load.callers


@pytest.mark.timeout(60)
def test_calls_end_in_a_lane_as_they_do_anywhere(several: Platform, name: str) -> None:
    path = url(several, several.make(name, MOODY, Timeout=1))
    connection = connected(several, lanes(several))

    first = asked(connection, path, "POST", "hello")
    assert (first.status, "hello" in first.text) == (200, True)
    assert asked(connection, path + "sleep").status == 433
    assert "Invoking task timed out after 1 seconds" in _log(several, name, "433")
    assert asked(connection, path + "exit").status == 439
    assert "wish exit" in _log(several, name, "439")
    assert asked(connection, path).status == 200
    assert asked(connection, path + "slow").status == 200
    large = asked(connection, path, "POST", "x" * 3_000_000)
    assert (large.status, len(large.text) > 3_000_000) == (200, True)
    connection.close()
    assert counted(several, name) == 6


@pytest.mark.timeout(60)
def test_what_a_call_prints_is_its_own_whichever_process_has_the_instance(
    several: Platform, name: str
) -> None:
    path = url(several, several.make(name, MOODY))
    several.call("PutReservedConcurrencyConfig", FunctionName=name, ReservedConcurrencyMem=128)
    among = [several.process.pid, *lanes(several)]
    connections = [connected(several, [pid]) for pid in among]
    for turn in range(3):
        for connection, pid in zip(connections, among, strict=True):
            assert asked(connection, f"{path}{turn}-{pid}").status == 200
    for connection in connections:
        connection.close()

    told = several.call("GetFunctionLogs", FunctionName=name)["Data"]
    assert len(told) == 3 * PROCESSES
    for one in told:
        assert f"wish {json.loads(one['RetMsg'])['wish']}\n" in one["Log"]
        assert one["Log"].count("wish") == 2  # in what it prints, and in what it returns
    assert len({json.loads(one["RetMsg"])["pid"] for one in told}) == 1


def _log(platform: Platform, name: str, code: str) -> str:
    told = platform.call("GetFunctionLogs", FunctionName=name)["Data"]
    return str(next(one["Log"] + one["RetMsg"] for one in told if code in str(one)))


@pytest.mark.timeout(60)
def test_one_instance_serves_the_callers_of_all_processes_in_turn(
    several: Platform, name: str
) -> None:
    path = url(several, several.make(name))
    one = {"FunctionName": name, "ReservedConcurrencyMem": 128}
    several.call("PutReservedConcurrencyConfig", **one)
    among = [several.process.pid, *lanes(several)]
    connections = [connected(several, [pid]) for pid in among]
    crowd = Crowd(several, path, 4)
    with crowd.calling():
        crowd.later(4)
        for connection in connections:
            assert asked(connection, path).status == 200
    assert {call.status for call in crowd.calls} == {200}

    several.call("PutReservedConcurrencyConfig", **one | {"ReservedConcurrencyMem": 0})

    for connection in connections:
        assert asked(connection, path).status == 432
        connection.close()


@pytest.mark.timeout(60)
def test_what_a_lane_does_not_answer_the_server_does_on_the_same_connection(
    several: Platform, name: str
) -> None:
    path = url(several, several.make(name, MOODY))
    among = lanes(several)
    body = b"5\r\nhello\r\n0\r\n\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode()
    get = f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode()
    for sent, answers in (
        (head + b"Transfer-Encoding: chunked\r\n\r\n" + body, 1),
        (head + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", 1),
        (get + b"\r\n" + get + b"\r\n" + head + b"Content-Length: 5\r\n\r\nhello", 3),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 1),
        (get[:20], 0),
    ):
        connection = connected(several, among).sock
        connection.sendall(sent)
        if not answers:
            connection.sendall(get[20:] + b"\r\n")
        said = b""
        while said.count(b"HTTP/1.1 200") < max(1, answers):
            said += connection.recv(1 << 16)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass
        connection.close()


@pytest.mark.timeout(60)
def test_a_connection_goes_from_one_function_to_another(several: Platform, name: str) -> None:
    path = url(several, several.make(name))
    connection = connected(several, lanes(several))

    assert asked(connection, path).status == 200
    assert asked(connection, "/url/000000000000/").status == 404
    assert asked(connection, path).status == 200
    several.call("DeleteFunction", FunctionName=name)
    assert asked(connection, path).status == 404
    connection.close()


@pytest.mark.timeout(60)
def test_a_server_that_is_told_to_end_answers_what_its_lanes_have(
    start: Callable[..., Platform],
) -> None:
    server = start(*SEVERAL)
    path = url(server, server.make("moody", MOODY, Timeout=30))
    connection = connected(server, lanes(server))
    assert asked(connection, path).status == 200
    connection.request("GET", path + "slow")
    time.sleep(0.1)  # it is under way

    server.process.send_signal(signal.SIGTERM)

    assert connection.getresponse().status == 200
    connection.close()
    assert server.process.wait(30) == 0
    assert children(server) == []
    again = start(data=server.data)
    assert len(again.call("GetFunctionLogs", FunctionName="moody")["Data"]) == 2


@pytest.mark.timeout(60)
def test_no_process_goes_on_without_the_server(start: Callable[..., Platform]) -> None:
    server = start(*SEVERAL)
    assert len(lanes(server)) == PROCESSES - 1

    server.stop(signal.SIGKILL)

    until(lambda: children(server) == [])
