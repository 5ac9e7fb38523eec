"""The command line: what it says, where it says it, and the number it ends with."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.common import credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from huidu import __version__, compiled
from huidu.actions.table import ACTIONS
from huidu.cli import serve as serving
from huidu.cli.api import kebab
from huidu.cli.main import main
from huidu.settings import KINDS
from tests.forked import mother
from tests.platform import REGION, SECRET_ID, SECRET_KEY, Platform, until, zipped

Run = Callable[..., tuple[int, str, str]]
SLEEPY = (
    "import time\ndef main_handler(event, context):\n    time.sleep(event['takes'])\n    return 1"
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `huidu` in this process, in a directory of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("HUIDU_", "TENCENTCLOUD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")

    def huidu(*arguments: str, stdin: str = "", **environment: str) -> tuple[int, str, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["huidu", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code
        out, err = capsys.readouterr()
        return int(str(code or 0)), out, err

    return huidu


def serve(
    *options: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Start a server that will not come up, and return how it ended."""
    return mother().run("serve", *options, env={**os.environ, **environment}, timeout=30, cwd=cwd)


FREE = ("--api", "127.0.0.1:0", "--gateway", "127.0.0.1:0")


def refused(ended: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    """It ended with a code, one line of explanation, and nothing on standard output."""
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    for words in said:
        assert words in ended.stderr


# A server that does not come up


def test_a_directory_that_is_in_use_is_refused_and_who_uses_it_is_named(
    platform: Platform,
) -> None:
    ended = serve("--data", str(platform.data), *FREE)

    refused(ended, 1, f"in use by process {platform.process.pid}", "--data")
    assert platform.call("ListFunctions")["TotalCount"] >= 0  # and it goes on serving


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = serve("--data", str(tmp_path / "d"), "--gateway", address, "--api", "127.0.0.1:0")

    refused(ended, 1, f"cannot listen at {address}", "in use")
    assert len(ended.stderr.splitlines()) == 1


def test_two_listeners_do_not_fit_one_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    ended = serve("--data", str(tmp_path / "d"), "--api", address, "--gateway", address)

    refused(ended, 1, address)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--api", "9000"), "api '9000': must read HOST:PORT"),
        (("--set", "max_waiting=many"), "max_waiting 'many': must be a whole number"),
        (("--set", "zone=Asia"), "zone 'Asia': no such time zone"),
        (("--set", "max_wating=1"), "max_wating is no setting; did you mean max_waiting?"),
        (("--set", "colour=red"), "colour is no setting; see 'huidu settings'"),
        (("--set", "max_waiting"), "must read NAME=VALUE, as in max_waiting=1000"),
        (("--config", "nowhere.toml"), "nowhere.toml"),
        (("--colour", "red"), "colour"),
    ],
)
def test_a_wrong_setting_ends_with_2_and_is_named(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    refused(serve(*options, cwd=tmp_path, COLUMNS="200"), 2, said)
    assert not any(tmp_path.iterdir())


def test_a_wrong_setting_of_the_environment_or_the_file_is_named_too(tmp_path: Path) -> None:
    refused(serve(cwd=tmp_path, HUIDU_API="9000"), 2, "api '9000'")
    assert not any(tmp_path.iterdir())
    (tmp_path / "huidu.toml").write_text("api = 1\nfoo = 2")
    refused(serve(cwd=tmp_path), 2, "huidu.toml: foo is no setting")


def test_whoever_opens_a_server_without_the_command_line_is_told_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert serving.serve({"data": str(tmp_path / "d"), "api": "9000"}, None) == 2

    assert "api '9000': must read HOST:PORT" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("huidu.db", "huidu.db cannot be used: file is not a database"),
        ("journal.db", "journal.db cannot be used: file is not a database"),
        ("credentials", "credentials: must hold the lines TENCENTCLOUD_SECRET_ID=..."),
    ],
)
def test_a_file_that_is_not_what_it_was_is_named(tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / file).write_bytes(b"this was not written by a server" * 9)

    refused(serve("--data", str(tmp_path), *FREE), 1, said)
    assert (tmp_path / file).read_bytes().startswith(b"this was not")


def test_a_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    refused(serve("--data", str(tmp_path / "file"), *FREE), 1, str(tmp_path / "file"))


# A server that runs


def test_a_server_says_one_line_and_everything_else_on_stderr(
    start: Callable[..., Platform],
) -> None:
    server = start("--set", "log_level=debug")
    server.make("hello")
    server.invoke("hello")
    server.refusal("GetAlias", FunctionName="hello", Name="nobody")
    assert server.process.stdout is not None
    server.process.send_signal(signal.SIGTERM)
    rest = server.process.stdout.read()

    assert rest == ""  # the first line was read as it came up
    assert server.stop() == 0
    events = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert {"refused", "closing"} <= {event["event"] for event in events}


