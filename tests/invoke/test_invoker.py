"""One way in, one record out, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
from itertools import count

import pytest

from huidu.invoke.invoker import Invoker
from huidu.invoke.routes import Routes
from huidu.model.call import MOST_KEPT_LOG_CHARS, MOST_KEPT_RESULT_CHARS
from huidu.model.capacity import Busy, Retired
from huidu.model.effect import AliasKept, FunctionKept, VersionKept
from huidu.model.errors import Failed, InvalidValue, NotFound, Refusal
from huidu.model.function import FunctionName
from huidu.model.invocation import MOST_EVENT_BYTES, Outcome, Status
from huidu.model.routing import Share, Weighted, sealed
from huidu.model.tally import Lane
from huidu.model.traits import Traits
from tests.fakes import turns
from tests.fakes_store import FUNCTION, HELLO, Kept, Stand, alias, invocation, version

NOW = 1_790_000_000.0
SHARED = alias(revision=7, routing=Weighted((Share("2", 5000),)))


class Setting:
    """An invoker with what is around it. Each look at the timer is one millisecond later."""

    def __init__(self) -> None:
        self.routes = Routes(lambda: 0.25)
        self.routes.apply(
            [
                FunctionKept(FUNCTION),
                *(VersionKept(version(number)) for number in ("$LATEST", "1", "2")),
                VersionKept(version("3", status="PublishFailed", status_reason="tampered with")),
                AliasKept(SHARED),
                AliasKept(alias("broken", at="3")),
            ]
        )
        self.fleet, self.kept, self.salt = Stand(), Kept(), b"salt"
        ticks = count()
        self.invoker = Invoker(
            table=self.routes,
            fleet=self.fleet,
            recorder=self.kept,
            clock=lambda: NOW,
            timer=lambda: next(ticks) / 1000,
            salt=self.salt,
        )


@pytest.fixture
def setting() -> Setting:
    return Setting()


async def test_an_answered_call_leaves_a_record_of_everything(setting: Setting) -> None:
    outcome = Outcome(
        status=200,
        result='"ok"',
        log="line\n",
        duration_ms=3.5,
        memory_bytes=4096,
        cold=True,
        init_ms=9.5,
        instance="i-1",
    )
    setting.fleet.does = lambda _: outcome
    call = invocation(event=b"[1]", routing_key='{"User":"Bob"}', trigger="http", retry_number=1)

    answered = await setting.invoker.invoke(call)

    assert (answered.outcome, answered.version, answered.alias) == (outcome, "2", "release")
    (task,) = setting.fleet.tasks
    assert (task.invocation, task.version, task.alias) == (call, version("2"), "release")
    (record,) = setting.kept.records
    assert (record.request_id, record.root_request_id) == ("r-1", "r-1")
    assert (record.function, record.qualifier, record.trigger) == (HELLO, "release", "http")
    assert (record.alias, record.alias_revision, record.version) == ("release", 7, "2")
    assert (record.reason, record.probability, record.draw) == ("weight", 0.5, 0.25)
    assert record.phases == "0-"
    assert (record.status, record.result, record.error, record.log) == (200, '"ok"', "", "line\n")
    assert (record.instance, record.cold, record.retry_number) == ("i-1", True, 1)
    assert (record.attempt, record.init_ms, record.ran) == (2, 9.5, True)
    assert (record.started_at, record.queue_ms, record.duration_ms) == (NOW, 1.0, 3.5)
    assert (record.memory_bytes, record.memory_mb) == (4096, 128)
    assert (record.event_bytes, record.result_bytes) == (3, 4)


async def test_a_sticky_key_is_kept_so_that_nobody_can_read_it(setting: Setting) -> None:
    sticky = alias("sticky", routing=SHARED.routing, sticky="invoke.headers.User")
    setting.routes.apply([AliasKept(sticky)])
    for user in ("Bob", "Bob", "Eve"):
        shown = Traits(headers={"User": user})
        await setting.invoker.invoke(invocation(qualifier="sticky", traits=shown))
    await setting.invoker.invoke(invocation())

    bob, again, eve, nobody = (one.sticky_key for one in setting.kept.records)
    assert bob == again == sealed("Bob", FUNCTION.id, setting.salt)
    assert len({bob, eve, nobody}) == 3
    assert nobody == ""
    assert "Bob" not in bob


async def test_a_call_is_under_way_as_long_as_an_instance_has_it(setting: Setting) -> None:
    setting.fleet.gate = asyncio.Event()
    calling = asyncio.create_task(setting.invoker.invoke(invocation()))
    await turns(5)
    assert setting.kept.running == [Lane(FUNCTION.id, "release", "2")]
    setting.fleet.gate.set()
    await calling
    assert setting.kept.running == []


async def test_a_call_that_is_cut_off_is_under_way_no_more_and_leaves_a_record(
    setting: Setting,
) -> None:
    setting.fleet.gate = asyncio.Event()
    calling = asyncio.create_task(setting.invoker.invoke(invocation()))
    await turns(5)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert setting.kept.running == []
    assert [record.status for record in setting.kept.records] == [Status.CANCELLED]


async def test_a_call_by_version_has_no_alias(setting: Setting) -> None:
    answered = await setting.invoker.invoke(invocation(qualifier="1", root_request_id="r-0"))

    assert (answered.version, answered.alias) == ("1", "")
    (record,) = setting.kept.records
    assert (record.alias, record.alias_revision, record.version) == ("", 0, "1")
    assert (record.reason, record.draw, record.phases) == ("called by version", None, "")
    assert record.root_request_id == "r-0"


async def test_a_record_keeps_the_beginning_of_a_result_and_the_end_of_a_log(
    setting: Setting,
) -> None:
    long = Outcome(status=430, result="r" * 9999, error="e" * 9999, log="x" * 99_999 + "the end")
    setting.fleet.does = lambda _: long

    assert (await setting.invoker.invoke(invocation())).outcome is long
    (record,) = setting.kept.records
    assert record.result == "r" * MOST_KEPT_RESULT_CHARS
    assert record.error == "e" * MOST_KEPT_RESULT_CHARS
    notice, kept = record.log.split("\n")
    assert notice == "(the first 34470 characters of this log are not kept)"
    assert len(kept) == MOST_KEPT_LOG_CHARS
    assert record.log.endswith("xthe end")
    assert record.result_bytes == 9999


@pytest.mark.parametrize(
    ("call", "status", "raised"),
    [
        ({"function": FunctionName("default", "nobody")}, Status.FUNCTION_NOT_FOUND, NotFound),
        ({"qualifier": "nobody"}, Status.QUALIFIER_NOT_FOUND, NotFound),
        ({"qualifier": "9"}, Status.QUALIFIER_NOT_FOUND, NotFound),
    ],
)
async def test_a_call_that_nobody_can_answer_is_refused_and_recorded(
    setting: Setting, call: dict[str, object], status: Status, raised: type[Refusal]
) -> None:
    with pytest.raises(raised) as refused:
        await setting.invoker.invoke(invocation(**call))

    assert setting.fleet.tasks == []
    (record,) = setting.kept.records
    assert (record.status, record.error) == (status, refused.value.message)
    assert (record.version, record.alias, record.memory_mb) == ("", "", 0)
    known = status == Status.QUALIFIER_NOT_FOUND
    assert record.function_id == (FUNCTION.id if known else "")


async def test_a_call_of_a_version_that_is_not_active_is_refused_and_recorded_as_that_versions(
    setting: Setting,
) -> None:
    with pytest.raises(Failed, match="version 3 is PublishFailed: tampered with") as refused:
        await setting.invoker.invoke(invocation(qualifier="broken"))

    assert refused.value.code == "FailedOperation.FunctionStatusError"
    assert setting.fleet.tasks == []
    (record,) = setting.kept.records
    assert (record.status, record.version, record.alias) == (500, "3", "broken")
    assert "tampered with" in record.error


async def test_a_refusal_on_the_way_is_recorded_as_ours(setting: Setting) -> None:
    setting.fleet.refuses = InvalidValue("Param", "no")
    with pytest.raises(InvalidValue):
        await setting.invoker.invoke(invocation())

    (record,) = setting.kept.records
    assert (record.status, record.error, record.version) == (500, "no", "2")


@pytest.mark.parametrize(
    ("refuses", "status", "said"),
    [
        (Busy(1000), Status.CONCURRENCY_EXCEEDED, "concurrency exceeded"),
        (Retired(), Status.INSTANCE_EXITED, "the platform is closing"),
    ],
)
async def test_a_call_that_finds_no_instance_is_an_answer(
    setting: Setting, refuses: Exception, status: Status, said: str
) -> None:
    setting.fleet.refuses = refuses

    answered = await setting.invoker.invoke(invocation())

    assert answered.outcome.status == status
    assert said in answered.outcome.error
    assert json.loads(answered.outcome.result) == {
        "errorCode": -1,
        "errorMessage": answered.outcome.error,
        "requestId": "r-1",
        "statusCode": status,
    }
    assert answered.version in {"1", "2"}
    (record,) = setting.kept.records
    assert (record.status, record.alias) == (status, "release")


async def test_an_event_that_is_too_large_reaches_no_instance(setting: Setting) -> None:
    good = await setting.invoker.invoke(invocation(event=bytes(MOST_EVENT_BYTES)))
    assert good.outcome.succeeded
    answered = await setting.invoker.invoke(invocation(event=bytes(MOST_EVENT_BYTES + 1)))

    assert answered.outcome.status == Status.EVENT_TOO_LARGE
    assert str(MOST_EVENT_BYTES + 1) in answered.outcome.error
    assert len(setting.fleet.tasks) == 1
    assert [record.status for record in setting.kept.records] == [200, 406]
    assert setting.kept.records[1].version == "1"
    assert setting.kept.records[1].event_bytes == MOST_EVENT_BYTES + 1


async def test_a_caller_that_leaves_is_recorded(setting: Setting) -> None:
    setting.fleet.gate = asyncio.Event()
    calling = asyncio.create_task(setting.invoker.invoke(invocation()))
    await asyncio.sleep(0.01)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    (record,) = setting.kept.records
    assert (record.status, record.error) == (Status.CANCELLED, "the caller left")
    assert record.version == "2"


async def test_an_error_of_ours_is_recorded_and_raised(setting: Setting) -> None:
    setting.fleet.does = KeyError("a bug")
    with pytest.raises(KeyError):
        await setting.invoker.invoke(invocation())

    (record,) = setting.kept.records
    assert (record.status, record.error) == (Status.INTERNAL_ERROR, "KeyError('a bug')")
    assert record.version == "2"


async def test_a_caller_is_answered_whatever_becomes_of_the_record(setting: Setting) -> None:
    setting.kept.fails = OSError("the disk fell out")

    answered = await setting.invoker.invoke(invocation())
    assert answered.outcome.succeeded
    with pytest.raises(NotFound):
        await setting.invoker.invoke(invocation(qualifier="nowhere"))
    setting.fleet.does = KeyError("a bug")
    with pytest.raises(KeyError):
        await setting.invoker.invoke(invocation())
    assert (setting.kept.missed, setting.kept.running) == (3, [])


async def test_each_call_is_recorded_once(setting: Setting) -> None:
    for n in range(10):
        await setting.invoker.invoke(invocation(request_id=f"r-{n}"))

    assert [record.request_id for record in setting.kept.records] == [f"r-{n}" for n in range(10)]
    assert sum(record.version == "2" for record in setting.kept.records) == 5
