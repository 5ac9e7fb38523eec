"""The table of triggers: one row for each type of event source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from huidu.model.trigger import Trigger
from huidu.triggers import apigw, timer, url


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table: how a definition is read, refused where it is wrong, and read back."""

    define: Callable[[str], str]
    show: Callable[[Trigger, str], str]  #: By the trigger and the gateway's URL.
    of_web: bool = False  #: Whether it can call a web function.
    of_gateway: bool = False  #: Whether it is an API of a service, and kept as one.
    #: When it fires next, by its definition, from a moment on, in a zone, so many times.
    upcoming: Callable[[str, float, tzinfo, int], Sequence[float]] | None = None


TRIGGERS: Mapping[str, Kind] = {
    "timer": Kind(timer.define, timer.show, upcoming=timer.upcoming),
    "http": Kind(url.define, url.show, of_web=True),
    "apigw": Kind(apigw.define, apigw.show, of_web=True, of_gateway=True),
}