def test_a_server_is_found_by_what_it_leaves_in_its_directory(
    start: Callable[..., Platform],
) -> None:
    server = start()

    assert (server.data / "endpoints").read_text().split() == [server.api, server.gateway]
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data / "credentials").stat().st_mode) == 0o600
    health = HTTPConnection(server.api.removeprefix("http://"))
    health.request("GET", "/healthz")
    answer = health.getresponse()
    told = json.loads(answer.read())
    assert (answer.status, told["status"], told["version"]) == (200, "ok", __version__)
    assert told["code"] == compiled.how()
    health.request("GET", "/metrics")
    answer = health.getresponse()
    assert b"huidu_invocations_total" in answer.read() or answer.status == 200
    health.close()


def test_the_first_key_stays_whatever_the_environment_says_later(tmp_path: Path) -> None:
    odd = 'it\'s $HOME "and" `more`=='
    first = Platform.start(tmp_path / "d", environment={"TENCENTCLOUD_SECRET_KEY": odd})
    first.stop()
    second = Platform.start(tmp_path / "d")
    try:
        with pytest.raises(Exception, match="SignatureFailure"):
            second.call("ListFunctions")
        # What `huidu env` prints means the same to a shell.
        script = f'eval "$({sys.executable} -m huidu env --data {tmp_path}/d)" && env'
        told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        said = dict(line.split("=", 1) for line in told.stdout.splitlines() if "=" in line)
        assert said["TENCENTCLOUD_SECRET_KEY"] == odd
        assert said["TENCENTCLOUD_REGION"] == REGION
        http = HttpProfile(protocol="http", endpoint=said["TENCENTCLOUD_ENDPOINT"])
        pair = credential.Credential(
            said["TENCENTCLOUD_SECRET_ID"], said["TENCENTCLOUD_SECRET_KEY"]
        )
        client = ScfClient(pair, REGION, ClientProfile(httpProfile=http))
        assert client.ListFunctions(models.ListFunctionsRequest()).TotalCount == 0
    finally:
        assert second.stop() == 0


def test_without_a_key_in_the_environment_one_is_made(tmp_path: Path) -> None:
    nothing = {"TENCENTCLOUD_SECRET_ID": "", "TENCENTCLOUD_SECRET_KEY": ""}
    server = Platform.start(tmp_path / "d", environment=nothing)
    server.stop()

    lines = dict(
        line.split("=", 1) for line in (tmp_path / "d" / "credentials").read_text().splitlines()
    )
    assert lines["TENCENTCLOUD_SECRET_ID"].startswith("AKID")
    assert len(lines["TENCENTCLOUD_SECRET_KEY"]) > 30


# A server that is told to stop


@pytest.fixture
def sleepy(start: Callable[..., Platform]) -> Platform:
    """A server with a function that takes as long as it is told to, warm."""
    server = start()
    server.make("sleepy", SLEEPY, Timeout=60)
    server.invoke("sleepy", {"takes": 0})
    return server


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def under_way(server: Platform) -> None:
    """Return when the call that was just sent is surely running."""
    time.sleep(0.4)
    assert server.process.poll() is None


def test_a_call_that_runs_is_answered_before_a_server_that_is_told_to_stop_ends(
    sleepy: Platform, aside: ThreadPoolExecutor
) -> None:
    made = sleepy.call("CreateTrigger", FunctionName="sleepy", TriggerName="web", Type="http")
    path = f"/url/{made['TriggerInfo']['ResourceId']}"
    call = aside.submit(sleepy.invoke, "sleepy", {"takes": 2})

    def visit() -> int:
        gateway = HTTPConnection(sleepy.gateway.removeprefix("http://"))
        gateway.request("POST", path, b"{}")
        answer = gateway.getresponse()
        answer.read()
        gateway.close()
        return answer.status

    visiting = aside.submit(visit)
    under_way(sleepy)
    began = time.monotonic()
    sleepy.process.send_signal(signal.SIGTERM)

    assert call.result(20)["StatusCode"] == 200
    assert visiting.result(20) == 430  # its event does not say how long
    assert sleepy.process.wait(20) == 0
    assert 1 < time.monotonic() - began < 10
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(sleepy.api.rpartition(":")[2])))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_twice_ends_at_once(
    sleepy: Platform, aside: ThreadPoolExecutor, number: signal.Signals
) -> None:
    call = aside.submit(sleepy.invoke, "sleepy", {"takes": 30})
    under_way(sleepy)
    sleepy.process.send_signal(number)
    time.sleep(0.2)
    began = time.monotonic()
    sleepy.process.send_signal(number)

    assert sleepy.process.wait(10) == 130
    assert time.monotonic() - began < 2
    assert call.exception(10) is not None


