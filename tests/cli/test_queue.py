"""`huidu queue`: what it shows of calls that nobody waits for, and what it does to them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from huidu.cli.main import app
from tests.cli.running import environment
from tests.e2e.eventing import send
from tests.platform import Platform, until

FAILS = (
    "def main_handler(event, context):\n    print('so much')\n    raise ValueError('sold out')\n"
)
SLEEPS = "import time\n\ndef main_handler(event, context):\n    time.sleep(60)\n"


def huidu(server: Platform, *words: str) -> Result:
    return CliRunner(env=environment(server)).invoke(app, ["queue", *words])


def well(server: Platform, *words: str) -> str:
    ran = huidu(server, *words)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def told(server: Platform, *words: str) -> dict[str, Any]:
    return dict(json.loads(well(server, *words, "--json")))


@pytest.fixture
def shop(platform: Platform, name: str) -> str:
    """A function that always fails, and is tried once."""
    platform.make(name, FAILS)
    well(platform, "retry", name, "--times", "0", "--for", "120")
    return name


def test_a_dead_letter_is_listed_shown_played_again_and_thrown_away(
    platform: Platform, shop: str
) -> None:
    request_id = send(platform, shop, {})
    until(lambda: told(platform, "dead", shop)["TotalCount"])

    listed = well(platform, "dead", shop)
    assert re.search(rf"{request_id} +{shop}:\$LATEST +430 +1 .* ValueError: sold out", listed)
    assert f"1 of {shop}:$LATEST" in listed
    shown = well(platform, "show", request_id)
    assert "$DEFAULT@1: main version" in shown
    assert "given up: failed 1 times, RetryNum is 0" in shown
    assert "so much" in shown
    assert f"huidu queue redrive {shop} {request_id}" in shown
    again = well(platform, "redrive", shop, request_id, "--reason", "once more")
    assert f"{shop}: 1 played again" in again
    until(lambda: told(platform, "show", request_id)["State"] == "dead")
    assert len(told(platform, "show", request_id)["Attempts"]) == 2
    assert f"{shop}: 1 thrown away" in well(platform, "discard", shop, "--all", "--yes")
    assert told(platform, "redrive", shop, "--version", "$LATEST") == {"Count": 0, "Skipped": 0}
    (row,) = told(platform, "ls", shop)["EventList"]
    assert (row["InvokeRequestId"], row["Status"]) == (request_id, "FAILED")
    assert request_id in well(platform, "ls", shop, "--state", "FAILED")


def test_a_call_that_runs_is_stopped(platform: Platform, name: str) -> None:
    platform.make(name, SLEEPS, Timeout=60)
    request_id = send(platform, name, {})
    assert "huidu queue stop" in well(platform, "show", request_id)

    assert "is ended" in well(platform, "stop", request_id)
    until(lambda: told(platform, "show", request_id)["Status"] == "ABORTED")
    ran = huidu(platform, "stop", request_id)
    assert (ran.exit_code, "FailedOperation.AsyncEventStatus" in ran.stderr) == (1, True)


def test_how_calls_are_tried_again_is_shown_and_set(platform: Platform, shop: str) -> None:
    assert f"{shop}: 0 tries after the first, within 120 seconds" in well(platform, "retry", shop)
    set_ = well(platform, "retry", shop, "$DEFAULT", "--on", "first", "--times", "1")
    assert f"{shop}:$DEFAULT: a retry goes to the version that had the call first" in set_
    assert told(platform, "retry", shop, "$DEFAULT") == {
        "RetryNum": 1,
        "MsgTTL": 120,
        "RetryOn": "first",
    }


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("redrive", "SHOP"), 2, "which? name ids, or a version, or all"),
        (("discard", "SHOP", "--all"), 2, "--yes"),
        (("retry", "SHOP", "--on", "first"), 2, "--on is for an alias"),
        (("retry", "SHOP", "--times", "9"), 1, "LimitExceeded.RetryNum"),
        (("show", "nobody"), 1, "ResourceNotFound.AsyncEvent"),
        (("ls", "nobody"), 1, "ResourceNotFound.FunctionName"),
    ],
)
def test_what_cannot_be_done_is_said(
    platform: Platform, shop: str, words: tuple[str, ...], code: int, says: str
) -> None:
    ran = huidu(platform, *(shop if word == "SHOP" else word for word in words))

    assert ran.exit_code == code, ran.output
    assert says in re.sub(r"[\s│]+", " ", ran.stderr)
