"""A real fleet: many callers, many versions, and instances that die at the wrong moment."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from huidu.instances.fleet import Fleet, key_of
from huidu.instances.guests import Numbers
from huidu.instances.launch import Spawner
from huidu.instances.recipe import Workshop
from huidu.model.capacity import Busy, Limits, Retired
from huidu.model.effect import (
    FunctionGone,
    ProvisionChanged,
    ReservationChanged,
    VersionKept,
)
from huidu.model.errors import Failed
from huidu.model.function import Code, Function
from huidu.model.invocation import Outcome, Status
from huidu.model.standing import DONE, FAILED, IN_PROGRESS
from huidu.model.version import Version
from tests.instances.conftest import MakeFleet
from tests.instances.making import (
    REQUEST,
    RUNTIMES,
    Shelf,
    handler,
    is_running,
    lying,
    soon,
    task,
)

#: Says which process it is, after a while where the event says so; fails where it is below zero.
PID = """
import os, time
def main_handler(event, context):
    time.sleep(event)
    return os.getpid()
"""


async def call(fleet: Fleet, version: Version, event: bytes = b"0") -> Outcome:
    async with fleet.claim(version) as instance:
        return await instance.run(task(version, event))


async def until(fleet: Fleet, **numbers: int) -> None:
    """Wait for a fleet to have so many of each and no others, nor anybody who is about to leave."""
    wanted = Numbers(**numbers)
    async with asyncio.timeout(5):
        while (now := fleet.stats()).total != wanted or now.instances != wanted.instances:  # noqa: ASYNC110 - it is processes that we wait for
            await asyncio.sleep(0.002)


async def test_calls_one_after_another_share_an_instance(fleet: MakeFleet, shelf: Shelf) -> None:
    house, version = fleet(), shelf.version(PID)

    outcomes = [await call(house, version) for _ in range(5)]

    assert len({outcome.result for outcome in outcomes}) == 1
    assert [outcome.cold for outcome in outcomes] == [True, False, False, False, False]


async def test_sixty_four_callers_are_each_answered_once(fleet: MakeFleet, shelf: Shelf) -> None:
    house = fleet()
    version = shelf.version(handler("return event"))

    async def caller(number: int) -> list[str]:
        events = [f"[{number},{turn}]".encode() for turn in range(20)]
        return [(await call(house, version, event)).result for event in events]

    answers = await asyncio.gather(*map(caller, range(64)))

    for number, given in enumerate(answers):
        assert [json.loads(one) for one in given] == [[number, turn] for turn in range(20)]
    assert house.stats().instances < 32, "a short wait is cheaper than a process"


async def test_callers_of_a_slow_function_have_an_instance_each(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(instances=5), shelf.version(PID)

    outcomes = await asyncio.gather(*(call(house, version, b"0.3") for _ in range(6)))

    assert len({outcome.result for outcome in outcomes}) == 5
    assert house.stats().instances == 5


async def test_versions_do_not_share_instances(fleet: MakeFleet, shelf: Shelf) -> None:
    house = fleet()
    versions = [shelf.version(PID, number=number) for number in ("1", "2")]

    results = {(await call(house, version)).result for version in versions * 2}

    assert len(results) == 2
    assert set(house.stats().pools) == set(map(key_of, versions))


@pytest.mark.parametrize(
    ("source", "configuration", "status"),
    [
        ("x = 1", {}, Status.HANDLER_NOT_FOUND),
        ("import os\nos._exit(1)", {}, Status.INIT_FAILED),
        ("while True: pass", {"init_timeout_s": 1}, Status.INIT_TIMED_OUT),
    ],
)
async def test_a_version_that_cannot_start_is_an_outcome_of_every_call(
    fleet: MakeFleet, shelf: Shelf, source: str, configuration: dict[str, Any], status: int
) -> None:
    house = fleet()
    version = shelf.version(f"print('loading', flush=True)\n{source}", **configuration)

    outcomes = await asyncio.gather(*(call(house, version) for _ in range(3)))

    for outcome in outcomes:
        payload = json.loads(outcome.result)
        assert outcome.status == payload["statusCode"] == status
        assert payload["requestId"] == REQUEST
        assert payload["errorMessage"] in outcome.error
        assert f"START RequestId: {REQUEST}\nloading\nERROR RequestId" in outcome.log
        assert outcome.cold
        assert outcome.init_ms > 0
    await until(house)


async def test_code_that_cannot_be_had_is_an_outcome_too(shelf: Shelf) -> None:
    class Lost:
        def unpacked(self, code: Code) -> Path:
            raise Failed("Code", "the package is gone")

    house = Fleet(Workshop(packages=Lost(), runtimes=RUNTIMES))
    outcome = await call(house, shelf.version(PID))
    await house.close(0)

    assert outcome.status == Status.INIT_FAILED
    assert outcome.error == "the version cannot be made ready: the package is gone"


async def test_an_interpreter_that_is_missing_is_an_outcome_too(shelf: Shelf) -> None:
    runtimes = type(RUNTIMES)(
        {"Python": [type(RUNTIMES.find("Python3.9").interpreter)(Path("/no"), (3, 9))]}
    )
    house = Fleet(Workshop(packages=shelf, runtimes=runtimes))
    outcome = await call(house, shelf.version(PID))
    await house.close(0)

    assert outcome.status == Status.INIT_FAILED
    assert "no process could be started" in outcome.error


async def test_code_is_looked_at_before_each_start_and_before_no_other_call(shelf: Shelf) -> None:
    class Counting(Shelf):
        def unpacked(self, code: Code) -> Path:
            asked.append(code)
            return super().unpacked(code)

    version, asked = shelf.version(PID), list[Code]()
    house = Fleet(Workshop(packages=Counting(shelf.folder), runtimes=RUNTIMES))
    await asyncio.gather(*(call(house, version, b"0.2") for _ in range(3)))
    started = house.stats().instances
    await call(house, version)
    await house.close(0)

    assert asked == [version.code] * started


async def test_one_call_too_many_is_told_so(fleet: MakeFleet, shelf: Shelf) -> None:
    house, version = fleet(instances=1, waiting=1), shelf.version(PID)
    await call(house, version)
    calls = [asyncio.create_task(call(house, version, b"0.3")) for _ in range(2)]
    await until(house, busy=1, waiting=1)

    with pytest.raises(Busy):
        await call(house, version)
    assert [outcome.status for outcome in await asyncio.gather(*calls)] == [200, 200]


async def test_a_caller_that_leaves_while_waiting_gives_its_seat_to_the_next(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(instances=1), shelf.version(PID)
    await call(house, version)
    first, leaver, last = (asyncio.create_task(call(house, version, b"0.1")) for _ in range(3))
    await until(house, busy=1, waiting=2)

    leaver.cancel()

    assert (await first).result == (await last).result
    assert leaver.cancelled()


async def test_a_caller_that_leaves_while_its_call_runs_costs_the_instance_and_nobody_else(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(instances=1), shelf.version(PID)
    pid = int((await call(house, version)).result)
    leaver = asyncio.create_task(call(house, version, b"2"))
    await until(house, busy=1)
    other = asyncio.create_task(call(house, version))
    await until(house, busy=1, waiting=1)

    leaver.cancel()
    outcome = await other

    assert outcome.status == Status.SUCCESS
    assert int(outcome.result) != pid
    assert not is_running(pid)


async def test_an_idle_instance_that_died_is_replaced_and_no_call_hears_of_it(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(), shelf.version(PID)

    for _ in range(10):
        pid = int((await call(house, version)).result)
        os.kill(pid, signal.SIGKILL)
        outcome = await call(house, version)
        assert outcome.status == Status.SUCCESS
        assert int(outcome.result) != pid


async def test_a_call_that_certainly_never_began_is_given_to_another_instance(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(), shelf.version(PID)
    pid = int((await call(house, version)).result)
    os.kill(pid, signal.SIGSTOP)
    again = asyncio.create_task(call(house, version))
    await asyncio.sleep(0.02)

    os.kill(pid, signal.SIGKILL)
    outcome = await again

    assert outcome.status == Status.SUCCESS
    assert int(outcome.result) != pid
    assert outcome.cold


async def test_a_call_that_may_have_begun_is_not_given_to_another(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(), shelf.version(PID)
    pid = int((await call(house, version)).result)
    running = asyncio.create_task(call(house, version, b"2"))
    await asyncio.sleep(0.05)

    os.kill(pid, signal.SIGKILL)

    assert (await running).status == Status.PROCESS_EXITED
    assert (await call(house, version)).status == Status.SUCCESS


async def test_a_version_whose_instances_die_before_they_begin_is_not_tried_for_ever(
    shelf: Shelf,
) -> None:
    version = shelf.version(PID)
    deserter = lying("say(READY, json.dumps({'digest': order['digest']}).encode())")
    house = Fleet(Workshop(packages=shelf, runtimes=deserter))

    outcome = await call(house, version)
    await house.close(0)

    assert outcome.status == Status.PROCESS_EXITED
    assert outcome.error == "3 instances ended before they began with the call"


async def test_an_instance_that_timed_out_is_replaced_and_one_that_failed_is_not(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house = fleet()
    version = shelf.version(PID, timeout_s=1)
    first = await call(house, version)
    assert (await call(house, version, b"-1")).status == Status.USER_ERROR
    assert (await call(house, version)).result == first.result
    assert (await call(house, version, b"5")).status == Status.TIMED_OUT
    assert (await call(house, version)).result != first.result


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("time.sleep(5)", Status.TIMED_OUT),
        ("os._exit(3)", Status.PROCESS_EXITED),
        ("babble()", Status.PROCESS_EXITED),
    ],
)
async def test_an_instance_that_is_in_doubt_after_a_call_takes_no_other(
    fleet: MakeFleet, shelf: Shelf, line: str, status: int
) -> None:
    house = fleet()
    source = f"""
