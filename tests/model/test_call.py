"""Call: what is known of it on its way, and what is kept of it."""

from __future__ import annotations

from huidu.model.call import Call, Routed
from huidu.model.invocation import Outcome, Record, Status
from huidu.model.routing import Decision, sealed
from huidu.model.split import Phase
from tests.fakes_store import FUNCTION, HELLO, alias, invocation, version

DECIDED = Decision("2", "weight", 0.1, 0.05, (Phase(3000, ahead=True),), "Bob")


def test_a_record_says_all_there_is_to_say_each_in_its_place() -> None:
    call = Call(invocation(event=b"[1]", retry_number=1, trigger="timer"), 1000.5, 2.0, b"salt")
    call.goes(Routed(version("2"), DECIDED, alias(revision=7)))
    call.claimed = 2.25
    call.outcome = Outcome(
        status=430,
        result="{}",
        error="it broke",
        log="line\n",
        duration_ms=3.5,
        init_ms=9.5,
        memory_bytes=4096,
        cold=True,
        instance="i-1",
    )

    assert call.record() == Record(
        request_id="r-1",
        function=HELLO,
        qualifier="release",
        function_id=FUNCTION.id,
        alias="release",
        alias_revision=7,
        version="2",
        reason="weight",
        probability=0.1,
        draw=0.05,
        phases="3000+",
        sticky_key=sealed("Bob", FUNCTION.id, b"salt"),
        status=430,
        error="it broke",
        result="{}",
        log="line\n",
        trigger="timer",
        retry_number=1,
        root_request_id="r-1",
        instance="i-1",
        cold=True,
        started_at=1000.5,
        queue_ms=250.0,
        init_ms=9.5,
        duration_ms=3.5,
        memory_bytes=4096,
        memory_mb=128,
        event_bytes=3,
        result_bytes=2,
    )


def test_a_call_that_went_nowhere_was_left_by_its_caller() -> None:
    call = Call(invocation(), 1000.0, 1.0)

    record = call.record()
    assert (record.status, record.error) == (Status.CANCELLED, "the caller left")
    assert (record.function_id, record.alias, record.version, record.memory_mb) == ("", "", "", 0)


def test_a_call_by_version_goes_through_no_alias() -> None:
    call = Call(invocation(qualifier="1"), 1000.0, 1.0)
    call.goes(Routed(version("1"), Decision("1", "called by version")))

    assert call.lane == (FUNCTION.id, "", "1")
    assert (call.record().alias_revision, call.record().draw) == (0, None)
