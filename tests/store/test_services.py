"""What the catalog promises of services and of what is released of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import Connection, func, select, update

from huidu.model.effect import ServiceGone, ServiceKept
from huidu.model.errors import InvalidValue, NotFound
from huidu.model.service import (
    Api,
    Backend,
    Environment,
    Parameter,
    Release,
    Served,
    Service,
    Switch,
    Use,
)
from huidu.store.catalog import Catalog
from huidu.store.database import Database
from huidu.store.service_tables import API, ENVIRONMENT, RELEASE, RELEASED_API, SWITCH
from huidu.store.writing import Writing
from tests.fakes_store import HELLO, Published, begin

HOME = Service(
    id="service-1",
    name="s",
    protocol="https",
    net_types=("INNER", "OUTER"),
    settings=(("tags", "[1]"),),
    added_at=1.0,
    modified_at=2.0,
)
USER = Api(
    id="api-1",
    service_id=HOME.id,
    name="user",
    path="/user/{id}",
    method="GET",
    backend=Backend(function=HELLO, qualifier="release", integrated=True, web=False),
    timeout_s=7,
    auth="SECRET",
    cors=True,
    parameters=(Parameter(name="id", position="PATH", required=True),),
    constants=(Parameter(name="c", position="QUERY", default="1", description="said"),),
    base64=True,
    base64_rules=(("Accept", ("image/png", "*")),),
    settings=(("owner", '"me"'),),
    trigger="web",
    added_at=3.0,
    modified_at=4.0,
)


@pytest.fixture
async def catalog(database: Database, published: Published) -> Catalog:
    """A catalog that knows `hello` and a service with one API that calls it."""

    def change(writing: Writing) -> None:
        begin(writing)
        writing.add_service(HOME)
        writing.add_api(HOME, USER)

    kept = Catalog(database, published)
    await kept.write(change)
    published.commits.clear()
    return kept


def released(name: str, *apis: Api) -> Release:
    return Release(
        service_id=HOME.id,
        name=name,
        description="said",
        apis=apis,
        protocol="https",
        released_at=5.0,
    )


def put(writing: Writing, release: Release, where: str = "test", *, online: bool = True) -> None:
    """Put a version into an environment, or take it away again."""
    writing.switch(
        Environment(
            service_id=HOME.id, name=where, release=release.name, online=online, changed_at=6.0
        ),
        Switch(
            service_id=HOME.id,
            environment=where,
            release=release.name,
            action="ReleaseService",
            description="said",
            who="AKID",
            at=6.0,
            moved=("gray",),
        ),
    )


async def release(catalog: Catalog, made: Release, where: str = "test") -> None:
    def change(writing: Writing) -> None:
        writing.add_release(made)
        put(writing, made, where)

    await catalog.write(change)


async def test_what_was_written_is_what_is_read(catalog: Catalog) -> None:
    assert await catalog.read(lambda r: r.service(HOME.id)) == HOME
    assert await catalog.read(lambda r: r.services()) == [HOME]
    assert await catalog.read(lambda r: r.count_services()) == 1
    assert await catalog.read(lambda r: r.apis(HOME)) == [USER]
    assert await catalog.read(lambda r: r.api(HOME, USER.id)) == USER
    assert await catalog.read(lambda r: r.apis_of(HELLO)) == [USER]
    made = released("1", USER)
    await release(catalog, made)
    assert await catalog.read(lambda r: r.release(HOME, "1")) == made
    assert await catalog.read(lambda r: r.releases(HOME, 0, 9)) == (1, [("1", "said")])
    (line,) = (await catalog.read(lambda r: r.switches(HOME, "test", 0, 9)))[1]
    assert (line.release, line.who, line.at, line.moved) == ("1", "AKID", 6.0, ("gray",))
    assert (await catalog.read(lambda r: r.service(HOME.id))).online == {"test": "1"}
    assert (await catalog.read(lambda r: r.services()))[0].online == {"test": "1"}


async def test_what_is_not_there_is_missed_by_its_name(catalog: Catalog) -> None:
    for kind, ask in (
        ("InvalidService", lambda r: r.service("service-9")),
        ("InvalidApi", lambda r: r.api(HOME, "api-9")),
        ("InvalidApi", lambda r: r.api(replace(HOME, id="service-9"), USER.id)),
        ("ReleaseVersion", lambda r: r.release(HOME, "9")),
    ):
        with pytest.raises(NotFound) as missed:
            await catalog.read(ask)
        assert missed.value.code == f"ResourceNotFound.{kind}"


async def test_what_is_released_is_published_with_the_commit_and_no_edit_touches_it(
    catalog: Catalog, published: Published
) -> None:
    made = released("1", USER)
    await release(catalog, made)
    assert published.commits == [[ServiceKept(Served(HOME.id, {"test": made}))]]

    published.commits.clear()
    other = replace(USER, id="api-2", path="/other")

    def edit(writing: Writing) -> None:
        writing.replace_api(HOME, replace(USER, path="/moved"))
        writing.add_api(HOME, other)
        writing.replace_service(replace(HOME, protocol="http"))

    await catalog.write(edit)
    assert published.effects == []
    await catalog.write(lambda w: w.delete_api(USER))
    await catalog.load()
    assert ServiceKept(Served(HOME.id, {"test": made})) in published.effects


async def test_only_what_is_online_is_published(catalog: Catalog, published: Published) -> None:
    first, second = released("1", USER), released("2")
    await release(catalog, first)
    await release(catalog, second, "release")
    await catalog.write(lambda w: put(w, first, online=False))

    assert published.commits[-1] == [ServiceKept(Served(HOME.id, {"release": second}))]
    there = {one.name: one for one in await catalog.read(lambda r: r.environments(HOME.id))}
    assert (there["test"].release, there["test"].online) == ("1", False)


async def test_a_path_and_a_method_are_one_apis(catalog: Catalog) -> None:
    second = replace(USER, id="api-2", method="ANY")
    await catalog.write(lambda w: w.add_api(HOME, second))
    for wrong in (replace(USER, id="api-3"), replace(second, method="GET")):
        with pytest.raises(InvalidValue, match="api-1"):
            await catalog.write(lambda w, wrong=wrong: w.add_api(HOME, wrong))  # type: ignore[misc]
    with pytest.raises(InvalidValue, match="api-1"):
        await catalog.write(lambda w: w.replace_api(HOME, replace(second, method="GET")))
    await catalog.write(lambda w: w.replace_api(HOME, replace(USER, name="renamed")))


async def test_who_calls_a_function_where_it_is_online_is_known(catalog: Catalog) -> None:
    await release(catalog, released("1", USER))
    await release(catalog, released("2", replace(USER, id="api-2")), "prepub")
    await release(catalog, released("3"), "release")

    uses = await catalog.read(lambda r: r.uses(HELLO, "release"))
    assert uses == [
        Use(service_id=HOME.id, environment="prepub", api_id="api-2"),
        Use(service_id=HOME.id, environment="test", api_id="api-1"),
    ]
    assert await catalog.read(lambda r: r.uses(HELLO, "other")) == []
    home = await catalog.read(lambda r: r.service(HOME.id))
    assert await catalog.read(lambda r: dict(r.live(home))) == {
        "api-1": ["test"],
        "api-2": ["prepub"],
    }


async def test_a_deleted_service_leaves_its_history_and_nothing_else(
    catalog: Catalog, database: Database, published: Published
) -> None:
    await release(catalog, released("1", USER))
    await catalog.write(lambda w: w.delete_service(HOME))

    def left(connection: Connection) -> list[int]:
        tables = (API, RELEASE, RELEASED_API, ENVIRONMENT, SWITCH)
        counts = (select(func.count()).select_from(table) for table in tables)
        return [connection.execute(query).scalar_one() for query in counts]

    assert await database.read(left) == [0, 0, 0, 0, 1]
    assert published.commits[-1] == [ServiceGone(HOME.id)]


async def test_what_an_older_server_wrote_is_read_with_what_came_later_left_out(
    catalog: Catalog, database: Database
) -> None:
    body = {
        "id": USER.id,
        "service_id": HOME.id,
        "name": "",
        "path": "/",
        "method": "ANY",
        "backend": {"function": {"namespace": "default", "name": "hello"}, "qualifier": "1"},
        "timeout_s": 15,
    }
    change = update(API).values(body=json.dumps(body))
    await database.write(lambda connection: connection.execute(change))

    (read,) = await catalog.read(lambda r: r.apis(HOME))
    assert (read.backend, read.parameters) == (Backend(function=HELLO, qualifier="1"), ())


async def test_a_release_that_is_damaged_takes_its_own_service_offline_and_no_other(
    catalog: Catalog, database: Database, published: Published
) -> None:
    other = replace(HOME, id="service-2")
    await catalog.write(lambda writing: writing.add_service(other))
    await release(catalog, released("v1", USER))
    await database.write(lambda c: c.execute(update(RELEASE).values(apis="damaged")))

    await catalog.load()
    kept = [one.served for one in published.commits[-1] if isinstance(one, ServiceKept)]
    assert [one.service_id for one in kept] == ["service-2"]
