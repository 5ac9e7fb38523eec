"""Hours: when rollouts may go on, by their own terms and by those of the server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from huidu.model.errors import InvalidValue
from huidu.model.rollout_terms import Terms
from huidu.model.window import Freeze, Window, closed, freeze_of, window_of


class Hours:
    """The windows and freezes of a server, which hold every rollout beside its own."""

    def __init__(
        self, zone: tzinfo, windows: Sequence[Window] = (), freezes: Sequence[Freeze] = ()
    ) -> None:
        self._zone = zone
        self._windows = windows
        self._freezes = freezes

    def closed(self, terms: Terms, now: float) -> str:
        """Return why a rollout of these terms may not give more calls now; empty where it may.

        What cannot be read any more (a zone that is gone) keeps it closed, and is named.
        """
        try:
            windows = [window_of(text, self._zone) for text in terms.windows]
            freezes = [freeze_of(text, self._zone) for text in terms.freezes]
        except InvalidValue as refusal:
            return refusal.message
        return closed(now, windows, [*freezes, *self._freezes], self._windows)
