"""What the judge hears of the calls through an alias."""

from __future__ import annotations

import pytest

from huidu.model.alias import Alias
from huidu.model.function import FunctionName
from huidu.model.invocation import Record, Status
from huidu.model.judge.call import Call
from huidu.model.judge.hearing import Hearing
from huidu.model.judge.measure import Measure
from huidu.model.judge.votes import BOTH, NONE
from huidu.model.routing import Share, Weighted, sealed
from huidu.model.traits import NO_TRAITS, Traits

STABLE, CANDIDATE = "1", "2"
NAME = FunctionName("default", "f")
MINE = Record(
    request_id="r",
    function=NAME,
    qualifier="release",
    alias="release",
    version=CANDIDATE,
    reason="weight",
    probability=0.05,
    instance="i",
    duration_ms=12.0,
    memory_bytes=4096,
)
THEIRS = MINE._replace(version=STABLE, probability=0.95)


def hearing() -> Hearing:
    return Hearing(STABLE, CANDIDATE, warming=0)


def heard(record: Record) -> Call:
    call = hearing().hear(record, 0.0)
    assert call is not None
    return call


def test_a_call_of_either_version_is_heard_with_the_candidates_share() -> None:
    mine = Call(of_candidate=True, failed=False, duration_ms=12.0, weight=0.05, memory_bytes=4096)
    assert heard(MINE) == mine
    assert heard(THEIRS) == mine._replace(of_candidate=False)


@pytest.mark.parametrize("split", ["exact", "random"])
@pytest.mark.parametrize("sticky", ["", "invoke.headers.User"])
def test_every_way_to_leave_it_to_chance_is_heard_with_one_weight(split: str, sticky: str) -> None:
    routing = Weighted((Share(CANDIDATE, 700), Share("3", 1000)))
    alias = Alias(
        function=NAME,
        name="release",
        version=STABLE,
        routing=routing,
        split=split,
        sticky=sticky,
        salt="s",
    )
    known, phases, weights = Hearing(STABLE, CANDIDATE, others=0.1), alias.fresh(), set()
    for number in range(300):
        traits = Traits(headers={"User": str(number)}) if sticky else NO_TRAITS
        decision, phases = alias.route(traits, number / 300, phases)
        record = MINE._replace(
            version=decision.version, reason=decision.reason, probability=decision.probability
        )
        call = known.hear(record, 0.0)
        assert (call is None) == (decision.version == "3")
        weights |= {call.weight} if call else set()
    assert weights == {round(0.07 / 0.9, 9)}


def test_what_chance_had_no_part_in_is_compared_with_nothing() -> None:
    for reason in ("rule 1", "main version", "", "no rule met"):
        assert heard(MINE._replace(reason=reason, probability=1.0)).weight == 1.0
        assert hearing().hear(THEIRS._replace(reason=reason, probability=1.0), 0.0) is None


def test_another_version_is_not_heard() -> None:
    assert hearing().hear(MINE._replace(version="3"), 0.0) is None
    assert hearing().hear(MINE._replace(version=""), 0.0) is None


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        (Status.SUCCESS, False),
        (Status.USER_ERROR, True),
        (Status.USER_CODE_ERROR, True),
        (Status.TIMED_OUT, True),
        (Status.MEMORY_EXCEEDED, True),
        (Status.PROCESS_EXITED, True),
        (Status.INIT_FAILED, True),
        (Status.INIT_TIMED_OUT, True),
        (Status.INTERNAL_ERROR, True),
        (Status.CONCURRENCY_EXCEEDED, None),
        (Status.TOO_FAST, None),
        (Status.BAD_EVENT, None),
        (Status.EVENT_TOO_LARGE, None),
        (Status.CANCELLED, None),
        (Status.SOCKET_BROKEN, None),
    ],
)
def test_a_failure_is_heard_where_it_is_the_versions_doing(
    status: Status,
    failed: bool | None,  # noqa: FBT001
) -> None:
    for record in (MINE, THEIRS):
        call = hearing().hear(record._replace(status=status), 0.0)
        assert (call.failed if call else None) == failed


