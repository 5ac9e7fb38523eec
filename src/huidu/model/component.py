"""Component: what `sls` has deployed under one name, what is done with it, what came of that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from huidu.model.errors import InUse, InvalidParameter, InvalidValue

DEPLOYING, REMOVING = "deploying", "removing"
ACTIVE, INACTIVE, ERROR = "active", "inactive", "error"
DEPLOY, REMOVE = "deploy", "remove"
#: What is under way while a method runs.
UNDER_WAY: Mapping[str, str] = {DEPLOY: DEPLOYING, REMOVE: REMOVING}
BUSY = frozenset(UNDER_WAY.values())
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_KIND = 80
MOST_ERROR = 4000  #: Characters of what went wrong.
LEFT = "{}"  #: State and outputs of what is not there.


@dataclass(frozen=True, slots=True, order=True)
class ComponentKey:
    """What a component is known by. A stage of a project is a component of its own."""

    org: str
    app: str
    stage: str
    name: str

    def __post_init__(self) -> None:
        for what in ("org", "app", "stage", "name"):
            said = getattr(self, what)
            if not NAME.fullmatch(said):
                raise InvalidParameter(
                    "",
                    f"{what} {said[:80]!r}: 1 to 64 letters, digits and ._-, beginning with a "
                    "letter or digit",
                )

    def __str__(self) -> str:
        return f"{self.name} (app {self.app}, stage {self.stage})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants done to a component; of the key that came along nothing is in it."""

    key: ComponentKey
    kind: str
    method: str
    inputs: Mapping[str, object] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.kind) > MOST_KIND:
            raise InvalidValue(
                "",
                f"component {self.kind[:40]!r}...: at most {MOST_KIND} characters, as in express",
            )
        if self.method not in UNDER_WAY:
            raise InvalidValue(
                "",
                f"method {self.method[:40]!r}: deploy and remove can be had here, and sls info; "
                "for what functions print say huidu logs -f NAME, to call one huidu invoke NAME",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component as it stands. `state` and `outputs` are JSON; nothing of a key is in them.

    At most one run is under way: `run` says which one, and another that ends late changes nothing.
    """

    key: ComponentKey
    kind: str = ""
    status: str = INACTIVE
    action: str = ""  #: What was done last, or is being done.
    run: str = ""
    state: str = LEFT
    outputs: str = LEFT
    error: str = ""
    deployments: int = 0
    removals: int = 0
    errors: int = 0
    made_at: float = 0.0
    acted_at: float = 0.0
    deployed_at: float = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether something is under way."""
        return self.status in BUSY

    def begin(self, order: Order, run: str, at: float) -> Component:
        """Return it with a run under way, or raise `InUse`."""
        if self.is_busy:
            raise InUse(
                "", f"{self.key} is {self.status} since {at - self.acted_at:.0f} s; wait for it"
            )
        return replace(
            self,
            kind=order.kind,
            status=UNDER_WAY[order.method],
            action=order.method,
            run=run,
            error="",
            made_at=self.made_at or at,
            acted_at=at,
        )

    def deployed(self, state: str, outputs: str, at: float) -> Component:
        """Return it as a deploy leaves it that went well."""
        return replace(
            self,
            status=ACTIVE,
            state=state,
            outputs=outputs,
            deployments=self.deployments + 1,
            acted_at=at,
            deployed_at=at,
        )

    def removed(self, at: float) -> Component:
        """Return it as a removal leaves it that went well."""
        return replace(
            self,
            status=INACTIVE,
            state=LEFT,
            outputs=LEFT,
            removals=self.removals + 1,
            acted_at=at,
        )

    def noted(self, state: str) -> Component:
        """Return it as a run leaves it on its way."""
        return replace(self, state=state)

    def failed(self, why: str, state: str, at: float) -> Component:
        """Return it as a run leaves it that did not come to its end."""
        return replace(
            self,
            status=ERROR,
            state=state,
            error=why[:MOST_ERROR],
            errors=self.errors + 1,
            acted_at=at,
        )
