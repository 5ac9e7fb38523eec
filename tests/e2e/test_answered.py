"""Calls that succeed and answer 5xx: no failures, and told beside them wherever those are."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from huidu.cli.main import app
from tests.cli.running import environment
from tests.e2e.serving import url_of
from tests.e2e.visiting import Visitor
from tests.platform import Platform, until

CALLS = 24
THIRD = """
def main_handler(event, context):
    n = int(event["queryString"]["n"])
    return {"statusCode": 200 if n % 3 else 500, "headers": {}, "body": str(n)}
"""


@dataclass(frozen=True)
class Shop:
    """A function that answers 500 to every third of its callers, though it never fails."""

    platform: Platform
    name: str
    url: str

    def asked(self, n: int) -> tuple[int, bytes]:
        url = urlsplit(self.url)
        with closing(HTTPConnection(url.netloc, timeout=30)) as connection:
            connection.request("GET", f"{url.path}/?n={n}")
            answer = connection.getresponse()
            return answer.status, answer.read()

    def lane(self) -> dict[str, Any]:
        words = ["top", self.name, "release", "--once", "--json", "--window", "60"]
        said = CliRunner(env=environment(self.platform)).invoke(app, words)
        assert said.exit_code == 0, said.output
        return dict(json.loads(said.stdout)["Lanes"][0])


@pytest.fixture
def shop(platform: Platform, name: str) -> Shop:
    platform.make(name, THIRD)
    version = platform.publish(name)
    platform.call("CreateAlias", FunctionName=name, Name="release", FunctionVersion=version)
    made = Shop(platform, name, url_of(platform, name, "release"))
    for n in range(CALLS):
        assert made.asked(n) == (200 if n % 3 else 500, str(n).encode())
    platform.invoke(name, {"queryString": {"n": "0"}}, Qualifier="release")  # who reads a value
    return made


def test_every_third_call_that_answers_500_is_a_success_and_told_beside_failures(
    shop: Shop,
) -> None:
    metrics, of = shop.platform.metrics, {"function": shop.name, "alias": "release"}
    assert metrics("huidu_answered_5xx_total", **of) == {("1", ""): CALLS / 3}
    assert metrics("huidu_invocations_total", status="200", **of) == {("1", ""): CALLS + 1}
    assert not any(metrics("huidu_errors_total", **of).values())

    until(lambda: shop.lane()["Calls"] == CALLS + 1)
    assert (shop.lane()["Answered5xx"], shop.lane()["Errors"]) == (CALLS / 3, 0)
    asked = {"FunctionName": shop.name, "Period": 60, "Points": 5}
    (minutes,) = shop.platform.ours("GetTrafficSeries", **asked)["Versions"]
    assert (sum(minutes["Answered5xx"]), sum(minutes["Errors"])) == (CALLS / 3, 0)

    visitor, page = Visitor(shop.platform).sign_in(), f"/console/functions/{shop.name}"
    assert "0 % 5xx: 8" in visitor.see(page).text
    assert "0 % 5xx: 8" in visitor.see(f"{page}/compare?from=1&to=$LATEST").text
    assert (
        "执行成功，但返回 HTTP 500"
        in Visitor(shop.platform, visitor.cookies, "zh-CN").see(page).markup
    )
    until(  # of the last ten seconds alone
        lambda: (
            shop.asked(0)[0] == 500 and "0 % 5xx: " in visitor.see(f"{page}/aliases/release").text
        )
    )
