"""Frames: what was sent is what is read, and what was not is not believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.instances.wire import (
    FIGURES,
    HEADER,
    LARGEST,
    LENGTH,
    NONCE_BYTES,
    Frame,
    Kind,
    ProtocolError,
    Reader,
    Reply,
    TooLarge,
    call,
    pack,
    reply,
)

frames = st.lists(st.builds(Frame, st.sampled_from(Kind), st.binary(max_size=200)), max_size=8)


@given(frames, st.lists(st.integers(1, 40), min_size=1))
def test_what_was_sent_is_what_is_read_however_the_wire_cuts_it(
    sent: list[Frame], cuts: list[int]
) -> None:
    wire = b"".join(map(pack, sent))
    reader, read = Reader(), list[Frame]()

    for place in range(len(wire)):
        size = cuts[place % len(cuts)]
        read += reader.feed(wire[:size])
        wire = wire[size:]

    assert read == sent


@given(st.binary(min_size=1))
def test_no_text_looks_like_a_frame(printed: bytes) -> None:
    if printed[0] < 0x80 and len(printed) >= HEADER.size:
        with pytest.raises(ProtocolError):
            Reader().feed(printed)


def test_a_frame_that_is_too_large_is_refused_by_its_header() -> None:
    assert Reader().feed(HEADER.pack(Kind.RESULT, LARGEST)) == []
    with pytest.raises(TooLarge):
        Reader().feed(HEADER.pack(Kind.RESULT, LARGEST + 1))


@given(st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES), st.binary(), st.binary())
def test_a_call_holds_a_nonce_its_context_and_its_event(
    nonce: bytes, context: bytes, event: bytes
) -> None:
    (frame,) = Reader().feed(call(nonce, context, event))
    context_at = NONCE_BYTES + LENGTH.size
    (size,) = LENGTH.unpack_from(frame.body, NONCE_BYTES)

    assert frame.kind is Kind.CALL
    assert frame.body[:NONCE_BYTES] == nonce
    assert frame.body[context_at : context_at + size] == context
    assert frame.body[context_at + size :] == event


def test_a_reply_holds_a_nonce_what_it_took_and_the_words() -> None:
    body = b"n" * NONCE_BYTES + FIGURES.pack(4096, 500_000) + b"{}"

    assert reply(body) == Reply(b"n" * NONCE_BYTES, 4096, 0.0005, b"{}")
    with pytest.raises(ProtocolError):
        reply(body[:30])
