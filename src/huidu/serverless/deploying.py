"""Deploying and removing: from what `sls` sends to the steps that `huidu deploy` takes, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from huidu.model.component import ComponentKey, Order
from huidu.model.function import Configuration
from huidu.project.carrying import carry_out
from huidu.project.declared import Function, Gateway, Project, Source
from huidu.project.flaw import Flaw
from huidu.project.functions import HANDLER
from huidu.project.looking import Answer, Ask, look
from huidu.project.packages import package_of
from huidu.project.plan import plan
from huidu.project.plan_removal import plan_removal
from huidu.project.reading import FILES, told
from huidu.project.steps import Step
from huidu.project.there import There
from huidu.serverless import state as states
from huidu.serverless.state import State, Where

#: What command lines add to the inputs for themselves; `originSrc` is that of 3.x.
OF_THE_CLIENT = ("originSrc", "sourceCosInfo", "src", "srcOriginal")
#: What a step makes, as later runs have to know it: the field of its answer, and ours.
MAKES: Mapping[str, tuple[str, str]] = {
    "PublishVersion": ("FunctionVersion", "last_version"),
    "CreateService": ("ServiceId", "service_id"),
}


@dataclass
class Run:
    """A run, which blocks. `state` is true at every moment, also where it breaks off.

    `keep` is told each state that a server which is killed just then must not forget.
    """

    order: Order
    state: State
    ask: Ask
    keep: Callable[[State], None]
    doing: str = field(default="look at what there is", init=False)

    def deploy(self, code: Path, where: Where) -> dict[str, object]:
        """Deploy a folder of code and return the outputs.

        Raises `Flaw` for inputs that cannot be, and whatever `ask` raises.
        """
        project = self._project(code)
        found = look(project, self._asked)
        package = package_of(project, code, say=_silent)
        state = _of_this(self.state, project, found)
        made = plan(project, package.sha256, _as_saved(found, state), None)
        # Not before: what is refused until here has taken nothing into its care, and a removal
        # takes away what the state names.
        self._remember(state)
        carry_out(made, package, self._asked, self._tell)
        self.doing = "look at what there is"
        outputs = states.outputs(project, look(project, self._asked), self.state, where)
        return outputs | ({"vendorMessage": "\n".join(made.notes)} if made.notes else {})

    def remove(self) -> None:
        """Remove what deploys have made."""
        if not self.state.function_name:
            return
        # Found by its id, and yet not a service that was there before.
        project = _to_remove(self.order.key, self.state)
        found = look(project, self._asked)
        if self.state.made_service:
            project = replace(project, gateway=Gateway())
        carry_out(plan_removal(project, found), None, self._asked, self._tell)
        self.state = State()

    def _project(self, code: Path) -> Project:
        inputs = {
            name: value for name, value in self.order.inputs.items() if name not in OF_THE_CLIENT
        }
        if "0" in inputs:
            why = "is no input; for this sls say --inputs.traffic=0.1, with a point"
            raise Flaw(why, key="inputs.0")
        if self.state.function_name and not {"functionName", "name"} & inputs.keys():
            inputs["functionName"] = self.state.function_name
        key = self.order.key
        own = {"name": key.name, "app": key.app, "stage": key.stage, "org": key.org}
        project = told(inputs, self.order.kind, own, code)
        # What it needs is in what was uploaded: nothing of a user's is run here to fetch more.
        return replace(project, source=replace(project.source, install=False))

    def _asked(self, service: str, action: str, parameters: Mapping[str, object]) -> Answer:
        answer: Mapping[str, Any] = self.ask(service, action, parameters)
        if action in MAKES:
            theirs, ours = MAKES[action]
            self._remember(msgspec.structs.replace(self.state, **{ours: answer[theirs]}))
        return answer

    def _remember(self, state: State) -> None:
        self.state = state
        self.keep(state)

    def _tell(self, step: Step) -> None:
        self.doing = step.what
        if step.action == "CreateService":
            self.state = msgspec.structs.replace(self.state, made_service=True)


def _of_this(state: State, project: Project, there: There) -> State:
    """Return the state of a component whose function and service are these."""
    name, namespace = project.function.name, project.function.namespace
    same = (name, namespace) == (state.function_name, state.namespace)
    return msgspec.structs.replace(
        state,
        function_name=name,
        namespace=namespace,
        last_version=state.last_version if same else "",  # Another function counts anew.
        **_of_service(there, project.gateway, state),
    )


def _of_service(there: There, gateway: Gateway | None, state: State) -> dict[str, object]:
    """Return what to remember of a service that is there already."""
    if gateway is None or there.service is None:
        return {}
    same = there.service.id == state.service_id
    return {"service_id": there.service.id, "made_service": same and state.made_service}


def _as_saved(there: There, state: State) -> There:
    """Return what is there, with no other version than the one that the component knows of."""
    if there.function is None:
        return there
    known = tuple(one for one in there.function.versions if one.number == state.last_version)
    return replace(there, function=replace(there.function, versions=known))


def _to_remove(key: ComponentKey, state: State) -> Project:
    return Project(
        file=Path(FILES[0]),
        component="",
        name=key.name,
        app=key.app,
        stage=key.stage,
        org=key.org,
        source=Source(folder=Path()),
        function=Function(
            name=state.function_name,
            namespace=state.namespace,
            configuration=Configuration(handler=HANDLER, runtime=""),
        ),
        gateway=Gateway(service_id=state.service_id) if state.service_id else None,
    )


def _silent(_: str) -> None:
    """Tell nobody."""
