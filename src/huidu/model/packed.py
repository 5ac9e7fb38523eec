"""Packed: a tally in few bytes, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from huidu.model.histogram import LOWEST, Histogram
from huidu.model.tally import MOSTS, SUMS, Tally, merged

#: The first byte of all; another form is another number.
FORM = 1
#: What came later stands at the end, and not at all where it is 0: who did not know of it reads no
#: further, and what was packed before reads as 0.
LATER = ("answered_5xx",)
NUMBERS = tuple(name for name in (*SUMS, *MOSTS) if name not in LATER)
_numbers = attrgetter(*NUMBERS)
MORE, SEVEN = 0x80, 0x7F


class Unpackable(ValueError):
    """These bytes are no tally."""


def pack(tally: Tally) -> bytes:
    """Return a tally as bytes: whole numbers of seven bits each, and an eighth where one goes on.

    A second with a call in it takes some 50 bytes.
    """
    numbers = [*_numbers(tally), len(tally.statuses)]
    for status, count in tally.statuses:
        numbers += (status, count)
    _spread(numbers, tally.durations)
    _spread(numbers, tally.steady)
    later = [getattr(tally, name) for name in LATER]
    numbers += later if any(later) else ()
    return bytes((FORM, *_sevens(numbers)))


def unpack(body: bytes) -> Tally:
    """Return the tally that was packed, or raise `Unpackable`."""
    if not body or body[0] != FORM or body[-1] & MORE:
        raise Unpackable(f"{len(body)} bytes that begin with {body[:1].hex() or 'nothing'}")
    numbers = _whole(body[1:])
    try:
        known = {name: next(numbers) for name in NUMBERS}
        statuses = tuple((next(numbers), next(numbers)) for _ in range(next(numbers)))
        durations, steady = _gather(numbers), _gather(numbers)
    except (StopIteration, RuntimeError) as error:
        raise Unpackable(f"{len(body)} bytes that end too soon") from error
    known |= zip(LATER, numbers, strict=False)
    return Tally(statuses=statuses, durations=durations, steady=steady, **known)


def merge_packed(bodies: Sequence[bytes]) -> bytes:
    """Return the tally of all the calls in any of these."""
    return bodies[0] if len(bodies) == 1 else pack(merged(map(unpack, bodies)))


def _spread(numbers: list[int], histogram: Histogram) -> None:
    """Write each bucket as its distance from the one before, for that is a small number."""
    numbers += (histogram.zeros, len(histogram.buckets))
    before = LOWEST - 1
    for index, count in histogram.buckets:
        numbers += (index - before, count)
        before = index


def _gather(numbers: Iterator[int]) -> Histogram:
    zeros, count, before = next(numbers), next(numbers), LOWEST - 1
    buckets = []
    for _ in range(count):
        before += next(numbers)
        buckets.append((before, next(numbers)))
    return Histogram(zeros, tuple(buckets))


def _sevens(numbers: Iterable[int]) -> Iterator[int]:
    for number in numbers:
        left = number
        while left > SEVEN:
            yield left & SEVEN | MORE
            left >>= 7
        yield left


def _whole(body: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in body:
        number |= (byte & SEVEN) << shift
        if byte & MORE:
            shift += 7
        else:
            yield number
            number = shift = 0
