"""Log: what a call leaves comes apart into its lines, and together again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.function import FunctionName
from huidu.model.invocation import Record
from huidu.model.level import Level
from huidu.model.log import Chunk, Wanted, chunk_of, gist, joined, lines, remainder, split

START = "START RequestId: r-1\n"
GOOD = (
    'Response RequestId: r-1 RetMsg:"ok"\nEND RequestId: r-1\nReport RequestId: r-1 Duration:1ms\n'
)
BAD = f"ERROR RequestId: r-1 Result:it broke\n{GOOD}"

CHUNK = Chunk(
    request_id="r-1",
    namespace="default",
    function="hello",
    function_id="lam-1",
    version="2",
    alias="release",
    status=200,
    printed='one\n[WARN] two\n{"orderId": 7}\n',
    ending=GOOD,
    began=1.0,
    ended=2.0,
)
FAILED = CHUNK._replace(status=430, ending=BAD)
RUNNING = CHUNK._replace(status=0, ending="", printed="[ERROR] at once\n")


def told(chunk: Chunk, **wanted: Any) -> list[str]:
    return [line.text for line in Wanted(**wanted).of(chunk)]


def test_a_chunk_reads_from_start_to_report() -> None:
    found = list(lines(CHUNK))

    assert [line.kind for line in found] == [
        *("start", "printed", "printed", "printed"),
        *("response", "end", "report"),
    ]
    assert [line.place for line in found] == list(range(7))
    assert "\n".join(line.text for line in found) + "\n" == START + CHUNK.printed + GOOD
    assert [line.at for line in found] == [1.0] * 4 + [2.0] * 3
    assert found[2].level == Level.WARN


def test_the_error_and_the_response_of_a_call_that_failed_are_errors() -> None:
    levels = {line.kind: line.level for line in lines(FAILED)}
    assert levels["error"] == levels["response"] == Level.ERROR
    assert levels["report"] == Level.INFO


def test_what_is_indented_is_as_serious_as_what_it_belongs_to() -> None:
    trace = "Traceback (most recent call last):\n  File x\n    raise\nValueError: no\nafter\n"
    levels = [line.level for line in lines(RUNNING._replace(starts=False, printed=trace))]
    assert levels == [Level.ERROR] * 4 + [Level.INFO]


def test_a_response_of_several_lines_stays_one() -> None:
    ending = "Response RequestId: r-1 RetMsg:{\n 1}\nEND RequestId: r-1\n"
    found = lines(CHUNK._replace(starts=False, printed="", ending=ending))
    assert [line.kind for line in found] == ["response", "response", "end"]


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        ({"level": Level.WARN}, ["[WARN] two"]),
        ({"text": "TWO"}, ["[WARN] two"]),
        ({"text": '"ok'}, []),
        ({"text": "retmsg"}, []),
        ({"text": "Report"}, []),
        ({"text": "absent"}, []),
        ({"fields": (("orderId", "7"),)}, ['{"orderId": 7}']),
        ({"fields": (("orderId", "8"),)}, []),
        ({"fields": (("orderId", "7"), ("user", "x"))}, []),
        ({"errors": True}, []),
    ],
)
def test_lines_are_found_by_level_text_and_field(wanted: dict[str, Any], texts: list[str]) -> None:
    assert told(CHUNK, **wanted) == texts


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True),
        ({"function_id": "lam-1", "namespace": "default"}, True),
        ({"function_id": "lam-2"}, False),
        ({"namespace": "other"}, False),
        ({"request_id": "r-"}, True),
        ({"request_id": "r-2"}, False),
        ({"version": "2", "alias": "release"}, True),
        ({"version": "1"}, False),
        ({"alias": "test"}, False),
        ({"statuses": frozenset({200, 433})}, True),
        ({"statuses": frozenset({433})}, False),
        ({"failed": False}, True),
        ({"failed": True}, False),
    ],
)
def test_calls_are_found_by_who_answered_and_how_it_ended(
    wanted: dict[str, Any], *, fits: bool
) -> None:
    assert bool(told(CHUNK, **wanted)) is fits


def test_errors_are_all_of_a_call_that_failed_and_the_serious_lines_of_any_other() -> None:
    assert len(told(FAILED, errors=True)) == 8
    assert told(RUNNING, errors=True) == ["[ERROR] at once"]
    assert told(FAILED, text='"OK') == ['Response RequestId: r-1 RetMsg:"ok"']
    assert told(FAILED, failed=True, text="broke") == ["ERROR RequestId: r-1 Result:it broke"]


def test_a_call_that_runs_has_not_failed_and_not_succeeded() -> None:
    assert told(RUNNING, failed=True) == told(RUNNING, failed=False) == []


@given(printed=st.text(st.characters(codec="utf-8")), failed=st.booleans())
def test_a_log_comes_apart_and_together_again(printed: str, *, failed: bool) -> None:
    printed = printed + "\n" if printed else ""
    ending = BAD if failed else GOOD
    assert split(START + printed + ending, "r-1") == (START, printed, ending)
    assert joined(START + ending, printed) == START + printed + ending


def test_a_function_cannot_pass_off_its_lines_as_the_platforms() -> None:
    printed = f"{BAD}{GOOD}START RequestId: r-1\n"
    assert split(START + printed + BAD, "r-1") == (START, printed, BAD)


@pytest.mark.parametrize("log", ["", "words", "a\nb\n", "END RequestId: r-1\n"])
def test_what_has_no_end_was_printed(log: str) -> None:
    assert split(log, "r-1") == ("", log, "")
    assert joined("", log) == log


def record(**more: Any) -> Record:
    return Record(
        request_id="r-1", function=FunctionName("default", "hello"), qualifier="release", **more
    )


def test_of_a_record_the_log_keeps_what_was_printed_and_the_record_the_rest() -> None:
    chunk, rest = chunk_of(
        record(log=f"{START}one\n{GOOD}", started_at=10.0, queue_ms=500.0, duration_ms=1500.0)
    )
    assert (chunk.starts, chunk.printed, chunk.ending) == (True, "one\n", GOOD)
    assert (chunk.began, chunk.ended) == (10.5, 12.0)
    assert rest == START + GOOD


def test_a_call_that_never_began_leaves_a_line_that_says_why() -> None:
    chunk, rest = chunk_of(record(status=432, error="every instance\nis busy"))
    assert [line.text for line in lines(chunk)] == [
        "ERROR RequestId: r-1 Result:every instance is busy"
    ]
    assert rest == ""


def test_a_call_whose_beginning_was_kept_while_it_ran_does_not_start_again() -> None:
    chunk, _ = chunk_of(record(log=f"{START}two\n{GOOD}", streamed=True))
    assert not chunk.starts


def test_what_was_handed_out_before_is_left_out() -> None:
    assert remainder(f"{START}one\ntwo\n{GOOD}", 4, 9999) == f"{START}two\n{GOOD}"
    assert remainder("one\ntwo\n", 4, 9999) == "two\n"


def test_of_a_long_log_the_last_whole_lines_are_kept_and_a_line_says_so() -> None:
    long = START + "".join(f"line {n}\n" for n in range(1000)) + GOOD
    kept = remainder(long, 0, 200)

    head, notice, *others = kept.splitlines(keepends=True)
    assert head == START
    assert "".join(others) in long
    assert len("".join(others)) <= 200
    missing = len(long) - len(START) - len("".join(others))
    assert notice == f"(the first {missing} characters of this log are not kept)\n"


@pytest.mark.parametrize(
    ("chunk", "worst", "text"),
    [
        (CHUNK, Level.WARN, CHUNK.printed),
        (FAILED, Level.ERROR, f'{CHUNK.printed}it broke\n"ok"'),
        (RUNNING, Level.ERROR, RUNNING.printed),
        (RUNNING._replace(printed=""), Level.INFO, ""),
        (FAILED._replace(ending="END RequestId: r-1\n"), Level.WARN, CHUNK.printed),
    ],
)
def test_the_gist_of_a_chunk_is_its_worst_line_and_what_can_be_looked_for(
    chunk: Chunk, worst: Level, text: str
) -> None:
    assert gist(chunk) == (worst, text)


@given(st.text(st.characters(codec="utf-8")), st.sampled_from([200, 430]))
def test_the_gist_is_never_milder_than_a_line(printed: str, status: int) -> None:
    chunk = FAILED._replace(printed=printed + "\n", status=status)
    assert gist(chunk)[0] >= max(line.level for line in lines(chunk) if line.kind == "printed")
