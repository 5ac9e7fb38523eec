"""The desk, asked by somebody in the same process: as if a request had asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import UTC
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest

from huidu.cloudapi.desk import Caller, Desk
from huidu.control.keyring import Keyring
from huidu.control.plane import Plane
from huidu.model.errors import Refusal
from huidu.model.quota import Quota
from huidu.model.role import Role
from huidu.store.catalog import Catalog
from tests.fakes import Clock
from tests.fakes_store import BACKENDS, begin

ADMIN = Caller(who="wei (console)", role=Role.ADMIN, source_ip="192.0.2.1", key_id="AKIDroot")
VIEWER = Caller(who="li (console)", role=Role.VIEW)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk before a catalog, and before nothing that runs."""
    database = BACKENDS["sqlite"](tmp_path)
    await database.open("catalog")
    numbers, clock = count(1), Clock()
    keyring = Keyring(("AKIDroot", "secret"), b"s" * 32, clock.time)
    catalog = Catalog(database, keyring.apply)
    await catalog.write(begin)
    parts: dict[str, Any] = dict.fromkeys(
        (field.name for field in fields(Plane)), cast("Any", None)
    )
    parts |= {"catalog": catalog, "keyring": keyring, "zone": UTC, "clock": clock.time}
    parts |= {"quota": Quota(), "triggers": {}}
    plane = Plane(**parts)
    yield Desk(plane=plane, keys=keyring, clock=clock.time, new_id=lambda: f"r-{next(numbers)}")
    await database.close()


async def refusal(desk: Desk, caller: Caller, service: str, name: str, **told: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await desk.ask(caller, service, name, told)
    return refused.value


async def test_an_answer_is_what_the_api_answers_without_the_id_of_the_request(desk: Desk) -> None:
    told = await desk.ask(ADMIN, "huidu", "CreateKey", {"Name": "li", "Role": "release"})

    assert told.keys() == {"SecretId", "SecretKey", "Name", "Role"}
    keys = (await desk.ask(ADMIN, "huidu", "ListKeys", {}))["Keys"]
    assert [(key["Name"], key["AddedBy"]) for key in keys] == [
        ("root", ""),
        ("li", "wei (console)"),
    ]


async def test_who_asked_is_in_the_events_as_he_came(desk: Desk) -> None:
    await desk.ask(ADMIN, "huidu", "CreateKey", {"Name": "li"})
    events = (await desk.ask(VIEWER, "huidu", "ListEvents", {"Namespace": ""}))["Events"]

    assert [(event["Kind"], event["Who"]) for event in events] == [("key.created", "wei (console)")]
    assert events[0]["RequestId"] == "r-1"


async def test_whose_keys_there_are_and_what_they_may_is_for_the_admin_alone(desk: Desk) -> None:
    await desk.ask(ADMIN, "huidu", "CreateKey", {"Name": "li", "Role": "admin"})
    shown = (await desk.ask(VIEWER, "huidu", "ListEvents", {}))["Events"][0]
    whole = (await desk.ask(ADMIN, "huidu", "ListEvents", {}))["Events"][0]

    assert (shown["Subject"], shown["After"], shown["Detail"]) == ("(hidden)", "", {})
    assert (whole["Subject"], whole["After"]) == ("li", "li: admin")
    assert whole["Detail"]["SecretId"].startswith("AKID")


async def test_a_role_that_is_not_enough_is_refused_as_by_the_api(desk: Desk) -> None:
    refused = await refusal(desk, VIEWER, "huidu", "CreateKey", Name="x")

    assert refused.code == "AuthFailure.UnauthorizedOperation"
    assert "li (console) has view" in refused.message


async def test_parameters_are_read_as_by_the_api(desk: Desk) -> None:
    missing = await refusal(desk, ADMIN, "huidu", "CreateKey")
    assert (missing.code, missing.message) == ("MissingParameter", "Name: must be given")

    wrong = await refusal(desk, ADMIN, "huidu", "UpdateKey", Key="li", Enabled=[])
    assert (wrong.code, wrong.message.partition(":")[0]) == ("InvalidParameter", "Enabled")


async def test_a_code_is_spelled_as_the_action_spells_it(desk: Desk) -> None:
    told = {"FunctionName": "hello", "FromVersion": "1", "ToVersion": "99"}
    refused = await refusal(desk, ADMIN, "huidu", "CompareVersions", **told)

    assert refused.code == "ResourceNotFound.Version"


@pytest.mark.parametrize(
    ("service", "name"), [("scf", "CreateKey"), ("huidu", "Nothing"), ("other", "GetAlias")]
)
async def test_what_nobody_carries_out_is_refused(desk: Desk, service: str, name: str) -> None:
    assert (await refusal(desk, ADMIN, service, name)).code == "InvalidAction"


async def test_an_error_of_ours_tells_nothing_but_where_to_look(desk: Desk) -> None:
    refused = await refusal(desk, ADMIN, "scf", "InvokeFunction", FunctionName="hello")

    assert refused.code == "InternalError"
    assert refused.message == "an error of ours; the log has it as r-1"


async def test_a_link_is_made_for_whoever_has_the_key(desk: Desk) -> None:
    made = await desk.ask(ADMIN, "huidu", "CreateConsoleLink", {})
    assert made["Path"].startswith("/console/enter?token=")

    assert (await refusal(desk, VIEWER, "huidu", "CreateConsoleLink")).code.startswith(
        "AuthFailure."
    )
