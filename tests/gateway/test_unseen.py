"""The console's cookies: no function gets to see one, or to set one."""

from __future__ import annotations

from typing import Any

import pytest

from huidu.gateway.visit import unseen, unset


def scope(*cookies: bytes) -> dict[str, Any]:
    return {"headers": [(b"host", b"a"), *((b"cookie", value) for value in cookies)]}


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ([b"huidu_console_1=secret"], []),
        ([b"a=b; huidu_console_1=secret; c=d"], [b"a=b; c=d"]),
        ([b"a=b;__Secure-huidu_console_1=secret", b"huidu_console_2=x"], [b"a=b"]),
    ],
)
def test_a_function_is_not_sent_who_is_signed_in_to_the_console(
    sent: list[bytes], left: list[bytes]
) -> None:
    """A browser sends the cookies of one port of a host to every other."""
    assert unseen(scope(*sent)) == scope(*left)


@pytest.mark.parametrize("sent", [[], [b"a=b"], [b"a=b ;c", b"d"]])
def test_other_cookies_stay_as_they_are(sent: list[bytes]) -> None:
    asked = scope(*sent)

    assert unseen(asked) is asked


def test_a_value_that_reads_like_the_name_of_one_stays() -> None:
    assert unseen(scope(b"a=huidu_console_1")) == scope(b"a=huidu_console_1")


@pytest.mark.parametrize("name", [b"set-cookie", b"Set-Cookie"])
@pytest.mark.parametrize(
    "cookie", [b"huidu_console_1=x; path=/console", b"__Secure-huidu_console_1="]
)
async def test_a_function_gives_nobody_a_session_at_the_console(name: bytes, cookie: bytes) -> None:
    """Nor takes one away: browsers keep the cookies of all ports of a host together."""
    said = []

    async def send(message: Any) -> None:
        said.append(message)

    others = [(b"set-cookie", b"a=huidu_console_1"), (b"x-note", b"huidu_console_1=x")]
    answer = {"type": "http.response.start", "status": 200, "headers": [*others, (name, cookie)]}
    await unset(send)(answer)
    await unset(send)({"type": "http.response.body", "body": cookie})

    assert said[0]["headers"] == others
    assert said[1]["body"] == cookie
