"""Heads of requests, and the room there is for those who send them; over sockets in `attacks/`."""

from __future__ import annotations

import pytest

from huidu.decency import Headers, Indecent, at_home, check
from huidu.room import Room


@pytest.mark.parametrize(
    ("target", "home", "host"),
    [
        (b"/a?b=c", b"/a?b=c", None),
        (b"http://h/a?b=c", b"/a?b=c", b"h"),
        (b"HTTPS://h:81/a", b"/a", b"h:81"),
        (b"http://h", b"/", b"h"),
        (b"http://h?b=/c", b"/?b=/c", b"h"),
        (b"http://[::1]:9//a", b"//a", b"[::1]:9"),
        (b"//h/a", b"//h/a", None),
    ],
)
def test_a_target_is_a_path_at_home_and_may_name_the_host(
    target: bytes, home: bytes, host: bytes | None
) -> None:
    assert at_home(target) == (home, host)
    check(b"GET", "1.1", target, [(b"host", b"h")], upgrades=False)


@pytest.mark.parametrize(
    ("headers", "upgrades", "status"),
    [
        ([(b"content-length", b"2")], True, 400),
        ([(b"transfer-encoding", b"chunked")], True, 400),
        ([(b"transfer-encoding", b"deflate, chunked")], False, 501),
        ([(b"transfer-encoding", b"chunked"), (b"content-length", b"2")], False, 400),
        ([(b"expect", b"more")], False, 417),
    ],
)
def test_a_flaw_has_a_status(headers: Headers, *, upgrades: bool, status: int) -> None:
    with pytest.raises(Indecent) as refused:
        check(b"GET", "1.1", b"/", [(b"host", b"h"), *headers], upgrades=upgrades)
    assert refused.value.flaw.status == status
    assert refused.value.flaw.reason


def test_an_upgrade_without_a_body_is_decent() -> None:
    headers = [(b"host", b"h"), (b"content-length", b"0"), (b"expect", b"100-Continue")]

    check(b"GET", "1.1", b"/", headers, upgrades=True)


class Guest:
    """A connection that remembers whether it had to go."""

    def __init__(self) -> None:
        self.gone = False

    def leave(self) -> None:
        self.gone = True


def test_a_full_room_has_a_place_for_another_as_long_as_somebody_idles() -> None:
    room, first, second = Room(2), Guest(), Guest()
    room.idle(first)
    room.idle(second)
    room.idle(first)  # it was busy meanwhile

    assert room.admit(2)
    assert not second.gone
    assert room.admit(3)
    assert (first.gone, second.gone) == (False, True)
    room.busy(first)
    assert not room.admit(3)
    assert not first.gone
