"""Terms: what was asked of a rollout when it was begun, and never changes."""

from __future__ import annotations

from dataclasses import dataclass, field

from huidu.model.budget import Budget
from huidu.model.errors import InvalidValue
from huidu.model.judge.tolerances import DEFAULT, Tolerances
from huidu.model.judge.watch import Limits
from huidu.model.ramp import Ramp
from huidu.model.split import WHOLE
from huidu.model.webhook import SECRET

APPROVAL, WEBHOOK = "approval", "webhook"
QUESTION = "rollout.gate"  #: What is posted to a webhook, by its kind.
GATES = (APPROVAL, WEBHOOK)
ROLL_BACK, PAUSE, PROMOTE = "rollback", "pause", "promote"
ON_WORSE = (ROLL_BACK, PAUSE)
ON_TIMEOUT = (PAUSE, PROMOTE, ROLL_BACK)
MOST_S = 30 * 86_400
MOST_GATES = 20
MOST_HOURS = 50  #: Windows, and likewise freezes.


@dataclass(frozen=True, slots=True)
class Gate:
    """Something that must say yes before the candidate may have this weight, or more."""

    weight: int  #: In ten-thousandths.
    kind: str
    url: str = ""  #: Of a webhook: any answer of 200 to 299 says yes.
    secret: str = field(default="", repr=False)  #: The key of its signatures; shown to nobody.

    def __post_init__(self) -> None:
        if self.kind not in GATES:
            raise InvalidValue(
                "Gates", f"Gates.Kind {self.kind[:40]!r}: must be approval or webhook"
            )
        if not 0 < self.weight <= WHOLE:
            raise InvalidValue(
                "Gates", f"Gates.Weight {self.weight / WHOLE:g}: must be more than 0, at most 1"
            )
        if (self.kind == WEBHOOK) != bool(self.url):
            raise InvalidValue("Gates", "Gates.Url: a webhook has one, an approval has none")
        if self.secret and not (self.kind == WEBHOOK and SECRET.fullmatch(self.secret)):
            raise InvalidValue(
                "Gates",
                "Gates.Secret: of a webhook alone; 16 to 256 printable ASCII characters, no blanks",
            )

    @property
    def host(self) -> str:
        """Who is asked. The rest of a URL may be known to few, and this is told to many."""
        return self.url.partition("//")[2].partition("/")[0].partition("?")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was asked of a rollout."""

    ramp: Ramp
    tolerances: Tolerances = DEFAULT
    proof: bool = True  #: Whether the weight grows only when it is proved that it may.
    on_worse: str = ROLL_BACK
    budget: Budget = field(default_factory=Budget)
    gates: tuple[Gate, ...] = ()
    windows: tuple[str, ...] = ()  #: When the weight may grow; at any time, if there are none.
    freezes: tuple[str, ...] = ()  #: When it may not.
    bake_s: float = 600.0  #: So long the candidate is watched once it has all calls.
    #: What share of calls may fail while there is nothing to compare with; 0 for any.
    bake_errors: float = 0.25
    step_timeout_s: float = 3600.0  #: So long a weight is held without an answer.
    on_timeout: str = PAUSE
    undo_s: float = 1800.0  #: So long the stable version is kept warm, from all calls on.

    def __post_init__(self) -> None:
        _check_proof(self.ramp, proof=self.proof)
        if self.budget.keys and _is_at_once(self.ramp):
            raise InvalidValue(
                "Budget",
                f"Budget.Keys {self.budget.keys}: counts while two versions share the calls, and "
                f"{self.ramp.text[:80]} gives all at once; set Budget.Failures, or another plan",
            )
        _one_of("OnWorse", self.on_worse, ON_WORSE)
        _one_of("OnTimeout", self.on_timeout, ON_TIMEOUT)
        for name, value in (
            ("BakeTime", self.bake_s),
            ("StepTimeout", self.step_timeout_s),
            ("UndoTime", self.undo_s),
        ):
            if not 0 <= value <= MOST_S:
                raise InvalidValue(name, f"{name} {value:g}: must be 0 to {MOST_S} seconds")
        if not 0 <= self.bake_errors < 1:
            raise InvalidValue(
                "BakeErrorRate",
                f"BakeErrorRate {self.bake_errors:g}: must be 0 or more, below 1, as in 0.25",
            )
        if len(self.gates) > MOST_GATES:
            raise InvalidValue("Gates", f"Gates: {len(self.gates)}, at most {MOST_GATES}")
        for name, hours in (("Windows", self.windows), ("Freezes", self.freezes)):
            if len(hours) > MOST_HOURS:
                raise InvalidValue(name, f"{name}: {len(hours)}, at most {MOST_HOURS}")

    @property
    def limits(self) -> Limits:
        """What is tolerated while the candidate has all calls."""
        kept = self.tolerances
        return Limits(
            worse=self.bake_errors or None,
            alpha=kept.alpha,
            least_errors=kept.least_errors,
            guards=kept.guards,
        )


def _check_proof(ramp: Ramp, *, proof: bool) -> None:
    if ramp.by_evidence and not proof:
        raise InvalidValue(
            "Proof",
            "Proof false: by evidence a share grows when it is proved that it may, and at no other "
            "time; say which steps to take instead, as in 10%/5m, 30%/10m, 100%",
        )
    if proof and _is_at_once(ramp):
        raise InvalidValue(
            "Proof",
            f"Proof true: {ramp.text[:80]} gives all calls at once, and nothing is left to compare "
            "with; say false, or a plan of more steps",
        )


def _is_at_once(ramp: Ramp) -> bool:
    return bool(ramp.steps) and ramp.steps[0].weight == WHOLE


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidValue(name, f"{name} {value[:40]!r}: must be {', '.join(allowed)}")
