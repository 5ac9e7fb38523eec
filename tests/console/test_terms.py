"""What a page says of a function's triggers and events, told by the words of the API."""

from __future__ import annotations

import json

import pytest

from huidu.console import queue, terms
from huidu.model.event import SPOKEN, State

URL = "http://gw/url/abc/"
TIMER = {"TriggerName": "daily", "Type": "timer", "TriggerDesc": json.dumps({"cron": "0 9 * * *"})}


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ({"ExtranetHTTPUrl": URL}, URL),
        ({"IntranetHTTPUrl": URL}, URL),
        ({"service": {"subDomain": URL}}, URL),
        ({"service": {}}, ""),
        ({"AuthType": "NONE"}, ""),
        ([URL], ""),
    ],
)
def test_a_trigger_is_shown_with_the_address_at_which_it_answers(told: object, url: str) -> None:
    shown = terms.shown({**TIMER, "Type": "http", "TriggerDesc": json.dumps(told)}, {})

    assert (shown["url"], shown["timer"]) == (url, None)


def test_a_timer_is_shown_with_when_it_fires() -> None:
    assert terms.shown(TIMER, {"daily": {"NextTimes": ["x"]}})["timer"] == {"NextTimes": ["x"]}
    assert terms.shown({**TIMER, "Type": "http", "TriggerDesc": "?"}, {"daily": {}})["url"] == ""


def test_a_function_of_which_nothing_waits_has_a_row_too() -> None:
    some = {"FunctionName": "mailer", "Waiting": 3, "Dead": 1}

    assert terms.queue_of([some], "mailer") == some
    assert terms.queue_of([some], "other") == {"FunctionName": "other", "Waiting": 0, "Dead": 0}


def test_every_state_of_an_event_has_its_words() -> None:
    assert set(queue.STANDS) == {state.value for state in State}
    assert set(queue.STATES) == set(SPOKEN.values())
