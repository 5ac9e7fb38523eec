"""The heap: what is in it from the start is no matter for Python's collector of cycles.

A full collection looks at every object there is: with 10,000 functions that is a million, and 0.3 s
in which no call goes on. It comes as objects are made, so just while there are many calls. What is
read at the start lives as long as the server, refers to nothing that refers to it, and is freed by
its count of references like everything else when it is replaced.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def growing() -> Iterator[None]:
    """Let a heap grow by what will stay without looking again and again at what is in it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def settled() -> Iterator[None]:
    """Pass over what is there by now in every collection until the end of the block."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