def test_a_server_that_nobody_calls_ends_soon(start: Callable[..., Platform]) -> None:
    server = start()
    idle = socket.create_connection(("127.0.0.1", int(server.api.rpartition(":")[2])))
    began = time.monotonic()

    assert server.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 3
    idle.close()


# Commands


def test_the_version_and_the_settings_are_told(run: Run) -> None:
    assert run("version") == run("--version") == (0, f"{__version__} ({compiled.how()})\n", "")
    code, out, _ = run("settings")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(KINDS)
    assert "127.0.0.1:9000" in out


def test_without_a_command_the_commands_are_listed(run: Run) -> None:
    code, out, err = run()
    assert code == 2
    for command in ("serve", "env", "api", "reference", "settings", "version"):
        assert command in out + err
    code, out, err = run("nonsense")
    assert (code, out) == (2, "")
    assert "nonsense" in err


def test_there_is_a_command_for_each_action(run: Run) -> None:
    code, out, err = run("api")
    assert code == 2
    for action in ACTIONS:
        assert kebab(action.name) in (out + err).split()
    code, out, _ = run("api", "update-alias", "--help")
    assert code == 0
    for option in ("--function-name", "--routing-config", "--expected-revision"):
        assert option in out


def test_an_action_may_be_spelled_as_the_cloud_does(run: Run) -> None:
    code, out, _ = run("api", "UpdateAlias", "--help")

    assert code == 0
    assert "--routing-config" in out


def test_the_reference_has_a_section_for_each_action(run: Run) -> None:
    code, out, _ = run("reference")

    assert code == 0
    for action in ACTIONS:
        assert f"## {action.name}\n" in out
        assert f"huidu api {kebab(action.name)}" in out or kebab(action.name) in out


def test_no_two_actions_or_objects_share_a_heading_of_the_reference(run: Run) -> None:
    _, out, _ = run("reference")
    headings = [line.lstrip("# ").lower() for line in out.splitlines() if line.startswith("##")]

    assert sorted(headings) == sorted(set(headings))


def test_the_local_server_is_found_by_its_directory(run: Run, platform: Platform) -> None:
    code, out, _ = run("env", "--data", str(platform.data))
    assert code == 0
    assert f"export TENCENTCLOUD_SECRET_ID={SECRET_ID}\n" in out
    assert f"export TENCENTCLOUD_SECRET_KEY={SECRET_KEY}\n" in out
    assert f"export TENCENTCLOUD_ENDPOINT={platform.api.removeprefix('http://')}\n" in out
    assert f"export HUIDU_ENDPOINT={platform.api}\n" in out
    assert f"export HUIDU_GATEWAY_URL={platform.gateway}\n" in out
    assert run("env", HUIDU_DATA=str(platform.data)) == (0, out, "")


def test_where_there_is_no_server_it_is_said_how_to_name_one(run: Run, tmp_path: Path) -> None:
    for command in (("env",), ("api", "list-functions"), ("env", "--data", str(tmp_path))):
        code, out, err = run(*command)
        assert (code, out) == (1, "")
        assert "is not the data directory of a server" in err
        assert "HUIDU_DATA" in err
    (tmp_path / "credentials").write_text("nothing of use")
    code, _, err = run("env", "--data", str(tmp_path))
    assert code == 1
    assert "must hold the lines" in err


