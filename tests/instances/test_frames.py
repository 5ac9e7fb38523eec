"""WebSocket frames, followed however they are cut."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from huidu.instances.frames import Frames, goodbye

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def frame(opcode: int, body: bytes, *, masked: bool) -> bytes:
    """One frame as RFC 6455 has it, the mask all zeroes."""
    size = len(body)
    if size < 126:
        length = bytes((size,))
    elif size < 1 << 16:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    head = bytes((0x80 | opcode, length[0] | (0x80 if masked else 0))) + length[1:]
    return head + (bytes(4) if masked else b"") + body


sizes = st.one_of(st.integers(0, 200), st.sampled_from([65535, 65536, 70000]))


@settings(max_examples=30)  # each sends up to four hundred kilobytes, at worst byte by byte
@given(
    st.lists(st.tuples(st.sampled_from([TEXT, BINARY, PING]), sizes, st.booleans()), max_size=6),
    st.integers(1, 3000),
    st.booleans(),
)
def test_a_goodbye_is_seen_wherever_the_wire_is_cut(
    sent: list[tuple[int, int, bool]],
    cut: int,
    ends: bool,  # noqa: FBT001 - hypothesis passes it by place
) -> None:
    wire = b"".join(frame(opcode, b"\x88" * size, masked=masked) for opcode, size, masked in sent)
    wire += goodbye(masked=True) if ends else b""
    followed = Frames()
    for place in range(0, len(wire), cut):
        followed.feed(wire[place : place + cut])

    assert followed.closed is ends
    assert followed.whole


@given(st.integers(1, 300), st.booleans())
def test_half_a_frame_is_not_taken_for_a_whole_one(
    size: int,
    masked: bool,  # noqa: FBT001 - as above
) -> None:
    whole = frame(TEXT, b"x" * size, masked=masked)
    for place in range(1, len(whole)):
        followed = Frames()
        followed.feed(whole[:place])
        assert not followed.whole


def test_a_goodbye_is_a_frame_of_its_kind() -> None:
    assert goodbye(masked=False) == frame(CLOSE, b"\x03\xe9", masked=False)
    assert goodbye(4000, masked=True) == frame(CLOSE, b"\x0f\xa0", masked=True)
