"""Sharing: who gives way to whom, and what is promised, as rows and as laws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.capacity import NEVER
from huidu.model.sharing import (
    SPARED_S,
    Holding,
    Reserved,
    Room,
    Tenant,
    in_need,
    lender,
    room_for,
)
from huidu.model.standing import most_provisioned

NOW = 1000.0
FULL = Holding(instances=5, waiting_since=NOW - 1)
SHORT = replace(FULL, short=2)
OWNED = replace(FULL, idle_since=NOW - 9, keeps=5)
STARVED = Holding(instances=0, short=1, waiting_since=NOW)
LAZY = Holding(instances=3, idle_since=NOW - 1)
LAZIER = Holding(instances=2, idle_since=NOW - 2)
SINGLE = Holding(instances=1, idle_since=NOW - 3)


@pytest.mark.parametrize(
    ("pools", "place"),
    [
        ([], None),
        ([FULL, LAZY], None),
        ([SHORT, LAZY, LAZIER], 2),
        ([SHORT, FULL], None),
        ([SHORT, SINGLE], None),
        ([SHORT, replace(SINGLE, idle_since=NOW - SPARED_S)], 1),
        ([SHORT, replace(LAZY, coming=2), LAZIER], None),
        ([SHORT, replace(LAZY, coming=1), LAZIER], 2),
        ([STARVED, SINGLE], 1),
        ([STARVED, FULL, replace(FULL, instances=7)], 2),
        ([STARVED, replace(FULL, coming=1)], None),
        ([STARVED, SHORT, replace(FULL, coming=1)], None),
        ([STARVED, STARVED], None),
        ([STARVED, OWNED], None),
        ([SHORT, OWNED, LAZY], 2),
        ([SHORT, replace(OWNED, keeps=4)], 1),
        ([SHORT, LAZY, replace(LAZIER, held=1)], 2),
        ([SHORT, LAZY, replace(LAZIER, held=2)], 1),
        ([SHORT, replace(LAZY, held=3), replace(LAZIER, held=2)], 2),
        ([SHORT, replace(SINGLE, held=1)], None),
        ([STARVED, replace(SINGLE, held=1)], 1),
        ([STARVED, replace(FULL, held=5)], 1),
        ([STARVED, replace(OWNED, instances=9, keeps=8), replace(FULL, instances=3)], 1),
        ([STARVED, replace(FULL, instances=9, keeps=8), replace(FULL, instances=3)], 2),
    ],
)
def test_the_pool_that_misses_it_least_gives_up_an_instance(
    pools: list[Holding], place: int | None
) -> None:
    assert lender(pools, NOW) == place


@given(
    st.lists(
        st.builds(
            Holding,
            instances=st.integers(1, 5),
            short=st.integers(0, 2),
            idle_since=st.sampled_from([NEVER, NOW - 10, NOW]),
            held=st.integers(0, 3),
        ),
        max_size=5,
    )
)
def test_what_is_held_makes_room_for_all_that_it_would_make_room_for_if_it_were_not(
    pools: list[Holding],
) -> None:
    loose = [replace(pool, held=0) for pool in pools]

    assert (lender(pools, NOW) is None) == (lender(loose, NOW) is None)


def test_who_is_in_need_comes_in_the_order_of_its_need() -> None:
    later = replace(SHORT, yields=True, function="later")
    owed = replace(SHORT, instances=9, promised=10, function="owed")
    young = replace(SHORT, waiting_since=NOW)
    small = replace(SHORT, instances=1, function="small", waiting_since=NOW)

    assert in_need([FULL, later, young, SHORT, small, owed, STARVED]) == [6, 5, 4, 3, 2, 1]


@given(
    st.lists(
        st.builds(
            Holding,
            instances=st.integers(0, 5),
            coming=st.integers(0, 2),
            short=st.integers(0, 3),
            idle_since=st.sampled_from([NEVER, NOW - 10, NOW]),
            keeps=st.integers(0, 3),
            held=st.integers(0, 3),
        ),
        max_size=5,
    )
)
def test_no_more_is_lent_than_is_lacking_and_nothing_that_is_provisioned(
    pools: list[Holding],
) -> None:
    provisioned = [min(pool.keeps, pool.instances) for pool in pools]
    lacking = sum(pool.short for pool in pools)
    before = sum(pool.coming for pool in pools)

    while (place := lender(pools, NOW)) is not None:
        one = pools[place]
        pools[place] = replace(one, instances=one.instances - 1, coming=one.coming + 1)

    assert sum(pool.coming for pool in pools) <= max(lacking, before)
    assert all(p.instances >= kept for p, kept in zip(pools, provisioned, strict=True))


A = Holding(function="a", instances=6, waiting_since=NOW - 2)
B = Holding(function="b", instances=2, short=1, waiting_since=NOW - 1)


@pytest.mark.parametrize(
    ("pools", "place"),
    [
        # A flood of one function gives way until both have as much.
        ([A, B], 0),
        ([replace(A, short=9), B], 0),
        ([replace(A, instances=3), B], None),
        ([replace(A, instances=4), B], 0),
        ([A, replace(B, coming=1)], None),
        ([replace(A, coming=1), B], None),
        # What counts is the function, however many versions it has.
        ([replace(A, instances=2), replace(A, instances=2), B], 0),
        ([A, replace(B, short=0, instances=3), B], None),
        # What it was promised stays, and who was promised more takes it from whoever has more.
        ([replace(A, promised=6), B], None),
        ([replace(A, promised=5), B], 0),
        ([replace(A, instances=2, promised=2), replace(B, promised=3)], None),
        ([replace(A, instances=2, promised=1), replace(B, promised=3)], 0),
        ([replace(A, promised=6, idle_since=NOW - 99), B], None),
        # Within a function, versions have the same right.
        ([replace(A, function="b"), B], 0),
        ([replace(A, function="b", instances=3), B], None),
        # What nobody waits for gives way before anything else, but for its last instance.
        ([A, replace(A, function="c", instances=2, later=1), B], 1),
        ([A, replace(A, function="c", instances=1, later=1), B], 0),
        ([replace(A, later=2), replace(A, function="c", later=3), B], 1),
        # And takes nothing that is busy, unless it has nothing at all.
        ([A, replace(B, yields=True)], None),
        ([A, replace(B, yields=True, instances=0)], 0),
        ([replace(A, idle_since=NOW - 1), replace(B, yields=True)], 0),
        # A function at its limit has only its own to share.
        ([A, replace(B, capped=True)], None),
        ([A, replace(B, capped=True), replace(B, short=0, instances=5, capped=True)], 2),
        ([A, replace(B, capped=True), replace(B, short=0, idle_since=NOW - 1, capped=True)], 2),
        ([replace(A, capped=True), B], 0),
    ],
)
def test_a_flood_gives_way_to_what_it_would_starve(pools: list[Holding], place: int | None) -> None:
    assert lender(pools, NOW) == place


functions = st.sampled_from("abc")
holdings = st.builds(
    Holding,
    function=functions,
    instances=st.integers(0, 6),
    keeps=st.integers(0, 2),
    later=st.integers(0, 3),
    short=st.integers(0, 3),
    yields=st.booleans(),
    idle_since=st.sampled_from([NEVER, NOW - 10]),
)


@given(st.lists(holdings, max_size=6), st.dictionaries(functions, st.integers(0, 5)))
def test_a_function_keeps_what_it_was_promised(
    pools: list[Holding], promises: dict[str, int]
) -> None:
    pools = [replace(pool, promised=promises.get(pool.function, 0)) for pool in pools]
    before = Counter[str]()
    for pool in pools:
        before[pool.function] += pool.instances
    lacking = sum(pool.short for pool in pools)
    lent = 0

    while (place := lender(pools, NOW)) is not None:
        one = pools[place]
        pools[place] = replace(one, instances=one.instances - 1, coming=one.coming + 1)
        lent += 1
        assert lent <= lacking
    for function, count in before.items():
        now = sum(pool.instances for pool in pools if pool.function == function)
        assert now >= min(count, promises.get(function, 0))


@given(
    wanted=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    begins=st.lists(st.integers(0, 40), min_size=5, max_size=5),
    most=st.integers(5, 40),
)
def test_whoever_wants_more_than_there_is_gets_as_much_as_others_or_all_it_wants(
    wanted: list[int], begins: list[int], most: int
) -> None:
    """Calls that never end but to give way: what each has in the end is fair."""
    has = [min(begin, want) for begin, want in zip(begins, wanted, strict=False)]
    while sum(has) > most:
        has[has.index(max(has))] -= 1
    for _ in range(1000):
        free = most - sum(has)
        pools = [
            Holding(function=str(n), instances=mine, short=want - mine, waiting_since=float(n))
            for n, (mine, want) in enumerate(zip(has, wanted, strict=True))
        ]
        if free and (needy := in_need(pools)):
            has[needy[0]] += 1
        elif (place := lender(pools, NOW)) is not None and not free:
            has[place] -= 1
        else:
            break
    else:
        raise AssertionError(f"it never ends: {has}")
    share = max(has)
    for mine, want in zip(has, wanted, strict=True):
        assert mine == want or mine >= share - 1
    assert sum(has) == min(most, sum(wanted))


@given(
    tenants=st.lists(
        st.builds(
            Tenant,
            instances=st.integers(0, 5),
            used_mb=st.just(0),
            reserved=st.one_of(
                st.none(), st.builds(Reserved, mb=st.integers(0, 600), unit_mb=st.just(100))
            ),
        ),
        min_size=1,
        max_size=5,
    ),
    most=st.integers(1, 30),
    asks=st.lists(st.integers(0, 4), max_size=60),
)
def test_no_promise_is_broken_by_what_others_take_and_no_limit_by_anybody(
    tenants: list[Tenant], most: int, asks: list[int]
) -> None:
    tenants = [replace(one, used_mb=100 * one.instances) for one in tenants]

    def room() -> Room:
        return Room(
            most=most,
            instances=sum(one.instances for one in tenants),
            outstanding=sum(one.outstanding for one in tenants),
            beyond=sum(one.beyond for one in tenants),
        )

    kept = sum(one.promised for one in tenants) <= most_provisioned(most)
    kept = kept and room().free >= room().outstanding
    for ask in asks:
        place = ask % len(tenants)
        one = tenants[place]
        if room_for(one, 100, room()) > 0:
            tenants[place] = one = one.takes(1, 100)
            assert one.reserved is None or one.used_mb <= one.reserved.mb
            assert room().free >= 0
            assert not kept or room().free >= room().outstanding
    for one in tenants:
        if kept and one.outstanding:
            assert room_for(one, 100, room()) >= one.outstanding


def test_where_more_was_promised_than_there_is_a_part_is_left_all_the_same() -> None:
    other = Tenant()
    room = Room(most=20, instances=0, outstanding=30)
    assert room_for(other, 128, room) == 2
    assert room_for(other, 128, replace(room, instances=1, beyond=1)) == 1
    assert room_for(other, 128, replace(room, instances=2, beyond=2)) <= 0
    assert room_for(other, 128, replace(room, instances=20)) == 0
    assert room_for(other, 128, Room(most=1, outstanding=5)) == 1


def test_what_is_reserved_is_counted_in_megabytes() -> None:
    tenant = Tenant(reserved=Reserved(mb=1000, unit_mb=256))
    assert (tenant.promised, tenant.outstanding, tenant.beyond) == (3, 3, 0)
    assert [tenant.stopped(mb) for mb in (1000, 1001)] == [False, True]
    assert tenant.headroom(128) == 7
    assert tenant.takes(3, 256).headroom(128) == 1
    assert tenant.takes(3, 512).headroom(256) == -3
    assert tenant.takes(1, 256).takes(-1, 256) == tenant
    assert Tenant().headroom(128) == NEVER
    assert Tenant(reserved=Reserved(mb=0, unit_mb=128)).stopped(64)
    assert Tenant(instances=3, reserved=Reserved(mb=128, unit_mb=128)).beyond == 2
