"""Lines: bounded whatever comes, and however it is cut."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from huidu.instances.lines import (
    CUT,
    FLOOD,
    MOST_BYTES,
    MOST_LINE_BYTES,
    MOST_LINES,
    NOTICE,
    PACE_S,
    Lines,
    Pipe,
)
from huidu.model.ahead import MOST_AHEAD
from huidu.model.frame import cut


@given(st.text(st.characters(codec="utf-8")), st.lists(st.integers(1, 30), min_size=1))
def test_what_was_printed_is_what_is_kept_however_the_pipe_cuts_it(
    text: str, cuts: list[int]
) -> None:
    lines, printed = Lines(), text.encode()

    for place in range(len(printed)):
        size = cuts[place % len(cuts)]
        lines.feed(printed[:size])
        printed = printed[size:]

    assert lines.take() == (text if text.endswith("\n") or not text else f"{text}\n")
    assert lines.take() == ""


def test_a_line_is_cut_where_it_is_too_long() -> None:
    lines = Lines()
    fits, too_long = b"x" * MOST_LINE_BYTES, "é" * MOST_LINE_BYTES

    lines.feed(fits + b"\n" + too_long.encode() + b"\nnext")
    first, second, third = lines.take().splitlines()

    assert first == fits.decode()
    assert len(second.encode()) <= MOST_LINE_BYTES
    assert second == "é" * second.count("é") + CUT.decode()
    assert third == "next"


def test_a_line_without_an_end_is_not_gathered_for_ever() -> None:
    lines = Lines()

    for _ in range(1000):
        lines.feed(b"x" * 65536)
    (line,) = lines.take().splitlines()

    assert len(line) == MOST_LINE_BYTES


def test_what_is_over_the_limit_is_dropped_and_that_is_said_once() -> None:
    lines = Lines()

    for _ in range(100):
        lines.feed((b"x" * 1023 + b"\n") * 64)
    kept = lines.take().splitlines()

    assert sum(len(line) + 1 for line in kept) <= MOST_BYTES + len(NOTICE) + 1
    assert kept[-1] == NOTICE.decode()
    assert NOTICE.decode() not in kept[:-1]
    assert len(kept) == MOST_BYTES // 1024 + 1


def test_a_flood_of_lines_is_cut_until_its_seconds_are_over() -> None:
    clock = [100.0]
    lines = Lines(lambda: clock[0])

    for _ in range(2 * MOST_LINES):
        lines.feed(b"x\n")
        clock[0] += PACE_S / 4 / MOST_LINES
    clock[0] += PACE_S
    lines.feed(b"later\n")
    kept = lines.take().splitlines()

    assert kept == ["x"] * MOST_LINES + [FLOOD.decode(), "later"]


def test_many_lines_are_no_flood_where_they_take_their_time() -> None:
    clock = [100.0]
    lines = Lines(lambda: clock[0])

    for _ in range(3 * MOST_LINES):
        lines.feed(b"x\n")
        clock[0] += 2 * PACE_S / MOST_LINES

    assert lines.take().splitlines() == ["x"] * (3 * MOST_LINES)


def test_the_next_call_begins_anew() -> None:
    lines = Lines()
    lines.feed((b"x" * 1023 + b"\n") * 2000)
    lines.take()

    lines.feed(b"next\n")

    assert lines.take() == "next\n"


def test_bytes_that_are_no_text_do_no_harm() -> None:
    lines = Lines()
    lines.feed(b"\xff\xfe\xa5\x00ok\n")

    assert lines.take().endswith("ok\n")


@given(st.text(st.characters(codec="utf-8")), st.integers(0, 50))
def test_a_cut_leaves_no_half_character(text: str, most: int) -> None:
    left = cut(text.encode(), most)

    assert len(left) <= most
    assert text.startswith(left.decode())
    assert len(left) > most - 4 or left.decode() == text


def test_what_was_looked_at_meanwhile_is_taken_all_the_same() -> None:
    lines = Lines()
    lines.feed(b"one\ntwo\nthr")
    assert lines.peek() == "one\ntwo\n"
    assert lines.shown_chars == 8
    assert lines.peek() == ""
    lines.feed(b"ee\n")
    assert lines.peek() == "three\n"
    lines.feed(b"four\n")
    assert lines.take() == "one\ntwo\nthree\nfour\n"
    assert lines.shown_chars == 0
    assert lines.peek() == ""


@given(
    st.lists(st.text("ab\n"), min_size=1, max_size=12),
    st.integers(1, 40),
    st.integers(0, MOST_AHEAD),
)
async def test_marks_divide_what_was_printed_however_the_pipe_cuts_them(
    printed: list[str], size: int, ahead: int
) -> None:
    output, end = os.pipe()
    pipe = Pipe(output)
    taken = []

    for number, text in enumerate(printed):
        if number > ahead:  # So many run before the answer of one is read.
            taken.append(pipe.take())
        marked = (b"\0call%08x\0" % number if number and text else b"") + text.encode()
        for at in range(0, len(marked), size):
            os.write(end, marked[at : at + size])
            pipe._read(size)
    while len(taken) < len(printed):
        taken.append(pipe.take())

    assert taken == [ended(text) for text in printed]
    assert pipe.tells_apart
    os.close(end)
    pipe.close()


def ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


async def test_what_only_looks_like_a_mark_is_a_text() -> None:
    output, end = os.pipe()
    pipe = Pipe(output)

    os.write(end, b"\0call\0 \0call0000 \0")
    assert pipe.take() == "\0call\0 \0call0000 \0\n"
    os.write(end, b"\0call00000009\0")  # Of a call that cannot have begun.
    assert pipe.take() == ""
    os.write(end, b"\0call00000003\0early\n")
    assert (pipe.shows("early"), pipe.take(), pipe.take()) == (True, "", "early\n")

    os.close(end)
    pipe.close()
