"""The keyring: whose signature counts, as of the last commit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from huidu.control.keyring import USE_S, Keyring
from huidu.model.access_key import AccessKey
from huidu.model.effect import AccessKeyGone, AccessKeyKept
from huidu.model.errors import AuthFailure
from huidu.model.role import Role
from tests.fakes import Clock

SEED = b"s" * 32
ROOT = ("AKIDroot", "root-secret")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(clock: Clock) -> Keyring:
    return Keyring(ROOT, SEED, clock.time)


def key(keyring: Keyring, key_id: str = "AKIDwei", role: Role = Role.VIEW) -> AccessKey:
    return AccessKey(id=key_id, name="wei", role=role, seal=keyring.seal(keyring.made(key_id)))


def test_the_root_key_is_always_there_and_may_everything(keyring: Keyring) -> None:
    holder = keyring.holder("AKIDroot")

    assert keyring.secret("AKIDroot") == "root-secret"
    assert (holder.name, holder.role) == ("root", Role.ADMIN)


def test_a_key_is_known_from_its_commit_until_it_is_gone(keyring: Keyring) -> None:
    made = key(keyring)
    assert keyring.secret(made.id) is None

    keyring.apply([AccessKeyKept(made)])
    assert keyring.secret(made.id) == keyring.made(made.id)

    keyring.apply([AccessKeyGone(made.id)])
    assert keyring.secret(made.id) is None
    with pytest.raises(AuthFailure, match="not known"):
        keyring.holder(made.id)


def test_a_key_that_has_become_the_root_key_is_that_and_nothing_less(keyring: Keyring) -> None:
    keyring.apply([AccessKeyKept(key(keyring, "AKIDroot"))])

    assert keyring.secret("AKIDroot") == "root-secret"
    assert keyring.holder("AKIDroot") == keyring.root


def test_a_key_that_was_changed_is_from_then_on_what_it_was_changed_to(keyring: Keyring) -> None:
    made = key(keyring)
    for other in (made, replace(made, name="li", role=Role.RELEASE), made):
        keyring.apply([AccessKeyKept(other)])
        holder = keyring.holder(made.id)

        assert (holder.name, holder.role) == (other.name, other.role)
        assert keyring.secret(made.id) == keyring.made(made.id)


def test_a_disabled_key_is_told_so_once_it_has_shown_its_secret(keyring: Keyring) -> None:
    """Whoever has not does not learn that there is one: the signature is looked at before."""
    keyring.apply([AccessKeyKept(replace(key(keyring), enabled=False))])

    assert keyring.secret("AKIDwei") is not None
    with pytest.raises(AuthFailure, match="is disabled") as refused:
        keyring.holder("AKIDwei")
    assert refused.value.code == "AuthFailure.SecretIdNotFound"


def test_secrets_are_long_differ_and_come_from_the_seed_alone(keyring: Keyring) -> None:
    again, other = Keyring(ROOT, SEED, Clock().time), Keyring(ROOT, b"t" * 32, Clock().time)

    assert len(keyring.made("a")) == 43
    assert keyring.made("a") == again.made("a")
    assert len({keyring.made("a"), keyring.made("b"), other.made("a"), other.made("b")}) == 4


def test_keys_of_a_seed_that_is_lost_are_of_no_use(keyring: Keyring) -> None:
    """The catalog alone, as in a copy, lets nobody in."""
    other = Keyring(ROOT, b"t" * 32, Clock().time)
    other.apply([AccessKeyKept(key(keyring))])

    assert other.secret("AKIDwei") is None


def test_a_role_is_checked_with_the_word_for_what_is_done(keyring: Keyring) -> None:
    keyring.apply([AccessKeyKept(key(keyring, role=Role.RELEASE))])

    assert keyring.check("AKIDwei", "That", Role.RELEASE).name == "wei"
    with pytest.raises(AuthFailure, match="That needs the role admin, and wei has release"):
        keyring.check("AKIDwei", "That", Role.ADMIN)


def test_when_a_key_was_used_is_written_down_a_minute_exact(keyring: Keyring, clock: Clock) -> None:
    made = key(keyring)
    keyring.apply([AccessKeyKept(made)])

    for _ in range(120):
        keyring.used(made.id)
        clock.move(1)

    used = keyring.unwritten()
    assert used == {made.id: 1000.0 + USE_S}
    assert keyring.used_at(made) == 1000.0 + USE_S
    keyring.written(used)
    assert keyring.unwritten() == {}


def test_no_secret_is_in_what_is_printed_of_a_keyring(keyring: Keyring) -> None:
    keyring.apply([AccessKeyKept(key(keyring))])

    shown = f"{keyring!r} {keyring.root!r} {keyring.holder('AKIDwei')!r}"
    assert "root-secret" not in shown
    assert keyring.made("AKIDwei") not in shown
