"""The table of tiers: its order, and what is made of what an operator asks for."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from huidu.instances.launch import Spawner
from huidu.instances.sandbox import tier
from huidu.instances.sandbox.table import BY_NAME, TABLE, Ground
from huidu.instances.sandbox.tier import TooWeak, candidates, choose
from huidu.settings import TIERS
from tests.instances.making import OURS

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="it takes root")


def test_the_settings_know_every_tier_in_the_order_of_the_table() -> None:
    assert tuple(row.name for row in TABLE) == TIERS


def test_each_row_says_what_it_needs_and_what_a_tenant_could_do() -> None:
    for row in TABLE:
        assert row.needs
        assert row.allows
        assert all(sentence.endswith(".") for sentence in row.allows)


def test_the_best_is_never_the_slow_one_which_takes_its_name() -> None:
    assert "gvisor" not in [row.name for row in candidates("best")]
    assert [row.name for row in candidates("gvisor")] == ["gvisor"]


@pytest.mark.parametrize(("higher", "lower"), [*pairwise(TIERS)])
def test_each_tier_stands_below_the_one_before_it(higher: str, lower: str) -> None:
    assert BY_NAME[lower].stands_below(higher)
    assert not BY_NAME[higher].stands_below(lower)
    assert not BY_NAME[lower].stands_below(lower)


async def test_no_walls_are_put_up_where_none_are_wanted(tmp_path: Path) -> None:
    launcher, closing, found = await choose("none", "none", Ground(OURS.path, tmp_path, "none"))

    assert isinstance(launcher, Spawner)
    assert closing is None
    assert (found.name, found.network) == ("none", "host")


async def test_less_than_is_required_is_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(TooWeak, match=r"tier sandbox is required, .*; say tier = best"):
        await choose("bwrap", "sandbox", Ground(OURS.path, tmp_path, "none"))


async def test_the_best_does_not_meet_what_only_a_name_gets(tmp_path: Path) -> None:
    with pytest.raises(TooWeak, match=r"tier gvisor is required, .*; say tier = gvisor"):
        await choose("best", "gvisor", Ground(OURS.path, tmp_path, "none"))


async def test_a_tier_that_is_named_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huidu.instances.sandbox.wrapped.bubble.PATH", str(tmp_path))

    with pytest.raises(TooWeak, match=r"tier = bwrap was asked for, .*no bwrap on this machine"):
        await choose("bwrap", "none", Ground(OURS.path, tmp_path, "none"))


async def test_what_cannot_be_had_is_told_beside_what_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("huidu.instances.sandbox.wrapped.bubble.PATH", str(tmp_path))
    rows = [row for row in candidates("best") if row.name in ("sandbox", "bwrap", "none")]
    monkeypatch.setattr(tier, "candidates", lambda wanted: rows)
    _, _, found = await choose("best", "none", Ground(OURS.path, tmp_path, "none"))

    assert found.name == "none"
    assert "sandbox: it takes root" in found.missing
    assert "bwrap: there is no bwrap on this machine" in found.missing


@as_root
async def test_more_than_is_required_will_do(tmp_path: Path) -> None:
    _, closing, found = await choose("best", "basic", Ground(OURS.path, tmp_path, "none"))
    assert closing is not None
    await closing.close()

    assert found.name == "sandbox"