import os, stat, time
def babble():
    for fd in range(3, 1024):
        if os.path.exists(f'/proc/self/fd/{{fd}}') and stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.write(fd, b'?' * 99)
    time.sleep(5)
def main_handler(event, context):
    if event:
        {line}
    return os.getpid()
"""
    version = shelf.version(source, timeout_s=1)
    first = await call(house, version)

    assert (await call(house, version, b"1")).status == status
    assert (await call(house, version)).result != first.result
    assert not is_running(int(first.result))


def provision(fleet: Fleet, version: Version, wanted: int) -> None:
    fleet.apply([ProvisionChanged(version, wanted)])


async def test_a_provisioned_version_has_its_instances_before_any_call(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(idle_s=0.01), shelf.version(PID)
    provision(house, version, 2)
    (begun,) = house.standings()
    assert (begun.provisioned, begun.available, begun.status) == (2, 0, IN_PROGRESS)

    await until(house, idle=2)
    pids = {int((await call(house, version)).result) for _ in range(3)}
    (done,) = house.standings()
    assert (done.available, done.status, done.number) == (2, DONE, "1")
    os.kill(min(pids), signal.SIGKILL)
    await until(house, idle=1, starting=1)
    await until(house, idle=2)
    assert not is_running(min(pids))

    provision(house, version, 0)
    await until(house)
    assert house.standings() == []


async def test_why_a_provisioned_version_has_no_instances_is_told(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house = fleet()
    provision(house, shelf.version("import nowhere"), 1)
    async with asyncio.timeout(5):
        while house.standings()[0].status != FAILED:  # noqa: ASYNC110 - a process has to fail
            await asyncio.sleep(0.01)

    assert "No module named 'nowhere'" in house.standings()[0].why
    house.retire([])
    assert house.standings() == []


async def test_what_is_provisioned_makes_no_room_for_others(fleet: MakeFleet, shelf: Shelf) -> None:
    house = fleet(most=3)
    kept, first, second = (shelf.version(PID, number=number) for number in ("1", "2", "3"))
    provision(house, kept, 2)
    await until(house, idle=2)

    for version in (first, second, first):
        assert (await call(house, version)).status == Status.SUCCESS

    assert house.held()[key_of(kept)] == 2


async def test_a_held_version_stays_warm_until_it_is_released(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(idle_s=0.05), shelf.version(PID)
    house.hold(version, 2)
    await until(house, idle=1)
    assert await house.ready(version, 3) == ""
    first = await call(house, version)
    await until(house, idle=2)
    await asyncio.sleep(0.15)
    house.hold(version, 2)

    (standing,) = house.standings()
    assert (standing.provisioned, standing.idle) == (0, 2)
    assert (await call(house, version)).result == first.result

    house.release(version)
    await until(house)
    assert house.standings() == []


async def test_a_flood_on_another_version_takes_the_room_of_what_is_held(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house = fleet(most=3, idle_s=0.2)
    stable, candidate = shelf.version(PID, number="1"), shelf.version(PID, number="2")
    await house.ready(stable, 3)
    house.hold(stable, 3)

    outcomes = await asyncio.gather(*(call(house, candidate, b"0.2") for _ in range(12)))

    assert all(outcome.succeeded for outcome in outcomes)
    assert len({outcome.result for outcome in outcomes}) >= 2
    assert house.stats().instances <= 3
    await until(house, idle=1)
    assert house.held() == {key_of(stable): 1}


async def test_what_is_held_makes_room_for_a_version_that_has_none_and_comes_back(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house = fleet(most=1, idle_s=0.1)
    stable, other = shelf.version(PID, number="1"), shelf.version(PID, number="2")
    house.hold(stable, 1)
    await until(house, idle=1)

    assert (await call(house, other)).succeeded
    assert house.held()[key_of(other)] == 1
    async with asyncio.timeout(5):
        while not house.held().get(key_of(stable)):  # noqa: ASYNC110 - it is processes that we wait for
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("way", ["retired", "killed"])
async def test_a_version_that_goes_while_it_is_held_is_forgotten(
    fleet: MakeFleet, shelf: Shelf, way: str
) -> None:
    house, version = fleet(), shelf.version(PID)
    await house.ready(version, 2)
    house.hold(version, 2)

    if way == "retired":
        house.retire([])
    else:
        await house.kill(version)
    await until(house)

    assert house.stats().pools == {}
    house.release(version)
    assert house.stats().pools == {}


async def test_closing_leaves_nothing_of_what_is_held(fleet: MakeFleet, shelf: Shelf) -> None:
    house, cold = fleet(), shelf.version(PID, number="2")
    warm = shelf.version(PID)
    pid = int((await call(house, warm)).result)
    house.hold(warm, 1)
    house.hold(cold, 1)
    await asyncio.sleep(0)

    await house.close(0)

    assert house.stats().instances == 0
    assert not is_running(pid)
    house.hold(warm, 1)
    assert house.stats().total == Numbers()


async def test_a_hold_that_is_let_go_before_anything_started_leaves_no_pool(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house = fleet(most=1)
    provision(house, shelf.version(PID), 1)
    other = shelf.version(PID, number="2")

    house.hold(other, 1)
    assert key_of(other) in house.stats().pools
    house.release(other)

    assert key_of(other) not in house.stats().pools


async def test_a_closed_fleet_provisions_nothing(fleet: MakeFleet, shelf: Shelf) -> None:
    house = fleet()
    await house.close(0)

    provision(house, shelf.version(PID), 1)

    assert house.standings() == []


async def test_an_old_instance_is_replaced_and_no_call_waits_for_that(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(max_age_s=0.3), shelf.version(PID)
    first = await call(house, version)
    until_s = time.monotonic() + 5
    while (now := await call(house, version)).result == first.result:
        assert now.status == Status.SUCCESS
        assert time.monotonic() < until_s
        await asyncio.sleep(0.01)

    assert soon(lambda: not is_running(int(first.result)))


async def test_the_code_of_an_instance_is_in_use_for_as_long_as_it_lives(
    shelf: Shelf, scratch: Path
) -> None:
    version, broken = shelf.version(PID), shelf.version("import nowhere", number="2")
    shop = Workshop(packages=shelf, runtimes=RUNTIMES, launcher=Spawner(scratch))
    house = Fleet(shop, Limits(idle_s=0.1))
    calls = [asyncio.create_task(call(house, version, b"0.3")) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert version.code.sha256 in shop.in_use
    await asyncio.gather(*calls)
    assert version.code.sha256 in shop.in_use

    await until(house)
    await call(house, broken)
    await until(house)
    assert shop.in_use == {}
    await house.close(0)


async def test_the_instance_that_idled_longest_makes_room_for_another_version(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house = fleet(most=2)
    first, second, third = (shelf.version(PID, number=number) for number in ("1", "2", "3"))
    pids = [int((await call(house, version)).result) for version in (first, second, third)]

    assert house.stats().instances <= 2
    assert not is_running(pids[0])
    assert set(house.stats().pools) == {key_of(second), key_of(third)}
    assert int((await call(house, third)).result) == pids[2]
    assert int((await call(house, second)).result) == pids[1]


async def test_no_version_is_kept_from_running_by_another(fleet: MakeFleet, shelf: Shelf) -> None:
    house = fleet(most=2)
    greedy, modest = shelf.version(PID, number="1"), shelf.version(PID, number="2")
    stop = asyncio.Event()

    async def caller() -> None:
        while not stop.is_set():
            assert (await call(house, greedy, b"0.02")).succeeded

    callers = [asyncio.create_task(caller()) for _ in range(6)]
    async with asyncio.timeout(5):
        for _ in range(3):
            await asyncio.sleep(0.2)
            assert (await call(house, modest)).succeeded
    stop.set()
    await asyncio.gather(*callers)

    assert house.stats().instances <= 2


async def test_a_retired_version_ends_when_its_last_call_has(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house = fleet()
    old, new = shelf.version(PID, number="1"), shelf.version(PID, number="2")
    pid = int((await call(house, old)).result)
    running = asyncio.create_task(call(house, old, b"1"))
    kept = (await call(house, new)).result
    await until(house, busy=1, idle=1)

    house.retire([key_of(new)])

    with pytest.raises(Retired):
        await call(house, old)
    assert int((await running).result) == pid
    await until(house, idle=1)
    assert not is_running(pid)
    assert (await call(house, new)).result == kept


async def test_a_version_that_comes_back_is_served_by_what_is_still_there(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(), shelf.version(PID)
    running = asyncio.create_task(call(house, version, b"0.1"))
    await until(house, busy=1)

    house.retire([])
    house.retire([key_of(version)])

    assert (await call(house, version)).result
    await running


async def test_a_warm_version_answers_without_a_start(fleet: MakeFleet, shelf: Shelf) -> None:
    house, version = fleet(), shelf.version(PID)

    assert await house.warm(version, 2) is None
    assert house.stats().total == Numbers(idle=2)

    outcomes = await asyncio.gather(*(call(house, version, b"0.1") for _ in range(2)))
    assert all(outcome.cold for outcome in outcomes)
    assert house.stats().total == Numbers(idle=2)


async def test_warming_says_why_a_version_cannot_start(fleet: MakeFleet, shelf: Shelf) -> None:
    ending = await fleet().warm(shelf.version("import nowhere"))

    assert ending is not None
    assert ending.status == Status.HANDLER_NOT_FOUND
    assert "No module named 'nowhere'" in ending.message


async def test_being_ready_takes_no_more_room_than_there_is(fleet: MakeFleet, shelf: Shelf) -> None:
    house, version = fleet(most=2), shelf.version(PID)

    assert await house.ready(version, 9) == ""
    assert house.held() == {key_of(version): 2}
    assert "nowhere" in await house.ready(shelf.version("import nowhere", number="2"), 1)


async def test_what_is_to_be_ready_soon_is_not_waited_for(fleet: MakeFleet, shelf: Shelf) -> None:
    house, version = fleet(), shelf.version(PID)

    house.soon(version, 2)
    assert house.held() == {}
    await until(house, idle=2)
    house.soon(version, 9)
    await house.close(0)

    assert await house.ready(version, 1) == "the version takes no new calls"


async def test_warming_makes_room_where_others_are_idle(fleet: MakeFleet, shelf: Shelf) -> None:
    house = fleet(most=1)
    await call(house, shelf.version(PID, number="1"))

    async with asyncio.timeout(5):
        await house.warm(shelf.version(PID, number="2"))

    assert house.stats().total == Numbers(idle=1)


async def test_what_is_idle_too_long_is_let_go(fleet: MakeFleet, shelf: Shelf) -> None:
    house = fleet(idle_s=0.2)
    pid = int((await call(house, shelf.version(PID))).result)

    await until(house)

    assert not is_running(pid)
    assert repr(house) == (
        "<Fleet: 0 pools; 0 of 50 instances: 0 busy, 0 idle, 0 starting; 0 calls waiting>"
    )


async def test_a_version_that_is_killed_is_gone_whatever_it_was_doing(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(instances=1), shelf.version(PID)
    await house.kill(version)
    running = asyncio.create_task(call(house, version, b"2"))
    await until(house, busy=1)
    waiting = asyncio.create_task(call(house, version))
    await until(house, busy=1, waiting=1)

    await house.kill(version)

    assert (await running).status == Status.INSTANCE_EXITED
    with pytest.raises(Retired):
        await waiting
    assert house.stats().pools == {}
    await house.kill(version)
    assert (await call(house, version)).succeeded


async def test_a_closing_fleet_lets_calls_end_in_time_and_ends_the_others(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(), shelf.version(PID)
    pid = int((await call(house, version)).result)
    quick = asyncio.create_task(call(house, version, b"0.8"))
    await until(house, busy=1)
    slow = asyncio.create_task(call(house, version, b"3"))
    await until(house, busy=2)
    other = int((await asyncio.shield(quick)).result)

    began = time.monotonic()
    closing = asyncio.create_task(house.close(0.3))
    await asyncio.sleep(0)
    with pytest.raises(Retired):
        await call(house, version)
    await closing

    assert 0.2 < time.monotonic() - began < 2
    assert (await slow).status == Status.INSTANCE_EXITED
    assert not any(map(is_running, (pid, other)))
    assert repr(house).endswith("closed>")
    await house.close(0)


async def test_closing_does_not_wait_where_nothing_runs(fleet: MakeFleet, shelf: Shelf) -> None:
    house = fleet()
    await call(house, shelf.version(PID))

    began = time.monotonic()
    await house.close(30)

    assert time.monotonic() - began < 2


PLATFORM = """
import asyncio, sys
from pathlib import Path
from huidu.instances.fleet import Fleet
from huidu.instances.recipe import Workshop
from tests.instances.making import RUNTIMES, Shelf, task

