"""Ramp: the weights by which a rollout goes, and what each of them waits for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from huidu.model.errors import InvalidValue
from huidu.model.split import WHOLE

#: What SAM and CodeDeploy call their presets, with or without what they put before the name.
PRESET = re.compile(
    r"(?:CodeDeployDefault\.)?(?:Lambda)?"
    r"(?:(?P<kind>Canary|Linear)(?P<percent>\d+)Percent(?P<every>Every)?(?P<minutes>\d+)Minutes?"
    r"|(?P<all>AllAtOnce))"
)
STEP = re.compile(r"(?P<percent>\d+(?:\.\d{1,2})?)\s*%(?:\s*/\s*(?P<count>\d+)\s*(?P<unit>[smh]))?")
LINEAR = re.compile(
    r"linear\s+(?P<percent>\d+(?:\.\d{1,2})?)\s*%\s*/\s*(?P<count>\d+)\s*(?P<unit>[smh])"
)
EVIDENCE, ALL_AT_ONCE = "evidence", "all-at-once"
UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}
MOST_STEPS = 100
MOST_WAIT_S = 7 * 86_400

#: How the weights of `evidence` grow (the analysis, section 7): so many calls a second at first,
FIRST_CALLS_PER_S, LEAST, MOST_FIRST = 5.0, 0.01, 0.25
GROWTH, HALF = 5, 0.5  #: then by this factor, up to half; above that nothing can be compared.


@dataclass(frozen=True, slots=True)
class Step:
    """A weight in ten-thousandths, and how long it is held at least."""

    weight: int
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class Ramp:
    """The steps of a rollout, to all calls; none for `evidence`, where they depend on traffic."""

    text: str
    steps: tuple[Step, ...] = ()

    @property
    def by_evidence(self) -> bool:
        """Whether the judge alone says when the weight grows."""
        return not self.steps

    def waits_s(self, weight: int) -> float:
        """Return how long a weight (ten-thousandths) is held at least.

        One that lies between two steps, since somebody set it by hand, is held like the lower one.
        """
        held = [step.wait_s for step in self.steps if step.weight <= weight]
        return float(held[-1]) if held else 0.0


def ramp_of(text: str) -> Ramp:
    """Read a plan, or raise `InvalidValue`.

    `evidence`; `10%/5m, 30%/10m, 100%`; `linear 10%/1m`; `all-at-once`; or the name of a preset.
    """
    said = text.strip()
    preset = PRESET.fullmatch(said)
    if said == EVIDENCE:
        return Ramp(said)
    if said == ALL_AT_ONCE or (preset and preset["all"]):
        return Ramp(said, (Step(WHOLE),))
    if preset:
        return Ramp(said, _preset(said, preset))
    linear = LINEAR.fullmatch(said)
    if linear:
        return Ramp(said, _linear(said, _weight(said, linear["percent"]), _seconds(said, linear)))
    return Ramp(said, _steps(said))


def _preset(text: str, preset: re.Match[str]) -> tuple[Step, ...]:
    weight, wait_s = _weight(text, preset["percent"]), int(preset["minutes"]) * 60
    if (preset["kind"] == "Linear") != bool(preset["every"]):
        raise _refusal(text, "no such preset")
    if preset["kind"] == "Linear":
        return _linear(text, weight, wait_s)
    return (Step(weight, wait_s), Step(WHOLE))


def _linear(text: str, weight: int, wait_s: int) -> tuple[Step, ...]:
    if WHOLE / weight > MOST_STEPS:
        raise _refusal(text, f"more than {MOST_STEPS} steps")
    return (*(Step(at, wait_s) for at in range(weight, WHOLE, weight)), Step(WHOLE))


def _steps(text: str) -> tuple[Step, ...]:
    steps = []
    for part in text.split(","):
        found = STEP.fullmatch(part.strip())
        if found is None:
            raise _refusal(text, f"{part.strip()[:40]!r} is no step")
        steps.append(Step(_weight(text, found["percent"]), _seconds(text, found)))
    if len(steps) > MOST_STEPS:
        raise _refusal(text, f"more than {MOST_STEPS} steps")
    weights = [step.weight for step in steps]
    if weights != sorted(set(weights)):
        raise _refusal(text, "each step must be larger than the one before")
    if any(step.weight < WHOLE and not step.wait_s for step in steps):
        raise _refusal(text, "each step but 100% must say how long it is held")
    return tuple(steps) if weights[-1] == WHOLE else (*steps, Step(WHOLE))


def _weight(text: str, percent: str) -> int:
    weight = round(float(percent) * WHOLE / 100)
    if not 0 < weight <= WHOLE:
        raise _refusal(text, f"{percent}% is no share: more than 0%, at most 100%")
    return weight


def _seconds(text: str, found: re.Match[str]) -> int:
    seconds = int(found["count"] or 0) * UNITS[found["unit"] or "s"]
    if seconds > MOST_WAIT_S:
        raise _refusal(text, "a step is held for a week at most")
    return seconds


def _refusal(text: str, why: str) -> InvalidValue:
    return InvalidValue(
        "Plan",
        f"Plan {text[:80]!r}: {why}; say evidence, all-at-once, linear 10%/1m, a preset such as "
        "Canary10Percent5Minutes, or steps such as 10%/5m, 30%/10m, 100%",
    )


def next_weight(weight: float, calls_per_s: float) -> float:
    """Return the weight that comes after one under `evidence`; 0 is before the first."""
    if not weight:
        wanted = FIRST_CALLS_PER_S / calls_per_s if calls_per_s else MOST_FIRST
        return min(max(wanted, LEAST), MOST_FIRST)
    return min(weight * GROWTH, HALF) if weight < HALF else 1.0