@pytest.mark.parametrize(
    ("trigger", "result", "failed"),
    [
        ("apigw", '{"statusCode": 503, "body": ""}', True),
        ("http", '{"statusCode":"500"}', True),
        ("http", '{"statusCode": 404}', False),
        ("http", '{"statusCode": 200, "body": "{\\"statusCode\\": 500}"}', False),
        ("http", '{"statusCode": 502, "body": "' + "x" * 4000, True),  # cut off
        ("http", '{"body": "\\"statusCode\\": 500', False),
        ("http", '{"inner": {"statusCode": 500}}', False),
        ("http", '[{"statusCode": 500}]', False),
        ("http", '{"statusCode": "gone"}', False),
        ("http", '{"statusCode": null}', False),
        ("http", "", False),
        ("api", '{"statusCode": 500}', False),  # who invokes it reads a value, and no answer
    ],
)
def test_an_answer_of_http_that_says_the_server_failed_is_a_failure(
    trigger: str,
    result: str,
    failed: bool,  # noqa: FBT001
) -> None:
    assert heard(MINE._replace(trigger=trigger, result=result)).failed == failed


def test_a_retry_has_no_vote() -> None:
    assert heard(MINE._replace(retry_number=1)).vote == NONE
    assert heard(MINE._replace(retry_number=1, status=430)).vote == NONE


def test_a_cold_start_says_nothing_by_how_long_it_took_and_something_by_failing() -> None:
    assert not heard(MINE._replace(cold=True)).compares
    assert heard(MINE._replace(cold=True, status=445)).failed


def test_the_first_call_of_a_warm_instance_is_not_timed_on_either_side() -> None:
    known = Hearing(STABLE, CANDIDATE)
    ways = [MINE._replace(cold=True), MINE, MINE, THEIRS._replace(instance="j"), MINE]
    calls = [known.hear(record, 0.0) for record in ways]
    assert [call.compares for call in calls if call] == [False, False, True, False, True]
    two = Hearing(STABLE, CANDIDATE, warming=2)
    calls = [two.hear(MINE, 0.0) for _ in range(4)]
    assert [call.compares for call in calls if call] == [False, False, True, True]


def test_instances_that_are_gone_are_forgotten_in_time() -> None:
    known = Hearing(STABLE, CANDIDATE)
    for number in range(5000):
        known.hear(MINE._replace(instance=f"i{number}"), 0.0)
    assert len(known._warmed) == 4096


def test_calls_that_one_instance_takes_along_have_one_vote() -> None:
    known = hearing()
    gone = [
        MINE._replace(status=status, instance=instance)
        for status, instance in ((439, "i"), (439, "i"), (434, "j"), (405, "j"), (430, "i"))
    ]
    votes = [call.vote for record in gone if (call := known.hear(record, 0.0))]
    assert votes == [BOTH, NONE, BOTH, NONE, BOTH]


def test_a_key_is_heard_once_by_where_it_went_and_once_by_failing() -> None:
    known, key = hearing(), sealed("Ann", "lam-1", b"salt")
    ann = MINE._replace(reason="sticky key", sticky_key=key)
    votes = [
        call.vote
        for record in (ann, ann, ann._replace(status=430), ann._replace(status=430))
        if (call := known.hear(record, 0.0))
    ]
    assert [vote.first for vote in votes] == [True, False, False, False]
    assert [vote.worse for vote in votes] == [True, True, True, False]
    assert [vote.fine for vote in votes] == [True, False, True, False]


def test_what_is_measured_comes_along_unless_the_call_failed() -> None:
    known = Hearing(STABLE, CANDIDATE, measures=(Measure(name="v", field="v"),))
    says = MINE._replace(result='{"v": 3}')
    calls = [known.hear(record, 0.0) for record in (says, says._replace(status=430))]
    assert [call.values for call in calls if call] == [(3.0,), ()]


def test_of_what_was_before_the_stable_versions_good_and_warm_calls_are_learned_from() -> None:
    known = Hearing(STABLE, CANDIDATE, measures=(Measure(name="v", field="v"),))
    before = THEIRS._replace(reason="main version", probability=1.0, result='{"v": 3}')
    assert known.past(before) == (12.0, (3.0,))
    assert known.past(before._replace(status=430)) is None
    assert known.past(before._replace(cold=True)) is None
    assert known.past(MINE) is None
