"""Runs when a server ends: each comes to an end that is told."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from huidu.control.plane import Asked
from huidu.model.account import Account
from huidu.model.component import Component, ComponentKey, Order
from huidu.model.errors import Failed, InvalidValue, NotFound
from huidu.serverless import arriving
from huidu.serverless.places import Places, stored
from huidu.serverless.runs import Runs
from huidu.store.catalog import Catalog
from huidu.store.objects import Objects
from huidu.store.writing import Writing
from tests.fakes_store import BACKENDS
from tests.platform import zipped

T = TypeVar("T")
KEY = ComponentKey("org", "shop", "dev", "front")
ASKED = Asked(request_id="r", who="somebody")
ID = "00000000-0000-4000-8000-00000000000{}"


class Server:
    """What is asked for the steps of a run: says no, now or once it is let go."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.error: Exception = Failed("", "not today")
        self.answers: Mapping[str, Mapping[str, Any]] = {}

    async def ask(
        self, asked: Asked, service: str, action: str, parameters: Mapping[str, object]
    ) -> Mapping[str, Any]:
        if action in self.answers:
            return self.answers[action]
        self.asked.set()
        await self.go.wait()
        raise self.error


class Full(Catalog):
    """A catalog whose disk has no room for some writes."""

    left = 0

    async def write(self, change: Callable[[Writing], T]) -> T:
        if self.left:
            self.left -= 1
            raise OSError(errno.ENOSPC, "no room")
        return await super().write(change)


class Around:
    """Runs over a catalog and a store of their own."""

    def __init__(self, home: Path, catalog: Full) -> None:
        numbers = iter(range(1, 9))
        self.catalog = catalog
        self.objects = Objects(home / "objects")
        self.places = Places(
            buckets=self.objects,
            account=Account(),
            pair=("id", "key"),
            clock=time.time,
            new_id=lambda: ID.format(next(numbers)),
        )
        self.server = Server()
        self.runs = Runs(
            catalog,
            self.objects,
            self.places,
            home / "runs",
            Account(),
            "http://gateway",
            clock=time.time,
            timer=time.monotonic,
            new_id=lambda: "run-1",
        )

    async def begin(self, *, arrived: bool = True) -> None:
        _, download, _ = await self.runs.addresses()
        where = stored(download, Account())
        if arrived:
            draft = self.objects.draft()
            draft.write(base64.b64decode(zipped({"sls.js": "module.exports = 1"})))
            self.objects.keep(where.bucket, where.key, draft, 1.0, {})
            draft.close()
        inputs = {"src": download, "runtime": "Nodejs18.15", "publish": True}
        await self.runs.begin(ASKED, Order(key=KEY, kind="express", method="deploy", inputs=inputs))

    async def component(self) -> Component:
        found = await self.catalog.read(lambda reading: reading.components.find(KEY))
        assert found is not None
        return found

    async def ended(self) -> Component:
        while (found := await self.component()).is_busy:  # noqa: ASYNC110 - it is in the catalog
            await asyncio.sleep(0.01)
        return found


@pytest.fixture
async def around(tmp_path: Path) -> AsyncIterator[Around]:
    database = BACKENDS["sqlite"](tmp_path)
    await database.open("catalog")
    made = Around(tmp_path, Full(database, lambda effects: None))
    await made.runs.open(made.server.ask)
    yield made
    await made.runs.close()
    await database.close()


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
async def test_a_run_that_waits_for_its_code_when_the_server_stops_says_so(
    around: Around, pause_s: float
) -> None:
    await around.begin(arrived=False)
    await asyncio.sleep(pause_s)
    await around.runs.close()

    found = await around.component()
    assert (found.status, found.errors) == ("error", 1)
    assert "deploy again once it is back" in found.error
    with pytest.raises(Failed, match="the server is being stopped"):
        await around.begin()


async def test_a_run_that_works_when_the_server_stops_goes_as_far_as_it_is(around: Around) -> None:
    await around.begin()
    await around.server.asked.wait()
    closing = asyncio.create_task(around.runs.close())
    await asyncio.sleep(0.02)
    around.server.go.set()
    await closing

    assert (await around.component()).error == "not today (at: look at what there is)"


async def test_what_a_killed_server_left_under_way_is_told_as_cut_off(around: Around) -> None:
    order = Order(key=KEY, kind="express", method="remove", inputs={})
    begun = Component(key=KEY, state='{"lastVersion":"3"}').begin(order, "run-0", 1.0)
    await around.catalog.write(lambda writing: writing.components.put(begun))
    await around.runs.open(around.server.ask)

    found = await around.component()
    assert (found.status, found.state) == ("error", '{"lastVersion":"3"}')
    assert "the server ended while it was removing" in found.error
    # The run itself, were there still one, has no more say.
    late = await around.catalog.write(
        lambda writing: writing.components.by_run(KEY, "run-0", lambda one: one.removed(2.0))
    )
    assert late is None


async def test_what_a_run_has_made_is_known_should_the_server_be_killed(around: Around) -> None:
    around.server.answers = {
        "ListFunctions": {"Functions": []},
        "CreateFunction": {},
        "PublishVersion": {"FunctionVersion": "1"},
        "CreateService": {"ServiceId": "service-1"},
    }
    await around.begin()
    await around.server.asked.wait()

    found = await around.component()
    assert found.is_busy
    assert json.loads(found.state) == {
        "functionName": "front-dev-shop",
        "namespace": "default",
        "lastVersion": "1",
        "serviceId": "service-1",
        "madeService": True,
    }
    around.server.go.set()


async def test_an_end_for_which_there_is_no_room_is_written_down_once_there_is(
    around: Around,
) -> None:
    await around.begin()
    await around.server.asked.wait()
    around.catalog.left = 1
    around.server.go.set()

    assert (await around.ended()).error == "not today (at: look at what there is)"


async def test_an_error_of_ours_is_told_by_the_id_of_the_run(around: Around) -> None:
    around.server.error = ZeroDivisionError("of ours")
    around.server.go.set()
    await around.begin()

    assert (await around.ended()).error == "an error of ours; the log has it as run-1"


async def test_an_end_that_could_not_be_written_down_keeps_no_server_from_its_own(
    around: Around,
) -> None:
    await around.begin()
    await around.server.asked.wait()
    closing = asyncio.create_task(around.runs.close())
    await asyncio.sleep(0.02)
    around.catalog.left = 1
    around.server.go.set()
    await closing

    assert (await around.component()).is_busy, "the next server tells that it was cut off"


async def test_a_disk_that_is_full_is_told_as_such(around: Around) -> None:
    around.server.error = OSError(errno.ENOSPC, "no room")
    around.server.go.set()
    await around.begin()

    assert (await around.ended()).error.startswith("the disk of the server is full")


async def test_code_that_does_not_come_is_not_waited_for_for_ever(around: Around) -> None:
    moments = iter((0.0, 1.0, arriving.PATIENCE_S + 1))
    where = stored((await around.runs.addresses())[1], Account())

    with pytest.raises(NotFound, match="it did not come within 120 s; deploy again"):
        await arriving.arrived(around.objects, where, lambda: next(moments))


async def test_code_that_is_too_large_is_not_even_read(around: Around, tmp_path: Path) -> None:
    where = stored((await around.runs.addresses())[1], Account())
    draft = around.objects.draft()
    for _ in range(51):
        draft.write(bytes(1 << 20))
    around.objects.keep(where.bucket, where.key, draft, 1.0, {})
    draft.close()

    with pytest.raises(InvalidValue, match="53477376 bytes packed, at most 52428800"):
        arriving.unpacked(around.objects, where, tmp_path)
