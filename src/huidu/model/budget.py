"""Budget: how much harm a candidate may do before it is proven, whatever the judge thinks of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from huidu.model.errors import InvalidValue
from huidu.model.routing import Decision

MOST_KEYS = 100_000
SPENT, CLOSED, STALLED = "budget used up", "taken back", "too many without an answer"
AWAY = frozenset({SPENT, CLOSED, STALLED})  #: Why a call was kept away from the candidate.
#: So many calls of a candidate may be under way before one is answered, and so many times as many
#: as the stable version has under way, each by its share of the calls.
LEAST_UNANSWERED, TIMES_UNANSWERED = 10, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most so many failed calls of the candidate, and so many callers; 0 sets no limit."""

    failures: int = 0
    keys: int = 0  #: Distinct sticky keys, while two versions share the calls.

    def __post_init__(self) -> None:
        if self.failures < 0:
            raise InvalidValue("Budget", f"Budget.Failures {self.failures}: must be 0 or more")
        if not 0 <= self.keys <= MOST_KEYS:
            raise InvalidValue("Budget", f"Budget.Keys {self.keys}: must be 0 to {MOST_KEYS}")


class Allowance:
    """What is left of the budget of one rollout, at the place where calls are routed.

    Asked before each call of the candidate, told of each failure before its caller is answered: so
    the budget is exceeded by no more than the calls that are under way when it is used up. Who has
    met the candidate stays with it.

    A candidate that hangs is found out no sooner than its first call times out. Until it answers
    one, it gets no more than a few: so many are lost at most, and so many instances.
    """

    def __init__(
        self,
        budget: Budget,
        stable: str,
        candidate: str,
        *,
        failures: int = 0,
        keys: Iterable[int] = (),
        beside: Callable[[], int] | None = None,
    ) -> None:
        self.budget = budget
        self.stable = stable
        self.candidate = candidate
        self.failures = failures
        self.keys = set(keys)
        self.unanswered = 0  #: Calls that went to the candidate since it last answered one.
        self._beside = beside  #: How many of the stable version's are under way.
        self.closed = False
        self.proven = False  #: Whether the budget counts no more.

    def close(self) -> None:
        """Let no more call reach the candidate."""
        self.closed = True

    def failed(self) -> None:
        """Hear that a call of the candidate has failed."""
        self.failures += 1

    def ended(self, *, answered: bool, left: bool = False) -> None:
        """Hear that a call of the candidate has ended; `left`: nobody waited for its answer."""
        if answered:
            self.unanswered = 0
        elif not left and self.unanswered:
            self.unanswered -= 1

    def idle(self) -> None:
        """Hear that the candidate has no call: one more may find out whether it answers."""
        self.unanswered = min(self.unanswered, LEAST_UNANSWERED - 1)

    @property
    def full(self) -> bool:
        """Whether as many callers as may have met the candidate, so that new ones are kept away."""
        return not self.proven and 0 < self.budget.keys <= len(self.keys)

    @property
    def spent(self) -> bool:
        """Whether as many calls have failed as may."""
        return not self.proven and 0 < self.budget.failures <= self.failures

    def settle(self, decision: Decision) -> Decision:
        """Return where a call goes that was routed as `decision` says.

        A call that may not go to the candidate goes to the stable version, and nothing was left to
        chance about that.
        """
        settled = self.foresee(decision)
        if settled.version == self.candidate:
            self.unanswered += 1
        if self._counts(settled):
            self.keys.add(mark_of(settled.sticky_key))
        return settled

    def foresee(self, decision: Decision) -> Decision:
        """Return where such a call would go. It does not come, and meets nobody."""
        if decision.version != self.candidate:
            return decision
        if self.closed:
            return self._away(decision, CLOSED)
        if self.spent or not self._admits(decision):
            return self._away(decision, SPENT)
        if self.unanswered >= LEAST_UNANSWERED and self._stalls(decision.probability):
            return self._away(decision, STALLED)
        return decision

    def _stalls(self, share: float) -> bool:
        """Tell whether too many calls of a candidate with this share wait for their answers."""
        if self._beside is None or share >= 1:
            return False
        expected = self._beside() * share / (1 - share)
        return self.unanswered >= LEAST_UNANSWERED + TIMES_UNANSWERED * expected

    def _away(self, decision: Decision, why: str) -> Decision:
        return decision._replace(version=self.stable, reason=why, probability=1.0)

    def _counts(self, decision: Decision) -> bool:
        """Tell whether a call's caller is one of those whom the budget counts."""
        counted = self.budget.keys and not self.proven and decision.sticky_key
        return bool(counted) and decision.version == self.candidate

    def _admits(self, decision: Decision) -> bool:
        if not self._counts(decision) or len(self.keys) < self.budget.keys:
            return True
        return mark_of(decision.sticky_key) in self.keys


def mark_of(sticky_key: str) -> int:
    """Return by what a caller is known who has met the candidate: 63 bits that name nobody."""
    digest = hashlib.blake2b(sticky_key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