async def main():
    shelf = Shelf(Path(sys.argv[1]))
    version = shelf.version({source!r}, timeout_s=60)
    fleet = Fleet(Workshop(packages=shelf, runtimes=RUNTIMES))
    async def call():
        async with fleet.claim(version) as instance:
            return await instance.run(task(version, b"0"))
    async def busy():
        async with fleet.claim(version) as instance:
            await instance.run(task(version, b"60"))
    calls = [asyncio.create_task(busy()) for _ in range(2)]
    while fleet.stats().total.busy < 2:
        await asyncio.sleep(0.01)
    await fleet.warm(version, 3)
    await asyncio.sleep(0.1)
    print((await call()).result, flush=True)
    await asyncio.gather(*calls)

asyncio.run(main())
"""


def test_a_platform_that_is_killed_leaves_no_instance(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    source = f"open({str(pids)!r}, 'a').write(f'{{__import__(\"os\").getpid()}} ')\n{PID}"
    platform = subprocess.Popen(
        [sys.executable, "-c", PLATFORM.format(source=source), str(tmp_path / "code")],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert platform.stdout is not None
    with platform.stdout:
        idle = int(platform.stdout.readline())
        workers = list(map(int, pids.read_text().split()))
        assert idle in workers
        assert len(workers) >= 3
        assert all(map(is_running, workers))

        platform.kill()
        platform.wait()

    assert soon(lambda: not any(map(is_running, workers)))


def later(fleet: Fleet, version: Version, event: bytes) -> asyncio.Task[Outcome]:
    async def run() -> Outcome:
        async with fleet.claim(version, later=True) as instance:
            return await instance.run(task(version, event))

    return asyncio.create_task(run())


async def test_a_flood_of_what_nobody_waits_for_lets_a_call_begin_at_once(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(4), shelf.version(PID)
    flood = [later(house, version, b"0.3") for _ in range(12)]
    while house.stats().total.busy < 3:  # noqa: ASYNC110 - it is processes that we wait for
        await asyncio.sleep(0.002)

    before = sum(one.done() for one in flood)
    await call(house, version)
    assert sum(one.done() for one in flood) - before <= 3
    outcomes = await asyncio.gather(*flood)
    assert {outcome.status for outcome in outcomes} == {200}
    assert len({outcome.result for outcome in outcomes}) == 3


async def test_a_limit_that_is_lowered_lets_idle_instances_go_and_one_that_is_raised_more_begin(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house, version = fleet(6), shelf.version(PID)
    latest = replace(version, number="$LATEST")
    mb = version.configuration.memory_mb
    function = Function(named=version.function, id=version.function_id)
    await asyncio.gather(*(call(house, version, b"0.2") for _ in range(4)))
    house.apply([VersionKept(latest), ReservationChanged(function, 2 * mb)])
    await until(house, idle=2)
    assert repr(house.reserved()[0][1].promised) == "2"

    await asyncio.gather(*(call(house, version, b"0.1") for _ in range(6)))
    await until(house, idle=2)
    smaller = replace(latest, configuration=replace(latest.configuration, memory_mb=mb // 2))
    house.apply([VersionKept(smaller)])  # what is promised is counted anew, and the limit stays
    assert house.reserved()[0][1].promised == 4
    await asyncio.gather(*(call(house, version, b"0.1") for _ in range(6)))
    await until(house, idle=2)
    house.apply([ReservationChanged(function, 0)])
    await until(house)
    with pytest.raises(Busy, match="reserved concurrency is 0 MB"):
        await call(house, version)
    assert "is stopped" in await house.ready(version, 1)
    house.apply([ReservationChanged(function, None)])
    await asyncio.gather(*(call(house, version, b"0.2") for _ in range(3)))
    assert house.stats().instances == 3
    house.apply([ReservationChanged(function, mb), FunctionGone(function)])
    assert house.reserved() == ()


async def test_versions_of_a_function_at_its_limit_make_room_for_each_other(
    fleet: MakeFleet, shelf: Shelf
) -> None:
    house = fleet(6)
    one, two = (shelf.version(PID, number=number) for number in ("1", "2"))
    function = Function(named=one.function, id=one.function_id)
    latest = replace(one, number="$LATEST")
    limit = 2 * one.configuration.memory_mb
    house.apply([VersionKept(latest), ReservationChanged(function, limit)])
    flood = [asyncio.create_task(call(house, one, b"0.1")) for _ in range(10)]
    await asyncio.sleep(0.15)
    assert (await call(house, two)).status == 200
    assert sum(done.done() for done in flood) < 10
    await asyncio.gather(*flood)
    assert house.stats().instances <= 2
