"""The laws of the exact split."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huidu.model.split import (
    WHOLE,
    Chain,
    Phase,
    deal,
    fork,
    fresh,
    odds,
    read_phases,
    step,
    write_phases,
)

draws = st.floats(0, 1, exclude_max=True)


@st.composite
def weights_of(draw: st.DrawFn, least: int = 2, most: int = 4) -> list[int]:
    cuts = draw(st.lists(st.integers(0, WHOLE), min_size=least - 1, max_size=most - 1).map(sorted))
    edges = [0, *cuts, WHOLE]
    return [b - a for a, b in pairwise(edges)]


@given(part=st.integers(0, WHOLE), seed=st.integers(0, 2**32), calls=st.integers(1, 500))
def test_at_every_prefix_the_count_is_off_by_less_than_one(
    part: int, seed: int, calls: int
) -> None:
    dice, phase, over = random.Random(seed), Phase(), 0
    for n in range(1, calls + 1):
        went, phase = step(phase, part, WHOLE, dice.random())
        over += went
        assert abs(over * WHOLE - n * part) < WHOLE


@given(weights=weights_of(), seed=st.integers(0, 2**32))
def test_with_more_versions_each_count_is_off_by_less_than_two(
    weights: list[int], seed: int
) -> None:
    versions = [str(n) for n in range(len(weights))]
    tree, phases, counts = fork(versions, weights), fresh(len(versions)), Counter[str]()
    dice = random.Random(seed)
    bound = WHOLE if len(weights) == 2 else 2 * WHOLE
    for n in range(1, 300):
        version, phases = deal(tree, phases, dice.random())
        counts[version] += 1
        for name, weight in zip(versions, weights, strict=True):
            assert abs(counts[name] * WHOLE - n * weight) < bound


@given(weights=weights_of(), seed=st.integers(0, 2**32))
def test_a_weight_of_zero_is_never_and_of_one_is_always(weights: list[int], seed: int) -> None:
    versions = [str(n) for n in range(len(weights))]
    tree, phases, dice = fork(versions, weights), fresh(len(versions)), random.Random(seed)
    for _ in range(200):
        version, phases = deal(tree, phases, dice.random())
        assert weights[int(version)] > 0
        assert max(weights) < WHOLE or weights[int(version)] == WHOLE


@pytest.mark.parametrize("part", [1, 500, 1000, 3333, 4000, 5000, 6000, 7001, 9500, 9999])
def test_each_single_call_goes_over_with_the_probability_that_is_its_weight(part: int) -> None:
    """Follow the exact distribution over phases, not a sample: every call, from the very first."""
    ahead, fraction = 0.0, 0  # the probability of being one ahead
    for _ in range(400):
        behind = odds(Phase(fraction, ahead=False), part, WHOLE)
        leading = odds(Phase(fraction, ahead=True), part, WHOLE) if fraction else 0.0
        assert (1 - ahead) * behind + ahead * leading == pytest.approx(part / WHOLE, abs=1e-9)
        passes = fraction + part >= WHOLE
        ahead = ahead * leading if passes else ahead + (1 - ahead) * behind
        fraction = (fraction + part) % WHOLE


def test_five_percent_of_a_hundred_calls_is_five() -> None:
    for seed in range(50):
        dice, phases, tree = random.Random(seed), fresh(2), fork(["2", "1"], [500, 9500])
        went = []
        for _ in range(100):
            version, phases = deal(tree, phases, dice.random())
            went.append(version)
        assert went.count("2") == 5


def test_the_place_within_a_stretch_is_uniform_so_nothing_periodic_lines_up_with_it() -> None:
    places, dice = Counter[int](), random.Random(7)
    for _ in range(4000):
        phase = Phase()
        for place in range(10):
            over, phase = step(phase, 1000, WHOLE, dice.random())
            if over:
                places[place] += 1
    assert sum(places.values()) == 4000
    assert all(abs(places[place] - 400) < 90 for place in range(10))


@given(part=st.integers(1, WHOLE - 1), fraction=st.integers(0, WHOLE - 1), ahead=st.booleans())
def test_the_odds_are_the_share_of_draws_that_go_over(
    part: int, fraction: int, *, ahead: bool
) -> None:
    phase = Phase(fraction, ahead and fraction > 0)
    over = sum(step(phase, part, WHOLE, (n + 0.5) / 1000)[0] for n in range(1000))

    assert over / 1000 == pytest.approx(odds(phase, part, WHOLE), abs=0.0011)


@settings(max_examples=20)  # each walks some thirty thousand calls
@given(restarts=st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_a_restart_or_a_reweight_favours_no_side(restarts: list[int]) -> None:
    """From fresh phases each call goes over with its probability, however often one begins anew."""
    rounds, dice, over, calls = 3000, random.Random(sum(restarts)), 0, 0
    for _ in range(rounds):
        for length in restarts:
            phase = Phase()
            for _ in range(length):
                went, phase = step(phase, 3000, WHOLE, dice.random())
                over += went
                calls += 1
    assert over / calls == pytest.approx(0.3, abs=0.05)


@given(draw=draws, weights=weights_of())
def test_one_draw_serves_every_level_of_the_tree(draw: float, weights: list[int]) -> None:
    versions = [str(n) for n in range(len(weights))]
    version, phases = deal(fork(versions, weights), fresh(len(versions)), draw)

    assert version in versions
    assert len(phases) == len(versions) - 1


@settings(max_examples=25, deadline=None)
@given(weights=weights_of())
def test_each_version_claims_its_weight_of_the_first_draw(weights: list[int]) -> None:
    """Walk every ten-thousandth of the dice: one draw decides every level, each on its own."""
    versions = [str(n) for n in range(len(weights))]
    tree, start = fork(versions, weights), fresh(len(versions))
    counts = Counter(deal(tree, start, (n + 0.5) / WHOLE)[0] for n in range(WHOLE))

    assert all(abs(counts[v] - w) <= 2 for v, w in zip(versions, weights, strict=True))


@given(
    part=st.sampled_from([1000, 2500, 5000, 7500]) | st.integers(0, WHOLE),
    dice=st.lists(st.sampled_from([0.0, 0.5, 1 - 2**-53])),
)
def test_no_dice_however_loaded_bring_a_count_off(part: int, dice: list[float]) -> None:
    phase, over = Phase(), 0
    for n, draw in enumerate(dice, 1):
        went, phase = step(phase, part, WHOLE, draw)
        over += went
        assert abs(over * WHOLE - n * part) < WHOLE
        assert phase == Phase(n * part % WHOLE, over * WHOLE > n * part)


def test_phases_are_written_so_that_a_person_can_read_them() -> None:
    assert write_phases((Phase(3000, ahead=True), Phase())) == "3000+ 0-"
    assert write_phases(()) == ""


@given(
    st.lists(
        st.builds(Phase, fraction=st.integers(0, WHOLE - 1), ahead=st.booleans()), max_size=3
    ).map(tuple)
)
def test_what_is_written_of_phases_is_read_again(phases: tuple[Phase, ...]) -> None:
    assert read_phases(write_phases(phases)) == phases


def chance(seed: int) -> Callable[[int], random.Random]:
    return lambda block: random.Random(f"{seed} {block}")


@given(
    weights=weights_of(),
    seed=st.integers(0, 2**32),
    alone=st.integers(0, 300),
    asked=st.lists(st.integers(0, 2), min_size=1, max_size=300),
)
def test_who_shares_a_split_deals_as_one_from_wherever_it_stood(
    weights: list[int], seed: int, alone: int, asked: list[int]
) -> None:
    """One process deals some calls alone; then three take turns, in any order."""
    versions = [str(n) for n in range(len(weights))]
    tree, phases, counts = fork(versions, weights), fresh(len(versions)), Counter[str]()
    dice = random.Random(seed)
    for _ in range(alone):
        version, phases = deal(tree, phases, dice.random())
        counts[version] += 1
    place = alone % Chain.period(tree)
    three = [Chain(tree, place, phases, chance(seed)) for _ in range(3)]
    bound = WHOLE if len(weights) == 2 else 2 * WHOLE
    for turn, who in enumerate(asked):
        draw, phases = three[who].at(place + turn)
        version, _ = deal(tree, phases, draw)
        counts[version] += 1
        for name, weight in zip(versions, weights, strict=True):
            assert abs(counts[name] * WHOLE - (alone + turn + 1) * weight) < bound


@given(weights=weights_of(), seed=st.integers(0, 2**32))
def test_a_call_meets_the_same_whoever_asks_and_whatever_he_has_missed(
    weights: list[int], seed: int
) -> None:
    tree = fork([str(n) for n in range(len(weights))], weights)
    phases, period = fresh(len(weights)), Chain.period(tree)
    steady = Chain(tree, 0, phases, chance(seed))
    met = [steady.at(number) for number in range(600)]
    late = Chain(tree, 0, phases, chance(seed))

    assert [late.at(number) for number in (599, 0, 300)] == [met[599], met[0], met[300]]
    assert steady.at(7 * 256 * period)[1] == phases


def test_a_split_with_nobody_on_a_side_has_a_period_all_the_same() -> None:
    assert Chain.period(fork(["1", "2"], [0, WHOLE])) == 1
    assert Chain.period(fork(["1", "2"], [3000, 7000])) == 10
    assert Chain.period(fork(["1", "2", "3"], [0, 2500, 7500])) == 4
    assert Chain.period("1") == 1
