"""Nonces are remembered for as long as they matter, and in bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from huidu.gateway.nonces import Nonces
from huidu.gateway.signature import WINDOW_S, Claim, Unproven

ONE = Claim(key_id="AKIDbob", digest="sha1", signed="", signature="", at=0.0, nonce="one")


def refused(nonces: Nonces, claim: Claim) -> bool:
    try:
        nonces.check(claim)
    except Unproven:
        return True
    return False


def numbered(number: int, key_id: str = "AKIDbob") -> Claim:
    return replace(ONE, nonce=str(number), key_id=key_id)


def test_of_one_key_the_oldest_are_forgotten_and_of_others_none() -> None:
    nonces = Nonces(most=3)
    nonces.keep(numbered(0, "AKIDeve"), 0)
    for number in range(10):
        nonces.keep(numbered(number), 0)

    assert [refused(nonces, numbered(n)) for n in range(10)] == [False] * 7 + [True] * 3
    assert refused(nonces, numbered(0, "AKIDeve"))
    assert repr(nonces) == "<Nonces: 4 of 2 keys>"


def test_what_can_never_come_again_is_forgotten() -> None:
    nonces = Nonces()
    nonces.keep(numbered(1), 0)
    nonces.keep(numbered(2), 2 * WINDOW_S)
    assert refused(nonces, numbered(1))
    nonces.keep(numbered(3), 2 * WINDOW_S + 1)

    assert not refused(nonces, numbered(1))
    assert refused(nonces, numbered(2))


def test_a_long_nonce_takes_no_more_memory_than_a_short_one() -> None:
    nonces = Nonces()
    long = replace(ONE, nonce="n" * 60_000)
    nonces.keep(long, 0)

    assert refused(nonces, long)
    assert not refused(nonces, replace(ONE, nonce="n" * 59_999))


def test_a_key_that_is_gone_takes_its_nonces_along() -> None:
    nonces = Nonces()
    nonces.keep(ONE, 0)
    nonces.forget("AKIDbob")
    nonces.forget("AKIDbob")

    assert repr(nonces) == "<Nonces: 0 of 0 keys>"


def test_without_a_nonce_nothing_is_remembered() -> None:
    nonces = Nonces()
    nonces.keep(replace(ONE, nonce=""), 0)

    assert repr(nonces) == "<Nonces: 0 of 0 keys>"
    nonces.keep(ONE, 0)
    with pytest.raises(Unproven, match="x-nonce header was used before"):
        nonces.check(ONE)
