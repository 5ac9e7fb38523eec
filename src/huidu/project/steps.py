"""Steps: what a deploy asks of a server, in order, and how that is told to a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SCF, APIGATEWAY, HUIDU = "scf", "apigateway", "huidu"
NEW, CHANGED, MADE, GONE = "+", "~", "*", "-"


@dataclass(frozen=True, slots=True)
class Later:
    """A value that only the answer to an earlier step holds, or the package itself."""

    name: str


PACKAGE = Later("package")  #: The zip in base64.
VERSION = Later("version")  #: The number of the version that is published on the way.
SERVICE = Later("service")


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is to be another one; empty for what is not there."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action with its parameters, in which `Later` may stand for values."""

    action: str
    service: str = SCF
    parameters: Mapping[str, object]
    mark: str  #: NEW, CHANGED, GONE, or MADE for what is none of these, as a release.
    what: str
    differences: tuple[Difference, ...] = ()
    #: What of the answer later steps need: by name, the path to it.
    gives: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of a deploy, none where nothing is to be changed, and what there is to say."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sends_code(self) -> bool:
        """Whether the package is sent."""
        return any(PACKAGE in _every(step.parameters) for step in self.steps)


def _every(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _every(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _every(one)
    else:
        yield value


def filled(value: object, known: Mapping[str, object]) -> object:
    """Return parameters with what stood for later values replaced by them.

    Raises `KeyError` for one that is not known yet: the steps are in the wrong order.
    """
    if isinstance(value, Later):
        return known[value.name]
    if isinstance(value, Mapping):
        return {name: filled(one, known) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(one, known) for one in value]
    return value


def lines(plan: Plan, *, whole: bool = True) -> Iterator[str]:
    """Yield a plan as a person reads it: a line for each step, and one for each field.

    Of what is new only its name, unless the `whole` is wanted.
    """
    for step in plan.steps:
        yield f"{step.mark} {step.what}"
        for one in step.differences if whole or step.mark != NEW else ():
            before = f"{one.before} -> " if one.before and step.mark == CHANGED else ""
            yield f"    {one.field}: {before}{one.after or '(none)'}"
    if not plan.steps:
        yield "nothing to change: the server has what the project says"
    for note in plan.notes:
        yield f"  note: {note}"
