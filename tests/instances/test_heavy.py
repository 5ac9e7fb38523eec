"""Templates: which instances may be forks of one."""

from __future__ import annotations

from pathlib import Path

from huidu.instances.launch import Order
from huidu.instances.sandbox.forks.heavy import key_of


def order(code: Path) -> Order:
    return Order(command=lambda _, __: (), environment={}, code=code)


def test_code_that_was_removed_and_unpacked_again_is_not_what_a_template_has_bound(
    tmp_path: Path,
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    before = key_of(order(code))
    assert key_of(order(code)) == before

    code.rename(tmp_path / "bound")
    assert key_of(order(code)) != before
    code.mkdir()

    assert key_of(order(code)) != before
