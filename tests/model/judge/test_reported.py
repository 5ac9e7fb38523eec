"""Where a call's numbers are read from, and which of them count."""

from __future__ import annotations

import pytest

from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.judge.measure import Measure
from huidu.model.judge.reported import MOST_LINES, Reports

CALL = Record(
    request_id="r", function=FunctionName("default", "f"), qualifier="a", instance="i", status=200
)
FIELDS = tuple(Measure(name=f"m{n}", field=field) for n, field in enumerate(("v", "a.b")))


def told(log: str = "", result: str = "") -> tuple[float | None, ...]:
    return Reports(FIELDS).of(CALL._replace(log=log, result=result))


@pytest.mark.parametrize(
    ("log", "result", "expected"),
    [
        ('{"v": 1.5}\n', "", (1.5, None)),
        ("", '{"v": 2}', (2.0, None)),
        ('{"a": {"b": 3}}', "", (None, 3.0)),
        ('{"a.b": 4}', "", (None, 4.0)),
        ('START\nhello\n{"v": 1}\n{"v": 2, "a": {"b": 9}}\nEND', "", (2.0, 9.0)),
        ('{"v": 1}', '{"v": 7, "a": {"b": 8}}', (1.0, 8.0)),
        ('{"v": "no"}\n{"v": true}\n{"v": null}\n{"v": [1]}', "", (None, None)),
        ('{"v": NaN}\n{"v": 1e999}', "", (None, None)),
        ('{"v": ' + "9" * 400 + "}", "", (None, None)),
        ('{"v": 1', '{"v"', (None, None)),
        ('{"a": {"b": {"b": 1}}}', "", (None, None)),
        ('["v"]\n"v"\n v {"v": 1}', '["v"]', (None, None)),
        ('{"v": ' + "[" * 5000, "", (None, None)),
        ('{"v": 1, "x": "' + "x" * 9000 + '"}', "", (None, None)),
    ],
)
def test_a_number_is_read_from_lines_of_json_first_and_from_the_answer_then(
    log: str, result: str, expected: tuple[float | None, ...]
) -> None:
    assert told(log, result) == expected


def test_no_more_than_some_lines_of_a_call_are_read() -> None:
    chatter = '{"a": "b"}\n' * MOST_LINES
    assert told('{"v": 1}\n' + chatter) == (None, None)
    assert told(chatter + '{"v": 1}\n') == (1.0, None)


def test_memory_and_init_time_are_in_the_record() -> None:
    own = Reports((Measure(name="memory"), Measure(name="init")))
    assert own.of(CALL._replace(memory_bytes=7, init_ms=3.0, cold=True)) == (7.0, 3.0)
    assert own.of(CALL._replace(memory_bytes=7, init_ms=3.0)) == (7.0, None)
    assert own.of(CALL._replace(memory_bytes=7, instance="")) == (None, None)


def test_where_nothing_is_measured_nothing_is_read() -> None:
    assert Reports(()).of(CALL._replace(log='{"v": 1}')) == ()
