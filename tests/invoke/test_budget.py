"""The budget of a rollout, where calls are routed: what may go wrong before a version is proven."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from huidu.invoke.routes import Routes
from huidu.model.alias import Alias
from huidu.model.budget import (
    AWAY,
    CLOSED,
    LEAST_UNANSWERED,
    MOST_KEYS,
    SPENT,
    STALLED,
    Allowance,
    Budget,
    mark_of,
)
from huidu.model.effect import AliasKept, FunctionKept, VersionKept
from huidu.model.errors import InvalidValue
from huidu.model.routing import Decision, Share, Weighted
from huidu.model.split import WHOLE
from huidu.model.traits import NO_TRAITS, Traits
from tests.fakes_store import FUNCTION, HELLO, alias, version

Make = Callable[..., Allowance]


def led(weight: int, *, sticky: bool = False) -> Alias:
    """Return an alias as a rollout has it at a weight."""
    more: dict[str, Any] = {"sticky": "invoke.headers.User", "salt": "s"} if sticky else {}
    if weight == WHOLE:
        return alias(at="2", **more)
    return alias(routing=Weighted((Share("2", weight),)), **more)


@dataclass
class Crowd:
    """Callers of an alias, and which of their calls are under way."""

    routes: Routes
    allowance: Allowance
    under_way: list[str] = field(default_factory=list)
    failed: int = 0  #: Calls of the candidate.
    least_at_spent: int | None = None  #: Failed and under way, when the budget was used up.
    met: set[str] = field(default_factory=set)

    def call(self, user: str) -> Decision:
        traits = Traits(headers={"User": user}) if user else NO_TRAITS
        routed = self.routes.route(HELLO, "release", traits)
        assert routed.version.number == routed.decision.version
        self.under_way.append(routed.decision.version)
        if user and routed.decision.version == "2":
            self.met.add(user)
        return routed.decision

    def end(self, which: int, *, failed: bool) -> None:
        if not self.under_way:
            return
        number = self.under_way.pop(which % len(self.under_way))
        if number == "2" and failed:
            self.failed += 1
            self.allowance.failed()
            limit = self.allowance.budget.failures
            if limit and self.failed == limit:
                self.least_at_spent = limit + self.under_way.count("2")


Deed = tuple[str, int, bool]
DEEDS: some.SearchStrategy[list[Deed]] = some.lists(
    some.tuples(some.sampled_from(["call", "call", "end"]), some.integers(0, 30), some.booleans()),
    max_size=120,
)
BUDGETS = some.builds(Budget, failures=some.integers(0, 4), keys=some.integers(0, 4))


def crowd(make: Make, budget: Budget, weight: int, *, sticky: bool, seed: int) -> Crowd:
    routes = Routes(random.Random(seed).random)
    versions = [VersionKept(version(number)) for number in ("$LATEST", "1", "2")]
    allowance = make(budget, "1", "2")
    routes.allow(FUNCTION.id, "release", allowance)
    routes.apply([FunctionKept(FUNCTION), *versions, AliasKept(led(weight, sticky=sticky))])
    return Crowd(routes, allowance)


def go(make: Make, budget: Budget, weight: int, deeds: Sequence[Deed], *, sticky: bool) -> None:
    """Let a crowd call, its calls ending in any order, and hold what happens against the laws."""
    callers = crowd(make, budget, weight, sticky=sticky, seed=len(deeds))
    known = callers.met
    for deed, number, yes in deeds:
        if deed == "end":
            callers.end(number, failed=yes)
            continue
        user = f"user-{number}" if sticky else ""
        spent = 0 < budget.failures <= callers.failed
        stays = user in known and not spent
        decision = callers.call(user)
        assert not spent or decision.version == "1", "called after the budget was used up"
        assert not stays or decision.version == "2", "sent away after having met it"
        check(decision, led(weight, sticky=sticky))
    if callers.least_at_spent is not None:
        assert callers.failed <= callers.least_at_spent, "more failures than were under way"
    shared = weight < WHOLE  # with all calls it is met by all
    assert not (budget.keys and shared) or len(callers.met) <= budget.keys, "too many met it"


def check(decision: Decision, led_by: Alias) -> None:
    """Hold a decision against what can be said of it afterwards."""
    if decision.reason in AWAY:
        assert decision.version == "1", "diverted to the candidate"
        assert decision.probability == 1.0, "left to chance"
        told = led_by.explain(decision, None)
        assert [one.version for one in told if one.chosen] == ["1"]
        assert all(decision.reason in one.why for one in told)
    elif decision.version == "2":
        assert decision.probability < 1 or led_by.version == "2"


WEIGHTS = some.sampled_from([1000, 5000, 9000, WHOLE])


@given(BUDGETS, WEIGHTS, DEEDS, some.booleans())
@settings(max_examples=200)
def test_the_budget_is_kept_whatever_order_calls_come_and_end_in(
    budget: Budget,
    weight: int,
    deeds: list[Deed],
    sticky: bool,  # noqa: FBT001 - an example's
) -> None:
    go(Allowance, budget, weight, deeds, sticky=sticky)


# ---- allowances that are broken in one place each


class ForgetsFailures(Allowance):
    def failed(self) -> None:
        self.failures = 1


class CountsLate(Allowance):
    @property
    def spent(self) -> bool:
        return 0 < self.budget.failures < self.failures


class ForgetsKeys(Allowance):
    def settle(self, decision: Decision) -> Decision:
        self.keys.clear()
        return super().settle(decision)


class KnowsNobodyAgain(Allowance):
    def settle(self, decision: Decision) -> Decision:
        settled = super().settle(decision)
        full = bool(self.budget.keys) and len(self.keys) >= self.budget.keys
        again = full and decision.sticky_key and settled.version == self.candidate
        return decision._replace(version="1", reason=SPENT, probability=1.0) if again else settled


class LeavesTheChance(Allowance):
    def settle(self, decision: Decision) -> Decision:
        settled = super().settle(decision)
        return settled._replace(probability=decision.probability)


BROKEN: tuple[tuple[type[Allowance], str], ...] = (
    (ForgetsFailures, "used up|more failures"),
    (CountsLate, "used up|more failures"),
    (ForgetsKeys, "too many"),
    (KnowsNobodyAgain, "sent away"),
    (LeavesTheChance, "left to chance"),
)


@pytest.mark.parametrize(("make", "found"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_an_allowance_is_found_out_that(make: Make, found: str) -> None:
    @settings(max_examples=1000, database=None, derandomize=True, phases=[Phase.generate])
    @given(BUDGETS, WEIGHTS, DEEDS, some.booleans())
    def goes(budget: Budget, weight: int, deeds: list[Deed], sticky: bool) -> None:  # noqa: FBT001
        go(make, budget, weight, deeds, sticky=sticky)

    with pytest.raises(AssertionError, match=found):
        goes()


# ---- one by one


def test_a_candidate_that_is_taken_back_gets_no_call_from_that_moment_on() -> None:
    callers = crowd(Allowance, Budget(), WHOLE, sticky=False, seed=1)
    assert callers.call("").version == "2"
    callers.allowance.close()
    decision = callers.call("")
    assert (decision.version, decision.reason, decision.probability) == ("1", CLOSED, 1.0)


def test_without_a_budget_nobody_is_kept_away() -> None:
    callers = crowd(Allowance, Budget(), WHOLE, sticky=True, seed=1)
    for number in range(50):
        assert callers.call(f"u{number}").version == "2"
        callers.end(0, failed=True)


def test_a_budget_counts_no_more_once_the_candidate_is_proven_but_a_rollback_still_does() -> None:
    callers = crowd(Allowance, Budget(failures=1, keys=1), 9999, sticky=True, seed=1)
    callers.allowance.failed()
    assert callers.call("a").version == "1"
    callers.allowance.proven = True
    assert [callers.call(user).version for user in "abc"] == ["2", "2", "2"]
    assert not callers.allowance.spent
    callers.allowance.close()
    assert callers.call("a").version == "1"


def test_callers_without_a_key_are_not_counted_among_those_who_met_it() -> None:
    callers = crowd(Allowance, Budget(keys=1), 9000, sticky=True, seed=1)
    reached = [callers.call("").version for _ in range(100)]
    assert reached.count("2") == 90


def test_what_was_saved_of_an_allowance_is_gone_on_with() -> None:
    kept = {"failures": 1, "keys": [mark_of("ann")]}
    allowance = Allowance(Budget(failures=2, keys=1), "1", "2", **kept)  # type: ignore[arg-type]
    met = Decision("2", "sticky key", 0.5, sticky_key="ann")

    assert allowance.settle(met) == met
    assert allowance.settle(met._replace(sticky_key="bob")).reason == SPENT
    allowance.failed()
    assert allowance.settle(met).reason == SPENT


def test_a_call_that_does_not_come_meets_nobody() -> None:
    callers = crowd(Allowance, Budget(keys=1), 9999, sticky=True, seed=1)
    target = callers.routes.target(HELLO, "release")
    assert target is not None
    for user in "abc":
        seen = target.foresee(Traits(headers={"User": user}), lambda: 0.5)
        assert seen.version == "2"
    assert callers.allowance.keys == set()
    callers.call("a")
    assert target.foresee(Traits(headers={"User": "b"}), lambda: 0.5).reason == SPENT


def test_an_alias_that_moves_keeps_its_allowance_and_loses_it_when_its_rollout_ends() -> None:
    callers = crowd(Allowance, Budget(), 1000, sticky=False, seed=1)
    callers.allowance.close()
    callers.routes.apply([AliasKept(led(WHOLE))])
    assert callers.call("").reason == CLOSED
    callers.routes.allow(FUNCTION.id, "release", None)
    assert callers.call("").version == "2"
    callers.routes.apply([AliasKept(led(WHOLE))])
    assert callers.call("").version == "2"


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"failures": -1}, "Budget.Failures -1: must be 0 or more"),
        ({"keys": -1}, "Budget.Keys -1: must be 0 to 100000"),
        ({"keys": MOST_KEYS + 1}, "Budget.Keys 100001: must be 0 to 100000"),
    ],
)
def test_a_budget_that_can_never_be_is_refused(budget: dict[str, int], said: str) -> None:
    with pytest.raises(InvalidValue, match=said) as refused:
        Budget(**budget)
    assert refused.value.code == "InvalidParameterValue.Budget"


TENTH = Decision("2", "weight", 0.1)


def reached(allowance: Allowance, calls: int) -> int:
    """Return how many of some calls that were routed to the candidate go there."""
    return [allowance.settle(TENTH).version for _ in range(calls)].count("2")


def test_a_candidate_that_answers_nothing_gets_a_few_calls_and_no_more() -> None:
    allowance = Allowance(Budget(), "1", "2", beside=lambda: 0)

    assert reached(allowance, 1000) == LEAST_UNANSWERED
    assert allowance.settle(TENTH) == Decision("1", STALLED)

    allowance.ended(answered=False)  # the first one has timed out
    assert reached(allowance, 1000) == 1
    allowance.ended(answered=False, left=True)  # whoever leaves says nothing of it
    assert reached(allowance, 1000) == 0
    allowance.ended(answered=True)
    assert reached(allowance, 1000) == LEAST_UNANSWERED
    allowance.idle()  # all have ended or left: one finds out whether it answers by now
    assert reached(allowance, 1000) == 1


def test_calls_that_take_their_time_in_both_versions_are_not_held_to_hang() -> None:
    allowance = Allowance(Budget(), "1", "2", beside=lambda: 900)
    assert reached(allowance, 400) == 400
    assert reached(allowance, 1000) < 200


def test_with_all_calls_a_candidate_gets_them_whether_it_answers_or_not() -> None:
    allowance = Allowance(Budget(), "1", "2", beside=lambda: 0)
    every = Decision("2", "main version")
    assert [allowance.settle(every).version for _ in range(100)] == ["2"] * 100
