"""Sessions: who is let in, for how long, and what ends that at once."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace
from typing import Any, cast

import pytest

from huidu.console.sessions import MOST_OF_KEY, NotSignedIn, Sessions, Ticket, mark
from huidu.control.access_keys import keep_uses
from huidu.model.guessing import FREE, LONGEST_S
from huidu.model.role import Role
from huidu.model.session import LINK_S
from tests.console.signing import ADDRESS, ROOT, TERMS, House


async def refusal(house: House, secret: str, address: str = ADDRESS) -> NotSignedIn:
    with pytest.raises(NotSignedIn) as refused:
        await house.sessions.sign_in(ROOT[0], secret, address)
    return refused.value


async def wrong(house: House, times: int, address: str = ADDRESS) -> None:
    for _ in range(times):
        await refusal(house, "wrong", address)


async def sign_in(house: House) -> Ticket:
    return await house.sessions.sign_in(*ROOT, ADDRESS)


async def test_whoever_has_a_key_pair_is_let_in_as_who_has_it(house: House) -> None:
    pair = await house.give("wei", Role.RELEASE)
    ticket = await house.sessions.sign_in(*pair, ADDRESS)
    found = house.sessions.find(ticket.value)

    assert found is not None
    assert (found.name, found.role) == ("wei", Role.RELEASE)
    caller = found.caller(ADDRESS)
    assert (caller.who, caller.role, caller.key_id) == ("wei (console)", Role.RELEASE, pair[0])


@pytest.mark.parametrize(
    ("key_id", "secret"),
    [("AKIDroot", ""), ("AKIDroot", "root-secreT"), ("AKIDnobody", "x"), ("", ""), ("é", "\udcff")],
)
async def test_nobody_else_is_and_does_not_hear_what_was_wrong(
    house: House, key_id: str, secret: str
) -> None:
    with pytest.raises(NotSignedIn) as refused:
        await house.sessions.sign_in(key_id, secret, ADDRESS)

    assert (refused.value.reason, refused.value.wait_s) == (NotSignedIn.WRONG, 0.0)


async def test_of_a_session_the_catalog_keeps_nothing_that_lets_anybody_in(house: House) -> None:
    ticket = await sign_in(house)

    kept = " ".join(sqlite3.connect(house.home / "kept.db").iterdump())
    assert ticket.signed_in.session.id in kept
    for secret in (ticket.value, ticket.signed_in.csrf, ROOT[1]):
        assert secret not in kept
    assert ticket.value not in repr(ticket)


async def test_a_session_survives_the_end_of_the_server(house: House) -> None:
    ticket = await sign_in(house)
    await house.again()

    found = house.sessions.find(ticket.value)
    assert found is not None
    assert found.csrf == ticket.signed_in.csrf


async def test_a_session_ends_when_nothing_comes_of_it(house: House) -> None:
    ticket = await sign_in(house)
    house.clock.move(TERMS.idle_s - 1)
    assert house.sessions.find(ticket.value)  # which counts as use
    house.clock.move(TERMS.idle_s - 1)
    assert house.sessions.find(ticket.value)
    house.clock.move(TERMS.idle_s)

    assert house.sessions.find(ticket.value) is None


async def test_a_session_ends_at_last_however_much_it_is_used(house: House) -> None:
    ticket = await sign_in(house)
    for _ in range(20):
        house.clock.move(TERMS.most_s / 20)
        last = house.sessions.find(ticket.value)

    assert last is None


async def test_use_of_a_session_is_known_after_the_end_of_the_server(house: House) -> None:
    ticket = await sign_in(house)
    house.clock.move(TERMS.idle_s - 1)
    house.sessions.find(ticket.value)
    await house.sessions.tidy()
    await house.again()
    house.clock.move(TERMS.idle_s - 1)

    assert house.sessions.find(ticket.value)


async def test_what_has_ended_is_forgotten(house: House) -> None:
    ticket = await sign_in(house)
    await house.link("old")
    house.clock.move(TERMS.idle_s + LINK_S)
    await house.sessions.tidy()

    assert await house.catalog.read(lambda reading: reading.keys.sessions()) == []
    assert await house.catalog.write(lambda writing: writing.keys.take_link("old")) is None
    assert house.sessions.find(ticket.value) is None


async def test_who_signs_out_is_out_and_others_are_not(house: House) -> None:
    one, other = await sign_in(house), await sign_in(house)
    await house.sessions.sign_out(one.signed_in)
    await house.again()

    assert house.sessions.find(one.value) is None
    assert house.sessions.find(other.value)


async def test_who_signs_out_everywhere_is_out_everywhere(house: House) -> None:
    pair = await house.give("wei", Role.VIEW)
    mine = [await house.sessions.sign_in(*pair, ADDRESS) for _ in range(3)]
    other = await sign_in(house)
    assert len(house.sessions.of(mine[0].signed_in)) == 3
    await house.sessions.sign_out_everywhere(mine[0].signed_in)

    assert [house.sessions.find(ticket.value) for ticket in mine] == [None] * 3
    assert house.sessions.find(other.value)


async def test_a_key_that_is_disabled_or_deleted_takes_its_sessions_along_at_once(
    house: House,
) -> None:
    pair = await house.give("wei", Role.ADMIN)
    ticket = await house.sessions.sign_in(*pair, ADDRESS)
    await house.change("wei", enabled=False)
    assert house.sessions.find(ticket.value) is None
    with pytest.raises(NotSignedIn) as refused:
        await house.sessions.sign_in(*pair, ADDRESS)
    assert refused.value.reason == NotSignedIn.DISABLED

    await house.change("wei", enabled=True)
    assert house.sessions.find(ticket.value)
    await house.catalog.write(lambda writing: writing.keys.delete(writing.keys.key("wei")))
    assert house.sessions.find(ticket.value) is None
    assert await house.catalog.read(lambda reading: reading.keys.sessions()) == []


async def test_what_goes_on_by_itself_ends_with_its_session_and_does_not_prolong_it(
    house: House,
) -> None:
    pair = await house.give("wei", Role.RELEASE)
    one, other = [await house.sessions.sign_in(*pair, ADDRESS) for _ in range(2)]
    seen = [house.sessions.lasts(one.signed_in)]
    for changes in ({"enabled": False}, {"enabled": True}, {"role": Role.VIEW}):
        await house.change("wei", **changes)
        seen.append(house.sessions.lasts(one.signed_in))
    await house.change("wei", role=Role.ADMIN)
    await house.sessions.sign_out(one.signed_in)
    seen.append(house.sessions.lasts(one.signed_in))
    house.clock.move(TERMS.idle_s - 1)
    seen.append(house.sessions.lasts(other.signed_in))
    house.clock.move(1)
    seen.append(house.sessions.lasts(other.signed_in))

    assert seen == [True, False, True, False, False, True, False]


async def test_another_role_of_a_key_is_that_of_its_sessions_at_once(house: House) -> None:
    pair = await house.give("wei", Role.VIEW)
    ticket = await house.sessions.sign_in(*pair, ADDRESS)
    seen = []
    for role in (Role.ADMIN, Role.VIEW):
        await house.change("wei", role=role)
        found = house.sessions.find(ticket.value)
        assert found is not None
        seen.append(found.role)

    assert seen == [Role.ADMIN, Role.VIEW]


async def test_another_secret_of_the_root_key_ends_what_was_begun_with_the_one_before(
    house: House,
) -> None:
    ticket = await sign_in(house)
    await house.link(mark("token"))
    await house.again((ROOT[0], "another"))

    assert house.sessions.find(ticket.value) is None
    with pytest.raises(NotSignedIn):
        await house.sessions.redeem("token", ADDRESS)


async def test_a_link_lets_somebody_in_once(house: House) -> None:
    await house.link(mark("token"))
    ticket = await house.sessions.redeem("token", ADDRESS)

    assert ticket.signed_in.name == "root"
    with pytest.raises(NotSignedIn) as refused:
        await house.sessions.redeem("token", ADDRESS)
    assert refused.value.reason == NotSignedIn.LINK


async def test_what_is_no_link_keeps_nobody_from_writing(house: House) -> None:
    def held(_: object) -> None:
        raise AssertionError("it was written")

    catalog = SimpleNamespace(read=house.catalog.read, write=held)
    sessions = Sessions(house.keyring, cast("Any", catalog), TERMS, house.clock.time)

    with pytest.raises(NotSignedIn):
        await sessions.redeem("guessed", ADDRESS)


async def test_a_link_is_good_for_ten_minutes(house: House) -> None:
    await house.link(mark("token"))
    house.clock.move(LINK_S + 1)

    with pytest.raises(NotSignedIn):
        await house.sessions.redeem("token", ADDRESS)


async def test_a_session_by_a_link_has_no_more_than_the_link_and_the_key_have(
    house: House,
) -> None:
    await house.give("wei", Role.VIEW)
    seal = house.keyring.holder("AKIDwei").seal
    await house.link(mark("less"), Role.VIEW)
    await house.link(mark("more"), Role.ADMIN, key_id="AKIDwei", seal=seal)
    tickets = [await house.sessions.redeem(token, ADDRESS) for token in ("less", "more")]

    assert [ticket.signed_in.role for ticket in tickets] == [Role.VIEW, Role.VIEW]


async def test_a_link_of_a_key_that_is_disabled_meanwhile_lets_nobody_in(house: House) -> None:
    await house.give("wei", Role.VIEW)
    seal = house.keyring.holder("AKIDwei").seal
    await house.link(mark("token"), key_id="AKIDwei", seal=seal)
    await house.change("wei", enabled=False)

    with pytest.raises(NotSignedIn) as refused:
        await house.sessions.redeem("token", ADDRESS)
    assert refused.value.reason == NotSignedIn.DISABLED


async def test_whoever_guesses_must_wait_even_for_what_is_right(house: House) -> None:
    await wrong(house, FREE)
    refused = await refusal(house, ROOT[1])

    assert (refused.reason, refused.wait_s) == (NotSignedIn.WAIT, 1.0)


async def test_what_is_refused_unseen_does_not_make_the_wait_longer(house: House) -> None:
    await wrong(house, FREE)
    for _ in range(50):
        await refusal(house, "wrong")
    house.clock.move(1.0)

    assert await sign_in(house)


async def test_an_owner_at_the_address_of_a_guesser_waits_for_a_minute_at_most(
    house: House,
) -> None:
    for _ in range(50):
        await wrong(house, 1)
        house.clock.move(LONGEST_S)

    assert await sign_in(house)


async def test_an_owner_elsewhere_or_with_a_link_does_not_wait(house: House) -> None:
    await wrong(house, FREE + 5)
    await house.link(mark("token"))

    assert await house.sessions.sign_in(*ROOT, "192.0.2.2")
    assert await house.sessions.redeem("token", ADDRESS)


async def test_a_key_of_his_own_does_not_spare_a_guesser_the_wait(house: House) -> None:
    pair = await house.give("mallory", Role.VIEW)
    await wrong(house, FREE - 1)
    await house.sessions.sign_in(*pair, ADDRESS)
    await wrong(house, 1)

    assert (await refusal(house, "wrong")).reason == NotSignedIn.WAIT


async def test_of_one_key_the_sessions_used_least_lately_end_when_there_are_too_many(
    house: House,
) -> None:
    tickets = []
    for _ in range(MOST_OF_KEY + 1):
        tickets.append(await sign_in(house))
        house.clock.move(0.001)

    there = [house.sessions.find(ticket.value) is not None for ticket in tickets]
    assert there == [False] + [True] * MOST_OF_KEY


async def test_each_sign_in_is_another_value_with_another_token_for_forms(house: House) -> None:
    one, other = await sign_in(house), await sign_in(house)

    assert one.value != other.value
    assert one.signed_in.csrf != other.signed_in.csrf
    assert len(one.value) == 43


async def test_when_a_key_was_last_used_is_known_after_the_end_of_the_server(house: House) -> None:
    pair = await house.give("wei", Role.VIEW)
    await house.sessions.sign_in(*pair, ADDRESS)
    await keep_uses(house.keyring, house.catalog)
    await house.again()

    key = await house.catalog.read(lambda reading: reading.keys.key("wei"))
    assert house.keyring.used_at(key) == house.clock.now
    assert house.keyring.unwritten() == {}
