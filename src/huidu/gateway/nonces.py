"""Nonces: lets no request in twice whose caller signed one."""

from __future__ import annotations

import hashlib
from collections import deque

from huidu.gateway.signature import WINDOW_S, Claim, Unproven

MOST_OF_KEY = 50_000
USED = "HMAC signature cannot be verified, the x-nonce header was used before"


class Nonces:
    """What was signed within the window, by key.

    Of more than `most` of one key the oldest are forgotten: that key is then protected for a
    shorter time, and no other for a shorter one.
    """

    def __init__(self, most: int = MOST_OF_KEY) -> None:
        self._most = most
        self._seen: dict[str, set[bytes]] = {}
        self._order: dict[str, deque[tuple[float, bytes]]] = {}

    def __repr__(self) -> str:
        return f"<Nonces: {sum(map(len, self._seen.values()))} of {len(self._seen)} keys>"

    def check(self, claim: Claim) -> None:
        """Raise `Unproven` where the nonce of a request was used before."""
        if claim.nonce and _mark(claim) in self._seen.get(claim.key_id, ()):
            raise Unproven(USED)

    def keep(self, claim: Claim, now: float) -> None:
        """Remember the nonce of a request that was let in, for as long as it could come again."""
        if not claim.nonce:
            return
        seen = self._seen.setdefault(claim.key_id, set())
        order = self._order.setdefault(claim.key_id, deque())
        # A request may be dated ahead, so what may come again is known from now, not from its date.
        while order and (order[0][0] < now or len(order) >= self._most):
            seen.discard(order.popleft()[1])
        seen.add(_mark(claim))
        order.append((now + 2 * WINDOW_S, _mark(claim)))

    def forget(self, key_id: str) -> None:
        """Forget what a key that is gone has signed."""
        self._seen.pop(key_id, None)
        self._order.pop(key_id, None)


def _mark(claim: Claim) -> bytes:
    """Return what stands for a nonce, however long that is."""
    return hashlib.sha256(claim.nonce.encode()).digest()[:16]
