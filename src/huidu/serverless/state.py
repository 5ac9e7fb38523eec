"""State: what is remembered of a component between its runs, and what its outputs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from huidu.model.account import Account
from huidu.model.names import DEFAULT, DEFAULT_NAMESPACE, LATEST
from huidu.model.service import sub_domain
from huidu.project.declared import SCF, Gateway, Project
from huidu.project.there import FunctionThere, There


class State(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the runs of a component have made, as far as later ones need it.

    `last_version` is the version that a deploy of the component published last. The share that
    `$LATEST` is not given is that version's, whatever others have published meanwhile: so does
    the component (tencent-express 0.3.0, `state.lastVersion`).
    """

    function_name: str = ""
    namespace: str = DEFAULT_NAMESPACE
    last_version: str = ""
    service_id: str = ""
    made_service: bool = False  #: Whether the service goes when the component is removed.


STATE = msgspec.json.Decoder(State)


def read(text: str) -> State:
    """Return the state that was kept."""
    return STATE.decode(text)


def written(state: State) -> str:
    """Return a state as it is kept."""
    return msgspec.json.encode(state).decode()


def encoded(outputs: Mapping[str, object]) -> str:
    """Return outputs as they are kept."""
    return msgspec.json.encode(outputs).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What outputs are made of beside what is there."""

    account: Account
    gateway_url: str
    region: str


def outputs(project: Project, there: There, state: State, where: Where) -> dict[str, object]:
    """Return what `sls` prints of a component that is deployed, in the order of its lines."""
    function = _function(project, there, state)
    gateway = _gateway(project.gateway, state, where)
    if project.component != SCF:
        return {"region": where.region, **({"apigw": gateway} if gateway else {}), "scf": function}
    configuration = project.function.configuration
    told = {
        **function,
        "region": where.region,
        "handler": configuration.handler,
        "memorySize": configuration.memory_mb,
    }
    return told | ({"triggers": [gateway]} if gateway else {})


def _function(project: Project, there: There, state: State) -> dict[str, object]:
    share, second = _traffic(there.function)
    told: dict[str, object] = {
        "functionName": project.function.name,
        "runtime": project.function.configuration.runtime,
        "namespace": project.function.namespace,
        "lastVersion": state.last_version or LATEST,
        "traffic": share,
    }
    return told | ({"configTrafficVersion": second} if share != 1 else {})


def _traffic(function: FunctionThere | None) -> tuple[float, str]:
    """Return the share of `$LATEST` in `$DEFAULT`, and who has the rest."""
    alias = function.alias(DEFAULT) if function else None
    if function is None or alias is None:
        return 1, ""
    others = [version for version in alias.shares if version != LATEST]
    # 1 and not 1.0: it is printed as it is.
    share = function.share_of_latest
    return (int(share) if share in (0, 1) else share), (others[0] if others else "")


def _gateway(gateway: Gateway | None, state: State, where: Where) -> Mapping[str, object] | None:
    if gateway is None or not state.service_id:
        return None
    return {
        "serviceId": state.service_id,
        "subDomain": sub_domain(state.service_id, where.account.appid, where.account.region),
        "environment": gateway.environment,
        "url": f"{where.gateway_url}/{state.service_id}/{gateway.environment}/",
    }