@pytest.fixture
def api(run: Run, platform: Platform) -> Run:
    """Runs `huidu api` against the shared server."""

    def call(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        return run("api", *arguments, stdin=stdin, HUIDU_DATA=str(platform.data))

    return call


def test_a_function_lives_its_life_on_the_command_line(api: Run, name: str) -> None:
    def done(*arguments: str, stdin: str = "") -> dict[str, Any]:
        code, out, err = api(*arguments, stdin=stdin)
        assert (code, err) == (0, "")
        return dict(json.loads(out))

    named = ("--function-name", name)
    code = json.dumps({"ZipFile": zipped("def main_handler(e, c): return e")})
    done("create-function", *named, "--code", "-", "--runtime", "Python3.10", stdin=code)
    assert done("publish-version", *named, "--description", "für 鲍勃")["Description"] == "für 鲍勃"
    routing = json.dumps({"AdditionalVersionWeights": [{"Version": "1", "Weight": 0.5}]})
    alias = ("--name", "$DEFAULT")
    moved = (*alias, "--function-version", "$LATEST", "--routing-config", routing)
    done("update-alias", *named, *moved)
    told = done("get-alias", *named, *alias)
    assert told["RoutingConfig"]["AdditionalVersionWeights"] == [{"Version": "1", "Weight": 0.5}]
    result = done("invoke-function", *named, "--event", '{"a": 1}')["Result"]
    assert json.loads(result["RetMsg"]) == {"a": 1}
    result = done("invoke-function", *named, "--event", "-", stdin='{"b": 2}')["Result"]
    assert json.loads(result["RetMsg"]) == {"b": 2}
    assert done("list-alias-history", *named, *alias)["TotalCount"] == 2
    assert done("list-functions", "--search-key", name, "--limit", "1")["TotalCount"] == 1
    assert done("get-function-logs", *named)["TotalCount"] == 2
    done("delete-function", *named)


def test_a_refusal_is_said_with_its_code(api: Run, name: str) -> None:
    code, out, err = api("get-function", "--function-name", name)

    assert (code, out) == (1, "")
    assert err.startswith("huidu: ResourceNotFound.FunctionName: ")
    assert name in err


def test_a_function_that_fails_has_an_exit_code_of_its_own(api: Run, name: str) -> None:
    named = ("--function-name", name)
    code = json.dumps({"ZipFile": zipped("def main_handler(e, c): return 1 / e")})
    assert api("create-function", *named, "--code", code)[0] == 0

    assert api("invoke-function", *named, "--event", "2")[0] == 0
    code_, out, err = api("invoke-function", *named, "--event", "0")
    assert (code_, err) == (3, "")
    assert "ZeroDivisionError" in json.loads(out)["Result"]["ErrMsg"]
    assert api("delete-function", *named)[0] == 0


def test_what_is_no_json_or_is_missing_never_leaves_the_command_line(api: Run) -> None:
    named = ("--function-name", "hello")
    code, out, err = api("create-function", *named, "--code", "{")
    assert (code, out) == (2, "")
    assert "--code" in err
    assert "not JSON" in err
    code, out, err = api("get-alias", *named)
    assert (code, out) == (2, "")
    assert "--name" in err


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_where_no_server_answers_it_is_said_where_it_was_looked_for(run: Run, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint = f"{scheme}://127.0.0.1:{free.getsockname()[1]}"
    code, out, err = run(
        "api",
        "list-functions",
        HUIDU_ENDPOINT=endpoint,
        TENCENTCLOUD_SECRET_ID="AKID",
        TENCENTCLOUD_SECRET_KEY="key",
    )

    assert (code, out) == (1, "")
    assert f"no Huidu server answers at {endpoint}" in err


def test_whoever_answers_there_and_is_no_server_is_not_believed(
    run: Run, platform: Platform
) -> None:
    known = {
        "TENCENTCLOUD_SECRET_ID": SECRET_ID,
        "TENCENTCLOUD_SECRET_KEY": SECRET_KEY,
    }
    code, out, _ = run("api", "list-functions", HUIDU_ENDPOINT=platform.api, **known)
    assert code == 0
    assert json.loads(out)["TotalCount"] >= 0
    code, out, err = run("api", "list-functions", HUIDU_ENDPOINT=platform.gateway, **known)
    assert (code, out) == (1, "")
    assert "no Huidu server answers" in err
    assert "something else, such as its gateway" in err


def test_whoever_has_the_wrong_key_is_told_where_the_right_one_is(
    run: Run, platform: Platform
) -> None:
    for pair in ((SECRET_ID, "wrong"), ("AKIDwrong", SECRET_KEY)):
        known = {"TENCENTCLOUD_SECRET_ID": pair[0], "TENCENTCLOUD_SECRET_KEY": pair[1]}
        code, _, err = run("api", "list-functions", HUIDU_ENDPOINT=platform.api, **known)
        assert code == 1
        assert 'eval "$(huidu env --data .huidu)"\n' in err


def test_an_answer_that_is_only_yes_is_printed(run: Run, platform: Platform) -> None:
    known = {
        "TENCENTCLOUD_SECRET_ID": SECRET_ID,
        "TENCENTCLOUD_SECRET_KEY": SECRET_KEY,
        "HUIDU_ENDPOINT": platform.api,
    }
    made = run("api", "create-service", "--service-name", "s", "--protocol", "http", **known)
    service_id = json.loads(made[1])["ServiceId"]
    code, out, _ = run("api", "delete-service", "--service-id", service_id, **known)

    assert (code, json.loads(out)["Result"]) == (0, True)


def test_serve_may_be_told_everything_by_the_environment(tmp_path: Path) -> None:
    settings = {"HUIDU_MAX_ADDITIONAL_VERSIONS": "2", "HUIDU_ZONE": "UTC"}
    server = Platform.start(tmp_path / "d", environment=settings)
    try:
        server.make("hello")
        added = server.call("GetFunction", FunctionName="hello")["AddTime"]
        now = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        assert until(lambda: added[:13] == now[:13])
    finally:
        assert server.stop() == 0
