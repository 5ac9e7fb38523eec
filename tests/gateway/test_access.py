"""The guard: who gets in at an API, and what those are told who do not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.gateway.guard import Denied, Passed
from huidu.model.effect import (
    KeyGone,
    KeyKept,
    LimitKept,
    PlanGone,
    ServiceGone,
    StrategyGone,
    StrategyKept,
    VersionGone,
)
from huidu.model.plan import UNLIMITED, Place
from huidu.model.service import NO_AUTH
from huidu.model.strategy import IpStrategy, Limit
from tests.fakes_store import version
from tests.gateway.guarding import (
    API_ID,
    BOB,
    BOBS,
    HERE,
    NOW,
    OTHER_ID,
    SERVICE_ID,
    Gate,
    key,
    told,
)
from tests.gateway.signing import DIGESTS, signed

NO_DATE = "HMAC signature cannot be verified, a valid date or x-date header is required"
BAD_DATE = (
    "HMAC signature cannot be verified, a valid x-date header is required for HMAC Authentication"
)
LATE = "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication"
MALFORMED = "HMAC authorization format error"
MISSING = "HMAC id or signature missing"
INVALID = "HMAC apikey is invalid for API"
WRONG = "HMAC signature does not match"
USED = "HMAC signature cannot be verified, the x-nonce header was used before"


@pytest.fixture
def gate() -> Gate:
    """An API of AuthType SECRET in `release`, and Bob, who may call it."""
    return Gate()


# Who signed


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_whoever_signs_as_the_documentation_says_gets_in(gate: Gate, algorithm: str) -> None:
    passed = gate.ask(signed(BOB, BOBS, NOW, algorithm=algorithm))

    assert isinstance(passed, Passed)
    assert passed.secret_id == BOB


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (("x-date",), ()),
        (("date",), ()),
        (("date", "source"), (("Source", "a"),)),
        (("source", "x-date"), (("Source", "a"),)),  # any order, as it is listed
        (("host", "x-date", "x-a", "x-b"), (("X-B", "2"), ("Host", "h"), ("X-A", "1"))),
        (("x-date", "source"), (("Source", ""),)),
        (("x-date", "source"), (("Source", "灰度 ü"),)),  # UTF-8, as it is on the wire
        (("x-date", "source"), (("Source", 'with "quotes", and=signs'),)),
    ],
)
def test_any_headers_may_be_signed_in_any_order_as_long_as_a_date_is(
    gate: Gate, names: tuple[str, ...], values: tuple[tuple[str, str], ...]
) -> None:
    assert told(gate.ask(signed(BOB, BOBS, NOW, names=names, values=values))) == (200, "")


def with_authorization(change: str, to: str) -> list[tuple[str, str]]:
    *rest, (name, value) = signed(BOB, BOBS, NOW)
    changed = re.sub(change, to, value)
    assert changed != value
    return [*rest, (name, changed)]


@pytest.mark.parametrize(
    ("change", "to"),
    [
        ("hmac ", "HMAC "),
        (", ", ","),
        (", ", "  ,   "),
        ("=", " = "),
        ("x-date source", "X-Date  Source"),
        ("hmac-sha1", "HMAC-SHA1"),
        (r'(id=".*?"), (.*)', r"\2, \1"),
    ],
)
def test_the_header_may_be_written_in_several_ways(gate: Gate, change: str, to: str) -> None:
    if change == "=":  # but not within the signature
        change = r"(?<=[a-z])="
    assert told(gate.ask(with_authorization(change, to))) == (200, "")


@pytest.mark.parametrize(
    ("change", "to", "message"),
    [
        ("^hmac", "Basic", MALFORMED),
        ("^hmac .*", "hmac", MISSING),
        ("^hmac .*", "", MALFORMED),
        ('id=".*?"', 'id=""', MISSING),
        ('id=".*?", ', "", MISSING),
        ('signature=".*?"', 'signature=""', MISSING),
        (', signature=".*?"', "", MISSING),
        ('id="(.*?)"', r"id=\1", MALFORMED),
        ('id="(.*?)"', r'id="\1", id="\1"', MALFORMED),
        ('id="(.*?)", ', r'id="\1" ', MALFORMED),
        ('signature="(.*?)"', r'signature="\1', MALFORMED),
        ("x-date source", "x-date x-date", MALFORMED),
        ("x-date source", "x-date so/urce", MALFORMED),
        ("x-date source", "x-date " + " ".join(f"h{n}" for n in range(50)), MALFORMED),
        ("x-date source", "x-date (request-target)", MALFORMED),
        ("hmac-sha1", "hmac-md5", "HMAC algorithm hmac-md5 not supported"),
        ("hmac-sha1", "<b>", "HMAC algorithm ?b? not supported"),
        ('algorithm=".*?", ', "", "HMAC algorithm  not supported"),
        ("x-date source", "source", NO_DATE),
        ("x-date source", "", NO_DATE),
        ("x-date source", "date source", NO_DATE),  # it is signed, and was not sent
        (
            "x-date source",
            "x-date other",
            "HMAC signature cannot be verified, a valid other header is required",
        ),
        ("x-date source", "source x-date", WRONG),  # the order is a part of it
        ("hmac-sha1", "hmac-sha256", WRONG),
        ('signature="', 'signature="A', WRONG),
        ('signature=".*?"', 'signature="ü灰"', WRONG),
        (BOB, "AKIDnobody", INVALID),
        (BOB, "AKIDüber", INVALID),
        (BOB, "../../etc", INVALID),
    ],
)
def test_whoever_signs_in_another_way_does_not(
    gate: Gate, change: str, to: str, message: str
) -> None:
    assert told(gate.ask(with_authorization(change, to))) == (401, message)
    assert gate.access.denied == {"signature": 1}


def test_a_request_without_a_signature_does_not_get_in(gate: Gate) -> None:
    assert told(gate.ask()) == (401, MISSING)
    assert told(gate.ask([("X-Date", "now")])) == (401, MISSING)


def test_a_secret_that_is_not_the_keys_signs_nothing(gate: Gate) -> None:
    assert told(gate.ask(signed(BOB, BOBS + "x", NOW))) == (401, WRONG)


@pytest.mark.parametrize(
    ("name", "value"), [("X-Date", "another"), ("Source", "AndroidApp"), ("Authorization", "hmac")]
)
def test_a_signed_header_that_comes_twice_has_no_one_value(
    gate: Gate, name: str, value: str
) -> None:
    sent = [*signed(BOB, BOBS, NOW), (name, value)]

    assert told(gate.ask(sent)) == (401, "HMAC do not support multiple HTTP header")


def test_a_header_that_is_not_signed_may_come_as_it_likes(gate: Gate) -> None:
    more = [("Cookie", "a=1"), ("Cookie", "b=2"), ("Date", "some other day")]

    assert told(gate.ask([*signed(BOB, BOBS, NOW), *more])) == (200, "")


def test_a_changed_header_no_longer_fits_its_signature(gate: Gate) -> None:
    sent = [(n, "IosApp" if n == "Source" else v) for n, v in signed(BOB, BOBS, NOW)]

    assert told(gate.ask(sent)) == (401, WRONG)


# When


@pytest.mark.parametrize("late_s", [-900, -899, 0, 899, 900])
def test_a_signature_is_good_for_fifteen_minutes_either_way(gate: Gate, late_s: int) -> None:
    assert told(gate.ask(signed(BOB, BOBS, NOW - late_s))) == (200, "")


@pytest.mark.parametrize("late_s", [-901, 901, 86_400])
def test_an_expired_signature_is_refused(gate: Gate, late_s: int) -> None:
    assert told(gate.ask(signed(BOB, BOBS, NOW - late_s))) == (401, LATE)


@pytest.mark.parametrize(
    "date",
    ["", "now", "1800000000", "2027-01-15T08:00:00Z", "Fri, 15 Jan 2027 08:00:00 +0800", "²"],
)
def test_a_date_is_written_as_http_writes_it(gate: Gate, date: str) -> None:
    sent = [(n, date if n == "X-Date" else v) for n, v in signed(BOB, BOBS, NOW)]

    assert told(gate.ask(sent)) == (401, BAD_DATE)


def test_the_date_that_counts_is_the_one_that_is_signed(gate: Gate) -> None:
    """An old request does not become new by a header that nobody signed."""
    stale = signed(BOB, BOBS, NOW - 5000, names=("date",), values=())
    fresh = dict(signed(BOB, BOBS, NOW))["X-Date"]

    assert told(gate.ask([*stale, ("X-Date", fresh)])) == (401, LATE)


# Again


def test_a_replay_after_the_window_is_refused(gate: Gate) -> None:
    sent = signed(BOB, BOBS, NOW)
    assert told(gate.ask(sent)) == (200, "")

    gate.move(901)
    assert told(gate.ask(sent)) == (401, LATE)


def test_within_the_window_the_same_request_is_good_again_as_in_the_cloud(gate: Gate) -> None:
    """Two calls within one second have the same signature: nobody can tell them apart."""
    sent = signed(BOB, BOBS, NOW)

    assert [told(gate.ask(sent))[0] for _ in range(3)] == [200, 200, 200]


def with_nonce(nonce: str, at: float = NOW) -> list[tuple[str, str]]:
    return signed(BOB, BOBS, at, names=("x-date", "x-nonce"), values=(("X-Nonce", nonce),))


def test_whoever_signs_a_nonce_is_protected_from_replays(gate: Gate) -> None:
    assert told(gate.ask(with_nonce("one"))) == (200, "")
    assert told(gate.ask(with_nonce("one"))) == (401, USED)
    assert told(gate.ask(with_nonce("two"))) == (200, "")

    gate.move(899)
    assert told(gate.ask(with_nonce("one"))) == (401, USED)
    gate.move(2)
    assert told(gate.ask(with_nonce("one"))) == (401, LATE)


def test_a_request_dated_ahead_cannot_come_again_either(gate: Gate) -> None:
    ahead = with_nonce("one", NOW + 900)
    assert told(gate.ask(ahead)) == (200, "")

    gate.move(1799)
    assert told(gate.ask(ahead)) == (401, USED)


def test_a_nonce_of_a_request_that_was_not_let_in_is_not_used(gate: Gate) -> None:
    gate.access.apply([LimitKept(Limit(HERE, 1))])
    assert told(gate.ask(with_nonce("one"))) == (200, "")
    assert told(gate.ask(with_nonce("two"))) == (429, "API rate limit exceeded")

    gate.move(1)
    assert told(gate.ask(with_nonce("two"))) == (200, "")


def test_a_nonce_that_nobody_signed_protects_nobody(gate: Gate) -> None:
    sent = [*signed(BOB, BOBS, NOW), ("X-Nonce", "one")]

    assert [told(gate.ask(sent))[0] for _ in range(2)] == [200, 200]


def test_another_key_may_use_the_same_nonce(gate: Gate) -> None:
    gate.access.apply([KeyKept(key("AKIDeve", "eves_secret_01"))])
    gate.grant([BOB, "AKIDeve"])
    eves = signed(
        "AKIDeve",
        "eves_secret_01",
        NOW,
        names=("x-date", "x-nonce"),
        values=(("X-Nonce", "one"),),
    )

    assert told(gate.ask(with_nonce("one"))) == (200, "")
    assert told(gate.ask(eves)) == (200, "")


# By which plan


def test_a_key_of_another_environment_does_not_get_in(gate: Gate) -> None:
    assert told(gate.by_bob(environment="test")) == (403, "Found no validate usage plan")

    gate.grant(["AKIDeve"], [Place(SERVICE_ID, "", "test")], plan_id="usagePlan-2")
    assert told(gate.by_bob(environment="test")) == (401, INVALID)
    assert told(gate.by_bob()) == (200, "")
    assert gate.access.denied == {"plan": 1, "signature": 1}


def test_a_disabled_key_does_not_get_in_until_it_is_enabled(gate: Gate) -> None:
    gate.access.apply([KeyKept(key(enabled=False))])
    assert told(gate.by_bob()) == (401, INVALID)

    gate.access.apply([KeyKept(key())])
    assert told(gate.by_bob()) == (200, "")


def test_another_secret_makes_the_one_before_useless_at_once(gate: Gate) -> None:
    gate.access.apply([KeyKept(key(secret="another_secret"))])

    assert told(gate.by_bob()) == (401, WRONG)
    assert told(gate.ask(signed(BOB, "another_secret", NOW))) == (200, "")


def test_a_deleted_key_does_not_get_in(gate: Gate) -> None:
    assert told(gate.ask(with_nonce("one"))) == (200, "")
    gate.access.apply([KeyGone(BOB)])

    assert told(gate.by_bob()) == (401, INVALID)


def test_a_plan_of_one_api_is_not_the_others(gate: Gate) -> None:
    gate.grant(places=[Place(SERVICE_ID, API_ID, "release")])

    assert told(gate.by_bob()) == (200, "")
    assert told(gate.by_bob(api_id=OTHER_ID)) == (403, "Found no validate usage plan")


def test_what_is_bound_holds_at_once_and_what_is_unbound_no_more() -> None:
    gate = Gate(ready=False)
    gate.access.apply([KeyKept(key())])
    assert told(gate.by_bob()) == (403, "Found no validate usage plan")
    gate.grant([])
    assert told(gate.by_bob()) == (401, INVALID)
    gate.grant()
    assert told(gate.by_bob()) == (200, "")
    gate.grant(places=[])
    assert told(gate.by_bob()) == (403, "Found no validate usage plan")
    gate.grant()
    gate.access.apply([PlanGone("usagePlan-1"), PlanGone("usagePlan-1"), VersionGone(version("1"))])
    assert told(gate.by_bob()) == (403, "Found no validate usage plan")


def test_one_key_may_have_a_plan_in_each_environment(gate: Gate) -> None:
    gate.grant(places=[Place(SERVICE_ID, "", "test")], plan_id="usagePlan-2", quota=1)

    assert told(gate.by_bob(environment="test")) == (200, "")
    assert told(gate.by_bob(environment="test")) == (429, "API quota exceeded")
    assert told(gate.by_bob()) == (200, "")


def test_of_two_plans_at_one_place_each_has_its_own_keys(gate: Gate) -> None:
    gate.access.apply([KeyKept(key("AKIDeve", "eves_secret_01"))])
    gate.grant(["AKIDeve"], plan_id="usagePlan-2", quota=1)
    eves = signed("AKIDeve", "eves_secret_01", NOW)

    assert [told(gate.ask(eves))[0] for _ in range(2)] == [200, 429]
    assert told(gate.by_bob()) == (200, "")
    gate.access.apply([PlanGone("usagePlan-2")])
    assert told(gate.ask(eves)) == (401, INVALID)
    assert told(gate.by_bob()) == (200, "")


def test_a_wrong_signature_does_not_learn_whether_there_is_a_plan(gate: Gate) -> None:
    gate.access.apply([PlanGone("usagePlan-1")])

    assert told(gate.ask(signed(BOB, "not_the_secret", NOW))) == (401, WRONG)


def test_an_open_api_asks_for_no_key(gate: Gate) -> None:
    passed = gate.ask(auth=NO_AUTH, environment="test")

    assert isinstance(passed, Passed)
    assert passed.secret_id == ""
    assert dict(passed.headers) == {
        "x-service-ratelimit": "unlimited",
        "x-api-ratelimit": "unlimited",
    }


def test_an_api_of_a_kind_that_is_not_known_lets_nobody_in(gate: Gate) -> None:
    assert told(gate.by_bob(auth="OAUTH")) == (481, "API config error")


# From where


def listed(type_: str, text: str, api_id: str = API_ID) -> StrategyKept:
    strategy = IpStrategy(
        id=f"IPStrategy-{type_}", service_id=SERVICE_ID, name="office", type=type_, text=text
    )
    return StrategyKept(strategy, frozenset({Place(SERVICE_ID, api_id, "release")}))


@pytest.mark.parametrize(
    ("type_", "source_ip", "status"),
    [
        ("WHITE", "10.1.2.3", 200),
        ("WHITE", "11.1.2.3", 403),
        ("BLACK", "10.1.2.3", 403),
        ("BLACK", "11.1.2.3", 200),
        ("WHITE", "::ffff:10.1.2.3", 200),
        ("BLACK", "::ffff:10.1.2.3", 403),
        ("WHITE", "2001:db8::1", 403),
    ],
)
def test_a_list_of_addresses_says_from_where_an_api_may_be_called(
    gate: Gate, type_: str, source_ip: str, status: int
) -> None:
    gate.access.apply([listed(type_, "10.0.0.0/8")])

    answer = told(gate.by_bob(source_ip=source_ip))
    assert answer == (status, "" if status == 200 else "Your IP address is not allowed")
    assert told(gate.by_bob(source_ip=source_ip, api_id=OTHER_ID)) == (200, "")
    if status == 403:
        assert gate.access.denied == {"address": 1}


@pytest.mark.parametrize("type_", ["WHITE", "BLACK"])
def test_who_has_no_address_does_not_get_in_where_addresses_matter(gate: Gate, type_: str) -> None:
    gate.access.apply([listed(type_, "10.0.0.0/8")])

    status, message = told(gate.by_bob(source_ip=""))
    assert status == 403
    assert message.startswith("Cannot identify the client IP address")


def test_an_address_is_looked_at_before_anything_else(gate: Gate) -> None:
    gate.access.apply([listed("WHITE", "10.0.0.0/8"), LimitKept(Limit(HERE, 1))])

    for _ in range(3):
        assert told(gate.ask(source_ip="11.0.0.1"))[0] == 403
    assert told(gate.by_bob(source_ip="10.0.0.1"))[0] == 200


def test_a_list_that_is_changed_unbound_or_deleted_holds_as_it_is_now(gate: Gate) -> None:
    here = Place(SERVICE_ID, API_ID, "release")
    kept = listed("WHITE", "10.0.0.0/8")
    gate.access.apply([kept])
    assert told(gate.by_bob())[0] == 403
    gate.access.apply([listed("WHITE", "203.0.113.0/24")])
    assert told(gate.by_bob())[0] == 200
    gate.access.apply([kept])
    assert told(gate.by_bob())[0] == 403
    gate.access.apply([StrategyKept(kept.strategy, frozenset())])
    assert told(gate.by_bob())[0] == 200
    gate.access.apply([kept, StrategyGone(kept.strategy.id), StrategyGone("IPStrategy-0")])
    assert told(gate.by_bob())[0] == 200

    # Rebound to another list within one commit, in whichever order that is told.
    other = listed("BLACK", "10.0.0.0/8")
    assert other.places == {here}
    gate.access.apply([kept, other, StrategyKept(kept.strategy, frozenset())])
    assert told(gate.by_bob(source_ip="10.0.0.1"))[0] == 403
    gate.access.apply([kept, other, StrategyGone(other.strategy.id), kept])
    gate.access.apply([StrategyGone(kept.strategy.id)])
    assert told(gate.by_bob(source_ip="10.0.0.1"))[0] == 200


# How often


def header(answer: Passed | Denied, name: str) -> str | None:
    headers = answer.headers if isinstance(answer, Passed) else answer.response.headers
    return dict(headers).get(name)


def test_an_answer_tells_what_is_left(gate: Gate) -> None:
    gate.grant(rate_per_s=10, quota=3)
    gate.access.apply(
        [LimitKept(Limit(HERE, 500)), LimitKept(Limit(Place(SERVICE_ID, API_ID, "release"), 20))]
    )

    passed = gate.by_bob()
    assert isinstance(passed, Passed)
    assert dict(passed.headers) == {
        "x-service-ratelimit": "499/500",
        "x-api-ratelimit": "19/20",
        "x-usageplan-ratelimit": "9/10",
        "x-usageplan-quota": "2/3",
    }


@pytest.mark.parametrize("of", ["service", "api", "plan"])
def test_a_call_over_the_rate_is_told_when_to_come_again(gate: Gate, of: str) -> None:
    limits: dict[str, Any] = {
        "service": LimitKept(Limit(HERE, 2)),
        "api": LimitKept(Limit(Place(SERVICE_ID, API_ID, "release"), 2)),
    }
    if of == "plan":
        gate.grant(rate_per_s=2)
    else:
        gate.access.apply([limits[of]])
    assert [told(gate.by_bob())[0] for _ in range(3)] == [200, 200, 429]

    late = gate.by_bob()
    assert told(late) == (429, "API rate limit exceeded")
    assert header(late, "retry-after") == "1"
    gate.move(0.5)
    assert told(gate.by_bob())[0] == 200
    assert told(gate.by_bob())[0] == 429
    assert gate.access.denied == {"rate": 3}


def test_a_limit_holds_where_it_was_set_and_nowhere_else(gate: Gate) -> None:
    gate.access.apply([LimitKept(Limit(Place(SERVICE_ID, API_ID, "release"), 1))])
    assert [told(gate.by_bob())[0] for _ in range(2)] == [200, 429]

    assert told(gate.by_bob(api_id=OTHER_ID))[0] == 200
    assert told(gate.ask(auth=NO_AUTH, environment="test"))[0] == 200
    assert told(gate.ask(auth=NO_AUTH))[0] == 429


def test_a_limit_that_is_lifted_limits_no_more(gate: Gate) -> None:
    gate.access.apply([LimitKept(Limit(HERE, 1))])
    gate.by_bob()
    gate.access.apply([LimitKept(Limit(HERE, UNLIMITED))])

    assert {told(gate.by_bob())[0] for _ in range(9)} == {200}
    assert repr(gate.access.limits) == "<Limits: 0 buckets, 1 plans>"


def test_a_service_that_is_gone_has_no_limits(gate: Gate) -> None:
    gate.grant(rate_per_s=5)
    gate.access.apply(
        [LimitKept(Limit(HERE, 1)), LimitKept(Limit(Place("service-b", "", "test"), 1))]
    )
    gate.access.apply([ServiceGone(SERVICE_ID)])

    assert repr(gate.access.limits) == "<Limits: 2 buckets, 1 plans>"


def test_a_call_that_is_refused_somewhere_counts_nowhere(gate: Gate) -> None:
    gate.grant(rate_per_s=5, quota=5)
    gate.access.apply([LimitKept(Limit(HERE, 1))])
    assert [told(gate.by_bob())[0] for _ in range(20)] == [200] + [429] * 19

    gate.move(1)
    passed = gate.by_bob()
    assert header(passed, "x-usageplan-quota") == "3/5"
    assert header(passed, "x-usageplan-ratelimit") == "4/5"


def test_all_keys_of_a_plan_share_what_it_allows(gate: Gate) -> None:
    gate.access.apply([KeyKept(key("AKIDeve", "eves_secret_01"))])
    gate.grant([BOB, "AKIDeve"], quota=2)

    assert told(gate.by_bob())[0] == 200
    assert told(gate.ask(signed("AKIDeve", "eves_secret_01", NOW)))[0] == 200
    spent = gate.by_bob()
    assert told(spent) == (429, "API quota exceeded")
    assert header(spent, "retry-after") is None  # nobody can say when it will be raised
    assert gate.access.denied == {"quota": 1}


def test_a_quota_that_is_raised_goes_on_from_what_was_used(gate: Gate) -> None:
    gate.grant(quota=1)
    gate.by_bob()
    gate.grant(quota=3, used=0)

    assert header(gate.by_bob(), "x-usageplan-quota") == "1/3"
    gate.grant(quota=1)
    assert told(gate.by_bob()) == (429, "API quota exceeded")
    gate.grant()
    assert header(gate.by_bob(), "x-usageplan-quota") == "unlimited"


def test_a_plan_that_is_gone_leaves_nothing(gate: Gate) -> None:
    gate.grant(rate_per_s=5)
    gate.by_bob()
    gate.access.apply([PlanGone("usagePlan-1")])

    assert repr(gate.access.limits) == "<Limits: 0 buckets, 0 plans>"
    assert gate.access.limits.unsaid() == {}


@given(
    st.lists(st.tuples(st.sampled_from(["authorization", "x-date", "date", "source"]), st.text()))
)
def test_whatever_is_sent_is_let_in_or_refused(headers: list[tuple[str, str]]) -> None:
    answer = Gate().ask(headers)

    assert isinstance(answer, Denied)
    assert told(answer)[0] == 401
