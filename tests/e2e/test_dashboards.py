"""The rules and the dashboard that come with Huidu, in a real Prometheus on a real server."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest

from tests.e2e.serving import url_of
from tests.platform import Platform, until

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES, CONFIG = DEPLOY / "prometheus" / "rules.yml", DEPLOY / "prometheus" / "prometheus.yml"
BOARD = json.loads((DEPLOY / "grafana" / "huidu.json").read_text("utf-8"))
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")

pytestmark = [
    pytest.mark.skipif(not (PROMETHEUS and PROMTOOL), reason="the program prometheus is missing"),
]

#: The rules' durations, and what they become where nobody can wait so long.
SCALED = {"1h": "12s", "10m": "3s", "5m": "6s", "1m": "1s"}
CANARY = """
def main_handler(event, context):
    number = event["queryString"].get("n", "")
    if context["function_version"] == "2" and number.endswith("0"):
        raise ValueError("the new one")
    if context["function_version"] == "2" and number.endswith(("3", "4")):
        return {"statusCode": 500}
    return "ok"
"""


def scaled(text: str) -> str:
    """The rules with shorter durations, but for their names."""
    return re.sub(r"(?<=[\[ ])(1h|10m|5m|1m)\b", lambda found: SCALED[found[0]], text)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass
class Watching:
    """A Prometheus that is up."""

    url: str

    def get(self, path: str, **asked: str) -> Any:
        query = f"{self.url}/api/v1/{path}?{urlencode(asked)}"
        try:
            with urlopen(query, timeout=10) as answer:  # noqa: S310 - it is our own
                return json.load(answer)["data"]
        except HTTPError as error:
            raise AssertionError(f"{asked}: {error.read().decode()}") from error

    def alerts(self, state: str) -> set[tuple[str, str]]:
        return {
            (one["labels"]["alertname"], one["labels"].get("version", ""))
            for one in self.get("alerts")["alerts"]
            if one["state"] == state
        }

    def values(self, expression: str) -> list[dict[str, Any]]:
        return list(self.get("query", query=expression)["result"])


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A server on which version 2, which fails three tenths of its calls, gets half of an alias."""
    running = Platform.start(
        tmp_path_factory.mktemp("released") / "data", "--set", "max_instances=4"
    )
    running.make("shop", CANARY)
    for _ in "12":
        running.publish("shop")
    running.call(
        "CreateAlias",
        FunctionName="shop",
        Name="release",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.5}]},
    )
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def shop(released: Platform) -> str:
    """The address of that alias."""
    return url_of(released, "shop", "release")


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory, released: Platform) -> Iterator[Watching]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "rules.yml").write_text(scaled(RULES.read_text("utf-8")))
    config = CONFIG.read_text("utf-8").replace("15s", "500ms")
    assert "127.0.0.1:9000" in config
    (folder / "prometheus.yml").write_text(
        config.replace("127.0.0.1:9000", urlsplit(released.api).netloc)
    )
    port = free_port()
    assert PROMETHEUS is not None
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                PROMETHEUS,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    found = Watching(f"http://127.0.0.1:{port}")

    def up() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            urlopen(f"{found.url}/-/ready", timeout=10).close()  # noqa: S310 - it is our own
            return bool(found.values('up{job="huidu"} == 1'))
        except OSError:
            return False

    try:
        until(up, 30)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def calls(url: str, count: int, begin: int = 0) -> None:
    """Call a function so often, some of the calls at once."""
    parts = urlsplit(url)

    def some(first: int) -> None:
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        for n in range(first, begin + count, 3):
            connection.request("GET", f"{parts.path}/?n={n}")
            connection.getresponse().read()
        connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(some, range(begin, begin + 3)))


@pytest.mark.timeout(120)
def test_a_canary_that_fails_more_than_its_stable_sets_off_the_alarm_and_the_stable_does_not(
    shop: str, watching: Watching
) -> None:
    calls(shop, 6)  # so that Prometheus has seen the counters before they rise
    until(lambda: len(watching.values('huidu_errors_total{class="user"}')) == 2)

    begin = 1000

    def fires() -> bool:
        nonlocal begin
        calls(shop, 300, begin)
        begin += 300
        return ("HuiduCanaryFails", "2") in watching.alerts("firing")

    until(fires, 30)
    assert ("HuiduCanaryFails", "1") not in watching.alerts("firing")
    shares = {
        one["metric"]["version"]: float(one["value"][1])
        for one in watching.values("huidu:error_share:ratio5m")
    }
    assert shares["1"] == 0
    assert shares["2"] > 0.15, "a tenth raised, and two tenths answered 500"

    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            found = watching.values(asked(target["expr"]))
            assert found or target["expr"] in may_be_empty(), (panel["title"], target["expr"])

    # Nobody calls it any more.
    until(lambda: ("HuiduNoTraffic", "") in watching.alerts("firing"), 40)


def asked(expression: str) -> str:
    """An expression of the dashboard as Grafana asks it, with everything chosen."""
    for name, value in (("$__rate_interval", "10s"), *((f"${one}", ".*") for one in VARIABLES)):
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


VARIABLES = ("namespace", "function", "alias")


def may_be_empty() -> set[str]:
    """What there is only where a collector is told of calls."""
    return {
        target["expr"]
        for panel in BOARD["panels"]
        for target in panel["targets"]
        if "huidu_otlp_dropped_total" in target["expr"]
    }


def test_every_name_in_the_rules_and_the_dashboard_is_a_metric_that_there_is(
    released: Platform, shop: str
) -> None:
    calls(shop, 6)
    with urlopen(f"{released.api}/metrics") as page:  # noqa: S310 - it is our own server
        told = set(re.findall(r"^(huidu_\w+)", page.read().decode(), re.MULTILINE))
    texts = [RULES.read_text("utf-8"), *expressions(BOARD)]
    named = {name for text in texts for name in re.findall(r"\bhuidu_[a-z0-9_]+", text)}

    assert named - told == {"huidu_otlp_dropped_total"}


def expressions(board: Any) -> Iterator[str]:
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def test_the_variables_of_the_dashboard_are_those_that_it_asks_with() -> None:
    listed = {one["name"] for one in BOARD["templating"]["list"]}
    used = {name for text in expressions(BOARD) for name in re.findall(r"\$([a-z]\w*)", text)}

    assert used <= listed
    assert set(VARIABLES) == listed - {"datasource"}
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


@pytest.mark.parametrize(
    "words", ["check rules rules.yml", "test rules tests.yml", "check config prometheus.yml"]
)
def test_promtool_finds_nothing_wrong(words: str) -> None:
    assert PROMTOOL is not None
    ran = subprocess.run(
        [PROMTOOL, *words.split()],
        cwd=RULES.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "FAILED" not in ran.stdout + ran.stderr
